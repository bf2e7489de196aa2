//! The time between the last sign of life that was kept and this start: how long it was, and when it is worth a word.
//! A computer without a clock of its own learns the time only after its start, so the length is asked for anew until it
//! is told.

use std::time::Duration;

use jiff::Timestamp;

use crate::alarm::Estimate;
use crate::fridge::Fridge;
use crate::reading::{Celsius, Stamp};
use crate::store::Alive;

/// That the gateway lives is kept this often: an SD card takes 33 kB for it each time, and a quiet day is
/// to cost it less than a megabyte.
pub const BETWEEN_SIGNS: Duration = Duration::from_secs(3_600);
/// A shorter absence harms nothing: a restart, an update.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
/// Probes that are not read after this long are not waited for.
const PATIENCE: Duration = Duration::from_secs(2 * 60);
/// By then the time is known; a clock that is set later says nothing of an absence.
const CLOCK_IS_SET: Duration = Duration::from_secs(15 * 60);

/// The absence before this start.
#[derive(Clone, Debug)]
pub struct Absence {
    last: Alive,
    started: Stamp,
    /// How long the computer had been running by then.
    uptime: Duration,
}

impl Absence {
    /// The absence since that sign of life, on a computer that has been running for `uptime`.
    pub fn new(last: Alive, started: Stamp, uptime: Duration) -> Absence {
        Absence { last, started, uptime }
    }

    /// How long it was at most; `None` where it is not worth a word, as far as is known by now.
    pub fn length(&self, now: Stamp) -> Option<Duration> {
        let up = now.since(&self.started);
        let started: Timestamp = now.wall.checked_sub(up).ok()?;
        let off: Duration = started.duration_since(self.last.at).try_into().ok()?;
        // A program that crashed lived until the next sign was due, and was started again at once; a computer without
        // power was off.
        let was_rebooted = self.uptime < off;
        let is_certain = self.last.was_ended || was_rebooted;
        let certain = if is_certain { off } else { off.saturating_sub(BETWEEN_SIGNS) };
        (certain >= SHORTEST && up < CLOCK_IS_SET).then_some(off)
    }

    /// Whether it cannot turn out to be worth a word any more: the computer has been running for so long that its clock
    /// is right.
    pub fn is_nothing(&self, now: Stamp) -> bool {
        self.length(now).is_none() && self.uptime + now.since(&self.started) >= CLOCK_IS_SET
    }

    /// Whether it was waited long enough for the probes.
    pub fn has_waited(&self, now: Stamp) -> bool {
        now.since(&self.started) >= PATIENCE
    }

    /// When it was over.
    pub fn started(&self) -> Stamp {
        self.started
    }

    /// Whether somebody ended the gateway before it.
    pub fn was_ended(&self) -> bool {
        self.last.was_ended
    }

    /// What became of a fridge meanwhile whose first reading since is this one.
    pub fn estimate(&self, fridge: &Fridge, off: Duration, first: Option<Celsius>) -> Estimate {
        let before = self.last.readings.get(&fridge.id).copied().map(Celsius::from_sixteenths);
        Estimate::new(&fridge.name, &fridge.rules, off, before, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32, wall: i64) -> Stamp {
        Stamp { mono: MINUTE * minutes, wall: Timestamp::from_second(wall * 60).unwrap() }
    }

    #[test]
    fn a_crash_counts_from_the_next_sign_that_was_due_and_a_cut_or_an_end_at_once() {
        let after = |was_ended, uptime: u32| {
            let last = Alive { at: at(0, 1_000).wall, was_ended, ..Alive::default() };
            Absence::new(last, at(100, 1_020), MINUTE * uptime)
        };
        assert_eq!(after(false, 1).length(at(101, 1_021)), Some(20 * MINUTE));
        let absence = |was_ended| after(was_ended, 10_000);
        assert_eq!(absence(true).length(at(101, 1_021)), Some(20 * MINUTE));
        assert_eq!(absence(false).length(at(101, 1_021)), None);
        // The clock was behind at the start, and is right now.
        assert_eq!(absence(false).length(at(101, 1_201)), Some(200 * MINUTE));
        assert_eq!(absence(false).length(at(116, 1_216)), None, "too late to be about this start");
        assert_eq!(absence(true).length(at(101, 900)), None, "a clock that was set back");
    }
}
