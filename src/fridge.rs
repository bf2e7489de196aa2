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

/// One fridge, as the configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fridge {
    /// What people call it. Never empty, at most 200 characters.
    pub name: String,
    /// Which others it belongs with: a room, a floor.
    pub group: Option<String>,
    /// The probe that hangs in it.
    pub probe: ProbeId,
    /// The temperatures it may have.
    pub limits: Limits,
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
            Reading::Fresh { celsius, .. } if self.limits.max.is_some_and(|max| celsius > max) => Verdict::Warm,
            Reading::Fresh { celsius, .. } if self.limits.min.is_some_and(|min| celsius < min) => Verdict::Cold,
            Reading::Fresh { .. } => Verdict::InRange,
        }
    }
}
