//! What answers about the past say.

use std::time::Duration;

use jiff::civil::{Date, DateTime};

use super::{Decimal, Units, duration, temperature};
use crate::alarm::Side;
use crate::doc::Text;
use crate::fridge::Limits;
use crate::reading::Celsius;

/// The record of a fridge is another gateway's.
pub const ELSEWHERE: &str = "the record of that fridge is on its own gateway, so ask there";
/// There is no disk on which anything is kept.
pub const NOTHING_KEPT: &str = "nothing is kept on a disk";
/// The disk does not answer in time.
pub const SLOW: &str = "the disk takes too long: ask again in a minute";
/// So many ask about the past that this question has to wait.
pub const BUSY: &str = "several questions about the past are under way: ask again in a moment";
/// The head of a column of means.
pub const MEAN: &str = "Mean";
/// The head of a column that says since when a fridge is outside its limits.
pub const SINCE: &str = "Outside its limits";
/// The line where no fridge is outside.
pub const NONE_OUTSIDE: &str = "No fridge is outside its limits.";
/// Of a fridge without limits.
pub const NO_LIMITS: &str = "has no limits";
/// Of a fridge that is within its limits.
pub const WITHIN: &str = "within its limits";

/// The past cannot be read.
pub fn unreadable(why: &str) -> String {
    format!("What is kept of the past cannot be read: {why}.")
}

/// The line above several fridges' lowest and highest values.
pub fn extremes_of(period: &str) -> String {
    format!("Lowest and highest, {period}")
}

/// The line above several fridges' reports.
pub fn report_of(period: &str) -> String {
    format!("Report, {period}")
}

/// The line above one fridge's values.
pub fn of_one(name: &str, period: &str) -> Text {
    Text::name(name).and(format!(", {period}"))
}

/// The line above several fridges'.
pub fn of_many(period: &str, block: Duration) -> String {
    let period = capital(period);
    format!("{period}, one block per {}, newest on the right", step(block))
}

/// The figures of one fridge's values.
pub fn figures(min: Celsius, max: Celsius, mean: f64, block: Duration, units: Units) -> String {
    let mean = Celsius::from_degrees(mean).map_or_else(String::new, |mean| temperature(mean, units));
    format!(
        "{}, {mean} on average; one block per {}, newest on the right",
        super::span(min, max, units),
        step(block)
    )
}

fn step(block: Duration) -> String {
    match block.as_secs() {
        seconds if seconds % 86_400 == 0 && seconds > 86_400 => format!("{} days", seconds / 86_400),
        86_400 => String::from("day"),
        3_600 => String::from("hour"),
        _ => duration(block),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// "above 5 °C since Tuesday 02:10, highest 9.0 °C"
pub fn beyond(
    side: Side,
    limits: &Limits,
    since: &str,
    at_least: bool,
    peak: Celsius,
    units: Units,
) -> String {
    let (word, limit, furthest) = match side {
        Side::Above => ("above", limits.max, "highest"),
        Side::Below => ("below", limits.min, "lowest"),
    };
    let limit = limit
        .map_or_else(String::new, |limit| format!(" {:#} {}", Decimal(units.tenths(limit)), units.sign()));
    let at_least = if at_least { "at least " } else { "" };
    format!("{word}{limit} since {at_least}{since}, {furthest} {}", temperature(peak, units))
}

/// The same of a fridge of which nothing was read since then.
pub fn last_read(beyond: &str, at: &str) -> String {
    format!("{beyond}; last read {at}")
}

/// "02:10", "yesterday 02:10", "Tuesday 02:10", or with its date where that is a week ago.
pub fn moment(at: DateTime, today: Date) -> String {
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    let days = at.date().until(today).map_or(i32::MAX, |span| span.get_days());
    match days {
        0 => time,
        1 => format!("yesterday {time}"),
        2..7 => format!("{} {time}", at.strftime("%A")),
        _ => format!("{} {time}", at.date()),
    }
}
