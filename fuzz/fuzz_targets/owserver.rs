//! What a server of OWFS may send. An answer is no longer than what was sent.
#![no_main]

use fridge::bus::owserver::message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut stream = data;
    if let Ok((text, _)) = message::read_answer(&mut stream) {
        // An invalid byte becomes three.
        assert!(text.len() <= data.len() * 3);
    }
});
