//! The units: a temperature becomes a decimal number where a person reads it, in °C or °F, and nowhere
//! before.

use std::fmt::{self, Display, Formatter};

use crate::reading::Celsius;

/// The unit in which temperatures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Units {
    /// Degrees Celsius.
    #[default]
    Celsius,
    /// Degrees Fahrenheit.
    Fahrenheit,
}

impl Units {
    /// The unit of a word: "F", "°c", "fahrenheit".
    pub fn of(word: &str) -> Option<Units> {
        match word.trim_start_matches('°').to_ascii_lowercase().as_str() {
            "c" | "celsius" => Some(Units::Celsius),
            "f" | "fahrenheit" => Some(Units::Fahrenheit),
            _ => None,
        }
    }

    /// Its sign, behind a number.
    pub fn sign(self) -> &'static str {
        match self {
            Units::Celsius => "°C",
            Units::Fahrenheit => "°F",
        }
    }

    /// A temperature in °C in this unit.
    pub fn degrees(self, celsius: f64) -> f64 {
        match self {
            Units::Celsius => celsius,
            Units::Fahrenheit => celsius * 1.8 + 32.0,
        }
    }

    /// Tenths of a degree, rounded half away from zero. A sixteenth of a °C is more than half of a
    /// tenth in either unit, so a value beyond a limit of whole or half degrees reads differently from it.
    pub fn tenths(self, celsius: Celsius) -> i32 {
        let sixteenths = i32::from(celsius.sixteenths());
        // In 160ths of a °C or °F, whichever: 1 °C = 1.8 °F.
        let (numerator, offset) = match self {
            Units::Celsius => (sixteenths * 10, 0),
            Units::Fahrenheit => (sixteenths * 18, 320 * 16),
        };
        let sum = numerator + offset;
        (sum.abs() * 2 + 16) / 32 * sum.signum()
    }
}

/// Tenths as a number with the true minus sign (U+2212): `{}` with one decimal, `{:#}` without one that says
/// nothing.
pub struct Decimal(pub i32);

impl Display for Decimal {
    fn fmt(&self, text: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "\u{2212}" } else { "" };
        let (whole, tenth) = (self.0.abs() / 10, self.0.abs() % 10);
        if text.alternate() && tenth == 0 {
            write!(text, "{sign}{whole}")
        } else {
            write!(text, "{sign}{whole}.{tenth}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_round_half_away_from_zero_and_never_to_minus_zero() {
        for (sixteenths, celsius, fahrenheit) in [
            (0, "0.0", "32.0"),
            (1, "0.1", "32.1"),
            (-1, "\u{2212}0.1", "31.9"),
            (4, "0.3", "32.5"),
            (-4, "\u{2212}0.3", "31.6"),
            (-162, "\u{2212}10.1", "13.8"),
            (-880, "\u{2212}55.0", "\u{2212}67.0"),
            (2000, "125.0", "257.0"),
        ] {
            let value = Celsius::from_sixteenths(sixteenths);
            assert_eq!(Decimal(Units::Celsius.tenths(value)).to_string(), celsius, "{sixteenths}");
            assert_eq!(Decimal(Units::Fahrenheit.tenths(value)).to_string(), fahrenheit, "{sixteenths}");
        }
    }

    #[test]
    fn a_value_just_beyond_a_limit_of_whole_or_half_degrees_reads_differently_from_it() {
        for sixteenths in (-880..2_000).step_by(8) {
            let (limit, beyond) =
                (Celsius::from_sixteenths(sixteenths), Celsius::from_sixteenths(sixteenths + 1));
            for units in [Units::Celsius, Units::Fahrenheit] {
                assert!(units.tenths(limit) < units.tenths(beyond), "{sixteenths} {units:?}");
            }
        }
    }
}
