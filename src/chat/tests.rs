//! The conversation, from a recorder that is fed by hand: the status, in every state a fridge can be in.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use strum::VariantArray;

use super::*;
use crate::doc::markdown::POST_CHARACTERS;
use crate::fridge::{Fridge, Limits};
use crate::gateway::Site;
use crate::reading::{BusFault, Celsius, Fault, Notice, ProbeId, Sample, Sampled, Stamp};
use crate::recorder::{Act, Input, Recorder, Writer};
use crate::state::BusInfo;
use crate::text::Units;

mod acts;
mod calibrate;
mod probes;
mod typed;
mod verdicts;
mod words;

const PERIOD: Duration = Duration::from_secs(10);

fn stamp(seconds: u64) -> Stamp {
    let wall = Timestamp::from_second(1_767_225_600 + seconds as i64).unwrap();
    Stamp { mono: Duration::from_secs(1_000 + seconds), wall }
}

fn probe(number: usize) -> ProbeId {
    ProbeId::new(0x28, number as u64)
}

fn degrees(degrees: f64) -> Celsius {
    Celsius::from_degrees(degrees).unwrap()
}

fn fridge(number: usize, name: &str, min: Option<f64>, max: Option<f64>) -> Fridge {
    Fridge::new(name, probe(number), Limits { min: min.map(degrees), max: max.map(degrees) })
}

/// A cafe's six fridges.
fn cafe() -> Vec<Fridge> {
    vec![
        fridge(0, "Milk", Some(0.0), Some(5.0)),
        fridge(1, "Crème fraîche", Some(0.0), Some(5.0)),
        fridge(2, "Freezer 1", None, Some(-15.0)),
        fridge(3, "Freezer 2", None, Some(-15.0)),
        fridge(4, "Drinks", None, Some(8.0)),
        fridge(5, "Vegetables", Some(2.0), None),
    ]
}

const WELL: [f64; 6] = [4.2, 3.0, -19.0, -18.5, 6.0, 4.0];

/// A gateway, and the recorder behind it, which a test feeds by hand.
struct Kitchen {
    chat: Chat,
    writer: Mutex<Writer>,
    now: Arc<Mutex<Stamp>>,
    simulated: bool,
}

impl Kitchen {
    fn new(fridges: Vec<Fridge>) -> Self {
        Kitchen::on(fridges, false)
    }

    fn on(fridges: Vec<Fridge>, simulated: bool) -> Self {
        Kitchen::of(Site { fridges, ..Site::default() }, simulated)
    }

    fn of(site: Site, simulated: bool) -> Self {
        Kitchen::started(0, site, simulated)
    }

    fn started(at: u64, site: Site, simulated: bool) -> Self {
        let now = Arc::new(Mutex::new(stamp(at)));
        let clock: crate::reading::Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let mut writer = Writer::new(Recorder::new(stamp(at), TimeZone::UTC), Arc::clone(&clock));
        let info = BusInfo { name: String::from("bus 1"), simulated, period: PERIOD };
        writer.write(Input::Buses { buses: vec![(None, info)], corrections: HashMap::new() });
        writer.write(Input::Fridges(site.fridges.clone()));
        let gateway = Gateway::new(site, writer.state(), writer.history(), clock);
        Kitchen { chat: Chat::new(gateway), writer: Mutex::new(writer), now, simulated }
    }

    /// Takes in a sweep of samples and notices.
    fn sampled(&self, at: Stamp, probes: impl IntoIterator<Item = impl Into<Sampled>>, notices: Vec<Notice>) {
        let mut writer = self.writer.lock().unwrap();
        let (bus, took) = (writer.keys()[0], Duration::from_millis(10));
        let probes = probes.into_iter().map(Into::into).collect();
        writer.write(Input::Sweep { bus, at, took, probes, notices });
    }

    fn sweep_at(&self, at: Stamp, samples: &[Sample]) {
        let samples = samples.iter().enumerate().map(|(number, sample)| (probe(number), *sample));
        self.sampled(at, samples, Vec::new());
    }

    fn sweep(&self, at: u64, samples: &[Sample]) {
        self.sweep_at(stamp(at), samples);
    }

    fn fail(&self, at: u64, fault: &BusFault) {
        let mut writer = self.writer.lock().unwrap();
        let bus = writer.keys()[0];
        writer.write(Input::Failed { bus, at: stamp(at), fault: fault.clone() });
    }

    fn well(&self, at: u64) {
        self.sweep(at, &WELL.map(|value| Ok(degrees(value))));
    }

    fn ask(&self, at: u64, words: &str) -> String {
        let text = self.reply(stamp(at), words).text.replace('\u{a0}', " ");
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(text.chars().count() <= POST_CHARACTERS);
        assert_eq!(
            text.lines().next().unwrap().contains("simulated"),
            self.simulated && text.contains(" | ")
        );
        text
    }

    fn reply(&self, now: Stamp, words: &str) -> Arc<Reply> {
        self.reply_to(now, words, &Scope::everything())
    }

    fn reply_to(&self, now: Stamp, words: &str, scope: &Scope) -> Arc<Reply> {
        *self.now.lock().unwrap() = now;
        self.chat.answer(words, &Asker { scope: scope.clone(), ..Asker::local(Rights::Read) })
    }

    fn verdict(&self, at: u64) -> String {
        self.ask(at, "status").lines().next().unwrap().to_owned()
    }
}

#[test]
fn all_in_range_says_how_old_the_oldest_reading_is() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert_eq!(
        kitchen.ask(14, "status"),
        "All 6 in range, oldest reading 4 s ago

| Fridge        |      Now | Limits     |
| :------------ | -------: | :--------- |
| Milk          |   4.2 °C | 0 to 5 °C  |
| Crème fraîche |   3.0 °C | 0 to 5 °C  |
| Freezer 1     | −19.0 °C | max −15 °C |
| Freezer 2     | −18.5 °C | max −15 °C |
| Drinks        |   6.0 °C | max 8 °C   |
| Vegetables    |   4.0 °C | min 2 °C   |"
    );
}

#[test]
fn what_needs_a_look_comes_first_in_the_verdict_and_in_the_table() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    for at in [20, 30, 200] {
        let mut samples = WELL.map(|value| Ok(degrees(value)));
        samples[0] = Err(Fault::NoAnswer);
        samples[2] = Ok(degrees(-11.2));
        kitchen.sweep(at, &samples);
    }
    let text = kitchen.ask(204, "status");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "2 of 6 need a look: Freezer 1 −11.2 °C (limit −15 °C), Milk: no answer from the probe for 3 min"
    );
    assert!(lines[4].starts_with("| Freezer 1 ") && lines[4].contains("**−11.2 °C**"), "{}", lines[4]);
    assert!(lines[5].starts_with("| Milk ") && lines[5].contains("no answer from the probe for 3 min"));
}

#[test]
fn a_stale_value_is_never_shown_as_the_present_one() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert!(kitchen.verdict(40).starts_with("All 6 in range"));
    let text = kitchen.ask(41, "status");
    assert!(text.starts_with("6 of 6 need a look: Milk: no reading for 31 s, "), "{text}");
    assert!(text.lines().next().unwrap().ends_with(" and 3 more"));
    assert!(!text.contains("4.2"), "{text}");
    let detail = kitchen.ask(41, "status milk");
    assert!(detail.contains("4.2 °C, **old**: 31 s ago"), "{detail}");
}

#[test]
fn before_the_first_sweep_nothing_is_in_range_and_a_bus_that_never_ends_it_does_not_work() {
    let kitchen = Kitchen::new(cafe());
    assert_eq!(kitchen.verdict(1), "Nothing measured yet, started 1 s ago");
    assert_eq!(kitchen.verdict(30), "Nothing measured yet, started 30 s ago");
    assert_eq!(
        kitchen.verdict(120),
        "Nothing measured yet, started 2 min ago",
        "a hundred probes take that long"
    );
    assert!(kitchen.verdict(121).starts_with("6 of 6 need a look: Milk: bus not working for 2 min"));
}

#[test]
fn a_bus_that_fails_takes_its_fridges_with_it_and_says_since_when() {
    let kitchen = Kitchen::new(vec![fridge(0, "Milk", None, Some(5.0))]);
    kitchen.well(10);
    let shorted = BusFault { fault: Fault::Shorted, detail: String::from("held low") };
    kitchen.fail(20, &shorted);
    kitchen.fail(30, &shorted);
    assert_eq!(kitchen.verdict(50), "1 of 1 needs a look: Milk: data line short-circuited for 30 s");
    kitchen.well(60);
    assert_eq!(kitchen.verdict(61), "The only fridge is in range, oldest reading 1 s ago");
}

#[test]
fn a_step_of_the_wall_clock_changes_no_age_and_turns_nothing_stale_or_fresh() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let said = |seconds: u64, step: i64| {
        let mut now = stamp(seconds);
        now.wall = Timestamp::from_second(now.wall.as_second() + step).unwrap();
        kitchen.reply(now, "status").text.clone()
    };
    for step in [3_600, -3_600, 365 * 86_400, -10 * 365 * 86_400] {
        assert_eq!(said(14, step), said(14, 0));
        assert_eq!(said(60, step), said(60, 0));
    }
}

#[test]
fn one_fridge_in_detail() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let mut samples = WELL.map(|value| Ok(degrees(value)));
    samples[0] = Err(Fault::Crc);
    kitchen.sweep(20, &samples);
    samples[0] = Ok(degrees(3.1));
    kitchen.sweep(30, &samples);
    assert_eq!(
        kitchen.ask(34, "status MILK"),
        "Milk: 3.1 °C, in range

|            |                          |
| :--------- | :----------------------- |
| Now        | 3.1 °C, read 4 s ago     |
| Limits     | 0 to 5 °C                |
| Today      | 3.1 to 4.2 °C (since 00:00) |
| Last fault | garbled answer from the probe, 14 s ago (1 since the start) |
| Probe      | `28-000000000000`, bus 1 |"
    );
}

#[test]
fn minimum_and_maximum_belong_to_one_day() {
    let kitchen = Kitchen::new(vec![fridge(0, "Milk", None, None)]);
    kitchen.sweep(10, &[Ok(degrees(9.0))]);
    let tomorrow = 86_400 + 10;
    kitchen.sweep(tomorrow, &[Ok(degrees(4.0))]);
    let text = kitchen.ask(tomorrow + 1, "status milk");
    assert!(text.contains("| Today      | 4.0 to 4.0 °C (since 00:00) |"), "{text}");
    assert!(!kitchen.ask(2 * 86_400, "status milk").contains("Today"), "nothing was read that day");
}

#[test]
fn hundreds_of_fridges_show_the_worst_ones_and_count_the_rest() {
    let fridges: Vec<Fridge> = (0..1_000)
        .map(|number| fridge(number, &format!("Cold room {number}"), Some(0.0), Some(5.0)))
        .collect();
    let kitchen = Kitchen::new(fridges);
    let mut samples = vec![Ok(degrees(4.0)); 1_000];
    samples[999] = Ok(degrees(9.0));
    samples[500] = Err(Fault::Crc);
    kitchen.sweep(10, &samples);
    let text = kitchen.ask(11, "status");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("2 of 1000 need a look: Cold room 999 9.0 °C (limit 5 °C), Cold room 500: ")
    );
    assert!(lines[4].starts_with("| Cold room 999 ") && lines[5].starts_with("| Cold room 500 "));
    let shown = lines.iter().filter(|line| line.starts_with("| Cold")).count();
    assert!(shown > 200, "{shown}");
    assert_eq!(*lines.last().unwrap(), format!("… and {} more, none of which needs a look.", 1_000 - shown));
}

#[test]
fn a_name_cannot_break_the_table_nor_call_anybody() {
    let kitchen = Kitchen::new(vec![
        fridge(0, "a|b <!channel> @all", None, None),
        fridge(1, &"n".repeat(200), None, None),
    ]);
    kitchen.well(10);
    let text = kitchen.ask(11, "status");
    assert!(!text.contains("@all"), "{text}");
    assert_eq!(text.matches("a\\|b").count(), 1);
}

#[test]
fn the_gateway_says_its_name_and_that_it_is_simulated() {
    let kitchen = Kitchen::on(cafe(), true);
    kitchen.well(10);
    assert_eq!(kitchen.verdict(11), "All 6 in range, oldest reading 1 s ago (simulated)");
    let name = Some(String::from("Kitchen_Pi"));
    let kitchen = Kitchen::of(Site { name, fridges: cafe(), ..Site::default() }, false);
    kitchen.well(10);
    let said = |words| kitchen.reply(stamp(11), words).text.clone();
    assert!(said("status").starts_with("Kitchen\\_Pi: All 6 in range"));
    assert!(said("status milk").starts_with("Kitchen\\_Pi: Milk: 4.2\u{a0}°C"));
}

#[test]
fn programs_get_the_same_as_data_with_ascii_numbers() {
    let kitchen = Kitchen::on(cafe(), true);
    kitchen.well(10);
    let reply = serde_json::to_value(&*kitchen.reply(stamp(14), "status")).unwrap();
    assert_eq!(reply["simulated"], true);
    let freezer = reply["fridges"].as_array().unwrap().iter().find(|row| row["name"] == "Freezer 1").unwrap();
    assert_eq!(freezer["celsius"], -19.0);
    assert_eq!(freezer["age_s"], 4);
    assert_eq!(freezer["verdict"], "in_range");
    assert_eq!(freezer["probe"], "28-000000000002");
}
