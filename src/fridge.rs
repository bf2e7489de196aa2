//! The fridge: what a person named, the probe in it, and its limits. Freezers and cold
//! rooms are fridges too. Given a [`Reading`], it says how the fridge is.

use std::sync::Arc;

use serde::Serialize;
use strum::VariantArray;
use utoipa::ToSchema;

use crate::alarm::{Rules, Side};
use crate::reading::{Celsius, ProbeId, Reading};

mod calibration;
mod excursion;
pub mod ice_point;
pub mod names;

pub use calibration::{Calibration, Correction};
pub use excursion::Excursion;
pub use ice_point::IcePoint;

/// The temperatures a fridge may have, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Limits {
    /// The lowest temperature that is in range; `None` for no lower limit.
    pub min: Option<Celsius>,
    /// The highest temperature that is in range; `None` for no upper limit.
    pub max: Option<Celsius>,
}

impl Limits {
    /// On which side a temperature is beyond them.
    pub fn beyond(&self, celsius: Celsius) -> Option<Side> {
        if self.max.is_some_and(|max| celsius > max) {
            Some(Side::Above)
        } else if self.min.is_some_and(|min| celsius < min) {
            Some(Side::Below)
        } else {
            None
        }
    }
}

/// One fridge, as the configuration describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fridge {
    /// What it is known by in records: it stays when the name changes.
    pub id: String,
    /// What people call it. Never empty, at most 200 characters.
    pub name: String,
    /// Which others it belongs with: a room, a floor.
    pub group: Option<String>,
    /// The probe in it.
    pub probe: ProbeId,
    /// The temperatures it may have.
    pub limits: Limits,
    /// When it raises an alarm.
    pub rules: Rules,
    /// How what its probe shows is corrected.
    pub calibration: Option<Calibration>,
    /// Defrosted, broken or empty: shown so, and never counted.
    pub out_of_service: bool,
    /// The other gateway that measures and watches it; `None` where this one does.
    pub site: Option<Arc<str>>,
}

/// How a fridge is, from the worst to the best. The order is the order in which answers list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, VariantArray, ToSchema)]
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
    /// A fresh value, and no limit to hold it against.
    NoLimits,
    /// A fresh value within the limits.
    InRange,
    /// Marked out of service.
    OutOfService,
}

impl Verdict {
    /// Whether a person should have a look.
    pub fn needs_a_look(self) -> bool {
        matches!(self, Verdict::Warm | Verdict::Cold | Verdict::NoAnswer | Verdict::Stale)
    }
}

impl Fridge {
    /// A fridge with these limits and the rules that follow from them.
    pub fn new(name: impl Into<String>, probe: ProbeId, limits: Limits) -> Fridge {
        let name = name.into();
        Fridge {
            id: Fridge::id_of(&name),
            name,
            group: None,
            probe,
            limits,
            rules: Rules::of_limits(limits.min, limits.max),
            calibration: None,
            out_of_service: false,
            site: None,
        }
    }

    /// The id of a fridge that has none of its own: its name without case, accents and blanks.
    pub fn id_of(name: &str) -> String {
        names::fold(name).replace(' ', "-")
    }

    /// What it is known by on the gateway that watches it.
    pub fn id_there(&self) -> &str {
        let there = self.site.as_deref().and_then(|site| self.id.strip_prefix(site)?.strip_prefix('.'));
        there.unwrap_or(&self.id)
    }

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
            Reading::Fresh { celsius, .. } => match self.limits.beyond(celsius) {
                Some(Side::Above) => Verdict::Warm,
                Some(Side::Below) => Verdict::Cold,
                None if self.limits == Limits::default() => Verdict::NoLimits,
                None => Verdict::InRange,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reading::Fault;

    fn judge(limits: Limits, reading: Reading) -> Verdict {
        let fridge = Fridge::new("Milk", ProbeId::new(0x28, 1), limits);
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
        assert_eq!(judge(Limits::default(), fresh(4 * 16)), Verdict::NoLimits);
    }

    #[test]
    fn only_a_fresh_value_can_be_in_range() {
        let age = Duration::from_secs(60);
        let stale = Reading::Stale { celsius: Celsius::from_sixteenths(64), age };
        assert_eq!(judge(Limits::default(), stale), Verdict::Stale);
        for &fault in Fault::VARIANTS {
            let verdict = judge(Limits::default(), Reading::Fault { fault, lasts: age });
            assert!(matches!(verdict, Verdict::NoAnswer | Verdict::Pending), "{fault:?}");
            assert_eq!(verdict.needs_a_look(), fault != Fault::Pending);
        }
    }
}
