//! Alarm rules, pure: readings and their times go in, alarms that are raised, escalated and cleared come out. The
//! same code judges live readings and a replayed log.
//!
//! A rule looks at one side of the range and knows its reading only as an [excess](Side::excess), the degrees beyond
//! its limit, so that the low side is the high side mirrored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::reading::Celsius;

mod active_alarms;
mod defrost;
mod delay;
mod drill;
mod event;
mod exposure;
mod interval;
mod memory;
mod message;
mod monitor;
mod outage;
mod preset;
mod preset_rules;
mod product_lag;
mod record;
mod replay;
mod rules;
mod side;
mod silent;
mod stuck;
mod timer;

pub use active_alarms::{ActiveAlarms, Quiet};
pub use defrost::Defrost;
pub use drill::drill;
pub use event::Event;
pub use exposure::{Exposure, TimeOutside};
pub use memory::{ExcursionMemory, Memory, RuleMemory, StateMemory};
pub use message::{GatewayNotice, Message, Topic};
pub use monitor::{Monitor, Observation};
pub use outage::{Estimate, Outage};
pub use preset::Preset;
pub use record::{Acknowledgement, Alarm, Clearance, UsedBudget};
pub use replay::{Outcome, Replayed, furthest_lag, replay};
pub use rules::{Condition, Rule, Rules};

/// Which end of the range a rule watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Above an upper limit.
    Above,
    /// Below a lower limit.
    Below,
}

impl Side {
    /// How far a temperature in °C is beyond the limit; negative within it.
    pub fn excess(self, degrees: f64, limit: Celsius) -> f64 {
        match self {
            Side::Above => degrees - limit.degrees(),
            Side::Below => limit.degrees() - degrees,
        }
    }

    /// The temperature in °C that is so many degrees beyond the limit.
    pub fn degrees(self, excess: f64, limit: Celsius) -> f64 {
        match self {
            Side::Above => limit.degrees() + excess,
            Side::Below => limit.degrees() - excess,
        }
    }

    /// Whether the first temperature is further out than the second.
    fn is_further(self, one: Celsius, other: Celsius) -> bool {
        match self {
            Side::Above => one > other,
            Side::Below => one < other,
        }
    }
}

/// What an alarm is about. A fridge has at most one open alarm of each kind.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It has been above its upper limit for too long.
    TooWarm,
    /// It has been below its lower limit for too long.
    TooCold,
    /// There has been no reading for too long.
    ProbeSilent,
    /// The reading has not changed by a single bit for too long.
    ProbeStuck,
}

/// How soon a person should act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Within the hour.
    Warning,
    /// Now.
    Urgent,
}

/// Which rule raised an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RuleName {
    /// The product's estimated temperature is beyond the limit.
    ProductLag,
    /// Every reading was beyond a limit for some time.
    Delay,
    /// Every reading was beyond a second limit, further out.
    Escalation,
    /// Every reading was so far out that the probe is outside or the door wide open.
    Gross,
    /// No reading for some time.
    Silent,
    /// The same reading for hours.
    Stuck,
}

/// How far back a gap is made up for: longer ones say nothing of the product. (Measured: ten minutes lose nothing
/// and raise nothing, sixty raise false alarms.)
const CATCH_UP: Duration = Duration::from_secs(10 * 60);
