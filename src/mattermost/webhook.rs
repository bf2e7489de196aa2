//! `POST /webhook`: Mattermost's outgoing webhook. A message comes in as a form or as JSON, and where it is a
//! question of ours, the answer goes out as a post.

use hyper::StatusCode;
use hyper::body::Bytes;

use super::context::Context;
use super::rejection::Elsewhere;
use super::request::OutgoingWebhookPayload;
use super::response;
use crate::https::response::{WholeResponse, authenticated, json};

/// Answers, rejects, or says nothing.
pub async fn handle(context: &Context, content_type: Option<&str>, body: &[u8]) -> WholeResponse {
    let payload = match OutgoingWebhookPayload::read(content_type, body) {
        Ok(payload) => payload,
        Err(rejection) => return context.reject(rejection),
    };
    let hook = match context.hook_of(&payload.token) {
        Ok(hook) => hook,
        Err(rejection) => return context.reject(rejection),
    };
    if !payload.command.is_empty() {
        return context.elsewhere(hook, Elsewhere::CommandOnWebhook);
    }
    let Some(words) = words_for_us(&payload, &context.trigger_words) else {
        context.stats.ignored();
        return authenticated(WholeResponse::new(Bytes::new()));
    };
    let reply = context.ask(hook, &payload, words).await;
    let buttons = context.buttons(hook, &payload.channel_id);
    authenticated(json(StatusCode::OK, &response::to_webhook(&reply, hook, buttons)))
}

/// The words behind the first one, where that one begins with a trigger word. `trigger_word` alone
/// would not do: hooks that fire on the same message overwrite it for each other.
fn words_for_us<'a>(payload: &'a OutgoingWebhookPayload, trigger_words: &[String]) -> Option<&'a str> {
    let text = payload.text.trim_start();
    let first = text.split_whitespace().next()?;
    std::iter::once(&payload.trigger_word)
        .chain(trigger_words)
        .any(|word| !word.is_empty() && first.starts_with(word.as_str()))
        .then(|| &text[first.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, trigger_word: &str) -> Option<String> {
        let payload = OutgoingWebhookPayload {
            text: text.into(),
            trigger_word: trigger_word.into(),
            ..OutgoingWebhookPayload::default()
        };
        words_for_us(&payload, &[String::from("fridge")]).map(|words| words.trim().to_owned())
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
