//! Clones of the DS18B20: how their bytes and serial numbers give them away.

use super::{POWER_ON, ProbeMemory};
use crate::bus::scratchpad::{self, DS18B20, Scratchpad};
use crate::bus::{ProbeReading, RawReading};
use crate::reading::CloneSign;

impl ProbeMemory {
    /// Remembers how the probe's bytes behave.
    pub(super) fn observe(&mut self, reading: &ProbeReading) {
        if let Ok(RawReading::Scratchpad { bytes, .. }) = reading.raw
            && reading.probe.family() == DS18B20
            && scratchpad::decode(DS18B20, &bytes).is_ok_and(|celsius| celsius != POWER_ON)
            && bytes[6] == scratchpad::POWER_ON_BYTE_6
            && bytes[0] & 0x0F != 0x04
        {
            self.fixed_byte_6 = true;
        }
    }

    /// Why the probe is probably no part of the maker's.
    pub(super) fn clone_sign(&self, reading: &ProbeReading) -> Option<CloneSign> {
        if reading.probe.family() != DS18B20 {
            return None;
        }
        let other_bytes = match reading.raw {
            Ok(RawReading::Scratchpad { bytes, .. }) => has_other_reserved_bytes(&bytes),
            _ => false,
        };
        if self.fixed_byte_6 {
            return Some(CloneSign::FixedByte6);
        }
        if other_bytes {
            return Some(CloneSign::ReservedBytes);
        }
        // 28-tt-tt-ss-ss-00-00: the highest two bytes of the maker's serial numbers are zero.
        let [.., s4, s5] = reading.probe.rom_without_crc();
        (s4 != 0 || s5 != 0).then_some(CloneSign::Serial)
    }
}

/// Whether bytes 5 and 7 are not the maker's.
pub(super) fn has_other_reserved_bytes(bytes: &Scratchpad) -> bool {
    bytes[5] != 0xFF || bytes[7] != 0x10
}
