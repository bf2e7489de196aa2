//! What was understood of a log: to be read before anybody believes what is made of it.

use std::time::Duration;

use super::{count, hours_and_minutes};
use crate::recording::{Recording, Unit};

/// "3435 points over 23 days, in thousandths of a °C; the longest gap is 2 h; 1 line passed over (line 63: …)"
pub fn understood(recording: &Recording) -> String {
    let length = recording.points.last().map_or(Duration::ZERO, |last| last.at);
    let unit = match recording.understood.unit {
        Unit::Celsius => "°C",
        Unit::Fahrenheit => "°F",
        Unit::MilliCelsius => "thousandths of a °C",
    };
    let passed_over = match (&recording.understood.first_passed_over, recording.understood.passed_over) {
        (Some((line, why)), lines) => format!("; {} passed over (line {line}: {why})", count(lines, "line")),
        (None, _) => String::new(),
    };
    format!(
        "{} over {}, in {unit}; the longest gap is {}{passed_over}",
        count(recording.points.len(), "point"),
        super::duration(length),
        hours_and_minutes(recording.understood.longest_gap),
    )
}
