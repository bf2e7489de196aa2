//! What Mattermost reads, strictly: an answer's text with an emoji before it that shows its severity, the
//! hook's own look, and buttons where they can be pressed. A key that has no value is left out: Mattermost
//! refuses `null` where a list belongs.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::button::Button;
use super::button_token::{SignedContext, Signer};
use super::{Hook, Placement, picture_address};
use crate::chat::{Data, Reply};
use crate::doc::terminal;

/// How many fridges a menu offers: the worst ones; more would be no menu.
const MENU_LENGTH: usize = 100;

/// The response to a slash command; an outgoing webhook's (`OutgoingWebhookResponse`) has the same keys.
#[derive(Debug, Serialize)]
pub struct CommandResponse {
    text: PostText,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip_slack_parsing: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<MessageAttachment>,
}

/// A text, or one that was made JSON before.
#[derive(Debug)]
enum PostText {
    Plain(&'static str),
    Made(Arc<RawValue>),
}

impl Serialize for PostText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PostText::Plain(text) => text.serialize(serializer),
            PostText::Made(json) => json.as_ref().serialize(serializer),
        }
    }
}

/// The response to a pressed button.
#[derive(Debug, Default, Serialize)]
pub struct PostActionIntegrationResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<Post>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_text: Option<String>,
    skip_slack_parsing: bool,
}

/// A post, as far as a button changes it.
#[derive(Debug, Serialize)]
struct Post {
    message: String,
    props: PostProps,
}

#[derive(Debug, Serialize)]
struct PostProps {
    attachments: Vec<MessageAttachment>,
}

/// What stands below an answer: a bar of buttons, or a picture.
#[derive(Debug, Default, Serialize)]
struct MessageAttachment {
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<PostAction>,
}

#[derive(Debug, Serialize)]
struct PostAction {
    id: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    integration: PostActionIntegration,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<PostActionOptions>,
}

#[derive(Debug, Serialize)]
struct PostActionIntegration {
    url: String,
    context: SignedContext,
}

#[derive(Debug, Serialize)]
struct PostActionOptions {
    text: String,
    value: String,
}

/// What buttons need: where they are pressed, what they are signed with and for.
pub struct Buttons<'a> {
    /// The gateway as Mattermost reaches it.
    pub url: &'a str,
    /// What signs them.
    pub signer: &'a Signer,
    /// The mark of the hook below whose answer they stand.
    pub hook: String,
    /// The channel in which they stand.
    pub channel: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

/// The answer to an outgoing webhook.
pub fn to_webhook(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> CommandResponse {
    let response_type = match hook.response {
        Placement::Post => None,
        Placement::Comment => Some("comment"),
    };
    CommandResponse { response_type, ..response(reply, hook, buttons) }
}

/// The answer to a slash command.
pub fn to_command(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> CommandResponse {
    let everybody = reply.share || hook.in_channel;
    let response_type = Some(if everybody { "in_channel" } else { "ephemeral" });
    let mut response = response(reply, hook, buttons);
    if !everybody {
        // An answer that only its asker sees is no post, so it cannot be updated: Mattermost says "Unable to get the
        // post". Words for the one who presses work below it.
        let can_be_pressed = |action: &PostAction| action.id != Button::Refresh.id();
        response.attachments.iter_mut().for_each(|bar| bar.actions.retain(can_be_pressed));
    }
    CommandResponse { response_type, skip_slack_parsing: true, ..response }
}

/// A post that is updated in place.
pub fn update(reply: &Reply, buttons: Option<Buttons<'_>>) -> PostActionIntegrationResponse {
    let props = PostProps { attachments: attachments(reply, buttons) };
    PostActionIntegrationResponse {
        update: Some(Post { message: reply.post(), props }),
        ephemeral_text: None,
        skip_slack_parsing: true,
    }
}

/// A post that says only that, without buttons.
pub fn repaint(message: String) -> PostActionIntegrationResponse {
    let props = PostProps { attachments: Vec::new() };
    PostActionIntegrationResponse {
        update: Some(Post { message, props }),
        ephemeral_text: None,
        skip_slack_parsing: true,
    }
}

/// A text for a slash command's asker alone, or for the channel of an outgoing webhook.
pub fn notice(text: &'static str, is_command: bool) -> CommandResponse {
    CommandResponse {
        text: PostText::Plain(text),
        response_type: is_command.then_some("ephemeral"),
        username: None,
        icon_url: None,
        skip_slack_parsing: is_command,
        attachments: Vec::new(),
    }
}

/// Words that only the one who pressed sees.
pub fn ephemeral(text: String) -> PostActionIntegrationResponse {
    PostActionIntegrationResponse { update: None, ephemeral_text: Some(text), skip_slack_parsing: true }
}

fn response(reply: &Reply, hook: &Hook, buttons: Option<Buttons<'_>>) -> CommandResponse {
    CommandResponse {
        text: PostText::Made(reply.post_json()),
        response_type: None,
        username: hook.username.clone(),
        icon_url: hook.icon_url.clone(),
        skip_slack_parsing: false,
        attachments: attachments(reply, buttons),
    }
}

/// What stands below an answer: below one about how fridges are the buttons *Refresh* and a menu of details, below a chart its
/// picture.
fn attachments(reply: &Reply, buttons: Option<Buttons<'_>>) -> Vec<MessageAttachment> {
    if let (Some(seen), Some(to)) = (&reply.picture, &buttons) {
        let image_url = Some(format!("{}{}", to.url, picture_address::path(seen, to.signer, to.now)));
        // What a client shows that shows no pictures; the words stand above already.
        let fallback = Some(terminal::line(&reply.doc.headline));
        return vec![MessageAttachment { fallback, image_url, actions: Vec::new() }];
    }
    let (Data::Fridges(rows), Some(again), Some(to)) = (&reply.data, &reply.again, buttons) else {
        return Vec::new();
    };
    let action = |button: Button, kind, argument: &str, options| {
        let context = to.signer.sign(button.id(), argument, &to.hook, to.channel, to.now);
        let integration = PostActionIntegration { url: format!("{}/action", to.url), context };
        PostAction { id: button.id(), name: button.label(), kind, integration, options }
    };
    let menu = rows.first(MENU_LENGTH).into_iter().map(|row| PostActionOptions {
        // Plain text, and no Markdown; still nothing that Mattermost would take for a link.
        text: row.name.replace('<', "\u{2039}").replace('>', "\u{203a}"),
        value: row.probe.to_string(),
    });
    vec![MessageAttachment {
        actions: vec![
            action(Button::Refresh, "button", again, Vec::new()),
            action(Button::Details, "select", "", menu.collect()),
        ],
        ..MessageAttachment::default()
    }]
}
