//! What is published, as JSON; docs/fleet.md lists its names.

use jiff::Timestamp;
use serde::Serialize;

use crate::alarm::Alarm;
use crate::api::FridgeItem;
use crate::chat::data::AlarmRow;
use crate::reading::{Celsius, Fault, Sample};

/// The version of these formats: another one where a reader of the last would take something for what it is not.
pub const SCHEMA: u32 = 1;

/// What stands in front of each.
#[derive(Clone, Debug, Serialize)]
pub struct Head<'a> {
    /// [`SCHEMA`]
    pub schema: u32,
    /// The gateway's name in topics.
    pub gateway: &'a str,
    /// Differs from one start of the gateway to the next.
    pub boot: &'a str,
    /// When it was written.
    pub t: Timestamp,
}

/// Whether the gateway lives.
#[derive(Serialize)]
pub struct Status<'a> {
    #[serde(flatten)]
    pub head: Head<'a>,
    /// `online` or `offline`.
    pub status: &'static str,
    /// Which gateway it is: another one with the same name in topics has another.
    pub instance: &'a str,
    /// What people call it.
    pub name: Option<&'a str>,
    pub version: &'static str,
    /// Whether any of the gateway's readings are simulated.
    pub simulated: bool,
    /// How many fridges it has.
    pub fridges: usize,
    /// Whether there is anybody whom it tells of alarms.
    pub tells: bool,
    /// The names in topics of the gateways through which people may have something done here.
    pub acts_from: &'a [String],
    /// The number of the last message with readings or an alarm.
    pub sequence: u64,
}

/// How one fridge is.
#[derive(Serialize)]
pub struct State<'a> {
    #[serde(flatten)]
    pub head: Head<'a>,
    /// Whether any of the gateway's readings are simulated.
    pub simulated: bool,
    #[serde(flatten)]
    pub fridge: FridgeItem<'a>,
    /// When the newest reading was taken, however old it is; `null` where there was none.
    pub read: Option<Timestamp>,
    /// The age in seconds beyond which a reading of it is stale; `null` where its probe was not found yet.
    pub stale_after_s: Option<u64>,
    /// Whether an alarm of it is open.
    pub alarm: bool,
}

/// The open alarms.
#[derive(Serialize)]
pub struct Alarms<'a> {
    #[serde(flatten)]
    pub head: Head<'a>,
    pub simulated: bool,
    pub alarms: Vec<AlarmRow>,
}

/// What stands in front of what is sent once: its number since the start, and whether it is sent afterwards.
#[derive(Serialize)]
pub struct Once<'a> {
    #[serde(flatten)]
    pub head: Head<'a>,
    pub sequence: u64,
    pub late: bool,
    pub simulated: bool,
    /// The broker has taken everything that was written earlier than a minute before this.
    pub complete_to: Timestamp,
}

/// Readings.
#[derive(Serialize)]
pub struct Readings<'a> {
    #[serde(flatten)]
    pub once: Once<'a>,
    pub readings: &'a [Reading],
}

/// One change of an alarm.
#[derive(Serialize)]
pub struct AlarmChange<'a> {
    #[serde(flatten)]
    pub once: Once<'a>,
    pub alarm: &'a Alarm,
}

/// One reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The fridge.
    pub id: String,
    /// When it was taken, to the millisecond.
    pub t: Timestamp,
    /// The temperature in °C …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub celsius: Option<Celsius>,
    /// … or why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl Reading {
    /// Of that fridge.
    pub fn new(id: &str, at: Timestamp, sample: Sample) -> Reading {
        // Milliseconds of a timestamp are always those of one.
        let t = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        Reading { id: id.to_owned(), t, celsius: sample.ok(), fault: sample.err() }
    }
}

/// Any of them as the bytes that are sent.
pub fn json(payload: &impl Serialize) -> Vec<u8> {
    // It has no maps with other keys than text, so it always has a JSON.
    serde_json::to_vec(payload).unwrap_or_default()
}
