//! What `trend` says.

use super::{Decimal, Units};
use crate::doc::Text;

/// The head of the column of trends.
pub const TREND: &str = "Trend";
/// Over which time a trend was taken.
pub const OVER: &str = "Over the last";
/// There are too few values for a trend.
pub const NO_TREND: &str = "not enough readings yet";
/// The same above several fridges, none of which has one.
pub const NO_TRENDS: &str = "Not enough readings yet for a trend";

/// How fast a fridge changes: "+1.2 °C per hour", "steady".
pub fn trend(degrees_per_hour: f64, units: Units) -> String {
    let per_hour = match units {
        Units::Celsius => degrees_per_hour,
        Units::Fahrenheit => degrees_per_hour * 1.8,
    };
    match (per_hour * 10.0).round() as i32 {
        0 => String::from("steady"),
        tenths if tenths > 0 => format!("+{} {} per hour", Decimal(tenths), units.sign()),
        tenths => format!("{} {} per hour", Decimal(tenths), units.sign()),
    }
}

/// A span of minutes: "60 min".
pub fn minutes(minutes: usize) -> String {
    format!("{minutes} min")
}

/// The line above a single fridge's trend.
pub fn of_one(name: &str, trend: &str, minutes: usize) -> Text {
    Text::name(name).and(format!(": {trend}, over the last {minutes} min"))
}

/// The line of a single fridge that has no trend yet, after so many minutes of those that it takes.
pub fn of_none(name: &str, minutes: usize, needed: usize) -> Text {
    Text::name(name).and(format!(
        ": not enough readings for a trend yet ({minutes} of {needed} min); a compressor's cycle can take most of an hour"
    ))
}

/// The line above several fridges' trends.
pub fn of_many(fastest: &str, trend: &str) -> Text {
    Text::from("Fastest: ").and(Text::name(fastest)).and(format!(", {trend}"))
}
