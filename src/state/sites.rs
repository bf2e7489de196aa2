//! What other gateways read: each is kept as a bus of its own, whose readings arrive one by one and have a moment each.

use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use super::{BusInfo, BusKey, BusState, Change, ProbeState, Snapshot};
use crate::reading::{Fault, ProbeId, Reading, Sample, Stamp};

/// From a gateway that is heard, something comes of each fridge within this time.
const FIRST_READING: Duration = Duration::from_secs(120);

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
    /// From now on there are these other gateways, by their numbers. What is known of one stays, unless it has another name.
    pub fn set_sites(&mut self, infos: Vec<BusInfo>, now: Stamp) {
        let before = std::mem::take(&mut self.sites);
        let site = |(number, info): (usize, BusInfo)| {
            let known = before.get(number).filter(|site| site.name == info.name);
            let same = known.filter(|site| site.simulated == info.simulated && site.period == info.period);
            if let Some(same) = same {
                return Arc::clone(same);
            }
            let probes = known.map(|site| site.probes.clone()).unwrap_or_default();
            self.next_key += 1;
            let since = known.map_or(now, |site| site.since);
            Arc::new(BusState::new(BusKey(self.next_key - 1), info, probes, since))
        };
        self.sites = Arc::new(infos.into_iter().enumerate().map(site).collect());
    }

    /// Takes in readings of another gateway. One that is older than what is known of its fridge says nothing new.
    pub fn record_readings(&mut self, site: usize, readings: &[RemoteReading]) -> Vec<Change> {
        let Some(state) = Arc::make_mut(&mut self.sites).get_mut(site) else { return Vec::new() };
        let state = Arc::make_mut(state);
        let mut changed = Vec::new();
        for &RemoteReading { probe, sample, at, stale_after } in readings {
            let is_changed = match state.probes.entry(probe) {
                Entry::Occupied(known) if at.mono < known.get().at.mono => continue,
                Entry::Occupied(mut known) => {
                    known.get_mut().stale_after = Some(stale_after);
                    known.get_mut().update(sample, at, &self.zone)
                }
                Entry::Vacant(unseen) => {
                    let known = unseen.insert(ProbeState::new(sample, at));
                    known.stale_after = Some(stale_after);
                    known.update(sample, at, &self.zone);
                    true
                }
            };
            if is_changed {
                changed.push(Change { bus: state.name.clone(), probe, sample });
            }
            if state.last_sweep.is_none_or(|last| last.mono < at.mono) {
                state.last_sweep = Some(at);
            }
        }
        state.sweeps += 1;
        changed
    }

    /// What is known of a fridge of another gateway of which nothing has come yet.
    pub(super) fn unheard(&self, site: usize, now: &Stamp) -> Reading {
        // One that was announced just now is not known yet.
        let since = self.sites.get(site).map_or(*now, |site| site.since);
        let lasts = now.since(&since);
        let fault = if lasts <= FIRST_READING { Fault::Pending } else { Fault::Absent };
        Reading::Fault { fault, lasts }
    }
}
