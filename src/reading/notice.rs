//! What is noteworthy about a probe or its bus without being a fault: it works, and somebody who looks after it
//! should know. The sentence for each is in `text/notices.rs`.

use serde::Serialize;

use super::ProbeId;

/// Something to know about a probe, or about a bus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The probe is powered through its data line: it has no power of its own, or its supply wire is broken.
    Parasite,
    /// The probe is probably no DS18B20 of the company that makes them.
    LikelyClone(CloneSign),
    /// The probe converts with fewer than 12 bits.
    Resolution(u8),
    /// What answers to this ROM code is always garbled in the same way: two probes have it.
    DuplicateRom,
    /// A ROM code that no device has: a line that is held low or floats answers a search with such ones.
    Phantom(ProbeId),
    /// A device that is no temperature probe.
    ForeignFamily(ProbeId),
    /// The bus can convert all probes at once, and this program is not allowed to ask for it.
    BulkNotPermitted,
    /// The kernel reported a bulk conversion that did not happen.
    BulkFailed,
    /// The probes' alarm registers (TH, TL) cannot be written, so a loss of power shows in the value alone.
    SentinelNotPermitted,
    /// The resolution that was asked for cannot be set.
    ResolutionNotPermitted,
    /// The bus's thread could not be given priority or locked memory: more slots will be late.
    NoPriority,
    /// The bus names more probes than any bus has: the others are left out.
    TooManyProbes,
    /// Probes lost their power, and the computer says that its own supply was too low since it started.
    UnderVoltage,
}

impl Notice {
    /// What a device of that ROM code is worth a notice for, where it is no probe.
    pub fn of_device(id: ProbeId) -> Notice {
        // No maker has family 0; a line that is held low answers with zeros.
        if id.family() == 0 { Notice::Phantom(id) } else { Notice::ForeignFamily(id) }
    }
}

/// What gives a clone away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneSign {
    /// The serial number is not of the pattern that the maker uses.
    Serial,
    /// Byte 6 of the scratchpad does not follow the temperature.
    FixedByte6,
    /// Bytes 5 and 7 of the scratchpad are not 0xFF and 0x10.
    ReservedBytes,
}
