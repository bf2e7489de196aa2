//! The data behind an answer, under names that programs rely on: docs/json.md lists them. Temperatures are always
//! in °C, ages and durations in whole seconds.

use std::collections::BTreeMap;

use serde::Serialize;

use jiff::Timestamp;
use jiff::civil::Time;

use crate::alarm::{Defrost, Kind, RuleName, Urgency};
use crate::history::Beyond;
use crate::reading::{Celsius, Counts, Fault, Notice, ProbeId};
use crate::report::Report;

mod alarm;
mod calibration;
mod fridge;

pub use alarm::AlarmRow;
pub use calibration::{CalibrationRow, IcePointRow, IcePointState};
pub use fridge::{FridgeRow, FridgeRows, OutsideRow};

/// The data behind an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// How fridges are, the worst first.
    Fridges(FridgeRows),
    /// How fast they change, the fastest first.
    Trends(Vec<TrendRow>),
    /// Their lowest and highest values.
    Extremes(Vec<ExtremesRow>),
    /// Their last 24 hours.
    Histories(Vec<HistoryRow>),
    /// A time in the past, in equal steps.
    Series(Vec<SeriesRow>),
    /// Since when they have been outside their limits.
    Since(Vec<SinceRow>),
    /// What an inspector asks for.
    Reports(Vec<Report>),
    /// Alarms.
    Alarms(Vec<AlarmRow>),
    /// The ids of the fridges about which nothing is told for a while.
    Quiet(Vec<String>),
    /// What raises an alarm.
    Rules(Vec<RulesRow>),
    /// How probes are corrected.
    Calibrations(Vec<CalibrationRow>),
    /// The gateway itself.
    About(About),
    /// The words that can be asked.
    Words(Vec<&'static str>),
    /// The question was not understood, or means several fridges.
    Unknown {
        /// What the asker may have meant.
        nearest: Vec<String>,
    },
    /// What was asked for was not done, and why.
    Error(String),
    /// What is on the buses; its two lists stand beside the text.
    #[serde(untagged)]
    Inventory(Inventory),
}

/// How fast one fridge changes.
#[derive(Clone, Debug, Serialize)]
pub struct TrendRow {
    /// What people call it.
    pub name: String,
    /// Degrees Celsius per hour; `None` where there are too few values.
    pub celsius_per_hour: Option<f64>,
    /// Over how many minutes.
    pub minutes: usize,
}

/// The lowest and highest values of one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct ExtremesRow {
    /// What people call it.
    pub name: String,
    /// The lowest value in °C; `None` where there is none in that time.
    pub min: Option<Celsius>,
    /// The highest value in °C.
    pub max: Option<Celsius>,
    /// Since when they count: the begin of the period, or the start of the gateway where that is later.
    pub since: Timestamp,
    /// Until when; `None` for now.
    pub until: Option<Timestamp>,
}

/// A time in the past of one fridge, in equal steps.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesRow {
    /// What people call it.
    pub name: String,
    /// The begin of the time.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// The length of a step in seconds.
    pub step_s: u64,
    /// The mean of each step in °C, the oldest first; `None` where there was no reading.
    pub means: Vec<Option<f64>>,
    /// The lowest value in °C.
    pub min: Option<Celsius>,
    /// The highest value in °C.
    pub max: Option<Celsius>,
    /// The mean in °C.
    pub mean: Option<f64>,
}

/// Since when one fridge has been outside its limits.
#[derive(Clone, Debug, Serialize)]
pub struct SinceRow {
    /// What people call it.
    pub name: String,
    /// Since when, and how far; `None` where it is not.
    pub beyond: Option<Beyond>,
}

/// The last 24 hours of one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryRow {
    /// What people call it.
    pub name: String,
    /// The middle of each half hour in °C, the oldest first; `None` where there was no reading.
    pub half_hours: Vec<Option<f64>>,
    /// The lowest value in °C.
    pub min: Option<Celsius>,
    /// The highest value in °C.
    pub max: Option<Celsius>,
}

/// What raises an alarm in one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct RulesRow {
    /// What it is known by in records.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where its rules come from.
    pub preset: Option<String>,
    /// Those about its temperature.
    pub rules: Vec<RuleRow>,
    /// No reading for so many seconds is an alarm.
    pub silent_after_s: u64,
    /// The same reading for so many seconds is an alarm.
    pub stuck_after_s: u64,
    /// Nobody has acknowledged an alarm for so many seconds: others are called.
    pub unanswered_after_s: u64,
    /// How long it may be outside which limits.
    pub exposure: Option<ExposureRow>,
    /// When warmth is expected each day.
    pub defrosts: Vec<DefrostRow>,
}

/// A defrost by the clock.
#[derive(Clone, Debug, Serialize)]
pub struct DefrostRow {
    /// When it begins, by the clock of the place.
    pub at: Time,
    /// For how many seconds warmth is expected.
    pub length_s: u64,
}

impl From<&Defrost> for DefrostRow {
    fn from(defrost: &Defrost) -> DefrostRow {
        DefrostRow { at: defrost.at, length_s: defrost.length.as_secs() }
    }
}

/// One rule about the temperature.
#[derive(Clone, Debug, Serialize)]
pub struct RuleRow {
    /// Which.
    pub rule: RuleName,
    /// What it raises.
    pub kind: Kind,
    /// How soon a person should act.
    pub urgency: Urgency,
    /// The limit in °C.
    pub limit: Celsius,
    /// The time constant of the product's estimate in seconds; `None` of a delay.
    pub lag_s: Option<u64>,
    /// For how many seconds every reading is beyond the limit; `None` of an estimate.
    pub after_s: Option<u64>,
}

/// A budget of time outside.
#[derive(Clone, Debug, Serialize)]
pub struct ExposureRow {
    /// Colder than this is outside, in °C.
    pub min: Option<Celsius>,
    /// Warmer than this is outside, in °C.
    pub max: Option<Celsius>,
    /// How many seconds it may be outside …
    pub budget_s: u64,
    /// … within so many.
    pub window_s: u64,
}

/// The gateway itself.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The version that runs.
    pub version: &'static str,
    /// Seconds since its start.
    pub up_s: u64,
    /// How many questions it has answered; `None` where the asker may not see everything.
    pub asked: Option<u64>,
    /// Whether the configuration's file was refused, so that the last good one is in use.
    pub last_good_configuration: bool,
    /// The buses.
    pub buses: Vec<AboutBus>,
    /// The other gateways that are shown.
    pub gateways: Vec<AboutGateway>,
}

/// Another gateway, in brief.
#[derive(Clone, Debug, Serialize)]
pub struct AboutGateway {
    /// What stands behind `site:`.
    pub site: String,
    /// How many fridges it has.
    pub fridges: usize,
    /// How many of these have a fresh reading.
    pub with_value: usize,
    /// Seconds since the newest of their readings was taken; `None` before the first.
    pub last_reading_age_s: Option<u64>,
}

/// One bus, in brief.
#[derive(Clone, Debug, Serialize)]
pub struct AboutBus {
    /// Its name.
    pub name: String,
    /// How many probes it has shown since the start.
    pub probes: usize,
    /// Seconds since its last sweep that measured anything.
    pub last_sweep_age_s: Option<u64>,
    /// Whether its newest sweep is young enough to stand for the present.
    pub fresh: bool,
}

/// What is on the buses.
#[derive(Clone, Debug, Serialize)]
pub struct Inventory {
    /// Every probe that a bus has shown since the start, then those that only the configuration names.
    pub probes: Vec<ProbeRow>,
    /// The buses, in the order of the configuration; none where the asker may not see every fridge.
    pub buses: Vec<BusRow>,
}

/// What is known of one probe.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeRow {
    /// The probe.
    pub probe: ProbeId,
    /// The bus that saw it; `None` for a probe that the configuration names and no bus has seen.
    pub bus: Option<String>,
    /// The fridge it is in, if the configuration says so.
    pub fridge: Option<String>,
    /// Its temperature in °C; `None` unless it is fresh.
    pub celsius: Option<Celsius>,
    /// The same before its fridge's calibration, where there is one.
    pub raw_celsius: Option<Celsius>,
    /// Why there is none.
    pub fault: Option<Fault>,
    /// How often each fault was seen since the start.
    pub faults: BTreeMap<Fault, u64>,
    /// What went wrong on the way to its values since the start, retries that ended well included.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub notices: Vec<Notice>,
}

/// What is known of one bus.
#[derive(Clone, Debug, Serialize)]
pub struct BusRow {
    /// Its name.
    pub name: String,
    /// How many sweeps measured it since the start.
    pub sweeps: u64,
    /// The sum of its probes' counts.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub notices: Vec<Notice>,
}
