//! What a report says.

use std::time::Duration;

use super::{Units, count, hours_and_minutes, hundredths, temperature};
use crate::alarm::{Alarm, Side};
use crate::reading::Celsius;

/// What the chart shows, for who cannot see it.
pub const CHART: &str = "Temperature over time";
/// Who did something, where the name is not known.
pub const SOMEBODY: &str = "somebody";
/// The title of the page.
pub const TITLE: &str = "Temperature record";
/// What stands beside the lowest reading …
pub const LOWEST: &str = "Lowest";
/// … the highest …
pub const HIGHEST: &str = "Highest";
/// … the mean …
pub const MEAN: &str = "Mean";
/// … the mean kinetic temperature …
pub const MEAN_KINETIC: &str = "Mean kinetic temperature";
/// … the limits …
pub const LIMITS: &str = "Limits";
/// … the time outside them …
pub const OUTSIDE: &str = "Outside the limits";
/// … the time without readings …
pub const UNKNOWN: &str = "Without a reading";
/// … the number of readings …
pub const READINGS: &str = "Readings";
/// … the probe and its calibration.
pub const PROBE: &str = "Probe";
/// The calibration.
pub const CALIBRATION: &str = "Calibration";
/// The head of the list of times outside.
pub const EXCURSIONS: &str = "Outside the limits";
/// The head of the list of gaps.
pub const GAPS: &str = "Without a reading";
/// The head of the list of alarms.
pub const ALARMS: &str = "Alarms, and who acted";
/// The head of the list of what people did.
pub const DEEDS: &str = "What was done";
/// The head of the list of drills.
pub const DRILLS: &str = "Drills";
/// There is nothing of that.
pub const NONE: &str = "none";
/// The lines to be filled in by hand.
pub const SIGNATURES: [&str; 3] = ["Checked by", "Date", "Signature"];
/// Where the mean kinetic temperature is from.
pub const KINETIC_SOURCE: &str = "Mean kinetic temperature by USP \u{27e8}1079.2\u{27e9}, ΔH = 83.144 kJ/mol, R = 8.3144 J/(mol·K), over the means of five minutes.";
/// The values come from no real probe.
pub const SIMULATED: &str = "Simulated: these values come from no real probe.";

/// A mean in °C with two decimals.
pub fn mean(degrees: f64, units: Units) -> String {
    format!("{} {}", hundredths(units.degrees(degrees)), units.sign())
}

/// "42 min above, 10 min below"; nothing is known of a time without readings.
pub fn outside(readings: u32, above: u64, below: u64, is_exact: bool) -> String {
    if readings == 0 {
        return super::NO_VALUES.to_owned();
    }
    let length = |minutes| hours_and_minutes(Duration::from_secs(minutes * 60));
    let sum = match (above, below) {
        (0, 0) => return NONE.to_owned(),
        (above, 0) => format!("{} above", length(above)),
        (0, below) => format!("{} below", length(below)),
        (above, below) => format!("{} above, {} below", length(above), length(below)),
    };
    if is_exact { sum } else { format!("{sum} (counted in steps of five minutes)") }
}

/// "above for 42 min, to 9.0 °C"
pub fn excursion(side: Side, length: Duration, peak: Celsius, units: Units) -> String {
    let word = match side {
        Side::Above => "above",
        Side::Below => "below",
    };
    format!("{word} for {}, to {}", hours_and_minutes(length), temperature(peak, units))
}

/// "#41 too warm: acknowledged by anna at 09:12 (door was open)"
pub fn alarm(alarm: &Alarm, raised: &str, acknowledged: Option<&str>, cleared: Option<&str>) -> String {
    let mut sentence = format!("#{} {}, raised {raised}", alarm.number, super::alarm::kind(alarm.kind));
    match (&alarm.acknowledged, acknowledged) {
        (Some(by), Some(at)) => {
            let who = by.by.as_deref().unwrap_or(SOMEBODY);
            sentence.push_str(&format!(", acknowledged by {who} {at}"));
            if let Some(cause) = &by.cause {
                sentence.push_str(&format!(" (“{cause}”)"));
            }
        }
        _ => sentence.push_str(", not acknowledged"),
    }
    match cleared {
        Some(at) => sentence.push_str(&format!(", over {at}")),
        None => sentence.push_str(", still open"),
    }
    sentence
}

/// Stands for the lines of a list that are left out.
pub fn more(lines: usize) -> String {
    format!("… and {lines} more; `fridge export` has them all.")
}

/// The line below: who made it, and when.
pub fn made(gateway: Option<&str>, at: &str) -> String {
    let gateway = gateway.map_or_else(String::new, |name| format!(" of {name}"));
    format!("Made by fridge {}{gateway} at {at}.", env!("CARGO_PKG_VERSION"))
}

/// Where a cause says something, in one line of the chat: "2 alarms".
pub fn alarms(alarms: usize) -> String {
    if alarms == 0 { String::from("no alarms") } else { count(alarms, "alarm") }
}
