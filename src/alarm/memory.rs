//! What a monitor keeps over a restart. Moments are those of the wall clock: the other one begins anew.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RuleName, Side, Urgency};

/// What one fridge's monitor knows. Temperatures are in °C.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// When it was made.
    pub at: Timestamp,
    /// What each rule about the temperature knows.
    pub rules: Vec<RuleMemory>,
    /// The excursions above and below.
    pub sides: [Option<ExcursionMemory>; 2],
    /// The newest reading in sixteenths, how long it has been the same, and whether that is an alarm.
    pub stuck: Option<(i16, Duration, bool)>,
    /// Whether the probe's silence is an alarm.
    pub silent: bool,
    /// The spans of time outside.
    pub outside: Vec<(Timestamp, Timestamp)>,
}

/// What a rule knows. It is recognized by its name and its side, because a configuration may add others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleMemory {
    /// Which of the fridge's rules it is.
    pub name: RuleName,
    /// Its side.
    pub side: Side,
    /// What it knows.
    pub state: StateMemory,
}

/// The state of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateMemory {
    /// The product's estimated temperature in °C; and whether the rule holds.
    ProductLag(Option<f64>, bool),
    /// For how long every reading was beyond the limit; and whether the rule holds.
    Delay(Option<Duration>, bool),
}

/// A time beyond a limit, with its alarm if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExcursionMemory {
    /// Since when.
    pub since: Timestamp,
    /// The furthest reading, in sixteenths.
    pub peak: i16,
    /// How long it was beyond the limit.
    pub outside: Duration,
    /// How urgent its alarm is.
    pub alarm: Option<Urgency>,
}
