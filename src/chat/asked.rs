//! What was asked about: the fridges, and the time, which may stand at the end of a question.

use super::{Answer, Command, Data, Request, View, doc};
use crate::fridge::{Fridge, names};
use crate::history::{Past, PastError, Period, period};
use crate::text::past;

/// The words about fridges, and the time behind them. A fridge that is called "March" is one, and behind "freezer 3 june"
/// stands a month, where there is a "Freezer 3".
pub fn about<'a>(typed: &'a str, view: &View<'_>) -> (&'a str, Option<Period>) {
    let is_name =
        |words: &str| names::exact(words, view.fridges.iter().map(|fridge| fridge.name.as_str())).is_some();
    if is_name(typed) {
        return (typed, None);
    }
    let now = view.snapshot.local(&view.now);
    let words: Vec<&str> = typed.split(' ').collect();
    let split = |length: usize| {
        let behind: usize = words[words.len() - length..].iter().map(|word| word.len() + 1).sum();
        typed.get(..typed.len().saturating_sub(behind)).unwrap_or_default()
    };
    let Some((longest, length)) = period::at_end(&words, &now) else { return (typed, None) };
    let named = (1..length).rev().filter(|length| is_name(split(*length))).find_map(|length| {
        let period = period::of(&words[words.len() - length..].join(" "), &now)?;
        Some((split(length), Some(period)))
    });
    named.filter(|_| !is_name(split(length))).unwrap_or((split(length), Some(longest)))
}

/// Whether the answer is made of what is kept on the disk: whoever asks then waits for that. The view is made only where it
/// has to be looked at.
pub fn needs_past<'a>(request: &Request, view: impl FnOnce() -> View<'a>) -> bool {
    use Command::{Chart, History, MinMax, Report, Since};
    match request.command {
        Some(Chart | Since | Report) => return true,
        Some(MinMax | History) | None => {}
        Some(_) => return false,
    }
    let view = view();
    let Some((command, rest)) = super::meant(request, &view) else { return false };
    let kind = || about(rest, &view).1.map(|period| period.kind);
    match command {
        Chart | Since | Report => true,
        MinMax => kind() == Some(period::Kind::Other),
        History => kind().is_some_and(|kind| kind != period::Kind::LastDay),
        _ => false,
    }
}

/// What the past says of these fridges.
pub fn of_past<T>(view: &View<'_>, ask: impl FnOnce(&dyn Past) -> Result<T, PastError>) -> Result<T, String> {
    match view.past {
        Some(past) => ask(past).map_err(|error| error.to_string()),
        None => Err(past::NOTHING_KEPT.to_owned()),
    }
}

/// The answer where the past cannot be read.
pub fn unreadable(why: &str, view: &View<'_>) -> Answer {
    let line = past::unreadable(why);
    Answer::new(doc(line.clone(), view), Data::Error(line))
}

/// The ids of fridges, as the past knows them.
pub fn ids<'a>(fridges: &[&'a Fridge]) -> Vec<&'a str> {
    fridges.iter().map(|fridge| fridge.id.as_str()).collect()
}
