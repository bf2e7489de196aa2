//! The product's temperature, estimated: a first-order lag behind the air. It is fed with at most 3 K beyond the
//! limit, so that it measures how long the air was warm and not how warm: a defrost, 20 K above the limit for 40
//! minutes, passes; a compressor that has stopped does not.

use std::time::Duration;

use super::interval::Interval;

/// What is further beyond the limit counts as this far, in kelvin.
const CLIP: f64 = 3.0;
/// Nothing is known of the product at first. It counts as this far within the limit, unless the air is colder, in
/// kelvin: beginning at the air's own temperature raises an alarm after a restart in each defrost.
const ASSUMED: f64 = -2.0;
/// It is over when the estimate is this far within the limit, in kelvin …
const HYSTERESIS: f64 = 0.5;
/// … for this long.
const CLEARS_AFTER: Duration = Duration::from_secs(10 * 60);

/// The estimate for one limit. All values are kelvin beyond that limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductLag {
    estimate: Option<f64>,
    newest: f64,
    within: Option<Duration>,
    is_active: bool,
}

impl ProductLag {
    /// Goes on with an estimate that was kept, or with none.
    pub fn resumed(estimate: Option<f64>, is_active: bool) -> ProductLag {
        let newest = estimate.unwrap_or_default();
        ProductLag { estimate, newest, within: None, is_active }
    }

    /// The estimate, once there was a reading.
    pub fn estimate(&self) -> Option<f64> {
        self.estimate
    }

    /// Whether the rule holds.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Takes in a reading, that long after the one before; returns whether the rule holds.
    pub fn feed(&mut self, excess: f64, interval: Interval, time_constant: Duration) -> bool {
        let estimate = match self.estimate {
            None => excess.min(ASSUMED),
            Some(before) => {
                let elapsed = interval.followed().as_secs_f64() / time_constant.as_secs_f64();
                let from = if interval.is_gap() { excess } else { self.newest };
                follow(before, from, excess, elapsed)
            }
        };
        (self.estimate, self.newest) = (Some(estimate), excess);
        self.within = (estimate <= -HYSTERESIS)
            .then(|| self.within.map_or(Duration::ZERO, |within| within + interval.counted()));
        if estimate > 0.0 {
            self.is_active = true;
        } else if self.within.is_some_and(|within| within >= CLEARS_AFTER) {
            self.is_active = false;
        }
        self.is_active
    }
}

/// Where the estimate is after `elapsed` time constants in which the air changed evenly, and counted as no more than
/// [`CLIP`]. It is exact, so that the result does not depend on how often the air is read.
fn follow(estimate: f64, from: f64, to: f64, elapsed: f64) -> f64 {
    let (fed_from, fed_to) = (from.min(CLIP), to.min(CLIP));
    // The part of the time in which the air was within the clip, which comes first or last.
    let part = if from == to { 1.0 } else { ((fed_to - fed_from) / (to - from)).abs() };
    let clipped = |estimate: f64| ramp(estimate, CLIP, CLIP, elapsed * (1.0 - part));
    let changing = |estimate: f64| ramp(estimate, fed_from, fed_to, elapsed * part);
    if from > to { changing(clipped(estimate)) } else { clipped(changing(estimate)) }
}

/// The answer of a first-order lag to a ramp.
fn ramp(estimate: f64, from: f64, to: f64, elapsed: f64) -> f64 {
    if elapsed == 0.0 {
        return estimate;
    }
    let slope = (to - from) / elapsed;
    to - slope + (estimate - from + slope) * libm::exp(-elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn minutes_until_active(lag: &mut ProductLag, excess: f64, step: Duration) -> Option<u64> {
        let steps = 24 * 3_600 / step.as_secs();
        (1..=steps)
            .find(|_| lag.feed(excess, Interval::new(step, step), HOUR))
            .map(|steps| steps * step.as_secs() / 60)
    }

    #[test]
    fn it_holds_when_a_body_that_follows_the_clipped_air_passes_the_limit() {
        // From −2 towards +3 it crosses 0 after ln(5/3) time constants: 30.65 minutes.
        for excess in [3.0, 8.0, 100.0] {
            let mut lag = ProductLag::default();
            lag.feed(-2.0, Interval::new(Duration::ZERO, MINUTE), HOUR);
            lag.feed(excess, Interval::new(Duration::ZERO, MINUTE), HOUR);
            assert_eq!(minutes_until_active(&mut lag, excess, MINUTE), Some(31), "{excess}");
        }
    }

    #[test]
    fn it_begins_within_the_limit_and_is_over_ten_minutes_below_it() {
        let mut lag = ProductLag::default();
        assert!(!lag.feed(20.0, Interval::new(Duration::ZERO, MINUTE), HOUR));
        assert_eq!(lag.estimate(), Some(-2.0));
        assert!(minutes_until_active(&mut lag, 3.0, MINUTE).is_some());
        let mut below = 0;
        for minute in 0..600 {
            let active = lag.feed(-3.0, Interval::new(MINUTE, MINUTE), HOUR);
            below += u32::from(lag.estimate().unwrap() <= -HYSTERESIS);
            assert_eq!(active, below < 11, "minute {minute}: {lag:?}");
        }
    }

    #[test]
    fn of_a_gap_it_follows_ten_minutes() {
        let (mut long, mut short) =
            (ProductLag::resumed(Some(-1.0), false), ProductLag::resumed(Some(-1.0), false));
        long.feed(2.0, Interval::new(5 * HOUR, MINUTE), HOUR);
        short.feed(2.0, Interval::new(10 * MINUTE, MINUTE), HOUR);
        assert_eq!(long.estimate(), short.estimate());
        assert!((long.estimate().unwrap() - (2.0 - 3.0 * libm::exp(-1.0 / 6.0))).abs() < 1e-12);
    }
}
