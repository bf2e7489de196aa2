//! Bodies to `/action`: as they come, and contexts that this gateway signed with what is fuzzed in their argument.
//! None but those may do anything.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

mod gateway;
use gateway::Asked;

static KEY: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));
static ASKED: LazyLock<Asked> = LazyLock::new(|| Asked::new(signer()));

fn signer() -> fridge::mattermost::button_token::Signer {
    fridge::mattermost::button_token::Signer::ensure(KEY.path()).expect("a key")
}

fuzz_target!(|data: &[u8]| {
    ASKED.post("/action", "application/json", data);
    let Ok(argument) = std::str::from_utf8(data) else { return };
    static SIGNER: LazyLock<fridge::mattermost::button_token::Signer> = LazyLock::new(signer);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let hook = SIGNER.mark(&fridge::secret::Secret::new(gateway::TOKEN));
    for action in ["refresh", "details", argument] {
        let mut context =
            serde_json::to_value(SIGNER.sign(action, argument, &hook, "c1", now)).expect("JSON");
        context["selected_option"] = argument.into();
        let body = serde_json::json!({ "channel_id": "c1", "context": context }).to_string();
        ASKED.post("/action", "application/json", body.as_bytes());
    }
    // A signature of somebody else's making.
    if let Ok(context) = serde_json::from_slice(data) {
        assert!(!SIGNER.signed(&context), "a signature that this gateway did not make");
    }
});
