//! What other gateways ask about the past, because they have missed something: each of them a part of it at a time, in turn,
//! and slowly enough that whoever asks in the channel does not wait for it.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::payload::{Head, Reading, SCHEMA};
use super::readings::{self, MOST, Piece, Reads};
use crate::chat::Chat;
use crate::gateway::Unread;
use crate::history::PastError;

/// The largest number of questions that wait.
const MOST_ASKERS: usize = 16;
/// The pause between two answers.
const BETWEEN: Duration = Duration::from_millis(100);
/// The pause before another try where others are reading the past.
const BUSY: Duration = Duration::from_secs(1);
/// Nobody waits for an answer for longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest name of another gateway in a topic, and the longest id of a question, in bytes.
const LONGEST_NAME: usize = 120;
const LONGEST_ID: usize = 40;

/// What another gateway asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// [`SCHEMA`]
    pub schema: u32,
    /// Which question it is.
    pub id: String,
    /// What was read from then on …
    pub from: Timestamp,
    /// … and before that.
    pub to: Timestamp,
}

/// A part of an answer.
#[derive(Serialize)]
pub struct Answer<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    /// Which question it answers.
    id: &'a str,
    /// Which message of the answer it is, from 0 on …
    part: usize,
    /// … and of how many.
    pub parts: usize,
    /// These messages hold all that was read from then on …
    from: Timestamp,
    /// … and before that, which may be less than what was asked for.
    to: Timestamp,
    readings: &'a [Reading],
}

impl<'a> Answer<'a> {
    /// That message of an answer.
    pub fn new(head: Head<'a>, question: &'a Question, piece: &'a Piece, part: usize) -> Answer<'a> {
        let (begin, all) = ((part * MOST).min(piece.readings.len()), piece.readings.len());
        let readings = &piece.readings[begin..(begin + MOST).min(all)];
        let (id, from, to) = (&question.id, question.from, piece.to);
        Answer { head, id, part, parts: all.div_ceil(MOST).max(1), from, to, readings }
    }
}

/// The questions that wait, by who asks them.
#[derive(Default)]
pub struct Questions {
    waiting: VecDeque<Waiting>,
    reads: Option<Reads>,
    not_before: Option<Instant>,
}

struct Waiting {
    asker: String,
    question: Question,
    since: Instant,
}

impl Questions {
    /// The gateway of that name asks something; what it has asked before does not matter any more.
    pub fn heard(&mut self, asker: &str, payload: &[u8]) {
        let Ok(question) = serde_json::from_slice::<Question>(payload) else { return };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_ours = question.schema == SCHEMA
            && asker.len() <= LONGEST_NAME
            && question.id.len() <= LONGEST_ID
            && question.id.bytes().all(is_plain);
        if !is_ours || question.from >= question.to {
            return;
        }
        // One that is being answered is left to that.
        let first = usize::from(self.reads.is_some());
        let (is_full, since) = (self.waiting.len() >= MOST_ASKERS, Instant::now());
        match self.waiting.iter_mut().skip(first).find(|waiting| waiting.asker == asker) {
            Some(known) => (known.question, known.since) = (question, since),
            None if !is_full => {
                self.waiting.push_back(Waiting { asker: asker.to_owned(), question, since });
            }
            None => {}
        }
    }

    /// Waits for the next answer: who has asked what, and the first part of it. May be given up and called again.
    ///
    /// # Errors
    /// Why the past cannot be read.
    pub async fn next(&mut self, chat: &Arc<Chat>) -> Result<(String, Question, Piece), PastError> {
        loop {
            let Some(Waiting { question, since, .. }) = self.waiting.front() else { return pending().await };
            if self.reads.is_none() && since.elapsed() >= PATIENCE {
                self.waiting.pop_front();
                continue;
            }
            sleep_until(self.not_before.unwrap_or_else(Instant::now)).await;
            // What is still to come is nobody's past.
            let (from, to) = (question.from, question.to.min(chat.gateway().now().wall));
            let piece = self.reads.get_or_insert_with(|| readings::read(chat, from, to, false)).await;
            self.reads = None;
            if matches!(piece, Err(Unread::Busy)) {
                self.not_before = Some(Instant::now() + BUSY);
                continue;
            }
            self.not_before = Some(Instant::now() + BETWEEN);
            let (Some(Waiting { asker, question, .. }), Ok(piece)) = (self.waiting.pop_front(), piece) else {
                // The disk is too slow for this; whoever asked asks again.
                continue;
            };
            return piece.map(|piece| (asker, question, piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notify::mqtt::Topics;
    use crate::notify::mqtt::replies::Replies;
    use crate::reading::Celsius;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn question(id: &str, from: i64) -> Value {
        json!({ "schema": 1, "id": id, "from": at(from), "to": at(1_000) })
    }

    #[test]
    fn an_answer_says_of_which_time_it_is_all_and_each_message_which_part() {
        let topics = Topics::new("north", None);
        let head = Head { schema: SCHEMA, gateway: "north", boot: "b", t: at(2_000) };
        let reading = |second| Reading::new("milk", at(second), Ok(Celsius::from_sixteenths(64)));
        let of = |count: i64| {
            let piece =
                Piece { readings: (0..count).map(reading).collect(), to: at(300), ..Piece::default() };
            let question = Question { schema: SCHEMA, id: String::from("7"), from: at(0), to: at(900) };
            let mut replies = Replies::default();
            replies.add_past((String::from("office"), question, piece));
            let mut all = Vec::new();
            while let Some(reply) = replies.next(&topics, head.clone()) {
                assert_eq!(reply.topic, "fridge/north/answers/office");
                all.push(serde_json::from_slice::<Value>(&reply.payload).unwrap());
                assert_eq!(replies.has_answered(), all.len() == all[0]["parts"]);
            }
            all
        };
        let three = of(2 * MOST as i64 + 1);
        let parts: Vec<_> =
            three.iter().map(|it| (it["part"].clone(), it["readings"].as_array().unwrap().len())).collect();
        assert_eq!(parts, [(0.into(), MOST), (1.into(), MOST), (2.into(), 1)]);
        assert!(three.iter().all(|it| it["parts"] == 3 && it["from"] == at(0).to_string()));
        let none = of(0);
        assert_eq!((none.len(), &none[0]["to"]), (1, &at(300).to_string().into()), "there was nothing");
    }

    #[test]
    fn each_gateway_has_one_question_and_rubbish_is_none() {
        let mut questions = Questions::default();
        for rubbish in [
            json!({}),
            json!({ "schema": 2, "id": "1", "from": at(0), "to": at(1) }),
            json!({ "schema": 1, "id": "a\nb", "from": at(0), "to": at(1) }),
            json!({ "schema": 1, "id": "x".repeat(41), "from": at(0), "to": at(1) }),
            json!({ "schema": 1, "id": "1", "from": at(1), "to": at(1) }),
        ] {
            questions.heard("office", rubbish.to_string().as_bytes());
        }
        questions.heard(&"x".repeat(121), question("1", 0).to_string().as_bytes());
        assert!(questions.waiting.is_empty());
        for (id, from) in [("1", 0), ("2", 300)] {
            questions.heard("office", question(id, from).to_string().as_bytes());
        }
        assert_eq!(questions.waiting.len(), 1);
        assert_eq!(
            (questions.waiting[0].question.id.as_str(), questions.waiting[0].question.from),
            ("2", at(300))
        );
        for asker in 0..100 {
            questions.heard(&asker.to_string(), question("1", 0).to_string().as_bytes());
        }
        assert_eq!(questions.waiting.len(), MOST_ASKERS);
    }
}
