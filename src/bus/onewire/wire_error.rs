//! What goes wrong in one transaction on the wire, and what that means for the probe or for the bus.

use crate::reading::{BusFault, Fault};

/// What goes wrong in one try of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// A time window was missed: the computer was elsewhere.
    Late,
    /// No probe answered the reset.
    NoPresence,
    /// The line is held low.
    Shorted,
    /// The pin itself failed.
    Pin,
    /// Everything was read as one: a probe answered the reset, and none the command.
    NoResponse,
    /// A checksum does not fit.
    Crc,
    /// Search ended early: both the bit and its complement read 1 (no device responded).
    SearchConflict,
    /// Two answers whose checksums fit are not the same.
    Unstable,
}

impl WireError {
    /// What it means for the probe that was talked to.
    pub fn of_probe(self) -> Fault {
        match self {
            WireError::Late => Fault::Late,
            WireError::NoPresence | WireError::NoResponse => Fault::NoAnswer,
            WireError::Shorted => Fault::Shorted,
            WireError::Pin => Fault::Bus,
            WireError::Crc | WireError::SearchConflict => Fault::Crc,
            WireError::Unstable => Fault::Implausible,
        }
    }

    /// What it means for the bus as a whole, with the cure.
    pub fn of_bus(self) -> BusFault {
        let (fault, detail) = match self {
            WireError::NoPresence | WireError::NoResponse => (
                Fault::NoAnswer,
                "nothing answers on the bus: check the data wire, the ground wire, and the 4.7 kΩ resistor between data and 3.3 V",
            ),
            WireError::Shorted => (
                Fault::Shorted,
                "the data line is held low: unplug one probe after the other until it is not; a probe wired the wrong way round does this, too",
            ),
            WireError::Pin => {
                (Fault::Bus, "the pin cannot be driven: does another program or the kernel hold it?")
            }
            WireError::Late => (Fault::Late, "the computer is too busy to keep the bus's time windows"),
            WireError::Crc | WireError::SearchConflict | WireError::Unstable => (
                Fault::Crc,
                "the probes' answers are garbled: a cable that is too long or close to a motor, or a resistor too weak for so many probes (2.2 kΩ helps)",
            ),
        };
        BusFault { fault, detail: detail.to_owned() }
    }
}
