//! The active alarms of all fridges, and what is to be said about them: each is announced, escalated when nobody
//! answers, repeated less and less often, and ended; many at once become one message. A snoozed fridge raises its
//! alarms in silence.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rules::UNANSWERED_AFTER;
use super::{Acknowledgement, Alarm, Clearance, Event, Kind, Message, Topic, Urgency};
use crate::reading::Stamp;

/// After a message about raised alarms, the next of the kind waits this long, and takes with it what comes meanwhile; the
/// one after that twice as long, and so on, because the fridges of a kitchen without power pass their limits one after
/// another …
const BETWEEN_MESSAGES: Duration = Duration::from_secs(5 * 60);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);
/// The same where one is urgent.
const BETWEEN_URGENT: Duration = Duration::from_secs(60);
/// … up to this.
const LONGEST_URGENT_WAIT: Duration = Duration::from_secs(4 * 60);
/// After so long without a message of the kind, the next waits for nothing again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(45 * 60);
/// An unanswered alarm is repeated after twice the time in which it was one, then after twice that, and so on …
/// … up to once a day.
const LAST_REMINDER: Duration = Duration::from_secs(24 * 3_600);

/// A drill that nobody acknowledges ends after this long.
const LONGEST_DRILL: Duration = Duration::from_secs(3_600);
/// It is quiet for no longer than this, also where the clock was ahead when somebody said so.
const LONGEST_QUIET: Duration = Duration::from_secs(24 * 3_600);

/// Warmth is expected, or nobody wants to hear of a fridge for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// Until when.
    pub until: Timestamp,
    /// Whether only warmth is expected; else nothing is announced.
    pub warmth_only: bool,
    /// Who said so.
    pub by: Option<String>,
}

/// The active alarms.
#[derive(Clone, Debug, Default)]
pub struct ActiveAlarms {
    open: BTreeMap<u64, Open>,
    quiet: BTreeMap<String, Quiet>,
    /// Where warmth is expected by the clock, and until when.
    expected: BTreeMap<String, Timestamp>,
    /// After how long alarms are unanswered, by their fridges' ids.
    unanswered_after: HashMap<String, Duration>,
    next: u64,
    /// What is to be said, by alarm.
    pending: BTreeMap<u64, (Topic, Alarm)>,
    /// Drills apart: they hold nothing back that is real.
    said: BTreeMap<(bool, Topic), Said>,
}

/// When a message of a kind was said last, and how many were in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    at: Duration,
    in_a_row: u32,
}

impl Said {
    /// How long the next one waits.
    fn wait(self, is_urgent: bool) -> Duration {
        // An urgent one waits a minute at first, whatever was said before it.
        let (first, doubled, longest) = match is_urgent {
            true => (BETWEEN_URGENT, self.in_a_row.saturating_sub(2), LONGEST_URGENT_WAIT),
            false => (BETWEEN_MESSAGES, self.in_a_row.saturating_sub(1), LONGEST_WAIT),
        };
        (first * 2_u32.pow(doubled.min(8))).min(longest)
    }
}

#[derive(Clone, Debug)]
struct Open {
    alarm: Alarm,
    /// On the clock that never steps: since when nobody has acknowledged it, and when it is repeated next, after how
    /// long.
    waits_since: Duration,
    reminder: Option<(Duration, Duration)>,
}

impl ActiveAlarms {
    /// Goes on with what was kept: alarms that have not ended, and the highest number that there was.
    pub fn resume(alarms: Vec<Alarm>, quiet: BTreeMap<String, Quiet>, next: u64, now: Stamp) -> ActiveAlarms {
        let mut active = ActiveAlarms { quiet, next, ..ActiveAlarms::default() };
        for alarm in alarms {
            match alarm.cleared {
                Some(_) => active.say(Topic::Cleared, &alarm),
                None => {
                    if !alarm.announced {
                        active.say(Topic::Raised, &alarm);
                    } else if alarm.urgency == Urgency::Urgent && !alarm.announced_urgent {
                        active.say(Topic::Escalated, &alarm);
                    }
                    active.open.insert(alarm.number, Open::new(alarm, now));
                }
            }
        }
        active
    }

    /// The open alarms, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Alarm> {
        self.open.values().map(|open| &open.alarm)
    }

    /// For which fridges it is quiet, by their ids.
    pub fn quiet(&self) -> BTreeMap<String, Quiet> {
        let expected = self
            .expected
            .iter()
            .map(|(fridge, until)| (fridge.clone(), Quiet { until: *until, warmth_only: true, by: None }));
        // What somebody said is worth more.
        expected.chain(self.quiet.clone()).collect()
    }

    /// The alarms of these fridges are unanswered after that long; all others' after half an hour.
    pub fn set_unanswered_after(&mut self, unanswered_after: HashMap<String, Duration>) {
        self.unanswered_after = unanswered_after;
    }

    /// In these fridges, and in no others, warmth is expected by the clock.
    pub fn expect(&mut self, expected: BTreeMap<String, Timestamp>) {
        self.expected = expected;
    }

    /// Takes in what happened in a fridge; returns the alarm as it is now, for the record.
    pub fn take(&mut self, fridge: (&str, &str), event: Event, now: Stamp) -> Option<Alarm> {
        match event {
            Event::Raised { kind, rule, urgency, at, since } => {
                let what = (kind, rule, urgency);
                let alarm = Alarm::new(self.next_number(), fridge, what, since.wall, at.wall);
                Some(self.raise(alarm, now))
            }
            Event::Escalated { kind, .. } => {
                let open = self.find(fridge.0, kind)?;
                open.alarm.urgency = Urgency::Urgent;
                let alarm = open.alarm.clone();
                self.say(Topic::Escalated, &alarm);
                Some(alarm)
            }
            Event::Cleared { kind, at, peak, outside } => {
                let number = self.find(fridge.0, kind)?.alarm.number;
                let mut alarm = self.open.remove(&number)?.alarm;
                let peak = peak.map(|peak| peak.degrees());
                let was_quiet = !alarm.announced && self.is_quiet(&alarm);
                alarm.cleared = Some(Clearance::new(at.wall, peak, outside));
                if was_quiet {
                    alarm.ended = true;
                    self.pending.remove(&number);
                } else {
                    self.say(Topic::Cleared, &alarm);
                }
                Some(alarm)
            }
        }
    }

    /// Raises a drill: an alarm like that event, of this moment, which ends when somebody acknowledges it.
    pub fn drill(&mut self, fridge: (&str, &str), event: Event, now: Stamp) -> Option<Alarm> {
        let Event::Raised { kind, rule, urgency, .. } = event else { return None };
        let what = (kind, rule, urgency);
        let alarm = Alarm::new(self.next_number(), fridge, what, now.wall, now.wall);
        Some(self.raise(Alarm { drill: true, ..alarm }, now))
    }

    /// Somebody takes alarms on. Returns those that were open, as they are now.
    pub fn acknowledge(&mut self, numbers: &[u64], acknowledgement: &Acknowledgement) -> Vec<Alarm> {
        let taken = numbers.iter().filter_map(|number| {
            // Whoever takes it on need not be called any more.
            if matches!(self.pending.get(number), Some((Topic::Unanswered | Topic::Reminder, _))) {
                self.pending.remove(number);
            }
            let alarm = &mut self.open.get_mut(number)?.alarm;
            // Who takes it over without a cause does not take back the one that is known.
            let cause = acknowledgement.cause.clone();
            let cause = cause.or_else(|| alarm.acknowledged.take().and_then(|before| before.cause));
            alarm.acknowledged = Some(Acknowledgement { cause, ..acknowledgement.clone() });
            let alarm = alarm.clone();
            if alarm.drill { self.end_drill(*number, acknowledgement.at) } else { Some(alarm) }
        });
        taken.collect()
    }

    /// A target took a message about these alarms. Returns those that it is the first for, as they are now.
    pub fn delivered(&mut self, numbers: &[u64], now: Timestamp) -> Vec<Alarm> {
        let first = numbers.iter().filter_map(|number| {
            let alarm = &mut self.open.get_mut(number).filter(|open| open.alarm.delivered.is_none())?.alarm;
            alarm.delivered = Some(now);
            Some(alarm.clone())
        });
        first.collect()
    }

    /// Brings what the open alarms say of their fridges up to date; drills say nothing of theirs.
    pub fn follow(&mut self, follow: impl FnMut(&mut Alarm)) {
        self.open.values_mut().map(|open| &mut open.alarm).filter(|alarm| !alarm.drill).for_each(follow);
    }

    /// It is quiet around a fridge for a while; returns what holds from now on. A defrost does not end a snooze.
    pub fn silence(&mut self, fridge: &str, quiet: Quiet) -> Quiet {
        let before = self.quiet.get(fridge);
        let is_covered =
            |before: &&Quiet| quiet.warmth_only && !before.warmth_only && before.until >= quiet.until;
        let holds = before.filter(is_covered).unwrap_or(&quiet).clone();
        self.quiet.insert(fridge.to_owned(), holds.clone());
        holds
    }

    /// A fridge is no longer watched: its alarms end, with a word where they were announced. Returns them, as they are
    /// now.
    pub fn forget(&mut self, is_watched: impl Fn(&str) -> bool, now: Stamp) -> Vec<Alarm> {
        self.quiet.retain(|fridge, _| is_watched(fridge));
        let gone: Vec<u64> =
            self.open().filter(|alarm| !is_watched(&alarm.fridge)).map(|alarm| alarm.number).collect();
        let end = |number| {
            self.pending.remove(&number);
            let mut alarm = self.open.remove(&number)?.alarm;
            let end = Clearance::new(now.wall, None, Duration::ZERO);
            alarm.cleared = Some(Clearance { is_unwatched: true, ..end });
            if alarm.announced {
                self.say(Topic::Cleared, &alarm);
            } else {
                alarm.ended = true;
            }
            Some(alarm)
        };
        gone.into_iter().filter_map(end).collect()
    }

    /// What is to be said by now: messages, and the alarms that these change, for the record.
    pub fn messages(&mut self, now: Stamp) -> (Vec<Message>, Vec<Alarm>) {
        let latest = now.wall.checked_add(LONGEST_QUIET).unwrap_or(now.wall);
        for quiet in self.quiet.values_mut() {
            quiet.until = quiet.until.min(latest);
        }
        self.quiet.retain(|_, quiet| quiet.until > now.wall);
        let mut changed = self.end_drills(now);
        self.remind(now);
        let mut by_topic: BTreeMap<(bool, Topic), Vec<u64>> = BTreeMap::new();
        for (number, (topic, alarm)) in &self.pending {
            if !self.is_quiet(alarm) {
                by_topic.entry((alarm.drill, *topic)).or_default().push(*number);
            }
        }
        let mut messages = Vec::new();
        for (kind, numbers) in by_topic {
            let (_, topic) = kind;
            let is_urgent = numbers.iter().any(|number| self.pending[number].1.urgency == Urgency::Urgent);
            let said = self.said.get(&kind).filter(|said| now.mono.saturating_sub(said.at) < FORGOTTEN_AFTER);
            if said.is_some_and(|said| now.mono.saturating_sub(said.at) < said.wait(is_urgent)) {
                continue;
            }
            let in_a_row = said.map_or(0, |said| said.in_a_row) + 1;
            self.said.insert(kind, Said { at: now.mono, in_a_row });
            let mut alarms = Vec::new();
            for number in numbers {
                let Some((_, mut alarm)) = self.pending.remove(&number) else { continue };
                alarm.announced = true;
                alarm.ended = topic == Topic::Cleared;
                if let Some(open) = self.open.get_mut(&number) {
                    if !open.alarm.announced {
                        // What was held back is unanswered from now on.
                        *open = Open::new(open.alarm.clone(), now);
                    }
                    open.alarm.announced = true;
                    open.alarm.announced_urgent |= open.alarm.urgency == Urgency::Urgent;
                    if topic == Topic::Unanswered {
                        open.alarm.unanswered = Some(now.wall);
                    }
                    alarm = open.alarm.clone();
                }
                changed.push(alarm.clone());
                alarms.push(alarm);
            }
            messages.push(Message::new(topic, now.wall, alarms));
        }
        (messages, changed)
    }

    fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn raise(&mut self, alarm: Alarm, now: Stamp) -> Alarm {
        self.open.insert(alarm.number, Open::new(alarm.clone(), now));
        self.say(Topic::Raised, &alarm);
        alarm
    }

    /// Ends the drills to which nobody comes.
    fn end_drills(&mut self, now: Stamp) -> Vec<Alarm> {
        let is_over =
            |open: &&Open| open.alarm.drill && now.mono.saturating_sub(open.waits_since) >= LONGEST_DRILL;
        let over: Vec<u64> = self.open.values().filter(is_over).map(|open| open.alarm.number).collect();
        over.into_iter().filter_map(|number| self.end_drill(number, now.wall)).collect()
    }

    fn end_drill(&mut self, number: u64, at: Timestamp) -> Option<Alarm> {
        let mut alarm = self.open.remove(&number)?.alarm;
        alarm.cleared = Some(Clearance::new(at, None, Duration::ZERO));
        self.say(Topic::Cleared, &alarm);
        Some(alarm)
    }

    fn say(&mut self, topic: Topic, alarm: &Alarm) {
        // Whoever was not told of its raising learns everything from that message, or from that of its end.
        let topic = match self.pending.get(&alarm.number) {
            Some((Topic::Raised, _)) if topic != Topic::Cleared => Topic::Raised,
            _ => topic,
        };
        self.pending.insert(alarm.number, (topic, alarm.clone()));
    }

    fn is_quiet(&self, alarm: &Alarm) -> bool {
        if alarm.cleared.is_some() || alarm.drill {
            return false;
        }
        let is_warmth = alarm.kind == Kind::TooWarm && alarm.urgency == Urgency::Warning;
        let is_said = self.quiet.get(&alarm.fridge).is_some_and(|quiet| !quiet.warmth_only || is_warmth);
        is_said || (is_warmth && self.expected.contains_key(&alarm.fridge))
    }

    fn remind(&mut self, now: Stamp) {
        let mut due = Vec::new();
        for open in self.open.values_mut() {
            let waits = self.pending.contains_key(&open.alarm.number);
            if waits || !open.alarm.announced || open.alarm.acknowledged.is_some() {
                continue;
            }
            let unanswered_after =
                self.unanswered_after.get(&open.alarm.fridge).copied().unwrap_or(UNANSWERED_AFTER);
            let first = unanswered_after * 2;
            let (at, wait) = open.reminder.unwrap_or((open.waits_since + first, first));
            if open.alarm.unanswered.is_none()
                && now.mono.saturating_sub(open.waits_since) >= unanswered_after
            {
                due.push((Topic::Unanswered, open.alarm.clone()));
            } else if now.mono >= at {
                let wait = (wait * 2).min(LAST_REMINDER);
                open.reminder = Some((now.mono + wait, wait));
                due.push((Topic::Reminder, open.alarm.clone()));
            }
        }
        for (topic, alarm) in due {
            self.say(topic, &alarm);
        }
    }

    fn find(&mut self, fridge: &str, kind: Kind) -> Option<&mut Open> {
        self.open
            .values_mut()
            .find(|open| !open.alarm.drill && open.alarm.fridge == fridge && open.alarm.kind == kind)
    }
}

impl Open {
    fn new(alarm: Alarm, now: Stamp) -> Open {
        Open { alarm, waits_since: now.mono, reminder: None }
    }
}

#[cfg(test)]
mod tests;
