//! What `probes` says: the line above the list, and what the counters point at. The notices have a file of their
//! own.

use std::time::Duration;

use super::{count, duration};
use crate::doc::Text;
use crate::reading::ProbeId;

/// From so many probes on one bus, the usual resistor is too weak for its cables.
const MANY_PROBES: usize = 8;

/// The answer where no bus has shown a probe.
pub const NO_PROBES: &str = "No probe was found on any bus yet.";
/// The answer where no bus has shown a probe, and one of them cannot be measured.
pub const NO_BUS: &str = "No probe was found: a bus is not working, see below.";
/// A probe that no fridge of the configuration has.
pub const UNNAMED: &str = "(no fridge)";

/// Why a bus cannot be measured, behind its name.
pub fn bus_fault(detail: &str, lasts: Duration) -> Text {
    Text::name(detail).and(format!(" (for {})", duration(lasts)))
}

/// The line above a list of probes.
pub fn probes(seen: usize, buses: usize, unnamed: usize) -> String {
    let line = format!("{} on {}", count(seen, "probe"), count(buses, "bus"));
    if unnamed == 0 { line } else { format!("{line}, {unnamed} without a fridge") }
}

/// What many errors of one kind on a bus, or of one probe, point at.
pub enum Pattern {
    /// Checksums that do not fit, on a bus with so many probes.
    Garbled {
        /// How many probes it has.
        probes: usize,
    },
    /// Checksums that do not fit, nearly all of one probe.
    GarbledByOne(ProbeId),
    /// Slots that missed their time window.
    Late,
    /// One probe that did not answer now and then.
    Silent(ProbeId),
    /// One probe that lost its power.
    Reset(ProbeId),
    /// Several that did.
    Resets,
}

/// "31 CRC errors in 100 sweeps on bus 1: a 2.2 kΩ pull-up is usual for this many probes".
pub fn pattern(pattern: &Pattern, count: u64, sweeps: u64, bus: &str) -> Text {
    let happened =
        |noun: &str| Text::from(format!("{count} {noun} in {sweeps} sweeps on ")).and(Text::name(bus));
    let times = |id: &ProbeId, what: &str| {
        Text::code(id.to_string())
            .and(format!(" {what} {count} times in {sweeps} sweeps on "))
            .and(Text::name(bus))
    };
    match pattern {
        Pattern::Garbled { probes } if *probes >= MANY_PROBES => {
            happened("CRC errors").and(": a 2.2 kΩ pull-up is usual for this many probes")
        }
        Pattern::Garbled { .. } => happened("CRC errors").and(
            ": a cable that is too long, close to a motor, or long branches in a star; a 2.2 kΩ pull-up helps",
        ),
        Pattern::GarbledByOne(id) => happened("CRC errors")
            .and(", nearly all of ")
            .and(Text::code(id.to_string()))
            .and(": its cable, its plug, or the probe itself"),
        Pattern::Late => happened("late slots").and(Text::sentence(
            ": this computer is too busy to drive a pin; `fridge doctor --gpio` measures it, `kind = \"kernel\"` avoids it",
        )),
        Pattern::Silent(id) => times(id, "gave no answer").and(": a loose plug or wire"),
        Pattern::Reset(id) => times(id, "lost its power").and(": its supply wire or plug"),
        Pattern::Resets => {
            happened("losses of power of several probes").and(": the supply of the whole bus")
        }
    }
}

/// Stands for the notices that a phone has no room for.
pub fn more_notices(count: usize) -> String {
    format!("… and {count} more notices.")
}
