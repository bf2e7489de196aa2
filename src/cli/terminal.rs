//! What a person at a terminal sees: text with colours where there is a terminal that wants them (`NO_COLOR` and
//! `TERM=dumb` are heeded), progress, errors.

use std::io::Write;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

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
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Announces what takes a while, on the standard error, so that no program takes it for the answer.
pub fn progress(text: &str) {
    // The standard error may be closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}
