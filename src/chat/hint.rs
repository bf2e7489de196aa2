//! Below an answer that understood no fridge: what else may have been meant at the end of the question, and what is
//! allowed there. The asker's own words are never repeated.

use super::{Answer, Command, Data};
use crate::doc::{Block, Text};
use crate::fridge::names;
use crate::text::selection;

/// The answer, with a hint where one is due.
pub fn below(answer: Answer, command: Command, rest: &str) -> Answer {
    match hint(command, rest) {
        Some(hint) if matches!(answer.data, Data::Unknown { .. }) => {
            Answer { doc: answer.doc.with(Block::Line(Text::sentence(hint))), ..answer }
        }
        _ => answer,
    }
}

fn hint(command: Command, rest: &str) -> Option<&'static str> {
    let folded = names::fold(rest);
    let mut words = folded.rsplit(' ');
    let last = words.next().filter(|last| !last.is_empty())?;
    match command {
        _ if words.next() == Some("in") => Some(selection::UNITS),
        Command::MinMax => Some(selection::PERIODS),
        Command::History | Command::Trend if is_time(last) => Some(match command {
            Command::History => selection::HISTORY_COVERS,
            _ => selection::TREND_COVERS,
        }),
        _ => None,
    }
}

/// Whether a word is about a time.
fn is_time(word: &str) -> bool {
    const TIMES: [&str; 8] = ["today", "yesterday", "tomorrow", "week", "month", "year", "day", "hour"];
    let is_length = word.starts_with(|it: char| it.is_ascii_digit()) && word.ends_with(['h', 'd', 'm', 'w']);
    is_length || TIMES.contains(&word.trim_end_matches('s'))
}
