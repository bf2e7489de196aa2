//! What the kernel's `w1_slave` may hold. What is parsed is in the text.
#![no_main]

use fridge::bus::kernel::slave;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(bytes) = slave::parse(text) {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = text.lines().next().unwrap_or_default().to_lowercase().replace('+', "0");
        assert!(line.starts_with(&hex.join(" ")), "{bytes:?} of {text:?}");
    }
});
