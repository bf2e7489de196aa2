//! Terminal text: tables in columns, the headline and what needs a look set off by colour where that is wanted.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::{Block, Doc, Span, Table, Text};

const HEADLINE: Style = Style::new().bold();
const NEEDS_A_LOOK: Style = AnsiColor::Red.on_default().bold();

/// The document for a terminal, with colours where `colour` says so.
pub fn render(doc: &Doc, colour: bool) -> String {
    let mut text = styled(&line(&doc.headline), HEADLINE, colour);
    text.push('\n');
    for block in &doc.blocks {
        text.push('\n');
        match block {
            Block::Line(words) => text.extend([&line(words), "\n"]),
            Block::List(lines) => lines.iter().for_each(|words| text.extend(["- ", &line(words), "\n"])),
            Block::Table(table) => write_table(&mut text, table, colour),
        }
    }
    text
}

/// Whether a character does something to a terminal, or to what stands beside it: control characters, and those that
/// turn the direction of writing (Unicode, annex 9).
pub fn steers(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line of text without markup, in which nothing steers a terminal.
pub fn line(text: &Text) -> String {
    let parts = text.spans().iter().map(|span| match span {
        Span::Words(words) => words.as_ref(),
        Span::Name(text) | Span::Code(text) | Span::Strong(text) => text.as_str(),
    });
    parts.flat_map(str::chars).map(printable).collect()
}

fn printable(character: char) -> char {
    if steers(character) { ' ' } else { character }
}

fn styled(text: &str, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn write_table(text: &mut String, table: &Table, colour: bool) {
    let heads: Vec<String> =
        table.columns.iter().map(|column| column.head.chars().map(printable).collect()).collect();
    let rows = table.rows.iter().map(|row| {
        let is_strong = |cell: &Text| cell.spans().iter().any(|span| matches!(span, Span::Strong(_)));
        (row.cells.iter().map(line).collect::<Vec<_>>(), row.cells.iter().any(is_strong))
    });
    let lines: Vec<(Vec<String>, bool)> = std::iter::once((heads, false)).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|(cells, _)| cells[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    for (cells, is_strong) in lines.iter().filter(|(cells, _)| cells.iter().any(|cell| !cell.is_empty())) {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())))
            .collect();
        let line = format!("  {}", padded.join("  ").trim_end());
        text.push_str(&styled(&line, NEEDS_A_LOOK, colour && *is_strong));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc() -> Doc {
        let mut table = Table::new([("Fridge", false), ("Now", true)], |_, _| String::new());
        table.push([Text::name("A_B | C"), Text::strong("9.0 °C")]);
        table.push([Text::name("牛乳"), "4.0 °C".into()]);
        Doc::new(Text::from("1 of 2 needs a look: ").and(Text::name("A_B **x**\u{1b}[2J")))
            .with(Block::Table(table))
            .with(Block::List(vec![Text::sentence("ask `fridge help`")]))
    }

    #[test]
    fn a_terminal_sees_columns_without_marks() {
        assert_eq!(
            render(&doc(), false),
            "1 of 2 needs a look: A_B **x** [2J\n\n  Fridge   Now\n  A_B | C  9.0 °C\n  牛乳     4.0 °C\n\n- ask fridge help\n"
        );
    }

    #[test]
    fn what_stands_out_is_red_only_where_colours_are_wanted() {
        assert!(render(&doc(), true).contains("\u{1b}[1m\u{1b}[31m  A_B | C"), "{:?}", render(&doc(), true));
        assert!(!render(&doc(), false).contains('\u{1b}'));
    }
}
