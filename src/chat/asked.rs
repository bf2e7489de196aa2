//! What was asked about: the fridges, and the time, which may stand at the end of a question.

use super::{Answer, Command, Data, Request, View, doc};
use crate::fridge::{Fridge, names};
use crate::history::{Past, PastError, Period, period};
use crate::text::past;

/// The words about fridges, and the time behind them. A fridge that is called "March" is one.
pub fn about<'a>(typed: &'a str, view: &View<'_>) -> (&'a str, Option<Period>) {
    let is_name = names::exact(typed, view.fridges.iter().map(|fridge| fridge.name.as_str())).is_some();
    let words: Vec<&str> = typed.split(' ').collect();
    let now = view.snapshot.local(&view.now);
    let Some((period, length)) = period::at_end(&words, &now).filter(|_| !is_name) else {
        return (typed, None);
    };
    let behind: usize = words[words.len() - length..].iter().map(|word| word.len() + 1).sum();
    (typed.get(..typed.len().saturating_sub(behind)).unwrap_or_default(), Some(period))
}

/// Whether the answer is made of what is kept on the disk: whoever asks then waits for that. The view is made only where it
/// has to be looked at.
pub fn needs_past<'a>(request: &Request, view: impl FnOnce() -> View<'a>) -> bool {
    let kind = || about(&request.rest, &view()).1.map(|period| period.kind);
    match request.command {
        Some(Command::Since) => true,
        Some(Command::MinMax) => kind() == Some(period::Kind::Other),
        Some(Command::History) => kind().is_some_and(|kind| kind != period::Kind::LastDay),
        _ => false,
    }
}

/// What the past says of these fridges.
pub fn of_past<T>(
    view: &View<'_>,
    ask: impl FnOnce(&dyn Past) -> Result<T, PastError>,
) -> Result<T, String> {
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
