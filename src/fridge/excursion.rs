//! An excursion: one time outside a fridge's limits.

use std::time::Duration;

use super::Limits;
use crate::alarm::Side;
use crate::reading::{Celsius, Stamp};

/// One time outside the limits, from the first reading beyond one of them to the first within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excursion {
    /// Which limit it is about.
    pub side: Side,
    /// When its first reading was taken.
    pub since: Stamp,
    /// Its furthest reading.
    pub peak: Celsius,
    /// When its newest reading was taken.
    pub newest: Stamp,
}

impl Excursion {
    /// The excursion after a reading: a new one, the one `before` gone on, or none within the limits. Without a value for
    /// longer than `gap`, nobody knows whether it stayed outside.
    pub fn after(
        before: Option<Excursion>,
        limits: &Limits,
        celsius: Celsius,
        at: Stamp,
        gap: Duration,
    ) -> Option<Excursion> {
        let side = limits.beyond(celsius)?;
        let goes_on = before.filter(|it| it.side == side && at.since(&it.newest) <= gap);
        let Some(excursion) = goes_on else {
            return Some(Excursion { side, since: at, peak: celsius, newest: at });
        };
        let peak = match side {
            Side::Above => excursion.peak.max(celsius),
            Side::Below => excursion.peak.min(celsius),
        };
        Some(Excursion { peak, newest: at, ..excursion })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(minutes: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(minutes * 60), wall: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn it_lasts_from_the_first_reading_outside_to_the_first_within_and_over_no_long_silence() {
        let limits = Limits { min: None, max: Celsius::from_degrees(5.0) };
        let degrees = |degrees| Celsius::from_degrees(degrees).unwrap();
        let step = |before, celsius, minute| {
            Excursion::after(before, &limits, degrees(celsius), at(minute), Duration::from_secs(600))
        };
        assert_eq!(step(None, 5.0, 0), None);
        let first = step(None, 7.0, 1);
        let (higher, lower) = (step(first, 9.0, 2), step(step(first, 9.0, 2), 6.0, 3));
        assert_eq!(higher.map(|it| (it.since, it.peak)), Some((at(1), degrees(9.0))));
        assert_eq!(lower.map(|it| (it.since, it.peak)), Some((at(1), degrees(9.0))));
        assert_eq!(step(lower, 4.0, 4), None);
        let later = step(lower, 6.0, 60);
        assert_eq!(later.map(|it| (it.since, it.peak)), Some((at(60), degrees(6.0))));
    }
}
