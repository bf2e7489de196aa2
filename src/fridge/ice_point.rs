//! The ice point: what a probe shows in a glass of crushed ice and water, where it is 0 °C. Readings and their times go
//! in; once they have been steady for long enough, what they come to is the measurement.

use std::time::Duration;

use crate::reading::{Celsius, ProbeId, Stamp};

/// So long at the least a probe has to show the same …
pub const STEADY: Duration = Duration::from_secs(3 * 60);
/// … and at least as long as it took to come there: one in a bottle or a thick sleeve creeps, and would be taken for steady
/// while it is still on its way. (An exponential that comes from 3 °C is within 0.05 °C then, whatever its time constant.)
/// After so long without that, the measurement has failed.
pub const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// A steady probe takes on neighbouring values; in sixteenths.
const SPREAD: i16 = 2;
/// Fewer readings are no measurement, however far apart they are.
const FEWEST: u32 = 5;
/// Nothing is known of a longer time without a reading.
const GAP: Duration = Duration::from_secs(10 * 60);
/// A probe of the maker's is off by 0.5 °C at the most: one that is off by more than this, in °C, is to be replaced.
pub const FURTHEST: f64 = 1.0;
/// It has to come from at least so far, in °C: one that hangs in a fridge near 0 °C would look as if it were in ice.
pub const FAR: f64 = 3.0;

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
    newest: Option<Celsius>,
    /// When it was far from 0 °C last.
    far: Option<Stamp>,
    run: Option<Run>,
}

/// What came of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The probe came from elsewhere, and was steady near 0 °C.
    Measured {
        /// What it showed, in °C: the mean of the time in which it was steady.
        shows: f64,
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
        if most - least > SPREAD || at.since(&self.newest) > GAP {
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
        IcePoint { probe, by, began: now, outcome: None, newest: None, far: None, run: None }
    }

    /// Takes in what the probe showed then, uncorrected; returns whether that ends the measurement.
    pub fn read(&mut self, shown: Celsius, at: Stamp) -> bool {
        // A sweep may have begun before the measurement did.
        if self.outcome.is_some() || at.mono < self.began.mono {
            return false;
        }
        self.newest = Some(shown);
        if shown.degrees().abs() >= FAR {
            self.far = Some(at);
        }
        let value = shown.sixteenths();
        let run = self.run.map_or_else(|| Run::new(value, at), |run| run.with(value, at));
        self.run = Some(run);
        let shows = run.mean();
        let is_steady = self.needed().is_some_and(|needed| at.since(&run.since) >= needed);
        if is_steady && run.count >= FEWEST && shows.abs() <= FURTHEST {
            self.outcome = Some(Outcome::Measured { shows, at });
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

    /// For how long it has to: at least as long as it took to come there. `None` where it has not come from anywhere yet.
    pub fn needed(&self) -> Option<Duration> {
        let came = self.run?.since.since(&self.far?);
        Some(came.max(STEADY))
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

    /// What a probe shows that is off by 0.4 °C, and comes into ice after a minute.
    fn cooling(from: f64, time_constant: f64) -> impl Fn(u64) -> i16 {
        move |second| {
            let left = libm::exp(-(second.saturating_sub(60) as f64) / time_constant);
            ((0.4 + from * left) * 16.0).round() as i16
        }
    }

    #[test]
    fn a_probe_that_cools_down_is_measured_once_it_is_there_however_slow_it_is() {
        for from in [4.0, 5.0, 20.0, -18.0] {
            for time_constant in [10.0, 60.0, 120.0, 300.0] {
                let (outcome, end) = measured(cooling(from, time_constant));
                let Some(Outcome::Measured { shows, .. }) = outcome else {
                    panic!("{from} {time_constant}: {outcome:?}")
                };
                assert!((shows - 0.4).abs() < 0.08, "{from} °C, {time_constant} s: {shows} after {end} s");
            }
        }
        assert!(measured(cooling(4.0, 20.0)).1 < 420);
        assert_eq!(measured(cooling(20.0, 3_000.0)).0, Some(Outcome::Failed));
    }

    #[test]
    fn what_is_steady_elsewhere_or_never_is_not_measured() {
        let never = (Some(Outcome::Failed), 3_600);
        assert_eq!(measured(|_| 64), never, "it hangs in its fridge");
        assert_eq!(measured(|_| 14), never, "it hangs in a fridge at 0.9 °C");
        assert_eq!(measured(|second| if second < 300 { 42 } else { 14 }), never, "whose door was open");
        assert_eq!(measured(|second| (second / 10 % 4) as i16), never);
        assert_eq!(
            measured(|second| if second < 300 { 64 } else { 20 }),
            never,
            "it is off by more than 1 °C"
        );
        let (outcome, end) = measured(|second| if second < 600 { 64 } else { -5 });
        assert_eq!((outcome, end), (Some(Outcome::Measured { shows: -0.3125, at: at(780) }), 780));
    }

    #[test]
    fn a_gap_begins_anew_and_readings_from_before_do_not_count() {
        let mut point = begin();
        point.began = at(100);
        let mut read = |second, value| point.read(Celsius::from_sixteenths(value), at(second));
        assert!(!read(90, 64) && !read(100, 64));
        let seconds = (110..=280).step_by(10).chain([890]).chain((900..=1_670).step_by(10));
        assert!(seconds.into_iter().all(|second| !read(second, 2)));
        // It may have come at any time of the gap.
        assert!(read(1_680, 2) && !read(1_690, 2));
        assert_eq!(point.steady(), point.needed().unwrap());
    }

    #[test]
    fn a_correction_of_nothing_has_no_sign() {
        assert_eq!((offset(0.0).to_string(), offset(0.001).to_string()), ("0".into(), "0".into()));
        assert_eq!((offset(0.4375), offset(-0.3125)), (-0.44, 0.31));
    }
}
