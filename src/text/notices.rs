//! What is noteworthy about probes and buses: each a sentence that says what to do.

use crate::doc::Text;
use crate::reading::{CloneSign, Notice};

/// A notice about a probe, behind its ROM code; one about a bus, behind its name.
pub fn notice(notice: &Notice) -> Text {
    Text::sentence(&sentence(notice))
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::Parasite => String::from(
            "powered through its data line (parasite power); if that is not intended, its supply wire is loose: connect it to 3.3 V",
        ),
        Notice::LikelyClone(sign) => {
            let (sign, meaning) = match sign {
                CloneSign::Serial => (
                    "its serial number does not follow the maker's pattern",
                    "compare it with another thermometer, and set `calibration`",
                ),
                CloneSign::FixedByte6 => (
                    "its byte 6 never changes",
                    "only the value before it separates a true 85 °C from a loss of power",
                ),
                CloneSign::ReservedBytes => (
                    "its reserved bytes are not the maker's",
                    "it may ignore the resolution that is set; compare it with another thermometer",
                ),
            };
            format!("likely a clone, {sign}: {meaning}")
        }
        Notice::Resolution(bits) => {
            let step = match bits {
                9 => "0.5",
                10 => "0.25",
                _ => "0.125",
            };
            format!(
                "converts with {bits} bits, in steps of {step} °C; `resolution = 12` on its bus makes them finer"
            )
        }
        Notice::DuplicateRom => String::from(
            "two probes have this ROM code, and readings of both are rejected: disconnect one of them",
        ),
        Notice::Phantom(id) => format!(
            "saw the impossible address `{id}`: usually a floating or grounded data line, check the 4.7 kΩ resistor"
        ),
        Notice::ForeignFamily(id) => format!("`{id}` is not a temperature probe, and is left alone"),
        Notice::BulkNotPermitted => String::from(
            "its probes convert one after another, 0.8 s each, because asking all at once is not permitted: the udev rule `60-fridge.rules` permits it, `fridge doctor` says how",
        ),
        Notice::BulkFailed => String::from(
            "the kernel could not make all probes convert at once, so each converted on its own: check the wires",
        ),
        Notice::SentinelNotPermitted => String::from(
            "writing its probes' alarm registers is not permitted, so a loss of power shows in the value alone: the udev rule `60-fridge.rules` permits it",
        ),
        Notice::ResolutionNotPermitted => String::from(
            "setting its probes' `resolution` is not permitted: the udev rule `60-fridge.rules` permits it",
        ),
        Notice::NoPriority => String::from(
            "its thread has no real-time priority, so more slots come late: the drop-in `fridge-gpio.conf` permits it",
        ),
        Notice::TooManyProbes => String::from(
            "reports more than a thousand probes, and the rest are ignored: check its driver and its wiring",
        ),
        Notice::UnderVoltage => String::from(
            "probes lost their power, and the Pi's own supply was too low since it started: use a stronger one, and a short cable",
        ),
    }
}
