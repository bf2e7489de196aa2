//! A message as Prometheus' Alertmanager takes it (`POST /api/v2/alerts`): an alert for each alarm. Whoever does not
//! hear of an alert again takes it as over, so an open one carries an end far away, and the end of an alarm a near one.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Context, severity};
use crate::alarm::{Alarm, GatewayNotice, Kind, Message, Urgency};
use crate::chat::Severity;
use crate::doc::terminal;
use crate::recorder::Parcel;
use crate::text::alarm;

/// An open alarm is told again within a day at most, unless somebody has taken it on; nobody takes longer for it.
const OPEN: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Whatever is no alarm is over after this long.
const NEWS: Duration = Duration::from_secs(3_600);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: Labels<'a>,
    annotations: Annotations,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

/// What tells alerts apart: the same as long as the alarm is.
#[derive(Serialize)]
struct Labels<'a> {
    alertname: &'static str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fridge: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
}

#[derive(Clone, Serialize)]
struct Annotations {
    summary: String,
    description: String,
}

/// The body.
pub fn payload(parcel: &Parcel, context: &Context) -> Vec<u8> {
    let message = &parcel.message;
    let now = (context.clock)().wall;
    let alerts: Vec<Alert<'_>> = match &message.alarms[..] {
        [] => vec![news(message, context, now)],
        alarms => alarms.iter().flat_map(|alarm| alerts(alarm, message, context, now)).collect(),
    };
    // It has no maps with other keys than text, so it always has a JSON.
    serde_json::to_vec(&alerts).unwrap_or_default()
}

/// An alarm; and where it has become urgent, the end of the one that was a warning.
fn alerts<'a>(alarm: &'a Alarm, message: &Message, context: &'a Context, now: Timestamp) -> Vec<Alert<'a>> {
    let single = Message::new(message.topic, message.at, vec![alarm.clone()]);
    // A clock that was set back must not end it before it began.
    let end = alarm.cleared.map(|cleared| cleared.at.max(alarm.raised));
    let alert = |severity, ends_at| Alert {
        labels: Labels {
            alertname: name(alarm),
            severity,
            gateway: context.gateway.as_deref(),
            fridge: Some(&alarm.fridge),
            number: Some(alarm.number.to_string()),
        },
        annotations: Annotations {
            summary: terminal::line(&alarm::headline(&single, None, context.is_simulated)),
            description: terminal::line(&alarm::details(alarm, context.units, now)),
        },
        starts_at: alarm.raised,
        ends_at,
    };
    let later = now.checked_add(OPEN).unwrap_or(now);
    let is_urgent = alarm.urgency == Urgency::Urgent && !alarm.drill;
    let warning = end.unwrap_or(if is_urgent { now.max(alarm.raised) } else { later });
    let warning = alert("warning", warning);
    let urgent = is_urgent.then(|| alert("critical", end.unwrap_or(later)));
    [warning].into_iter().chain(urgent).collect()
}

/// What is no alarm: the gateway was off, or this is a test.
fn news<'a>(message: &Message, context: &'a Context, now: Timestamp) -> Alert<'a> {
    let severity = if severity(message) == Severity::Ok { "info" } else { "warning" };
    let alertname = match (&message.outage, &message.notice) {
        (Some(_), _) => "FridgeGatewayWasOff",
        (None, Some(GatewayNotice::Sealed { .. })) => "FridgeDaySealed",
        (None, Some(GatewayNotice::Quiet { .. })) => "FridgeQuiet",
        (None, Some(GatewayNotice::NeighbourSilent { .. } | GatewayNotice::NeighbourBack { .. })) => {
            "FridgeGatewaySilent"
        }
        (None, Some(notice)) if notice.is_calibration() => "FridgeCalibration",
        (None, Some(_)) => "FridgeGatewayDisk",
        (None, None) => "FridgeTest",
    };
    let gateway = context.gateway.as_deref();
    Alert {
        labels: Labels { alertname, severity, gateway, fridge: None, number: None },
        annotations: Annotations {
            summary: terminal::line(&alarm::headline(message, None, context.is_simulated)),
            description: alarm::plain(message, context.gateway.as_deref(), context.units, now),
        },
        starts_at: message.at,
        ends_at: now.checked_add(NEWS).unwrap_or(now),
    }
}

fn name(alarm: &Alarm) -> &'static str {
    match alarm.kind {
        _ if alarm.drill => "FridgeDrill",
        Kind::TooWarm => "FridgeTooWarm",
        Kind::TooCold => "FridgeTooCold",
        Kind::ProbeSilent => "FridgeProbeSilent",
        Kind::ProbeStuck => "FridgeProbeStuck",
    }
}
