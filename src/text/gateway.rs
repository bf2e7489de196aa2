//! What the gateway says of itself in the channel.

use std::time::Duration;

use super::{calibrate, duration, quiet};
use crate::alarm::GatewayNotice;
use crate::doc::Text;

/// Who did something, where that is not known.
const SOMEBODY: &str = "Somebody";

/// The first line.
pub fn headline(notice: &GatewayNotice) -> Text {
    match notice {
        GatewayNotice::DiskFailing { .. } => Text::from("The gateway's disk takes nothing"),
        GatewayNotice::DiskAgain => Text::from("The gateway's disk works again"),
        GatewayNotice::Quiet { fridges, warmth_only, by, .. } => {
            let by = by.as_deref().map_or_else(|| Text::from(SOMEBODY), Text::name);
            let what = if *warmth_only { " announced a defrost: " } else { " snoozed " };
            by.and(what).and(Text::names(fridges.iter().map(String::as_str)))
        }
        GatewayNotice::NeighbourSilent { gateway, .. } => {
            Text::from("The gateway ").and(Text::name(gateway)).and(" is silent")
        }
        GatewayNotice::NeighbourBack { gateway, .. } => {
            Text::from("The gateway ").and(Text::name(gateway)).and(" is back")
        }
        GatewayNotice::IcePoint { fridge, .. } => Text::name(fridge).and(": the ice point has been measured"),
        GatewayNotice::NoIcePoint { fridge, .. } => {
            Text::name(fridge).and(": the ice point could not be measured")
        }
        GatewayNotice::CalibrationDue { fridges } => {
            let verb = if fridges.len() == 1 { " is" } else { " are" };
            Text::names(fridges.iter().map(String::as_str)).and(verb).and(" due for calibration")
        }
        GatewayNotice::Sealed { day, .. } => Text::from(format!("The record of {day} is sealed")),
    }
}

/// The line below.
pub fn line(notice: &GatewayNotice) -> Text {
    match notice {
        GatewayNotice::DiskFailing { why } => {
            Text::from("Answers and alarms go on from memory; what is measured now is lost at a restart. ")
                .and(Text::name(why))
                .and(Text::sentence(". `sudo fridge doctor` says what to do."))
        }
        GatewayNotice::DiskAgain => Text::from(
            "What was measured in the meantime is being written, as far as there was room for it in memory.",
        ),
        GatewayNotice::Quiet { fridges, length_s, warmth_only, .. } => {
            let (fridges, length) = (fridges.iter().map(String::as_str), Duration::from_secs(*length_s));
            if *warmth_only { quiet::defrosting(fridges, length) } else { quiet::snoozed(fridges, length) }
        }
        GatewayNotice::NeighbourSilent { silent_s, .. } => Text::from(format!(
            "Nothing has been heard from it for {}: check its power and its network. Until it is back, its alarms may reach nobody.",
            duration(Duration::from_secs(*silent_s))
        )),
        GatewayNotice::NeighbourBack { silent_s, .. } => Text::from(format!(
            "Nothing was heard from it for {}. What it measured meanwhile is in its own history.",
            duration(Duration::from_secs(*silent_s))
        )),
        GatewayNotice::IcePoint { shows, offset, .. } => {
            calibrate::measured(*shows, *offset).and(" ").and(Text::sentence(calibrate::WRITE))
        }
        GatewayNotice::NoIcePoint { newest, has_come, .. } => calibrate::failed(*newest, *has_come),
        GatewayNotice::CalibrationDue { .. } => Text::sentence(calibrate::AGAIN),
        GatewayNotice::Sealed { hash, .. } => Text::code(hash.clone()),
    }
}
