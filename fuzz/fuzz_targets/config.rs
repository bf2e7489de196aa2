//! Configurations: each is taken or refused in words, with a reason for each line.
#![no_main]

use std::path::Path;

use fridge::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    // Nothing of this machine is to be read by its name.
    if source.contains("_file") || source.contains("replay") {
        return;
    }
    match Config::parse(Path::new("/nowhere/fridge.toml"), source) {
        Ok(config) => assert!(!config.buses.is_empty()),
        Err(problems) => {
            assert!(!problems.list.is_empty());
            assert!(problems.list.iter().all(|problem| !problem.text.is_empty()), "{problems}");
        }
    }
});
