//! A message as Mattermost's incoming webhook takes it: a text that notifies, an attachment with a colour, the alarms
//! as a list, and buttons below a single one.

use serde::Serialize;

use super::{Buttons, Context, severity};
use crate::alarm::Topic;
use crate::chat::Severity;
use crate::doc::markdown;
use crate::mattermost::button_token::SignedContext;
use crate::mattermost::{ALARM_BUTTONS, Button};
use crate::recorder::Parcel;
use crate::text::alarm;

/// How a target's posts look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Who is called when an alarm is urgent or unanswered: `@channel`, `@anna`.
    pub mention: Option<String>,
    /// Another channel than the webhook's own.
    pub channel: Option<String>,
    /// The author's name.
    pub username: Option<String>,
    /// The author's picture.
    pub icon_emoji: Option<String>,
}

#[derive(Serialize)]
struct Payload<'a> {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_emoji: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    attachments: Vec<Attachment>,
}

#[derive(Serialize)]
struct Priority {
    priority: &'static str,
}

#[derive(Serialize)]
struct Attachment {
    color: &'static str,
    fallback: String,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action>,
}

#[derive(Serialize)]
struct Action {
    id: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    integration: Integration,
}

#[derive(Serialize)]
struct Integration {
    url: String,
    context: SignedContext,
}

/// The body.
pub fn payload(parcel: &Parcel, look: &Look, context: &Context) -> Vec<u8> {
    let message = &parcel.message;
    let now = (context.clock)().wall;
    let severity = severity(message);
    let is_loud = severity == Severity::Critical || message.topic == Topic::Unanswered;
    let headline = alarm::headline(message, context.gateway.as_deref(), context.is_simulated);
    let doc = alarm::lines(message, context.units, now);
    let mention = look.mention.as_ref().filter(|_| is_loud).map(|mention| format!("{mention} "));
    let color = match severity {
        Severity::Critical => "danger",
        Severity::Warning => "warning",
        Severity::Pending | Severity::Ok | Severity::Info => "good",
    };
    let emoji = severity.emoji();
    let text = format!("{}{emoji} {}", mention.unwrap_or_default(), markdown::line(&headline));
    let payload = Payload {
        text,
        channel: look.channel.as_deref(),
        username: look.username.as_deref(),
        icon_emoji: look.icon_emoji.as_deref(),
        priority: is_loud.then_some(Priority { priority: "urgent" }),
        attachments: vec![Attachment {
            color,
            fallback: alarm::plain(message, context.gateway.as_deref(), context.units, now),
            text: markdown::render(&doc),
            actions: actions(parcel, context),
        }],
    };
    // It has no maps with other keys than text, so it always has a JSON.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// Buttons below a message about one open alarm, where Mattermost can reach us.
fn actions(parcel: &Parcel, context: &Context) -> Vec<Action> {
    let ([only], Some(Buttons { url, signer })) = (&parcel.message.alarms[..], &context.buttons) else {
        return Vec::new();
    };
    if only.cleared.is_some() || only.acknowledged.is_some() {
        return Vec::new();
    }
    let now = (context.clock)().wall;
    let action = |button: &Button| Action {
        id: button.id(),
        name: button.label(),
        kind: "button",
        integration: Integration {
            url: format!("{url}/action"),
            context: signer.sign_alarm(button.id(), only, now),
        },
    };
    // A drill has no delivery and no defrost, and must not snooze what is real.
    let buttons = if only.drill { &ALARM_BUTTONS[..1] } else { &ALARM_BUTTONS[..] };
    buttons.iter().map(action).collect()
}
