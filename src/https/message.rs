//! The message: what Mattermost sends to a webhook or a slash command, as a form or as JSON. Its other
//! fields are ignored: its ids mean nothing here, its timestamp has another unit in each form, and no
//! answer is so late that it would need the response URL.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

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
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            token: Option<&'a RawValue>,
            #[serde(borrow)]
            text: Option<&'a RawValue>,
            #[serde(borrow)]
            trigger_word: Option<&'a RawValue>,
            #[serde(borrow)]
            channel_id: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = object(body)?;
        let field = |key: &str, value: Option<&RawValue>| match value {
            None => Ok(String::new()),
            Some(value) => text(value).ok_or_else(|| Refusal::Malformed(format!("`{key}` must be a text"))),
        };
        Ok(Message {
            token: field("token", fields.token)?,
            text: field("text", fields.text)?,
            trigger_word: field("trigger_word", fields.trigger_word)?,
            channel: field("channel_id", fields.channel_id)?,
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

/// The fields that `T` names of a body's JSON object. All others are skipped without being built: what a
/// stranger's body costs is in proportion to its bytes, whatever its shape.
///
/// # Errors
/// [`Refusal::Malformed`].
pub fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    let broken = |error: serde_json::Error| Refusal::Malformed(format!("the JSON is broken: {error}"));
    // A derived `Deserialize` would take an array of the fields in their order, too.
    if body.trim_ascii_start().first() == Some(&b'{') {
        return serde_json::from_slice(body).map_err(broken);
    }
    serde_json::from_slice::<IgnoredAny>(body).map_err(broken)?;
    Err(Refusal::Malformed(String::from("the JSON must be an object")))
}

/// The text of a JSON value; `null` is the empty one, and whatever else is none.
pub fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<Option<String>>(value.get()).ok().map(Option::unwrap_or_default)
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
