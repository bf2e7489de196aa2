//! `POST /webhook`: Mattermost's outgoing webhook. A message comes in as a form or as JSON, and where
//! it is a question of ours, the answer goes out as `{"text": …}`.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;
use warp::Reply;
use warp::reply::Response;

use super::routes::{json, refusal};
use super::{Hook, Statistics};
use crate::chat::Gateway;

/// What answers a message.
pub struct Webhook {
    /// Who may ask.
    pub hooks: Vec<Hook>,
    /// A question begins with one of these words.
    pub trigger_words: Vec<String>,
    /// What knows the answer.
    pub gateway: Arc<Gateway>,
    /// What counts it.
    pub statistics: Arc<Statistics>,
}

/// A message, as far as it matters here. The other fields of the payload are ignored: its ids mean
/// nothing to us, and its timestamp has another unit in each of its forms.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    token: String,
    text: String,
    trigger_word: String,
}

/// Why a request is no message.
#[derive(Debug, PartialEq, Eq)]
enum Malformed {
    ContentType,
    Body(String),
}

/// What Mattermost reads of an answer.
#[derive(Serialize)]
struct Post<'a> {
    text: &'a str,
}

impl Webhook {
    /// Answers, refuses, or says nothing.
    pub fn answer(&self, content_type: Option<&str>, body: &[u8]) -> Response {
        let message = match Message::read(content_type, body) {
            Ok(message) => message,
            Err(Malformed::ContentType) => {
                self.statistics.refused("content type");
                let types = "the content type must be application/x-www-form-urlencoded or application/json";
                return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, types);
            }
            Err(Malformed::Body(reason)) => {
                self.statistics.refused("malformed");
                return refusal(StatusCode::BAD_REQUEST, &reason);
            }
        };
        if self.hooks.is_empty() {
            self.statistics.refused("no token configured");
            let cure = "no token is configured: put the one that Mattermost shows into a [[hook]] of the configuration";
            return refusal(StatusCode::SERVICE_UNAVAILABLE, cure);
        }
        let Some(hook) = self.hook_of(&message.token) else {
            self.statistics.refused("wrong token");
            let cure = "the token is none of the configured hooks': copy the one that Mattermost shows into the configuration";
            return refusal(StatusCode::UNAUTHORIZED, cure);
        };
        match message.words_for_us(&self.trigger_words) {
            None => {
                self.statistics.ignored();
                StatusCode::OK.into_response()
            }
            Some(words) => {
                self.statistics.asked(&hook.name, (self.gateway.clock)());
                json(StatusCode::OK, &Post { text: &self.gateway.answer(words).text })
            }
        }
    }

    /// The hook with that token. Every one is compared, each in constant time, so that the time
    /// taken tells nothing.
    fn hook_of(&self, token: &str) -> Option<&Hook> {
        self.hooks.iter().fold(None, |found, hook| if hook.token.matches(token) { Some(hook) } else { found })
    }
}

impl Message {
    fn read(content_type: Option<&str>, body: &[u8]) -> Result<Message, Malformed> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Message::from_form(body))
        } else if media_type.eq_ignore_ascii_case("application/json") {
            Message::from_json(body)
        } else {
            Err(Malformed::ContentType)
        }
    }

    /// Reads a form leniently: invalid UTF-8 becomes U+FFFD, of a repeated key the first counts.
    fn from_form(body: &[u8]) -> Message {
        let mut message = Message::default();
        for (key, value) in form_urlencoded::parse(body) {
            let field = match &*key {
                "token" => &mut message.token,
                "text" => &mut message.text,
                "trigger_word" => &mut message.trigger_word,
                _ => continue,
            };
            if field.is_empty() {
                *field = value.into_owned();
            }
        }
        message
    }

    fn from_json(body: &[u8]) -> Result<Message, Malformed> {
        let malformed = |reason: String| Err(Malformed::Body(reason));
        let payload = match serde_json::from_slice(body) {
            Ok(Value::Object(payload)) => payload,
            Ok(_) => return malformed(String::from("the JSON must be an object")),
            Err(error) => return malformed(format!("the JSON is broken: {error}")),
        };
        let field = |key: &str| match payload.get(key) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Malformed::Body(format!("`{key}` must be a text"))),
        };
        Ok(Message { token: field("token")?, text: field("text")?, trigger_word: field("trigger_word")? })
    }

    /// The words behind the first one, where that one begins with a trigger word. `trigger_word` alone
    /// would not do: hooks that fire on the same message overwrite it for each other.
    fn words_for_us(&self, trigger_words: &[String]) -> Option<&str> {
        let text = self.text.trim_start();
        let first = text.split_whitespace().next()?;
        std::iter::once(&self.trigger_word)
            .chain(trigger_words)
            .any(|word| !word.is_empty() && first.starts_with(word.as_str()))
            .then(|| &text[first.len()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
    const JSON: Option<&str> = Some("Application/JSON");

    fn words(text: &str, trigger_word: &str) -> Option<String> {
        let message = Message { text: text.into(), trigger_word: trigger_word.into(), ..Message::default() };
        message.words_for_us(&[String::from("fridge")]).map(|words| words.trim().to_owned())
    }

    #[test]
    fn a_question_begins_with_a_trigger_word_whoever_says_so() {
        for text in [
            "fridge status",
            "  fridge\tstatus",
            "fridge\nstatus",
            "fridge\u{a0}status",
            "fridge\u{3000}status",
        ] {
            assert_eq!(words(text, ""), Some("status".into()), "{text:?}");
        }
        assert_eq!(words("fridges? milk", "fridge"), Some("milk".into()));
        assert_eq!(words("kühl status", "kühl"), Some("status".into()));
        assert_eq!(words("fridge", "fr"), Some(String::new()));
        for text in ["", " ", "what does the fridge say", "@fridge status", "`fridge`"] {
            assert_eq!(words(text, "fridge"), None, "{text:?}");
        }
    }

    #[test]
    fn forms_are_read_leniently() {
        let message = Message::read(FORM, b"text=fridge+%FF&token=a&token=b&other=1&=&%%%").unwrap();
        assert_eq!(message.text, "fridge \u{fffd}");
        assert_eq!((message.token.as_str(), message.trigger_word.as_str()), ("a", ""));
    }

    #[test]
    fn json_that_is_no_message_says_why() {
        let reason = |body: &[u8]| match Message::read(JSON, body) {
            Err(Malformed::Body(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason(b"{\"text\":").contains("broken"));
        assert!(reason(b"[]").contains("an object"));
        assert!(reason(b"{\"text\":4.2}").contains("`text` must be a text"));
        assert!(reason(b"{\"text\":\"\xff\"}").contains("broken"));
        assert_eq!(Message::read(JSON, b"{\"text\":null}"), Ok(Message::default()));
        assert_eq!(Message::read(None, b"{}"), Err(Malformed::ContentType));
        assert_eq!(Message::read(Some("text/plain"), b"{}"), Err(Malformed::ContentType));
    }
}
