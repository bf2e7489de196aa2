//! What other gateways are told: what became of what they wanted done, and of the past what they have missed. It waits behind
//! everything else.

use std::collections::VecDeque;

use super::acts::{Outcome, Response};
use super::past::{self, Question};
use super::payload::{self, Head};
use super::readings::Piece;
use super::topics::Topics;
use crate::mqtt::Publication;

/// The largest number of outcomes that wait: those that are dropped are reported as unconfirmed.
const MOST: usize = 256;

/// What waits.
#[derive(Default)]
pub struct Replies {
    outcomes: VecDeque<Outcome>,
    /// Who has asked what, and a part of the answer; and how many messages of it were sent.
    past: Option<((String, Question, Piece), usize)>,
}

impl Replies {
    /// What became of something that another gateway wanted.
    pub fn add_outcome(&mut self, outcome: Outcome) {
        if self.outcomes.len() < MOST {
            self.outcomes.push_back(outcome);
        }
    }

    /// What a gateway has asked about the past. Only where nothing waits of what another one has asked.
    pub fn add_past(&mut self, answer: (String, Question, Piece)) {
        self.past = Some((answer, 0));
    }

    /// The next message.
    pub fn next(&mut self, topics: &Topics, head: Head<'_>) -> Option<Publication> {
        let (topic, payload) = match (self.outcomes.pop_front(), &mut self.past) {
            (Some(outcome), _) => (topics.acted(), payload::json(&Response { head, outcome: &outcome })),
            (None, Some(((asker, question, piece), part))) => {
                let answer = past::Answer::new(head, question, piece, *part);
                *part += 1;
                let (topic, is_last) = (topics.answers(asker), *part >= answer.parts);
                let payload = payload::json(&answer);
                self.past.take_if(|_| is_last);
                (topic, payload)
            }
            (None, None) => return None,
        };
        Some(Publication::new(topic, payload, false))
    }

    /// Whether nothing waits of what another gateway has asked.
    pub fn has_answered(&self) -> bool {
        self.past.is_none()
    }

    /// Nobody waits for any of these any more.
    pub fn clear(&mut self) {
        *self = Replies::default();
    }
}
