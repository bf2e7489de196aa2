//! `POST /webhook`: Mattermost's outgoing webhook. A message comes in as a form or as JSON, and where
//! it is a question of ours, the answer goes out as a post.

use hyper::StatusCode;
use warp::Reply as _;
use warp::reply::Response;

use super::message::Message;
use super::post;
use super::reception::Reception;
use super::routes::{authenticated, json};

impl Reception {
    /// Answers, refuses, or says nothing.
    pub fn webhook(&self, content_type: Option<&str>, body: &[u8]) -> Response {
        let message = match Message::read(content_type, body) {
            Ok(message) => message,
            Err(refusal) => return self.refuse(refusal),
        };
        let hook = match self.hook_of(&message.token) {
            Ok(hook) => hook,
            Err(refusal) => return self.refuse(refusal),
        };
        match words_for_us(&message, &self.trigger_words) {
            None => {
                self.statistics.ignored();
                authenticated(StatusCode::OK.into_response())
            }
            Some(words) => {
                let reply = self.ask(hook, words);
                let post = post::to_webhook(&reply, hook, self.buttons(hook, &message.channel));
                authenticated(json(StatusCode::OK, &post))
            }
        }
    }
}

/// The words behind the first one, where that one begins with a trigger word. `trigger_word` alone
/// would not do: hooks that fire on the same message overwrite it for each other.
fn words_for_us<'a>(message: &'a Message, trigger_words: &[String]) -> Option<&'a str> {
    let text = message.text.trim_start();
    let first = text.split_whitespace().next()?;
    std::iter::once(&message.trigger_word)
        .chain(trigger_words)
        .any(|word| !word.is_empty() && first.starts_with(word.as_str()))
        .then(|| &text[first.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, trigger_word: &str) -> Option<String> {
        let message = Message { text: text.into(), trigger_word: trigger_word.into(), ..Message::default() };
        words_for_us(&message, &[String::from("fridge")]).map(|words| words.trim().to_owned())
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
}
