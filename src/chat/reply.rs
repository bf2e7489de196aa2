//! A reply: an answer rendered for the chat, with its data beside it. This is what goes over the socket and what
//! `--json` prints; docs/json.md lists the names.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Answer, Data, Picture, Severity};
use crate::doc::{Doc, markdown};
use crate::gateway::{View, Wanted};

/// An answer, as text for people and as data for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// The moment of the answer: ages count from here.
    pub at: Timestamp,
    /// The answer as Markdown: at most [`markdown::POST_CHARACTERS`] characters together with an emoji, no `<`
    /// and no `>`, its first line enough for a phone's notification.
    pub text: String,
    /// The same as a document.
    pub doc: Doc,
    /// Whether any of it comes from no real probe.
    pub simulated: bool,
    /// How bad it is.
    pub severity: Severity,
    /// Whether the asker wants everybody in the channel to see it.
    #[serde(skip)]
    pub share: bool,
    /// The question that repeats this answer.
    #[serde(skip)]
    pub again: Option<String>,
    /// What the asker wants done.
    #[serde(skip)]
    pub acts: Vec<Wanted>,
    /// What can be seen beside it.
    #[serde(skip)]
    pub picture: Option<Picture>,
    /// What the answer was made from.
    #[serde(flatten)]
    pub data: Data,
    #[serde(skip)]
    post: OnceLock<Arc<RawValue>>,
}

impl Reply {
    /// The reply of an answer that was made from that view.
    pub fn new(answer: Answer, view: &View<'_>, share: bool) -> Self {
        let Answer { doc, data, severity, again, acts, picture } = answer;
        Reply {
            at: view.now.wall,
            text: markdown::render(&doc),
            doc,
            simulated: view.snapshot.is_simulated(),
            severity,
            share,
            again,
            acts,
            picture,
            data,
            post: OnceLock::new(),
        }
    }

    /// The answer's text with its severity before it, so that it never begins with the trigger word.
    pub fn post(&self) -> String {
        format!("{} {}", self.severity.emoji(), self.text)
    }

    /// The same as JSON, made once for an answer that many get.
    pub fn post_json(&self) -> Arc<RawValue> {
        let json = || match serde_json::value::to_raw_value(&self.post()) {
            Ok(json) => Arc::from(json),
            // A text is always JSON.
            Err(_) => Arc::from(RawValue::NULL.to_owned()),
        };
        Arc::clone(self.post.get_or_init(json))
    }
}
