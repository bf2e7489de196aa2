//! The monitor of one fridge: what its probe says goes in, its alarms come out. All rules of a side together make one
//! alarm: the first that holds raises it, an urgent one escalates it, and it is over when none holds any more.

use std::time::Duration;

use super::interval::Interval;
use super::side::SideState;
use super::silent::Silent;
use super::stuck::Stuck;
use super::timer::Timer;
use super::{Event, Exposure, Kind, Memory, Rule, RuleName, Rules, Side, TimeOutside, Urgency, UsedBudget};
use crate::reading::{Celsius, Stamp};

/// What is known of a fridge's probe at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It was read then.
    Reading(Celsius),
    /// There is no new reading.
    Nothing,
    /// Its first sweep is still under way.
    Pending,
}

/// Watches one fridge.
#[derive(Clone, Debug)]
pub struct Monitor {
    rules: Vec<(Rule, Timer)>,
    sides: [SideState; 2],
    period: Duration,
    silent_after: Duration,
    silent: (Silent, Duration, bool),
    stuck: (Stuck, Duration, bool),
    exposure: Option<(Exposure, TimeOutside)>,
    newest: Option<(Stamp, Celsius)>,
    first: Option<Celsius>,
    /// How long it did not watch before its first reading.
    away: Duration,
}

impl Monitor {
    /// Watches from now on by those rules a fridge whose probe is read every `period`.
    pub fn new(rules: &Rules, period: Duration, now: Stamp) -> Monitor {
        Monitor {
            rules: rules.temperature.iter().map(|rule| (*rule, Timer::of(rule))).collect(),
            sides: [Side::Above, Side::Below].map(SideState::new),
            period,
            silent_after: rules.silent_after,
            silent: (Silent::new(now.mono), rules.silent_after.max(period * 3), false),
            stuck: (Stuck::default(), rules.stuck_after, false),
            exposure: rules.exposure.map(|exposure| (exposure, TimeOutside::default())),
            newest: None,
            first: None,
            away: Duration::ZERO,
        }
    }

    /// Goes on with what was kept. The time between is a gap.
    pub fn resume(rules: &Rules, period: Duration, now: Stamp, memory: &Memory) -> Monitor {
        let mut monitor = Monitor::new(rules, period, now);
        // A clock that was set back says nothing of the age.
        let age = now.wall.duration_since(memory.at).try_into().unwrap_or(Duration::MAX);
        for (rule, timer) in &mut monitor.rules {
            *timer = Timer::resume(rule, &memory.rules, age);
        }
        let [above, below] = memory.sides;
        monitor.sides = [(Side::Above, above), (Side::Below, below)]
            .map(|(side, memory)| SideState::resumed(side, memory, now));
        monitor.away = age;
        monitor.silent.2 = memory.silent;
        if let Some((newest, lasts, is_raised)) = memory.stuck {
            monitor.stuck.0 = Stuck::resumed(Celsius::from_sixteenths(newest), lasts);
            monitor.stuck.2 = is_raised;
        }
        if let Some((_, outside)) = &mut monitor.exposure {
            for (from, until) in &memory.outside {
                outside.add(now.at_wall(*from).mono, now.at_wall(*until).mono);
            }
        }
        monitor
    }

    /// What it keeps over a restart.
    pub fn memory(&self, now: Stamp) -> Memory {
        let outside = self.exposure.iter().flat_map(|(_, outside)| outside.spans());
        Memory {
            at: now.wall,
            rules: self.rules.iter().map(|(rule, timer)| timer.memory(rule)).collect(),
            sides: [self.sides[0].memory(), self.sides[1].memory()],
            stuck: self.stuck.0.newest().map(|(newest, lasts)| (newest.sixteenths(), lasts, self.stuck.2)),
            silent: self.silent.2,
            outside: outside.map(|(from, until)| (now.at_mono(from).wall, now.at_mono(until).wall)).collect(),
        }
    }

    /// Takes in what is known at that moment; what happened to the alarms comes out, in the order of its time.
    pub fn step(&mut self, at: Stamp, observation: Observation) -> Vec<Event> {
        let mut events = Vec::new();
        self.check_silence(at, observation, &mut events);
        if let Observation::Reading(celsius) = observation {
            let before = self.newest.replace((at, celsius));
            self.first.get_or_insert(celsius);
            let interval = match before {
                Some((before, _)) => Interval::new(at.since(&before), self.period),
                None => Interval::gap(self.away),
            };
            self.check_stuck(at, celsius, interval, &mut events);
            self.count_exposure(at, before, interval);
            self.check_temperature(at, celsius, before.map(|(_, celsius)| celsius), interval, &mut events);
        }
        events
    }

    /// These alarms are open, whatever was kept of this fridge: another that still holds is raised anew, and one that
    /// does not is over.
    pub fn reconcile(&mut self, open: &[(Kind, Urgency)]) {
        let urgency = |kind| open.iter().find(|(open, _)| *open == kind).map(|(_, urgency)| *urgency);
        for state in &mut self.sides {
            state.alarm = urgency(state.kind());
            let of_side = || self.rules.iter().filter(|(rule, _)| rule.side == state.side);
            if state.alarm.is_some() && !of_side().any(|(_, timer)| timer.is_active()) {
                // What raised it was not kept: it is over when its first rule says so, and not before.
                if let Some((rule, timer)) = self.rules.iter_mut().find(|(rule, _)| rule.side == state.side) {
                    *timer = Timer::holding(rule);
                }
            }
        }
        self.silent.2 = urgency(Kind::ProbeSilent).is_some();
        self.stuck.2 = urgency(Kind::ProbeStuck).is_some();
    }

    /// A reading is due every `period` from now on.
    pub fn set_period(&mut self, period: Duration) {
        self.period = period;
        self.silent.1 = self.silent_after.max(period * 3);
    }

    /// Whether what it knows says more than nothing would after a restart.
    pub fn is_worth_keeping(&self) -> bool {
        let near = self.rules.iter().any(|(_, timer)| timer.is_near());
        let is_outside = self.exposure.as_ref().is_some_and(|(exposure, _)| {
            self.newest.is_some_and(|(_, celsius)| exposure.is_outside(celsius))
        });
        let is_excursion = self.sides.iter().any(|state| state.peak().is_some());
        near || is_outside || is_excursion || self.silent.2 || self.stuck.2
    }

    /// How much of the budget of time outside is used, where there is a budget.
    pub fn exposure(&mut self, now: Stamp) -> Option<UsedBudget> {
        let (exposure, outside) = self.exposure.as_mut()?;
        Some(exposure.used(outside.within(exposure.window, now.mono)))
    }

    /// The limit at which an alarm of that kind begins, where it is about one.
    pub fn limit(&self, kind: Kind) -> Option<Celsius> {
        let state = self.sides.iter().find(|state| state.kind() == kind)?;
        first_limit(&self.rules, state.side)
    }

    /// The first reading since it watches.
    pub fn first(&self) -> Option<Celsius> {
        self.first
    }

    /// The newest reading.
    pub fn newest(&self) -> Option<Celsius> {
        self.newest.map(|(_, celsius)| celsius)
    }

    /// It was outside for that long before `until`, by an estimate.
    pub fn add_outside(&mut self, length: Duration, until: Stamp) {
        if let Some((_, outside)) = &mut self.exposure
            && !length.is_zero()
        {
            outside.add_before(until.mono.saturating_sub(length), until.mono);
        }
    }

    /// The furthest reading of the excursion behind an alarm of that kind, where there is one.
    pub fn peak(&self, kind: Kind) -> Option<Celsius> {
        let state = self.sides.iter().find(|state| state.kind() == kind)?;
        state.peak()
    }

    fn check_silence(&mut self, at: Stamp, observation: Observation, events: &mut Vec<Event>) {
        let (silent, after, is_raised) = &mut self.silent;
        let kind = Kind::ProbeSilent;
        // A reading that comes late does not undo the silence before it.
        if observation != Observation::Pending
            && let Some(began) = silent.check(at.mono, *after)
            && !std::mem::replace(is_raised, true)
        {
            let (raised, since) = (at.at_mono(began), at.at_mono(began.saturating_sub(*after)));
            let (rule, urgency) = (RuleName::Silent, Urgency::Warning);
            events.push(Event::Raised { kind, rule, urgency, at: raised, since });
        }
        match observation {
            Observation::Nothing => {}
            Observation::Pending => silent.heard(at.mono),
            Observation::Reading(_) => {
                silent.heard(at.mono);
                if std::mem::take(is_raised) {
                    events.push(Event::Cleared { kind, at, peak: None, outside: Duration::ZERO });
                }
            }
        }
    }

    fn check_stuck(&mut self, at: Stamp, celsius: Celsius, interval: Interval, events: &mut Vec<Event>) {
        let (stuck, after, is_raised) = &mut self.stuck;
        let kind = Kind::ProbeStuck;
        match (stuck.feed(celsius, interval, *after), *is_raised) {
            (true, false) => {
                *is_raised = true;
                let since = at.at_mono(at.mono.saturating_sub(*after));
                let (rule, urgency) = (RuleName::Stuck, Urgency::Warning);
                events.push(Event::Raised { kind, rule, urgency, at, since });
            }
            (false, true) => {
                *is_raised = false;
                events.push(Event::Cleared { kind, at, peak: None, outside: Duration::ZERO });
            }
            _ => {}
        }
    }

    /// A reading stands until the next one, unless readings are missing between them.
    fn count_exposure(&mut self, at: Stamp, before: Option<(Stamp, Celsius)>, interval: Interval) {
        if let Some((exposure, outside)) = &mut self.exposure
            && let Some((from, celsius)) = before
            && exposure.is_outside(celsius)
            && !interval.is_gap()
        {
            outside.add(from.mono, at.mono);
        }
    }

    fn check_temperature(
        &mut self,
        at: Stamp,
        celsius: Celsius,
        before: Option<Celsius>,
        interval: Interval,
        events: &mut Vec<Event>,
    ) {
        for state in &mut self.sides {
            let Some(limit) = first_limit(&self.rules, state.side) else {
                // A configuration without a rule for this side ends what an earlier one raised.
                events.extend(state.judge(at, celsius, None));
                continue;
            };
            state.follow(at, celsius, before, limit, interval);

            // The most urgent rule that holds, and among these the first.
            let mut holding: Option<&Rule> = None;
            for (rule, timer) in self.rules.iter_mut().filter(|(rule, _)| rule.side == state.side) {
                let holds =
                    timer.feed(rule.side.excess(celsius.degrees(), rule.limit), interval, rule.condition);
                if holds && holding.is_none_or(|other| rule.urgency > other.urgency) {
                    holding = Some(rule);
                }
            }
            events.extend(state.judge(at, celsius, holding));
        }
    }
}

fn first_limit(rules: &[(Rule, Timer)], side: Side) -> Option<Celsius> {
    rules.iter().find(|(rule, _)| rule.side == side).map(|(rule, _)| rule.limit)
}
