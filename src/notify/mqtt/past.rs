//! What other gateways ask about the past, because they have missed something: each of them a part of it at a time, in turn,
//! and slowly enough that whoever asks in the channel does not wait for it.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::payload::{self, Head, Reading, SCHEMA};
use super::readings::{self, MOST, Piece, Reads};
use crate::chat::Chat;
use crate::history::PastError;

/// So many gateways may ask at once.
const MOST_ASKERS: usize = 16;
/// Between two answers.
const BETWEEN: Duration = Duration::from_millis(100);
/// Where others read the past at this moment, it is tried again after so long.
const BUSY: Duration = Duration::from_secs(1);
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
struct Answer<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    /// Which question it answers.
    id: &'a str,
    /// Which message of the answer it is, from 0 on, and of how many.
    part: usize,
    parts: usize,
    /// These messages hold all that was read from then on …
    from: Timestamp,
    /// … and before that, which may be less than what was asked for.
    to: Timestamp,
    readings: &'a [Reading],
}

/// The messages that answer a question.
pub fn answers(head: Head<'_>, question: &Question, piece: &Piece) -> Vec<Vec<u8>> {
    let (id, from, to) = (&question.id, question.from, piece.to);
    let parts = piece.readings.len().div_ceil(MOST).max(1);
    let of_part = |part: usize| {
        let end = (part * MOST + MOST).min(piece.readings.len());
        let readings = &piece.readings[part * MOST..end];
        payload::json(&Answer { head: head.clone(), id, part, parts, from, to, readings })
    };
    (0..parts).map(of_part).collect()
}

/// The questions that wait, by who asks them.
pub struct Questions {
    waiting: VecDeque<(String, Question)>,
    reads: Option<Reads>,
    not_before: Instant,
}

impl Questions {
    /// Nobody has asked.
    pub fn new() -> Questions {
        Questions { waiting: VecDeque::new(), reads: None, not_before: Instant::now() }
    }

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
        match self.waiting.iter().position(|(other, _)| other == asker) {
            // It is being answered.
            Some(0) if self.reads.is_some() => {}
            Some(known) => self.waiting[known].1 = question,
            None if self.waiting.len() < MOST_ASKERS => self.waiting.push_back((asker.to_owned(), question)),
            None => {}
        }
    }

    /// Waits for the next answer: who has asked what, and the first part of it. May be given up and called again.
    ///
    /// # Errors
    /// Why the past cannot be read.
    pub async fn next(&mut self, chat: &Arc<Chat>) -> Result<(String, Question, Piece), PastError> {
        loop {
            let Some((_, question)) = self.waiting.front() else { return pending().await };
            sleep_until(self.not_before).await;
            let (from, to) = (question.from, question.to);
            let piece = self.reads.get_or_insert_with(|| readings::read(chat, from, to)).await;
            self.reads = None;
            let Ok(piece) = piece else {
                self.not_before = Instant::now() + BUSY;
                continue;
            };
            self.not_before = Instant::now() + BETWEEN;
            let Some((asker, question)) = self.waiting.pop_front() else { continue };
            return piece.map(|piece| (asker, question, piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::reading::Celsius;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn question(id: &str, from: i64) -> Value {
        json!({ "schema": 1, "id": id, "from": at(from), "to": at(1_000) })
    }

    #[test]
    fn an_answer_says_of_which_time_it_is_all_and_each_message_which_part() {
        let head = Head { schema: SCHEMA, gateway: "north", boot: "b", t: at(2_000) };
        let reading = |second| Reading::new("milk", at(second), Ok(Celsius::from_sixteenths(64)));
        let of = |count: i64| {
            let piece =
                Piece { readings: (0..count).map(reading).collect(), to: at(300), ..Piece::default() };
            let read = |answer: Vec<u8>| serde_json::from_slice::<Value>(&answer).unwrap();
            let question = Question { schema: SCHEMA, id: String::from("7"), from: at(0), to: at(900) };
            answers(head.clone(), &question, &piece).into_iter().map(read).collect::<Vec<Value>>()
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
        let mut questions = Questions::new();
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
        assert_eq!((questions.waiting[0].1.id.as_str(), questions.waiting[0].1.from), ("2", at(300)));
        for asker in 0..100 {
            questions.heard(&asker.to_string(), question("1", 0).to_string().as_bytes());
        }
        assert_eq!(questions.waiting.len(), MOST_ASKERS);
    }
}
