//! `fridge whatif` and `fridge rules`, from the command line: logs, a running gateway, JSON, and what is typed wrongly.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

mod gateway;
use gateway::{Client, Demo};

fn fridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fridge"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = fridge(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(&[arguments, &["--json"]].concat())).unwrap()
}

fn complaint(arguments: &[&str]) -> String {
    let output = fridge(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeds");
    String::from_utf8(output.stderr).unwrap()
}

/// A log of minutes: each value for so many.
fn log(folder: &Path, header: &str, parts: &[(usize, &str)]) -> String {
    let mut text = String::from(header);
    let values = parts.iter().flat_map(|(minutes, value)| std::iter::repeat_n(value, *minutes));
    for (minute, value) in values.enumerate() {
        text.push_str(&format!("2026-03-01 {:02}:{:02}:00,{value}\n", minute / 60, minute % 60));
    }
    let path = folder.join("log.csv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_log_shows_what_a_rule_would_have_raised() {
    let folder = tempfile::tempdir().unwrap();
    let file = log(folder.path(), "timestamp,value\n", &[(60, "4.0625"), (45, "6.5"), (60, "3.9375")]);
    let outcome = json(&["whatif", "--file", &file, "max", "5", "for", "30m"]);
    assert_eq!(outcome["readings"], 165);
    assert_eq!(outcome["minutes_outside"], 45.0);
    let [alarm] = &outcome["alarms"].as_array().unwrap()[..] else { panic!("{outcome}") };
    assert_eq!(alarm["rule"], "delay");
    assert_eq!(alarm["kind"], "too_warm");
    assert_eq!(alarm["raised"], "2026-03-01T01:30:00Z");
    assert_eq!(alarm["cleared"], "2026-03-01T01:45:00Z");
    assert_eq!(alarm["peak"], 6.5);
    // The words may come as one, and 31 minutes of 30 are another rule.
    assert_eq!(json(&["whatif", "--file", &file, "max 5 for 46m"])["alarms"], Value::Array(Vec::new()));
    let text = printed(&["whatif", "--file", &file, "max", "5", "for", "30m"]);
    assert!(text.starts_with("1 alarm in 2 h (165 readings, one every 60 s); 45 min outside"), "{text}");
    assert!(text.contains("2026-03-01 01:30:00  2026-03-01 01:45:00  too warm (delay)  6.5 °C"), "{text}");
}

#[test]
fn a_log_without_a_header_in_fahrenheit_and_a_preset_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let warm = [(120, "39.2"), (240, "59.9"), (5, "39.2")];
    let file = log(folder.path(), "", &warm);
    let outcome = json(&["whatif", "--file", &file, "--unit", "f", "--preset", "fridge"]);
    let [alarm] = &outcome["alarms"].as_array().unwrap()[..] else { panic!("{outcome}") };
    // 59.9 °F are 15.5 °C: that is gross.
    assert_eq!((alarm["rule"].as_str(), alarm["urgency"].as_str()), (Some("gross"), Some("urgent")));
    assert_eq!(alarm["raised"], "2026-03-01T02:10:00Z");
    assert_eq!(alarm["cleared"], Value::Null);
}

#[test]
fn real_recordings_are_replayed() {
    let log = "tests/recordings/etinkers_ds18b20_10min_2017.log";
    let outcome = json(&["whatif", "--file", log, "max", "40", "for", "1m"]);
    // 85 °C is no temperature: a delay of a minute would have shown it.
    assert_eq!(outcome["readings"], 3_435 - 334);
    assert_eq!(outcome["alarms"].as_array().unwrap().len(), 0, "{outcome}");
}

#[test]
fn a_fridge_of_a_running_gateway_is_replayed_beside_the_rules_in_force() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("2 of 6 need a look"));
    let config = demo.certificate.parent().unwrap().join("fridge.toml");
    let files = ["--config", config.to_str().unwrap(), "--socket", demo.socket.to_str().unwrap()];
    let outcome = json(&[&["whatif", "milk", "max", "1"], &files[..]].concat());
    assert!(outcome["readings"].as_u64().unwrap() >= 1, "{outcome}");
    assert_eq!(outcome["alarms"][0]["kind"], "too_warm", "{outcome}");
    assert!(outcome["in_force"]["alarms"].is_array(), "{outcome}");
    let rules = printed(&[&["rules", "milk"], &files[..]].concat());
    assert!(rules.contains("Milk") && rules.contains("no reading for 5 min"), "{rules}");
    let wrong = complaint(&[&["rules", "milck"], &files[..]].concat());
    assert!(wrong.contains("did you mean Milk?"), "{wrong}");
}

#[test]
fn a_mistake_is_answered_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let file = log(folder.path(), "", &[(2, "4.0")]);
    for (arguments, cure) in [
        (&["whatif"][..], "Name a fridge"),
        (&["whatif", "--file", &file], "Give a --preset"),
        (&["whatif", "--file", "/nowhere.csv", "--preset", "fridge"], "cannot read the recording"),
        (&["whatif", "--file", &file, "--preset", "frige"], "the presets are fridge, vaccine"),
        (&["whatif", "--file", &file, "max"], "`max` needs a value"),
        (&["whatif", "--file", &file, "max", "warm"], "`warm` is not a temperature"),
        (&["whatif", "--file", &file, "max", "5", "for", "2x"], "`2x` is not a length of time"),
        (&["whatif", "--file", &file, "max", "5", "until", "2h"], "`until` was not expected"),
    ] {
        let said = complaint(arguments);
        assert!(said.contains(cure), "{arguments:?}: {said}");
    }
}

#[test]
fn the_commands_of_the_documentation_work() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alarms.md")).unwrap();
    let block = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<_> = block.lines().collect();
    assert!(commands.len() >= 2);
    for command in commands {
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        let text = printed(&words);
        assert!(text.contains("alarm"), "{command}: {text}");
    }
    for preset in ["fridge", "vaccine", "cold-room", "freezer", "chest-freezer", "food-us", "food-uk"] {
        assert!(page.contains(&format!("| `{preset}` |")), "{preset} is not in the table");
        assert!(printed(&["rules", "--preset", preset]).contains("source: "), "{preset}");
    }
}
