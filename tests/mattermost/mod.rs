//! What Mattermost makes of an answer: its decoding rules, as its own source has them, for the answers to
//! outgoing webhooks, slash commands and buttons. The cases of `responses.json` hold it to them.

#![allow(dead_code)] // Each test program uses its own part.

use serde_json::{Map, Value};

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A post appears in the channel.
    Posted,
    /// Only the one who asked sees it.
    Ephemeral,
    /// A button's answer is carried out.
    Accepted,
    /// Nothing happens, and nobody is told.
    Silent,
    /// Nothing appears, or an error does.
    Rejected,
    /// The server's goroutine fails on it.
    Panic,
}

/// Bytes of an answer that are read (MaxIntegrationResponseSize).
const MOST_BYTES: usize = 1024 * 1024;
/// Characters of a post (65535 bytes in four-byte characters).
pub const MOST_CHARACTERS: usize = 16_383;

/// The answer to an outgoing webhook: neither status nor content type matter, only the first JSON value.
pub fn outgoing(body: &[u8]) -> Outcome {
    // Go's decoder takes invalid UTF-8 for U+FFFD, and a byte order mark for no JSON.
    let text = String::from_utf8_lossy(&body[..body.len().min(MOST_BYTES)]).into_owned();
    if text.trim().is_empty() {
        return Outcome::Silent;
    }
    let first = serde_json::Deserializer::from_str(&text).into_iter::<Value>().next();
    let Some(Ok(value)) = first else { return Outcome::Rejected };
    let answer = match value {
        Value::Null => return Outcome::Silent,
        Value::Object(answer) => Fields(answer),
        _ => return Outcome::Rejected,
    };
    if !answer.well_typed() {
        return Outcome::Rejected;
    }
    match answer.attachments() {
        Attachments::Null => return Outcome::Panic,
        Attachments::Wrong => return Outcome::Rejected,
        Attachments::Some(0) if answer.get("text").is_none_or(Value::is_null) => return Outcome::Silent,
        Attachments::Some(_) => {}
    }
    match answer.get("priority") {
        Some(Value::Object(priority)) if !priority.contains_key("priority") => Outcome::Rejected,
        _ => Outcome::Posted,
    }
}

/// The answer to a slash command: exactly status 200; as JSON only with that content type, then strictly
/// one value.
pub fn slash(status: u16, content_type: &str, body: &[u8]) -> Outcome {
    if status != 200 {
        return Outcome::Rejected;
    }
    if content_type.split(';').next().unwrap_or_default().trim() != "application/json" {
        return if body.is_empty() { Outcome::Silent } else { Outcome::Ephemeral };
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else { return Outcome::Rejected };
    let answer = Fields(answer);
    match answer.attachments() {
        _ if !answer.well_typed() => return Outcome::Rejected,
        Attachments::Null => return Outcome::Panic,
        Attachments::Wrong => return Outcome::Rejected,
        Attachments::Some(_) => {}
    }
    let characters = answer.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
    match answer.get("response_type").and_then(Value::as_str).unwrap_or_default() {
        "" | "ephemeral" => Outcome::Ephemeral,
        // A public answer is not split but refused.
        "in_channel" if characters > MOST_CHARACTERS => Outcome::Rejected,
        "in_channel" => Outcome::Posted,
        _ => Outcome::Silent,
    }
}

/// The answer to a button: exactly status 200, and nothing or strictly one JSON value.
pub fn action(status: u16, body: &[u8]) -> Outcome {
    if status != 200 {
        return Outcome::Rejected;
    }
    if body.is_empty() {
        return Outcome::Silent;
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else { return Outcome::Rejected };
    let answer = Fields(answer);
    let update = answer.get("update");
    let message = update.and_then(|update| update.get("message"));
    if update.is_some_and(|update| !update.is_object()) || message.is_some_and(|message| !message.is_string())
    {
        return Outcome::Rejected;
    }
    if answer.get("ephemeral_text").is_some_and(|text| !text.is_string()) {
        return Outcome::Rejected;
    }
    let does_something = update.is_some() || answer.get("ephemeral_text").is_some();
    if does_something { Outcome::Accepted } else { Outcome::Silent }
}

/// Whether a text reads in the channel as it was written: nothing that Mattermost would rewrite into a
/// link, nobody that it would call, and not so long that it would be cut.
pub fn reads_as_written(text: &str) -> bool {
    let calls = ["@all", "@here", "@channel"];
    !text.contains(['<', '>'])
        && !calls.iter().any(|call| text.to_lowercase().contains(call))
        && text.chars().count() <= MOST_CHARACTERS
}

enum Attachments {
    Some(usize),
    Null,
    Wrong,
}

/// The fields of an answer; Go matches their names whatever the case.
struct Fields(Map<String, Value>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn well_typed(&self) -> bool {
        let is = |name: &str, right: fn(&Value) -> bool| {
            self.get(name).is_none_or(|value| value.is_null() || right(value))
        };
        ["text", "username", "icon_url", "type", "response_type"]
            .iter()
            .all(|name| is(name, Value::is_string))
            && is("props", Value::is_object)
            && is("priority", Value::is_object)
            && is("skip_slack_parsing", Value::is_boolean)
    }

    fn attachments(&self) -> Attachments {
        let list = match self.get("attachments") {
            None | Some(Value::Null) => return Attachments::Some(0),
            Some(Value::Array(list)) => list,
            Some(_) => return Attachments::Wrong,
        };
        for attachment in list {
            match attachment {
                Value::Null => return Attachments::Null,
                Value::Object(attachment) if attachment_is_right(attachment) => {}
                _ => return Attachments::Wrong,
            }
        }
        Attachments::Some(list.len())
    }
}

fn attachment_is_right(attachment: &Map<String, Value>) -> bool {
    let list = |key: &str| attachment.get(key).and_then(Value::as_array).into_iter().flatten();
    let short = |field: &Value| match field.get("short") {
        None | Some(Value::Bool(_)) => true,
        Some(Value::String(text)) => text == "true" || text == "false",
        Some(_) => false,
    };
    // An id with anything but letters and digits makes a button that cannot be pressed.
    let pressable = |action: &Value| {
        let id = action.get("id").and_then(Value::as_str).unwrap_or_default();
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    list("fields").all(short) && list("actions").all(pressable)
}
