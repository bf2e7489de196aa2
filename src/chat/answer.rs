//! An answer: a document for people, data for programs, how bad it is, and what the asker wants done.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Data;
use crate::doc::Doc;
use crate::fridge::Verdict;
use crate::gateway::Wanted;

/// What an answer says and asks for, before it is rendered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What a person reads.
    pub doc: Doc,
    /// What a program reads.
    pub data: Data,
    /// How bad it is.
    pub severity: Severity,
    /// The question that repeats this answer, in the configuration's words and none of the asker's; `None` for
    /// an answer that is not about how fridges are.
    pub again: Option<String>,
    /// What the asker wants done.
    pub acts: Vec<Wanted>,
    /// What can be seen beside it.
    pub picture: Option<Picture>,
}

/// The chart of a fridge, as an answer means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The fridge's id.
    pub fridge: String,
    /// The begin of its time.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

impl Answer {
    /// An answer that is not about how fridges are.
    pub fn new(doc: Doc, data: Data) -> Self {
        Answer { doc, data, severity: Severity::Info, again: None, acts: Vec::new(), picture: None }
    }
}

/// How the fridges of an answer are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// One is too warm or too cold.
    Critical,
    /// One has no fresh value.
    Warning,
    /// Nothing was measured yet.
    Pending,
    /// All are in range.
    Ok,
    /// It is not about how fridges are, or there is nothing to judge them by.
    Info,
}

impl Severity {
    /// The severity of an answer about fridges, the worst of whose verdicts is this.
    pub fn of(worst: Option<Verdict>) -> Severity {
        match worst {
            Some(Verdict::Warm | Verdict::Cold) => Severity::Critical,
            Some(Verdict::NoAnswer | Verdict::Stale) => Severity::Warning,
            Some(Verdict::Pending) => Severity::Pending,
            Some(Verdict::InRange) => Severity::Ok,
            Some(Verdict::NoLimits | Verdict::OutOfService) | None => Severity::Info,
        }
    }

    /// An emoji that Mattermost's server knows by this name.
    pub fn emoji(self) -> &'static str {
        match self {
            Severity::Critical => ":rotating_light:",
            Severity::Warning => ":warning:",
            Severity::Pending => ":hourglass:",
            Severity::Ok => ":white_check_mark:",
            Severity::Info => ":thermometer:",
        }
    }
}
