//! Every sentence that the gateway says, in English. Values come in, text comes out; another
//! language would be another file like this one.

use std::time::Duration;

use jiff::civil::Time;

use crate::cache::Day;
use crate::fridge::{Limits, Verdict};
use crate::reading::{Celsius, Fault};

/// A temperature with one decimal, rounded half away from zero, with the true minus sign (U+2212):
/// `−11.2 °C`. A sixteenth is more than half of a tenth, so two values that differ read differently
/// from their limit, too.
pub fn temperature(celsius: Celsius) -> String {
    format!("{} °C", tenths(celsius))
}

fn tenths(celsius: Celsius) -> String {
    let sixteenths = i32::from(celsius.sixteenths());
    let tenths = (sixteenths.abs() * 10 + 8) / 16;
    let sign = if sixteenths < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

/// A limit, without a decimal that says nothing: `−15`, `2.5`.
fn limit(celsius: Celsius) -> String {
    let text = tenths(celsius);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// What a fridge may have: "0 to 5 °C", "max −15 °C".
pub fn limits(limits: &Limits) -> String {
    match (limits.min, limits.max) {
        (Some(min), Some(max)) => format!("{} to {} °C", limit(min), limit(max)),
        (Some(min), None) => format!("min {} °C", limit(min)),
        (None, Some(max)) => format!("max {} °C", limit(max)),
        (None, None) => String::from("none"),
    }
}

/// The one limit that a verdict is about.
pub fn crossed(limits: &Limits, verdict: Verdict) -> Option<String> {
    let crossed = match verdict {
        Verdict::Warm => limits.max,
        Verdict::Cold => limits.min,
        _ => None,
    };
    crossed.map(|celsius| format!("limit {} °C", limit(celsius)))
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
    fault.words()
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

/// The rows of one fridge in detail.
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
pub fn with_age(celsius: Celsius, age: Duration) -> String {
    format!("{}, read {} ago", temperature(celsius), duration(age))
}

/// A value that is no longer the present one.
pub fn old(celsius: Celsius, age: Duration) -> String {
    format!("{}, **old**: {} ago", temperature(celsius), duration(age))
}

/// The extremes of the day, and since when they count.
pub fn today(day: &Day, since: Time) -> String {
    format!("{} to {} (since {})", temperature(day.min), temperature(day.max), time_of_day(since))
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

/// What stands below a list of probes that had to leave out some.
pub fn more_probes(rows: usize) -> String {
    format!("… and {rows} more.")
}

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
