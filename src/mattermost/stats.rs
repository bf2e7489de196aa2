//! What was asked and what was rejected: counted while it happens, for `fridge doctor`. The last rejections are
//! kept in memory only; never message text, never a whole token.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::rejection::Rejection;
use crate::https::TurnedAway;
use crate::reading::Stamp;

/// How many rejections are remembered.
const RECENT: usize = 32;

/// The counters of one server. Its lock is held for one addition, never across an await.
#[derive(Debug, Default)]
pub struct Stats {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    ignored: u64,
    rejected: BTreeMap<&'static str, u64>,
    last_question: Option<(String, Stamp)>,
    recent_rejections: VecDeque<Remembered>,
}

/// A rejection that was answered in words, and how often; of one address, or of whoever has a token.
#[derive(Debug)]
struct Remembered {
    why: Rejection,
    peer: Option<IpAddr>,
    count: u64,
    last: Stamp,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many questions were answered.
    pub asked: u64,
    /// How many messages were none of ours and got an empty answer.
    pub ignored: u64,
    /// How many requests were rejected, by the reason.
    pub rejected: BTreeMap<String, u64>,
    /// The hook that asked last.
    pub last_hook: Option<String>,
    /// How many seconds ago that was.
    pub last_question_age_s: Option<u64>,
}

impl Stats {
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

    /// Counts a rejection.
    pub fn rejected(&self, why: &Rejection) {
        self.update(|counts| *counts.rejected.entry(why.reason()).or_default() += 1);
    }

    /// Remembers a rejection, and forgets the oldest where there are too many.
    pub fn remember(&self, why: Rejection, peer: Option<IpAddr>, at: Stamp) {
        self.update(|counts| {
            let recent = &mut counts.recent_rejections;
            let known = recent.iter().position(|known| known.why == why && known.peer == peer);
            let before = known.and_then(|index| recent.remove(index));
            recent.truncate(RECENT - 1);
            let count = before.map_or(1, |before| before.count + 1);
            recent.push_front(Remembered { why, peer, count, last: at });
        });
    }

    /// The counters at the moment `now`.
    pub fn report(&self, now: &Stamp) -> Report {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            asked: counts.asked,
            ignored: counts.ignored,
            rejected: counts.rejected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            last_hook: counts.last_question.as_ref().map(|(hook, _)| hook.clone()),
            last_question_age_s: counts.last_question.as_ref().map(|(_, at)| now.since(at).as_secs()),
        }
    }

    /// The last rejections that were answered in words, at the moment `now`, the newest first.
    pub fn recent_rejections(&self, now: &Stamp) -> Vec<TurnedAway> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let rejections = counts.recent_rejections.iter();
        rejections
            .map(|Remembered { why, peer, count, last }| TurnedAway {
                age: now.since(last),
                age_s: now.since(last).as_secs(),
                count: *count,
                peer: *peer,
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
    fn equal_rejections_are_one_with_a_count_and_only_the_recent_ones_are_remembered() {
        let stats = Stats::default();
        let at = |seconds| Stamp {
            mono: std::time::Duration::from_secs(seconds),
            wall: jiff::Timestamp::UNIX_EPOCH,
        };
        for second in 0..100 {
            stats.remember(Rejection::UnknownWord, None, at(second));
            stats.remember(Rejection::Malformed(second.to_string()), None, at(second));
        }
        let last = stats.recent_rejections(&at(100));
        assert_eq!(last.len(), RECENT);
        assert_eq!((last[0].age_s, last[RECENT - 1].age_s), (1, RECENT as u64 - 1));
        assert_eq!((last[1].count, last[1].reason.as_str()), (100, "not understood"));
    }
}
