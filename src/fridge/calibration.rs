//! The correction of what a probe shows, measured by comparing it with a better thermometer, or with melting ice.

use jiff::civil::Date;

use crate::reading::Celsius;

/// How a probe is corrected, and what is known of the measurement behind that.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The correction.
    pub correction: Correction,
    /// The day on which it was measured.
    pub date: Option<Date>,
    /// Who measured it.
    pub by: Option<String>,
}

impl Calibration {
    /// A correction of which nobody wrote down when it was measured.
    pub fn undated(correction: Correction) -> Calibration {
        Calibration { correction, date: None, by: None }
    }

    /// The day from which on it is a year old.
    pub fn due(&self) -> Option<Date> {
        self.date?.checked_add(jiff::Span::new().years(1)).ok()
    }
}

/// The correction of one probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Correction {
    /// So many degrees are added.
    Offset(f64),
    /// A straight line through two points, each what the probe shows and what it is, in °C.
    TwoPoints([(f64, f64); 2]),
}

impl Correction {
    /// The corrected temperature, to the nearest sixteenth.
    pub fn apply(self, raw: Celsius) -> Celsius {
        let shown = raw.degrees();
        let degrees = match self {
            Correction::Offset(offset) => shown + offset,
            Correction::TwoPoints([(shows, is), (other_shows, other_is)]) => {
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
    fn a_correction_moves_what_the_probe_shows() {
        let apply = |correction: Correction, degrees| {
            correction.apply(Celsius::from_degrees(degrees).unwrap()).degrees()
        };
        assert_eq!(apply(Correction::Offset(-0.5), 4.0), 3.5);
        assert_eq!(apply(Correction::Offset(-0.03), 4.0), 4.0, "less than half a sixteenth is nothing");
        let line = Correction::TwoPoints([(0.5, 0.0), (50.5, 51.0)]);
        assert_eq!((apply(line, 0.5), apply(line, 50.5), apply(line, 25.5)), (0.0, 51.0, 25.5));
        assert_eq!(apply(Correction::Offset(1.0), 125.0), 125.0, "stays within what a probe can say");
    }

    #[test]
    fn a_calibration_is_due_a_year_later_also_after_a_leap_day() {
        let due = |year, month, day| {
            let date = Some(jiff::civil::date(year, month, day));
            Calibration { date, ..Calibration::undated(Correction::Offset(0.0)) }.due().unwrap().to_string()
        };
        assert_eq!((due(2026, 3, 14), due(2028, 2, 29)), ("2027-03-14".into(), "2029-02-28".into()));
        assert_eq!(Calibration::undated(Correction::Offset(0.0)).due(), None);
    }
}
