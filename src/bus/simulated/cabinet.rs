//! The cabinet: a small model of a fridge or a freezer. A number and a time go in, a temperature comes
//! out, always the same one for the same two.
//!
//! The air swings between two temperatures as the compressor runs and rests; a door that opens lets a
//! bump of warm air in that fades away; a freezer warms up for its defrost. All of it stays within the
//! limits that people give such cabinets, unless the cabinet is broken.

use std::f64::consts::TAU;

use crate::reading::Celsius;

/// After so many seconds every cycle of a cabinet has come to its beginning again.
const COMMON_CYCLE: f64 = 1_008_000.0;

/// What kind of cabinet it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Around 4 °C, between 0 and 8.
    Fridge,
    /// Around −19 °C, below −15.
    Freezer,
}

/// One cabinet.
#[derive(Clone, Copy, Debug)]
pub struct Cabinet {
    kind: Kind,
    /// Its seal is broken: it is some degrees warmer than it should be.
    broken: bool,
    /// From 0 to 1: no two cabinets swing together.
    phase: f64,
}

impl Cabinet {
    /// The cabinet of that number, counted from 1: every third one is a freezer.
    pub fn new(number: usize, broken: bool) -> Self {
        // The golden ratio spreads any count of phases evenly.
        Cabinet { kind: kind(number), broken, phase: (number as f64 * 0.618_033_988_749_895).fract() }
    }

    /// The temperature of its air, `seconds` after some beginning.
    pub fn at(&self, seconds: f64) -> Celsius {
        let cycle = |period: f64| (seconds / period + self.phase).fract();
        let degrees = match self.kind {
            Kind::Fridge => {
                // The compressor runs about three times an hour, and the door opens every 50 minutes.
                let door = 1.8 * bump(cycle(3_000.0) * 3_000.0, 300.0);
                3.6 + 0.9 * libm::sin(cycle(1_260.0) * TAU) + door + if self.broken { 6.5 } else { 0.0 }
            }
            Kind::Freezer => {
                // It defrosts every eight hours, and warms by two degrees.
                let defrost = 2.0 * bump(cycle(28_800.0) * 28_800.0, 900.0);
                -19.0 + 0.8 * libm::sin(cycle(1_500.0) * TAU) + defrost + if self.broken { 8.0 } else { 0.0 }
            }
        };
        Celsius::from_degrees(degrees).unwrap_or(Celsius::MAX)
    }
}

impl Cabinet {
    /// The same before that beginning: it goes on without a step.
    pub fn before_start(&self, seconds: f64) -> Celsius {
        self.at((COMMON_CYCLE - seconds).rem_euclid(COMMON_CYCLE))
    }
}

/// The kind of the cabinet of that number, counted from 1.
pub fn kind(number: usize) -> Kind {
    if number.is_multiple_of(3) { Kind::Freezer } else { Kind::Fridge }
}

/// A rise to 1 within a fifth of `fading`, and its fading, `seconds` after its beginning.
fn bump(seconds: f64, fading: f64) -> f64 {
    (1.0 - libm::exp(-5.0 * seconds / fading)) * libm::exp(-seconds / fading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_beginning_goes_on_behind_it_without_a_step() {
        for number in 1..=12 {
            let cabinet = Cabinet::new(number, false);
            let (before, after) = (cabinet.before_start(1.0), cabinet.at(0.0));
            assert!(before.distance(after) <= 1, "{number}: {before:?}, {after:?}");
        }
    }

    #[test]
    fn a_week_in_every_kind_of_cabinet_stays_within_its_limits_and_moves() {
        for number in 1..=100 {
            let (min, max) = match kind(number) {
                Kind::Fridge => (0.0, 8.0),
                Kind::Freezer => (-30.0, -15.0),
            };
            let minutes = |broken: bool| {
                let cabinet = Cabinet::new(number, broken);
                (0..7 * 1_440).map(move |minute| cabinet.at(f64::from(minute) * 60.0).degrees())
            };
            assert!(minutes(false).all(|degrees| (min..=max).contains(&degrees)), "{number}");
            assert!(minutes(true).all(|degrees| degrees > max), "{number} is not warm enough");
            let span = minutes(false).fold(f64::MIN, f64::max) - minutes(false).fold(f64::MAX, f64::min);
            assert!(span > 1.0, "{number} moves by {span} only");
        }
    }
}
