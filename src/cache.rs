//! What is known of every probe, in memory. The bus threads write a sweep at a time; readers take
//! an immutable [`Snapshot`] and never wait for a bus.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::ZonedDateTime;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::bus::BusError;
use crate::reading::{Celsius, Counts, Fault, ProbeId, Reading, Remark, Sample, Sampled, Stamp};

/// A reading is stale once it is older than this many periods of its bus.
pub const STALE_AFTER_PERIODS: u32 = 3;

/// The shared memory of the gateway. Its lock is held only while one [`Arc`] is swapped for
/// another or one sweep is taken in, never across an await and never while a bus is measured.
#[derive(Debug)]
pub struct Cache {
    zone: TimeZone,
    latest: Mutex<Arc<Snapshot>>,
}

/// Everything that is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the gateway started.
    pub started: Stamp,
    /// The buses, in the order of the configuration.
    pub buses: Vec<BusState>,
    /// What was known of probes whose bus is no more, until another one finds them.
    departed: BTreeMap<ProbeId, ProbeState>,
    /// The next bus's number. None is given twice: the thread of one that is no more may hang and come back.
    next: usize,
}

/// What is known of one bus.
#[derive(Clone, Debug)]
pub struct BusState {
    /// By which its thread reports: it stays the same while the configuration changes around it.
    id: usize,
    /// Since when it is there.
    pub since: Stamp,
    /// What people call it: "bus 1".
    pub name: String,
    /// Whether its values come from no real probe.
    pub simulated: bool,
    /// The configured time from the start of one sweep to the start of the next.
    pub period: Duration,
    /// When the last sweep began that measured anything.
    pub last_sweep: Option<Stamp>,
    /// How long that sweep took.
    pub sweep_took: Duration,
    /// Why the bus cannot be measured, since its last good sweep, and since when.
    pub trouble: Option<(BusError, Stamp)>,
    /// How many sweeps measured it since the start.
    pub sweeps: u64,
    /// What is noteworthy about it.
    pub remarks: Vec<Remark>,
    /// The probes that were ever seen on it since the start.
    pub probes: BTreeMap<ProbeId, ProbeState>,
}

/// What is known of one probe.
#[derive(Clone, Debug)]
pub struct ProbeState {
    /// What the newest sweep said.
    pub newest: Sample,
    /// When the newest sweep began.
    pub at: Stamp,
    /// Since when the newest sample's kind holds: the first of these faults in a row, or the first
    /// good value after a fault.
    pub since: Stamp,
    /// The last good value and when its sweep began.
    pub last_good: Option<(Celsius, Stamp)>,
    /// The last fault, when it began, and when it was last seen.
    pub last_fault: Option<(Fault, Stamp, Stamp)>,
    /// The lowest and highest value of the day of the last good value.
    pub day: Option<Day>,
    /// Those of the day before that one.
    pub day_before: Option<Day>,
    /// The newest good value before its fridge's calibration, where there is one.
    pub raw: Option<Celsius>,
    /// What went wrong on the way to its values since the start.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub remarks: Vec<Remark>,
    /// How often each fault was seen since the start.
    pub faults: BTreeMap<Fault, u64>,
}

/// The lowest and highest value of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day, in the machine's time zone.
    pub date: Date,
    /// The lowest value.
    pub min: Celsius,
    /// The highest value.
    pub max: Celsius,
    /// When the first of these values was read: after a restart the day counts from here.
    #[serde(skip)]
    pub since: Stamp,
}

impl Cache {
    /// An empty memory for `buses`, given as name, whether simulated, and period; the first one's number is
    /// 0. Days begin at midnight of `zone`.
    pub fn new(
        buses: impl IntoIterator<Item = (String, bool, Duration)>,
        started: Stamp,
        zone: TimeZone,
    ) -> Self {
        let snapshot = Snapshot { started, buses: Vec::new(), departed: BTreeMap::new(), next: 0 };
        let cache = Cache { zone, latest: Mutex::new(Arc::new(snapshot)) };
        cache.exchange(buses.into_iter().map(|bus| (None, bus)), started);
        cache
    }

    /// From now on there are these buses, each with the number of the one that it was so far, or `None`
    /// where it is new or replaces one. Returns their numbers. What is known of a probe stays: with its bus,
    /// with the one of the same name that replaces that, or for whichever finds it next.
    pub fn exchange(
        &self,
        buses: impl IntoIterator<Item = (Option<usize>, (String, bool, Duration))>,
        now: Stamp,
    ) -> Vec<usize> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Arc::make_mut(&mut latest);
        let mut before = std::mem::take(&mut snapshot.buses);
        let mut take = |wanted: &dyn Fn(&BusState) -> bool| {
            before.iter().position(wanted).map(|index| before.swap_remove(index))
        };
        // Those that stay first, so that nobody else takes what is theirs.
        let stay: Vec<_> =
            buses.into_iter().map(|(id, bus)| (id.and_then(|id| take(&|bus| bus.id == id)), bus)).collect();
        for (stays, (name, simulated, period)) in stay {
            snapshot.buses.push(stays.unwrap_or_else(|| {
                let probes = take(&|bus| bus.name == name && bus.simulated == simulated);
                let probes = probes.map(|replaced| replaced.probes).unwrap_or_default();
                snapshot.next += 1;
                BusState::new(snapshot.next - 1, name, simulated, period, probes, now)
            }));
        }
        snapshot.departed.extend(before.into_iter().flat_map(|bus| bus.probes));
        snapshot.buses.iter().map(|bus| bus.id).collect()
    }

    /// What is known now. Costs one reference count, whatever is in it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A moment as the clock on the wall of the machine's time zone shows it.
    pub fn local(&self, at: &Stamp) -> ZonedDateTime {
        at.wall.to_zoned_datetime(self.zone.clone())
    }

    /// Takes in one sweep of the bus with that number: its samples, when it began and how long it
    /// took. A probe that was seen before and is not in `samples` counts as [`Fault::Absent`].
    /// Returns the probes that now are in another state than before: new, or with another fault, or
    /// with none any more.
    pub fn record(
        &self,
        bus: usize,
        at: Stamp,
        took: Duration,
        samples: impl IntoIterator<Item = impl Into<Sampled>>,
    ) -> Vec<(ProbeId, Sample)> {
        let mut changed = Vec::new();
        self.update(bus, |state, departed| {
            let sampled: HashMap<ProbeId, Sampled> =
                samples.into_iter().map(Into::into).map(|sampled| (sampled.probe, sampled)).collect();
            for (&id, probe) in &mut state.probes {
                let sample = sampled.get(&id).map_or(Err(Fault::Absent), |sampled| sampled.sample);
                if probe.take(sample, at, &self.zone) {
                    changed.push((id, sample));
                }
            }
            for (id, sampled) in sampled {
                let sample = sampled.sample;
                let probe = match state.probes.entry(id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unseen) => {
                        let known = departed.remove(&id);
                        let probe = unseen.insert(known.unwrap_or_else(|| ProbeState::new(sample, at)));
                        probe.take(sample, at, &self.zone);
                        changed.push((id, sample));
                        probe
                    }
                };
                probe.note(sampled);
            }
            state.sweeps += 1;
            state.last_sweep = Some(at);
            state.sweep_took = took;
            state.trouble = None;
        });
        changed
    }

    /// Takes in what is noteworthy about the bus.
    pub fn remark(&self, bus: usize, remarks: Vec<Remark>) {
        self.update(bus, |state, _| state.remarks = remarks);
    }

    /// Takes in that the bus could not be measured at all: so its probes have no value either.
    pub fn record_failure(&self, bus: usize, at: Stamp, error: &BusError) {
        self.update(bus, |state, _| {
            for probe in state.probes.values_mut() {
                probe.take(Err(error.fault), at, &self.zone);
            }
            let since = state.trouble.as_ref().map_or(at, |(_, since)| *since);
            state.trouble = Some((error.clone(), since));
        });
    }

    /// Nothing happens where that bus is no more: its thread may still be in its last sweep.
    fn update(&self, bus: usize, change: impl FnOnce(&mut BusState, &mut BTreeMap<ProbeId, ProbeState>)) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Arc::make_mut(&mut latest);
        if let Some(state) = snapshot.buses.iter_mut().find(|state| state.id == bus) {
            change(state, &mut snapshot.departed);
        }
    }
}

impl ProbeState {
    fn new(first: Sample, at: Stamp) -> Self {
        ProbeState {
            newest: first,
            at,
            since: at,
            last_good: None,
            last_fault: None,
            day: None,
            day_before: None,
            raw: None,
            counts: Counts::default(),
            remarks: Vec::new(),
            faults: BTreeMap::new(),
        }
    }

    /// Takes in what stands beside the newest sample.
    fn note(&mut self, sampled: Sampled) {
        self.counts += sampled.counts;
        if sampled.sample.is_ok() {
            self.raw = sampled.raw;
        }
        // One that says nothing now has not changed its ways.
        if sampled.sample.is_ok() || !sampled.remarks.is_empty() {
            self.remarks = sampled.remarks;
        }
    }

    /// Takes in the newest sample; says whether it is another fault than before, or none any more.
    fn take(&mut self, sample: Sample, at: Stamp, zone: &TimeZone) -> bool {
        let changed = self.newest.map(drop) != sample.map(drop);
        if changed {
            self.since = at;
        }
        self.newest = sample;
        self.at = at;
        match sample {
            Ok(celsius) => {
                self.last_good = Some((celsius, at));
                let date = at.wall.to_zoned_datetime(zone.clone()).date();
                let day = match self.day {
                    Some(day) if day.date == date => {
                        Day { min: day.min.min(celsius), max: day.max.max(celsius), ..day }
                    }
                    before => {
                        self.day_before =
                            before.filter(|day| day.date.tomorrow().is_ok_and(|next| next == date));
                        Day { date, min: celsius, max: celsius, since: at }
                    }
                };
                self.day = Some(day);
            }
            Err(fault) => {
                *self.faults.entry(fault).or_default() += 1;
                self.last_fault = Some((fault, self.since, at));
            }
        }
        changed
    }
}

impl BusState {
    fn new(
        id: usize,
        name: String,
        simulated: bool,
        period: Duration,
        probes: BTreeMap<ProbeId, ProbeState>,
        since: Stamp,
    ) -> Self {
        BusState {
            id,
            since,
            name,
            simulated,
            period,
            last_sweep: None,
            sweep_took: Duration::ZERO,
            trouble: None,
            sweeps: 0,
            remarks: Vec::new(),
            probes,
        }
    }

    /// The age beyond which a reading of this bus is stale: three periods, or three sweeps where a
    /// sweep takes longer than the period.
    pub fn stale_after(&self) -> Duration {
        self.period.max(self.sweep_took) * STALE_AFTER_PERIODS
    }

    /// Whether the newest sweep is young enough to stand for the present.
    pub fn is_fresh(&self, now: &Stamp) -> bool {
        self.trouble.is_none() && self.last_sweep.is_some_and(|at| now.since(&at) <= self.stale_after())
    }
}

impl Snapshot {
    /// Whether anything in it comes from no real probe.
    pub fn is_simulated(&self) -> bool {
        self.buses.iter().any(|bus| bus.simulated)
    }

    /// The bus and the state of a probe; where several buses saw it, the one that saw it last.
    pub fn probe(&self, id: ProbeId) -> Option<(&BusState, &ProbeState)> {
        self.buses
            .iter()
            .filter_map(|bus| bus.probes.get(&id).map(|probe| (bus, probe)))
            .max_by_key(|(_, probe)| (probe.newest.is_ok(), probe.at.mono))
    }

    /// What is known of a probe at the moment `now`.
    pub fn reading(&self, id: ProbeId, now: &Stamp) -> Reading {
        match self.probe(id) {
            Some((bus, probe)) => {
                let age = now.since(&probe.at);
                match probe.newest {
                    Ok(celsius) if age > bus.stale_after() => Reading::Stale { celsius, age },
                    Ok(celsius) => Reading::Fresh { celsius, age },
                    Err(fault) => Reading::Fault { fault, lasts: now.since(&probe.since) },
                }
            }
            None => self.unseen(now),
        }
    }

    /// What is known of a probe that no bus has seen since the start. A bus that has not ended its
    /// first sweep in the time after which readings are stale does not work.
    fn unseen(&self, now: &Stamp) -> Reading {
        let mut silent = self.buses.iter().filter(|bus| bus.last_sweep.is_none() && bus.trouble.is_none());
        let young = silent.clone().find(|bus| now.since(&bus.since) <= bus.stale_after());
        if let Some(bus) = young {
            return Reading::Fault { fault: Fault::Pending, lasts: now.since(&bus.since) };
        }
        if let Some((error, since)) = self.buses.iter().find_map(|bus| bus.trouble.as_ref()) {
            return Reading::Fault { fault: error.fault, lasts: now.since(since) };
        }
        let fault = if silent.next().is_some() { Fault::Bus } else { Fault::Absent };
        Reading::Fault { fault, lasts: now.since(&self.started) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const ONE: ProbeId = ProbeId::new(0x28, 1);
    const TWO: ProbeId = ProbeId::new(0x28, 2);
    const NOTHING: [Sampled; 0] = [];

    fn at(seconds: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
    }

    fn warm(sixteenths: i16) -> Sample {
        Ok(Celsius::from_sixteenths(sixteenths))
    }

    fn cache(buses: usize) -> Cache {
        let buses = (1..=buses).map(|number| (format!("bus {number}"), false, Duration::from_secs(10)));
        Cache::new(buses, at(0), TimeZone::UTC)
    }

    #[test]
    fn a_sweep_tells_which_probes_changed_their_state() {
        let cache = cache(1);
        let took = Duration::from_secs(1);
        assert_eq!(cache.record(0, at(1), took, [(ONE, warm(64))]), [(ONE, warm(64))]);
        assert_eq!(cache.record(0, at(2), took, [(ONE, warm(70))]), []);
        assert_eq!(cache.record(0, at(3), took, [(ONE, Err(Fault::Crc))]), [(ONE, Err(Fault::Crc))]);
        assert_eq!(cache.record(0, at(4), took, [(ONE, Err(Fault::Crc))]), []);
        assert_eq!(cache.record(0, at(5), took, NOTHING), [(ONE, Err(Fault::Absent))]);
        assert_eq!(cache.record(0, at(6), took, [(ONE, warm(64))]), [(ONE, warm(64))]);
        let snapshot = cache.snapshot();
        let (_, state) = snapshot.probe(ONE).unwrap();
        assert_eq!(state.last_fault, Some((Fault::Absent, at(5), at(5))));
        assert_eq!(state.faults, BTreeMap::from([(Fault::Crc, 2), (Fault::Absent, 1)]));
        assert_eq!(state.since, at(6));
    }

    #[test]
    fn a_snapshot_does_not_change_under_its_reader() {
        let cache = cache(1);
        cache.record(0, at(1), Duration::ZERO, [(ONE, warm(64))]);
        let before = cache.snapshot();
        cache.record(0, at(2), Duration::ZERO, [(ONE, warm(80))]);
        assert_eq!(before.probe(ONE).unwrap().1.newest, warm(64));
        assert_eq!(cache.snapshot().probe(ONE).unwrap().1.newest, warm(80));
    }

    #[test]
    fn a_probe_that_moves_to_another_bus_is_read_there() {
        let cache = cache(2);
        cache.record(0, at(1), Duration::ZERO, [(ONE, warm(64))]);
        cache.record(0, at(11), Duration::ZERO, NOTHING);
        cache.record(1, at(12), Duration::ZERO, [(ONE, warm(80))]);
        let age = Duration::from_secs(1);
        let celsius = Celsius::from_sixteenths(80);
        assert_eq!(cache.snapshot().reading(ONE, &at(13)), Reading::Fresh { celsius, age });
    }

    #[test]
    fn a_sweep_longer_than_the_period_stretches_what_fresh_means() {
        let cache = cache(1);
        cache.record(0, at(1), Duration::from_secs(20), [(ONE, warm(64))]);
        assert!(matches!(cache.snapshot().reading(ONE, &at(61)), Reading::Fresh { .. }));
        assert!(matches!(cache.snapshot().reading(ONE, &at(62)), Reading::Stale { .. }));
    }

    #[test]
    fn a_probe_no_bus_has_seen_is_pending_then_absent() {
        let cache = cache(2);
        cache.record(0, at(1), Duration::ZERO, [(ONE, warm(64))]);
        let reading = |now| cache.snapshot().reading(TWO, &at(now));
        let (pending, absent) = (Fault::Pending, Fault::Absent);
        assert_eq!(reading(2), Reading::Fault { fault: pending, lasts: Duration::from_secs(2) });
        cache.record(1, at(3), Duration::ZERO, NOTHING);
        assert_eq!(reading(4), Reading::Fault { fault: absent, lasts: Duration::from_secs(4) });
    }

    #[test]
    fn what_is_known_of_a_probe_survives_the_exchange_of_its_bus() {
        let cache = cache(3);
        for bus in 0..3 {
            let probe = ProbeId::new(0x28, bus as u64 + 1);
            cache.record(bus, at(1), Duration::ZERO, [(probe, warm(64))]);
            cache.record(bus, at(2), Duration::ZERO, [(probe, Err(Fault::Crc))]);
        }
        let bus = |name: &str| (name.to_owned(), false, Duration::from_secs(20));
        // The first stays, the second is replaced by one of its name, the third's probe is found by a new one.
        let buses = [(None, bus("new")), (None, bus("bus 2")), (Some(0), bus("bus 1"))];
        let numbers = cache.exchange(buses, at(10));
        assert_eq!(numbers, [3, 4, 0]);
        let snapshot = cache.snapshot();
        let names: Vec<&str> = snapshot.buses.iter().map(|bus| bus.name.as_str()).collect();
        assert_eq!(names, ["new", "bus 2", "bus 1"]);
        assert_eq!((snapshot.buses[2].sweeps, snapshot.buses[1].sweeps), (2, 0));
        let crc = |id| snapshot.probe(id).map(|(_, probe)| probe.faults[&Fault::Crc]);
        assert_eq!((crc(ONE), crc(TWO)), (Some(1), Some(1)));
        let three = ProbeId::new(0x28, 3);
        let pending = Reading::Fault { fault: Fault::Pending, lasts: Duration::from_secs(1) };
        assert_eq!(snapshot.reading(three, &at(11)), pending);

        // None of the two numbers that went is given again.
        assert_eq!(cache.exchange([(Some(3), bus("new"))], at(10)), [3]);
        assert_eq!(cache.exchange([(Some(3), bus("new")), (None, bus("last"))], at(10)), [3, 5]);
        cache.record(numbers[0], at(12), Duration::ZERO, [(three, warm(80))]);
        cache.record(2, at(12), Duration::ZERO, [(three, warm(0))]);
        let snapshot = cache.snapshot();
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
        let cache = cache(1);
        let fresh = |now| cache.snapshot().buses[0].is_fresh(&at(now));
        assert!(!fresh(0));
        cache.record(0, at(1), Duration::ZERO, NOTHING);
        assert!(fresh(31) && !fresh(32));
        let error = BusError { fault: Fault::Bus, detail: String::new() };
        cache.record_failure(0, at(2), &error);
        assert!(!fresh(3));
    }
}
