//! What Mattermost sends. Fields that mean nothing here are skipped without being built: what a stranger's
//! body costs is in proportion to its bytes, whatever its shape.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::button_token::SignedContext;
use super::rejection::Rejection;

/// The payload of an outgoing webhook, as a form or as JSON; a slash command's form has the same keys. Left
/// out are its timestamp, which has another unit in each form, and the response URL, for which no answer is
/// late enough.
#[derive(Default, PartialEq, Eq)]
pub struct OutgoingWebhookPayload {
    /// What the hook proves itself with.
    pub token: String,
    /// What was typed.
    pub text: String,
    /// `trigger_word` as Mattermost sent it. Unreliable: hooks firing on the same message overwrite it for each
    /// other, so it may be another hook's (see `webhook::words_for_us`).
    pub trigger_word: String,
    /// The channel's id.
    pub channel_id: String,
    /// The id of who typed it.
    pub user_id: String,
    /// The name of who typed it.
    pub user_name: String,
    /// The slash command, with its slash; empty of an outgoing webhook.
    pub command: String,
    /// The post's id; empty of a slash command.
    pub post_id: String,
}

impl std::fmt::Debug for OutgoingWebhookPayload {
    /// Neither the token nor what was typed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingWebhookPayload").field("channel_id", &self.channel_id).finish_non_exhaustive()
    }
}

impl OutgoingWebhookPayload {
    /// Reads a body by its content type.
    ///
    /// # Errors
    /// [`Rejection::ContentType`] and [`Rejection::Malformed`].
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Self, Rejection> {
        match media_type(content_type) {
            Some(MediaType::Form) => Ok(Self::from_form(body)),
            Some(MediaType::Json) => Self::from_json(body),
            None => Err(Rejection::ContentType),
        }
    }

    /// Reads a form leniently: invalid UTF-8 becomes U+FFFD, of a repeated key the first counts.
    pub fn from_form(form: &[u8]) -> Self {
        let mut payload = Self::default();
        for (key, value) in form_urlencoded::parse(form) {
            let field = match &*key {
                "token" => &mut payload.token,
                "text" => &mut payload.text,
                "trigger_word" => &mut payload.trigger_word,
                "channel_id" => &mut payload.channel_id,
                "user_id" => &mut payload.user_id,
                "user_name" => &mut payload.user_name,
                "command" => &mut payload.command,
                "post_id" => &mut payload.post_id,
                _ => continue,
            };
            if field.is_empty() {
                *field = value.into_owned();
            }
        }
        payload
    }

    fn from_json(body: &[u8]) -> Result<Self, Rejection> {
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
            #[serde(borrow)]
            user_id: Option<&'a RawValue>,
            #[serde(borrow)]
            user_name: Option<&'a RawValue>,
            #[serde(borrow)]
            command: Option<&'a RawValue>,
            #[serde(borrow)]
            post_id: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = object(body)?;
        let field = |key: &str, value: Option<&RawValue>| match value {
            None => Ok(String::new()),
            Some(value) => {
                text(value).ok_or_else(|| Rejection::Malformed(format!("`{key}` must be a string")))
            }
        };
        Ok(OutgoingWebhookPayload {
            token: field("token", fields.token)?,
            text: field("text", fields.text)?,
            trigger_word: field("trigger_word", fields.trigger_word)?,
            channel_id: field("channel_id", fields.channel_id)?,
            user_id: field("user_id", fields.user_id)?,
            user_name: field("user_name", fields.user_name)?,
            command: field("command", fields.command)?,
            post_id: field("post_id", fields.post_id)?,
        })
    }
}

/// A pressed button or a chosen line of a menu.
#[derive(Clone, Debug)]
pub struct PostActionIntegrationRequest {
    /// The channel of the post.
    pub channel_id: String,
    /// The id of who pressed.
    pub user_id: String,
    /// The name of who pressed.
    pub user_name: String,
    /// What the button says; `None` where it is none of ours.
    pub context: Option<SignedContext>,
    /// What was chosen from a menu, which Mattermost puts into the context.
    pub selected_option: Option<String>,
}

impl PostActionIntegrationRequest {
    /// Reads a body of JSON.
    ///
    /// # Errors
    /// [`Rejection::Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Rejection> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            channel_id: Option<&'a RawValue>,
            #[serde(borrow)]
            user_id: Option<&'a RawValue>,
            #[serde(borrow)]
            user_name: Option<&'a RawValue>,
            #[serde(borrow)]
            context: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Chosen<'a> {
            #[serde(borrow)]
            selected_option: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = object(body)?;
        let field = |value: Option<&RawValue>| value.and_then(text).unwrap_or_default();
        let context = fields.context.map(|context| context.get().as_bytes());
        let chosen = context.and_then(|context| object::<Chosen<'_>>(context).ok());
        Ok(PostActionIntegrationRequest {
            channel_id: field(fields.channel_id),
            user_id: field(fields.user_id),
            user_name: field(fields.user_name),
            context: context.and_then(|context| object(context).ok()),
            selected_option: chosen.and_then(|chosen| chosen.selected_option).and_then(text),
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
/// [`Rejection::Malformed`].
fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Rejection> {
    let broken = |error: serde_json::Error| Rejection::Malformed(format!("the JSON is broken: {error}"));
    // A derived `Deserialize` would take an array of the fields in their order, too.
    if body.trim_ascii_start().first() == Some(&b'{') {
        return serde_json::from_slice(body).map_err(broken);
    }
    serde_json::from_slice::<IgnoredAny>(body).map_err(broken)?;
    Err(Rejection::Malformed(String::from("the JSON must be an object")))
}

/// The text of a JSON value; `null` is the empty one, and whatever else is none.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<Option<String>>(value.get()).ok().map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
    const JSON: Option<&str> = Some("Application/JSON");

    #[test]
    fn forms_are_read_leniently() {
        let payload =
            OutgoingWebhookPayload::read(FORM, b"text=fridge+%FF&token=a&token=b&other=1&=&%%%&channel_id=c")
                .unwrap();
        assert_eq!(payload.text, "fridge \u{fffd}");
        assert_eq!(
            (payload.token.as_str(), payload.trigger_word.as_str(), payload.channel_id.as_str()),
            ("a", "", "c")
        );
    }

    #[test]
    fn json_that_is_no_payload_says_why() {
        let reason = |body: &[u8]| match OutgoingWebhookPayload::read(JSON, body) {
            Err(Rejection::Malformed(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason(b"{\"text\":").contains("broken"));
        assert!(reason(b"[]").contains("an object"));
        assert!(reason(b"{\"text\":4.2}").contains("`text` must be a string"));
        assert!(reason(b"{\"text\":\"\xff\"}").contains("broken"));
        assert_eq!(
            OutgoingWebhookPayload::read(JSON, b"{\"text\":null}"),
            Ok(OutgoingWebhookPayload::default())
        );
        assert_eq!(OutgoingWebhookPayload::read(None, b"{}"), Err(Rejection::ContentType));
        assert_eq!(OutgoingWebhookPayload::read(Some("text/plain"), b"{}"), Err(Rejection::ContentType));
    }
}
