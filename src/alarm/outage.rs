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
    /// The fridges, the one with the longest time beyond a limit first.
    pub fridges: Vec<Estimate>,
}

/// What became of one fridge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Its name.
    pub name: String,
    /// The last reading before, in °C.
    pub before: Option<f64>,
    /// The first reading after, in °C.
    pub after: Option<f64>,
    /// The limit that it passed, in °C; or the upper one of its rules, or the lower one, where it passed none.
    pub limit: Option<f64>,
    /// Which end of the range that limit is.
    pub side: Side,
    /// For how many seconds it was beyond that, by the estimate.
    pub outside_s: u64,
    /// For how many of them that counts for its budget of time outside, which has limits of its own.
    pub counted_s: u64,
    /// With that, how much of its budget is used.
    pub exposure: Option<UsedBudget>,
}

impl Outage {
    /// Whether it is known of every fridge that it passed no limit.
    pub fn is_harmless(&self) -> bool {
        self.fridges.iter().all(|fridge| fridge.outside_s == 0 && fridge.is_known())
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
        let beyond = |side, limit: Option<Celsius>| match (before, after, limit) {
            (Some(before), Some(after), Some(limit)) => off.mul_f64(share_beyond(side, limit, before, after)),
            _ => Duration::ZERO,
        };
        let sides = [Side::Above, Side::Below].map(|side| (side, rules.limit(side)));
        let passed = sides.map(|(side, limit)| (beyond(side, limit), limit, side));
        let [above, below] = passed;
        let is_below = below.0 > above.0 || above.1.is_none();
        let (outside, limit, side) = if is_below { below } else { above };
        let budget = rules.exposure.map_or(Duration::ZERO, |exposure| {
            beyond(Side::Above, exposure.max) + beyond(Side::Below, exposure.min)
        });
        Estimate {
            name: name.to_owned(),
            before: before.map(Celsius::degrees),
            after: after.map(Celsius::degrees),
            limit: limit.map(Celsius::degrees),
            side,
            outside_s: outside.as_secs(),
            counted_s: budget.min(off).as_secs(),
            exposure: None,
        }
    }

    /// Whether it was read before and after.
    pub fn is_known(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }

    /// How far it went at most, in °C: power comes back to the fridge and to the gateway at once.
    pub fn peak(&self) -> Option<f64> {
        let (before, after) = (self.before?, self.after?);
        Some(if self.side == Side::Above { after.max(before) } else { after.min(before) })
    }
}

/// The part of the time in which a body is beyond the limit that goes from one temperature to another: upwards along the
/// curve of warming towards the room, downwards evenly.
fn share_beyond(side: Side, limit: Celsius, before: Celsius, after: Celsius) -> f64 {
    let is_out = |celsius: Celsius| side.excess(celsius.degrees(), limit) > 0.0;
    let (limit, from, to) = (limit.degrees(), before.degrees(), after.degrees());
    // The part of the way at which it passes the limit.
    let passes = || {
        if to > from {
            let room = ROOM.max(to + 1.0);
            let elapsed = |degrees: f64| libm::log((room - from) / (room - degrees));
            elapsed(limit) / elapsed(to)
        } else {
            (from - limit) / (from - to)
        }
    };
    match (is_out(before), is_out(after)) {
        (false, false) => 0.0,
        (true, true) => 1.0,
        (true, false) => passes(),
        (false, true) => 1.0 - passes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Preset;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn of(preset: Preset, before: f64, after: f64) -> Estimate {
        let celsius = Celsius::from_degrees;
        Estimate::new("Milk", &preset.rules(), HOUR * 4, celsius(before), celsius(after))
    }

    #[test]
    fn the_time_outside_follows_the_curve_of_warming() {
        let cold = of(Preset::Fridge, 4.0, 6.0);
        assert_eq!((cold.outside_s, cold.counted_s, cold.peak()), (0, 0, Some(6.0)));
        let warm = of(Preset::Fridge, 9.0, 10.0);
        assert_eq!((warm.outside_s, warm.counted_s), (4 * 3_600, 4 * 3_600));
        // 25 − 21 e^(−t/τ): at 14 °C after 4 h, at 7 °C after 4 h × ln(21/18) / ln(21/11), at 8 °C with 17 for 18.
        let above = |room: f64| 4.0 * (1.0 - libm::log(21.0 / room) / libm::log(21.0 / 11.0));
        let estimated = of(Preset::Fridge, 4.0, 14.0);
        assert!((estimated.outside_s as f64 / 3_600.0 - above(18.0)).abs() < 0.001, "{estimated:?}");
        assert!((estimated.counted_s as f64 / 3_600.0 - above(17.0)).abs() < 0.001, "{estimated:?}");
        assert!(of(Preset::Fridge, 4.0, 40.0).outside_s > estimated.outside_s);
        assert_eq!(of(Preset::Fridge, 9.0, 5.0).outside_s, 2 * 3_600);
    }

    #[test]
    fn a_freezer_that_thawed_and_a_vaccine_that_froze_passed_their_limits() {
        let thawed = of(Preset::Freezer, -20.0, 3.0);
        assert!(thawed.outside_s > 3_600 && thawed.limit == Some(-14.0), "{thawed:?}");
        assert_eq!(thawed.counted_s, 0, "it did not pass the budget's limit");
        let frozen = of(Preset::Vaccine, 4.0, 0.0);
        assert_eq!((frozen.side, frozen.limit, frozen.peak()), (Side::Below, Some(2.0), Some(0.0)));
        assert_eq!((frozen.outside_s, frozen.counted_s), (2 * 3_600, 2 * 3_600));
    }

    #[test]
    fn what_was_not_read_has_no_estimate_and_is_not_harmless() {
        let unread = Estimate::new("Milk", &Preset::Fridge.rules(), HOUR, None, Celsius::from_degrees(15.0));
        assert_eq!((unread.peak(), unread.outside_s), (None, 0));
        assert!(!Outage { off_s: 3_600, was_ended: false, fridges: vec![unread] }.is_harmless());
    }
}
