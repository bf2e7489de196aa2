//! One side of a fridge's range: its excursion, and its alarm.

use std::time::Duration;

use super::interval::Interval;
use super::memory::ExcursionMemory;
use super::{Event, Kind, Rule, Side, Urgency};
use crate::reading::{Celsius, Stamp};

/// One time beyond a limit: from the first reading beyond it until the first within, or until its alarm is over.
#[derive(Clone, Copy, Debug)]
pub struct Excursion {
    since: Stamp,
    peak: Celsius,
    outside: Duration,
}

/// One side of the range.
#[derive(Clone, Debug)]
pub struct SideState {
    /// Which one.
    pub side: Side,
    excursion: Option<Excursion>,
    /// How urgent its alarm is, where there is one.
    pub alarm: Option<Urgency>,
}

impl SideState {
    /// A side without an excursion.
    pub fn new(side: Side) -> SideState {
        SideState { side, excursion: None, alarm: None }
    }

    /// Goes on with what was kept.
    pub fn resumed(side: Side, memory: Option<ExcursionMemory>, now: Stamp) -> SideState {
        let excursion = memory.map(|memory| Excursion {
            since: now.at_wall(memory.since),
            peak: Celsius::from_sixteenths(memory.peak),
            outside: memory.outside,
        });
        SideState { side, excursion, alarm: memory.and_then(|memory| memory.alarm) }
    }

    /// Keeps the excursion: how far and how long.
    pub fn follow(
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
    pub fn judge(&mut self, at: Stamp, celsius: Celsius, holding: Option<&Rule>) -> Option<Event> {
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

    /// The kind of its alarm.
    pub fn kind(&self) -> Kind {
        match self.side {
            Side::Above => Kind::TooWarm,
            Side::Below => Kind::TooCold,
        }
    }

    /// The furthest reading of its excursion, where there is one.
    pub fn peak(&self) -> Option<Celsius> {
        self.excursion.map(|excursion| excursion.peak)
    }

    /// What it keeps over a restart.
    pub fn memory(&self) -> Option<ExcursionMemory> {
        self.excursion.map(|excursion| ExcursionMemory {
            since: excursion.since.wall,
            peak: excursion.peak.sixteenths(),
            outside: excursion.outside,
            alarm: self.alarm,
        })
    }
}
