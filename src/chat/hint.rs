//! Where the end of a question was not understood: which word that was, and what is allowed there.

use super::{Answer, Command, Data, View, doc, selection};
use crate::doc::{Block, Text};
use crate::fridge::names;
use crate::history::period;
use crate::text::selection as words;

/// The longest word that is repeated to whoever asked.
const LONGEST_WORD: usize = 16;

/// The answer; where it understood no fridge because the last word is about something else, one that says so.
pub fn instead_of(answer: Answer, command: Command, rest: &str, view: &View<'_>) -> Answer {
    let Data::Unknown { nearest } = &answer.data else { return answer };
    let split = |words: &'_ str| {
        words.trim().rsplit_once(' ').map(|(before, last)| (before.to_owned(), last.to_owned()))
    };
    let (before, last) = split(rest).unwrap_or_else(|| (String::new(), rest.trim().to_owned()));
    let (fridges, preposition) = split(&before).unwrap_or_else(|| (String::new(), before.clone()));
    let is_unit = names::fold(&preposition) == "in";
    let is_time = is_time(&names::fold(&last));
    let takes_time = matches!(command, Command::MinMax | Command::History | Command::Report);
    if takes_time && is_ahead(rest, view) {
        return Answer {
            doc: doc(Text::sentence(words::AHEAD).and(" ").and(Text::sentence(words::PERIODS)), view),
            ..answer
        };
    }
    let (allowed, is_certain, fridges) = match command {
        _ if is_unit => (words::UNITS, true, fridges),
        _ if takes_time => (words::PERIODS, is_time, before),
        Command::Since if is_time => (words::SINCE_SAYS, true, before),
        Command::Trend if is_time => (words::TREND_COVERS, true, before),
        _ => return answer,
    };
    let allowed = Text::sentence(allowed);
    // What may have been meant for a fridge whose name has an "in" is not lost.
    let is_certain = is_certain && (nearest.is_empty() || !is_unit);
    if is_certain && is_harmless(&last) && (fridges.is_empty() || selection::names_something(&fridges, view))
    {
        return Answer { doc: doc(words::not_understood(&last).and(" ").and(allowed), view), ..answer };
    }
    Answer { doc: answer.doc.with(Block::Line(allowed)), ..answer }
}

/// Whether a question ends with a time that has not come yet, behind fridges or nothing.
fn is_ahead(rest: &str, view: &View<'_>) -> bool {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let length = period::ahead(&words, &view.snapshot.local(&view.now));
    length.is_some_and(|length| {
        let mut before = &words[..words.len() - length];
        while let [rest @ .., "for" | "in" | "on" | "during" | "over" | "since" | "from" | "the"] = before {
            before = rest;
        }
        let fridges = before.join(" ");
        fridges.is_empty() || selection::names_something(&fridges, view)
    })
}

/// Whether a word of somebody's can be repeated in a channel: it mentions nobody, and is no markup and no link.
fn is_harmless(word: &str) -> bool {
    word.len() <= LONGEST_WORD && (word.bytes().all(|byte| byte.is_ascii_alphanumeric()) || is_date(word))
}

/// Whether a word is about a time.
fn is_time(word: &str) -> bool {
    const TIMES: [&str; 8] = ["today", "yesterday", "tomorrow", "week", "month", "year", "day", "hour"];
    let is_length =
        word.starts_with(|it: char| it.is_ascii_digit()) && word.ends_with(['h', 'd', 'm', 'w', 'y']);
    let is_named = TIMES.contains(&word.trim_end_matches('s'));
    is_length || is_date(word) || is_named || !names::one_slip_from_whole(word, TIMES.into_iter()).is_empty()
}

/// Whether a word is written as a date or a time of day is: digits, and what stands between them. A fridge may be called
/// "Freezer 1.1".
fn is_date(word: &str) -> bool {
    (word.contains(':') || word.matches(['-', '.', '/']).count() >= 2)
        && word.starts_with(|first: char| first.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"-:./".contains(&byte))
}
