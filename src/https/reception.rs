//! The reception: what the chat paths share. Who may ask, how a refusal is counted, and how an answer
//! is dressed for the hook that asked.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use hyper::StatusCode;
use ipnet::IpNet;
use warp::reply::Response;

use super::refusals::{Refusal, Statistics};
use super::routes::refusal;
use super::signature::Key;
use super::{Hook, post};
use crate::chat::{Gateway, Reply};

/// The reception of the present. It is exchanged as a whole when the configuration is read again: an answer
/// that began with one ends with it.
pub struct Present(RwLock<Arc<Reception>>);

impl Present {
    /// Begins with that one.
    pub fn new(reception: Reception) -> Self {
        Present(RwLock::new(Arc::new(reception)))
    }

    /// The one that serves now. The lock is held for one reference count.
    pub fn get(&self) -> Arc<Reception> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, that one.
    pub fn set(&self, reception: Reception) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(reception);
    }
}

/// What the chat paths share.
pub struct Reception {
    /// Who may ask.
    pub hooks: Vec<Hook>,
    /// A question in a channel begins with one of these words.
    pub trigger_words: Vec<String>,
    /// The gateway as Mattermost reaches it; without it there are no buttons.
    pub url: Option<String>,
    /// From where one may ask; empty for anywhere.
    pub allow: Vec<IpNet>,
    /// What buttons are signed with.
    pub key: Arc<Key>,
    /// What knows the answers.
    pub gateway: Arc<Gateway>,
    /// What counts.
    pub statistics: Arc<Statistics>,
}

impl Reception {
    /// Whether somebody at that address may ask at all.
    pub fn admits(&self, peer: IpAddr) -> bool {
        self.allow.is_empty() || self.names(peer)
    }

    /// Whether `allow` names that address.
    pub fn names(&self, peer: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&peer))
    }

    /// The hook with that token. Every one is compared, each in constant time, so that the time taken
    /// tells nothing.
    ///
    /// # Errors
    /// [`Refusal::NoTokenConfigured`] and [`Refusal::WrongToken`].
    pub fn hook_of(&self, token: &str) -> Result<&Hook, Refusal> {
        if self.hooks.is_empty() {
            return Err(Refusal::NoTokenConfigured);
        }
        self.hooks
            .iter()
            .fold(None, |found, hook| if hook.token.matches(token) { Some(hook) } else { found })
            .ok_or_else(|| Refusal::wrong_token(token))
    }

    /// Answers a hook's question and counts it.
    pub fn ask(&self, hook: &Hook, words: &str) -> Arc<Reply> {
        let reply = self.gateway.answer(words, &hook.scope);
        let now = (self.gateway.clock)();
        self.statistics.asked(&hook.name, now);
        if let crate::chat::Data::Unknown { .. } = reply.data {
            self.statistics.remember(Refusal::UnknownWord, now);
        }
        reply
    }

    /// What an answer's buttons need: where they are pressed, for whom they are, and since when.
    pub fn buttons<'a>(&'a self, hook: &'a Hook, channel: &'a str) -> Option<post::Buttons<'a>> {
        let url = self.url.as_deref()?;
        let now = (self.gateway.clock)().wall;
        Some(post::Buttons { url, key: &self.key, hook: &hook.name, channel, now })
    }

    /// A refusal: counted, remembered for the doctor, and answered with a status and its cure.
    pub fn refuse(&self, why: Refusal) -> Response {
        let status = match why {
            Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::NoTokenConfigured => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::WrongToken { .. } => StatusCode::UNAUTHORIZED,
            Refusal::NotAllowed(_) => StatusCode::FORBIDDEN,
            // These are answered in words, with 200.
            Refusal::Button(_) | Refusal::UnknownWord => StatusCode::OK,
        };
        let answer = refusal(status, &why.cure());
        self.note(why);
        answer
    }

    /// Counts a refusal and remembers it for the doctor.
    pub fn note(&self, why: Refusal) {
        let now = (self.gateway.clock)();
        self.statistics.refused(&why);
        self.statistics.remember(why, now);
    }
}
