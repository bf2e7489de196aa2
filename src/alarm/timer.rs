//! The state of one rule about a fridge's temperature.

use std::time::Duration;

use super::delay::Delay;
use super::interval::Interval;
use super::memory::RuleMemory;
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

    /// Whether it says more than a new one would.
    pub fn is_near(&self) -> bool {
        match self {
            Timer::Lag(lag) => lag.estimate().is_some_and(|estimate| estimate > NEAR),
            Timer::Delay(delay) => delay.beyond().is_some(),
        }
    }

    /// What it keeps over a restart.
    pub fn memory(&self) -> RuleMemory {
        match self {
            Timer::Lag(lag) => RuleMemory::ProductLag(lag.estimate(), lag.is_active()),
            Timer::Delay(delay) => RuleMemory::Delay(delay.beyond(), delay.is_active()),
        }
    }

    /// Goes on with what was kept that long ago. An estimate that is older than its time constant says nothing any more.
    pub fn resume(rule: &Rule, memory: &RuleMemory, age: Duration) -> Timer {
        match (rule.condition, *memory) {
            (Condition::ProductLag(time_constant), RuleMemory::ProductLag(estimate, is_active)) => {
                Timer::Lag(ProductLag::resumed(estimate.filter(|_| age < time_constant), is_active))
            }
            (Condition::Delay(_), RuleMemory::Delay(beyond, is_active)) => {
                Timer::Delay(Delay::resumed(beyond, is_active))
            }
            _ => Timer::of(rule),
        }
    }
}
