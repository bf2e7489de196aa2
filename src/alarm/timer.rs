//! The state of one rule about a fridge's temperature.

use std::time::Duration;

use super::delay::Delay;
use super::interval::Interval;
use super::memory::{RuleMemory, StateMemory};
use super::product_lag::ProductLag;
use super::{Condition, Rule};

/// An estimate this near to its limit, in kelvin, is warmer than what is assumed after a restart.
const NEAR: f64 = -1.5;

/// The state of one rule.
#[derive(Clone, Copy, Debug)]
pub enum Timer {
    Lag(ProductLag),
    Delay(Delay),
}

impl Timer {
    /// Nothing is known yet.
    pub fn of(rule: &Rule) -> Timer {
        match rule.condition {
            Condition::ProductLag(_) => Timer::Lag(ProductLag::default()),
            Condition::Delay(_) => Timer::Delay(Delay::default()),
        }
    }

    /// Takes in a reading so many kelvin beyond the rule's limit; returns whether the rule holds.
    pub fn feed(&mut self, excess: f64, interval: Interval, condition: Condition) -> bool {
        match (self, condition) {
            (Timer::Lag(lag), Condition::ProductLag(time_constant)) => {
                lag.feed(excess, interval, time_constant)
            }
            (Timer::Delay(delay), Condition::Delay(after)) => delay.feed(excess, interval, after),
            // A timer is made of its rule.
            (Timer::Lag(_), Condition::Delay(_)) | (Timer::Delay(_), Condition::ProductLag(_)) => false,
        }
    }

    /// The rule holds, and nothing more is known.
    pub fn holding(rule: &Rule) -> Timer {
        match rule.condition {
            Condition::ProductLag(_) => Timer::Lag(ProductLag::resumed(Some(0.0), true)),
            Condition::Delay(after) => Timer::Delay(Delay::resumed(Some(after), true)),
        }
    }

    /// Whether the rule holds.
    pub fn is_active(&self) -> bool {
        match self {
            Timer::Lag(lag) => lag.is_active(),
            Timer::Delay(delay) => delay.is_active(),
        }
    }

    /// Whether it says more than a new one would.
    pub fn is_near(&self) -> bool {
        match self {
            Timer::Lag(lag) => lag.estimate().is_some_and(|estimate| estimate > NEAR),
            Timer::Delay(delay) => delay.beyond().is_some(),
        }
    }

    /// What it keeps over a restart.
    pub fn memory(&self, rule: &Rule) -> RuleMemory {
        let state = match self {
            Timer::Lag(lag) => {
                let degrees = lag.estimate().map(|estimate| rule.side.degrees(estimate, rule.limit));
                StateMemory::ProductLag(degrees, lag.is_active())
            }
            Timer::Delay(delay) => StateMemory::Delay(delay.beyond(), delay.is_active()),
        };
        RuleMemory { name: rule.name, side: rule.side, state }
    }

    /// Goes on with what was kept that long ago. An estimate that is older than its time constant says nothing any
    /// more.
    pub fn resume(rule: &Rule, memories: &[RuleMemory], age: Duration) -> Timer {
        let memory = memories.iter().find(|memory| memory.name == rule.name && memory.side == rule.side);
        match (rule.condition, memory.map(|memory| memory.state)) {
            (Condition::ProductLag(time_constant), Some(StateMemory::ProductLag(degrees, is_active))) => {
                let estimate = degrees.filter(|_| age < time_constant);
                let estimate = estimate.map(|degrees| rule.side.excess(degrees, rule.limit));
                Timer::Lag(ProductLag::resumed(estimate, is_active))
            }
            (Condition::Delay(_), Some(StateMemory::Delay(beyond, is_active))) => {
                Timer::Delay(Delay::resumed(beyond, is_active))
            }
            _ => Timer::of(rule),
        }
    }
}
