//! The watch over all fridges: readings, time and what people do go in; alarms change, and what is to be kept and
//! delivered comes out as entries for the records.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use jiff::ZonedDateTime;

use super::absence::{Absence, BETWEEN_SIGNS};
use super::{Act, By};
use crate::alarm::{
    self, Acknowledgement, ActiveAlarms, Alarm, Event, Memory, Message, Monitor, Observation, Outage, Quiet,
    Topic, UsedBudget,
};
use crate::fridge::Fridge;
use crate::reading::{Celsius, Fault, ProbeId, Reading, Sampled, Stamp};
use crate::state::Snapshot;
use crate::store::{Alive, Entry, Kept};

/// A monitor whose bus is not known yet counts on a reading as often as this.
const USUAL_PERIOD: Duration = Duration::from_secs(10);
/// What the rules know is kept this often, where it is worth keeping.
const BETWEEN_MEMORIES: Duration = Duration::from_secs(5 * 60);

/// Watches all fridges.
#[derive(Debug, Default)]
pub struct Watch {
    watched: Vec<Watched>,
    by_probe: HashMap<ProbeId, usize>,
    by_id: HashMap<String, usize>,
    alarms: ActiveAlarms,
    /// What was kept of fridges that are not watched yet.
    memories: HashMap<String, Memory>,
    targets: Vec<String>,
    absence: Option<Absence>,
    outage: Option<Outage>,
    remembered: Duration,
    signed: Option<Duration>,
}

#[derive(Debug)]
struct Watched {
    fridge: Fridge,
    monitor: Monitor,
    period: Duration,
    /// Whether something is kept of it, which then must not grow old.
    is_kept: bool,
}

impl Watch {
    /// Goes on with what was kept.
    pub fn resume(kept: Kept, now: Stamp) -> Watch {
        let alarms = ActiveAlarms::resume(kept.alarms, kept.quiet, kept.last_number, now);
        let absence = kept.alive.map(|last| Absence::new(last, now));
        Watch { alarms, memories: kept.memories, absence, ..Watch::default() }
    }

    /// The open alarms, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.open()
    }

    /// Around which fridges it is quiet, by their ids.
    pub fn quiet(&self) -> &BTreeMap<String, Quiet> {
        self.alarms.quiet()
    }

    /// How much of their budgets of time outside the fridges have used, by their ids; those that used any.
    pub fn exposures(&mut self, now: Stamp) -> BTreeMap<String, UsedBudget> {
        let used = self.watched.iter_mut().filter_map(|watched| {
            let used = watched.monitor.exposure(now).filter(|used| used.outside_s > 0)?;
            Some((watched.fridge.id.clone(), used))
        });
        used.collect()
    }

    /// Messages go to these targets from now on.
    pub fn set_targets(&mut self, targets: Vec<String>) {
        self.targets = targets;
    }

    /// These fridges are watched from now on. One whose rules did not change goes on as it was.
    pub fn set_fridges(&mut self, fridges: Vec<Fridge>, now: Stamp) -> Vec<Entry> {
        let mut periods = HashMap::new();
        for before in std::mem::take(&mut self.watched) {
            periods.insert(before.fridge.id.clone(), before.period);
            self.memories.insert(before.fridge.id.clone(), before.monitor.memory(now));
        }
        self.by_probe.clear();
        self.by_id.clear();
        for fridge in fridges.into_iter().filter(|fridge| !fridge.out_of_service) {
            let period = periods.get(&fridge.id).copied().unwrap_or(USUAL_PERIOD);
            let memory = self.memories.remove(&fridge.id);
            let is_kept = memory.is_some();
            let mut monitor = match memory {
                Some(memory) => Monitor::resume(&fridge.rules, period, now, &memory),
                None => Monitor::new(&fridge.rules, period, now),
            };
            let of_fridge = self.alarms.open().filter(|alarm| !alarm.drill && alarm.fridge == fridge.id);
            monitor.reconcile(&of_fridge.map(|alarm| (alarm.kind, alarm.urgency)).collect::<Vec<_>>());
            self.by_probe.insert(fridge.probe, self.watched.len());
            self.by_id.insert(fridge.id.clone(), self.watched.len());
            self.watched.push(Watched { fridge, monitor, period, is_kept });
        }
        let is_watched = |id: &str| self.by_id.contains_key(id);
        let ended = self.alarms.forget(is_watched, now);
        ended.into_iter().map(Entry::Alarm).collect()
    }

    /// Takes in the readings of a sweep that began then, of a bus that is read every `period`.
    pub fn sweep(&mut self, period: Duration, at: Stamp, probes: &[Sampled]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for sampled in probes {
            let Some(&index) = self.by_probe.get(&sampled.probe) else { continue };
            let watched = &mut self.watched[index];
            if watched.period != period {
                watched.period = period;
                watched.monitor.set_period(period);
            }
            let observation = sampled.sample.map_or(Observation::Nothing, Observation::Reading);
            let events = watched.monitor.step(at, observation);
            self.take(index, events, at, &mut entries);
        }
        entries
    }

    /// Time has passed: probes may have fallen silent, and alarms may be due for a reminder.
    pub fn tick(&mut self, snapshot: &Snapshot, now: Stamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for index in 0..self.watched.len() {
            let watched = &mut self.watched[index];
            let observation = match snapshot.reading(watched.fridge.probe, &now) {
                Reading::Fault { fault: Fault::Pending, .. } => Observation::Pending,
                _ => Observation::Nothing,
            };
            let events = watched.monitor.step(now, observation);
            self.take(index, events, now, &mut entries);
        }
        if now.mono.saturating_sub(self.remembered) >= BETWEEN_MEMORIES {
            entries.extend(self.memories(now));
        }
        // Sooner where something else goes on the disk as well.
        let due = if entries.is_empty() { BETWEEN_SIGNS } else { BETWEEN_MEMORIES };
        if self.signed.is_none_or(|signed| now.mono.saturating_sub(signed) >= due) {
            self.signed = Some(now.mono);
            entries.push(self.alive(now, false));
        }
        if let Some(off) = self.absence.as_mut().and_then(|absence| absence.length(now)) {
            let is_read = self.watched.iter().all(|watched| watched.monitor.newest().is_some());
            entries.extend(self.return_from_absence(off, is_read, now));
        }
        entries
    }

    /// The gateway lives, or ends.
    pub fn alive(&self, now: Stamp, was_ended: bool) -> Entry {
        let newest =
            |watched: &Watched| Some((watched.fridge.id.clone(), watched.monitor.newest()?.sixteenths()));
        Entry::Alive(Alive {
            at: now.wall,
            was_ended,
            readings: self.watched.iter().filter_map(newest).collect(),
        })
    }

    /// The gateway was off for that long. Once every fridge is read, or will not be for a while, it is told; what is
    /// estimated counts for the budgets.
    fn return_from_absence(&mut self, off: Duration, is_read: bool, now: Stamp) -> Vec<Entry> {
        let Some(absence) = self.absence.take_if(|absence| is_read || absence.has_waited(now)) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        let mut estimates = Vec::new();
        for Watched { fridge, monitor, .. } in &mut self.watched {
            let mut estimate = absence.estimate(fridge, off, monitor.newest());
            monitor.add_outside(Duration::from_secs(estimate.outside_s), absence.started());
            estimate.exposure = monitor.exposure(now);
            if estimate.outside_s > 0 {
                entries.push(Entry::Memory(fridge.id.clone(), monitor.memory(now)));
            }
            estimates.push(estimate);
        }
        estimates.sort_by_key(|estimate| std::cmp::Reverse(estimate.outside_s));
        self.outage =
            Some(Outage { off_s: off.as_secs(), was_ended: absence.was_ended(), fridges: estimates });
        entries
    }

    /// What the rules know, where it is worth keeping.
    pub fn memories(&mut self, now: Stamp) -> Vec<Entry> {
        self.remembered = now.mono;
        let mut entries = Vec::new();
        for watched in &mut self.watched {
            let is_worth = watched.monitor.is_worth_keeping();
            // Once more where it is not any more: what is on the disk would be of an older day.
            if is_worth || watched.is_kept {
                entries.push(Entry::Memory(watched.fridge.id.clone(), watched.monitor.memory(now)));
            }
            watched.is_kept = is_worth;
        }
        entries
    }

    /// Does what somebody wants done.
    pub fn act(&mut self, act: &Act, by: &By, now: Stamp) -> Vec<Entry> {
        let (entries, what): (Vec<Entry>, String) = match act {
            Act::Acknowledge { numbers, cause } => {
                let acknowledgement =
                    Acknowledgement { by: by.user.clone(), at: now.wall, cause: cause.clone() };
                let alarms = self.alarms.acknowledge(numbers, &acknowledgement);
                let what = format!("acknowledge {numbers:?}: {}", cause.as_deref().unwrap_or("-"));
                (alarms.into_iter().map(Entry::Alarm).collect(), what)
            }
            Act::Snooze { fridges, length } => (
                self.silence(fridges, *length, false, by, now.wall),
                format!("snooze {fridges:?} {length:?}"),
            ),
            Act::Defrost { fridges, length } => (
                self.silence(fridges, *length, true, by, now.wall),
                format!("defrost {fridges:?} {length:?}"),
            ),
            Act::Drill { fridge } => (self.drill(fridge, now), format!("drill {fridge}")),
            #[cfg(test)]
            Act::Nothing => return Vec::new(),
        };
        let deed = Entry::Deed { at: now.wall, who: by.user.clone(), what };
        entries.into_iter().chain([deed]).collect()
    }

    /// A target took a message about these alarms.
    pub fn delivered(&mut self, numbers: &[u64], now: Stamp) -> Vec<Entry> {
        self.alarms.delivered(numbers, now.wall).into_iter().map(Entry::Alarm).collect()
    }

    /// The messages that are due, and what of them is to be kept: one for each target.
    pub fn messages(&mut self, now: Stamp, local: &ZonedDateTime) -> (Vec<Message>, Vec<Entry>) {
        self.expect_defrosts(local);
        let (watched, by_id) = (&mut self.watched, &self.by_id);
        self.alarms.follow(|alarm| {
            let watched = by_id.get(&alarm.fridge).and_then(|index| watched.get_mut(*index));
            let Some(Watched { monitor, .. }) = watched else { return };
            alarm.peak = monitor.peak(alarm.kind).map(Celsius::degrees);
            alarm.limit = monitor.limit(alarm.kind).map(Celsius::degrees);
            alarm.exposure = monitor.exposure(now).filter(|used| used.outside_s > 0);
        });
        let (mut messages, changed) = self.alarms.messages(now);
        if let Some(outage) = self.outage.take() {
            let outage = Some(outage);
            messages.insert(0, Message { outage, ..Message::new(Topic::Outage, now.wall, Vec::new()) });
        }
        let mut entries: Vec<Entry> = changed.into_iter().map(Entry::Alarm).collect();
        for message in &messages {
            let to = |target: &String| Entry::Message { target: target.clone(), message: message.clone() };
            entries.extend(self.targets.iter().map(to));
        }
        (messages, entries)
    }

    fn drill(&mut self, fridge: &str, now: Stamp) -> Vec<Entry> {
        let Some(watched) = self.by_id.get(fridge).map(|index| &self.watched[*index]) else {
            return Vec::new();
        };
        let Fridge { id, name, rules, .. } = &watched.fridge;
        let raised = alarm::drill(rules).and_then(|event| self.alarms.drill((id, name), event, now));
        raised.into_iter().map(Entry::Alarm).collect()
    }

    /// Around a fridge whose defrost by the clock is under way, warmth is expected.
    fn expect_defrosts(&mut self, local: &ZonedDateTime) {
        for watched in &self.watched {
            let ends = watched.fridge.rules.defrosts.iter().filter_map(|defrost| defrost.ends(local)).max();
            let Some(until) = ends else { continue };
            let id = &watched.fridge.id;
            // What somebody said reaches further.
            let is_quiet = |quiet: &Quiet| !quiet.warmth_only || quiet.until >= until;
            if !self.alarms.quiet().get(id).is_some_and(is_quiet) {
                self.alarms.silence(id, Quiet { until, warmth_only: true, by: None });
            }
        }
    }

    fn silence(
        &mut self,
        fridges: &[String],
        length: Duration,
        warmth_only: bool,
        by: &By,
        now: Timestamp,
    ) -> Vec<Entry> {
        let until = now.checked_add(length).unwrap_or(now);
        let quiet = Quiet { until, warmth_only, by: by.user.clone() };
        for fridge in fridges {
            self.alarms.silence(fridge, quiet.clone());
        }
        fridges.iter().map(|fridge| Entry::Quiet(fridge.clone(), quiet.clone())).collect()
    }

    fn take(&mut self, index: usize, events: Vec<Event>, now: Stamp, entries: &mut Vec<Entry>) {
        if events.is_empty() {
            return;
        }
        let Watched { fridge, monitor, is_kept, .. } = &mut self.watched[index];
        *is_kept = true;
        for event in events {
            entries.extend(self.alarms.take((&fridge.id, &fridge.name), event, now).map(Entry::Alarm));
        }
        entries.push(Entry::Memory(fridge.id.clone(), monitor.memory(now)));
    }
}
