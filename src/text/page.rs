//! What the page says.

use std::time::Duration;

use jiff::civil::DateTime;

use super::{Units, duration, temperature};
use crate::fridge::{Limits, Verdict};
use crate::reading::Celsius;
use crate::store::bucket::Aggregate;

/// What the page is called where the gateway has no name.
pub const NO_NAME: &str = "fridge";
/// The first of the pages.
pub const FRIDGES: &str = "Fridges";
/// The page of alarms.
pub const ALARMS: &str = "Alarms";
/// The page about the gateway.
pub const ABOUT: &str = "About";
/// The way to the pages.
pub const PAGES: &str = "Pages";
/// The way past them, for who uses the keyboard.
pub const SKIP: &str = "Skip to the content";
/// What every page says whose values come from no real probe.
pub const SIMULATED: &str = "Simulated: these values come from no real probe.";
/// The page has lost its connection.
pub const LOST: &str = "Connection lost: these values are old.";
/// Nothing is shown live without the script.
pub const WITHOUT_SCRIPT: &str = "Scripts are off: this page loads itself again every 30 seconds.";
/// Who made the page.
pub const MADE: &str = "Made by fridge";
/// The title of a page that says what is wrong.
pub const FAILED: &str = "That did not work";
/// The way back from it.
pub const BACK: &str = "All fridges";
/// There is no such page.
pub const NOT_FOUND: &str = "There is no such page. The fridge may have another id now.";
/// The open alarms.
pub const OPEN_ALARMS: &str = "Open alarms";
/// There are none.
pub const NO_OPEN_ALARMS: &str = "There are no open alarms.";
/// Those of the last thirty days.
pub const PAST_ALARMS: &str = "Past alarms of the last 30 days";
/// There were none.
pub const NO_PAST_ALARMS: &str = "None.";
/// What is acknowledged where.
pub const ACKNOWLEDGE: &str = "To acknowledge an alarm, type `fridge ack` and the cause in the channel.";
/// The same, where users can do it here.
pub const ACKNOWLEDGE_HERE: &str =
    "To acknowledge an alarm, log in, or type `fridge ack` and the cause in the channel.";
/// Why there is an alarm.
pub const CAUSE: &str = "Cause";
/// Takes an alarm on.
pub const ACKNOWLEDGE_IT: &str = "Acknowledge";
/// What can be done about a fridge.
pub const ACTS: &str = "Snooze or defrost";
/// Nobody wants to hear of a fridge for a while.
pub const SNOOZE: &str = "Snooze its alarms";
/// Warmth is expected in it.
pub const DEFROST_IT: &str = "Announce a defrost";
/// For how long.
pub const LENGTH: &str = "For";
/// The lengths of a snooze, as they are sent and shown.
pub const SNOOZES: [(&str, &str); 5] =
    [("30m", "30 min"), ("1h", "1 h"), ("2h", "2 h"), ("8h", "8 h"), ("24h", "24 h")];
/// Those of a defrost.
pub const DEFROSTS: [(&str, &str); 4] =
    [("20m", "20 min"), ("45m", "45 min"), ("90m", "90 min"), ("3h", "3 h")];
/// It is not open any more.
pub const NOT_OPEN: &str = "No open alarm has that number: it may be over by now.";
/// It is not as the form would have sent it.
pub const NO_LENGTH: &str = "Choose a length of time from 1 min to 24 h.";
/// What `fridge doctor` finds.
pub const DOCTOR: &str = "Checks";
/// The way to it.
pub const TO_DOCTOR: &str = "what `fridge doctor` finds, with the cures";
/// Where it could not be asked.
pub const NO_DOCTOR: &str = "The checks could not be run. `sudo fridge doctor` on the gateway says more.";
/// A time without readings.
pub const GAP: &str = "No readings";
/// A time in which warmth was expected.
pub const DEFROST: &str = "Defrost";
/// How much of the past the chart shows.
pub const RANGE: &str = "Range of the chart";
/// What happened in that time.
pub const STORY: &str = "What happened";
/// Nothing did.
pub const NO_STORY: &str = "No alarms in this period.";
/// What happened to a fridge is recorded by another gateway, whose name follows.
pub const ELSEWHERE: &str = "For this fridge's past alarms and reports, see its own gateway, ";
/// The report of such a fridge is not made here.
pub const NO_REPORT: &str = "that fridge's report is made by its own gateway";
/// What can be taken from here.
pub const PAPERS: &str = "Reports and export";
/// The chart has nothing to show.
pub const NO_CHART: &str = "There are no readings in this period.";
/// How the chart is used.
pub const POINTER: &str = "Point at the chart, or focus it and use the arrow keys, to read a value.";

/// Who may not look.
pub const NOT_FROM_THERE: &str =
    "this address may not look: `allow` in the section [page] of the gateway's configuration says who may";
/// Nobody may.
pub const IS_OFF: &str =
    "there is no page here: `enabled` in the section [page] of the gateway's configuration is false";
/// What is kept cannot be read.
pub const UNREADABLE: &str =
    "What was measured cannot be read from the disk. `fridge doctor` on the gateway says why.";
/// Nothing is kept.
pub const NOTHING_KEPT: &str = "No history is kept.";
/// What was asked for is no time.
pub const NO_TIME: &str =
    "That is not a period. Write one such as yesterday, last week, march or 2026-03-14.";
/// The times of which there are reports, as they are said and shown.
pub const PAPER_TIMES: [(&str, &str); 4] = [
    ("today", "Report of today"),
    ("yesterday", "Report of yesterday"),
    ("last+week", "Report of last week"),
    ("last+month", "Report of last month"),
];
/// The lowest reading of an alarm.
pub const LOWEST: &str = "lowest";
/// The highest.
pub const HIGHEST: &str = "highest";
/// A made-up alarm.
pub const DRILL: &str = "Drill:";
/// Who took an alarm on.
pub const ACKNOWLEDGED_BY: &str = "acknowledged by";
/// Nobody did.
pub const NOT_ACKNOWLEDGED: &str = "not acknowledged";
/// An alarm's end.
pub const OVER: &str = "over";
/// It has none yet.
pub const STILL_OPEN: &str = "still open";
/// The head of what is there for programs and screens.
pub const FOR_PROGRAMS: &str = "For programs and screens";
/// The API.
pub const API: &str = "how the fridges are, in JSON; /api/v1/openapi.json describes the rest";
/// The metrics.
pub const METRICS: &str = "for Prometheus";
/// The wall.
pub const WALL: &str = "large, for a screen on the wall";

/// A range of readings as a table.
pub fn csv(range: &str) -> String {
    format!("Readings in steps, {range} (CSV)")
}

/// The moment of which a page is.
pub fn as_of(clock: &str) -> String {
    format!("as of {clock}")
}

/// The moment of which a chart is.
pub fn chart_as_of(clock: &str) -> String {
    format!("Chart as of {clock}.")
}

/// How old a value is.
pub fn read_ago(age_s: u64) -> String {
    format!("read {} ago", duration(Duration::from_secs(age_s)))
}

/// What a fridge may have.
pub fn limits(limits: &Limits, units: Units) -> String {
    if *limits == Limits::default() { String::from("no limits") } else { super::limits(limits, units) }
}

/// What a chart shows, for who cannot see it.
pub fn chart(name: &str, total: &Aggregate, units: Units) -> String {
    match total.span {
        Some((min, max)) => format!("Temperature of {name} over time: {}", super::span(min, max, units)),
        None => format!("Temperature of {name} over time"),
    }
}

/// From when to when.
pub fn span(from: DateTime, to: DateTime) -> String {
    let to = if to.date() == from.date() { to.strftime("%H:%M") } else { to.strftime("%Y-%m-%d %H:%M") };
    format!("{} to {to}", from.strftime("%Y-%m-%d %H:%M"))
}

/// An alarm was raised.
pub fn raised(number: u64, kind: &str, is_drill: bool, at: DateTime) -> String {
    let drill = if is_drill { "drill, " } else { "" };
    format!("#{number} {drill}{kind}, raised {}", at.strftime("%Y-%m-%d %H:%M"))
}

/// Somebody took an alarm on.
pub fn acknowledged(number: u64, by: Option<&str>, cause: Option<&str>, at: DateTime) -> String {
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    let by = by.unwrap_or("somebody");
    format!("#{number} acknowledged by {by} {}{cause}", at.strftime("%Y-%m-%d %H:%M"))
}

/// What stands for a value that is no longer the present one.
pub fn last_good(celsius: Celsius, age_s: u64, units: Units) -> String {
    format!("last good value {}, {} ago", temperature(celsius, units), duration(Duration::from_secs(age_s)))
}

/// How the fridges are together, in a few words without anything that changes with time alone: the page says the rest below.
pub fn headline(verdicts: impl Iterator<Item = Verdict>) -> String {
    let verdicts: Vec<Verdict> = verdicts.filter(|verdict| *verdict != Verdict::OutOfService).collect();
    let count =
        |wanted: &dyn Fn(Verdict) -> bool| verdicts.iter().filter(|verdict| wanted(**verdict)).count();
    let (all, needing) = (verdicts.len(), count(&Verdict::needs_a_look));
    let (pending, in_range) = (count(&|it| it == Verdict::Pending), count(&|it| it == Verdict::InRange));
    match all {
        0 => String::from("No fridge is in service"),
        _ if needing > 0 => {
            format!("{needing} of {all} {} a look", if needing == 1 { "needs" } else { "need" })
        }
        _ if pending == all => String::from("Nothing measured yet"),
        1 if in_range == 1 => String::from("The only fridge is in range"),
        _ if in_range == all => format!("All {all} in range"),
        _ => {
            let mut line = format!("{in_range} of {all} in range");
            let without_limits = all - in_range - pending;
            for (count, what) in [(pending, "not measured yet"), (without_limits, "without limits")] {
                if count > 0 {
                    line.push_str(&format!(", {count} {what}"));
                }
            }
            line
        }
    }
}
