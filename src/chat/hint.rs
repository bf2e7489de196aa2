//! Where the end of a question was not understood: which word that was, and what is allowed there.

use super::{Answer, Command, Data, View, doc, selection};
use crate::doc::{Block, Text};
use crate::fridge::names;
use crate::text::selection as words;

/// The longest word that is repeated to whoever asked.
const LONGEST_WORD: usize = 16;

/// The answer; where it understood no fridge because the last word is about something else, one that says so.
pub fn instead_of(answer: Answer, command: Command, rest: &str, view: &View<'_>) -> Answer {
    if !matches!(answer.data, Data::Unknown { .. }) {
        return answer;
    }
    let (before, last) = rest.trim().rsplit_once(' ').unwrap_or(("", rest.trim()));
    let folded = names::fold(last);
    let before_unit = names::fold(before) == "in" || names::fold(before).ends_with(" in");
    let (allowed, is_certain) = match command {
        _ if before_unit => (words::UNITS, true),
        Command::MinMax => (words::PERIODS, is_time(&folded)),
        Command::History if is_time(&folded) => (words::HISTORY_COVERS, true),
        Command::Trend if is_time(&folded) => (words::TREND_COVERS, true),
        _ => return answer,
    };
    let allowed = Text::sentence(allowed);
    let fridges = if before_unit { before[..before.len() - 2].trim() } else { before };
    let is_understood = fridges.is_empty() || selection::names_something(fridges, view);
    if is_certain && is_understood && is_harmless(last) {
        let line = words::not_understood(last).and(" ").and(allowed);
        return Answer { doc: doc(line, view), ..answer };
    }
    Answer { doc: answer.doc.with(Block::Line(allowed)), ..answer }
}

/// Whether a word of somebody's can be repeated in a channel: it mentions nobody, and is no markup.
fn is_harmless(word: &str) -> bool {
    word.len() <= LONGEST_WORD && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a word is about a time.
fn is_time(word: &str) -> bool {
    const TIMES: [&str; 8] = ["today", "yesterday", "tomorrow", "week", "month", "year", "day", "hour"];
    let is_length = word.starts_with(|it: char| it.is_ascii_digit()) && word.ends_with(['h', 'd', 'm', 'w']);
    is_length || TIMES.contains(&word.trim_end_matches('s'))
}
