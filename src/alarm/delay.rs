//! A continuous delay: it holds once every reading was beyond the limit for that long.

use std::time::Duration;

use super::interval::Interval;

/// It is over with the first reading this far within the limit, in kelvin.
const HYSTERESIS: f64 = 1.0;

/// The timer of one limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delay {
    beyond: Option<Duration>,
    is_active: bool,
}

impl Delay {
    /// Goes on with what was kept.
    pub fn resumed(beyond: Option<Duration>, is_active: bool) -> Delay {
        Delay { beyond, is_active }
    }

    /// For how long every reading was beyond the limit, if the newest is.
    pub fn beyond(&self) -> Option<Duration> {
        self.beyond
    }

    /// Whether the rule holds.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Takes in a reading that lies so many kelvin beyond the limit, that long after the one before; returns whether
    /// the rule holds.
    pub fn feed(&mut self, excess: f64, interval: Interval, after: Duration) -> bool {
        self.beyond =
            (excess > 0.0).then(|| self.beyond.map_or(Duration::ZERO, |beyond| beyond + interval.counted()));
        if self.beyond.is_some_and(|beyond| beyond >= after) {
            self.is_active = true;
        } else if excess <= -HYSTERESIS {
            self.is_active = false;
        }
        self.is_active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn feed(delay: &mut Delay, excess: f64, minutes: u32) -> bool {
        delay.feed(excess, Interval::new(minutes * MINUTE, MINUTE), 10 * MINUTE)
    }

    #[test]
    fn one_reading_within_the_limit_begins_the_delay_anew() {
        let mut delay = Delay::default();
        let readings = [vec![1.0; 10], vec![0.0], vec![0.1; 10]].concat();
        assert!(readings.iter().all(|excess| !feed(&mut delay, *excess, 1)), "{delay:?}");
        assert!(feed(&mut delay, 0.1, 1));
        // Within the hysteresis it goes on.
        assert!(feed(&mut delay, -0.9, 1) && feed(&mut delay, 0.5, 1) && feed(&mut delay, -0.9, 1));
        assert!(!feed(&mut delay, -1.0, 1));
    }

    #[test]
    fn a_gap_pauses_it() {
        let mut delay = Delay::default();
        feed(&mut delay, 1.0, 1);
        for _ in 0..6 {
            assert!(!feed(&mut delay, 1.0, 1));
        }
        assert!(!feed(&mut delay, 1.0, 600));
        assert!(!(0..3).any(|_| feed(&mut delay, 1.0, 1)));
        assert!(feed(&mut delay, 1.0, 1));
    }
}
