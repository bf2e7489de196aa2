//! The only writer. What buses report and what people do goes in, with its time; effects come out: publish a
//! snapshot, remember values, log a change. The step is pure, so that live readings and replayed ones run through
//! the same code; [`writer`] drives it and performs the effects.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::alarm::Side;
use crate::fridge::{Correction, Excursion, Fridge, Limits};
use crate::history::RestoredProbe;
use crate::reading::{Celsius, ProbeId, Sampled, Stamp};
use crate::state::{BusKey, Day, RemoteReading, STALE_AFTER_PERIODS, Snapshot};
use crate::store::{Entry, Kept};

mod absence;
mod act;
mod calibration_dates;
mod disk_watch;
mod effect;
mod ice_points;
mod input;
mod known_probes;
mod ledger;
mod log;
mod log_text;
mod observation;
mod watch;
pub mod writer;

pub use act::{Act, ActError, By};
use calibration_dates::CalibrationDates;
pub use effect::Effect;
use ice_points::IcePoints;
pub use input::{Input, Recipient};
use known_probes::KnownProbes;
pub use ledger::Parcel;
use log::Damping;
pub use log::Line;
pub use observation::Observation;
use watch::Watch;
pub use writer::{Handle, Writer};

/// Without a value for longer than this, and than its readings are fresh, nobody knows whether a fridge stayed outside its
/// limits.
const LONGEST_GAP: Duration = Duration::from_secs(10 * 60);
/// History is written every minute for so long after a fridge has left its limits: one that nobody mends must not wear the
/// card out.
const LONGEST_URGENCY: Duration = Duration::from_secs(24 * 3_600);

/// What the recorder knows: the newest snapshot, and how values are corrected.
#[derive(Debug)]
pub struct Recorder {
    snapshot: Snapshot,
    corrections: HashMap<ProbeId, Correction>,
    ice_points: IcePoints,
    calibration_dates: CalibrationDates,
    watch: Watch,
    known: KnownProbes,
    damping: Damping,
}

impl Recorder {
    /// Knows nothing yet. Days begin at midnight of `zone`.
    pub fn new(started: Stamp, zone: TimeZone) -> Self {
        let snapshot = Snapshot::new(started, zone);
        Recorder {
            snapshot,
            corrections: HashMap::new(),
            ice_points: IcePoints::default(),
            calibration_dates: CalibrationDates::default(),
            watch: Watch::default(),
            known: KnownProbes::default(),
            damping: Damping::default(),
        }
    }

    /// Goes on with what was kept of the alarms, on a computer that has been running for `uptime`.
    pub fn resume(&mut self, kept: Kept, uptime: Duration, now: Stamp) {
        self.calibration_dates = CalibrationDates::resume(kept.alive.as_ref().map(|alive| alive.at));
        self.watch = Watch::resume(kept, uptime, now);
        self.show_alarms();
    }

    /// What is known now.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes one input in at the moment `now`.
    pub fn step(&mut self, input: Input, now: Stamp) -> Vec<Effect> {
        let mut entries = Vec::new();
        let mut effects = Vec::new();
        let is_news = matches!(
            input,
            Input::Buses { .. }
                | Input::Sweep { .. }
                | Input::Failed { .. }
                | Input::Restored(_)
                | Input::Sites { .. }
                | Input::Readings(_)
                | Input::SiteAlarms(_)
        );
        match input {
            Input::Buses { buses, corrections } => {
                self.corrections = corrections;
                self.snapshot.set_buses(buses, now);
            }
            Input::Fridges(fridges) => entries = self.set_fridges(fridges, now),
            Input::Targets(targets) => {
                self.watch.set_targets(targets);
                return effects;
            }
            Input::Sweep { bus, at, took, mut probes, mut notices } => {
                if self.known.forget(&mut self.snapshot, now) {
                    effects.push(Effect::Forget);
                }
                notices.extend(self.known.bound(&self.snapshot, bus, &mut probes));
                for sampled in &mut probes {
                    self.correct(sampled);
                }
                let period =
                    self.snapshot.buses.iter().find(|state| state.key == bus).map(|state| state.period);
                if let Some(period) = period {
                    entries = self.watch.sweep(period, at, &probes);
                }
                let ended = self.ice_points.sweep(at, &probes, now);
                self.end_ice_points(ended, &mut entries);
                let good = |sampled: &Sampled| Some((sampled.probe, sampled.sample.ok()?));
                let values: Vec<_> = probes.iter().filter_map(good).collect();
                let mut limits = Vec::new();
                if let Some(period) = period {
                    limits = self.excursions(period, at, &values);
                }
                let changes = self.snapshot.record_sweep(bus, at, took, probes, notices);
                effects.extend(self.remember(bus, at, now));
                let changes = changes.into_iter().map(Line::Changed).collect();
                let lines =
                    self.damping.admit(changes, now).into_iter().chain(self.damping.admit(limits, now));
                effects.extend(lines.map(Effect::Log));
            }
            Input::Sites { sites, fridges, followed } => {
                self.snapshot.set_sites(sites, now);
                self.snapshot.retain_alarms(&followed);
                entries = self.set_fridges(fridges, now);
            }
            Input::Readings(readings) => {
                let mut lines = Vec::new();
                for (site, readings) in readings {
                    for reading in self.snapshot.record_readings(site, &readings) {
                        let RemoteReading { probe, sample, at, stale_after } = reading;
                        if let Ok(celsius) = sample {
                            let period = stale_after / STALE_AFTER_PERIODS;
                            lines.extend(self.excursions(period, at, &[(probe, celsius)]));
                            // Its own gateway keeps it on the disk.
                            if now.since(&at) <= stale_after {
                                effects.push(Effect::shown(at, probe, sample));
                            }
                        }
                    }
                }
                effects.extend(self.damping.admit(lines, now).into_iter().map(Effect::Log));
            }
            Input::SiteAlarms(alarms) => {
                alarms.into_iter().for_each(|(site, alarms)| self.snapshot.record_alarms(site, alarms));
            }
            Input::Failed { bus, at, fault } => {
                self.snapshot.record_failure(bus, at, fault);
                effects.extend(self.remember(bus, at, now));
            }
            Input::Notice(notice) => self.watch.tell(notice),
            Input::Restored(restored) => {
                for (probe, restored) in restored.probes {
                    self.restore(probe, restored, now);
                }
            }
            Input::Delivered { id, alarms } => {
                entries = self.watch.delivered(&alarms, now);
                entries.extend(id.map(Entry::Delivered));
            }
            Input::Act { act, by } => {
                entries = self.watch.act(&act, &by, now);
                if let Act::Calibrate { fridges } = &act {
                    self.ice_points.begin(fridges, by.user.as_ref(), now);
                    self.snapshot.ice_points = self.ice_points.known();
                }
                effects.push(Effect::Acted { act, by });
            }
            Input::Tick => {
                entries = self.watch.tick(&self.snapshot, now);
                let ended = self.ice_points.tick(now);
                self.end_ice_points(ended, &mut entries);
                let due = self.calibration_dates.tick(&self.snapshot.local(&now));
                due.into_iter().for_each(|due| self.watch.tell(due));
                effects.extend(self.damping.tick(now).into_iter().map(Effect::Log));
                self.snapshot.exposures = Arc::new(self.watch.exposures(now));
            }
            Input::End => {
                return vec![Effect::Keep(self.watch.last_words(now))];
            }
        }
        let (messages, told) = self.watch.messages(now, &self.snapshot.local(&now));
        entries.extend(told);
        effects.extend(messages.into_iter().map(Effect::Tell));
        let entries_are_empty = entries.is_empty();
        // Peaks grow, and a defrost by the clock begins and ends, with nothing to be kept.
        if !entries_are_empty
            || !self.snapshot.alarms.is_empty()
            || self.watch.quiet() != *self.snapshot.quiet
        {
            self.show_alarms();
        }
        if !entries_are_empty {
            // Before an act is answered.
            effects.insert(0, Effect::Keep(entries));
        }
        if is_news || !entries_are_empty {
            effects.insert(0, self.publish());
        }
        effects
    }

    fn set_fridges(&mut self, fridges: Vec<Fridge>, now: Stamp) -> Vec<Entry> {
        self.known.set_fridges(&fridges);
        self.ice_points.set_fridges(&fridges);
        self.calibration_dates.set_fridges(&fridges);
        self.snapshot.ice_points = self.ice_points.known();
        self.watch.set_fridges(fridges, now)
    }

    fn show_alarms(&mut self) {
        self.snapshot.alarms = Arc::new(self.watch.open().cloned().collect());
        self.snapshot.quiet = Arc::new(self.watch.quiet());
    }

    /// Follows which fridges are outside their limits; returns who left them and who came back.
    fn excursions(&mut self, period: Duration, at: Stamp, values: &[(ProbeId, Celsius)]) -> Vec<Line> {
        let gap = LONGEST_GAP.max(period * STALE_AFTER_PERIODS);
        let mut lines = Vec::new();
        for &(probe, celsius) in values {
            let Some(limits) = self.known.limits(probe) else { continue };
            let before = self.snapshot.excursions.get(&probe).copied();
            let after = Excursion::after(before, limits, celsius, at, gap);
            if before == after {
                continue;
            }
            let excursions = Arc::make_mut(&mut self.snapshot.excursions);
            match after {
                Some(excursion) => {
                    excursions.insert(probe, excursion);
                    if before.is_none_or(|before| before.since != excursion.since) {
                        lines.push(Line::Left { probe, excursion });
                    }
                }
                None => {
                    excursions.remove(&probe);
                    // Without limits it did not come back: they were taken away.
                    let returned = before.filter(|_| *limits != Limits::default());
                    lines.extend(returned.map(|excursion| Line::Returned { probe, excursion, celsius, at }));
                }
            }
        }
        lines
    }

    /// What every probe of a bus reads now, for the history. One that is not found there any more reads that.
    fn remember(&self, bus: BusKey, at: Stamp, now: Stamp) -> Option<Effect> {
        let state = self.snapshot.buses.iter().find(|state| state.key == bus)?;
        // One that gives no value here and that another bus has seen since is that one's. Only such a one is looked for
        // elsewhere: a sweep must not cost more where there are many buses.
        let is_elsewhere = |probe| self.snapshot.probe(probe).is_some_and(|(other, _)| other.key != bus);
        let here =
            state.probes.iter().filter(|(probe, state)| state.newest.is_ok() || !is_elsewhere(**probe));
        let samples = here.map(|(probe, state)| (*probe, state.newest)).collect();
        let is_recent = |since: &Stamp| now.since(since) < LONGEST_URGENCY;
        // Of another gateway's fridges nothing is written here.
        let mut own = self.snapshot.excursions.iter().filter(|(probe, _)| probe.site().is_none());
        let is_urgent = own.any(|(_, excursion)| is_recent(&excursion.since))
            || self.snapshot.alarms.iter().any(|alarm| !alarm.drill && is_recent(&now.at_wall(alarm.raised)));
        let is_kept = !state.simulated || self.snapshot.buses.iter().all(|bus| bus.simulated);
        Some(Effect::Remember { at, samples, is_urgent, is_kept })
    }

    /// Goes on with what was kept of a probe: the day's lowest and highest values, and since when it is outside its limits.
    fn restore(&mut self, probe: ProbeId, restored: RestoredProbe, now: Stamp) {
        let days = restored.days.into_iter().map(|(date, (min, max, since))| Day {
            date,
            min,
            max,
            since: now.at_wall(since),
        });
        self.snapshot.restore_days(probe, days.collect(), &now);
        let Some((since, side, peak, newest)) = restored.outside else { return };
        let (since, newest) = (now.at_wall(since), now.at_wall(newest));
        let is_unread = self.snapshot.probe(probe).is_none() && now.since(&newest) <= LONGEST_GAP;
        let excursions = Arc::make_mut(&mut self.snapshot.excursions);
        match excursions.get_mut(&probe) {
            Some(present) if present.side == side && present.since.since(&newest) <= LONGEST_GAP => {
                let peak = match side {
                    Side::Above => present.peak.max(peak),
                    Side::Below => present.peak.min(peak),
                };
                *present = Excursion { since, peak, ..*present };
            }
            None if is_unread => drop(excursions.insert(probe, Excursion { side, since, peak, newest })),
            // It has been read since, and was within its limits; or too long ago to know.
            _ => {}
        }
    }

    fn correct(&self, sampled: &mut Sampled) {
        if let (Ok(raw), Some(correction)) = (sampled.sample, self.corrections.get(&sampled.probe)) {
            sampled.raw = Some(raw);
            sampled.sample = Ok(correction.apply(raw));
        }
    }

    /// Shows how far the measurements of the ice point are, tells of those that have ended, and has it kept.
    fn end_ice_points(&mut self, ended: ice_points::Ended, entries: &mut Vec<Entry>) {
        self.snapshot.ice_points = self.ice_points.known();
        for (notice, entry) in ended {
            self.watch.tell(notice);
            entries.push(entry);
        }
    }

    fn publish(&self) -> Effect {
        Effect::Publish(Arc::new(self.snapshot.clone()))
    }
}

#[cfg(test)]
mod tests;
