//! The same reading, to the last bit, for hours. Air in a fridge never stands still: the longest run on a healthy one
//! was 13 minutes. What hangs in glycol, or is rounded to tenths, can repeat itself for half a day.

use std::time::Duration;

use super::interval::Interval;
use crate::reading::Celsius;

/// The newest reading and how long it has been the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stuck {
    newest: Option<Celsius>,
    lasts: Duration,
}

impl Stuck {
    /// Goes on with what was kept.
    pub fn resumed(newest: Celsius, lasts: Duration) -> Stuck {
        Stuck { newest: Some(newest), lasts }
    }

    /// The newest reading and how long it has been the same.
    pub fn newest(&self) -> Option<(Celsius, Duration)> {
        Some((self.newest?, self.lasts))
    }

    /// Takes in a reading, that long after the one before; returns whether the rule holds.
    pub fn feed(&mut self, celsius: Celsius, interval: Interval, after: Duration) -> bool {
        let is_same = self.newest.replace(celsius) == Some(celsius);
        self.lasts = if is_same { self.lasts + interval.counted() } else { Duration::ZERO };
        self.lasts >= after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_from_six_hours_of_one_value_to_the_first_other_bit() {
        let (minute, hours) = (Duration::from_secs(60), Duration::from_secs(6 * 3_600));
        let mut stuck = Stuck::default();
        let mut feed = |sixteenths| {
            stuck.feed(Celsius::from_sixteenths(sixteenths), Interval::new(minute, minute), hours)
        };
        assert!(!(0..360).any(|_| feed(64)));
        assert!(feed(64) && feed(64));
        assert!(!feed(65));
    }
}
