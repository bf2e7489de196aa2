//! What the broker is to keep, topic by topic: only the newest of each is sent, and only where it differs from what was
//! sent on this connection. What the broker keeps beyond that is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many topics are removed at most that nobody knows: whoever may write there could fill the memory.
const MOST_STRANGERS: usize = 10_000;

/// What the broker is to keep.
#[derive(Debug, Default)]
pub struct Retained {
    /// What each topic holds, as a hash of what would make it another.
    wanted: BTreeMap<String, u64>,
    /// What is to be sent; nothing where it is to be removed.
    unsent: BTreeMap<String, Vec<u8>>,
    /// The topics that may be wanted no more when all are given.
    doubted: BTreeSet<String>,
}

impl Retained {
    /// A new connection: everything is to be sent again.
    pub fn forget(&mut self) {
        self.wanted.clear();
        self.unsent.clear();
    }

    /// From here to [`Retained::done`] everything that is wanted is given.
    pub fn begin(&mut self) {
        self.doubted = self.wanted.keys().cloned().collect();
    }

    /// That topic is to hold what `payload` makes, which changes with `key`, and is sent again where it `is_due`.
    pub fn want(&mut self, topic: String, key: &impl Hash, is_due: bool, payload: impl FnOnce() -> Vec<u8>) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let key = hasher.finish();
        self.doubted.remove(&topic);
        if is_due || self.wanted.get(&topic) != Some(&key) {
            self.unsent.insert(topic.clone(), payload());
            self.wanted.insert(topic, key);
        }
    }

    /// What was not given since [`Retained::begin`] is removed.
    pub fn done(&mut self) {
        for topic in std::mem::take(&mut self.doubted) {
            self.wanted.remove(&topic);
            self.unsent.insert(topic, Vec::new());
        }
    }

    /// The broker keeps that topic.
    pub fn found(&mut self, topic: &str) {
        if !self.wanted.contains_key(topic) && self.unsent.len() < MOST_STRANGERS {
            self.unsent.insert(topic.to_owned(), Vec::new());
        }
    }

    /// What is to be sent next.
    pub fn next(&mut self) -> Option<(String, Vec<u8>)> {
        self.unsent.pop_first()
    }

    /// How many topics are to be sent.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(retained: &mut Retained) -> Vec<(String, String)> {
        let text = |payload| String::from_utf8(payload).unwrap();
        std::iter::from_fn(|| retained.next()).map(|(topic, payload)| (topic, text(payload))).collect()
    }

    fn give(retained: &mut Retained, topics: &[(&str, &str)]) {
        retained.begin();
        for (topic, payload) in topics {
            retained.want((*topic).to_owned(), payload, false, || payload.as_bytes().to_vec());
        }
        retained.done();
    }

    #[test]
    fn what_changed_is_sent_once_and_what_is_gone_is_removed() {
        let owned = |topic: &str, payload: &str| (topic.to_owned(), payload.to_owned());
        let mut retained = Retained::default();
        give(&mut retained, &[("a", "1"), ("b", "1")]);
        assert_eq!(sent(&mut retained), [owned("a", "1"), owned("b", "1")]);
        give(&mut retained, &[("a", "1"), ("b", "2")]);
        give(&mut retained, &[("a", "1"), ("b", "3")]);
        assert_eq!(sent(&mut retained), [owned("b", "3")], "only the newest");
        give(&mut retained, &[("b", "3")]);
        assert_eq!(sent(&mut retained), [owned("a", "")]);
        retained.want(String::from("b"), &"3", true, || b"again".to_vec());
        retained.found("b");
        retained.found("c");
        assert_eq!(sent(&mut retained), [owned("b", "again"), owned("c", "")]);
        retained.forget();
        give(&mut retained, &[("b", "3")]);
        assert_eq!(sent(&mut retained), [owned("b", "3")]);
    }

    #[test]
    fn topics_that_nobody_knows_do_not_fill_the_memory() {
        let mut retained = Retained::default();
        (0..100_000).for_each(|number| retained.found(&number.to_string()));
        assert_eq!(retained.unsent(), MOST_STRANGERS);
    }
}
