//! `fridge ask` and `fridge status`: the channel's words, asked of the running gateway
//! over its socket.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{FileOptions, terminal};
use crate::doc::{self, Doc};
use crate::socket::{self, Question};

/// What monitors take for a warning, for something critical, and for not knowing.
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

/// The options of `ask`.
#[derive(Args)]
pub struct Options {
    /// The words that follow the trigger word in the channel: status milk
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
    #[arg(skip)]
    exit_code: bool,
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
    /// Exit for monitors with 0 where all is well, 1 where a fridge needs a look, 2 where one is too warm or too cold, 3
    /// where that is not known: no such fridge, or no gateway that answers
    #[arg(long)]
    exit_code: bool,
}

impl From<StatusOptions> for Options {
    fn from(options: StatusOptions) -> Self {
        let words = std::iter::once(String::from("status")).chain(options.name).collect();
        Options { words, json: options.json, exit_code: options.exit_code }
    }
}

/// Asks, and prints the answer. A question that was not understood, or not done, is a failure.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<ExitCode> {
    let answer = match socket::ask(&files.sockets(), &Question::Ask(options.words.join(" "))) {
        // To a monitor a gateway that does not answer is no fridge that needs a look.
        Err(error) if options.exit_code => {
            terminal::error(&error.into());
            return Ok(ExitCode::from(UNKNOWN));
        }
        answer => answer?,
    };
    let has_failed = answer.get("unknown").is_some() || answer.get("error").is_some();
    let severity = answer["severity"].as_str().unwrap_or_default().to_owned();
    match show(answer, options.json) {
        Err(error) if options.exit_code => {
            terminal::error(&error);
            return Ok(ExitCode::from(UNKNOWN));
        }
        shown => shown?,
    }
    Ok(match (has_failed, options.exit_code, severity.as_str()) {
        (true, true, _) | (false, true, "") => ExitCode::from(UNKNOWN),
        (true, false, _) => ExitCode::FAILURE,
        (false, true, "critical") => ExitCode::from(CRITICAL),
        (false, true, "ok") | (false, false, _) => ExitCode::SUCCESS,
        (false, true, _) => ExitCode::from(WARNING),
    })
}

/// Prints an answer: its data for a program, its document for a person.
pub fn show(mut answer: serde_json::Value, json: bool) -> anyhow::Result<()> {
    let doc = answer.as_object_mut().and_then(|answer| answer.remove("doc"));
    if json {
        return terminal::print_json(&answer);
    }
    let doc = doc.context("the gateway's answer has no document: is it another version?")?;
    let doc: Doc = serde_json::from_value(doc).context("the gateway's answer is not as expected")?;
    terminal::print(&doc::terminal::render(&doc, terminal::wants_colour()))
}
