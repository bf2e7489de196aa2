//! What becomes of the messages of other gateways, the foreign and the forged among them.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::hub::message::parts;
use crate::reading::{Celsius, Fault};

/// The hub's clock shows that; the other gateways' are a year behind.
fn at(seconds: u64) -> Stamp {
    let mono = Duration::from_secs(seconds);
    Stamp { mono, wall: "2026-11-28T12:00:00Z".parse::<Timestamp>().unwrap() + mono }
}

fn there(seconds: u64) -> String {
    ("2025-11-28T12:00:00Z".parse::<Timestamp>().unwrap() + Duration::from_secs(seconds)).to_string()
}

fn sites() -> Sites {
    // Nothing is written there: no thread was started.
    let archive = Archive::new(Path::new("/nonexistent"), Arc::default(), Arc::new(|| at(0)));
    Sites::new(Arc::default(), Arc::new(archive), "head-office")
}

fn heard(
    sites: &mut Sites,
    topic: &str,
    message: &Value,
    is_retained: bool,
    seconds: u64,
) -> Vec<RemoteReading> {
    let (gateway, about) = parts(topic).unwrap();
    let payload = if message.is_null() { Vec::new() } else { message.to_string().into_bytes() };
    sites
        .heard(gateway, about, &payload, is_retained, at(seconds))
        .map_or_else(Vec::new, |(_, readings)| readings)
}

fn status(name: &str) -> Value {
    json!({ "schema": 1, "gateway": "north", "status": "online", "name": name, "simulated": false })
}

fn state(id: &str, name: &str, celsius: Option<f64>, seconds: u64) -> Value {
    json!({
        "schema": 1, "t": there(seconds), "simulated": false, "id": id, "name": name, "group": null,
        "limits": { "min": 0.0, "max": 5.0 }, "verdict": "in_range", "celsius": celsius, "fault": null,
        "read": there(seconds.saturating_sub(4)), "stale_after_s": 30,
    })
}

fn readings(celsius: f64, seconds: u64) -> Value {
    json!({
        "schema": 1, "t": there(seconds), "late": false,
        "readings": [{ "id": "milk", "t": there(seconds - 1), "celsius": celsius }, { "id": "new", "t": there(seconds), "fault": "crc" }],
    })
}

fn known(sites: &mut Sites) -> Vec<(String, String)> {
    let known = sites.take_change().expect("something changed");
    known.fridges.into_iter().map(|fridge| (fridge.id, fridge.name)).collect()
}

#[test]
fn a_fridge_is_shown_as_it_is_described_and_read_when_it_was() {
    let mut sites = sites();
    assert!(heard(&mut sites, "fridge/north/status", &status("North Street"), true, 100).is_empty());
    // How old it is what was retained nobody can say.
    assert!(
        heard(&mut sites, "fridge/north/fridges/milk", &state("milk", "Milk", Some(4.0), 50), true, 100)
            .is_empty()
    );
    let fridge = sites.take_change().unwrap().fridges.remove(0);
    assert_eq!((fridge.id.as_str(), fridge.name.as_str()), ("north.milk", "North Street Milk"));
    assert_eq!(fridge.site.as_deref(), Some("north"));
    assert_eq!(fridge.limits.max, Celsius::from_degrees(5.0));
    // For how long the first one has waited, neither.
    assert!(heard(&mut sites, "fridge/north/readings", &readings(4.0, 100), false, 100).is_empty());
    let read = heard(&mut sites, "fridge/north/readings", &readings(4.0625, 110), false, 110);
    let wanted = RemoteReading {
        probe: fridge.probe,
        sample: Ok(Celsius::from_sixteenths(65)),
        at: at(109),
        stale_after: Duration::from_secs(30),
    };
    assert_eq!(read, [wanted], "of a fridge that was not described nothing is taken");
    assert_eq!(sites.take_complaints().len(), 1, "a clock that is a year behind");
    // A state that is published now has a reading, too, which is four seconds old.
    let read =
        heard(&mut sites, "fridge/north/fridges/milk", &state("milk", "Milk", Some(5.5), 120), false, 120);
    assert_eq!((read[0].sample, read[0].at), (Ok(Celsius::from_sixteenths(88)), at(116)));
    assert!(sites.take_change().is_none(), "a value is no other description");
    let mut faulty = state("milk", "Milk", None, 130);
    faulty["fault"] = "no_answer".into();
    let read = heard(&mut sites, "fridge/north/fridges/milk", &faulty, false, 130);
    assert_eq!((read[0].sample, read[0].at), (Err(Fault::NoAnswer), at(130)));
    assert!(
        heard(&mut sites, "fridge/north/fridges/milk", &state("milk", "Milk", None, 131), false, 131)
            .is_empty()
    );
}

#[test]
fn names_change_fridges_go_and_numbers_stay() {
    let mut sites = sites();
    let milk = |sites: &mut Sites, name: &str| {
        heard(sites, "fridge/north/fridges/milk", &state("milk", name, Some(4.0), 10), true, 10);
        sites.take_change().map(|mut known| known.fridges.remove(0))
    };
    let first = milk(&mut sites, "Milk").unwrap();
    assert_eq!(first.name, "north Milk");
    let renamed = milk(&mut sites, "Cream").unwrap();
    assert_eq!((renamed.id, renamed.name.as_str(), renamed.probe), (first.id, "north Cream", first.probe));
    heard(&mut sites, "fridge/north/status", &status("South"), false, 10);
    heard(&mut sites, "fridge/south/status", &status("South"), false, 10);
    heard(&mut sites, "fridge/south/fridges/cream", &state("cream", "Cream", Some(4.0), 10), true, 10);
    let both = known(&mut sites);
    let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    let by_id = [pair("north.milk", "north.milk"), pair("south.cream", "south.cream")];
    assert_eq!(both, by_id, "no two names are the same, and none of them is the right one");
    heard(&mut sites, "fridge/north/fridges/milk", &Value::Null, false, 11);
    assert_eq!(known(&mut sites), [pair("south.cream", "South Cream")]);
    heard(&mut sites, "fridge/south/status", &Value::Null, false, 11);
    assert!(known(&mut sites).is_empty());
    // Its readings stay those of its number, in whatever order they come back.
    heard(&mut sites, "fridge/south/fridges/cream", &state("cream", "Cream", Some(4.0), 12), true, 12);
    assert_eq!(milk(&mut sites, "Milk").unwrap().probe, first.probe);
}

#[test]
fn what_is_foreign_forged_or_of_another_version_is_told_once_and_shown_never() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/status", &status("North"), true, 10);
    heard(&mut sites, "fridge/north/fridges/milk", &state("milk", "Milk", Some(4.0), 10), true, 10);
    assert_eq!(known(&mut sites).len(), 1);
    let with = |name: &str, value: Value| {
        let mut message = state("milk", "Milk", Some(4.0), 20);
        message[name] = value;
        message
    };
    for message in [
        json!(21.5),
        json!({ "temperature": 4 }),
        with("schema", json!(2)),
        with("id", json!("meat")),
        with("id", json!("../milk")),
        with("name", json!("\u{7}")),
        with("name", json!("n".repeat(10_000))),
        with("group", json!("a\nb")),
        with("t", json!("yesterday")),
    ] {
        for _ in 0..3 {
            let read = heard(&mut sites, "fridge/north/fridges/milk", &message, false, 20);
            assert!(read.is_empty(), "{message}");
        }
    }
    let impossible = with("celsius", json!(1e300));
    assert!(heard(&mut sites, "fridge/north/fridges/milk", &impossible, false, 20).is_empty());
    heard(&mut sites, "fridge/north/readings", &readings(4.0, 25), false, 25);
    let mut late = readings(4.0, 30);
    late["late"] = true.into();
    assert!(heard(&mut sites, "fridge/north/readings", &late, false, 30).is_empty());
    assert!(heard(&mut sites, "fridge/north/readings", &readings(4.0, 30), true, 30).is_empty());
    assert!(sites.take_change().is_none());
    let complaints = sites.take_complaints();
    assert_eq!(complaints.len(), 3, "versions, what is not understood, and its clock: {complaints:?}");
    // After its last will what comes has waited somewhere.
    assert_eq!(heard(&mut sites, "fridge/north/readings", &readings(4.0, 35), false, 35).len(), 1);
    let mut gone = status("North");
    gone["status"] = "offline".into();
    heard(&mut sites, "fridge/north/status", &gone, false, 36);
    assert!(heard(&mut sites, "fridge/north/readings", &readings(4.0, 37), false, 37).is_empty());
    // Who was never heard as a gateway leaves nothing behind.
    for number in 0..100_000 {
        heard(&mut sites, &format!("fridge/rubbish-{number}/fridges/milk"), &json!("x"), true, 40);
        heard(&mut sites, &format!("fridge/rubbish-{number}/readings"), &readings(4.0, 40), false, 40);
    }
    assert!(sites.take_change().is_none() && sites.take_complaints().is_empty() && sites.sites.len() == 1);
}

fn alarms(rows: &[Value], seconds: u64) -> Value {
    json!({ "schema": 1, "gateway": "north", "t": there(seconds), "simulated": false, "alarms": rows })
}

fn alarm(number: u64, seconds: u64) -> Value {
    json!({
        "number": number, "id": "milk", "name": "Milk", "kind": "too_warm", "rule": "delay", "urgency": "urgent",
        "since": there(seconds), "raised": there(seconds), "drill": false, "peak": 9.5, "limit": 5.0,
        "acknowledged_by": "anna", "acknowledged": there(seconds), "cause": null,
    })
}

#[test]
fn alarms_are_known_to_be_open_while_their_gateway_says_so() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400)], 900), true, 1_000);
    assert!(sites.take_alarms().is_empty(), "of one that is gone for good");
    heard(&mut sites, "fridge/north/status", &status("North"), true, 1_000);
    heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400)], 900), true, 1_000);
    let retained = sites.take_alarms();
    assert_eq!((retained[0].0.as_str(), retained[0].1.at), ("north", None), "it may be over");
    let row = &retained[0].1.alarms[0];
    assert_eq!((row.reference().as_str(), row.fridge.as_str()), ("north#7", "north.milk"));
    assert_eq!((row.name.as_str(), row.peak, row.drill), ("North Milk", Some(9.5), false));
    assert_eq!(row.acknowledged.as_ref().and_then(|it| it.by.as_deref()), Some("anna"));
    assert!(sites.take_alarms().is_empty(), "told once");

    // As it is said to be now; whatever year the other clock shows, it has been open for so long.
    heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400)], 1_010), false, 1_010);
    heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400)], 1_070), false, 1_070);
    let told = sites.take_alarms().remove(0).1;
    assert_eq!(told.at.map(|at| at.mono.as_secs()), Some(1_070));
    assert_eq!(told.alarms[0].lasts(at(1_070).wall), Duration::from_secs(670));

    // Its last will: nobody knows any more.
    let mut offline = status("North");
    offline["status"] = "offline".into();
    heard(&mut sites, "fridge/north/status", &offline, false, 1_080);
    assert_eq!(sites.take_alarms().remove(0).1.at, None);
    // What comes of it now has waited somewhere.
    heard(&mut sites, "fridge/north/alarms", &alarms(&[], 1_090), false, 1_090);
    let told = sites.take_alarms().remove(0).1;
    assert_eq!((told.alarms.len(), told.at), (0, None));
    heard(&mut sites, "fridge/north/alarms", &Value::Null, true, 1_100);
    assert_eq!(sites.take_alarms(), [(String::from("north"), SiteAlarms::default())]);
}

#[test]
fn alarms_that_are_none_or_too_many_take_a_bounded_place_and_leave_what_is_known() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/status", &status("North"), true, 1_000);
    heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400)], 1_000), false, 1_000);
    assert_eq!(sites.take_alarms().remove(0).1.alarms.len(), 1);
    for (name, value) in [
        ("id", json!("")),
        ("id", json!("my milk")),
        ("name", json!("")),
        ("name", json!("a\u{7}b")),
        ("kind", json!("on_fire")),
        ("number", json!(-1)),
        ("since", json!("yesterday")),
    ] {
        let mut row = alarm(8, 400);
        row[name] = value;
        heard(&mut sites, "fridge/north/alarms", &alarms(&[alarm(7, 400), row], 1_000), false, 1_000);
        let told = sites.take_alarms().remove(0).1;
        assert_eq!((told.alarms.len(), told.at), (1, None), "{name}: it does not hide the other");
    }
    assert_eq!(sites.take_complaints().len(), 1, "once");
    let many: Vec<Value> = (0..400).map(|number| alarm(number, 400)).collect();
    for gateway in 0..60 {
        heard(&mut sites, &format!("fridge/north{gateway}/status"), &status("North"), true, 1_000);
        let topic = format!("fridge/north{gateway}/alarms");
        heard(&mut sites, &topic, &alarms(&many, 1_000), false, 1_000);
    }
    let all: usize = sites.take_alarms().iter().map(|(_, told)| told.alarms.len()).sum();
    assert_eq!(all, 10_000 - 1, "with the one above");
    assert!(sites.take_complaints().iter().any(|line| line.contains("more open alarms than can be shown")));
}

#[test]
fn whether_a_gateway_does_what_is_wanted_here_it_says_itself() {
    let mut sites = sites();
    let mut of = |name: &str, acts_from: Value, state: &str| {
        let mut status = status(name);
        (status["acts_from"], status["status"]) = (acts_from, state.into());
        heard(&mut sites, &format!("fridge/{name}/status"), &status, true, 1_000);
        sites.takes_acts(name)
    };
    assert_eq!(of("north", json!(["bar", "head-office"]), "online"), Ok(()));
    assert_eq!(
        of("south", json!(["bar"]), "online"),
        Err(CarryError::NotAllowed(String::from("head-office")))
    );
    assert_eq!(of("north", json!(["head-office"]), "offline"), Err(CarryError::Away));
    assert_eq!(sites.takes_acts("west"), Err(CarryError::Away));
}

/// A reading that is numbered, on a clock that is right.
fn numbered(sequence: u64, seconds: u64, late: bool) -> Value {
    let t = at(seconds).wall.to_string();
    json!({
        "schema": 1, "boot": "b", "sequence": sequence, "complete_to": t, "t": t, "late": late,
        "readings": [{ "id": "milk", "t": t, "celsius": 4.0 }],
    })
}

#[test]
fn what_is_missing_is_asked_for_kept_and_shown_with_the_past_and_never_as_live() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/status", &status("North"), true, 90_000);
    heard(&mut sites, "fridge/north/fridges/milk", &state("milk", "Milk", None, 90_000), true, 90_000);
    heard(&mut sites, "fridge/north/readings", &numbered(6, 90_000, false), false, 90_000);
    assert!(sites.take_asks(at(90_000), 9).is_empty(), "whether its clock is right nobody knows yet");
    heard(&mut sites, "fridge/north/readings", &numbered(7, 90_010, false), false, 90_010);
    let asks = sites.take_asks(at(90_010), 9);
    let [(gateway, wanted)] = &asks[..] else { panic!("{asks:?}") };
    assert_eq!((gateway.as_str(), wanted.to), ("north", at(90_010).wall));
    let answer = |id: &str, to: u64| {
        json!({
            "schema": 1, "t": at(90_012).wall.to_string(), "id": id, "part": 0, "parts": 1, "from": wanted.from,
            "to": at(to).wall.to_string(), "readings": [{ "id": "milk", "t": at(80_000).wall.to_string(), "celsius": 99.0 }],
        })
    };
    let known = |sites: &Sites| sites.catch_up.archive().complete_to("north");
    // Of somebody who does not know what was asked, and to somebody else.
    heard(&mut sites, "fridge/north/answers/head-office", &answer("x", 90_010), false, 90_011);
    heard(&mut sites, "fridge/north/answers/bar", &answer(&wanted.id, 90_010), false, 90_011);
    heard(&mut sites, "fridge/north/answers/head-office", &answer(&wanted.id, 90_010), true, 90_011);
    assert!(known(&sites) < Some(at(90_000).wall));
    let read =
        heard(&mut sites, "fridge/north/answers/head-office", &answer(&wanted.id, 90_010), false, 90_012);
    assert_eq!((read.len(), known(&sites)), (0, Some(at(90_010).wall)));
    // What is sent afterwards is kept, and is not the present either.
    assert!(heard(&mut sites, "fridge/north/readings", &numbered(8, 90_015, true), false, 90_020).is_empty());
    assert!(sites.take_asks(at(90_021), 9).is_empty());
    // A change of an alarm has a number as well.
    let alarm =
        json!({ "schema": 1, "boot": "b", "sequence": 9, "t": at(90_022).wall.to_string(), "alarm": {} });
    heard(&mut sites, "fridge/north/alarm", &alarm, false, 90_022);
    heard(&mut sites, "fridge/north/readings", &numbered(10, 90_030, false), false, 90_030);
    assert!(sites.take_asks(at(90_031), 9).is_empty());
    heard(&mut sites, "fridge/north/readings", &numbered(12, 90_040, false), false, 90_040);
    assert_eq!(sites.take_asks(at(90_041), 0).len(), 0, "there is no room");
    assert_eq!(sites.take_asks(at(90_041), 9).len(), 1);
    // A gateway that is gone is not asked.
    sites.connected();
    let offline = json!({ "schema": 1, "status": "offline", "name": "North", "simulated": false });
    heard(&mut sites, "fridge/north/status", &offline, false, 90_042);
    assert!(sites.take_asks(at(90_043), 9).is_empty());
}

#[test]
fn readings_on_a_wrong_clock_are_not_kept_and_asked_for_once_it_is_right() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/status", &status("North"), true, 90_000);
    // A year behind.
    heard(&mut sites, "fridge/north/readings", &readings(4.0, 90_000), false, 90_000);
    assert!(sites.take_complaints()[0].contains("not kept here until the two"));
    for sequence in 1..100 {
        let second = 90_000 + sequence * 10;
        let mut message = numbered(sequence, second, false);
        // It is two minutes behind, and is set after five.
        if sequence < 30 {
            message["t"] = at(second - 120).wall.to_string().into();
        }
        heard(&mut sites, "fridge/north/readings", &message, false, second);
        let asked = sites.take_asks(at(second), 9);
        assert!(asked.is_empty() || sequence >= 30, "{sequence}: {asked:?}");
        if let [(_, wanted)] = &asked[..] {
            assert_eq!(wanted.to, at(second).wall);
            return;
        }
    }
    panic!("it was never asked");
}

#[test]
fn after_a_start_a_gateways_clock_is_not_believed_for_what_it_was_before() {
    let mut sites = sites();
    heard(&mut sites, "fridge/north/status", &status("North"), true, 90_000);
    for sequence in 1..=3 {
        let second = 90_000 + sequence * 10;
        heard(&mut sites, "fridge/north/readings", &numbered(sequence, second, false), false, second);
        for (_, wanted) in sites.take_asks(at(second), 9) {
            sites.catch_up.answered("north", &answer_to(&wanted.id, second), at(second));
        }
    }
    let known = |sites: &Sites| sites.catch_up.archive().complete_to("north");
    assert_eq!(known(&sites), Some(at(90_030).wall));
    // Without power for five minutes, it has no clock that goes on, and goes on where it ended.
    for sequence in 1..=9 {
        let second = 90_330 + sequence * 10;
        let mut message = numbered(sequence, second - 300, false);
        message["boot"] = "c".into();
        heard(&mut sites, "fridge/north/readings", &message, false, second);
        assert!(sites.take_asks(at(second), 9).is_empty(), "{sequence}");
    }
    assert_eq!(known(&sites), Some(at(90_030).wall), "what is in them is not kept");
    let mut message = numbered(10, 90_430, false);
    message["boot"] = "c".into();
    heard(&mut sites, "fridge/north/readings", &message, false, 90_430);
    let asks = sites.take_asks(at(90_431), 9);
    assert_eq!(asks[0].1.from, at(90_030 - 120).wall, "it is asked for once the clock is set");
}

fn answer_to(id: &str, to: u64) -> message::Answer {
    let to = at(to).wall;
    serde_json::from_value(json!({ "id": id, "part": 0, "parts": 1, "to": to, "readings": [] })).unwrap()
}
