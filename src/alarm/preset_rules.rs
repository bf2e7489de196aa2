//! The numbers of the presets. They were chosen on simulated cabinets; docs/alarms.md says how, and what they cannot
//! promise.

use std::time::Duration;

use super::{Exposure, Preset, Rule, RuleName, Rules, Side, Urgency};
use crate::reading::Celsius;

/// A temperature and a time in minutes.
type Point = (f64, u64);

/// The numbers of a preset, in °C and minutes.
struct Numbers {
    /// The product's lag and its upper limit.
    warm: Point,
    escalation: Point,
    gross: Point,
    /// The product's lag and its lower limit.
    cold: Option<Point>,
    low: Option<Point>,
    low_escalation: Option<Point>,
    /// The limits, budget and window of the time outside.
    exposure: Option<(Option<f64>, f64, u64, u64)>,
}

const NO_LOW_SIDE: Numbers = Numbers {
    warm: (0.0, 0),
    escalation: (0.0, 0),
    gross: (0.0, 0),
    cold: None,
    low: None,
    low_escalation: None,
    exposure: None,
};

impl Preset {
    /// Its rules.
    pub fn rules(self) -> Rules {
        let hours = |hours: u64| hours * 60;
        let numbers = match self {
            Preset::Fridge => Numbers {
                warm: (7.0, 60),
                escalation: (10.0, 30),
                gross: (15.0, 10),
                cold: Some((0.0, 60)),
                exposure: Some((None, 8.0, hours(4), hours(24))),
                ..NO_LOW_SIDE
            },
            Preset::Vaccine => Numbers {
                warm: (7.0, 45),
                escalation: (8.0, 30),
                gross: (15.0, 10),
                low: Some((2.0, 20)),
                low_escalation: Some((0.5, 5)),
                exposure: Some((Some(2.0), 8.0, 60, hours(72))),
                ..NO_LOW_SIDE
            },
            Preset::ColdRoom => Numbers {
                warm: (6.5, 120),
                escalation: (9.0, 60),
                gross: (15.0, 10),
                cold: Some((-1.0, 60)),
                exposure: Some((None, 8.0, hours(4), hours(24))),
                ..NO_LOW_SIDE
            },
            Preset::Freezer => Numbers {
                warm: (-14.0, 120),
                escalation: (-8.0, 75),
                gross: (10.0, 15),
                exposure: Some((None, 4.4375, hours(2), hours(24))),
                ..NO_LOW_SIDE
            },
            Preset::ChestFreezer => Numbers {
                warm: (-15.0, 45),
                escalation: (-10.0, 30),
                gross: (5.0, 15),
                exposure: Some((None, 4.4375, hours(2), hours(24))),
                ..NO_LOW_SIDE
            },
            Preset::FoodUs => Numbers {
                warm: (5.0, 60),
                escalation: (10.0, 30),
                gross: (15.0, 10),
                cold: Some((0.0, 60)),
                exposure: Some((None, 5.0, hours(4), hours(24))),
                ..NO_LOW_SIDE
            },
            Preset::FoodUk => Numbers {
                warm: (8.0, 60),
                escalation: (10.0, 30),
                gross: (15.0, 10),
                cold: Some((0.0, 60)),
                exposure: Some((None, 8.0, hours(4), hours(24))),
                ..NO_LOW_SIDE
            },
        };
        numbers.rules(self)
    }
}

impl Numbers {
    fn rules(&self, preset: Preset) -> Rules {
        let lag = |side, (limit, lag): Point| Rule::product_lag(side, celsius(limit), minutes(lag));
        let delay = |name, urgency, side, (limit, after): Point| {
            Rule::delay(name, urgency, side, celsius(limit), minutes(after))
        };
        let below = [
            self.cold.map(|point| lag(Side::Below, point)),
            self.low.map(|point| delay(RuleName::Delay, Urgency::Warning, Side::Below, point)),
            self.low_escalation.map(|point| delay(RuleName::Escalation, Urgency::Urgent, Side::Below, point)),
        ];
        let mut temperature = vec![
            lag(Side::Above, self.warm),
            delay(RuleName::Escalation, Urgency::Urgent, Side::Above, self.escalation),
            delay(RuleName::Gross, Urgency::Urgent, Side::Above, self.gross),
        ];
        temperature.extend(below.into_iter().flatten());
        let exposure = self.exposure.map(|(min, max, budget, window)| Exposure {
            min: min.map(celsius),
            max: Some(celsius(max)),
            budget: minutes(budget),
            window: minutes(window),
        });
        Rules { preset: Some(preset), temperature, exposure, ..Rules::default() }
    }
}

/// The presets' limits are whole sixteenths.
fn celsius(degrees: f64) -> Celsius {
    Celsius::from_sixteenths((degrees * 16.0) as i16)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_presets_rules_lie_one_beyond_the_other() {
        for preset in <Preset as VariantArray>::VARIANTS {
            let rules = preset.rules();
            assert!(rules.temperature.len() >= 3, "{preset}");
            assert!(rules.are_in_order(), "{preset}: {rules:?}");
            assert_eq!(preset.to_string().parse(), Ok(*preset));
        }
        assert_eq!("cold-room".parse(), Ok(Preset::ColdRoom));
    }
}
