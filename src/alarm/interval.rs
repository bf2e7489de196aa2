//! The time between two readings, and how much of it the rules may count. Where readings are missing, timers pause;
//! they are never reset.

use std::time::Duration;

use super::CATCH_UP;

/// Readings that are at most this far apart follow each other, however short the period is.
const SHORTEST_GAP: Duration = Duration::from_secs(60);

/// The time from one reading to the next.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    elapsed: Duration,
    is_gap: bool,
}

impl Interval {
    /// That long, where a reading is due every `period`.
    pub fn new(elapsed: Duration, period: Duration) -> Interval {
        Interval { elapsed, is_gap: elapsed > SHORTEST_GAP.max(period * 3) }
    }

    /// That long, in which there were no readings.
    pub fn gap(elapsed: Duration) -> Interval {
        Interval { elapsed, is_gap: true }
    }

    /// Whether readings are missing in it.
    pub fn is_gap(self) -> bool {
        self.is_gap
    }

    /// How much of it counts for timers: nothing of a gap.
    pub fn counted(self) -> Duration {
        if self.is_gap { Duration::ZERO } else { self.elapsed }
    }

    /// How much of it an estimate follows: of a gap, ten minutes at most.
    pub fn followed(self) -> Duration {
        if self.is_gap { self.elapsed.min(CATCH_UP) } else { self.elapsed }
    }
}
