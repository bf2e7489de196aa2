//! What `history` says.

use super::{Units, span, temperature};
use crate::doc::Text;
use crate::reading::Celsius;

/// The line above several fridges' last 24 hours.
pub const OF_MANY: &str = "Last 24 h, one block per hour, newest on the right";
/// The head of the column of lines.
pub const DAY_AS_LINE: &str = "Last 24 h";
/// From the lowest to the highest value.
pub const SPAN: &str = "Span";

/// The line above one fridge's last 24 hours.
pub fn of_one(name: &str, hours: usize) -> Text {
    Text::name(name).and(format!(", last {hours} h"))
}

/// The figures of one fridge's last 24 hours.
pub fn figures(min: Celsius, max: Celsius, mean: Celsius, units: Units) -> String {
    format!(
        "{}, {} on average; one block per half hour, newest on the right",
        span(min, max, units),
        temperature(mean, units)
    )
}
