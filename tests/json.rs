//! `docs/json.md` against the program: every name that a program gets is documented.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

mod gateway;
use gateway::{Client, Demo};

/// The names in a value; what stands below `faults` is named by the faults themselves.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                names(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

#[test]
fn every_name_that_a_program_gets_is_documented() {
    let documentation =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")).unwrap();
    let demo = Demo::start(&["--url", "https://127.0.0.1:4443"]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("2 of 6 need a look"));
    client.post_form("/webhook", &[("text", "fridge"), ("token", "wrong")]);
    let mut found = BTreeSet::new();
    for words in [
        &["ask", "status"][..],
        &["ask", "status", "milk"],
        &["ask", "worst"],
        &["ask", "trend"],
        &["ask", "minmax"],
        &["ask", "history"],
        &["ask", "history", "milk", "today"],
        &["ask", "minmax", "last", "week"],
        &["ask", "since"],
        &["ask", "report", "freezer", "1", "today"],
        &["ask", "alarms"],
        &["ask", "rules"],
        &["ask", "snooze", "milk", "1h"],
        &["ask", "probes"],
        &["ask", "about"],
        &["ask", "help"],
        &["ask", "dance"],
        &["doctor"],
        &["doctor", "--last"],
        &["cert", "--state", demo.certificate.parent().unwrap().to_str().unwrap()],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(words)
            .args(["--json", "--socket", demo.socket.to_str().unwrap()])
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"));
        if words[0] == "ask" {
            let at = json["at"].as_str().unwrap_or_else(|| panic!("no moment in {json}"));
            assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
            assert!(json["text"].is_string() && json.get("doc").is_none(), "{json}");
        }
        names(&json, &mut found);
    }
    let health = client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
    names(&serde_json::from_str(&health.body).unwrap(), &mut found);
    assert!(found.len() > 50, "{found:?}");
    let missing: Vec<&String> =
        found.iter().filter(|name| !documentation.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
