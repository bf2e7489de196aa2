//! Nine bytes of any family: what is decoded lies in the probe's range.
#![no_main]

use fridge::bus::scratchpad;
use fridge::reading::Celsius;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u8, [u8; 9])| {
    let (family, bytes) = data;
    if let Ok(celsius) = scratchpad::decode(family, &bytes) {
        assert!((Celsius::MIN..=Celsius::MAX).contains(&celsius), "{celsius:?}");
    }
    assert!((9..=12).contains(&scratchpad::resolution(family, &bytes)));
});
