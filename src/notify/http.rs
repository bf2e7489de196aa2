//! A message as JSON for any program; docs/json.md lists its names.

use serde::Serialize;

use super::Context;
use crate::alarm::{Alarm, GatewayNotice, Outage, Topic};
use crate::recorder::Parcel;
use crate::text::alarm;

/// What is posted.
#[derive(Serialize)]
struct Payload<'a> {
    /// The same for every repetition of one message, so that it can be recognized; `null` where the disk did not take
    /// it.
    id: Option<i64>,
    topic: Topic,
    at: jiff::Timestamp,
    gateway: Option<&'a str>,
    simulated: bool,
    text: String,
    alarms: &'a [Alarm],
    outage: Option<&'a Outage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a GatewayNotice>,
}

/// The body.
pub fn payload(parcel: &Parcel, context: &Context) -> Vec<u8> {
    let message = &parcel.message;
    let now = (context.clock)().wall;
    let payload = Payload {
        id: parcel.id,
        topic: message.topic,
        at: message.at,
        gateway: context.gateway.as_deref(),
        simulated: context.is_simulated,
        text: alarm::plain(message, context.gateway.as_deref(), context.units, now),
        alarms: &message.alarms,
        outage: message.outage.as_ref(),
        notice: message.notice.as_ref(),
    };
    // It has no maps with other keys than text, so it always has a JSON.
    serde_json::to_vec(&payload).unwrap_or_default()
}
