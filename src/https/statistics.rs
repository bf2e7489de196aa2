//! What was asked over HTTPS: counted while it happens, told to the doctor. It keeps no words and no
//! tokens.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::reading::Stamp;

/// The counters of one server. Its lock is held for one addition, never across an await.
#[derive(Debug, Default)]
pub struct Statistics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    ignored: u64,
    refused: BTreeMap<&'static str, u64>,
    last_question: Option<(String, Stamp)>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many questions were answered.
    pub asked: u64,
    /// How many messages were none of ours and got an empty answer.
    pub ignored: u64,
    /// How many requests were refused, by the reason.
    pub refused: BTreeMap<String, u64>,
    /// The hook that asked last.
    pub last_hook: Option<String>,
    /// How many seconds ago that was.
    pub last_question_age_s: Option<u64>,
}

impl Statistics {
    /// Counts a question by that hook.
    pub fn asked(&self, hook: &str, at: Stamp) {
        self.update(|counts| {
            counts.asked += 1;
            counts.last_question = Some((hook.to_owned(), at));
        });
    }

    /// Counts a message that was none of ours.
    pub fn ignored(&self) {
        self.update(|counts| counts.ignored += 1);
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: &'static str) {
        self.update(|counts| *counts.refused.entry(reason).or_default() += 1);
    }

    /// The counters at the moment `now`.
    pub fn report(&self, now: &Stamp) -> Report {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            asked: counts.asked,
            ignored: counts.ignored,
            refused: counts.refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            last_hook: counts.last_question.as_ref().map(|(hook, _)| hook.clone()),
            last_question_age_s: counts.last_question.as_ref().map(|(_, at)| now.since(at).as_secs()),
        }
    }

    fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
