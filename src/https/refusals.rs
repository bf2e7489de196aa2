//! What was asked and what was refused: counted while it happens, told to the doctor. The last
//! refusals are kept in memory only; no words and no whole token are.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::reading::Stamp;

/// How many refusals are remembered.
const REMEMBERED: usize = 32;
/// How many of a wrong token's characters are kept, and how long it must be for that: of a shorter one
/// they would say too much.
const TOKEN_TAIL: usize = 4;
const TOKEN_LENGTH: usize = 16;

/// Why a request was refused, or got no answer to what it meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither form nor JSON.
    ContentType,
    /// Broken, and how.
    Malformed(String),
    /// There is no hook in the configuration.
    NoTokenConfigured,
    /// No hook has that token.
    WrongToken {
        /// Its last characters, where it is long enough.
        tail: Option<String>,
    },
    /// The caller's address is not in `allow`.
    NotAllowed(IpAddr),
    /// A button whose context does not hold.
    Button(&'static str),
    /// Answered, but the word was none of ours.
    UnknownWord,
}

impl Refusal {
    /// The refusal of a token.
    pub fn wrong_token(token: &str) -> Refusal {
        let letters: Vec<char> = token.chars().collect();
        let printable = letters.iter().all(char::is_ascii_graphic);
        let tail = (printable && letters.len() >= TOKEN_LENGTH)
            .then(|| letters[letters.len() - TOKEN_TAIL..].iter().collect());
        Refusal::WrongToken { tail }
    }

    /// The reason in two words, by which refusals are counted.
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::ContentType => "content type",
            Refusal::Malformed(_) => "malformed",
            Refusal::NoTokenConfigured => "no token configured",
            Refusal::WrongToken { .. } => "wrong token",
            Refusal::NotAllowed(_) => "address not allowed",
            Refusal::Button(_) => "button",
            Refusal::UnknownWord => "unknown word",
        }
    }

    /// What the caller is told: the reason and the cure.
    pub fn cure(&self) -> String {
        match self {
            Refusal::ContentType => {
                "the content type must be application/x-www-form-urlencoded or application/json".into()
            }
            Refusal::Malformed(how) => how.clone(),
            Refusal::NoTokenConfigured => {
                "no token is configured: put the one that Mattermost shows into a [[hook]] of the configuration".into()
            }
            Refusal::WrongToken { .. } => {
                "the token is none of the configured hooks': copy the one that Mattermost shows into the configuration".into()
            }
            Refusal::NotAllowed(_) => "this address may not ask: the configuration's `allow` names those that may".into(),
            Refusal::Button(why) => (*why).into(),
            Refusal::UnknownWord => "the word is none of those that `fridge help` lists".into(),
        }
    }

    /// What only the administrator is told.
    fn explanation(&self) -> String {
        match self {
            Refusal::WrongToken { tail: Some(tail) } => {
                format!(
                    "a token that ends in {tail}, which is none of the configured hooks': it was made anew in Mattermost, or is another hook's"
                )
            }
            Refusal::WrongToken { tail: None } => String::from(
                "no token, or one too short to be Mattermost's: the caller is not Mattermost, or the hook is of another kind",
            ),
            Refusal::NotAllowed(address) => {
                format!(
                    "{address} is not in `allow`: add it there if it is the chat server's (\"{address}/{}\")",
                    if address.is_ipv4() { 32 } else { 128 }
                )
            }
            other => other.cure(),
        }
    }
}

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
    last_refusals: VecDeque<(Refusal, Stamp)>,
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

/// One refusal that is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// How many seconds ago it was.
    pub age_s: u64,
    /// The reason in two words.
    pub reason: String,
    /// The reason in a sentence, and the cure.
    pub explanation: String,
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
    pub fn refused(&self, why: &Refusal) {
        self.update(|counts| *counts.refused.entry(why.reason()).or_default() += 1);
    }

    /// Remembers a refusal, and forgets the oldest where there are too many.
    pub fn remember(&self, why: Refusal, at: Stamp) {
        self.update(|counts| {
            counts.last_refusals.truncate(REMEMBERED - 1);
            counts.last_refusals.push_front((why, at));
        });
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

    /// The last refusals at the moment `now`, the newest first.
    pub fn last_refusals(&self, now: &Stamp) -> Vec<Remembered> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let refusals = counts.last_refusals.iter();
        refusals
            .map(|(why, at)| Remembered {
                age_s: now.since(at).as_secs(),
                reason: why.reason().to_owned(),
                explanation: why.explanation(),
            })
            .collect()
    }

    fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_wrong_token_only_the_end_is_kept_and_of_a_short_one_nothing() {
        let tail = |token: &str| match Refusal::wrong_token(token) {
            Refusal::WrongToken { tail } => tail,
            _ => None,
        };
        assert_eq!(tail("i8ge9icprrz8ppjsg7ncawuf8a").as_deref(), Some("uf8a"));
        assert_eq!(tail("hunter2"), None);
        assert_eq!(tail("a token with blanks in it"), None);
        assert_eq!(tail(""), None);
    }

    #[test]
    fn only_the_last_refusals_are_remembered() {
        let statistics = Statistics::default();
        let at = |seconds| Stamp {
            mono: std::time::Duration::from_secs(seconds),
            wall: jiff::Timestamp::UNIX_EPOCH,
        };
        for second in 0..100 {
            statistics.remember(Refusal::ContentType, at(second));
        }
        let last = statistics.last_refusals(&at(100));
        assert_eq!(last.len(), REMEMBERED);
        assert_eq!((last[0].age_s, last[REMEMBERED - 1].age_s), (1, REMEMBERED as u64));
    }
}
