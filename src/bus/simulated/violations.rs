//! What a master broke: the truth that a driver's own judgement is compared with.

/// How many of the master's edges and samples broke which window of the datasheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// tLOW0, tLOW1, tRSTL: the line was low too long or not long enough.
    pub low: u64,
    /// tRDV: a one was sampled when the probe may have let go already.
    pub read: u64,
    /// tPDH, tPDL: no presence was sampled when it may have been over.
    pub presence: u64,
    /// tREC: the next slot began too soon after the last one.
    pub recovery: u64,
    /// tSLOT, tRSTH: the last slot, or the time after a reset, was too short.
    pub slot: u64,
}

impl Violations {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.low + self.read + self.presence + self.recovery + self.slot
    }
}
