//! State shared by the chat routes: hooks, `allow`, counters, and the questions to the gateway.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::StatusCode;
use ipnet::IpNet;

use super::button_token::Signer;
use super::pictures::Pictures;
use super::rejection::{Elsewhere, Rejection};
use super::request::{OutgoingWebhookPayload, PostActionIntegrationRequest};
use super::response::{self, Buttons};
use super::stats::Stats;
use super::{Config, Hook};
use crate::chat::{Asker, Chat, Data, Reply, Rights, User};
use crate::fridge::Fridge;
use crate::gateway::Gateway;
use crate::https::response::{Explanation, WholeResponse, authenticated, explained, json, rejection};
use crate::text;

/// What the chat routes share. It is exchanged as a whole on reload; a request keeps the one it began with.
pub struct Context {
    /// Who may ask.
    pub hooks: Vec<Hook>,
    /// A question in a channel begins with one of these words.
    pub trigger_words: Vec<String>,
    /// What signs buttons.
    pub signer: Arc<Signer>,
    /// What knows the answers.
    pub chat: Arc<Chat>,
    /// What counts.
    pub stats: Arc<Stats>,
    /// The pictures that were made last.
    pub pictures: Pictures,
    url: Option<String>,
    allow: Vec<IpNet>,
}

impl Context {
    /// The context of this configuration.
    pub fn new(config: Config, chat: Arc<Chat>, signer: Arc<Signer>, stats: Arc<Stats>) -> Self {
        let Config { hooks, trigger_words, url, allow } = config;
        Context { hooks, trigger_words, signer, chat, stats, pictures: Pictures::default(), url, allow }
    }

    /// What the answers are made from.
    pub fn gateway(&self) -> &Gateway {
        self.chat.gateway()
    }

    /// Whether that address may ask at all.
    pub fn is_allowed(&self, peer: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(&peer))
    }

    /// The hook with that token. Every one is compared, each in constant time, so that the time taken
    /// tells nothing.
    ///
    /// # Errors
    /// [`Rejection::NoTokenConfigured`] and [`Rejection::WrongToken`].
    pub fn hook_of(&self, token: &str) -> Result<&Hook, Rejection> {
        if self.hooks.is_empty() {
            return Err(Rejection::NoTokenConfigured);
        }
        self.hooks
            .iter()
            .fold(None, |found, hook| if hook.token.matches(token) { Some(hook) } else { found })
            .ok_or_else(|| Rejection::wrong_token(token))
    }

    /// Answers a hook's question and counts it.
    pub async fn ask(&self, hook: &Hook, payload: &OutgoingWebhookPayload, words: &str) -> Arc<Reply> {
        let user = user(&payload.user_id, &payload.user_name);
        self.answer(asker(hook, user, &payload.channel_id), hook, words).await
    }

    /// Answers what a button of a hook asks, and counts it.
    pub async fn ask_for(
        &self,
        hook: &Hook,
        request: &PostActionIntegrationRequest,
        words: &str,
    ) -> Arc<Reply> {
        let user = user(&request.user_id, &request.user_name);
        self.answer(asker(hook, user, &request.channel_id), hook, words).await
    }

    /// Does what a button below an alarm of that fridge says.
    pub async fn press(
        &self,
        request: &PostActionIntegrationRequest,
        fridge: &Fridge,
        words: &str,
    ) -> Arc<Reply> {
        let user = user(&request.user_id, &request.user_name);
        let rights = self.rights_below_an_alarm(fridge, user.as_ref());
        let (hook, channel) = (Some(String::from("button")), Some(request.channel_id.clone()));
        self.chat.ask(words, &Asker { user, hook, channel, ..Asker::local(rights) }).await
    }

    /// No hook posted the alarm, so whoever may act through any hook that sees the fridge may press.
    fn rights_below_an_alarm(&self, fridge: &Fridge, user: Option<&User>) -> Rights {
        let seeing = self.hooks.iter().filter(|hook| hook.scope.sees(fridge));
        let without_hooks = if self.hooks.is_empty() { Rights::Act } else { Rights::Read };
        seeing.map(|hook| hook.rights(user)).max().unwrap_or(without_hooks)
    }

    async fn answer(&self, asker: Asker, hook: &Hook, words: &str) -> Arc<Reply> {
        let reply = self.chat.ask(words, &asker).await;
        let now = self.gateway().now();
        self.stats.asked(&hook.name, now);
        if let Data::Unknown { .. } = reply.data {
            self.stats.remember(Rejection::UnknownWord, None, now);
        }
        reply
    }

    /// What is asked on the other's path: its asker is told, and the doctor.
    pub fn elsewhere(&self, hook: &Hook, what: Elsewhere) -> WholeResponse {
        self.stats.asked(&hook.name, self.gateway().now());
        self.count(Rejection::Elsewhere(what), None);
        let is_command = what == Elsewhere::CommandOnWebhook;
        authenticated(json(StatusCode::OK, &response::notice(text::elsewhere(is_command), is_command)))
    }

    /// What an answer's buttons need; `None` where they could not be pressed.
    pub fn buttons<'a>(&'a self, hook: &'a Hook, channel: &'a str) -> Option<Buttons<'a>> {
        let url = self.url.as_deref()?;
        let now = self.gateway().now().wall;
        Some(Buttons { url, signer: &self.signer, hook: self.signer.mark(&hook.token), channel, now })
    }

    /// A rejection: counted, and answered with a status and its cure. The transport remembers it for the doctor.
    pub fn reject(&self, why: Rejection) -> WholeResponse {
        self.stats.rejected(&why);
        let response = rejection(why.status(), &why.cure());
        explained(response, Explanation { reason: why.reason(), explanation: why.explanation() })
    }

    /// Counts a rejection that is answered in words, and remembers it for the doctor; with the address where no token has
    /// shown that it is Mattermost's.
    pub fn count(&self, why: Rejection, peer: Option<IpAddr>) {
        self.stats.rejected(&why);
        self.stats.remember(why, peer, self.gateway().now());
    }
}

fn user(id: &str, name: &str) -> Option<User> {
    (!id.is_empty()).then(|| User { id: id.to_owned(), name: name.to_owned() })
}

fn asker(hook: &Hook, user: Option<User>, channel: &str) -> Asker {
    let channel = (!channel.is_empty()).then(|| channel.to_owned());
    let rights = hook.rights(user.as_ref());
    Asker { scope: hook.scope.clone(), hook: Some(hook.name.clone()), user, channel, rights }
}
