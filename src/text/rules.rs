//! What `rules` says: each rule of a fridge in a sentence.

use super::{Decimal, Units, hours_and_minutes};
use crate::alarm::{Condition, Defrost, Exposure, Rule, RuleName, Rules, Side, Urgency};
use crate::doc::Text;
use crate::fridge::Limits;
use crate::reading::Celsius;

/// A fridge that is out of service raises nothing.
pub const OUT_OF_SERVICE: &str = "out of service: no alarms";

/// Another gateway watches a fridge: its name follows.
pub const ELSEWHERE: &str = "watched under the rules of its own gateway, ";

/// Where a preset's limits come from.
pub fn source(source: &str) -> String {
    format!("source: {source}")
}

/// The line above the rules of one fridge: "Milk, by the preset fridge".
pub fn of_fridge(name: &str, rules: &Rules) -> Text {
    let name = Text::name(name);
    match rules.preset {
        Some(preset) => name.and(format!(", by the preset {preset}")),
        None if rules.temperature.is_empty() => name.and(", without limits"),
        None => name.and(", by its limits"),
    }
}

/// The line above the rules of several fridges.
pub fn of_many(fridges: usize) -> String {
    format!("The rules of {}", super::count(fridges, "fridge"))
}

/// A rule about the temperature.
pub fn rule(rule: &Rule, units: Units) -> String {
    let beyond = match rule.side {
        Side::Above => "above",
        Side::Below => "below",
    };
    let limit = temperature(rule.limit, units);
    let urgency = urgency(rule.urgency);
    match rule.condition {
        Condition::ProductLag(time_constant) => format!(
            "{urgency}: the product, estimated to follow the air with a time constant of {}, is {beyond} {limit}",
            hours_and_minutes(time_constant)
        ),
        Condition::Delay(after) => {
            let because =
                if rule.name == RuleName::Gross { " (door wide open, or probe outside)" } else { "" };
            format!("{urgency}: every reading is {beyond} {limit} for {}{because}", hours_and_minutes(after))
        }
    }
}

/// When a probe is silent.
pub fn silent(after: std::time::Duration) -> String {
    format!("warning: no reading for {}, or for three periods where that is longer", hours_and_minutes(after))
}

/// When a probe is stuck.
pub fn stuck(after: std::time::Duration) -> String {
    format!("warning: the same reading, to the last bit, for {}", hours_and_minutes(after))
}

/// The budget of time outside, and how it is counted.
pub fn exposure(exposure: &Exposure, units: Units) -> String {
    let limits = Limits { min: exposure.min, max: exposure.max };
    format!(
        "record: time outside {}, at most {} within {}",
        super::limits(&limits, units),
        hours_and_minutes(exposure.budget),
        hours_and_minutes(exposure.window)
    )
}

/// When others are called.
pub fn unanswered(after: std::time::Duration) -> String {
    format!("unanswered: nobody has acknowledged an alarm for {}", hours_and_minutes(after))
}

/// A defrost by the clock.
pub fn defrost(defrost: &Defrost) -> String {
    let at = defrost.at;
    format!(
        "defrost: warmth is expected each day at {:02}:{:02} for {}; an urgent alarm still comes",
        at.hour(),
        at.minute(),
        hours_and_minutes(defrost.length)
    )
}

/// How soon a person should act.
pub fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Warning => "warning",
        Urgency::Urgent => "urgent",
    }
}

fn temperature(celsius: Celsius, units: Units) -> String {
    format!("{:#} {}", Decimal(units.tenths(celsius)), units.sign())
}
