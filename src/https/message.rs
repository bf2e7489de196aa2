//! The message: what Mattermost sends to a webhook or a slash command, as a form or as JSON. Its other
//! fields are ignored: its ids mean nothing here, its timestamp has another unit in each form, and no
//! answer is so late that it would need the response URL.

use serde_json::Value;

use super::refusals::Refusal;

/// A message, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What the hook proves itself with.
    pub token: String,
    /// What was typed.
    pub text: String,
    /// What fired an outgoing webhook, or another of the same message.
    pub trigger_word: String,
    /// The channel's id.
    pub channel: String,
}

impl Message {
    /// Reads a body by its content type.
    ///
    /// # Errors
    /// [`Refusal::ContentType`] and [`Refusal::Malformed`].
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Message, Refusal> {
        match media_type(content_type) {
            Some(MediaType::Form) => Ok(Message::from_form(body)),
            Some(MediaType::Json) => Message::from_json(body),
            None => Err(Refusal::ContentType),
        }
    }

    /// Reads a form leniently: invalid UTF-8 becomes U+FFFD, of a repeated key the first counts.
    pub fn from_form(form: &[u8]) -> Message {
        let mut message = Message::default();
        for (key, value) in form_urlencoded::parse(form) {
            let field = match &*key {
                "token" => &mut message.token,
                "text" => &mut message.text,
                "trigger_word" => &mut message.trigger_word,
                "channel_id" => &mut message.channel,
                _ => continue,
            };
            if field.is_empty() {
                *field = value.into_owned();
            }
        }
        message
    }

    fn from_json(body: &[u8]) -> Result<Message, Refusal> {
        let payload = object(body)?;
        let field = |key: &str| match payload.get(key) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Refusal::Malformed(format!("`{key}` must be a text"))),
        };
        Ok(Message {
            token: field("token")?,
            text: field("text")?,
            trigger_word: field("trigger_word")?,
            channel: field("channel_id")?,
        })
    }
}

/// The media types that Mattermost sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

/// The media type of a Content-Type header, whatever its case and its parameters.
pub fn media_type(content_type: Option<&str>) -> Option<MediaType> {
    let media_type = content_type?.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Some(MediaType::Form)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Some(MediaType::Json)
    } else {
        None
    }
}

/// The JSON object of a body.
///
/// # Errors
/// [`Refusal::Malformed`].
pub fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::Malformed(String::from("the JSON must be an object"))),
        Err(error) => Err(Refusal::Malformed(format!("the JSON is broken: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
    const JSON: Option<&str> = Some("Application/JSON");

    #[test]
    fn forms_are_read_leniently() {
        let message =
            Message::read(FORM, b"text=fridge+%FF&token=a&token=b&other=1&=&%%%&channel_id=c").unwrap();
        assert_eq!(message.text, "fridge \u{fffd}");
        assert_eq!(
            (message.token.as_str(), message.trigger_word.as_str(), message.channel.as_str()),
            ("a", "", "c")
        );
    }

    #[test]
    fn json_that_is_no_message_says_why() {
        let reason = |body: &[u8]| match Message::read(JSON, body) {
            Err(Refusal::Malformed(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason(b"{\"text\":").contains("broken"));
        assert!(reason(b"[]").contains("an object"));
        assert!(reason(b"{\"text\":4.2}").contains("`text` must be a text"));
        assert!(reason(b"{\"text\":\"\xff\"}").contains("broken"));
        assert_eq!(Message::read(JSON, b"{\"text\":null}"), Ok(Message::default()));
        assert_eq!(Message::read(None, b"{}"), Err(Refusal::ContentType));
        assert_eq!(Message::read(Some("text/plain"), b"{}"), Err(Refusal::ContentType));
    }
}
