//! What a driver remembers of a probe, the same for a wire of our own and for the kernel's.

use std::time::Duration;

use super::scratchpad::{self, Scratchpad};
use crate::reading::Notice;

/// How often the bus is searched for probes that were plugged in or out, while all of them answer.
pub const SEARCH_PERIOD: Duration = Duration::from_secs(60);
/// tCONV at 12 bits; each bit less halves it (datasheet, "AC Electrical Characteristics").
pub const CONVERSION_12_BITS: Duration = Duration::from_millis(750);
/// A value further than this from the last good one is read again: 1 °C.
pub const SURPRISING: u16 = 16;

/// What is remembered of a probe from one sweep to the next.
#[derive(Clone, Debug, Default)]
pub struct ProbeMemory {
    /// The bytes of its last good reading.
    pub last_good: Option<Scratchpad>,
    /// Whether it is powered through its data line; `None` until that is known.
    pub parasite: Option<bool>,
    /// Whether TH and TL were seen to hold the power-loss sentinel.
    pub sentinel_set: bool,
    /// Whether it gave no answer when it was last read.
    pub is_silent: bool,
}

impl ProbeMemory {
    /// The time of a conversion with so many bits.
    pub fn conversion(bits: u8) -> Duration {
        CONVERSION_12_BITS / (1 << (12 - bits.clamp(9, 12)))
    }

    /// Whether these bytes come near the last good ones.
    pub fn is_expected(&self, family: u8, bytes: &Scratchpad) -> bool {
        self.last_good.is_some_and(|last| scratchpad::resembles(family, bytes, &last, SURPRISING))
    }

    /// What is noteworthy about a probe that converts with so many bits, as far as that is known.
    pub fn notices(&self, bits: Option<u8>) -> Vec<Notice> {
        let parasite = (self.parasite == Some(true)).then_some(Notice::Parasite);
        let coarse = bits.filter(|bits| *bits < 12).map(Notice::Resolution);
        parasite.into_iter().chain(coarse).collect()
    }
}
