//! Everything that is known at one moment. A change copies the one bus that it is about; the others are shared
//! with the snapshot before.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::{BusInfo, BusKey, BusState, Day, ProbeState, SiteAlarms};
use crate::alarm::{Alarm, Quiet, UsedBudget};
use crate::fridge::{Excursion, IcePoint};
use crate::reading::{BusFault, Fault, Notice, ProbeId, Reading, Sample, Sampled, Stamp};

/// A first sweep takes no longer: a hundred probes, one after another, at 0.8 s each.
const FIRST_SWEEP: Duration = Duration::from_secs(120);

/// Everything that is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the gateway started.
    pub started: Stamp,
    /// The buses, in the order of the configuration.
    pub buses: Vec<Arc<BusState>>,
    /// The other gateways whose readings arrive here, each as a bus; [`ProbeId::site`] counts them.
    pub sites: Arc<Vec<Arc<BusState>>>,
    /// This gateway's own open alarms, the oldest first.
    pub alarms: Arc<Vec<Alarm>>,
    /// Those of other gateways, by the gateways' names in topics.
    pub site_alarms: Arc<BTreeMap<String, SiteAlarms>>,
    /// Around which fridges it is quiet, by their ids.
    pub quiet: Arc<BTreeMap<String, Quiet>>,
    /// How much of their budgets of time outside the fridges have used, by their ids; those that used any.
    pub exposures: Arc<BTreeMap<String, UsedBudget>>,
    /// The fridges that are outside their limits, by their probes.
    pub excursions: Arc<BTreeMap<ProbeId, Excursion>>,
    /// The measurements of the ice point that were asked for since the start, by the ids of their fridges.
    pub ice_points: Arc<BTreeMap<String, IcePoint>>,
    pub(super) zone: TimeZone,
    /// What was known of probes whose bus is no more, until another bus finds them.
    orphaned: Arc<BTreeMap<ProbeId, ProbeState>>,
    pub(super) next_key: usize,
}

/// A probe that is in another state than before: new, or with another fault, or with none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The bus's name.
    pub bus: String,
    /// The probe.
    pub probe: ProbeId,
    /// What it reads now.
    pub sample: Sample,
}

impl Snapshot {
    /// Nothing is known yet, and there is no bus. Days begin at midnight of `zone`.
    pub fn new(started: Stamp, zone: TimeZone) -> Self {
        Snapshot {
            started,
            buses: Vec::new(),
            sites: Arc::default(),
            alarms: Arc::default(),
            site_alarms: Arc::default(),
            quiet: Arc::default(),
            exposures: Arc::default(),
            excursions: Arc::default(),
            ice_points: Arc::default(),
            zone,
            orphaned: Arc::default(),
            next_key: 0,
        }
    }

    /// From now on there are these buses, each with the key of the one that it was so far, or `None` where it
    /// is new or replaces one. What is known of a probe stays: with its bus, with the one of the same name
    /// that replaces that, or for whichever finds it next.
    pub fn set_buses(&mut self, buses: impl IntoIterator<Item = (Option<BusKey>, BusInfo)>, now: Stamp) {
        let mut before = std::mem::take(&mut self.buses);
        let mut take = |wanted: &dyn Fn(&BusState) -> bool| {
            before.iter().position(|bus| wanted(bus)).map(|index| before.swap_remove(index))
        };
        // Those that stay first, so that no other takes what is theirs.
        let buses: Vec<_> = buses
            .into_iter()
            .map(|(key, info)| (key.and_then(|key| take(&|bus| bus.key == key)), info))
            .collect();
        for (stays, info) in buses {
            let bus = stays.unwrap_or_else(|| {
                let replaced = take(&|bus| bus.name == info.name && bus.simulated == info.simulated);
                let probes = replaced.map(|replaced| replaced.probes.clone()).unwrap_or_default();
                self.next_key += 1;
                Arc::new(BusState::new(BusKey(self.next_key - 1), info, probes, now))
            });
            self.buses.push(bus);
        }
        let gone = before.into_iter().flat_map(|bus| bus.probes.clone());
        Arc::make_mut(&mut self.orphaned).extend(gone);
    }

    /// Takes in one sweep of a bus: its samples and notices, when it began and how long it took. A probe that
    /// was seen before and is not in `probes` counts as [`Fault::Absent`]. Nothing happens where that bus is no
    /// more: its thread may still be in its last sweep.
    pub fn record_sweep(
        &mut self,
        bus: BusKey,
        at: Stamp,
        took: Duration,
        probes: impl IntoIterator<Item = impl Into<Sampled>>,
        notices: Vec<Notice>,
    ) -> Vec<Change> {
        let Some(state) = self.buses.iter_mut().find(|state| state.key == bus) else { return Vec::new() };
        let state = Arc::make_mut(state);
        let mut changed = Vec::new();
        let sampled: HashMap<ProbeId, Sampled> =
            probes.into_iter().map(Into::into).map(|sampled| (sampled.probe, sampled)).collect();
        for (&id, probe) in &mut state.probes {
            let sample = sampled.get(&id).map_or(Err(Fault::Absent), |sampled| sampled.sample);
            if probe.update(sample, at, &self.zone) {
                changed.push((id, sample));
            }
        }
        for (id, sampled) in sampled {
            let sample = sampled.sample;
            let probe = match state.probes.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unseen) => {
                    let known = if self.orphaned.contains_key(&id) {
                        Arc::make_mut(&mut self.orphaned).remove(&id)
                    } else {
                        None
                    };
                    let probe = unseen.insert(known.unwrap_or_else(|| ProbeState::new(sample, at)));
                    probe.update(sample, at, &self.zone);
                    changed.push((id, sample));
                    probe
                }
            };
            probe.update_details(sampled);
        }
        state.sweeps += 1;
        state.last_sweep = Some(at);
        state.sweep_took = took;
        state.sweep_durations.add(took);
        state.fault = None;
        state.notices = notices;
        let change = |(probe, sample)| Change { bus: state.name.clone(), probe, sample };
        changed.into_iter().map(change).collect()
    }

    /// Takes in that a bus could not be measured at all: so its probes have no value either.
    pub fn record_failure(&mut self, bus: BusKey, at: Stamp, fault: BusFault) {
        let Some(state) = self.buses.iter_mut().find(|state| state.key == bus) else { return };
        let state = Arc::make_mut(state);
        for probe in state.probes.values_mut() {
            probe.update(Err(fault.fault), at, &self.zone);
        }
        *state.failures.entry(fault.fault).or_default() += 1;
        let since = state.fault.as_ref().map_or(at, |(_, since)| *since);
        state.fault = Some((fault, since));
    }

    /// Puts back what was kept of a probe's last days, also of one that no bus has found yet.
    pub fn restore_days(&mut self, probe: ProbeId, days: Vec<Day>, now: &Stamp) {
        let today = self.local(now).date();
        let bus = self.buses.iter().position(|bus| bus.probes.contains_key(&probe));
        let state = match bus {
            Some(bus) => Arc::make_mut(&mut self.buses[bus]).probes.get_mut(&probe),
            None => {
                let pending = || ProbeState::new(Err(Fault::Pending), *now);
                Some(Arc::make_mut(&mut self.orphaned).entry(probe).or_insert_with(pending))
            }
        };
        if let Some(state) = state {
            days.into_iter().for_each(|day| state.restore(day, today));
        }
    }

    /// Forgets probes that have given no value for that long, but for those that are `kept`.
    pub fn forget(&mut self, kept: impl Fn(ProbeId) -> bool, after: Duration, now: &Stamp) {
        let goes = |id: &ProbeId, probe: &ProbeState| {
            let answered = probe.last_good.map_or(probe.first, |(_, at)| at);
            !kept(*id) && now.since(&answered) >= after
        };
        for bus in &mut self.buses {
            if bus.probes.iter().any(|(id, probe)| goes(id, probe)) {
                Arc::make_mut(bus).probes.retain(|id, probe| !goes(id, probe));
            }
        }
        if self.orphaned.iter().any(|(id, probe)| goes(id, probe)) {
            Arc::make_mut(&mut self.orphaned).retain(|id, probe| !goes(id, probe));
        }
    }

    /// A moment as the clock on the wall of the machine's time zone shows it.
    pub fn local(&self, at: &Stamp) -> ZonedDateTime {
        at.wall.to_zoned_datetime(self.zone.clone())
    }

    /// The same of a moment of the wall clock.
    pub fn local_at(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.zone.clone())
    }

    /// Whether anything in it comes from no real probe.
    pub fn is_simulated(&self) -> bool {
        self.is_own_simulated() || self.sites.iter().any(|site| site.simulated)
    }

    /// Whether anything that this gateway measures itself does.
    pub fn is_own_simulated(&self) -> bool {
        self.buses.iter().any(|bus| bus.simulated)
    }

    /// The bus and the state of a probe; where several buses saw it, the one that saw it last.
    pub fn probe(&self, id: ProbeId) -> Option<(&BusState, &ProbeState)> {
        if let Some(site) = id.site() {
            let site = self.sites.get(site)?;
            return Some((site, site.probes.get(&id)?));
        }
        self.buses
            .iter()
            .filter_map(|bus| bus.probes.get(&id).map(|probe| (&**bus, probe)))
            .max_by_key(|(_, probe)| (probe.newest.is_ok(), probe.at.mono))
    }

    /// What is known of a probe at the moment `now`.
    pub fn reading(&self, id: ProbeId, now: &Stamp) -> Reading {
        match (self.probe(id), id.site()) {
            (None, Some(site)) => self.unheard(site, now),
            (found, _) => self.reading_of(found, now),
        }
    }

    /// What is known at the moment `now` of a probe that was found here, or not.
    pub fn reading_of(&self, found: Option<(&BusState, &ProbeState)>, now: &Stamp) -> Reading {
        match found {
            Some((bus, probe)) => {
                let age = now.since(&probe.at);
                match probe.newest {
                    Ok(celsius) if age > probe.stale_after.unwrap_or_else(|| bus.stale_after()) => {
                        Reading::Stale { celsius, age }
                    }
                    Ok(celsius) => Reading::Fresh { celsius, age },
                    Err(fault) => Reading::Fault { fault, lasts: now.since(&probe.since) },
                }
            }
            None => self.unseen(now),
        }
    }

    /// What is known of a probe that no bus has seen since the start. A bus that has not ended its first sweep long
    /// after every other would have does not work.
    fn unseen(&self, now: &Stamp) -> Reading {
        let mut silent = self.buses.iter().filter(|bus| bus.last_sweep.is_none() && bus.fault.is_none());
        let young = silent.clone().find(|bus| now.since(&bus.since) <= bus.stale_after().max(FIRST_SWEEP));
        if let Some(bus) = young {
            return Reading::Fault { fault: Fault::Pending, lasts: now.since(&bus.since) };
        }
        if let Some((fault, since)) = self.buses.iter().find_map(|bus| bus.fault.as_ref()) {
            return Reading::Fault { fault: fault.fault, lasts: now.since(since) };
        }
        match silent.next() {
            Some(bus) => Reading::Fault { fault: Fault::Bus, lasts: now.since(&bus.since) },
            None => Reading::Fault { fault: Fault::Absent, lasts: now.since(&self.started) },
        }
    }
}
