//! What happens to an alarm.

use std::time::Duration;

use super::{Kind, RuleName, Urgency};
use crate::reading::{Celsius, Stamp};

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
