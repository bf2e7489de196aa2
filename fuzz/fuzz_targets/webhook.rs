//! Bodies to `/webhook`, as a form and as JSON, with the right token before them and without.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

mod gateway;
use gateway::{Asked, TOKEN};

static ASKED: LazyLock<Asked> = LazyLock::new(|| Asked::new(gateway::signer()));

fuzz_target!(|data: &[u8]| {
    ASKED.post("/webhook", "application/json", data);
    ASKED.post("/webhook", "application/x-www-form-urlencoded", data);
    let known = format!("token={TOKEN}&trigger_word=fridge&text=fridge%20");
    ASKED.post("/webhook", "application/x-www-form-urlencoded", &[known.as_bytes(), data].concat());
});
