//! What is noteworthy about probes and buses, and what the counters point at, in English: each a sentence
//! that says what to do.

use crate::chat::markdown::escape;
use crate::reading::{CloneSign, ProbeId, Remark};

/// From so many probes on one bus, the usual resistor is too weak for its cables.
const MANY_PROBES: usize = 8;

/// A remark about a probe, behind its identity; one about a bus, behind its name.
pub fn remark(remark: &Remark) -> String {
    match remark {
        Remark::Parasite => String::from(
            "fed through its data line; where that is not meant, its supply wire is loose: connect it to 3.3 V",
        ),
        Remark::LikelyClone(sign) => {
            let (sign, meaning) = match sign {
                CloneSign::Serial => (
                    "its serial number is not of the maker's pattern",
                    "compare it with another thermometer, and set `calibration`",
                ),
                CloneSign::FixedByte6 => (
                    "its byte 6 never changes",
                    "a true 85 °C is told from a loss of power by the value before it",
                ),
                CloneSign::ReservedBytes => (
                    "its reserved bytes are not the maker's",
                    "it may keep its resolution whatever is set; compare it with another thermometer",
                ),
            };
            format!("likely a clone, {sign}: {meaning}")
        }
        Remark::Resolution(bits) => {
            let step = match bits {
                9 => "0.5",
                10 => "0.25",
                _ => "0.125",
            };
            format!(
                "converts with {bits} bits, in steps of {step} °C; `resolution = 12` on its bus makes them finer"
            )
        }
        Remark::Twin => {
            String::from("two probes have this identity, and neither is believed: take one of them off")
        }
        Remark::Phantom(id) if id.family() == 0 => format!(
            "`{id}` answers its search and cannot be: a data line that floats or touches ground does that, check the 4.7 kΩ resistor"
        ),
        Remark::Phantom(id) => format!("`{id}` is no temperature probe, and is left alone"),
        Remark::BulkNotPermitted => String::from(
            "its probes convert one after another, 0.8 s each, because asking all at once is not permitted: the udev rule `60-fridge.rules` permits it, `fridge doctor` says how",
        ),
        Remark::BulkFailed => String::from(
            "the kernel could not make all probes convert at once, so each converted by itself: check the wires",
        ),
        Remark::MarksNotPermitted => String::from(
            "its probes' alarm registers may not be written, so a loss of power is told by the value alone: the udev rule `60-fridge.rules` permits it",
        ),
        Remark::ResolutionNotPermitted => String::from(
            "its probes' `resolution` may not be set: the udev rule `60-fridge.rules` permits it",
        ),
        Remark::NoPriority => String::from(
            "its thread may not have priority, so more slots come late: the drop-in `fridge-gpio.conf` permits it",
        ),
        Remark::UnderVoltage => String::from(
            "probes lost their power, and the Pi's own supply was too low since it started: use a stronger one, and a short cable",
        ),
    }
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

/// "31 garbled answers in 100 sweeps on bus 1: a 2.2 kΩ pull-up is usual for this many probes".
pub fn pattern(pattern: &Pattern, count: u64, sweeps: u64, bus: &str) -> String {
    let bus = escape(bus);
    let happened = |noun: &str| format!("{count} {noun} in {sweeps} sweeps on {bus}");
    match pattern {
        Pattern::Garbled { probes } if *probes >= MANY_PROBES => {
            format!("{}: a 2.2 kΩ pull-up is usual for this many probes", happened("CRC errors"))
        }
        Pattern::Garbled { .. } => format!(
            "{}: a cable too long, near a motor or a star of many branches; a 2.2 kΩ pull-up helps",
            happened("CRC errors")
        ),
        Pattern::GarbledByOne(id) => {
            format!(
                "{}, nearly all of `{id}`: its cable, its plug, or the probe itself",
                happened("CRC errors")
            )
        }
        Pattern::Late => format!(
            "{}: this computer is too busy to drive a pin; `fridge doctor --gpio` measures it, `kind = \"kernel\"` is the way out",
            happened("late slots")
        ),
        Pattern::Silent(id) => {
            format!("`{id}` gave no answer {count} times in {sweeps} sweeps on {bus}: a loose plug or wire")
        }
        Pattern::Reset(id) => {
            format!(
                "`{id}` lost its power {count} times in {sweeps} sweeps on {bus}: its supply wire or plug"
            )
        }
        Pattern::Resets => {
            format!("{}: the supply of the whole bus", happened("losses of power of several probes"))
        }
    }
}

/// What stands below the remarks that were left out.
pub fn more_remarks(count: usize) -> String {
    format!("… and {count} more remarks.")
}
