//! What `status` says: the headline of an overview, and the rows of one fridge in detail.

use std::time::Duration;

use jiff::civil::Time;

use super::{Units, duration, fault, hours_and_minutes, span, temperature};
use crate::alarm::Side;
use crate::doc::Text;
use crate::fridge::{Excursion, Verdict};
use crate::reading::{Celsius, Fault};
use crate::state::Day;

/// What the fridge may have.
pub const LIMITS: &str = "Limits";
/// The lowest and highest value of the day.
pub const TODAY: &str = "Today";
/// The last fault of its probe.
pub const LAST_FAULT: &str = "Last fault";
/// The last good value, where it is not the present one.
pub const LAST_GOOD: &str = "Last good value";
/// Which others it belongs with.
pub const GROUP: &str = "Group";
/// When it passes its limit if it goes on as in the last hour.
pub const AT_THIS_RATE: &str = "At this rate";
/// Since when it has been outside its limits, and how far.
pub const OUTSIDE: &str = "Outside its limits";
/// How much of its budget of time outside is used.
pub const TIME_OUTSIDE: &str = "Time outside";
/// There was no fault.
pub const NO_FAULT: &str = "none since the start";
/// What stands below the fridges that a part of a name found.
pub const MORE_OF_THE_NAME: &str = "Type more of a name to see that fridge in detail.";

/// The verdict in a word or three, for one fridge.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Warm => "too warm",
        Verdict::Cold => "too cold",
        Verdict::NoAnswer => "no value",
        Verdict::Stale => "no fresh value",
        Verdict::Pending => "not measured yet",
        Verdict::NoLimits => "no limits set",
        Verdict::InRange => "in range",
        Verdict::OutOfService => "out of service",
    }
}

/// On which side a fridge is beyond its limits.
pub fn beyond(side: Side) -> &'static str {
    verdict(match side {
        Side::Above => Verdict::Warm,
        Side::Below => Verdict::Cold,
    })
}

/// "too warm for 12 min (since 09:12), at most 9.0 °C", for a fridge that is.
pub fn excursion(excursion: &Excursion, lasts: Duration, since: &str, units: Units) -> String {
    let (beyond, extreme) = (beyond(excursion.side), extreme(excursion.side));
    let peak = temperature(excursion.peak, units);
    format!("{beyond} for {} (since {since}), {extreme} {peak}", hours_and_minutes(lasts))
}

/// The furthest reading of one side, in a word.
fn extreme(side: Side) -> &'static str {
    match side {
        Side::Above => "highest",
        Side::Below => "lowest",
    }
}

/// "at its limit in 40 min"
pub fn time_to_limit(time: Duration) -> String {
    format!("at its limit in {}", hours_and_minutes(time))
}

/// How the fridges are together: the first line of an overview, and a phone's notification.
pub struct Summary {
    /// How many fridges are in service.
    pub counted: usize,
    /// How many of them need a look.
    pub needing: usize,
    /// The first of those that need a look, each in a few words.
    pub first: Vec<Text>,
    /// How many were not measured yet.
    pub pending: usize,
    /// How many have no limits.
    pub without_limits: usize,
    /// How many are out of service.
    pub out_of_service: usize,
    /// The age of the oldest fresh reading.
    pub oldest: Option<Duration>,
    /// Whether there is no other fridge.
    pub is_only: bool,
    /// The time since the start.
    pub up: Duration,
}

impl Summary {
    /// "All 6 in range, oldest reading 4 s ago".
    pub fn line(self) -> Text {
        let started = duration(self.up);
        let mut line = if self.counted == 0 {
            Text::from("No fridge is in service")
        } else if self.needing > 0 {
            let verb = if self.needing == 1 { "needs" } else { "need" };
            let rest = self.needing - self.first.len();
            let line = Text::from(format!("{} of {} {verb} a look: ", self.needing, self.counted))
                .and(Text::joined(self.first));
            if rest > 0 { line.and(format!(" and {rest} more")) } else { line }
        } else if self.pending == self.counted {
            Text::from(format!("Nothing measured yet, started {started} ago"))
        } else {
            let total = self.counted + self.out_of_service;
            match self.counted - self.pending - self.without_limits {
                0 if self.without_limits == self.counted => Text::from(if self.counted == 1 {
                    "No limits set"
                } else {
                    "No limits set for any fridge"
                }),
                1 if self.is_only => Text::from("The only fridge is in range"),
                in_range if in_range == total => Text::from(format!("All {total} in range")),
                in_range => Text::from(format!("{in_range} of {total} in range")),
            }
        };
        if self.pending > 0 && self.pending < self.counted {
            line = line.and(format!(", {} not measured yet (started {started} ago)", self.pending));
        } else if let (0, Some(oldest)) = (self.needing, self.oldest) {
            line = line.and(format!(", oldest reading {} ago", duration(oldest)));
        }
        if self.without_limits > 0 && self.without_limits < self.counted {
            line = line.and(format!("; {} without limits", self.without_limits));
        }
        if self.out_of_service > 0 {
            line = line.and(format!("; {} out of service", self.out_of_service));
        }
        line
    }
}

/// Stands for the rows of an overview that did not fit.
pub fn left_out(rows: usize, needing: usize) -> String {
    match needing {
        0 => format!("… and {rows} more, none of which needs a look."),
        _ => format!("… and {rows} more, {needing} of which need a look."),
    }
}

/// Stands for the fridges of an answer that are not listed, because there are thousands.
pub fn unlisted(fridges: usize, needing: usize) -> String {
    let rest = format!("{fridges} more fridges are not listed here");
    match needing {
        0 => format!(
            "{rest}, none of which needs a look. Name a gateway or a group to see its own: `fridge status site:north`."
        ),
        _ => format!(
            "{rest}, {needing} of which need a look. Name a gateway or a group to see its own: `fridge status site:north`."
        ),
    }
}

/// The present value and how old it is.
pub fn with_age(celsius: Celsius, age: Duration, units: Units) -> String {
    format!("{}, read {} ago", temperature(celsius, units), duration(age))
}

/// A value that is no longer the present one.
pub fn old(celsius: Celsius, age: Duration, units: Units) -> Text {
    Text::from(format!("{}, ", temperature(celsius, units)))
        .and(Text::strong("old"))
        .and(format!(": {} ago", duration(age)))
}

/// The extremes of the day, and since when they count.
pub fn today(day: &Day, since: Time, units: Units) -> String {
    let (hour, minute) = (since.hour(), since.minute());
    format!("{} (since {hour:02}:{minute:02})", span(day.min, day.max, units))
}

/// The last fault, how long ago it was, and how many there were in all.
pub fn last_fault(last: Fault, ago: Duration, times: u64) -> String {
    format!("{}, {} ago ({times} since the start)", fault(last), duration(ago))
}
