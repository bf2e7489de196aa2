//! The tries that one probe's transactions take: what failed, and whether two probes answer at once.

use super::wire_error::WireError;
use crate::reading::Counts;

/// So many answers in a row that are garbled in the very same way come from two probes, not from noise.
const DUPLICATE_ANSWERS: usize = 3;

/// The failed tries of one probe's transactions in a sweep.
#[derive(Default)]
pub struct Attempts {
    /// How often something went wrong.
    pub counts: Counts,
    /// The bits of the last answer whose checksum did not fit, and how often in a row they came.
    garbled: Option<u128>,
    same: usize,
}

impl Attempts {
    /// Counts a try that failed; `bits` are what was read in it.
    pub fn count(&mut self, error: WireError, bits: u128) {
        let counts = &mut self.counts;
        match error {
            WireError::Late => counts.late += 1,
            WireError::Crc | WireError::SearchConflict => counts.crc += 1,
            WireError::NoPresence | WireError::NoResponse | WireError::Shorted => counts.no_answer += 1,
            WireError::Pin | WireError::Unstable => {}
        }
        if error == WireError::Crc {
            self.same = if self.garbled.replace(bits) == Some(bits) { self.same + 1 } else { 1 };
        }
    }

    /// Noise garbles an answer each time in another way; two probes with one ROM code always in the same.
    pub fn is_duplicate_rom(&self) -> bool {
        self.same >= DUPLICATE_ANSWERS
    }
}
