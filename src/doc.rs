//! An answer as data: a headline, then tables, lists and lines. Renderers make Markdown, terminal text or HTML of it;
//! nothing reads a rendered text back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub mod html;
pub mod markdown;
pub mod terminal;
mod text;

pub use text::{Span, Text};

/// A document: what one answer says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Doc {
    /// The first line: enough for a phone's notification.
    pub headline: Text,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// A part of a document. Between two there is room.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A line of text.
    Line(Text),
    /// Lines that each stand for one thing.
    List(Vec<Text>),
    /// A table.
    Table(Table),
}

/// A table. Where not all of its rows fit, the first ones are shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Row>,
    /// The sentence that stands for rows that did not fit.
    #[serde(skip, default = "nothing_left_out")]
    pub left_out: LeftOut,
}

/// Makes a sentence of the number of rows that were left out, and how many of these need a look.
pub type LeftOut = fn(rows: usize, needing: usize) -> String;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What stands above it; may be empty.
    pub head: Cow<'static, str>,
    /// Whether it holds figures, which are aligned at the right.
    pub is_number: bool,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<Text>,
    /// Whether it needs attention.
    pub needs_a_look: bool,
}

impl Doc {
    /// A headline alone.
    pub fn new(headline: impl Into<Text>) -> Self {
        Doc { headline: headline.into(), blocks: Vec::new() }
    }

    /// The same with that below.
    #[must_use]
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

impl Table {
    /// An empty table of these heads, each with whether its column holds figures.
    pub fn new<const COLUMNS: usize>(heads: [(&'static str, bool); COLUMNS], left_out: LeftOut) -> Self {
        let column = |(head, is_number)| Column { head: Cow::Borrowed(head), is_number };
        Table { columns: heads.into_iter().map(column).collect(), rows: Vec::new(), left_out }
    }

    /// Adds a row.
    pub fn push<const COLUMNS: usize>(&mut self, cells: [Text; COLUMNS]) {
        self.rows.push(Row { cells: cells.into(), needs_a_look: false });
    }
}

fn nothing_left_out() -> LeftOut {
    |_, _| String::new()
}
