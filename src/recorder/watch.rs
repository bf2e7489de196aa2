//! The watch over all fridges: readings, time and what people do go in; alarms change, and what is to be kept and
//! delivered comes out as entries for the records.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use jiff::ZonedDateTime;

use super::absence::{Absence, BETWEEN_SIGNS};
use super::{Act, By, Recipient};
use crate::alarm::{
    self, Acknowledgement, ActiveAlarms, Alarm, Event, GatewayNotice, Memory, Message, Monitor, Observation,
    Outage, Quiet, Topic, UsedBudget,
};
use crate::fridge::Fridge;
use crate::reading::{Celsius, Fault, ProbeId, Reading, Sampled, Stamp};
use crate::state::Snapshot;
use crate::store::{Alive, Entry, Kept};

/// A monitor whose bus is not known yet counts on a reading as often as this.
const USUAL_PERIOD: Duration = Duration::from_secs(10);
/// A wall clock that is further off the other one than this was set.
const CLOCK_WAS_SET: Duration = Duration::from_secs(60);
/// What somebody did is kept in so many letters: a snooze of all fridges names each.
const LONGEST_DEED: usize = 1_000;
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
    targets: Vec<Recipient>,
    absence: Option<Absence>,
    outage: Option<Outage>,
    notices: Vec<GatewayNotice>,
    /// What was acknowledged elsewhere than in the channel.
    acknowledged: Vec<Alarm>,
    remembered: Duration,
    signed: Option<Stamp>,
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
    /// Goes on with what was kept, on a computer that has been running for `uptime`.
    pub fn resume(kept: Kept, uptime: Duration, now: Stamp) -> Watch {
        let alarms = ActiveAlarms::resume(kept.alarms, kept.quiet, kept.last_number, now);
        let absence = kept.alive.map(|last| Absence::new(last, now, uptime));
        Watch { alarms, memories: kept.memories, absence, ..Watch::default() }
    }

    /// The open alarms, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.open()
    }

    /// Around which fridges it is quiet, by their ids.
    pub fn quiet(&self) -> BTreeMap<String, Quiet> {
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
    pub fn set_targets(&mut self, targets: Vec<Recipient>) {
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
        for fridge in fridges.into_iter().filter(|fridge| !fridge.out_of_service && fridge.site.is_none()) {
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
        let unanswered =
            |watched: &Watched| (watched.fridge.id.clone(), watched.fridge.rules.unanswered_after);
        self.alarms.set_unanswered_after(self.watched.iter().map(unanswered).collect());
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
        if let Some(off) = self.absence.as_ref().and_then(|absence| absence.length(now)) {
            entries.extend(self.return_from_absence(off, now));
        }
        self.absence.take_if(|absence| absence.is_nothing(now));
        // Not before the last absence is told: it is known from the last sign alone.
        if self.absence.is_none() && self.is_sign_due(!entries.is_empty(), now) {
            self.signed = Some(now);
            entries.push(self.alive(now, false));
        }
        entries
    }

    /// Whether it is time for a sign of life: sooner where something else goes on the disk as well, and at once where
    /// the wall clock was set.
    fn is_sign_due(&self, is_in_company: bool, now: Stamp) -> bool {
        let due = if is_in_company { BETWEEN_MEMORIES } else { BETWEEN_SIGNS };
        self.signed.is_none_or(|signed| {
            let elapsed = now.since(&signed);
            let by_wall = now.wall.duration_since(signed.wall).unsigned_abs();
            elapsed >= due || by_wall.abs_diff(elapsed) > CLOCK_WAS_SET
        })
    }

    /// What is kept at the end: what the rules know, and that it was ended, unless an absence before it is still to be told.
    pub fn last_words(&mut self, now: Stamp) -> Vec<Entry> {
        let is_told = self.absence.as_ref().is_none_or(|absence| absence.length(now).is_none());
        let sign = is_told.then(|| self.alive(now, true));
        self.memories(now).into_iter().chain(sign).collect()
    }

    /// The gateway lives, or ends.
    fn alive(&self, now: Stamp, was_ended: bool) -> Entry {
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
    fn return_from_absence(&mut self, off: Duration, now: Stamp) -> Vec<Entry> {
        let is_read =
            !self.watched.is_empty() && self.watched.iter().all(|watched| watched.monitor.first().is_some());
        let Some(absence) = self.absence.take_if(|absence| is_read || absence.has_waited(now)) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        let mut estimates = Vec::new();
        for Watched { fridge, monitor, is_kept, .. } in &mut self.watched {
            let mut estimate = absence.estimate(fridge, off, monitor.first());
            monitor.add_outside(Duration::from_secs(estimate.counted_s), absence.started());
            estimate.exposure = monitor.exposure(now);
            if estimate.counted_s > 0 {
                *is_kept = true;
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
                if by.is_told {
                    // That a drill is over is told anyway.
                    self.acknowledged.extend(alarms.iter().filter(|alarm| !alarm.drill).cloned());
                }
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
            // The probe is not in its fridge: whatever it shows is no reason to call anybody.
            Act::Calibrate { fridges } => (
                self.silence_at_least(fridges, Act::CALIBRATING, by, now.wall),
                format!("calibrate {fridges:?} ice"),
            ),
            #[cfg(test)]
            Act::Nothing => return Vec::new(),
        };
        let what = what.chars().take(LONGEST_DEED).collect();
        let deed = Entry::Deed { at: now.wall, who: by.user.clone(), what };
        entries.into_iter().chain([deed]).collect()
    }

    /// A target took a message about these alarms.
    pub fn delivered(&mut self, numbers: &[u64], now: Stamp) -> Vec<Entry> {
        self.alarms.delivered(numbers, now.wall).into_iter().map(Entry::Alarm).collect()
    }

    /// The gateway has something to say of itself.
    pub fn tell(&mut self, notice: GatewayNotice) {
        self.notices.push(notice);
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
        for notice in self.notices.drain(..) {
            let notice = Some(notice);
            messages.push(Message { notice, ..Message::new(Topic::Gateway, now.wall, Vec::new()) });
        }
        if !self.acknowledged.is_empty() {
            let alarms = std::mem::take(&mut self.acknowledged);
            messages.push(Message::new(Topic::Acknowledged, now.wall, alarms));
        }
        let mut entries: Vec<Entry> = changed.into_iter().map(Entry::Alarm).collect();
        for message in &messages {
            let meant = self.targets.iter().filter(|to| !to.urgent_only || message.is_pressing());
            let to = |to: &Recipient| Entry::Message { target: to.target.clone(), message: message.clone() };
            entries.extend(meant.map(to));
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
        let under_way = self.watched.iter().filter_map(|watched| {
            let defrosts = watched.fridge.rules.defrosts.iter();
            let until = defrosts.filter_map(|defrost| defrost.ends(local)).max()?;
            Some((watched.fridge.id.clone(), until))
        });
        self.alarms.expect(under_way.collect());
    }

    /// Snoozes those of the fridges that are not snoozed for longer.
    fn silence_at_least(
        &mut self,
        fridges: &[String],
        length: Duration,
        by: &By,
        now: Timestamp,
    ) -> Vec<Entry> {
        let until = now.checked_add(length).unwrap_or(now);
        let quiet = self.alarms.quiet();
        let is_longer = |quiet: &Quiet| !quiet.warmth_only && quiet.until >= until;
        let shorter = fridges.iter().filter(|fridge| !quiet.get(*fridge).is_some_and(is_longer));
        let shorter: Vec<String> = shorter.cloned().collect();
        self.silence(&shorter, length, false, by, now)
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
        let holds: Vec<(&String, Quiet)> =
            fridges.iter().map(|fridge| (fridge, self.alarms.silence(fridge, quiet.clone()))).collect();
        let name =
            |id: &String| self.by_id.get(id).map_or(id, |index| &self.watched[*index].fridge.name).clone();
        // A defrost within a snooze changes nothing.
        let changed = holds.iter().filter(|(_, holds)| *holds == quiet);
        let changed: Vec<String> = changed.map(|(fridge, _)| name(fridge)).collect();
        if by.is_told && !changed.is_empty() {
            let (length_s, by) = (length.as_secs(), by.user.clone());
            self.tell(GatewayNotice::Quiet { fridges: changed, length_s, warmth_only, by });
        }
        holds.into_iter().map(|(fridge, holds)| Entry::Quiet(fridge.clone(), holds)).collect()
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
