//! A defrost by the clock: a time of each day at which warmth is expected.

use std::time::Duration;

use jiff::civil::Time;
use jiff::{Timestamp, ZonedDateTime};

/// A defrost that begins at the same time each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defrost {
    /// When it begins, by the clock of the place.
    pub at: Time,
    /// How long warmth is expected.
    pub length: Duration,
}

impl Defrost {
    /// When the one that is under way ends; `None` where none is. A time that a change of the clock leaves out begins
    /// when the clock has changed.
    pub fn ends(&self, now: &ZonedDateTime) -> Option<Timestamp> {
        // At the ends of the calendar there is no such moment, and no defrost.
        let began =
            |day: jiff::civil::Date| day.to_datetime(self.at).to_zoned_datetime(now.time_zone().clone()).ok();
        let days = [now.date(), now.date().yesterday().ok()?];
        let ends = days.into_iter().filter_map(|day| {
            let began = began(day)?.timestamp();
            let ends = began.checked_add(self.length).ok()?;
            (began <= now.timestamp() && now.timestamp() < ends).then_some(ends)
        });
        ends.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_under_way_from_its_time_for_its_length_also_over_midnight() {
        let defrost = Defrost { at: Time::constant(23, 40, 0, 0), length: Duration::from_secs(45 * 60) };
        let ends = |now: &str| {
            let now: ZonedDateTime = now.parse().unwrap();
            defrost.ends(&now).map(|ends| ends.to_string())
        };
        assert_eq!(ends("2026-03-01T23:39:59[UTC]"), None);
        assert_eq!(ends("2026-03-01T23:40:00[UTC]").as_deref(), Some("2026-03-02T00:25:00Z"));
        assert_eq!(ends("2026-03-02T00:24:59[UTC]").as_deref(), Some("2026-03-02T00:25:00Z"));
        assert_eq!(ends("2026-03-02T00:25:00[UTC]"), None);
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_is_not_lost() {
        let defrost = Defrost { at: Time::constant(2, 30, 0, 0), length: Duration::from_secs(45 * 60) };
        let now: ZonedDateTime = "2026-03-29T03:31:00[Europe/Berlin]".parse().unwrap();
        assert!(defrost.ends(&now).is_some());
    }
}
