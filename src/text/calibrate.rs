//! What `calibrate` says: how a probe is corrected, and how far the measurement in ice is. A correction is in °C, as the
//! configuration has it, whatever the unit of the answer.

use std::time::Duration;

use super::{duration, hundredths};
use crate::doc::Text;
use crate::fridge::ice_point::{PATIENCE, STEADY};
use crate::fridge::{Calibration, Correction};

/// Some of the fridges are other gateways'.
pub const ELSEWHERE: &str =
    "A probe is calibrated through its own gateway. Type this in the channel of that gateway.";

/// No fridge was named: all of them at once would silence all of them.
pub const WHICH: &str =
    "Which fridge? `fridge calibrate milk ice`; `fridge calibrate all ice` means all of them.";
/// What stands behind the fridge is no ice.
pub const ONLY_ICE: &str = "Only the ice point can be measured here, as it needs no reference thermometer: type `fridge calibrate milk ice`. docs/probes.md explains how to enter two points in the configuration.";
/// How it is done.
pub const HOW: &str = "Fill a glass with crushed ice, add just enough cold water to fill the gaps, and put the probe into the middle of it; stir now and then.";
/// How what was measured comes into use.
pub const WRITE: &str = "`sudo fridge calibrate` on the gateway writes it to the configuration.";
/// Nothing shows yet that the probe was put into ice.
const NOT_MOVED: &str =
    "and has not been far from 0 °C since: hold it in your hand for a minute, then put it back into the ice";
/// What to do when a calibration is a year old.
pub const AGAIN: &str = "It was a year ago, and probes drift: calibrate again, in ice (such as `fridge calibrate milk ice`) or at two points.";

/// Measuring begins in some fridges.
pub fn begun<'a>(fridges: impl IntoIterator<Item = &'a str>) -> Text {
    Text::names(fridges).and(": measuring the ice point")
}

/// One point would replace two.
pub fn has_points(name: &str) -> Text {
    Text::name(name).and(Text::sentence(
        " is calibrated at two points, which is better than the ice point alone: remove its `calibration` first",
    ))
}

/// What happens then.
pub fn meanwhile(silent: Duration) -> Text {
    Text::sentence(&format!(
        "The reading has to fall or rise by some degrees and then stay near 0 °C: for {} at least, and as long as it took to get there. The result, or after {} the news that there is none, is posted where alarms are posted; `fridge calibrate` shows the progress. New alarms for what is being measured are held back for {}.",
        duration(STEADY),
        duration(PATIENCE),
        duration(silent),
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

/// It is being measured: what the probe showed last, and for how long it has been steady of how long it has to be.
pub fn measuring(newest: Option<f64>, steady: Option<(Duration, Duration)>, since: Duration) -> Text {
    let shows = match (newest, steady) {
        (Some(newest), Some((steady, needed))) => format!(
            "shows {} °C, steady for {} of {}",
            hundredths(newest),
            duration(steady.min(needed)),
            duration(needed)
        ),
        (Some(newest), None) => format!("shows {} °C, {NOT_MOVED}", hundredths(newest)),
        (None, _) => String::from("no reading yet"),
    };
    Text::from(format!("being measured in ice for {}: {shows}", duration(since)))
}

/// What a probe showed in ice.
pub fn measured(shows: f64, offset: f64) -> Text {
    Text::from(format!(
        "The probe shows {} °C in ice, so its correction is {} °C.",
        hundredths(shows),
        signed(offset)
    ))
}

/// A probe was not steady in ice in time; whether it came from another temperature at all.
pub fn failed(newest: Option<f64>, has_come: bool) -> Text {
    let shows = match newest {
        Some(newest) => format!("it showed {} °C at the end", hundredths(newest)),
        None => String::from("it gave no reading"),
    };
    let advice = if has_come {
        "A probe that settles more than 1 °C from zero in ice should be replaced. Otherwise use more ice and less water, and try again."
    } else {
        "It was never seen at another temperature: start the command first, then hold the probe in your hand for a minute and put it into the ice."
    };
    Text::from(format!("The probe was not steady near 0 °C within {}; {shows}. {advice}", duration(PATIENCE)))
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
