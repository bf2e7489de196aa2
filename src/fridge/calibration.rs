//! The correction of what a probe shows, measured by comparing it with a better thermometer.

use crate::reading::Celsius;

/// The correction of one probe.
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

#[cfg(test)]
mod tests {
    use super::*;

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
