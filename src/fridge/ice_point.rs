//! The ice point: what a probe shows in a glass of crushed ice and water, where it is 0 °C. Readings and their times go
//! in; once they have been steady for long enough, what they come to is the measurement.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::reading::{Celsius, ProbeId, Stamp};

/// So long a probe has to show the same.
pub const STEADY: Duration = Duration::from_secs(3 * 60);
/// After so long without that, the measurement has failed.
pub const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A steady probe takes on neighbouring values; in sixteenths.
const SPREAD: i16 = 2;
/// Fewer readings are no measurement, however far apart they are.
const FEWEST: u32 = 5;
/// A probe of the maker's is off by 0.5 °C at the most, a clone by 2 °C: one that shows more is not in ice, or broken.
pub const FURTHEST: f64 = 2.0;
/// One that has moved by less since the measuring began may have been in the ice already, or may not be there yet.
const MOVED: f64 = 0.5;

/// One measurement of one probe, from its begin to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct IcePoint {
    /// The probe.
    pub probe: ProbeId,
    /// Who wants it, where that is known.
    pub by: Option<String>,
    /// When it began.
    pub began: Stamp,
    /// What came of it; `None` while it is being measured.
    pub outcome: Option<Outcome>,
    first: Option<Celsius>,
    newest: Option<Celsius>,
    run: Option<Run>,
}

/// What came of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The probe has been steady near 0 °C.
    Measured {
        /// What it showed, in °C: the mean of the time in which it was steady.
        shows: f64,
        /// Whether it came from another temperature. One that showed the same from the begin may never have been in ice.
        has_moved: bool,
        /// When.
        at: Stamp,
    },
    /// It has not been in time.
    Failed,
}

/// Readings in a row that lie within [`SPREAD`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    since: Stamp,
    newest: Stamp,
    least: i16,
    most: i16,
    sum: i64,
    count: u32,
}

impl Run {
    fn new(value: i16, at: Stamp) -> Run {
        Run { since: at, newest: at, least: value, most: value, sum: i64::from(value), count: 1 }
    }

    /// The run with one reading more; a new one where that does not belong to it.
    fn with(self, value: i16, at: Stamp) -> Run {
        let (least, most) = (self.least.min(value), self.most.max(value));
        // Nothing is known of a gap as long as the whole of it.
        if most - least > SPREAD || at.since(&self.newest) >= STEADY {
            return Run::new(value, at);
        }
        let (sum, count) = (self.sum + i64::from(value), self.count.saturating_add(1));
        Run { newest: at, least, most, sum, count, ..self }
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / f64::from(self.count) / 16.0
    }
}

impl IcePoint {
    /// Begins to measure that probe.
    pub fn begin(probe: ProbeId, by: Option<String>, now: Stamp) -> IcePoint {
        IcePoint { probe, by, began: now, outcome: None, first: None, newest: None, run: None }
    }

    /// Takes in what the probe showed then, uncorrected; returns whether that ends the measurement.
    pub fn read(&mut self, shown: Celsius, at: Stamp) -> bool {
        // A sweep may have begun before the measurement did.
        if self.outcome.is_some() || at.mono < self.began.mono {
            return false;
        }
        self.newest = Some(shown);
        let first = *self.first.get_or_insert(shown);
        let value = shown.sixteenths();
        let run = self.run.map_or_else(|| Run::new(value, at), |run| run.with(value, at));
        self.run = Some(run);
        let shows = run.mean();
        let near_zero: RangeInclusive<f64> = -FURTHEST..=FURTHEST;
        let is_steady = at.since(&run.since) >= STEADY && run.count >= FEWEST;
        if is_steady && near_zero.contains(&shows) {
            let has_moved = (first.degrees() - shows).abs() >= MOVED;
            self.outcome = Some(Outcome::Measured { shows, has_moved, at });
        }
        self.outcome.is_some()
    }

    /// Time has passed; returns whether that ends the measurement.
    pub fn tick(&mut self, now: Stamp) -> bool {
        let has_failed = self.outcome.is_none() && now.since(&self.began) >= PATIENCE;
        if has_failed {
            self.outcome = Some(Outcome::Failed);
        }
        has_failed
    }

    /// What the probe showed last, uncorrected.
    pub fn newest(&self) -> Option<Celsius> {
        self.newest
    }

    /// For how long it has shown the same.
    pub fn steady(&self) -> Duration {
        self.run.map_or(Duration::ZERO, |run| run.newest.since(&run.since))
    }
}

/// What has to be added to a probe that shows so much at the ice point, in °C, to two decimals.
pub fn offset(shows: f64) -> f64 {
    // No minus sign before zero.
    (-shows * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        let mono = Duration::from_secs(seconds);
        Stamp { mono, wall: jiff::Timestamp::UNIX_EPOCH + mono }
    }

    fn begin() -> IcePoint {
        IcePoint::begin(ProbeId::new(0x28, 1), None, at(0))
    }

    /// What comes of one reading every ten seconds, and when.
    fn measured(mut shown: impl FnMut(u64) -> i16) -> (Option<Outcome>, u64) {
        let mut point = begin();
        let ends = |second: &u64| {
            point.read(Celsius::from_sixteenths(shown(*second)), at(*second)) || point.tick(at(*second))
        };
        let end = (0..).step_by(10).find(ends).unwrap();
        (point.outcome, end)
    }

    #[test]
    fn a_probe_that_cools_down_is_measured_once_it_is_steady() {
        // From 5 °C, with a time constant of a minute, to 0.40625 °C, between whose neighbours it flickers.
        let cooling = |second: u64| {
            let settles = 73.5 * libm::exp2(second as f64 / -42.0);
            (6.5 + settles) as i16 + i16::from(second.is_multiple_of(20) && second > 400)
        };
        let (outcome, end) = measured(cooling);
        let Some(Outcome::Measured { shows, has_moved, .. }) = outcome else { panic!("{outcome:?}") };
        assert!((0.38..0.45).contains(&shows) && has_moved, "{shows}");
        assert!((350..500).contains(&end), "{end}");
        assert_eq!((offset(shows) * 100.0).rem_euclid(1.0), 0.0);
    }

    #[test]
    fn what_is_steady_elsewhere_or_never_is_not_measured() {
        assert_eq!(measured(|_| 64), (Some(Outcome::Failed), 1_800), "it hangs in its fridge");
        assert_eq!(measured(|second| (second / 10 % 4) as i16), (Some(Outcome::Failed), 1_800));
        let (outcome, end) = measured(|second| if second < 600 { 64 } else { -5 });
        let wanted = Outcome::Measured { shows: -0.3125, has_moved: true, at: at(780) };
        assert_eq!((outcome, end), (Some(wanted), 780));
        let (outcome, end) = measured(|_| 3);
        assert!(matches!(outcome, Some(Outcome::Measured { has_moved: false, .. })), "{outcome:?}");
        assert_eq!(end, 180);
    }

    #[test]
    fn a_gap_begins_anew_and_readings_from_before_do_not_count() {
        let mut point = begin();
        point.began = at(100);
        let mut read = |second, value| point.read(Celsius::from_sixteenths(value), at(second));
        assert!(!read(90, 2));
        let seconds = (100..=270).step_by(10).chain([450]).chain((460..=620).step_by(10));
        assert!(seconds.into_iter().all(|second| !read(second, 2)));
        assert!(read(630, 2) && !read(640, 2));
        assert_eq!(point.steady(), STEADY);
    }

    #[test]
    fn a_correction_of_nothing_has_no_sign() {
        assert_eq!((offset(0.0).to_string(), offset(0.001).to_string()), ("0".into(), "0".into()));
        assert_eq!((offset(0.4375), offset(-0.3125)), (-0.44, 0.31));
    }
}
