//! The conversation: words in, an answer out, made from one snapshot.
//!
//! A word is one variant of [`Command`] and one file beside this one. Making an answer waits for nothing, reads no
//! clock and touches no bus: a [`View`] holds all that it is made from.

use std::sync::Arc;

use crate::doc::{Doc, Text, terminal};
use crate::gateway::{Gateway, Outcome, Unread, View, Wanted};
use crate::reading::Stamp;
use crate::recorder::By;
use crate::text;

mod about;
mod alarms;
mod answer;
mod asked;
mod asker;
mod calibrate;
mod chart;
mod command;
pub mod data;
mod help;
mod hint;
mod history;
mod minmax;
mod probes;
mod reply;
mod reply_cache;
mod report;
mod request;
mod rules;
mod selection;
mod since;
mod status;
mod trend;

pub use crate::gateway::Scope;
pub use alarms::line as alarm_line;
pub use answer::{Answer, Picture, Severity};
pub use asker::{Asker, Rights, User};
pub use command::Command;
pub use data::Data;
pub use reply::Reply;
use reply_cache::ReplyCache;
pub use request::Request;
pub use rules::of as rules_of;

/// A gateway that can be asked.
pub struct Chat {
    gateway: Gateway,
    cache: ReplyCache,
}

impl Chat {
    /// Answers with what that gateway knows.
    pub fn new(gateway: Gateway) -> Self {
        Chat { gateway, cache: ReplyCache::default() }
    }

    /// What the answers are made from.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Locks the answering path for ever, to see the watchdog bite. Only in a debug build.
    #[cfg(debug_assertions)]
    pub fn lock_for_ever(&self) {
        self.cache.lock_for_ever();
    }

    /// Answers the words after the trigger word, such as "status milk". An answer that only reads is there at
    /// once; one that wants something done waits until that is recorded.
    pub async fn ask(&self, words: &str, asker: &Asker) -> Arc<Reply> {
        let began = self.gateway.now();
        self.gateway.count_question();
        let request = Request::parse(words);
        let command = request.command.unwrap_or(Command::Status);
        let reply = if asked::needs_past(&request, || self.gateway.view(&asker.scope)) {
            self.ask_past(request, asker).await
        } else {
            self.carry_out(self.reply(words, asker), asker).await
        };
        self.note(command, &reply, &began);
        reply
    }

    /// Notes what came of a question.
    fn note(&self, command: Command, reply: &Reply, began: &Stamp) {
        let outcome = match reply.data {
            Data::Unknown { .. } => Outcome::NotUnderstood,
            Data::Error(_) => Outcome::Failed,
            _ => Outcome::Answered,
        };
        self.gateway.answered(command.word(), outcome, self.gateway.now().since(began));
    }

    /// Answers what is made of the past, in a thread that may wait for the disk; whoever asks waits for it, and nobody else.
    async fn ask_past(&self, request: Request, asker: &Asker) -> Arc<Reply> {
        let scope = asker.scope.clone();
        let read = self.gateway.read_past(move |gateway| {
            let view = gateway.view(&scope);
            Arc::new(Reply::new(answer(&request, &view), &view, request.share))
        });
        let refused = |why: &str| {
            let view = self.gateway.view(&asker.scope);
            Arc::new(Reply::new(asked::unreadable(why, &view), &view, false))
        };
        match read.await {
            Ok(reply) => reply,
            Err(Unread::Busy) => refused(text::past::BUSY),
            Err(Unread::Slow) => refused(text::past::SLOW),
        }
    }

    /// Has done what a reply wants, and returns it once that is recorded; else a reply that says why not.
    async fn carry_out(&self, reply: Arc<Reply>, asker: &Asker) -> Arc<Reply> {
        if reply.acts.is_empty() {
            return reply;
        }
        let by = By { user: asker.user.as_ref().map(|user| user.name.clone()), is_told: false };
        let done = if asker.rights < Rights::Act {
            Err(Text::sentence(match asker.hook {
                Some(_) => text::MAY_NOT_ACT_IN_CHANNEL,
                None => text::MAY_NOT_ACT,
            }))
        } else {
            self.gateway.perform(reply.acts.clone(), by).await.map_err(|undone| undone.text())
        };
        match done {
            Ok(()) => reply,
            Err(why) => {
                let view = self.gateway.view(&asker.scope);
                let plain = terminal::line(&why);
                let answer = Answer::new(doc(why, &view), Data::Error(plain));
                Arc::new(Reply::new(answer, &view, false))
            }
        }
    }

    /// Has something done that somebody wants elsewhere than in the channel, which is told of it; returns once it is recorded.
    ///
    /// # Errors
    /// What was not done, in words.
    pub async fn act(&self, acts: Vec<Wanted>, user: &str) -> Result<(), String> {
        let by = By { user: Some(user.to_owned()), is_told: true };
        self.gateway.perform(acts, by).await.map_err(|undone| terminal::line(&undone.text()))
    }

    /// Answers, and counts the question; whatever it wants done is left to the caller. Never waits.
    pub fn answer(&self, words: &str, asker: &Asker) -> Arc<Reply> {
        let began = self.gateway.now();
        self.gateway.count_question();
        let reply = self.reply(words, asker);
        self.note(Request::parse(words).command.unwrap_or(Command::Status), &reply, &began);
        reply
    }

    /// Like [`answer`](Self::answer), without counting it (for the watchdog's self-check).
    pub fn reply(&self, words: &str, asker: &Asker) -> Arc<Reply> {
        let (now, snapshot) = (self.gateway.now(), self.gateway.snapshot());
        if let Some(reply) = self.cache.get(words, &asker.scope, &snapshot, &now) {
            return reply;
        }
        let view = self.gateway.view_at(now, snapshot, &asker.scope);
        let request = Request::parse(words);
        let reply = Arc::new(Reply::new(answer(&request, &view), &view, request.share));
        self.cache.keep(words, &asker.scope, &view, &reply);
        reply
    }
}

/// Answers a request. No words at all ask for the status; words that are none of ours but name a fridge ask for
/// that fridge's.
pub fn answer(request: &Request, view: &View<'_>) -> Answer {
    let view = &View { units: request.units.unwrap_or(view.units), ..view.clone() };
    match meant(request, view) {
        Some((command, rest)) => hint::instead_of(answer_to(command, rest, view), command, rest, view),
        None => help::unknown(&request.rest),
    }
}

/// The command that is meant, and the words behind it.
fn meant<'a>(request: &'a Request, view: &View<'_>) -> Option<(Command, &'a str)> {
    let rest = request.rest.as_str();
    match request.command {
        Some(command) => Some((command, rest)),
        None if selection::names_something(rest, view) => Some((Command::Status, rest)),
        None => {
            let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            Some((Command::meant_by(first)?, behind))
        }
    }
}

fn answer_to(command: Command, rest: &str, view: &View<'_>) -> Answer {
    match command {
        Command::Status => status::answer(rest, view),
        Command::Worst => status::worst(view),
        Command::Trend => trend::answer(rest, view),
        Command::MinMax => minmax::answer(rest, view),
        Command::History => history::answer(rest, view),
        Command::Chart => chart::answer(rest, view),
        Command::Since => since::answer(rest, view),
        Command::Report => report::answer(rest, view),
        Command::Alarms => alarms::answer(view),
        Command::Ack => alarms::acknowledge(rest, view),
        Command::Snooze => alarms::snooze(rest, view),
        Command::Defrost => alarms::defrost(rest, view),
        Command::Drill => alarms::drill(rest, view),
        Command::Rules => rules::answer(rest, view),
        Command::Calibrate => calibrate::answer(rest, view),
        Command::Probes => probes::answer(view),
        Command::About => about::answer(view),
        Command::Help => help::answer(rest),
    }
}

/// The document of an answer that begins with that line.
fn doc(line: impl Into<crate::doc::Text>, view: &View<'_>) -> Doc {
    Doc::new(text::headline(line, view.name, view.snapshot.is_simulated()))
}

#[cfg(test)]
mod tests;
