//! Every sentence that the gateway says, in English. Values come in, text comes out; another
//! language would be another file like this one.

use std::time::Duration;

use jiff::civil::Time;

use super::units::{Units, decimal};
use crate::cache::Day;
use crate::fridge::{Limits, Verdict};
use crate::reading::{Celsius, Fault, Reading};

mod help;
mod remarks;

pub use help::{explanation, meaning, usage};
pub use remarks::{Pattern, more_remarks, pattern, remark};

/// A temperature with one decimal: `−11.2 °C`.
pub fn temperature(celsius: Celsius, units: Units) -> String {
    format!("{} {}", decimal(units.tenths(celsius)), units.sign())
}

/// A limit, without a decimal that says nothing: `−15`, `2.5`.
fn limit(celsius: Celsius, units: Units) -> String {
    let text = decimal(units.tenths(celsius));
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// What a fridge may have: "0 to 5 °C", "max −15 °C".
pub fn limits(limits: &Limits, units: Units) -> String {
    let sign = units.sign();
    match (limits.min, limits.max) {
        (Some(min), Some(max)) => format!("{} to {} {sign}", limit(min, units), limit(max, units)),
        (Some(min), None) => format!("min {} {sign}", limit(min, units)),
        (None, Some(max)) => format!("max {} {sign}", limit(max, units)),
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
    crossed.map(|celsius| format!("limit {} {}", limit(celsius, units), units.sign()))
}

/// How fast a fridge changes: "+1.2 °C per hour", "steady".
pub fn trend(degrees_per_hour: f64, units: Units) -> String {
    let per_hour = match units {
        Units::Celsius => degrees_per_hour,
        Units::Fahrenheit => degrees_per_hour * 1.8,
    };
    match (per_hour * 10.0).round() as i32 {
        0 => String::from("steady"),
        tenths if tenths > 0 => format!("+{} {} per hour", decimal(tenths), units.sign()),
        tenths => format!("{} {} per hour", decimal(tenths), units.sign()),
    }
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

/// A time of the day: "08:12".
pub fn time_of_day(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// The fault in words that fit behind a fridge's name.
pub fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Pending => "not measured yet",
        Fault::NoAnswer => "no answer from the probe",
        Fault::Absent => "probe not found on any bus",
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

/// A fridge in the verdict line and in the table has no value, and this is why.
pub fn without_value(fault_: Fault, lasts: Duration) -> String {
    match fault_ {
        Fault::Pending => format!("{}, started {} ago", fault(fault_), duration(lasts)),
        _ => format!("{} for {}", fault(fault_), duration(lasts)),
    }
}

/// The newest value is too old to stand for the present.
pub fn stale(age: Duration) -> String {
    format!("no reading for {}", duration(age))
}

/// The verdict in a word or three, for one fridge.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Warm => "too warm",
        Verdict::Cold => "too cold",
        Verdict::NoAnswer => "no value",
        Verdict::Stale => "no fresh value",
        Verdict::Pending => "not measured yet",
        Verdict::InRange => "in range",
        Verdict::OutOfService => "out of service",
    }
}

/// How the fridges are together: the first line of an overview, and a phone's notification.
pub struct Summary<'a> {
    /// How many fridges are in service.
    pub counted: usize,
    /// How many of them need a look, and what the first of them are like.
    pub needing: usize,
    /// The first of those that need a look, each in a few words.
    pub first: &'a [String],
    /// How many were not measured yet.
    pub pending: usize,
    /// How many are out of service.
    pub out_of_service: usize,
    /// The age of the oldest fresh reading.
    pub oldest: Option<Duration>,
    /// The time since the start.
    pub up: Duration,
}

impl Summary<'_> {
    /// "All 6 in range, oldest reading 4 s ago".
    pub fn line(&self) -> String {
        let mut line = if self.counted == 0 {
            String::from("No fridge is in service")
        } else if self.needing > 0 {
            let verb = if self.needing == 1 { "needs" } else { "need" };
            let mut line =
                format!("{} of {} {verb} a look: {}", self.needing, self.counted, self.first.join(", "));
            let rest = self.needing - self.first.len();
            if rest > 0 {
                line.push_str(&format!(" and {rest} more"));
            }
            line
        } else if self.pending == self.counted {
            format!("Nothing measured yet, started {} ago", duration(self.up))
        } else if self.pending > 0 {
            format!("{} of {} in range", self.counted - self.pending, self.counted)
        } else {
            let all = if self.counted == 1 {
                String::from("The only fridge is")
            } else {
                format!("All {}", self.counted)
            };
            format!("{all} in range")
        };
        if self.pending > 0 && self.pending < self.counted {
            line.push_str(&format!(
                ", {} not measured yet (started {} ago)",
                self.pending,
                duration(self.up)
            ));
        } else if let (0, Some(oldest)) = (self.needing, self.oldest) {
            line.push_str(&format!(", oldest reading {} ago", duration(oldest)));
        }
        if self.out_of_service > 0 {
            line.push_str(&format!("; {} out of service", self.out_of_service));
        }
        line
    }
}

/// What stands below a table that had to leave out some rows.
pub fn left_out(rows: usize, needing: usize) -> String {
    match needing {
        0 => format!("… and {rows} more, none of which needs a look."),
        _ => format!("… and {rows} more, {needing} of which need a look."),
    }
}

/// The head of a column of names.
pub const FRIDGE: &str = "Fridge";
/// The rows of one fridge in detail, and the head of a column of values.
pub const NOW: &str = "Now";
/// What the fridge may have.
pub const LIMITS: &str = "Limits";
/// The lowest and highest value of the day.
pub const TODAY: &str = "Today";
/// The last fault of its probe.
pub const LAST_FAULT: &str = "Last fault";
/// The last good value, where it is not the present one.
pub const LAST_GOOD: &str = "Last good value";
/// The probe in it.
pub const PROBE: &str = "Probe";
/// Which others it belongs with.
pub const GROUP: &str = "Group";
/// There was no fault.
pub const NO_FAULT: &str = "none since the start";

/// The present value and how old it is.
pub fn with_age(celsius: Celsius, age: Duration, units: Units) -> String {
    format!("{}, read {} ago", temperature(celsius, units), duration(age))
}

/// A value that is no longer the present one.
pub fn old(celsius: Celsius, age: Duration, units: Units) -> String {
    format!("{}, **old**: {} ago", temperature(celsius, units), duration(age))
}

/// The extremes of the day, and since when they count.
pub fn today(day: &Day, since: Time, units: Units) -> String {
    format!("{} (since {})", span(day.min, day.max, units), time_of_day(since))
}

/// From a lowest to a highest value: "3.1 to 4.9 °C".
pub fn span(min: Celsius, max: Celsius, units: Units) -> String {
    format!("{} to {}", decimal(units.tenths(min)), temperature(max, units))
}

/// The last fault, how long ago it was, and how many there were in all.
pub fn last_fault(last: Fault, ago: Duration, times: u64) -> String {
    format!("{}, {} ago ({times} since the start)", fault(last), duration(ago))
}

/// The line above a list of probes.
pub fn probes(seen: usize, buses: usize, unnamed: usize) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let buses = if buses == 1 { String::from("1 bus") } else { format!("{buses} buses") };
    match unnamed {
        0 => format!("{seen} probe{} on {buses}", plural(seen)),
        _ => format!("{seen} probe{} on {buses}, {unnamed} without a fridge", plural(seen)),
    }
}

/// A probe that no fridge of the configuration has.
pub const UNNAMED: &str = "(no fridge)";

/// What stands below a list that had to leave out some rows.
pub fn more(rows: usize) -> String {
    format!("… and {rows} more.")
}

/// What is known of a probe, in a table's cell.
pub fn reading(reading: &Reading, units: Units) -> String {
    match *reading {
        Reading::Fresh { celsius, .. } => temperature(celsius, units),
        Reading::Stale { age, .. } => stale(age),
        Reading::Fault { fault, lasts } => without_value(fault, lasts),
    }
}

/// A span of minutes: "60 min".
pub fn minutes(minutes: usize) -> String {
    format!("{minutes} min")
}

/// The line above a single fridge's trend.
pub fn trend_of_one(name: &str, trend: &str, minutes: usize) -> String {
    format!("{name}: {trend}, over the last {minutes} min")
}

/// The line above several fridges' trends.
pub fn trend_of_many(fastest: &str, trend: &str) -> String {
    format!("Fastest: {fastest}, {trend}")
}

/// There are too few values for a trend.
pub const NO_TREND: &str = "not enough readings yet";
/// The same above several fridges, none of which has one.
pub const NO_TRENDS: &str = "Not enough readings yet for a trend";
/// There are no values at all in that time.
pub const NO_VALUES: &str = "no readings";
/// The heads of the tables of trends, extremes and histories.
pub const TREND: &str = "Trend";
/// Over which time a trend was taken.
pub const OVER: &str = "Over the last";
/// The lowest value.
pub const LOWEST: &str = "Lowest";
/// The highest value.
pub const HIGHEST: &str = "Highest";
/// The last 24 hours as a line.
pub const DAY_AS_LINE: &str = "Last 24 h";
/// From the lowest to the highest value.
pub const SPAN: &str = "Span";

/// The line above lowest and highest values.
pub fn extremes_of(period: Period) -> &'static str {
    match period {
        Period::Today => "Lowest and highest today",
        Period::Yesterday => "Lowest and highest yesterday",
        Period::Last24Hours => "Lowest and highest of the last 24 h",
    }
}

/// A time over which lowest and highest values are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    /// Since midnight.
    #[default]
    Today,
    /// The day before.
    Yesterday,
    /// The last 24 hours.
    Last24Hours,
}

impl Period {
    /// The period of a word.
    pub fn of(word: &str) -> Option<Period> {
        match word.to_lowercase().as_str() {
            "today" => Some(Period::Today),
            "yesterday" => Some(Period::Yesterday),
            "24h" | "day" => Some(Period::Last24Hours),
            _ => None,
        }
    }
}

/// The line above one fridge's last 24 hours.
pub fn history_of_one(name: &str, hours: usize) -> String {
    format!("{name}, the last {hours} h")
}

/// The line above several fridges' last 24 hours.
pub const HISTORY_OF_MANY: &str = "The last 24 h, an hour a sign";

/// The figures of one fridge's last 24 hours.
pub fn history_figures(min: Celsius, max: Celsius, mean: Celsius, units: Units) -> String {
    format!(
        "{}, {} on average; half an hour a sign, the latest at the right",
        span(min, max, units),
        temperature(mean, units)
    )
}

/// The gateway itself.
pub fn about(version: &str, up: Duration, asked: u64) -> String {
    let questions = if asked == 1 { "question" } else { "questions" };
    format!("fridge {version}, up for {}, {asked} {questions} answered", duration(up))
}

/// How a bus is.
pub fn bus_state(age: Option<Duration>, fresh: bool, trouble: Option<&str>) -> String {
    match (age, trouble) {
        (_, Some(trouble)) => trouble.to_owned(),
        (None, None) => String::from("no sweep yet"),
        (Some(age), None) if fresh => format!("last sweep {} ago", duration(age)),
        (Some(age), None) => format!("no sweep for {}", duration(age)),
    }
}

/// The buttons below an answer.
pub const REFRESH: &str = "Refresh";
/// A menu of fridges, to be told of one in detail.
pub const DETAILS: &str = "Details…";
/// A button that this gateway did not sign.
pub const FOREIGN_BUTTON: &str =
    "This button is not one of this gateway's. Ask `fridge status` for new ones.";
/// A button whose day is over.
pub const EXPIRED_BUTTON: &str = "This button is more than a day old. Ask `fridge status` for new ones.";
/// A button that was pressed in another channel than its own.
pub const BUTTON_OF_ANOTHER_CHANNEL: &str =
    "This button belongs to another channel. Ask `fridge status` here.";
/// A button whose hook is gone.
pub const BUTTON_WITHOUT_HOOK: &str =
    "The hook that this button belongs to is no longer configured. Ask `fridge status` again.";
/// A fridge that is gone, or that the hook may not see.
pub const FRIDGE_GONE: &str =
    "That fridge is no longer here, or not for this channel. Ask `fridge status` again.";

/// The heads of the table of buses.
pub const BUS: &str = "Bus";
/// How many probes it has.
pub const PROBES: &str = "Probes";
/// How it is.
pub const STATE: &str = "State";

/// The line above the list of words, and the one below it.
pub const HELP: &str = "What you can ask:";
/// What holds for every word.
pub const HELP_FOR_ALL: &str = "Any part of a name will do. At the end, `in F` or `in C` chooses the unit.";

/// Several fridges may be meant.
pub fn which_one(names: &str) -> String {
    format!("Which one do you mean? {names}.")
}

/// What stands below the fridges that a part of a name found.
pub const MORE_OF_THE_NAME: &str = "More of a name shows that fridge in detail.";

/// What every answer says whose values come from no real probe.
pub const SIMULATED: &str = "simulated";
/// The answer where the configuration names no fridge.
pub const NO_FRIDGES: &str = "No fridge is configured. `fridge probes` lists what hangs on the buses.";
/// The answer where no bus has shown a probe.
pub const NO_PROBES: &str = "No probe was found on any bus yet.";

/// The answer to a word that is none of ours. The asker's own text is never repeated: it may hold
/// `@all`.
pub fn unknown_word(nearest: Option<&str>) -> String {
    match nearest {
        Some(word) => format!(
            "I do not know that word. Did you mean `fridge {word}`? `fridge help` lists what can be asked."
        ),
        None => String::from("I do not know that word. `fridge help` lists what can be asked."),
    }
}

/// The answer where no fridge has such a name.
pub fn unknown_fridge(nearest: Option<&str>, all: &str) -> String {
    match nearest {
        Some(name) => format!("No fridge has that name. Did you mean {name}?"),
        None => format!("No fridge has that name. There are: {all}."),
    }
}
