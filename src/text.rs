//! Every sentence that a person reads in the chat, in English: a file for each command, and here what several of
//! them say. Values come in, text comes out.

use std::time::Duration;

use jiff::civil::{Date, DateTime};

use crate::doc::Text;
use crate::fridge::{Limits, Verdict};
use crate::reading::{Celsius, Fault, Reading};

pub mod about;
pub mod alarm;
pub mod buttons;
pub mod calibrate;
pub mod chart;
pub mod elsewhere;
pub mod exposure;
pub mod gateway;
pub mod help;
pub mod history;
pub mod login;
pub mod minmax;
pub mod notices;
pub mod outage;
pub mod page;
pub mod past;
pub mod probes;
pub mod quiet;
pub mod recording;
pub mod report;
pub mod rules;
pub mod selection;
pub mod status;
pub mod trend;
mod units;
pub mod whatif;

pub use units::{Decimal, Units};

/// What every answer says whose values come from no real probe.
pub const SIMULATED: &str = "simulated";
/// The answer where the configuration names no fridge.
pub const NO_FRIDGES: &str = "No fridge is configured. `fridge probes` lists what is on the buses.";
/// The answer to who asks for something to be done and may only look.
pub const MAY_NOT_ACT: &str = "You may ask here, but not change anything.";
/// The same in a channel.
pub const MAY_NOT_ACT_IN_CHANNEL: &str = "You may ask here, but not act: the configuration names who may.";
/// The answer to what is asked on the other's path: a slash command on `/webhook`, or an outgoing webhook on `/command`.
pub fn elsewhere(is_command: bool) -> &'static str {
    if is_command {
        "This slash command's *Request URL* ends in /webhook: whoever manages it in Mattermost should change it to end in /command."
    } else {
        "This outgoing webhook's *Callback URL* ends in /command: whoever manages it in Mattermost should change it to end in /webhook."
    }
}

/// There are no values at all in that time.
pub const NO_VALUES: &str = "no readings";
/// The head of a column of fridges.
pub const FRIDGE: &str = "Fridge";
/// The head of a column of present values.
pub const NOW: &str = "Now";
/// The head of a column of probes.
pub const PROBE: &str = "Probe";

/// A temperature with one decimal: `−11.2 °C`.
pub fn temperature(celsius: Celsius, units: Units) -> String {
    format!("{} {}", Decimal(units.tenths(celsius)), units.sign())
}

/// A number with two decimals: `−0.44`.
pub fn hundredths(degrees: f64) -> String {
    let hundredths = (degrees * 100.0).round() as i64;
    let sign = if hundredths < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

/// From a lowest to a highest value: "3.1 to 4.9 °C".
pub fn span(min: Celsius, max: Celsius, units: Units) -> String {
    format!("{} to {}", Decimal(units.tenths(min)), temperature(max, units))
}

/// What a fridge may have: "0 to 5 °C", "max −15 °C".
pub fn limits(limits: &Limits, units: Units) -> String {
    let limit = |celsius| Decimal(units.tenths(celsius));
    let sign = units.sign();
    match (limits.min, limits.max) {
        (Some(min), Some(max)) => format!("{:#} to {:#} {sign}", limit(min), limit(max)),
        (Some(min), None) => format!("min {:#} {sign}", limit(min)),
        (None, Some(max)) => format!("max {:#} {sign}", limit(max)),
        (None, None) => String::from("none"),
    }
}

/// The one limit that a verdict is about.
pub fn crossed(limits: &Limits, verdict: Verdict, units: Units) -> Option<String> {
    let crossed = match verdict {
        Verdict::Warm => limits.max,
        Verdict::Cold => limits.min,
        _ => None,
    };
    crossed.map(|celsius| format!("limit {:#} {}", Decimal(units.tenths(celsius)), units.sign()))
}

/// A length of time in the unit a person would use: "4 s", "3 min", "5 h", "2 days".
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A length of time to the minute, as a budget or a setting needs it: "40 s", "90 min", "2 h 10 min", "4 h".
pub fn hours_and_minutes(length: Duration) -> String {
    let (seconds, minutes) = (length.as_secs(), length.as_secs() / 60);
    match (minutes / 60, minutes % 60) {
        _ if seconds < 120 && seconds != 60 => format!("{seconds} s"),
        (0 | 1, _) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// "09:12", or with its date where that is not today.
pub fn clock(at: DateTime, today: Date) -> String {
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    if at.date() == today { time } else { format!("{} {time}", at.date()) }
}

/// "1 probe", "2 probes".
pub fn count(count: usize, noun: &str) -> String {
    let ending = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

/// The fault in words that fit behind a fridge's name.
pub fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Pending => "not measured yet",
        Fault::NoAnswer => "no answer from the probe",
        Fault::Absent => "probe not found on any bus",
        Fault::NoDriver => "no driver in the kernel: modprobe w1_therm",
        Fault::Shorted => "data line short-circuited",
        Fault::Crc => "garbled answer from the probe",
        Fault::Late => "computer too busy to read the probe",
        Fault::PowerOnReset => "probe lost its power",
        Fault::PowerFail => "probe has too little power",
        Fault::OutOfRange => "value outside the probe's range",
        Fault::Implausible => "value not plausible",
        Fault::Bus => "bus not working",
    }
}

/// Reason shown in place of a temperature, in the headline and the table.
pub fn without_value(why: Fault, lasts: Duration) -> String {
    match why {
        Fault::Pending => format!("{}, started {} ago", fault(why), duration(lasts)),
        _ => format!("{} for {}", fault(why), duration(lasts)),
    }
}

/// What is known of a probe, in a table's cell.
pub fn reading(reading: &Reading, units: Units) -> String {
    match *reading {
        Reading::Fresh { celsius, .. } => temperature(celsius, units),
        Reading::Stale { age, .. } => format!("no reading for {}", duration(age)),
        Reading::Fault { fault, lasts } => without_value(fault, lasts),
    }
}

/// A fridge of another gateway: "North Milk".
pub fn of_site(site: &str, fridge: &str) -> String {
    format!("{site} {fridge}")
}

/// Stands for the rows of a table that did not fit.
pub fn more(rows: usize, _needing: usize) -> String {
    format!("… and {rows} more.")
}

/// The first line of an answer, with what every first line says: which gateway speaks, where it has a name, and
/// that it is simulated, where it is.
pub fn headline(line: impl Into<Text>, gateway: Option<&str>, is_simulated: bool) -> Text {
    let line = match gateway {
        Some(name) => Text::name(name).and(": ").and(line),
        None => line.into(),
    };
    if is_simulated { line.and(format!(" ({SIMULATED})")) } else { line }
}
