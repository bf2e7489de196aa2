//! Text: our own words, names that somebody else gave, and what is to be typed or stands out. A name never
//! becomes markup, whatever it holds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

/// A line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(SmallVec<[Span; 1]>);

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Our own words.
    Words(Cow<'static, str>),
    /// Text that somebody else wrote: it is shown as written, and mentions nobody.
    Name(String),
    /// What is typed, or an id.
    Code(String),
    /// Our own words, set off.
    Strong(String),
}

/// So many are listed in one line: names have up to 200 characters, and a post 16,383.
const MOST_JOINED: usize = 40;

impl Text {
    /// A name.
    pub fn name(name: impl Into<String>) -> Text {
        Text(smallvec![Span::Name(name.into())])
    }

    /// What is typed, or an id.
    pub fn code(code: impl Into<String>) -> Text {
        Text(smallvec![Span::Code(code.into())])
    }

    /// Words that stand out.
    pub fn strong(words: impl Into<String>) -> Text {
        Text(smallvec![Span::Strong(words.into())])
    }

    /// A sentence of our own, in which what is typed stands between backticks.
    pub fn sentence(sentence: &str) -> Text {
        let parts = sentence.split('`').enumerate().filter(|(_, part)| !part.is_empty());
        let span = |(index, part): (usize, &str)| match index % 2 {
            0 => Span::Words(part.to_owned().into()),
            _ => Span::Code(part.to_owned()),
        };
        Text(parts.map(span).collect())
    }

    /// The same with that behind it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Text>) -> Text {
        self.0.extend(more.into().0);
        self
    }

    /// Names with commas between them.
    pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Text {
        Text::joined(names.into_iter().map(Text::name))
    }

    /// Texts with commas between them: not more than a line of a post holds.
    pub fn joined(texts: impl IntoIterator<Item = Text>) -> Text {
        let mut texts = texts.into_iter();
        let mut all = Text::default();
        for text in texts.by_ref().take(MOST_JOINED) {
            if !all.0.is_empty() {
                all = all.and(", ");
            }
            all = all.and(text);
        }
        match texts.count() {
            0 => all,
            others => all.and(format!(" and {others} others")),
        }
    }

    /// Its parts.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&'static str> for Text {
    fn from(words: &'static str) -> Text {
        Text(if words.is_empty() { SmallVec::new() } else { smallvec![Span::Words(Cow::Borrowed(words))] })
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        Text(smallvec![Span::Words(Cow::Owned(words))])
    }
}
