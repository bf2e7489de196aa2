//! What was turned away lately: one entry for each address and reason, with a count, so that a peer that asks a
//! thousand times hides no other. And when that is worth a line in the log.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::response::Explanation;

/// How many entries are remembered; beyond that the oldest of the reason that has most goes.
const REMEMBERED: usize = 64;
/// From one line in the log about a reason to the next.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// What was turned away for one reason, from one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// How long ago the last time was.
    #[serde(skip)]
    pub age: Duration,
    /// The same in seconds.
    pub age_s: u64,
    /// How often.
    pub count: u64,
    /// Whom.
    pub peer: Option<IpAddr>,
    /// Why, in a few words.
    pub reason: String,
    /// Why in a sentence, and the cure.
    pub explanation: String,
}

#[derive(Debug)]
struct Entry {
    peer: IpAddr,
    why: Explanation,
    count: u64,
    last: Instant,
}

#[derive(Debug)]
struct Logged {
    at: Instant,
    since: u64,
}

/// What was turned away lately.
#[derive(Debug, Default)]
pub struct Recent {
    /// The newest last.
    entries: Vec<Entry>,
    logged: BTreeMap<&'static str, Logged>,
}

impl Recent {
    /// Takes in one more; returns how many of its reason there were since its last line in the log, where it is time
    /// for another.
    pub fn note(&mut self, peer: IpAddr, why: &Explanation, now: Instant) -> Option<u64> {
        match self.entries.iter().position(|entry| entry.peer == peer && entry.why.reason == why.reason) {
            Some(known) => {
                let mut entry = self.entries.remove(known);
                (entry.count, entry.last) = (entry.count + 1, now);
                // It may hold what this peer sent, such as the end of a token: many of those are one peer still.
                entry.why = why.clone();
                self.entries.push(entry);
            }
            None => {
                if self.entries.len() >= REMEMBERED {
                    self.forget_one();
                }
                self.entries.push(Entry { peer, why: why.clone(), count: 1, last: now });
            }
        }
        let logged = self.logged.entry(why.reason).or_insert(Logged { at: now, since: 0 });
        logged.since += 1;
        let is_due = logged.since == 1 && logged.at == now || now.duration_since(logged.at) >= LOG_AGAIN;
        is_due.then(|| {
            logged.at = now;
            std::mem::take(&mut logged.since)
        })
    }

    fn forget_one(&mut self) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.why.reason).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(reason, _)| reason);
        if let Some(oldest) = self.entries.iter().position(|entry| Some(entry.why.reason) == most) {
            self.entries.remove(oldest);
        }
    }

    /// All of it at that moment, the newest first.
    pub fn all(&self, now: Instant) -> Vec<TurnedAway> {
        let entries = self.entries.iter().rev();
        entries
            .map(|entry| TurnedAway {
                age: now.duration_since(entry.last),
                age_s: now.duration_since(entry.last).as_secs(),
                count: entry.count,
                peer: Some(entry.peer),
                reason: entry.why.reason.to_owned(),
                explanation: entry.why.explanation.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(reason: &'static str) -> Explanation {
        Explanation { reason, explanation: format!("{reason} explained") }
    }

    fn peer(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_stranger_who_asks_and_asks_hides_nobody() {
        let (mut recent, start) = (Recent::default(), Instant::now());
        recent.note(peer(1), &why("wrong token"), start);
        for number in 0..10_000 {
            recent.note(peer(number), &why("not found"), start);
            recent.note(peer(2), &why("not found"), start);
        }
        let all = recent.all(start + Duration::from_secs(7));
        assert_eq!(all.len(), REMEMBERED);
        assert_eq!((all[0].peer, all[0].count, all[0].age_s), (Some(peer(2)), 10_001, 7));
        assert!(all.iter().any(|entry| entry.reason == "wrong token"), "the only one of its reason stays");
    }

    #[test]
    fn a_reason_is_logged_at_once_and_then_once_a_minute_with_a_count() {
        let (mut recent, start) = (Recent::default(), Instant::now());
        let second = |second| start + Duration::from_secs(second);
        let logged: Vec<_> =
            (0..121).filter_map(|at| recent.note(peer(1), &why("not found"), second(at))).collect();
        assert_eq!(logged, [1, 60, 60]);
        assert_eq!(recent.note(peer(1), &why("wrong token"), second(121)), Some(1));
    }
}
