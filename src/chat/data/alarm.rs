//! Alarms as `alarms` and `ack` list them, the API returns them, and a broker retains them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alarm::{Alarm, Kind, RuleName, Urgency};
use crate::reading::Stamp;
use crate::state::Snapshot;

/// One alarm.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AlarmRow {
    /// Its number on the gateway that watches the fridge.
    pub number: u64,
    /// The name in topics of that gateway; `null` for this one.
    #[serde(default)]
    pub site: Option<String>,
    /// The id of its fridge.
    pub id: String,
    /// What people call the fridge.
    pub name: String,
    /// What it is about.
    pub kind: Kind,
    /// The rule that raised it.
    pub rule: RuleName,
    /// How soon a person should act.
    pub urgency: Urgency,
    /// Since when the fridge has been beyond its limit, or its probe silent or stuck.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    pub raised: Timestamp,
    /// Whether it is a drill.
    pub drill: bool,
    /// The furthest reading so far in °C.
    pub peak: Option<f64>,
    /// The limit at which it begins, in °C.
    pub limit: Option<f64>,
    /// Who has acknowledged it, where that is known.
    pub acknowledged_by: Option<String>,
    /// When it was acknowledged.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged: Option<Timestamp>,
    /// The cause, in their words.
    pub cause: Option<String>,
    /// `false` if another gateway watches the fridge and has not confirmed in the last three minutes that the alarm is open.
    #[serde(default)]
    pub confirmed: bool,
}

impl AlarmRow {
    /// An alarm as it is known at the moment `now`.
    pub fn new(alarm: &Alarm, snapshot: &Snapshot, now: &Stamp) -> AlarmRow {
        let acknowledgement = alarm.acknowledged.as_ref();
        AlarmRow {
            number: alarm.number,
            site: alarm.site.clone(),
            id: alarm.fridge.clone(),
            name: alarm.name.clone(),
            kind: alarm.kind,
            rule: alarm.rule,
            urgency: alarm.urgency,
            since: alarm.since,
            raised: alarm.raised,
            drill: alarm.drill,
            peak: alarm.peak,
            limit: alarm.limit,
            acknowledged_by: acknowledgement.and_then(|it| it.by.clone()),
            acknowledged: acknowledgement.map(|it| it.at),
            cause: acknowledgement.and_then(|it| it.cause.clone()),
            confirmed: snapshot.is_confirmed(alarm, now),
        }
    }
}
