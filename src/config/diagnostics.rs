//! What is wrong with a configuration: in which file and line, at which key, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
}

impl<'a> Collector<'a> {
    /// Nothing wrong yet with that file.
    pub fn new(path: &'a Path, source: &'a str) -> Self {
        Collector { path, source, list: Vec::new() }
    }

    /// Something is wrong at those bytes of the file.
    pub fn at(&mut self, span: &Range<usize>, text: impl Into<String>) {
        self.list.push(Problem { line: Some(line(self.source, span.start)), text: text.into() });
    }

    /// Something is wrong with the file as a whole.
    pub fn of_file(&mut self, text: impl Into<String>) {
        self.list.push(Problem { line: None, text: text.into() });
    }

    /// The line of those bytes, to name it in a text.
    pub fn line(&self, span: &Range<usize>) -> usize {
        line(self.source, span.start)
    }

    /// What was found wrong, if anything.
    pub fn finish(mut self) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|problem| problem.line);
        Err(Problems { path: self.path.to_owned(), list: self.list })
    }
}

/// The problem behind an error of the TOML library, in a person's words.
pub fn of_toml(path: &Path, source: &str, error: &toml::de::Error) -> Problems {
    let line = error.span().map(|span| line(source, span.start));
    Problems { path: path.to_owned(), list: vec![Problem { line, text: in_words(error.message()) }] }
}

fn line(source: &str, byte: usize) -> usize {
    source.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

/// serde's sentences name the key and the allowed ones between backticks.
fn in_words(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field")
        && let Some(unknown) = quoted.next()
    {
        return unknown_word(
            &format!("`{unknown}` is not a setting here"),
            unknown,
            &quoted.collect::<Vec<_>>(),
        );
    }
    if message.starts_with("missing field")
        && let Some(missing) = quoted.next()
    {
        return format!("the setting `{missing}` is missing here");
    }
    if message.starts_with("duplicate key") {
        return String::from("this setting appears twice: remove one of them");
    }
    message.trim().replace('\n', "; ")
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
