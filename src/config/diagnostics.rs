//! What is wrong with a configuration: in which file and line, at which key, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

/// A word of so many letters and digits may be a token.
const LONGEST_WORD: usize = 16;
/// How much of its end is shown.
const TAIL: usize = 4;

/// Everything that is wrong with one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub path: PathBuf,
    /// What is wrong in it, in the order of its lines; never empty.
    pub list: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong, and what is allowed.
    pub text: String,
}

impl Problems {
    /// One problem with the file as a whole.
    pub fn of_file(path: &Path, text: impl Into<String>) -> Self {
        Problems { path: path.to_owned(), list: vec![Problem { line: None, text: text.into() }] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            match problem.line {
                Some(line) => write!(f, "{between}{}, line {line}: {}", self.path.display(), problem.text)?,
                None => write!(f, "{between}{}: {}", self.path.display(), problem.text)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects what is wrong while a file is checked.
pub struct Collector<'a> {
    path: &'a Path,
    source: &'a str,
    list: Vec<Problem>,
    /// Which setting stands where.
    settings: Vec<(Range<usize>, String)>,
}

impl<'a> Collector<'a> {
    /// Nothing wrong yet with that file.
    pub fn new(path: &'a Path, source: &'a str) -> Self {
        let mut settings = Vec::new();
        // Whatever cannot be parsed is told by who parses it.
        note_settings(DeTable::parse_recoverable(source).0.get_ref(), &mut settings);
        Collector { path, source, list: Vec::new(), settings }
    }

    /// Something is wrong at those bytes of the file.
    pub fn at(&mut self, span: &Range<usize>, text: impl Into<String>) {
        let text = text.into();
        let innermost = self.settings.iter().filter(|(range, _)| range.contains(&span.start));
        let setting = innermost.min_by_key(|(range, _)| range.len()).map(|(_, name)| format!("`{name}`"));
        // Most sentences name it anyway.
        let text = match setting.filter(|setting| !text.contains(setting.as_str())) {
            Some(setting) => format!("{setting}: {text}"),
            None => text,
        };
        self.list.push(Problem { line: Some(line(self.source, span.start)), text: without_secrets(&text) });
    }

    /// Something is wrong with the file as a whole.
    pub fn of_file(&mut self, text: impl Into<String>) {
        self.list.push(Problem { line: None, text: without_secrets(&text.into()) });
    }

    /// The line of those bytes, to name it in a text.
    pub fn line(&self, span: &Range<usize>) -> usize {
        line(self.source, span.start)
    }

    /// What is no TOML: each such place in our own words.
    pub fn of_toml(&mut self, errors: &[toml::de::Error]) {
        for error in errors {
            let at = error.span().unwrap_or_default().start;
            let text = in_words(error.message(), line_at(self.source, at));
            self.list.push(Problem { line: Some(line(self.source, at)), text: without_secrets(&text) });
        }
        // What cannot be parsed is often told twice.
        self.list.dedup_by_key(|problem| problem.line);
    }

    /// What was found wrong, if anything.
    pub fn finish(&mut self) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|problem| problem.line);
        Err(Problems { path: self.path.to_owned(), list: std::mem::take(&mut self.list) })
    }
}

/// A text in one line in which no token can be read: of what has 16 and more letters and digits in a row, only the end
/// is left.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if word >= LONGEST_WORD {
            shown.extend(["\u{2026}", &rest[word - TAIL..word]]);
        } else {
            shown.push_str(&rest[..word]);
        }
        let next = rest[word..].chars().next();
        shown.extend(next.map(|next| if next.is_control() { ' ' } else { next }));
        rest = &rest[word + next.map_or(0, char::len_utf8)..];
    }
    shown
}

/// Where each setting's value stands, and each section.
fn note_settings(table: &DeTable<'_>, settings: &mut Vec<(Range<usize>, String)>) {
    for (key, value) in table {
        let name = key.get_ref();
        settings.push((key.span(), name.to_string()));
        settings.push((value.span(), name.to_string()));
        let inner = value.get_ref();
        if let Some(table) = inner.as_table() {
            note_settings(table, settings);
        }
        for item in inner.as_array().into_iter().flatten() {
            settings.push((item.span(), name.to_string()));
            if let Some(table) = item.get_ref().as_table() {
                note_settings(table, settings);
            }
        }
    }
}

/// The line in which a byte stands.
fn line_at(source: &str, byte: usize) -> &str {
    let start = source.as_bytes().iter().take(byte).rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    source.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}

fn line(source: &str, byte: usize) -> usize {
    source.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

/// What the TOML library says of a line, in our own words, with the cure where what was meant can be seen.
fn in_words(message: &str, line: &str) -> String {
    let (key, value) =
        line.split_once('=').map_or((line.trim(), ""), |(key, value)| (key.trim(), value.trim()));
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let key = if is_key { format!("`{key}`: ") } else { String::new() };
    let is_number = value.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
    let number = value.split(['#', '}']).next().unwrap_or_default().trim_end();
    if message.starts_with("duplicate key") {
        return format!("{key}this setting appears twice: remove one of them");
    }
    if let Some(quoted) = in_typographic_quotes(value) {
        return format!("{key}write a text in straight quotes: \"{quoted}\"");
    }
    if has_long_minus(value.split('#').next().unwrap_or_default()) {
        return format!(
            "{key}a negative number has a hyphen in front, as in max = -15: the longer − is no part of TOML"
        );
    }
    if let Some(number) = with_comma(line).filter(|_| !value.starts_with('[')) {
        return format!("{key}a number has a decimal point and no comma: write {}", number.replace(',', "."));
    }
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || "+-. ".contains(c));
    if is_number && ["C", "F", "K"].contains(&unit.trim_start_matches('°')) {
        return format!(
            "{key}write a temperature as a number without its unit, such as 5.5, or in quotes, such as \"41 °F\""
        );
    }
    if is_number && ["ms", "s", "sec", "m", "min", "h", "d"].contains(&unit) {
        return format!("{key}write a length of time in quotes, such as \"10s\"");
    }
    let is_bare =
        !value.is_empty() && !value.starts_with(['"', '\'', '[', '{']) && !line.trim_start().starts_with('[');
    if is_bare && value.contains(|c: char| c.is_alphabetic() || ":-.".contains(c)) {
        return format!("{key}write a text in quotes: \"{number}\"; true and false stand without");
    }
    if line.matches('"').count() % 2 == 1 {
        return format!("{key}a quote is missing: a text has one at each end");
    }
    if line.matches('[').count() != line.matches(']').count() {
        return format!("{key}a bracket is missing: a list is written [ … ], a section [[ … ]]");
    }
    if line.matches('{').count() != line.matches('}').count() {
        return format!("{key}a brace is missing: a table is written {{ … }}, in one line");
    }
    format!(
        "{key}this line is no TOML: a setting is written name = value, a text in quotes, a list in [ ], a section as [[fridge]]"
    )
}

/// What stands in quotes as a word processor makes them: “Milk”.
fn in_typographic_quotes(value: &str) -> Option<&str> {
    const QUOTES: [char; 6] = ['“', '”', '„', '‘', '’', '‟'];
    let quoted = value.strip_prefix(QUOTES)?;
    quoted.split(QUOTES).next()
}

/// Whether a number begins with the minus of a word processor, or of an answer of ours.
fn has_long_minus(value: &str) -> bool {
    let mut before = None;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let is_number = characters.peek().is_some_and(char::is_ascii_digit);
        if character == '−' && is_number && before.is_none_or(|before| "=[,".contains(before)) {
            return true;
        }
        if !character.is_whitespace() {
            before = Some(character);
        }
    }
    false
}

/// A number with a comma where other languages have it: "5,5".
fn with_comma(line: &str) -> Option<&str> {
    let bytes = line.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let comma = (1..bytes.len()).find(|&at| bytes[at] == b',' && is_digit(at - 1) && is_digit(at + 1))?;
    let start = (0..comma).rev().take_while(|&at| is_digit(at)).last()?;
    let end = (comma + 1..bytes.len()).take_while(|&at| is_digit(at)).last()?;
    line.get(start..=end)
}

/// A sentence about an unknown word: the nearest of the allowed ones, and all of them.
pub fn unknown_word(sentence: &str, unknown: &str, allowed: &[&str]) -> String {
    let nearest = allowed
        .iter()
        .map(|word| (strsim::osa_distance(word, unknown), word))
        .filter(|(slips, word)| slips * 2 <= word.len().max(unknown.len()))
        .min();
    let guess = nearest.map(|(_, word)| format!(" did you mean `{word}`?")).unwrap_or_default();
    format!("{sentence}:{guess} allowed: {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_message_keeps_its_end_alone() {
        assert_eq!(without_secrets("`i8ge9icprrz8ppjsg7ncawuf8a` is not there"), "`…uf8a` is not there");
        assert_eq!(
            without_secrets("28-0316a2790a1b, /etc/fridge/fridge.toml °C"),
            "28-0316a2790a1b, /etc/fridge/fridge.toml °C"
        );
        assert_eq!(without_secrets("a\n\u{1b}[31mb"), "a  [31mb");
    }
}
