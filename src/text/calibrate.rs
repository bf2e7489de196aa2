//! What `calibrate` says: how a probe is corrected, and how far the measurement in ice is. A correction is in °C, as the
//! configuration has it, whatever the unit of the answer.

use std::time::Duration;

use super::{duration, hours_and_minutes, hundredths};
use crate::doc::Text;
use crate::fridge::ice_point::{PATIENCE, STEADY};
use crate::fridge::{Calibration, Correction};

/// No fridge was named: all of them at once would silence all of them.
pub const WHICH: &str =
    "Which fridge? `fridge calibrate milk ice`; `fridge calibrate all ice` means all of them.";
/// What stands behind the fridge is no ice.
pub const ONLY_ICE: &str = "Only the ice point can be measured here, because ice needs no other thermometer: `fridge calibrate milk ice`. docs/probes.md says how two points are written into the configuration.";
/// How it is done.
pub const HOW: &str = "Fill a glass with crushed ice, pour in just enough cold water to fill the gaps, and put the probe into the middle of it; stir now and then.";
/// How what was measured comes into use.
pub const WRITE: &str = "`sudo fridge calibrate` on the gateway writes it into the configuration.";
/// Nothing shows that the probe was put into ice.
pub const NOT_MOVED: &str =
    "It has shown the same since the measuring began: if it was not in the ice by then, measure it again.";
/// What to do when a calibration is a year old.
pub const AGAIN: &str = "Probes drift: put them into ice once more, with `fridge calibrate milk ice`.";

/// Measuring begins in some fridges.
pub fn begun<'a>(fridges: impl IntoIterator<Item = &'a str>) -> Text {
    Text::names(fridges).and(": measuring the ice point")
}

/// What happens then.
pub fn meanwhile(silent: Duration) -> Text {
    Text::sentence(&format!(
        "It is measured once the probe has been steady near 0 °C for {}, and given up after {}: you are told where alarms are told, and `fridge calibrate` shows how far it is. Leave the probe in the ice until then. No new alarm of its fridge is told for {}.",
        duration(STEADY),
        duration(PATIENCE),
        hours_and_minutes(silent),
    ))
}

/// The line above a list of several fridges.
pub fn of_many(fridges: usize) -> String {
    format!("Calibration of {}", super::count(fridges, "fridge"))
}

/// How a probe is corrected, and who measured that when: "−0.44 °C added, measured on 2026-11-28 by anna".
pub fn correction(calibration: Option<&Calibration>) -> String {
    let Some(Calibration { correction, date, by }) = calibration else { return String::from("none") };
    let degrees = |degrees: f64| format!("{} °C", hundredths(degrees));
    let mut text = match correction {
        Correction::Offset(offset) => format!("{} added", degrees(*offset)),
        Correction::TwoPoints(points) => {
            let point = |(shows, is)| format!("{} shown is {}", degrees(shows), degrees(is));
            points.map(point).join(", ")
        }
    };
    text.extend(date.map(|date| format!(", measured on {date}")));
    text.extend(by.as_ref().map(|by| format!(" by {by}")));
    text
}

/// The same of a fridge: "Milk: −0.44 °C added, measured on 2026-11-28 by anna".
pub fn of_fridge(name: &str, calibration: Option<&Calibration>) -> Text {
    let words = if calibration.is_some() { correction(calibration) } else { String::from("not calibrated") };
    Text::name(name).and(": ").and(Text::name(words))
}

/// It is being measured.
pub fn measuring(newest: Option<f64>, steady: Duration, since: Duration) -> Text {
    let shows = match newest {
        Some(newest) => format!(
            "shows {} °C, steady for {} of {}",
            hundredths(newest),
            duration(steady.min(STEADY)),
            duration(STEADY)
        ),
        None => String::from("no reading yet"),
    };
    Text::from(format!("being measured in ice for {}: {shows}", duration(since)))
}

/// What a probe showed in ice.
pub fn measured(shows: f64, offset: f64, has_moved: bool) -> Text {
    let text =
        format!("Its probe shows {} °C in ice, so {} °C corrects it.", hundredths(shows), signed(offset));
    Text::from(if has_moved { text } else { format!("{text} {NOT_MOVED}") })
}

/// A probe was not steady in ice in time.
pub fn failed(newest: Option<f64>) -> Text {
    let shows = match newest {
        Some(newest) => format!("it showed {} °C at the end", hundredths(newest)),
        None => String::from("there was no reading of it"),
    };
    Text::sentence(&format!(
        "It was not steady near 0 °C for {} within {}; {shows}. A probe that stays beyond 2 °C in ice is broken; else more ice and less water help, then ask again.",
        duration(STEADY),
        duration(PATIENCE)
    ))
}

/// Who measured it, and how long ago.
pub fn by(who: Option<&str>, ago: Duration) -> Text {
    let text = Text::from(format!("Measured {} ago", duration(ago)));
    match who {
        Some(who) => text.and(" by ").and(Text::name(who)).and("."),
        None => text.and("."),
    }
}

/// A number with two decimals and its sign, whichever that is.
pub fn signed(degrees: f64) -> String {
    let plus = if degrees > 0.0 { "+" } else { "" };
    format!("{plus}{}", hundredths(degrees))
}
