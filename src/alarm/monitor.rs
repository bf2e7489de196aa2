//! The monitor of one fridge: what its probe says goes in, its alarms come out. All rules of a side together make one
//! alarm: the first that holds raises it, an urgent one escalates it, and it is over when none holds any more.

use std::time::Duration;

use super::delay::Delay;
use super::interval::Interval;
use super::product_lag::ProductLag;
use super::silent::Silent;
use super::stuck::Stuck;
use super::{Condition, Exposure, Kind, Rule, RuleName, Rules, Side, TimeOutside, Urgency, silent_after};
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

/// What happened to an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// It was raised.
    Raised {
        /// What it is about.
        kind: Kind,
        /// By which rule.
        rule: RuleName,
        /// How urgent it is.
        urgency: Urgency,
        /// When its condition was met.
        at: Stamp,
        /// Since when the fridge has been beyond its limit, or the probe silent or stuck.
        since: Stamp,
    },
    /// It has become urgent.
    Escalated {
        /// What it is about.
        kind: Kind,
        /// By which rule.
        rule: RuleName,
        /// When.
        at: Stamp,
    },
    /// It is over.
    Cleared {
        /// What it was about.
        kind: Kind,
        /// When.
        at: Stamp,
        /// The furthest reading; of a silent or stuck probe, none.
        peak: Option<Celsius>,
        /// How long it was beyond its limit.
        outside: Duration,
    },
}

/// The state of one rule.
#[derive(Clone, Copy, Debug)]
enum Timer {
    Lag(ProductLag),
    Delay(Delay),
}

/// One time beyond a limit: from the first reading beyond it until the first within, or until its alarm is over.
#[derive(Clone, Copy, Debug)]
struct Excursion {
    since: Stamp,
    peak: Celsius,
    outside: Duration,
}

/// One side of the range.
#[derive(Clone, Debug)]
struct SideState {
    side: Side,
    excursion: Option<Excursion>,
    alarm: Option<Urgency>,
}

/// Watches one fridge.
#[derive(Clone, Debug)]
pub struct Monitor {
    rules: Vec<(Rule, Timer)>,
    sides: [SideState; 2],
    period: Duration,
    silent: (Silent, Duration, bool),
    stuck: (Stuck, Duration, Option<Stamp>),
    exposure: Option<(Exposure, TimeOutside)>,
    newest: Option<(Stamp, Celsius)>,
}

impl Monitor {
    /// Watches from now on by those rules a fridge whose probe is read every `period`.
    pub fn new(rules: &Rules, period: Duration, now: Stamp) -> Monitor {
        let side = |side| SideState { side, excursion: None, alarm: None };
        Monitor {
            rules: rules.temperature.iter().map(|rule| (*rule, Timer::of(rule))).collect(),
            sides: [side(Side::Above), side(Side::Below)],
            period,
            silent: (Silent::new(now.mono), silent_after(rules, period), false),
            stuck: (Stuck::default(), rules.stuck_after, None),
            exposure: rules.exposure.map(|exposure| (exposure, TimeOutside::default())),
            newest: None,
        }
    }

    /// Takes in what is known at that moment; what happened to the alarms comes out, in the order of its time.
    pub fn step(&mut self, at: Stamp, observation: Observation) -> Vec<Event> {
        let mut events = Vec::new();
        self.check_silence(at, observation, &mut events);
        if let Observation::Reading(celsius) = observation {
            let before = self.newest.replace((at, celsius));
            let elapsed = before.map_or(Duration::ZERO, |(before, _)| at.since(&before));
            let interval = Interval::new(elapsed, self.period);
            self.check_stuck(at, celsius, interval, &mut events);
            self.count_exposure(at, before, interval);
            self.check_temperature(at, celsius, before.map(|(_, celsius)| celsius), interval, &mut events);
        }
        events
    }

    /// How much of the budget of time outside is used, and the budget.
    pub fn exposure(&mut self, now: Stamp) -> Option<(Duration, Exposure)> {
        let (exposure, outside) = self.exposure.as_mut()?;
        Some((outside.within(exposure.window, now.mono), *exposure))
    }

    /// The furthest reading of the excursion behind an alarm of that kind, where there is one.
    pub fn peak(&self, kind: Kind) -> Option<Celsius> {
        let state = self.sides.iter().find(|state| state.kind() == kind)?;
        state.excursion.map(|excursion| excursion.peak)
    }

    fn check_silence(&mut self, at: Stamp, observation: Observation, events: &mut Vec<Event>) {
        let (silent, after, is_raised) = &mut self.silent;
        let kind = Kind::ProbeSilent;
        // A reading that comes late does not undo the silence before it.
        if observation != Observation::Pending
            && let Some(began) = silent.check(at.mono, *after)
            && !std::mem::replace(is_raised, true)
        {
            let (raised, since) = (earlier(at, began), earlier(at, began.saturating_sub(*after)));
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
        let (stuck, after, raised) = &mut self.stuck;
        let kind = Kind::ProbeStuck;
        match (stuck.feed(celsius, interval, *after), *raised) {
            (true, None) => {
                *raised = Some(at);
                let since = earlier(at, at.mono.saturating_sub(*after));
                let (rule, urgency) = (RuleName::Stuck, Urgency::Warning);
                events.push(Event::Raised { kind, rule, urgency, at, since });
            }
            (false, Some(_)) => {
                *raised = None;
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
            let Some(limit) = first_limit(&self.rules, state.side) else { continue };
            state.follow(at, celsius, before, limit, interval);

            // The most urgent rule that holds, and among these the first.
            let mut holding: Option<&Rule> = None;
            for (rule, timer) in self.rules.iter_mut().filter(|(rule, _)| rule.side == state.side) {
                let holds = timer.feed(rule.side.excess(celsius, rule.limit), interval, rule.condition);
                if holds && holding.is_none_or(|other| rule.urgency > other.urgency) {
                    holding = Some(rule);
                }
            }
            events.extend(state.judge(at, celsius, holding));
        }
    }
}

impl Timer {
    fn of(rule: &Rule) -> Timer {
        match rule.condition {
            Condition::ProductLag(_) => Timer::Lag(ProductLag::default()),
            Condition::Delay(_) => Timer::Delay(Delay::default()),
        }
    }

    fn feed(&mut self, excess: f64, interval: Interval, condition: Condition) -> bool {
        match (self, condition) {
            (Timer::Lag(lag), Condition::ProductLag(time_constant)) => {
                lag.feed(excess, interval, time_constant)
            }
            (Timer::Delay(delay), Condition::Delay(after)) => delay.feed(excess, interval, after),
            // A timer is made of its rule.
            (Timer::Lag(_), Condition::Delay(_)) | (Timer::Delay(_), Condition::ProductLag(_)) => false,
        }
    }
}

impl SideState {
    /// Keeps the excursion: how far and how long.
    fn follow(
        &mut self,
        at: Stamp,
        celsius: Celsius,
        before: Option<Celsius>,
        limit: Celsius,
        interval: Interval,
    ) {
        if let Some(excursion) = &mut self.excursion {
            if before.is_some_and(|before| self.side.is_further(before, limit)) {
                excursion.outside += interval.counted();
            }
            if self.side.is_further(celsius, excursion.peak) {
                excursion.peak = celsius;
            }
            if self.alarm.is_none() && !self.side.is_further(celsius, limit) {
                self.excursion = None;
            }
        } else if self.side.is_further(celsius, limit) {
            self.excursion = Some(Excursion { since: at, peak: celsius, outside: Duration::ZERO });
        }
    }

    /// Raises, escalates or clears the side's alarm.
    fn judge(&mut self, at: Stamp, celsius: Celsius, holding: Option<&Rule>) -> Option<Event> {
        match (self.alarm, holding) {
            (None, Some(&Rule { name: rule, urgency, .. })) => {
                self.alarm = Some(urgency);
                // A product can pass its limit with a reading that is within it again.
                let began = Excursion { since: at, peak: celsius, outside: Duration::ZERO };
                let since = self.excursion.get_or_insert(began).since;
                Some(Event::Raised { kind: self.kind(), rule, urgency, at, since })
            }
            (Some(Urgency::Warning), Some(&Rule { name: rule, urgency: Urgency::Urgent, .. })) => {
                self.alarm = Some(Urgency::Urgent);
                Some(Event::Escalated { kind: self.kind(), rule, at })
            }
            (Some(_), None) => {
                self.alarm = None;
                let excursion = self.excursion.take();
                let peak = excursion.map(|excursion| excursion.peak);
                let outside = excursion.map_or(Duration::ZERO, |excursion| excursion.outside);
                Some(Event::Cleared { kind: self.kind(), at, peak, outside })
            }
            _ => None,
        }
    }

    fn kind(&self) -> Kind {
        match self.side {
            Side::Above => Kind::TooWarm,
            Side::Below => Kind::TooCold,
        }
    }
}

fn first_limit(rules: &[(Rule, Timer)], side: Side) -> Option<Celsius> {
    rules.iter().find(|(rule, _)| rule.side == side).map(|(rule, _)| rule.limit)
}

/// That moment of the clock that never steps, which is not later than `at`.
fn earlier(at: Stamp, mono: Duration) -> Stamp {
    let wall = at.wall.checked_sub(at.mono.saturating_sub(mono)).unwrap_or(at.wall);
    Stamp { mono, wall }
}
