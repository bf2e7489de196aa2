//! The post: an answer dressed for Mattermost, which reads it strictly. Text with an emoji before it that
//! tells the state, the hook's own look, and buttons where they can be pressed.

use jiff::Timestamp;
use serde::Serialize;

use super::signature::{Context, Key};
use super::{Hook, Placement};
use crate::chat::{Data, Reply, english};

/// How many fridges a menu offers: the worst ones; more would be no menu.
const MENU_LENGTH: usize = 100;

/// What Mattermost reads of the answer to an outgoing webhook or a slash command. A key that has no
/// value is left out: Mattermost refuses `null` where a list belongs.
#[derive(Debug, Serialize)]
pub struct Post {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip_slack_parsing: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
}

/// What Mattermost makes of a pressed button.
#[derive(Debug, Default, Serialize)]
pub struct Pressed {
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<Update>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_text: Option<String>,
    skip_slack_parsing: bool,
}

#[derive(Debug, Serialize)]
struct Update {
    message: String,
    props: Props,
}

#[derive(Debug, Serialize)]
struct Props {
    attachments: Vec<Attachment>,
}

/// The bar of buttons below an answer.
#[derive(Debug, Serialize)]
pub struct Attachment {
    actions: Vec<Action>,
}

#[derive(Debug, Serialize)]
struct Action {
    /// Letters and digits only: Mattermost's client cannot press another.
    id: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    integration: Integration,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<MenuOption>,
}

#[derive(Debug, Serialize)]
struct Integration {
    url: String,
    context: Context,
}

#[derive(Debug, Serialize)]
struct MenuOption {
    text: String,
    value: String,
}

/// What buttons need: where they are pressed, what they are signed with and for.
pub struct Buttons<'a> {
    /// The gateway as Mattermost reaches it.
    pub url: &'a str,
    /// What they are signed with.
    pub key: &'a Key,
    /// The hook below whose answer they stand.
    pub hook: &'a str,
    /// The channel in which they stand.
    pub channel: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

/// The answer to an outgoing webhook.
pub fn to_webhook(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> Post {
    let response_type = match hook.response {
        Placement::Post => None,
        Placement::Comment => Some("comment"),
    };
    Post { response_type, ..dressed(reply, hook, buttons) }
}

/// The answer to a slash command.
pub fn to_command(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> Post {
    let everybody = reply.share || hook.in_channel;
    let response_type = Some(if everybody { "in_channel" } else { "ephemeral" });
    Post { response_type, skip_slack_parsing: true, ..dressed(reply, hook, buttons) }
}

/// A post that is made anew where it stands.
pub fn to_update(reply: &Reply, buttons: Option<Buttons<'_>>) -> Pressed {
    let props = Props { attachments: attachments(reply, buttons) };
    Pressed {
        update: Some(Update { message: text(reply), props }),
        ephemeral_text: None,
        skip_slack_parsing: true,
    }
}

/// Words for the one who pressed.
pub fn to_presser(text: String) -> Pressed {
    Pressed { update: None, ephemeral_text: Some(text), skip_slack_parsing: true }
}

/// The answer's text with its mood before it, so that it never begins with the trigger word.
pub fn text(reply: &Reply) -> String {
    format!("{} {}", reply.mood.emoji(), reply.text)
}

fn dressed(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> Post {
    Post {
        text: text(reply),
        response_type: None,
        username: hook.username.clone(),
        icon_url: hook.icon_url.clone(),
        skip_slack_parsing: false,
        attachments: attachments(reply, buttons),
    }
}

/// The buttons below an answer about how fridges are: *Refresh*, and a menu of details.
fn attachments(reply: &Reply, buttons: Option<Buttons<'_>>) -> Vec<Attachment> {
    let (Data::Fridges(rows), Some(again), Some(buttons)) = (&reply.data, &reply.again, buttons) else {
        return Vec::new();
    };
    let action = |id, name, kind, argument: &str, options| {
        let context = buttons.key.sign(id, argument, buttons.hook, buttons.channel, buttons.now);
        let integration = Integration { url: format!("{}/action", buttons.url), context };
        Action { id, name, kind, integration, options }
    };
    let menu = rows.iter().take(MENU_LENGTH).map(|row| MenuOption {
        // Plain text, and no Markdown; still nothing that Mattermost would take for a link.
        text: row.name.replace('<', "\u{2039}").replace('>', "\u{203a}"),
        value: row.probe.to_string(),
    });
    vec![Attachment {
        actions: vec![
            action(super::action::REFRESH, english::REFRESH, "button", again, Vec::new()),
            action(super::action::DETAILS, english::DETAILS, "select", "", menu.collect()),
        ],
    }]
}
