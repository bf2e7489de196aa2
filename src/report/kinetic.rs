//! The mean kinetic temperature: the steady temperature at which a product would have aged as much as it did at its
//! changing one. USP <1079.2> (2025-08-01): T = (ΔH/R) / −ln((Σ exp(−ΔH/(R·Tᵢ))) / n), in kelvin, with
//! ΔH = 83.144 kJ/mol and R = 8.3144 J/(mol·K).

use std::time::Duration;

use crate::fridge::Fridge;

/// ΔH/R in kelvin.
const ENERGY: f64 = 83_144.0 / 8.3144;
const ZERO_CELSIUS: f64 = 273.15;
const HOUR: u64 = 3_600;

/// A time for which the pharmacopoeia names a mean kinetic temperature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// 24 hours of a refrigerator of 2 to 8 °C.
    Day,
    /// 30 days of a controlled room temperature of 20 to 25 °C, with 15 to 30 °C allowed.
    Month,
}

/// Which one that is for a fridge with such limits and a time of that length; `None` where it names none. A day may have 23
/// or 25 hours, and a month 28 to 31 days.
pub fn window(fridge: &Fridge, length: Duration) -> Option<Window> {
    let degrees = |limit: Option<crate::reading::Celsius>| limit.map(|limit| limit.degrees());
    let (min, max) = (degrees(fridge.limits.min)?, degrees(fridge.limits.max)?);
    let hours = length.as_secs() / HOUR;
    match hours {
        23..=25 if min >= 2.0 && max <= 8.0 => Some(Window::Day),
        hours if (28 * 24 - 1..=31 * 24 + 1).contains(&hours) && min >= 15.0 && max <= 30.0 => {
            Some(Window::Month)
        }
        _ => None,
    }
}

/// The mean kinetic temperature of these temperatures of equal times, in °C; `None` of none.
pub fn mean_kinetic(celsius: &[f64]) -> Option<f64> {
    if celsius.is_empty() {
        return None;
    }
    // Exponents of about −36: no sum of them is lost.
    let sum: f64 = celsius.iter().map(|celsius| libm::exp(-ENERGY / (celsius + ZERO_CELSIUS))).sum();
    Some(ENERGY / -libm::log(sum / celsius.len() as f64) - ZERO_CELSIUS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fridge::Limits;
    use crate::reading::{Celsius, ProbeId};

    #[test]
    fn a_steady_temperature_is_its_own_and_warmth_counts_for_more_than_its_time() {
        let near = |celsius: &[f64], expected: f64| {
            let is = mean_kinetic(celsius).unwrap();
            assert!((is - expected).abs() < 0.005, "{is} instead of {expected}");
        };
        near(&[5.0], 5.0);
        near(&[5.0; 288], 5.0);
        // The formula above, computed with Python's math module.
        near(&[5.0, 25.0], 19.698);
        assert_eq!(mean_kinetic(&[]), None);
    }

    #[test]
    fn it_is_given_only_where_the_pharmacopoeia_names_it() {
        let fridge = |min, max| {
            let limits = Limits { min: Celsius::from_degrees(min), max: Celsius::from_degrees(max) };
            Fridge::new("Insulin", ProbeId::new(0x28, 1), limits)
        };
        let hours = |hours: u64| Duration::from_secs(hours * HOUR);
        assert_eq!(window(&fridge(2.0, 8.0), hours(24)), Some(Window::Day));
        assert_eq!(window(&fridge(2.0, 8.0), hours(23)), Some(Window::Day));
        assert_eq!(window(&fridge(2.0, 8.0), hours(30 * 24)), None);
        assert_eq!(window(&fridge(0.0, 5.0), hours(24)), None);
        assert_eq!(window(&fridge(15.0, 25.0), hours(30 * 24)), Some(Window::Month));
        assert_eq!(window(&fridge(15.0, 25.0), hours(24)), None);
    }
}
