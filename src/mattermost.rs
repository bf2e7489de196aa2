//! Mattermost's contract: requests of its outgoing webhooks, slash commands and buttons come in, responses that
//! it reads go out, under the names that its own `model` package has for them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::chat::{Chat, Rights, Scope, User};
use crate::https;
use crate::secret::Secret;

mod action;
mod button;
pub mod button_token;
mod command;
mod context;
mod health;
mod picture;
mod picture_address;
mod pictures;
mod rejection;
mod request;
mod response;
mod routes;
mod stats;
mod webhook;

pub use button::{ALARM_BUTTONS, Button};
use button_token::Signer;
use context::Context;
pub use rejection::Rejection;
pub use routes::BODY_BYTES;
use routes::Routes;
pub use stats::{Report, Stats};

/// Who may ask, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The outgoing webhooks and slash commands that may ask.
    pub hooks: Vec<Hook>,
    /// A question begins with one of these words.
    pub trigger_words: Vec<String>,
    /// The gateway as Mattermost reaches it, without a slash at the end; without it there are no buttons.
    pub url: Option<String>,
    /// From where one may ask; empty for anywhere.
    pub allow: Vec<IpNet>,
}

/// One outgoing webhook or slash command of Mattermost.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What people call it, for the doctor and the log.
    pub name: String,
    /// What it proves itself with.
    pub token: Secret,
    /// Where the answer to an outgoing webhook appears.
    pub response: Placement,
    /// Whether everybody in the channel sees the answer to a slash command.
    pub in_channel: bool,
    /// Another name for the answer's author, where Mattermost allows that.
    pub username: Option<String>,
    /// Another picture for the answer's author, where Mattermost allows that.
    pub icon_url: Option<String>,
    /// Which fridges it may see.
    pub scope: Scope,
    /// The names of the users who may act, and not only ask; `None` for everyone.
    pub may_act: Option<Vec<String>>,
}

impl Hook {
    /// What that user may do through it.
    fn rights(&self, user: Option<&User>) -> Rights {
        let is_named = |names: &Vec<String>| {
            user.is_some_and(|user| names.iter().any(|name| name.eq_ignore_ascii_case(&user.name)))
        };
        if self.may_act.as_ref().is_none_or(is_named) { Rights::Act } else { Rights::Read }
    }
}

/// Where the answer to an outgoing webhook appears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// As a post in the channel.
    #[default]
    Post,
    /// As a comment on the question. A question that stands in a thread itself gets no answer at all
    /// then: Mattermost rejects a comment on a comment, and only logs that.
    Comment,
}

/// The service that answers Mattermost.
pub struct Mattermost {
    context: Arc<ArcSwap<Context>>,
    routes: Routes,
    signer: Arc<Signer>,
    stats: Arc<Stats>,
}

impl Mattermost {
    /// Answers by this configuration, with what that chat knows, over a transport that counts in `transport`.
    pub fn new(
        config: Config,
        chat: Arc<Chat>,
        signer: Arc<Signer>,
        transport: Arc<https::stats::Stats>,
    ) -> Self {
        let stats = Arc::new(Stats::default());
        let context = Context::new(config, chat, Arc::clone(&signer), Arc::clone(&stats));
        let context = Arc::new(ArcSwap::from_pointee(context));
        Mattermost { routes: routes::routes(Arc::clone(&context), transport), context, signer, stats }
    }

    /// Answers by another configuration from now on; an answer that has begun ends as it began.
    pub fn reload(&self, config: Config, chat: Arc<Chat>) {
        let context = Context::new(config, chat, Arc::clone(&self.signer), Arc::clone(&self.stats));
        self.context.store(Arc::new(context));
    }

    /// What answers at present.
    pub fn chat(&self) -> Arc<Chat> {
        Arc::clone(&self.context.load().chat)
    }

    /// How many hooks may ask at present.
    pub fn hooks(&self) -> usize {
        self.context.load().hooks.len()
    }

    /// What was asked and what was rejected, counted as it happens.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }
}
