//! When another gateway has read something, on this gateway's clock that never steps. The other one's clock may be wrong by
//! years; and a message may have waited on its way, which must not make what is in it younger.

use std::time::Duration;

use jiff::Timestamp;

use crate::reading::Stamp;

/// The quickest message of this time, or of the time of this length before it, shows how far the clocks are apart. Until a
/// clock that was set back is noticed, readings count as older than they are.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// Clocks that are further apart are worth a word.
pub const APART: Duration = Duration::from_secs(5 * 60);

/// How far the other gateway's clock is behind this one's, in milliseconds, at the least.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockOffset {
    window: u64,
    least: Option<i64>,
    least_before: Option<i64>,
}

impl ClockOffset {
    /// A message that was written then has arrived now.
    pub fn arrived(&mut self, written: Timestamp, now: Stamp) {
        let window = now.mono.as_secs() / WINDOW.as_secs();
        if window != self.window {
            self.least_before = self.least.take().filter(|_| window == self.window + 1);
            self.window = window;
        }
        let offset = milliseconds(now.mono).saturating_sub(written.as_millisecond());
        self.least = Some(self.least.map_or(offset, |least| least.min(offset)));
    }

    /// When it was, on this gateway's clocks, that the other one's clock showed that; not later than now.
    pub fn here(&self, there: Timestamp, now: Stamp) -> Stamp {
        let Some(least) = self.least.into_iter().chain(self.least_before).min() else { return now };
        let mono = there.as_millisecond().saturating_add(least).clamp(0, milliseconds(now.mono));
        now.at_mono(Duration::from_millis(mono.unsigned_abs()))
    }

    /// Whether the wall clocks are far apart, as a message shows that was written then and has arrived now.
    pub fn is_apart(written: Timestamp, now: Stamp) -> bool {
        now.wall.duration_since(written).unsigned_abs() > APART
    }
}

fn milliseconds(mono: Duration) -> i64 {
    i64::try_from(mono.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(seconds), wall: "2026-11-28T12:00:00Z".parse().unwrap() }
    }

    fn there(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_reading_is_as_old_as_the_other_clock_says_whatever_year_it_shows() {
        for year in ["1970", "2026", "2099"] {
            let mut offset = ClockOffset::default();
            offset.arrived(there(&format!("{year}-06-01T10:00:05Z")), at(1_000));
            let read = offset.here(there(&format!("{year}-06-01T10:00:02Z")), at(1_000));
            assert_eq!(read.mono, Duration::from_secs(997));
            // What is said to be read in the future was read now.
            let read = offset.here(there(&format!("{year}-06-01T11:00:00Z")), at(1_000));
            assert_eq!(read.mono, Duration::from_secs(1_000));
        }
    }

    #[test]
    fn what_waited_on_its_way_is_not_younger_for_that() {
        let mut offset = ClockOffset::default();
        offset.arrived(there("2026-06-01T10:00:00Z"), at(1_000));
        // Written ten seconds later, it arrives after a minute.
        offset.arrived(there("2026-06-01T10:00:10Z"), at(1_070));
        assert_eq!(offset.here(there("2026-06-01T10:00:10Z"), at(1_070)).mono, Duration::from_secs(1_010));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_readings_old_for_a_while_and_one_that_is_set_on_does_not() {
        let mut offset = ClockOffset::default();
        offset.arrived(there("2026-06-01T10:00:00Z"), at(900));
        offset.arrived(there("2026-06-01T09:00:10Z"), at(910));
        assert_eq!(offset.here(there("2026-06-01T09:00:10Z"), at(910)).mono, Duration::ZERO);
        // Two windows later only the new clock is known.
        offset.arrived(there("2026-06-01T09:11:00Z"), at(1_560));
        assert_eq!(offset.here(there("2026-06-01T09:11:00Z"), at(1_560)).mono, Duration::from_secs(1_560));
        offset.arrived(there("2026-06-01T10:11:10Z"), at(1_570));
        assert_eq!(offset.here(there("2026-06-01T10:11:10Z"), at(1_570)).mono, Duration::from_secs(1_570));
        assert!(ClockOffset::is_apart(there("2026-11-28T11:54:59Z"), at(0)));
        assert!(!ClockOffset::is_apart(there("2026-11-28T12:04:59Z"), at(0)));
    }
}
