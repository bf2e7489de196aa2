//! What is known of buses and probes while sweeps come in and buses come and go.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::reading::{BusFault, Celsius, Fault, ProbeId, Reading, Sample, Sampled, Stamp};

const ONE: ProbeId = ProbeId::new(0x28, 1);
const TWO: ProbeId = ProbeId::new(0x28, 2);
const NOTHING: [Sampled; 0] = [];

fn at(seconds: u64) -> Stamp {
    Stamp { mono: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
}

fn warm(sixteenths: i16) -> Sample {
    Ok(Celsius::from_sixteenths(sixteenths))
}

fn info(name: &str, seconds: u64) -> BusInfo {
    BusInfo { name: name.to_owned(), simulated: false, period: Duration::from_secs(seconds) }
}

fn buses(number: usize) -> Snapshot {
    let mut snapshot = Snapshot::new(at(0), TimeZone::UTC);
    let infos = (1..=number).map(|number| (None, info(&format!("bus {number}"), 10)));
    snapshot.set_buses(infos, at(0));
    snapshot
}

/// Takes in a sweep; returns the probes that are in another state than before.
fn sweep(
    snapshot: &mut Snapshot,
    bus: usize,
    at: Stamp,
    took: Duration,
    probes: impl IntoIterator<Item = impl Into<Sampled>>,
) -> Vec<(ProbeId, Sample)> {
    let changes = snapshot.record_sweep(BusKey(bus), at, took, probes, Vec::new());
    changes.into_iter().map(|change| (change.probe, change.sample)).collect()
}

#[test]
fn a_sweep_tells_which_probes_changed_their_state() {
    let mut snapshot = buses(1);
    let took = Duration::from_secs(1);
    assert_eq!(sweep(&mut snapshot, 0, at(1), took, [(ONE, warm(64))]), [(ONE, warm(64))]);
    assert_eq!(sweep(&mut snapshot, 0, at(2), took, [(ONE, warm(70))]), []);
    assert_eq!(sweep(&mut snapshot, 0, at(3), took, [(ONE, Err(Fault::Crc))]), [(ONE, Err(Fault::Crc))]);
    assert_eq!(sweep(&mut snapshot, 0, at(4), took, [(ONE, Err(Fault::Crc))]), []);
    assert_eq!(sweep(&mut snapshot, 0, at(5), took, NOTHING), [(ONE, Err(Fault::Absent))]);
    assert_eq!(sweep(&mut snapshot, 0, at(6), took, [(ONE, warm(64))]), [(ONE, warm(64))]);
    let (_, state) = snapshot.probe(ONE).unwrap();
    assert_eq!(state.last_fault, Some((Fault::Absent, at(5), at(5))));
    assert_eq!(state.faults, BTreeMap::from([(Fault::Crc, 2), (Fault::Absent, 1)]));
    assert_eq!(state.since, at(6));
}

#[test]
fn a_snapshot_does_not_change_under_its_reader() {
    let mut snapshot = buses(1);
    sweep(&mut snapshot, 0, at(1), Duration::ZERO, [(ONE, warm(64))]);
    let state = State::new(snapshot.clone());
    let mut next = state.subscribe();
    let before = state.snapshot();
    sweep(&mut snapshot, 0, at(2), Duration::ZERO, [(ONE, warm(80))]);
    assert_eq!(before.probe(ONE).unwrap().1.newest, warm(64));
    assert!(!next.has_changed().unwrap());
    state.publish(Arc::new(snapshot));
    assert!(next.has_changed().unwrap(), "whoever waits is told");
    assert_eq!(next.borrow_and_update().probe(ONE).unwrap().1.newest, warm(80));
    assert_eq!(state.snapshot().probe(ONE).unwrap().1.newest, warm(80));
}

#[test]
fn a_probe_that_moves_to_another_bus_is_read_there() {
    let mut snapshot = buses(2);
    sweep(&mut snapshot, 0, at(1), Duration::ZERO, [(ONE, warm(64))]);
    sweep(&mut snapshot, 0, at(11), Duration::ZERO, NOTHING);
    sweep(&mut snapshot, 1, at(12), Duration::ZERO, [(ONE, warm(80))]);
    let age = Duration::from_secs(1);
    let celsius = Celsius::from_sixteenths(80);
    assert_eq!(snapshot.reading(ONE, &at(13)), Reading::Fresh { celsius, age });
}

#[test]
fn a_sweep_longer_than_the_period_stretches_what_fresh_means() {
    let mut snapshot = buses(1);
    sweep(&mut snapshot, 0, at(1), Duration::from_secs(20), [(ONE, warm(64))]);
    assert!(matches!(snapshot.reading(ONE, &at(61)), Reading::Fresh { .. }));
    assert!(matches!(snapshot.reading(ONE, &at(62)), Reading::Stale { .. }));
}

#[test]
fn a_probe_no_bus_has_seen_is_pending_then_absent() {
    let mut snapshot = buses(2);
    sweep(&mut snapshot, 0, at(1), Duration::ZERO, [(ONE, warm(64))]);
    let reading = |snapshot: &Snapshot, now| snapshot.reading(TWO, &at(now));
    let (pending, absent) = (Fault::Pending, Fault::Absent);
    assert_eq!(reading(&snapshot, 2), Reading::Fault { fault: pending, lasts: Duration::from_secs(2) });
    sweep(&mut snapshot, 1, at(3), Duration::ZERO, NOTHING);
    assert_eq!(reading(&snapshot, 4), Reading::Fault { fault: absent, lasts: Duration::from_secs(4) });
}

#[test]
fn what_is_known_of_a_probe_survives_the_exchange_of_its_bus() {
    let mut snapshot = buses(3);
    for bus in 0..3 {
        let probe = ProbeId::new(0x28, bus as u64 + 1);
        sweep(&mut snapshot, bus, at(1), Duration::ZERO, [(probe, warm(64))]);
        sweep(&mut snapshot, bus, at(2), Duration::ZERO, [(probe, Err(Fault::Crc))]);
    }
    let bus = |name: &str| info(name, 20);
    let keys = |snapshot: &Snapshot| snapshot.buses.iter().map(|bus| bus.key.0).collect::<Vec<_>>();
    // The first stays, the second is replaced by one of its name, the third's probe is found by a new one.
    let buses = [(None, bus("new")), (None, bus("bus 2")), (Some(BusKey(0)), bus("bus 1"))];
    snapshot.set_buses(buses, at(10));
    assert_eq!(keys(&snapshot), [3, 4, 0]);
    let names: Vec<&str> = snapshot.buses.iter().map(|bus| bus.name.as_str()).collect();
    assert_eq!(names, ["new", "bus 2", "bus 1"]);
    assert_eq!((snapshot.buses[2].sweeps, snapshot.buses[1].sweeps), (2, 0));
    let crc = |id| snapshot.probe(id).map(|(_, probe)| probe.faults[&Fault::Crc]);
    assert_eq!((crc(ONE), crc(TWO)), (Some(1), Some(1)));
    let three = ProbeId::new(0x28, 3);
    let pending = Reading::Fault { fault: Fault::Pending, lasts: Duration::from_secs(1) };
    assert_eq!(snapshot.reading(three, &at(11)), pending);

    // None of the two numbers that went is given again.
    snapshot.set_buses([(Some(BusKey(3)), bus("new"))], at(10));
    assert_eq!(keys(&snapshot), [3]);
    snapshot.set_buses([(Some(BusKey(3)), bus("new")), (None, bus("last"))], at(10));
    assert_eq!(keys(&snapshot), [3, 5]);
    sweep(&mut snapshot, 3, at(12), Duration::ZERO, [(three, warm(80))]);
    sweep(&mut snapshot, 2, at(12), Duration::ZERO, [(three, warm(0))]);
    let (bus, state) = snapshot.probe(three).unwrap();
    assert_eq!((bus.name.as_str(), state.newest, state.since), ("new", warm(80), at(12)));
    assert_eq!(state.faults[&Fault::Crc], 1);
    let day = state.day.unwrap();
    assert_eq!(
        (day.min, day.max, day.since),
        (Celsius::from_sixteenths(64), Celsius::from_sixteenths(80), at(1))
    );
}

#[test]
fn a_bus_is_fresh_while_its_newest_sweep_is() {
    let mut snapshot = buses(1);
    let fresh = |snapshot: &Snapshot, now| snapshot.buses[0].is_fresh(&at(now));
    assert!(!fresh(&snapshot, 0));
    sweep(&mut snapshot, 0, at(1), Duration::ZERO, NOTHING);
    assert!(fresh(&snapshot, 31) && !fresh(&snapshot, 32));
    let error = BusFault { fault: Fault::Bus, detail: String::new() };
    snapshot.record_failure(BusKey(0), at(2), error);
    assert!(!fresh(&snapshot, 3));
}

#[test]
fn a_sweep_copies_its_own_bus_and_no_other() {
    let mut snapshot = buses(3);
    let before = snapshot.clone();
    sweep(&mut snapshot, 1, at(1), Duration::ZERO, [(ONE, warm(64))]);
    let shared: Vec<bool> =
        before.buses.iter().zip(&snapshot.buses).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
    assert_eq!(shared, [true, false, true]);
}
