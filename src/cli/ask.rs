//! `fridge ask` and `fridge status`: the channel's words, asked of the running gateway
//! over its socket.

use anyhow::Context;
use clap::Args;

use super::{FileOptions, terminal};
use crate::doc::{self, Doc};
use crate::socket::{self, Question};

/// The options of `ask`.
#[derive(Args)]
pub struct Options {
    /// The words that follow the trigger word in the channel: status milk
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The options of `status`.
#[derive(Args)]
pub struct StatusOptions {
    /// Any part of a fridge's name
    #[arg(value_name = "NAME")]
    name: Vec<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

impl From<StatusOptions> for Options {
    fn from(options: StatusOptions) -> Self {
        let words = std::iter::once(String::from("status")).chain(options.name).collect();
        Options { words, json: options.json }
    }
}

/// Asks, and prints the answer.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let answer = socket::ask(&files.sockets(), &Question::Ask(options.words.join(" ")))?;
    show(answer, options.json)
}

/// Prints an answer: its data for a program, its document for a person.
pub fn show(mut answer: serde_json::Value, json: bool) -> anyhow::Result<()> {
    let doc = answer.as_object_mut().and_then(|answer| answer.remove("doc"));
    if json {
        return terminal::print(&format!("{answer:#}\n"));
    }
    let doc = doc.context("the gateway's answer has no document: is it another version?")?;
    let doc: Doc = serde_json::from_value(doc).context("the gateway's answer is not as expected")?;
    terminal::print(&doc::terminal::render(&doc, terminal::wants_colour()))
}
