//! What `fridge whatif` says.

use std::time::Duration;

use super::{Units, count, duration, temperature};
use crate::alarm::{Kind, Outcome, RuleName};
use crate::doc::Text;
use crate::reading::Celsius;

/// The heads of the columns: when an alarm was raised, when it was over, by which rule, the furthest reading.
pub const COLUMNS: [&str; 4] = ["Raised", "Cleared", "What", "Peak"];
/// An alarm that was not over by the last reading.
pub const STILL_OPEN: &str = "not yet";

/// "3 alarms in 14 days (20160 readings, one every 60 s); 52 min outside the limits".
pub fn headline(what: Option<&str>, outcome: &Outcome, length: Duration, period: Duration) -> Text {
    let line = format!(
        "{} in {} ({}, one every {}); {} outside the limits",
        count(outcome.alarms.len(), "alarm"),
        duration(length),
        count(outcome.readings, "reading"),
        duration(period),
        duration(outcome.outside),
    );
    match what {
        Some(what) => Text::from(format!("{what}: {line}")),
        None => line.into(),
    }
}

/// What an alarm is about, and by which rule: "too warm (product lag)".
pub fn what(kind: Kind, rule: RuleName) -> String {
    match rule {
        RuleName::Silent | RuleName::Stuck => super::alarm::kind(kind).to_owned(),
        rule => format!("{} ({})", super::alarm::kind(kind), super::alarm::rule(rule)),
    }
}

/// The furthest reading.
pub fn peak(peak: Option<Celsius>, units: Units) -> String {
    peak.map_or_else(String::new, |peak| temperature(peak, units))
}
