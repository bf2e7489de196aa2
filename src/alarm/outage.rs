//! A time in which nothing was measured, because the gateway was off: how warm each fridge became, by an estimate from
//! the last reading before and the first one after.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Rules, Side, UsedBudget};
use crate::reading::Celsius;

/// A room's temperature in °C: towards it a fridge without power warms up. What warms up towards more passes its limit
/// sooner, and what comes out is then too short by minutes.
const ROOM: f64 = 25.0;

/// The gateway was off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// For how many seconds, at most: signs of life are kept an hour apart.
    pub off_s: u64,
    /// Whether it was ended by somebody, and not cut off.
    pub was_ended: bool,
    /// The fridges, the one with the longest time outside first.
    pub fridges: Vec<Estimate>,
}

/// What became of one fridge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Its name.
    pub name: String,
    /// The last reading before, in °C.
    pub before: Option<f64>,
    /// A reading after, in °C.
    pub after: Option<f64>,
    /// The limit that counts, in °C: of its time outside, or of its first rule.
    pub limit: Option<f64>,
    /// For how many seconds it was above that, by the estimate.
    pub outside_s: u64,
    /// With that, how much of its budget is used.
    pub exposure: Option<UsedBudget>,
}

impl Outage {
    /// Whether no fridge passed its limit, as far as is known.
    pub fn is_harmless(&self) -> bool {
        self.fridges.iter().all(|fridge| fridge.outside_s == 0 && fridge.after.is_some())
    }
}

impl Estimate {
    /// What becomes of a fridge with those rules that was off for so long, between two readings.
    pub fn new(
        name: &str,
        rules: &Rules,
        off: Duration,
        before: Option<Celsius>,
        after: Option<Celsius>,
    ) -> Estimate {
        let budget = rules.exposure.and_then(|exposure| exposure.max);
        let limit = budget.or_else(|| rules.limit(Side::Above)).map(Celsius::degrees);
        let (before, after) = (before.map(Celsius::degrees), after.map(Celsius::degrees));
        let outside = match (before, after, limit) {
            (Some(before), Some(after), Some(limit)) => off.mul_f64(share_above(limit, before, after)),
            _ => Duration::ZERO,
        };
        Estimate { name: name.to_owned(), before, after, limit, outside_s: outside.as_secs(), exposure: None }
    }

    /// How warm it became at most, in °C: power comes back to the fridge and to the gateway at once.
    pub fn peak(&self) -> Option<f64> {
        Some(self.after?.max(self.before?))
    }
}

/// The part of the time in which a body is above the limit that goes from one temperature to another: upwards along the
/// curve of warming towards the room, downwards evenly.
fn share_above(limit: f64, before: f64, after: f64) -> f64 {
    match (before > limit, after > limit) {
        (false, false) => 0.0,
        (true, true) => 1.0,
        (true, false) => (before - limit) / (before - after),
        (false, true) => {
            let room = ROOM.max(after + 1.0);
            let elapsed = |degrees: f64| libm::log((room - before) / (room - degrees));
            1.0 - elapsed(limit) / elapsed(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Preset;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn estimate(before: f64, after: f64) -> Estimate {
        let celsius = Celsius::from_degrees;
        Estimate::new("Milk", &Preset::Fridge.rules(), HOUR * 4, celsius(before), celsius(after))
    }

    #[test]
    fn the_time_outside_follows_the_curve_of_warming() {
        assert_eq!((estimate(4.0, 6.0).outside_s, estimate(4.0, 6.0).peak()), (0, Some(6.0)));
        assert_eq!(estimate(9.0, 10.0).outside_s, 4 * 3_600);
        // 25 − 21 e^(−t/τ): at 14 °C after 4 h, at 8 °C after 4 h × ln(21/17) / ln(21/11).
        let above = 4.0 * (1.0 - libm::log(21.0 / 17.0) / libm::log(21.0 / 11.0));
        let estimated = estimate(4.0, 14.0).outside_s as f64 / 3_600.0;
        assert!((estimated - above).abs() < 0.001, "{estimated} {above}");
        assert!(estimate(4.0, 40.0).outside_s > estimate(4.0, 14.0).outside_s);
        assert_eq!(estimate(10.0, 6.0).outside_s, 2 * 3_600);
    }

    #[test]
    fn what_was_not_read_has_no_estimate() {
        let unread = Estimate::new("Milk", &Preset::Fridge.rules(), HOUR, None, Celsius::from_degrees(4.0));
        assert_eq!((unread.peak(), unread.outside_s), (None, 0));
    }
}
