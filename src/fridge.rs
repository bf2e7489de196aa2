//! The fridge: what a person named, the probe that hangs in it, and its limits. Freezers and cold
//! rooms are fridges too. Given a [`Reading`], it says how the fridge is.

use serde::Serialize;

use crate::reading::{Celsius, ProbeId, Reading};

/// The temperatures a fridge may have, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The lowest temperature that is in range; `None` for no lower limit.
    pub min: Option<Celsius>,
    /// The highest temperature that is in range; `None` for no upper limit.
    pub max: Option<Celsius>,
}

/// How what a probe shows is corrected, as a comparison with a better thermometer tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calibration {
    /// So many degrees are added.
    Offset(f64),
    /// A straight line through two points, each what the probe shows and what it is, in °C.
    TwoPoints([(f64, f64); 2]),
}

impl Calibration {
    /// The corrected temperature, to the nearest sixteenth.
    pub fn apply(self, raw: Celsius) -> Celsius {
        let shown = raw.degrees();
        let degrees = match self {
            Calibration::Offset(offset) => shown + offset,
            Calibration::TwoPoints([(shows, is), (other_shows, other_is)]) => {
                is + (shown - shows) * (other_is - is) / (other_shows - shows)
            }
        };
        Celsius::from_degrees(degrees.clamp(Celsius::MIN.degrees(), Celsius::MAX.degrees())).unwrap_or(raw)
    }
}

/// One fridge, as the configuration describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fridge {
    /// What people call it. Never empty, at most 200 characters.
    pub name: String,
    /// Which others it belongs with: a room, a floor.
    pub group: Option<String>,
    /// The probe that hangs in it.
    pub probe: ProbeId,
    /// The temperatures it may have.
    pub limits: Limits,
    /// How what its probe shows is corrected.
    pub calibration: Option<Calibration>,
    /// Defrosted, broken or empty: shown so, and never counted.
    pub out_of_service: bool,
}

/// How a fridge is, from the worst to the best. The order is the order in which answers list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Above its upper limit.
    Warm,
    /// Below its lower limit.
    Cold,
    /// There is no value, and a reason.
    NoAnswer,
    /// The newest value is too old to stand for the present.
    Stale,
    /// Nothing was measured yet since the start.
    Pending,
    /// A fresh value within the limits.
    InRange,
    /// Marked out of service.
    OutOfService,
}

impl Verdict {
    /// Whether a person should have a look.
    pub fn needs_a_look(self) -> bool {
        !matches!(self, Verdict::InRange | Verdict::OutOfService | Verdict::Pending)
    }
}

impl Fridge {
    /// How the fridge is, given what is known of its probe. Only a fresh value can be in range.
    pub fn judge(&self, reading: &Reading) -> Verdict {
        use crate::reading::Fault::Pending;
        if self.out_of_service {
            return Verdict::OutOfService;
        }
        match *reading {
            Reading::Fault { fault: Pending, .. } => Verdict::Pending,
            Reading::Fault { .. } => Verdict::NoAnswer,
            Reading::Stale { .. } => Verdict::Stale,
            Reading::Fresh { celsius, .. } if self.limits.max.is_some_and(|max| celsius > max) => {
                Verdict::Warm
            }
            Reading::Fresh { celsius, .. } if self.limits.min.is_some_and(|min| celsius < min) => {
                Verdict::Cold
            }
            Reading::Fresh { .. } => Verdict::InRange,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reading::Fault;

    fn judge(limits: Limits, reading: Reading) -> Verdict {
        let fridge = Fridge {
            name: String::from("Milk"),
            group: None,
            probe: ProbeId::new(0x28, 1),
            limits,
            calibration: None,
            out_of_service: false,
        };
        fridge.judge(&reading)
    }

    fn fresh(sixteenths: i16) -> Reading {
        Reading::Fresh { celsius: Celsius::from_sixteenths(sixteenths), age: Duration::ZERO }
    }

    #[test]
    fn both_limits_belong_to_the_range_and_the_next_sixteenth_does_not() {
        let limits = Limits { min: Celsius::from_degrees(0.0), max: Celsius::from_degrees(5.0) };
        assert_eq!(judge(limits, fresh(0)), Verdict::InRange);
        assert_eq!(judge(limits, fresh(5 * 16)), Verdict::InRange);
        assert_eq!(judge(limits, fresh(5 * 16 + 1)), Verdict::Warm);
        assert_eq!(judge(limits, fresh(-1)), Verdict::Cold);
        assert_eq!(judge(Limits::default(), fresh(125 * 16)), Verdict::InRange);
    }

    #[test]
    fn only_a_fresh_value_can_be_in_range() {
        let age = Duration::from_secs(60);
        let stale = Reading::Stale { celsius: Celsius::from_sixteenths(64), age };
        assert_eq!(judge(Limits::default(), stale), Verdict::Stale);
        for fault in Fault::ALL {
            let verdict = judge(Limits::default(), Reading::Fault { fault, lasts: age });
            assert!(matches!(verdict, Verdict::NoAnswer | Verdict::Pending), "{fault:?}");
            assert_eq!(verdict.needs_a_look(), fault != Fault::Pending);
        }
    }

    #[test]
    fn a_calibration_moves_what_the_probe_shows() {
        let apply = |calibration: Calibration, degrees| {
            calibration.apply(Celsius::from_degrees(degrees).unwrap()).degrees()
        };
        assert_eq!(apply(Calibration::Offset(-0.5), 4.0), 3.5);
        assert_eq!(apply(Calibration::Offset(-0.03), 4.0), 4.0, "less than half a sixteenth is nothing");
        let line = Calibration::TwoPoints([(0.5, 0.0), (50.5, 51.0)]);
        assert_eq!((apply(line, 0.5), apply(line, 50.5), apply(line, 25.5)), (0.0, 51.0, 25.5));
        assert_eq!(apply(Calibration::Offset(1.0), 125.0), 125.0, "stays within what a probe can say");
    }
}
