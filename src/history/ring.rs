//! The last 24 hours of every probe, in memory: the lowest and highest value of each minute. The recorder adds values; an
//! answer takes a copy of the minutes it needs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::reading::{Celsius, ProbeId, Stamp};

/// How many minutes are kept: 24 hours. A probe's take 6 kB.
pub const MINUTES: usize = 24 * 60;

/// The last 24 hours of every probe. Its lock is held for one value's taking in or one copy.
#[derive(Debug, Default)]
pub struct Rings {
    rings: Mutex<HashMap<ProbeId, Ring>>,
}

/// The values of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute {
    /// The lowest.
    pub min: Celsius,
    /// The highest.
    pub max: Celsius,
}

impl Minute {
    /// No value: its lowest is above its highest.
    const EMPTY: Minute = Minute { min: Celsius::MAX, max: Celsius::MIN };

    /// The middle between its lowest and its highest value, in degrees.
    pub fn middle(&self) -> f64 {
        (self.min.degrees() + self.max.degrees()) / 2.0
    }

    fn known(self) -> Option<Minute> {
        (self.min <= self.max).then_some(self)
    }
}

#[derive(Debug)]
struct Ring {
    /// The number of the minute of the newest value, on the monotonic clock.
    newest: u64,
    minutes: Box<[Minute]>,
}

impl Ring {
    fn add(&mut self, minute: u64, celsius: Celsius) {
        // What is read back from the disk may be older than what is kept.
        if minute + MINUTES as u64 <= self.newest {
            return;
        }
        if minute >= self.newest + MINUTES as u64 {
            self.minutes.fill(Minute::EMPTY);
        } else {
            // The minutes in between had no value.
            for passed in self.newest + 1..=minute {
                self.minutes[slot(passed)] = Minute::EMPTY;
            }
        }
        self.newest = self.newest.max(minute);
        let Minute { min, max } = &mut self.minutes[slot(minute)];
        (*min, *max) = ((*min).min(celsius), (*max).max(celsius));
    }

    fn get(&self, minute: u64) -> Option<Minute> {
        let kept = minute <= self.newest && minute + MINUTES as u64 > self.newest;
        kept.then(|| self.minutes[slot(minute)].known()).flatten()
    }
}

fn slot(minute: u64) -> usize {
    (minute % MINUTES as u64) as usize
}

fn minute(at: &Stamp) -> u64 {
    at.mono.as_secs() / 60
}

impl Rings {
    /// Takes in a good value.
    pub fn add(&self, probe: ProbeId, at: &Stamp, celsius: Celsius) {
        let minute = minute(at);
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = rings.entry(probe).or_insert_with(|| Ring {
            newest: minute,
            minutes: vec![Minute::EMPTY; MINUTES].into_boxed_slice(),
        });
        ring.add(minute, celsius);
    }

    /// Keeps the history of these probes, and of no other.
    pub fn retain(&self, is_kept: impl Fn(ProbeId) -> bool) {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner).retain(|probe, _| is_kept(*probe));
    }

    /// The last `length` minutes of a probe, the oldest first, the present one last; `None` for a
    /// minute without a value. At most [`MINUTES`] hold any.
    pub fn minutes(&self, probe: ProbeId, now: &Stamp, length: usize) -> Vec<Option<Minute>> {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = rings.get(&probe);
        let present = minute(now);
        let back = (0..length as u64).rev().map(|back| present.checked_sub(back));
        back.map(|minute| ring?.get(minute?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PROBE: ProbeId = ProbeId::new(0x28, 1);

    fn at(minute: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(minute * 60 + 30), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    fn celsius(sixteenths: i16) -> Celsius {
        Celsius::from_sixteenths(sixteenths)
    }

    fn kept(history: &Rings, now: u64, length: usize) -> Vec<Option<(i16, i16)>> {
        let minutes = history.minutes(PROBE, &at(now), length);
        minutes.iter().map(|minute| minute.map(|m| (m.min.sixteenths(), m.max.sixteenths()))).collect()
    }

    #[test]
    fn a_minute_keeps_its_extremes_and_a_gap_stays_one() {
        let history = Rings::default();
        for (minute, value) in [(100, 64), (100, 60), (100, 70), (102, 80)] {
            history.add(PROBE, &at(minute), celsius(value));
        }
        assert_eq!(kept(&history, 103, 5), [None, Some((60, 70)), None, Some((80, 80)), None]);
        assert_eq!(kept(&history, 1, 3), [None; 3]);
    }

    #[test]
    fn what_is_older_than_a_day_is_gone_whatever_the_gap() {
        for gap in [1, MINUTES as u64 - 1, MINUTES as u64, MINUTES as u64 + 1, 5 * MINUTES as u64] {
            let history = Rings::default();
            history.add(PROBE, &at(7), celsius(1));
            history.add(PROBE, &at(7 + gap), celsius(2));
            let known: Vec<_> = kept(&history, 7 + gap, 2 * MINUTES).into_iter().flatten().collect();
            let expected: &[_] = if gap < MINUTES as u64 { &[(1, 1), (2, 2)] } else { &[(2, 2)] };
            assert_eq!(known, expected, "a gap of {gap} minutes");
        }
    }

    #[test]
    fn a_full_day_is_kept_and_not_a_minute_more() {
        let history = Rings::default();
        for minute in 0..3 * MINUTES as u64 {
            history.add(PROBE, &at(minute), celsius((minute % 1_000) as i16));
        }
        let now = 3 * MINUTES as u64 - 1;
        assert_eq!(kept(&history, now, 2 * MINUTES).iter().flatten().count(), MINUTES);
        assert_eq!(kept(&history, now, 1), [Some(((now % 1_000) as i16, (now % 1_000) as i16))]);
    }
}
