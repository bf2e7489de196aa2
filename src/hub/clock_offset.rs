//! When another gateway has read something, on this gateway's clock that never steps. The other one's clock may be wrong by
//! years; and a message may have waited on its way, which must not make what is in it younger.

use std::time::Duration;

use jiff::Timestamp;

use crate::reading::Stamp;

/// The quickest message of this time, or of the time of this length before it, shows how far the clocks are apart.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// Two messages have to arrive at least so far apart, before how far the clocks are apart is known from them …
const BETWEEN: Duration = Duration::from_secs(1);
/// … and as far apart as they were written, but for this: what has waited somewhere arrives all at once.
const JITTER: Duration = Duration::from_millis(700);
/// A message that was written longer than this before another one that has come already shows that the clock was set back: then
/// nothing is known of it any more.
const STEP: Duration = Duration::from_secs(30);
/// Wall clocks that are less apart are right: those of computers that are set over the network are much less.
pub const RIGHT: Duration = Duration::from_secs(60);
/// A message that was written at a time that is further from now is worth a word at once.
const APART: Duration = Duration::from_secs(5 * 60);

/// How far the other gateway's clock is behind this one's, in milliseconds, at the least. Of the first message, and of the
/// first after a long silence, nobody knows for how long it has waited: only a second one shows that they come at the pace
/// at which they are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockOffset {
    window: u64,
    least: Option<i64>,
    least_before: Option<i64>,
    /// When one message was written there and has arrived here, in milliseconds, until another confirms it.
    first: Option<(i64, i64)>,
    is_confirmed: bool,
    /// The newest time at which a message was written there, in milliseconds.
    newest: Option<i64>,
}

impl ClockOffset {
    /// A message that was written then has arrived now.
    pub fn arrived(&mut self, written: Timestamp, now: Stamp) {
        let milliseconds_there = written.as_millisecond();
        if self.newest.is_some_and(|newest| milliseconds_there < newest - milliseconds(STEP)) {
            *self = ClockOffset::default();
        }
        self.newest = self.newest.max(Some(milliseconds_there));
        let window = now.mono.as_secs() / WINDOW.as_secs();
        if window != self.window {
            self.least_before = self.least.take().filter(|_| window == self.window + 1);
            self.window = window;
        }
        if self.least.is_none() && self.least_before.is_none() {
            (self.first, self.is_confirmed) = (None, false);
        }
        let (written, here) = (written.as_millisecond(), milliseconds(now.mono));
        let offset = here.saturating_sub(written);
        self.least = Some(self.least.map_or(offset, |least| least.min(offset)));
        if self.is_confirmed {
            return;
        }
        let (first_written, first_here) = *self.first.get_or_insert((written, here));
        let (passed_there, passed) = (written.saturating_sub(first_written), here - first_here);
        if passed < milliseconds(BETWEEN) {
            return;
        }
        if passed_there.abs_diff(passed) <= milliseconds(JITTER).unsigned_abs() {
            self.is_confirmed = true;
        } else {
            // The first had waited, or this one: whatever comes next is compared with this.
            self.first = Some((written, here));
        }
    }

    /// When it was, on this gateway's clocks, that the other one's clock showed that, and not later than now; `None` while
    /// that cannot be known.
    pub fn here(&self, there: Timestamp, now: Stamp) -> Option<Stamp> {
        let least = self.least.into_iter().chain(self.least_before).min().filter(|_| self.is_confirmed)?;
        let mono = there.as_millisecond().saturating_add(least).clamp(0, milliseconds(now.mono));
        Some(now.at_mono(Duration::from_millis(mono.unsigned_abs())))
    }

    /// Whether the other wall clock shows what this one does, as far as that is known: what was read is kept under its time.
    pub fn is_right(&self, now: Stamp) -> Option<bool> {
        let least = self.least.into_iter().chain(self.least_before).min().filter(|_| self.is_confirmed)?;
        let own = milliseconds(now.mono).saturating_sub(now.wall.as_millisecond());
        Some(least.abs_diff(own) <= milliseconds(RIGHT).unsigned_abs())
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

    fn confirmed(year: &str) -> ClockOffset {
        let mut offset = ClockOffset::default();
        offset.arrived(there(&format!("{year}-06-01T10:00:00Z")), at(995));
        offset.arrived(there(&format!("{year}-06-01T10:00:05Z")), at(1_000));
        offset
    }

    fn mono(offset: &ClockOffset, text: &str, seconds: u64) -> Option<u64> {
        offset.here(there(text), at(seconds)).map(|stamp| stamp.mono.as_secs())
    }

    #[test]
    fn a_reading_is_as_old_as_the_other_clock_says_whatever_year_it_shows() {
        for year in ["1970", "2026", "2099"] {
            let offset = confirmed(year);
            assert_eq!(mono(&offset, &format!("{year}-06-01T10:00:02Z"), 1_000), Some(997));
            // What is said to be read in the future was read now.
            assert_eq!(mono(&offset, &format!("{year}-06-01T11:00:00Z"), 1_000), Some(1_000));
        }
    }

    #[test]
    fn what_waited_on_its_way_is_not_younger_for_that() {
        let mut offset = confirmed("2026");
        // Written ten seconds later, it arrives after a minute.
        offset.arrived(there("2026-06-01T10:00:15Z"), at(1_070));
        assert_eq!(mono(&offset, "2026-06-01T10:00:15Z", 1_070), Some(1_010));
    }

    #[test]
    fn of_a_single_message_and_of_what_comes_all_at_once_nothing_is_known() {
        let mut offset = ClockOffset::default();
        let old = "2026-01-01T00:00:00Z";
        offset.arrived(there(old), at(100));
        assert_eq!(mono(&offset, old, 100), None);
        // The same again, when a broker retains it for another.
        offset.arrived(there(old), at(110));
        assert_eq!(mono(&offset, old, 110), None);
        // What waited for a network, or while this computer slept, ten seconds of it at a time.
        for piece in 0..30 {
            offset.arrived(there(old) + Duration::from_secs(10 * piece), at(200));
            assert_eq!(mono(&offset, old, 200), None);
        }
        // It comes at its own pace again.
        offset.arrived(there(old) + Duration::from_secs(300), at(205));
        offset.arrived(there(old) + Duration::from_secs(310), at(215));
        assert_eq!(mono(&offset, "2026-01-01T00:05:10Z", 215), Some(215));
        // After a long silence as at the beginning.
        offset.arrived(there(old) + Duration::from_secs(400), at(2_000));
        assert_eq!(mono(&offset, "2026-01-01T00:06:40Z", 2_000), None);
    }

    #[test]
    fn a_clock_that_is_set_back_is_not_believed_until_a_second_message_and_one_that_is_set_on_is_at_once() {
        let mut offset = ClockOffset::default();
        offset.arrived(there("2026-06-01T10:00:00Z"), at(900));
        offset.arrived(there("2026-06-01T10:00:10Z"), at(910));
        offset.arrived(there("2026-06-01T09:00:20Z"), at(920));
        assert_eq!(mono(&offset, "2026-06-01T09:00:20Z", 920), None);
        offset.arrived(there("2026-06-01T09:00:30Z"), at(930));
        assert_eq!(mono(&offset, "2026-06-01T09:00:30Z", 930), Some(930));
        offset.arrived(there("2026-06-01T10:00:40Z"), at(940));
        assert_eq!(mono(&offset, "2026-06-01T10:00:40Z", 940), Some(940));
        // What has waited for a moment is no clock that was set.
        offset.arrived(there("2026-06-01T10:00:20Z"), at(941));
        assert_eq!(mono(&offset, "2026-06-01T10:00:41Z", 941), Some(941));
        assert!(ClockOffset::is_apart(there("2026-11-28T11:54:59Z"), at(0)));
        assert!(!ClockOffset::is_apart(there("2026-11-28T12:04:59Z"), at(0)));
    }
}
