//! A request: what a person typed behind the trigger word, taken apart.

use super::Command;
use crate::fridge::names;
use crate::text::Units;

/// A request, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked; `None` for a first word that is none of ours.
    pub command: Option<Command>,
    /// The words behind the command; all of them where there is none.
    pub rest: String,
    /// The unit asked for by "in F" at the end.
    pub units: Option<Units>,
    /// Whether "share" stands at the end: everybody in the channel shall see the answer.
    pub share: bool,
}

impl Request {
    /// Takes the words behind the trigger word apart. No words at all ask for the status.
    pub fn parse(words: &str) -> Request {
        // A slash command that was cut after a wide space begins with what was left of it.
        let mut words: Vec<&str> =
            words.split_whitespace().map(|word| word.trim_matches('\u{fffd}')).collect();
        words.retain(|word| !word.is_empty());
        // A cause is kept as it was typed.
        if words.first().is_none_or(|first| Command::of(first) != Some(Command::Ack)) {
            trim_courtesy(&mut words);
        }
        let mut share = false;
        let mut units = None;
        loop {
            match words[..] {
                [_, .., last] | [last] if !share && names::fold(last) == "share" => {
                    share = true;
                    words.pop();
                }
                [.., before, last]
                    if units.is_none()
                        && names::fold(before) == "in"
                        && Units::of(&names::fold(last)).is_some() =>
                {
                    units = Units::of(&names::fold(last));
                    words.truncate(words.len() - 2);
                }
                _ => break,
            }
        }
        let command = match words.first() {
            None => Some(Command::Status),
            Some(first) => Command::of(first),
        };
        let rest = if command.is_some() { words.get(1..).unwrap_or_default() } else { &words[..] };
        Request { command, rest: rest.join(" "), units, share }
    }
}

/// Takes away what people add out of habit: a question mark at the end, "please".
fn trim_courtesy(words: &mut Vec<&str>) {
    let is_courtesy = |word: &str| matches!(names::fold(word).as_str(), "" | "please" | "pls" | "thanks");
    while let Some(last) = words.last_mut() {
        *last = last.trim_end_matches(['?', '!', '.', ',', ';', ':']);
        if !is_courtesy(last) {
            break;
        }
        words.pop();
    }
    if words.first().is_some_and(|first| is_courtesy(first)) {
        words.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> (Option<Command>, String, Option<Units>, bool) {
        let Request { command, rest, units, share } = Request::parse(words);
        (command, rest, units, share)
    }

    #[test]
    fn a_question_is_taken_apart_from_both_ends() {
        assert_eq!(parse(""), (Some(Command::Status), String::new(), None, false));
        assert_eq!(parse("STATUS  Milk"), (Some(Command::Status), "Milk".into(), None, false));
        assert_eq!(
            parse("trend in F"),
            (Some(Command::Trend), String::new(), Some(Units::Fahrenheit), false)
        );
        assert_eq!(parse("minmax milk 24h in °c share").1, "milk 24h");
        assert_eq!(
            parse("share in f"),
            (Some(Command::Status), String::new(), Some(Units::Fahrenheit), true)
        );
        assert_eq!(parse("milk in cellar"), (None, "milk in cellar".into(), None, false));
        for habit in ["status?", "status ?!", "please status", "Status, please.", "\u{feff}status\u{200b}"] {
            assert_eq!(parse(habit), (Some(Command::Status), String::new(), None, false), "{habit:?}");
        }
        assert_eq!(parse("trend milk in F?").2, Some(Units::Fahrenheit));
        assert_eq!(parse("ack #1 was it open? please").1, "#1 was it open? please");
        assert_eq!(parse("\u{fffd}\u{fffd} status"), (Some(Command::Status), String::new(), None, false));
    }
}
