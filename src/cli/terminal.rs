//! What a person at a terminal sees: text with colours where there is a terminal that wants them (`NO_COLOR` and
//! `TERM=dumb` are heeded), progress, errors.

use std::io::{IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::doc::terminal::steers;

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Prints to the standard output.
///
/// # Errors
/// Where that is closed.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()?;
    Ok(())
}

/// How many characters a line has where there is no terminal to say so.
const USUAL_COLUMNS: usize = 80;

/// How many characters a line of the terminal has.
pub fn columns() -> usize {
    // Why there is no size does not matter: what is no terminal, such as a pipe, has none.
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(USUAL_COLUMNS)
}

/// Prints a value as JSON, for programs and for whoever looks: no character in it steers a terminal.
///
/// # Errors
/// Where the standard output is closed.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", escaped(&serde_json::to_string_pretty(value)?)))
}

/// JSON in which whatever steers a terminal is escaped, also what JSON may hold as it is: DEL, the control characters of
/// eight bits, and those that turn the direction of writing.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' => text.push('\n'),
            other if steers(other) => text.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => text.push(other),
        }
    }
    text
}

/// Whether what is printed to the standard output is to have colours.
pub fn wants_colour() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// Prints an error with its causes.
pub fn error(error: &anyhow::Error) {
    // The standard error may be closed.
    drop(writeln!(anstream::stderr(), "{ERROR}error:{ERROR:#} {}", printable(&format!("{error:#}"))));
}

/// A text of somebody else's in which nothing steers the terminal: what a gateway says is not to be trusted with it.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if steers(character) && character != '\n' { ' ' } else { character })
        .collect()
}

/// Announces what takes a while, on the standard error, so that no program takes it for the answer.
pub fn progress(text: &str) {
    // The standard error may be closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A line on the standard error that says how far something is; only on a terminal.
pub struct Progress {
    what: &'static str,
    shown: Option<(u64, String)>,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(what: &'static str) -> Progress {
        Progress { what, shown: None }
    }

    /// So much is done, from 0 to 1.
    pub fn show(&mut self, part: f64) {
        self.show_beside(part, "");
    }

    /// The same, and what is worth seeing beside it.
    pub fn show_beside(&mut self, part: f64, beside: &str) {
        let percent = (part.clamp(0.0, 1.0) * 100.0) as u64;
        let shown = (percent, printable(beside).replace('\n', " "));
        if self.shown.as_ref() == Some(&shown) || !std::io::stderr().is_terminal() {
            return;
        }
        let beside = &self.shown.insert(shown).1;
        let full = (percent / 5) as usize;
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(20 - full));
        // The standard error may be closed.
        drop(write!(std::io::stderr(), "\r\x1b[K{} {bar} {percent:3} % {beside}", self.what));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            // As above.
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
