//! What other gateways read: each is kept as a bus of its own, whose readings arrive one by one and have a moment each.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{BusInfo, BusKey, BusState, ProbeState, SiteAlarms, Snapshot};
use crate::alarm::Alarm;
use crate::reading::{Fault, ProbeId, Reading, Sample, Stamp};

/// Of a gateway that is heard, something comes of each fridge within this time.
const FIRST_READING: Duration = Duration::from_secs(10 * 60);

/// A gateway tells its open alarms every minute; after three minutes without a word of them nobody knows whether they are still
/// open.
const ALARMS_KNOWN: Duration = Duration::from_secs(180);

/// One reading of another gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemoteReading {
    /// Of which of its fridges.
    pub probe: ProbeId,
    /// What was read.
    pub sample: Sample,
    /// When, on this gateway's clocks.
    pub at: Stamp,
    /// The age beyond which it is stale.
    pub stale_after: Duration,
}

impl Snapshot {
    /// From now on there are these other gateways, by their numbers. What is known of one stays.
    pub fn set_sites(&mut self, infos: Vec<BusInfo>, now: Stamp) {
        let before = std::mem::take(&mut self.sites);
        let site = |(number, info): (usize, BusInfo)| {
            let is_same = |site: &&Arc<BusState>| site.name == info.name && site.simulated == info.simulated;
            if let Some(same) = before.get(number).filter(is_same) {
                return Arc::clone(same);
            }
            // What was simulated is not taken for what is measured, nor the other way round.
            self.next_key += 1;
            Arc::new(BusState::new(BusKey(self.next_key - 1), info, BTreeMap::new(), now))
        };
        self.sites = Arc::new(infos.into_iter().enumerate().map(site).collect());
    }

    /// Takes in readings of another gateway; returns those that say something new: of a gateway that is known, and not older
    /// than what is known of their fridge.
    pub fn record_readings(&mut self, site: usize, readings: &[RemoteReading]) -> Vec<RemoteReading> {
        let Some(state) = Arc::make_mut(&mut self.sites).get_mut(site) else { return Vec::new() };
        let state = Arc::make_mut(state);
        let mut taken = Vec::new();
        for reading @ &RemoteReading { probe, sample, at, stale_after } in readings {
            match state.probes.entry(probe) {
                Entry::Occupied(known) if at.mono < known.get().at.mono => continue,
                Entry::Occupied(mut known) => {
                    known.get_mut().stale_after = Some(stale_after);
                    known.get_mut().update(sample, at, &self.zone);
                }
                Entry::Vacant(unseen) => {
                    let known = unseen.insert(ProbeState::new(sample, at));
                    known.stale_after = Some(stale_after);
                    known.update(sample, at, &self.zone);
                }
            }
            taken.push(*reading);
            if state.last_sweep.is_none_or(|last| last.mono < at.mono) {
                state.last_sweep = Some(at);
            }
        }
        state.sweeps += 1;
        taken
    }

    /// Takes in the open alarms of another gateway, by its name in topics.
    pub fn record_alarms(&mut self, site: String, alarms: SiteAlarms) {
        // What was told before is over.
        drop(Arc::make_mut(&mut self.site_alarms).insert(site, alarms));
    }

    /// Only the alarms of these other gateways are known any more.
    pub fn retain_alarms(&mut self, followed: &BTreeSet<String>) {
        if self.site_alarms.keys().any(|site| !followed.contains(site)) {
            Arc::make_mut(&mut self.site_alarms).retain(|site, _| followed.contains(site));
        }
    }

    /// All open alarms, this gateway's own first.
    pub fn open_alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.iter().chain(self.site_alarms.values().flat_map(|site| &site.alarms))
    }

    /// Whether the open alarms of another gateway are known at the moment `now`.
    pub fn are_alarms_known(&self, site: &str, now: &Stamp) -> bool {
        let told = self.site_alarms.get(site).and_then(|told| told.at);
        told.is_some_and(|at| now.since(&at) <= ALARMS_KNOWN)
    }

    /// Whether an alarm is known to be open at the moment `now`: one of another gateway may be over where that has not confirmed
    /// it lately.
    pub fn is_confirmed(&self, alarm: &Alarm, now: &Stamp) -> bool {
        alarm.site.as_ref().is_none_or(|site| self.are_alarms_known(site, now))
    }

    /// What is known of a fridge of another gateway of which nothing has come yet.
    pub(super) fn unheard(&self, site: usize, now: &Stamp) -> Reading {
        // One that was announced just now is not known yet.
        let since = self.sites.get(site).map_or(*now, |site| site.since);
        let lasts = now.since(&since);
        let fault = if lasts <= FIRST_READING { Fault::Pending } else { Fault::NoAnswer };
        Reading::Fault { fault, lasts }
    }
}
