//! The conversation: words in, an answer out, made from one snapshot of the cache.
//!
//! A word is one variant of [`Command`] and one file beside this one. Nothing here waits, reads a
//! clock or touches a bus: a [`View`] holds all that an answer is made from.

use std::sync::Arc;

use serde::Serialize;

use crate::cache::{Cache, Snapshot};
use crate::fridge::Fridge;
use crate::reading::{Clock, Stamp};

pub mod english;
mod help;
mod markdown;
mod names;
mod probes;
mod status;

pub use markdown::POST_CHARACTERS;

/// What answers: the fridges by their names, and what is known of them.
pub struct Gateway {
    /// This gateway's name, where several answer in one channel.
    pub name: Option<String>,
    /// The fridges, in the order of the configuration.
    pub fridges: Vec<Fridge>,
    /// What is known of the probes.
    pub cache: Arc<Cache>,
    /// The present moment.
    pub clock: Clock,
}

impl Gateway {
    /// Answers the words after the trigger word: "status milk". Never waits.
    pub fn answer(&self, words: &str) -> Reply {
        answer(words, &self.view())
    }

    /// Everything an answer is made from, at this moment.
    pub fn view(&self) -> View<'_> {
        View {
            now: (self.clock)(),
            snapshot: self.cache.snapshot(),
            cache: &self.cache,
            name: self.name.as_deref(),
            fridges: &self.fridges,
        }
    }
}

/// What one answer is made from.
pub struct View<'a> {
    /// The moment of asking.
    pub now: Stamp,
    /// What is known of the probes at that moment.
    pub snapshot: Arc<Snapshot>,
    /// For the time zone in which days begin.
    pub cache: &'a Cache,
    /// The gateway's name, if it has one.
    pub name: Option<&'a str>,
    /// The fridges, in the order of the configuration.
    pub fridges: &'a [Fridge],
}

/// An answer, as text for people and as data for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// The answer as Markdown: at most [`POST_CHARACTERS`] characters, no `<` and no `>`, its first
    /// line enough for a phone's notification.
    pub text: String,
    /// Whether any of it comes from no real probe.
    pub simulated: bool,
    /// What the answer was made from.
    #[serde(flatten)]
    pub data: Data,
}

/// The data behind an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// How fridges are, the worst first.
    Fridges(Vec<status::Row>),
    /// What hangs on the buses.
    Probes(Vec<probes::Row>),
    /// The words that can be asked.
    Words(Vec<&'static str>),
    /// The question was not understood.
    Unknown {
        /// What the asker may have meant.
        nearest: Option<String>,
    },
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// How the fridges are, or those that the rest of the question names.
    Status,
    /// What hangs on the buses.
    Probes,
    /// What can be asked.
    Help,
}

impl Command {
    /// Every command, in the order in which `help` lists them.
    pub const ALL: [Command; 3] = [Command::Status, Command::Probes, Command::Help];

    /// The word that asks for it.
    pub fn word(self) -> &'static str {
        match self {
            Command::Status => "status",
            Command::Probes => "probes",
            Command::Help => "help",
        }
    }

    /// How it is asked, behind the trigger word.
    pub fn usage(self) -> &'static str {
        match self {
            Command::Status => "status [fridge]",
            Command::Probes => "probes",
            Command::Help => "help",
        }
    }

    /// What it answers, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Command::Status => {
                "how all fridges are, or one of them in detail: `status milk`; any part of the name will do"
            }
            Command::Probes => "what hangs on the buses, and which fridge each probe is in",
            Command::Help => "this list",
        }
    }

    fn of(word: &str) -> Option<Command> {
        let word = names::fold(word);
        Command::ALL.into_iter().find(|command| command.word() == word)
    }
}

/// Answers the words after the trigger word. No words at all ask for the status; words that are
/// none of ours but name a fridge ask for that fridge's.
pub fn answer(words: &str, view: &View<'_>) -> Reply {
    let words = words.trim();
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let (text, data) = match Command::of(first) {
        Some(Command::Status) => status::answer(rest, view),
        Some(Command::Probes) => probes::answer(view),
        Some(Command::Help) => help::answer(),
        None if first.is_empty() => status::answer("", view),
        None if status::names_a_fridge(words, view) => status::answer(words, view),
        None => help::unknown(first),
    };
    Reply { text, simulated: view.snapshot.is_simulated(), data }
}

/// The first line of an answer, with what every first line says: which gateway speaks, where it has
/// a name, and that it is simulated, where it is.
fn headline(line: &str, view: &View<'_>) -> String {
    let mut headline = match view.name {
        Some(name) => format!("{}: {line}", markdown::escape(name)),
        None => line.to_owned(),
    };
    if view.snapshot.is_simulated() {
        headline.push_str(&format!(" ({})", english::SIMULATED));
    }
    headline
}

#[cfg(test)]
mod tests;
