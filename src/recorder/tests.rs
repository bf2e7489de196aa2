//! What goes in and what comes out: snapshots, entries for the records, messages.

use super::*;
use crate::alarm::{Alarm, GatewayNotice, Message, Topic};
use crate::fridge::Limits;
use crate::reading::{BusFault, Fault, Notice};
use crate::state::BusInfo;

mod people;

const PROBE: ProbeId = ProbeId::new(0x28, 1);

fn at(seconds: u64) -> Stamp {
    let mono = Duration::from_secs(seconds);
    Stamp { mono, wall: jiff::Timestamp::UNIX_EPOCH + mono }
}

fn recorder() -> (Recorder, BusKey) {
    let mut recorder = Recorder::new(at(0), TimeZone::UTC);
    let info = BusInfo { name: "bus 1".into(), simulated: false, period: Duration::from_secs(10) };
    let corrections = HashMap::from([(PROBE, Correction::Offset(-1.0))]);
    recorder.step(Input::Buses { buses: vec![(None, info)], corrections }, at(0));
    let key = recorder.snapshot().buses[0].key;
    (recorder, key)
}

fn sweep(bus: BusKey, seconds: u64, sample: Result<Celsius, Fault>) -> Input {
    let probes = vec![Sampled::from((PROBE, sample))];
    let notices = vec![Notice::NoPriority];
    Input::Sweep { bus, at: at(seconds), took: Duration::from_secs(1), probes, notices }
}

#[test]
fn what_a_sweep_says_arrives_in_one_snapshot_calibrated() {
    let (mut recorder, bus) = recorder();
    let effects = recorder.step(sweep(bus, 1, Ok(Celsius::from_sixteenths(64))), at(2));
    let [Effect::Publish(snapshot), Effect::Remember { samples, .. }, Effect::Log(Line::Changed(change))] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    let (bus_state, probe) = snapshot.probe(PROBE).unwrap();
    let calibrated = Celsius::from_sixteenths(48);
    assert_eq!((probe.newest, probe.raw), (Ok(calibrated), Some(Celsius::from_sixteenths(64))));
    assert_eq!(bus_state.notices, [Notice::NoPriority]);
    assert_eq!((samples, &change.sample), (&vec![(PROBE, Ok(calibrated))], &Ok(calibrated)));
    // The same again is no change.
    let again = recorder.step(sweep(bus, 2, Ok(Celsius::from_sixteenths(65))), at(3));
    assert_eq!(again.len(), 2, "{again:?}");
    let fault = recorder.step(sweep(bus, 3, Err(Fault::Crc)), at(4));
    assert!(
        matches!(&fault[1], Effect::Remember { samples, .. } if *samples == [(PROBE, Err(Fault::Crc))]),
        "{fault:?}"
    );
    assert!(
        matches!(&fault[2], Effect::Log(Line::Changed(change)) if change.sample == Err(Fault::Crc)),
        "{fault:?}"
    );
}

#[test]
fn what_a_simulated_bus_shows_is_not_kept_beside_a_real_one() {
    let bus = |name: &str, simulated| {
        (None, BusInfo { name: name.into(), simulated, period: Duration::from_secs(10) })
    };
    for (buses, kept) in [
        (vec![bus("real", false), bus("made up", true)], [true, false]),
        (vec![bus("made up", true), bus("made up, too", true)], [true, true]),
    ] {
        let mut recorder = Recorder::new(at(0), TimeZone::UTC);
        recorder.step(Input::Buses { buses, corrections: HashMap::new() }, at(0));
        let keys: Vec<BusKey> = recorder.snapshot().buses.iter().map(|bus| bus.key).collect();
        for (key, kept) in keys.into_iter().zip(kept) {
            let effects = recorder.step(sweep(key, 1, Ok(Celsius::from_sixteenths(64))), at(2));
            let remembered = effects.iter().find_map(|effect| match effect {
                Effect::Remember { is_kept, .. } => Some(*is_kept),
                _ => None,
            });
            assert_eq!(remembered, Some(kept));
        }
    }
}

#[test]
fn a_bus_that_is_no_more_changes_nothing() {
    let (mut recorder, bus) = recorder();
    recorder.step(Input::Buses { buses: Vec::new(), corrections: HashMap::new() }, at(1));
    recorder.step(sweep(bus, 1, Ok(Celsius::MIN)), at(2));
    recorder.step(
        Input::Failed { bus, at: at(2), fault: BusFault { fault: Fault::Bus, detail: String::new() } },
        at(3),
    );
    assert!(recorder.snapshot().probe(PROBE).is_none());
}

#[test]
fn an_act_comes_out_with_who_did_it() {
    let (mut recorder, _) = recorder();
    let by = By { user: Some(String::from("anna")), ..By::default() };
    let effects = recorder.step(Input::Act { act: Act::Nothing, by: by.clone() }, at(1));
    assert!(matches!(&effects[..], [Effect::Acted { act: Act::Nothing, by: who }] if *who == by));
}

fn to(target: &str) -> Recipient {
    Recipient { target: target.into(), urgent_only: false }
}

/// Twenty fridges on one bus, told to two targets.
fn twenty() -> (Recorder, BusKey) {
    let (mut recorder, bus) = recorder();
    let limits = Limits { min: None, max: Celsius::from_degrees(8.0) };
    let fridge = |number| Fridge::new(format!("Fridge {number}"), ProbeId::new(0x28, number), limits);
    recorder.step(Input::Fridges((0..20).map(fridge).collect()), at(0));
    recorder.step(Input::Targets(vec![to("chat"), to("mail")]), at(0));
    (recorder, bus)
}

fn readings(bus: BusKey, seconds: u64, sixteenths: i16) -> Input {
    let probe =
        |number| Sampled::from((ProbeId::new(0x28, number), Ok(Celsius::from_sixteenths(sixteenths))));
    let (took, probes) = (Duration::from_secs(1), (0..20).map(probe).collect());
    Input::Sweep { bus, at: at(seconds), took, probes, notices: Vec::new() }
}

/// What went on the disk, by transaction.
fn kept(effects: Vec<Effect>) -> Vec<Vec<Entry>> {
    let entries = |effect| match effect {
        Effect::Keep(entries) => Some(entries),
        _ => None,
    };
    effects.into_iter().filter_map(entries).collect()
}

#[test]
fn a_bus_that_falls_silent_is_one_message_for_each_target() {
    let (mut recorder, bus) = twenty();
    recorder.step(readings(bus, 1, 64), at(2));
    let mut messages = Vec::new();
    for seconds in (10..700).step_by(10) {
        for entry in kept(recorder.step(Input::Tick, at(seconds))).into_iter().flatten() {
            if let Entry::Message { target, message } = entry {
                messages.push((seconds, target, message.topic, message.alarms.len()));
            }
        }
    }
    let expected = ["chat", "mail"].map(|target| (310, target.to_owned(), Topic::Raised, 20));
    assert_eq!(messages, expected);
    assert_eq!(recorder.snapshot().alarms.len(), 20);
}

#[test]
fn an_alarm_and_its_message_are_one_transaction_and_an_act_is_kept_before_it_is_answered() {
    let (mut recorder, bus) = twenty();
    let mut transactions = Vec::new();
    // 20 °C for an hour.
    for seconds in (0..3_600).step_by(10) {
        transactions.extend(kept(recorder.step(readings(bus, seconds, 20 * 16), at(seconds))));
    }
    let [raised] = &transactions[..] else { panic!("{transactions:?}") };
    let alarms =
        raised.iter().filter(|entry| matches!(entry, Entry::Alarm(alarm) if alarm.announced)).count();
    let messages = raised.iter().filter(|entry| matches!(entry, Entry::Message { .. })).count();
    assert_eq!((alarms, messages), (20, 2));

    let by = By { user: Some("anna".into()), ..By::default() };
    let act = Act::Acknowledge { numbers: vec![1, 2, 99], cause: Some("door".into()) };
    let effects = recorder.step(Input::Act { act, by }, at(3_601));
    let [Effect::Publish(snapshot), Effect::Keep(entries), Effect::Acted { .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(snapshot.alarms[1].acknowledged.as_ref().unwrap().by.as_deref(), Some("anna"));
    assert!(matches!(&entries[..], [Entry::Alarm(_), Entry::Alarm(_), Entry::Deed { .. }]), "{entries:?}");
}

#[test]
fn a_quiet_day_goes_to_the_disk_every_hour_only() {
    let (mut recorder, bus) = twenty();
    let mut transactions = Vec::new();
    for seconds in (0..24 * 3_600).step_by(10) {
        // A cycle of the compressor, 40 minutes long.
        let swing = if seconds % 2_400 < 1_200 { seconds % 2_400 } else { 2_400 - seconds % 2_400 };
        transactions
            .extend(kept(recorder.step(readings(bus, seconds, 48 + (swing / 40) as i16), at(seconds))));
        transactions.extend(kept(recorder.step(Input::Tick, at(seconds))));
    }
    let bytes: usize = transactions.iter().map(|entries| format!("{entries:?}").len()).sum();
    println!("{} transactions with {bytes} bytes of text on a quiet day", transactions.len());
    assert_eq!(transactions.len(), 24);
}

/// The same readings through the recorder, live, and through a replay.
#[test]
fn a_replay_raises_what_the_recorder_raised() {
    let (mut recorder, bus) = twenty();
    let fridge =
        Fridge::new("Fridge 0", ProbeId::new(0x28, 0), Limits { min: None, max: Celsius::from_degrees(8.0) });
    let degrees =
        |seconds: u64| if seconds / 5_400 % 3 == 1 { 14 * 16 } else { 4 * 16 + (seconds / 10 % 2) as i16 };
    let times = || (0..12 * 3_600).step_by(10);
    let mut live = Vec::new();
    for seconds in times() {
        for entry in
            kept(recorder.step(readings(bus, seconds, degrees(seconds)), at(seconds))).into_iter().flatten()
        {
            if let Entry::Alarm(Alarm { fridge, raised, announced: true, cleared: None, .. }) = entry
                && fridge == "fridge-0"
            {
                live.push(raised);
            }
        }
        recorder.step(Input::Tick, at(seconds + 5));
    }
    let readings = times().map(|seconds| (at(seconds), Celsius::from_sixteenths(degrees(seconds))));
    let replayed = crate::alarm::replay(&fridge.rules, Duration::from_secs(10), readings);
    let replayed: Vec<_> = replayed.alarms.iter().map(|alarm| alarm.raised).collect();
    // A reminder is another record of the same alarm.
    live.dedup();
    assert!(live.len() >= 2, "{live:?}");
    assert_eq!(live, replayed);
}

/// The topics and alarms of what is told, hour after hour, while all fridges are this warm.
fn told(
    recorder: &mut Recorder,
    bus: BusKey,
    seconds: std::ops::Range<u64>,
    sixteenths: i16,
) -> Vec<(Topic, usize)> {
    let mut told = Vec::new();
    for seconds in seconds.step_by(10) {
        for effect in recorder.step(readings(bus, seconds, sixteenths), at(seconds)) {
            if let Effect::Tell(message) = effect {
                told.push((message.topic, message.alarms.len()));
            }
        }
    }
    told
}

fn fridge(out_of_service: bool, limits: Limits) -> Fridge {
    Fridge { out_of_service, ..Fridge::new("Milk", ProbeId::new(0x28, 1), limits) }
}

const MAX: Limits = Limits { min: None, max: Some(Celsius::from_sixteenths(8 * 16)) };

#[test]
fn a_fridge_that_leaves_its_limits_and_is_back_is_a_line_each_time() {
    let (mut recorder, bus) = recorder();
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    let mut lines = |second, degrees: i16| {
        let effects =
            recorder.step(sweep(bus, second, Ok(Celsius::from_sixteenths((degrees + 1) * 16))), at(second));
        let line = |effect: Effect| match effect {
            Effect::Log(Line::Left { excursion, .. }) => Some(("left", excursion.since.mono.as_secs())),
            Effect::Log(Line::Returned { excursion, at, .. }) => {
                Some(("returned", at.since(&excursion.since).as_secs()))
            }
            _ => None,
        };
        effects.into_iter().filter_map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines(10, 4), []);
    assert_eq!(lines(20, 9), [("left", 20)]);
    assert_eq!(lines(30, 10), [], "it goes on");
    assert_eq!(lines(620, 4), [("returned", 600)]);
}

#[test]
fn a_fridge_that_was_out_of_service_raises_its_alarm_again() {
    let (mut recorder, bus) = recorder();
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    assert_eq!(told(&mut recorder, bus, 0..5_000, 20 * 16), [(Topic::Raised, 1), (Topic::Unanswered, 1)]);
    recorder.step(Input::Fridges(vec![fridge(true, MAX)]), at(5_000));
    assert!(recorder.snapshot().alarms.is_empty());
    assert!(told(&mut recorder, bus, 5_000..6_000, 20 * 16).is_empty());
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(6_000));
    assert_eq!(told(&mut recorder, bus, 6_000..7_000, 20 * 16), [(Topic::Raised, 1)]);
    assert_eq!(recorder.snapshot().alarms[0].number, 2);
}

#[test]
fn a_limit_that_is_taken_away_ends_its_alarm_and_raises_none_of_the_other_side() {
    let (mut recorder, bus) = recorder();
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    told(&mut recorder, bus, 0..5_000, 20 * 16);
    let min = Limits { min: Some(Celsius::from_sixteenths(0)), max: None };
    recorder.step(Input::Fridges(vec![fridge(false, min)]), at(5_000));
    assert_eq!(told(&mut recorder, bus, 5_000..6_000, 20 * 16), [(Topic::Cleared, 1)]);
}

#[test]
fn a_bus_that_is_read_seldom_is_not_silent_after_a_reload() {
    let (mut recorder, _) = recorder();
    let info = BusInfo { name: "slow".into(), simulated: false, period: Duration::from_secs(600) };
    recorder.step(Input::Buses { buses: vec![(None, info)], corrections: HashMap::new() }, at(0));
    let bus = recorder.snapshot().buses[0].key;
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    recorder.step(readings(bus, 1, 64), at(2));
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(3));
    let ticks = (10..1_790).step_by(10).flat_map(|seconds| recorder.step(Input::Tick, at(seconds)));
    assert!(!ticks.into_iter().any(|effect| matches!(effect, Effect::Tell(_))));
}

#[test]
fn what_was_urgent_before_a_restart_is_told_after_it() {
    let (mut recorder, bus) = recorder();
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    told(&mut recorder, bus, 0..5_000, 20 * 16);
    let mut alarm = recorder.snapshot().alarms[0].clone();
    alarm.urgency = crate::alarm::Urgency::Urgent;
    let kept = Kept { alarms: vec![alarm], last_number: 1, ..Kept::default() };
    let (mut restarted, bus) = self::recorder();
    restarted.resume(kept, Duration::ZERO, at(0));
    let effects = restarted.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
    let is_told = |effect: &Effect| matches!(effect, Effect::Tell(Message { topic: Topic::Escalated, .. }));
    assert!(effects.iter().any(is_told), "{effects:?}");
    // It is not over before its product is cold again.
    assert!(told(&mut restarted, bus, 0..1_000, 20 * 16).is_empty());
    assert!(told(&mut restarted, bus, 1_000..8_000, 4 * 16).contains(&(Topic::Cleared, 1)));
}

#[test]
fn what_a_bus_invents_is_bounded_and_forgotten_after_a_day_and_a_fridges_probe_never_is() {
    let mut recorder = Recorder::new(at(0), TimeZone::UTC);
    let info = BusInfo { name: "bus 1".into(), simulated: false, period: Duration::from_secs(10) };
    recorder.step(Input::Buses { buses: vec![(None, info)], corrections: HashMap::new() }, at(0));
    let bus = recorder.snapshot().buses[0].key;
    recorder.step(Input::Fridges(vec![Fridge::new("Milk", PROBE, crate::fridge::Limits::default())]), at(0));
    let took = Duration::from_secs(1);
    let invented = |from: u64| {
        (from..from + 900).map(|serial| Sampled::from((ProbeId::new(0x28, serial), Ok(Celsius::MAX))))
    };
    let mut sweep = |second: u64, probes: Vec<Sampled>| {
        let input = Input::Sweep { bus, at: at(second), took, probes, notices: Vec::new() };
        let _effects = recorder.step(input, at(second));
        let known = &recorder.snapshot().buses[0];
        (
            known.probes.len(),
            known.notices.contains(&Notice::TooManyProbes),
            known.probes.contains_key(&PROBE),
        )
    };
    assert_eq!(sweep(1, invented(1_000).collect()), (900, false, false));
    let (known, is_told, _) = sweep(2, invented(50_000).collect());
    assert_eq!((known, is_told), (crate::bus::MOST_PROBES, true));
    // The fridge's own probe has room all the same.
    let with_ours = invented(90_000).chain([Sampled::from((PROBE, Err(Fault::NoAnswer)))]);
    assert_eq!(sweep(3, with_ours.collect()), (crate::bus::MOST_PROBES + 1, true, true));
    let day = 25 * 3_600;
    assert_eq!(sweep(day, Vec::new()), (1, false, true), "but for the fridge's all are forgotten");
}
