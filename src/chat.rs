//! The conversation: words in, an answer out, made from one snapshot of the cache.
//!
//! A word is one variant of [`Command`] and one file beside this one. Nothing here waits, reads a
//! clock or touches a bus: a [`View`] holds all that an answer is made from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::cache::{Cache, Snapshot};
use crate::fridge::{Fridge, Verdict};
use crate::history::History;
use crate::reading::{Clock, Stamp};

mod about;
pub mod english;
mod help;
mod history;
mod markdown;
mod minmax;
pub mod names;
mod probes;
mod question;
mod reuse;
mod scope;
mod selection;
mod status;
mod trend;
mod units;

pub use markdown::POST_CHARACTERS;
pub use question::{Command, Question};
pub use reuse::Reuse;
pub use scope::Scope;
pub use units::Units;

/// What answers: the fridges by their names, and what is known of them.
pub struct Gateway {
    /// This gateway's name, where several answer in one channel.
    pub name: Option<String>,
    /// The fridges, in the order of the configuration.
    pub fridges: Vec<Fridge>,
    /// The unit of temperatures, unless a question asks for the other.
    pub units: Units,
    /// What is known of the probes.
    pub cache: Arc<Cache>,
    /// The last 24 hours of the probes.
    pub history: Arc<History>,
    /// The present moment.
    pub clock: Clock,
    /// How many questions were answered.
    pub asked: Arc<AtomicU64>,
    /// The last answer, while it would be made the same again.
    pub reuse: Reuse,
}

impl Gateway {
    /// Answers the words after the trigger word, such as "status milk", to somebody who may see the
    /// fridges of `scope`. Never waits.
    pub fn answer(&self, words: &str, scope: &Scope) -> Arc<Reply> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.reply(words, scope)
    }

    /// The same for nobody: it does not count as a question.
    pub fn reply(&self, words: &str, scope: &Scope) -> Arc<Reply> {
        let (now, snapshot) = ((self.clock)(), self.cache.snapshot());
        if let Some(reply) = self.reuse.get(words, scope, &snapshot, &now) {
            return reply;
        }
        let view = self.view_at(now, snapshot, scope);
        let reply = Arc::new(answer(words, &view));
        self.reuse.keep(words, scope, &view, &reply);
        reply
    }

    /// Everything an answer is made from, at this moment, as `scope` may see it.
    pub fn view(&self, scope: &Scope) -> View<'_> {
        self.view_at((self.clock)(), self.cache.snapshot(), scope)
    }

    fn view_at(&self, now: Stamp, snapshot: Arc<Snapshot>, scope: &Scope) -> View<'_> {
        View {
            now,
            snapshot,
            gateway: self,
            fridges: self.fridges.iter().filter(|fridge| scope.sees(fridge)).collect(),
            everything: scope.is_everything(),
            units: self.units,
        }
    }
}

/// What one answer is made from.
pub struct View<'a> {
    /// The moment of asking.
    pub now: Stamp,
    /// What is known of the probes at that moment.
    pub snapshot: Arc<Snapshot>,
    /// For the gateway's name, the time zone and the history.
    pub gateway: &'a Gateway,
    /// The fridges that the asker may see, in the order of the configuration.
    pub fridges: Vec<&'a Fridge>,
    /// Whether the asker may see everything, probes without a fridge included.
    pub everything: bool,
    /// The unit that the question asks for.
    pub units: Units,
}

/// An answer, as text for people and as data for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// The answer as Markdown: at most [`POST_CHARACTERS`] characters together with a mood, no `<`
    /// and no `>`, its first line enough for a phone's notification.
    pub text: String,
    /// Whether any of it comes from no real probe.
    pub simulated: bool,
    /// How the fridges are that it is about.
    pub mood: Mood,
    /// Whether the asker wants everybody in the channel to see it.
    #[serde(skip)]
    pub share: bool,
    /// The question that makes this answer anew, in the configuration's words and none of the asker's;
    /// `None` for an answer that is not about how fridges are.
    #[serde(skip)]
    pub again: Option<String>,
    /// What the answer was made from.
    #[serde(flatten)]
    pub data: Data,
}

/// How the fridges of an answer are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// One is too warm or too cold.
    Alarming,
    /// One has no fresh value.
    Worrying,
    /// Nothing was measured yet.
    Waiting,
    /// All are in range.
    Well,
    /// It is not about how fridges are.
    Neutral,
}

impl Mood {
    /// The mood of an answer about fridges, the worst of whose verdicts is this.
    fn of(worst: Option<Verdict>) -> Mood {
        match worst {
            Some(Verdict::Warm | Verdict::Cold) => Mood::Alarming,
            Some(Verdict::NoAnswer | Verdict::Stale) => Mood::Worrying,
            Some(Verdict::Pending) => Mood::Waiting,
            Some(Verdict::InRange) => Mood::Well,
            Some(Verdict::OutOfService) | None => Mood::Neutral,
        }
    }

    /// An emoji that Mattermost's server knows by this name.
    pub fn emoji(self) -> &'static str {
        match self {
            Mood::Alarming => ":rotating_light:",
            Mood::Worrying => ":warning:",
            Mood::Waiting => ":hourglass:",
            Mood::Well => ":white_check_mark:",
            Mood::Neutral => ":thermometer:",
        }
    }
}

/// The data behind an answer; temperatures are always in °C.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// How fridges are, the worst first.
    Fridges(Vec<status::Row>),
    /// How fast they change.
    Trends(Vec<trend::Row>),
    /// Their lowest and highest values.
    Extremes(Vec<minmax::Row>),
    /// Their last 24 hours.
    Histories(Vec<history::Row>),
    /// The gateway itself.
    About(about::About),
    /// The words that can be asked.
    Words(Vec<&'static str>),
    /// The question was not understood, or means several fridges.
    Unknown {
        /// What the asker may have meant.
        nearest: Vec<String>,
    },
    /// What hangs on the buses; its two lists stand beside the text.
    #[serde(untagged)]
    Inventory(probes::Inventory),
}

/// The text of an answer, its mood and its data, before it is put together.
type Said = (String, Mood, Data);

/// Answers the words after the trigger word. No words at all ask for the status; words that are
/// none of ours but name a fridge ask for that fridge's.
pub fn answer(words: &str, view: &View<'_>) -> Reply {
    let question = Question::parse(words);
    let view = &View {
        units: question.units.unwrap_or(view.units),
        snapshot: Arc::clone(&view.snapshot),
        fridges: view.fridges.clone(),
        ..*view
    };
    let rest = question.rest.as_str();
    let (text, mood, data) = match question.command {
        Some(Command::Status) => status::answer(rest, view),
        Some(Command::Worst) => status::worst(view),
        Some(Command::Trend) => trend::answer(rest, view),
        Some(Command::MinMax) => minmax::answer(rest, view),
        Some(Command::History) => history::answer(rest, view),
        Some(Command::Probes) => probes::answer(view),
        Some(Command::About) => about::answer(view),
        Some(Command::Help) => help::answer(rest),
        None if selection::names_something(rest, view) => status::answer(rest, view),
        None => help::unknown(rest),
    };
    let again = match (question.command, &data) {
        (Some(Command::Status) | None, Data::Fridges(_)) => status::again(rest, view),
        _ => None,
    };
    Reply { text, simulated: view.snapshot.is_simulated(), mood, share: question.share, again, data }
}

/// The first line of an answer, with what every first line says: which gateway speaks, where it has
/// a name, and that it is simulated, where it is.
fn headline(line: &str, view: &View<'_>) -> String {
    let mut headline = match &view.gateway.name {
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
