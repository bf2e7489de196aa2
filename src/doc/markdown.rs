//! Markdown as Mattermost reads it: escaped names and tables that fit. Mattermost's phones show three columns, its
//! server cuts a post at 16383 characters without regard for lines, and it rewrites everything between `<` and
//! `>`, so neither ever appears.

use super::{Block, Doc, Row, Span, Table, Text};

/// The most characters one post holds: 65535 bytes of a database column in 4-byte characters.
pub const POST_CHARACTERS: usize = 16_383;

/// Room that a post keeps for the line below a table and for an emoji before its first line.
const CLOSING_ROOM: usize = 200;

/// Names are padded to at most this width, so that one long name does not widen every row.
const PADDED_WIDTH: usize = 24;

/// The document as a post of at most [`POST_CHARACTERS`].
pub fn render(doc: &Doc) -> String {
    let mut text = String::new();
    write_text(&mut text, &doc.headline);
    let others: Vec<Option<String>> = doc.blocks.iter().map(without_table).collect();
    let taken: usize = others.iter().flatten().map(|block| width(block) + 2).sum();
    for (block, other) in doc.blocks.iter().zip(others) {
        text.push_str("\n\n");
        match (block, other) {
            (Block::Table(table), _) => {
                write_table(&mut text, table, POST_CHARACTERS.saturating_sub(taken + CLOSING_ROOM));
            }
            (_, other) => text.push_str(&other.unwrap_or_default()),
        }
    }
    text
}

/// A line of text as Markdown.
pub fn line(text: &Text) -> String {
    let mut line = String::new();
    write_text(&mut line, text);
    line
}

/// A name as text that Markdown leaves alone and that calls nobody. It reads as it was written.
pub fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() + 8);
    write_escaped(&mut escaped, name);
    escaped
}

fn write_escaped(markdown: &mut String, name: &str) {
    /// This invisible character behind `@`, `#`, `~`, `:` and `www` keeps a name from becoming a
    /// mention, a hashtag, a channel's link, an emoji or a link, which Mattermost's server would visit.
    const WORD_JOINER: char = '\u{2060}';
    let start = markdown.len();
    for character in name.chars() {
        match character {
            '<' => markdown.push('\u{2039}'),
            '>' => markdown.push('\u{203a}'),
            '@' | ':' => markdown.extend([character, WORD_JOINER]),
            '.' if ends_with_www(&markdown[start..]) => markdown.extend([WORD_JOINER, '.']),
            '#' | '~' => markdown.extend(['\\', character, WORD_JOINER]),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '!' => markdown.extend(['\\', character]),
            _ if character.is_control() => markdown.push(' '),
            _ => markdown.push(character),
        }
    }
}

fn ends_with_www(text: &str) -> bool {
    text.len() >= 3 && text.as_bytes()[text.len() - 3..].eq_ignore_ascii_case(b"www")
}

fn write_text(markdown: &mut String, text: &Text) {
    for span in text.spans() {
        match span {
            Span::Words(words) => write_words(markdown, words),
            Span::Name(name) => write_escaped(markdown, name),
            Span::Code(code) => markdown.extend(["`", code, "`"]),
            Span::Strong(words) => {
                markdown.push_str("**");
                write_words(markdown, words);
                markdown.push_str("**");
            }
        }
    }
}

/// Our own words. A phone breaks a line at any blank: a unit stays with its number.
fn write_words(markdown: &mut String, words: &str) {
    let mut parts = words.split(" °");
    markdown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        markdown.extend(["\u{a0}°", part]);
    }
}

/// A block that is shown whole; `None` for a table.
fn without_table(block: &Block) -> Option<String> {
    match block {
        Block::Line(text) => Some(line(text)),
        Block::List(lines) => {
            let lines: Vec<String> = lines.iter().map(|text| format!("- {}", line(text))).collect();
            Some(lines.join("\n"))
        }
        Block::Table(_) => None,
    }
}

/// As many rows as fit, columns aligned so that the source is readable, too.
fn write_table(markdown: &mut String, table: &Table, most: usize) {
    // All cells in one string: a string for each would cost more than what is in it. Rows that have no room even
    // without padding are not looked at.
    let (mut text, mut cells) = (String::new(), Vec::with_capacity(table.rows.len() * table.columns.len()));
    let mut room = most;
    for row in &table.rows {
        for cell in &row.cells {
            let start = text.len();
            write_text(&mut text, cell);
            cells.push((start..text.len(), width(&text[start..])));
            // With "| " before it and " " behind it.
            room = room.saturating_sub(width(&text[start..]) + 3);
        }
        if room == 0 {
            break;
        }
    }
    let rows = || cells.chunks(table.columns.len().max(1));
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            rows()
                .map(|row| row[column].1)
                .chain([width(&table.columns[column].head), 3])
                .filter(|width| *width <= PADDED_WIDTH)
                .max()
                .unwrap_or(PADDED_WIDTH)
        })
        .collect();
    let write_line = |markdown: &mut String, cells: &mut dyn Iterator<Item = (&str, usize)>| {
        markdown.push('|');
        for (((cell, width), column), &columns_width) in cells.zip(&table.columns).zip(&widths) {
            let spaces = columns_width.saturating_sub(width);
            let (before, after) = if column.is_number { (spaces, 0) } else { (0, spaces) };
            markdown.push(' ');
            markdown.extend(std::iter::repeat_n(' ', before));
            markdown.push_str(cell);
            markdown.extend(std::iter::repeat_n(' ', after));
            markdown.push_str(" |");
        }
    };
    write_line(markdown, &mut table.columns.iter().map(|column| (&*column.head, width(&column.head))));
    let rules: Vec<String> = table
        .columns
        .iter()
        .zip(&widths)
        .map(|(column, width)| {
            let dashes = "-".repeat(width - 1);
            if column.is_number { format!("{dashes}:") } else { format!(":{dashes}") }
        })
        .collect();
    markdown.push('\n');
    write_line(markdown, &mut rules.iter().map(|rule| (rule.as_str(), rule.len())));
    let mut used = width(markdown);
    let mut shown = 0;
    for row in rows() {
        let before = markdown.len();
        markdown.push('\n');
        write_line(markdown, &mut row.iter().map(|(range, width)| (&text[range.clone()], *width)));
        used += width(&markdown[before..]);
        if used > most {
            markdown.truncate(before);
            break;
        }
        shown += 1;
    }
    let left_out: &[Row] = &table.rows[shown..];
    if !left_out.is_empty() {
        let needing = left_out.iter().filter(|row| row.needs_a_look).count();
        markdown.push_str("\n\n");
        markdown.push_str(&(table.left_out)(left_out.len(), needing));
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_made_of_markdown_stays_text() {
        assert_eq!(escape("*a_b|c`"), "\\*a\\_b\\|c\\`");
        assert_eq!(escape("<!channel>"), "\u{2039}\\!channel\u{203a}");
        assert_eq!(escape("@all #tag ~town"), "@\u{2060}all \\#\u{2060}tag \\~\u{2060}town");
        assert_eq!(escape("https://a.b :tada:"), "https:\u{2060}//a.b :\u{2060}tada:\u{2060}");
        assert_eq!(escape("WWW.a.b"), "WWW\u{2060}.a.b");
        assert_eq!(escape("Käse & Wurst"), "Käse & Wurst");
    }

    #[test]
    fn a_unit_stays_with_its_number() {
        assert_eq!(line(&"4.2 °C, at most 9.0 °C".into()), "4.2\u{a0}°C, at most 9.0\u{a0}°C");
        assert_eq!(line(&Text::name("Bar 4 °C")), "Bar 4 °C", "a name is its owner's");
    }

    #[test]
    fn a_table_is_aligned_and_stops_where_the_room_ends() {
        let mut table =
            Table::new([("Fridge", false), ("Now", true)], |rows, needing| format!("{rows} {needing}"));
        table.push(["Milk".into(), "4.2 °C".into()]);
        table.push(["Freezer".into(), Text::strong("\u{2212}9.0 °C")]);
        table.rows[1].needs_a_look = true;
        let mut text = String::new();
        write_table(&mut text, &table, POST_CHARACTERS);
        assert_eq!(
            text,
            "| Fridge  |         Now |\n| :------ | ----------: |\n| Milk    |      4.2\u{a0}°C |\n| Freezer | **\u{2212}9.0\u{a0}°C** |"
        );
        let mut text = String::new();
        write_table(&mut text, &table, 80);
        assert_eq!(text.lines().count(), 5);
        assert!(text.ends_with("\n\n1 1"), "one row is left out, and it needs a look: {text}");
    }
}
