//! What the gateway says of itself in the channel.

use crate::alarm::GatewayNotice;
use crate::doc::Text;

/// The first line.
pub fn headline(notice: &GatewayNotice) -> Text {
    match notice {
        GatewayNotice::DiskFailing { .. } => Text::from("The gateway's disk takes nothing"),
        GatewayNotice::DiskAgain => Text::from("The gateway's disk works again"),
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
        GatewayNotice::Sealed { hash, .. } => Text::code(hash.clone()),
    }
}
