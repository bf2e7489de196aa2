//! No reading for too long. A first sweep that is still under way is no silence.

use std::time::Duration;

/// Since when there was no reading, on the clock that never steps.
#[derive(Clone, Copy, Debug)]
pub struct Silent {
    since: Duration,
    is_active: bool,
}

impl Silent {
    /// Begins to wait for a reading.
    pub fn new(now: Duration) -> Silent {
        Silent { since: now, is_active: false }
    }

    /// There was a reading, or none could be expected yet.
    pub fn heard(&mut self, now: Duration) {
        *self = Silent::new(now);
    }

    /// When it began to hold, once it does.
    pub fn check(&mut self, now: Duration, after: Duration) -> Option<Duration> {
        self.is_active |= now.saturating_sub(self.since) >= after;
        self.is_active.then(|| self.since + after)
    }
}
