//! The lines of the log as they are written.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tracing::{info, warn};

use super::log::Line;
use crate::alarm::GatewayNotice;
use crate::reading::{ProbeId, Stamp};
use crate::text::Units;
use crate::{alarm, text};

/// The fridges' names by their probes.
pub type Names = Arc<RwLock<HashMap<ProbeId, String>>>;

/// One line for what people are told: a fridge's name is whatever its owner typed, so it stands in a field.
pub fn write_message(message: &alarm::Message, now: Stamp) {
    let told = text::alarm::plain(message, None, Units::Celsius, now.wall).replace('\n', "; ");
    match message.topic {
        alarm::Topic::Cleared => info!(told, "alarm"),
        alarm::Topic::Acknowledged => info!(told, "alarm"),
        alarm::Topic::Gateway if matches!(message.notice, Some(GatewayNotice::Quiet { .. })) => {
            info!(told, "quiet");
        }
        alarm::Topic::Gateway if message.notice.as_ref().is_some_and(GatewayNotice::is_calibration) => {
            info!(told, "calibration");
        }
        // Where it came from has told the log already.
        alarm::Topic::Gateway => {}
        _ => warn!(told, "alarm"),
    }
}

/// One line about a probe or the fridge that it is in.
pub fn write(line: &Line, names: &Names) {
    write_held(line, None, names);
}

/// The same; `held` where others were held back before it.
fn write_held(line: &Line, held: Option<(u32, Duration)>, names: &Names) {
    let name = |probe: &ProbeId| {
        let names = names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(probe).cloned().unwrap_or_else(|| String::from("-"))
    };
    let held = held.map(|(count, over)| format!(" ({count} changes in {})", text::duration(over)));
    let held = held.unwrap_or_default();
    match line {
        Line::Changed(change) => {
            let (bus, probe, fridge) = (&change.bus, change.probe, name(&change.probe));
            match change.sample {
                Ok(celsius) => info!(bus, %probe, fridge, "reads {:.1} °C{held}", celsius.degrees()),
                Err(fault) => warn!(bus, %probe, fridge, "{}{held}", text::fault(fault)),
            }
        }
        Line::Left { probe, excursion } => {
            let (celsius, side) = (excursion.peak.degrees(), text::status::beyond(excursion.side));
            warn!(%probe, fridge = name(probe), "{side}: {celsius:.1} °C{held}");
        }
        Line::Returned { probe, excursion, celsius, at } => {
            let lasted = text::duration(at.since(&excursion.since));
            let (celsius, peak) = (celsius.degrees(), excursion.peak.degrees());
            let side = text::status::beyond(excursion.side);
            info!(%probe, fridge = name(probe), "in range again: {celsius:.1} °C; {side} for {lasted}, up to {peak:.1} °C{held}");
        }
        Line::Held { newest, count, over } => write_held(newest, Some((*count, *over)), names),
        Line::Many { bus, count } => warn!(bus, "{count} probes changed at once"),
    }
}
