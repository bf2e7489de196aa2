//! What other gateways are told: what became of what they wanted done, and of the past what they have missed. It waits behind
//! everything else.

use std::collections::VecDeque;

use super::acts::{Outcome, Response};
use super::outgoing::EXPIRY;
use super::past::{self, Question};
use super::payload::{self, Head};
use super::readings::Piece;
use super::topics::Topics;
use crate::mqtt::Publication;

/// So many wait at the most; what is dropped is asked for again, or told to be unconfirmed.
const MOST: usize = 256;

/// What waits.
#[derive(Default)]
pub struct Replies(VecDeque<Publication>);

impl Replies {
    /// What became of something that another gateway wanted.
    pub fn add_outcome(&mut self, topics: &Topics, head: Head<'_>, outcome: &Outcome) {
        if self.0.len() < MOST {
            self.add(topics.acted(), payload::json(&Response { head, outcome }));
        }
    }

    /// What a gateway has asked about the past: all of a part of it. Only where nothing else waits.
    pub fn add_past(
        &mut self,
        topics: &Topics,
        head: Head<'_>,
        (asker, question, piece): &(String, Question, Piece),
    ) {
        for answer in past::answers(head, question, piece) {
            self.add(topics.answers(asker), answer);
        }
    }

    fn add(&mut self, topic: String, payload: Vec<u8>) {
        let publication = Publication::new(topic, payload, false);
        self.0.push_back(Publication { expiry: Some(EXPIRY), ..publication });
    }

    /// The next one.
    pub fn next(&mut self) -> Option<Publication> {
        self.0.pop_front()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nobody waits for these any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
