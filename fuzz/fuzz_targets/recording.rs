//! Recordings: each is played or refused with the line.
#![no_main]

use std::path::Path;
use std::time::Duration;

use fridge::recording::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(recording) = Recording::parse(Path::new("log.csv"), text, None) {
        for seconds in [0, 1, 60, 86_400, u64::MAX / 2] {
            recording.at(Duration::from_secs(seconds));
        }
    }
});
