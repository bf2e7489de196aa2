//! What a person at a terminal sees: plain text from Markdown, colours where there is a terminal,
//! log lines.

use std::io::{IsTerminal, Write};

use tracing_subscriber::filter::LevelFilter;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31;1m";
const PLAIN: &str = "\x1b[0m";

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

/// Prints an error with its causes.
pub fn error(error: &anyhow::Error) {
    let (bold, plain) = if std::io::stderr().is_terminal() { (RED, PLAIN) } else { ("", "") };
    // Where the standard error is closed, nobody reads.
    drop(writeln!(std::io::stderr(), "{bold}error:{plain} {error:#}"));
}

/// What takes a while, said before it: to the standard error, so that no program reads it for an answer.
pub fn note(text: &str) {
    // Where the standard error is closed, nobody waits.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Log lines to the standard error: with a time, unless systemd's journal adds its own.
pub fn log() {
    let output = || std::io::stderr();
    let log = tracing_subscriber::fmt()
        .with_writer(output)
        .with_target(false)
        // What cannot be written is dropped: the default prints to the standard error instead, and panics
        // where that has no reader.
        .log_internal_errors(false)
        .with_max_level(LevelFilter::INFO)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
    // A panic is our own fault: it is logged like everything else, and whoever caught it goes on.
    std::panic::set_hook(Box::new(|panic| tracing::error!("a bug: {panic}")));
}

/// An answer's Markdown as a terminal shows it: tables in columns, the first line and what needs a
/// look set off by colour where `colour` says so.
pub fn plain(markdown: &str, colour: bool) -> String {
    let mut text = String::new();
    let mut table: Vec<Vec<Cell>> = Vec::new();
    for (number, line) in markdown.lines().enumerate() {
        if let Some(row) = line.strip_prefix('|') {
            if !row.starts_with(" :") && !row.starts_with(" -") {
                table.push(cells(row));
            }
            continue;
        }
        write_table(&mut text, &std::mem::take(&mut table), colour);
        let line = Cell::new(line).text;
        if number == 0 && colour {
            text.push_str(&format!("{BOLD}{line}{PLAIN}\n"));
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    write_table(&mut text, &table, colour);
    text
}

struct Cell {
    text: String,
    bold: bool,
}

impl Cell {
    /// Takes the marks off: escapes, code, bold, and the invisible joiners of names.
    fn new(markdown: &str) -> Self {
        let mut text = String::with_capacity(markdown.len());
        let mut bold = false;
        let mut characters = markdown.trim_end().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => text.extend(characters.next()),
                '*' if characters.peek() == Some(&'*') => {
                    characters.next();
                    bold = true;
                }
                '`' | '\u{2060}' => {}
                _ => text.push(character),
            }
        }
        Cell { text, bold }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// The cells of a row, its first bar taken off already; a bar behind a backslash is a cell's own.
fn cells(row: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (index, character) in row.char_indices() {
        if character == '|' && !escaped {
            cells.push(Cell::new(row[start..index].trim()));
            start = index + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    cells
}

fn write_table(text: &mut String, rows: &[Vec<Cell>], colour: bool) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows.iter().filter(|row| row.iter().any(|cell| !cell.text.is_empty())) {
        let (before, after) =
            if colour && row.iter().any(|cell| cell.bold) { (RED, PLAIN) } else { ("", "") };
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{:width$}", cell.text)).collect();
        text.push_str(&format!("{before}  {}{after}\n", line.join("  ").trim_end()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "1 of 2 needs a look: A\\_B **x**\n\n| Fridge | Now |\n| :----- | --: |\n| A\\_B \\| C | **9.0 °C** |\n| Milk | 4.0 °C |";

    #[test]
    fn a_terminal_sees_columns_without_marks() {
        assert_eq!(
            plain(ANSWER, false),
            "1 of 2 needs a look: A_B x\n\n  Fridge   Now\n  A_B | C  9.0 °C\n  Milk     4.0 °C\n"
        );
    }

    #[test]
    fn what_is_bold_is_red_only_where_colours_are_wanted() {
        assert!(plain(ANSWER, true).contains("\x1b[31;1m  A_B | C"));
        assert!(!plain(ANSWER, false).contains('\x1b'));
    }
}
