//! What is said of fridges around which it is quiet: snoozed, or in a defrost.

use std::time::Duration;

use jiff::civil::{Date, DateTime};

use super::{clock, hours_and_minutes};
use crate::alarm::Quiet;
use crate::doc::Text;

/// A fridge around which it is quiet: "Milk: snoozed until 14:10 by anna".
pub fn line(name: &str, quiet: &Quiet, until: DateTime, today: Date) -> Text {
    let what = if quiet.warmth_only { "warmth expected" } else { "snoozed" };
    let text = Text::name(name).and(format!(": {what} until {}", clock(until, today)));
    match &quiet.by {
        Some(by) => text.and(" by ").and(Text::name(by)),
        None => text,
    }
}

/// Around some fridges it is quiet.
pub fn snoozed<'a>(fridges: impl IntoIterator<Item = &'a str>, length: Duration) -> Text {
    Text::names(fridges)
        .and(format!(": no new alarm is told for {}, not even an urgent one", hours_and_minutes(length)))
}

/// Warmth is expected in some fridges.
pub fn defrosting<'a>(fridges: impl IntoIterator<Item = &'a str>, length: Duration) -> Text {
    Text::names(fridges).and(format!(
        ": for {} it may be too warm; everything else, and an urgent alarm, is still told",
        hours_and_minutes(length)
    ))
}
