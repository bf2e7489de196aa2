//! What is said of the time outside: how much of a budget is used.

use std::time::Duration;

use super::{Decimal, Units, hours_and_minutes};
use crate::alarm::UsedBudget;
use crate::reading::Celsius;

/// How much of a budget of time outside is used: "2 h 10 min of 4 h above 8 °C".
pub fn budget(used: &UsedBudget, units: Units) -> String {
    let length = |seconds| hours_and_minutes(Duration::from_secs(seconds));
    format!("{} of {} {}", length(used.outside_s), length(used.budget_s), beyond(used, units))
}

/// Beyond which limits a budget counts: "above 8 °C", "outside 2 to 8 °C".
fn beyond(used: &UsedBudget, units: Units) -> String {
    let limit = |degrees: Option<f64>| degrees.and_then(Celsius::from_degrees);
    let number = |celsius| format!("{:#}", Decimal(units.tenths(celsius)));
    match (limit(used.min), limit(used.max)) {
        (Some(min), Some(max)) => format!("outside {} to {} {}", number(min), number(max), units.sign()),
        (Some(min), None) => format!("below {} {}", number(min), units.sign()),
        (None, Some(max)) => format!("above {} {}", number(max), units.sign()),
        (None, None) => String::from("outside"),
    }
}

/// The same with its window: "2 h 10 min of 4 h above 8 °C, in the last 24 h".
pub fn within(used: &UsedBudget, units: Units) -> String {
    let window = hours_and_minutes(Duration::from_secs(used.window_s));
    format!("{}, in the last {window}", budget(used, units))
}
