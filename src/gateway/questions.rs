//! The questions since the start: how many of each command, what came of them, and how long their answers took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::state::Histogram;

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// Nobody knew what was meant.
    NotUnderstood,
    /// What was asked for could not be done.
    Failed,
}

/// The questions since the start. Its lock is held for one addition.
#[derive(Debug, Default)]
pub struct Questions {
    counts: Mutex<BTreeMap<(&'static str, Outcome), Histogram>>,
}

impl Questions {
    /// Takes a question in.
    pub fn add(&self, command: &'static str, outcome: Outcome, took: Duration) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.entry((command, outcome)).or_default().add(took);
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<(&'static str, Outcome), Histogram> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
