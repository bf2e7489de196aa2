//! Markdown as Mattermost reads it: escaped names and tables that fit. Mattermost's phones show
//! three columns, its server cuts a post at 16383 characters without regard for lines, and it
//! rewrites everything between `<` and `>`, so neither ever appears.

/// The most characters one post holds: 65535 bytes of a database column in 4-byte characters.
pub const POST_CHARACTERS: usize = 16_383;

/// Room that a post keeps for the lines below its table and for a mood before its first line.
const CLOSING_ROOM: usize = 200;

/// Names are padded to at most this width, so that one long name does not widen every row.
const PADDED_WIDTH: usize = 24;

/// A name as text that Markdown leaves alone and that calls nobody. It reads as it was written.
pub fn escape(name: &str) -> String {
    /// This invisible character behind `@`, `#`, `~`, `:` and `www` keeps a name from becoming a
    /// mention, a hashtag, a channel's link, an emoji or a link, which Mattermost's server would visit.
    const WORD_JOINER: char = '\u{2060}';
    let mut escaped = String::with_capacity(name.len() + 8);
    for character in name.chars() {
        match character {
            '<' => escaped.push('\u{2039}'),
            '>' => escaped.push('\u{203a}'),
            '@' | ':' => escaped.extend([character, WORD_JOINER]),
            '.' if ends_with_www(&escaped) => escaped.extend([WORD_JOINER, '.']),
            '#' | '~' => escaped.extend(['\\', character, WORD_JOINER]),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '!' => escaped.extend(['\\', character]),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn ends_with_www(text: &str) -> bool {
    text.len() >= 3 && text.as_bytes()[text.len() - 3..].eq_ignore_ascii_case(b"www")
}

/// A table with a header, columns aligned so that a terminal shows it as well as a chat does.
pub struct Table<const COLUMNS: usize> {
    header: [&'static str; COLUMNS],
    right: [bool; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table; `right` tells which columns hold figures.
    pub fn new(header: [&'static str; COLUMNS], right: [bool; COLUMNS]) -> Self {
        Table { header, right, rows: Vec::new() }
    }

    /// Adds a row; its cells are Markdown already.
    pub fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// A post of a first line and, below it, as many rows as fit; `more` says how many did not.
    pub fn below(&self, first_line: String, more: impl Fn(usize) -> String) -> String {
        self.between(first_line, "", more)
    }

    /// The same with lines below the table, which are shown whole.
    pub fn between(&self, first_line: String, last_lines: &str, more: impl Fn(usize) -> String) -> String {
        let mut text = first_line;
        text.push_str("\n\n");
        let taken = width(&text) + width(last_lines) + CLOSING_ROOM;
        let (table, shown) = self.render(POST_CHARACTERS.saturating_sub(taken));
        text.push_str(&table);
        if shown < self.rows.len() {
            text.push_str(&format!("\n\n{}", more(self.rows.len() - shown)));
        }
        if !last_lines.is_empty() {
            text.push_str(&format!("\n\n{last_lines}"));
        }
        text
    }

    /// The table, as many rows as fit into `room` characters, and how many rows that are.
    pub fn render(&self, room: usize) -> (String, usize) {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            self.rows
                .iter()
                .map(|row| width(&row[column]))
                .chain([width(self.header[column]), 3])
                .filter(|width| *width <= PADDED_WIDTH)
                .max()
                .unwrap_or(PADDED_WIDTH)
        });
        let line = |cells: [&str; COLUMNS]| {
            let mut line = String::from("|");
            for (column, cell) in cells.into_iter().enumerate() {
                let blanks = " ".repeat(widths[column].saturating_sub(width(cell)));
                let (before, after) =
                    if self.right[column] { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
                line.push_str(&format!(" {before}{cell}{after} |"));
            }
            line
        };
        let rule: [String; COLUMNS] = std::array::from_fn(|column| {
            let dashes = "-".repeat(widths[column] - 1);
            if self.right[column] { format!("{dashes}:") } else { format!(":{dashes}") }
        });
        let mut text = line(self.header);
        text.push('\n');
        text.push_str(&line(std::array::from_fn(|column| rule[column].as_str())));
        let mut used = width(&text);
        let mut shown = 0;
        for row in &self.rows {
            let row = line(std::array::from_fn(|column| row[column].as_str()));
            used += width(&row) + 1;
            if used > room {
                break;
            }
            text.push('\n');
            text.push_str(&row);
            shown += 1;
        }
        (text, shown)
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
    fn a_table_is_aligned_and_stops_where_the_room_ends() {
        let mut table = Table::new(["Fridge", "Now"], [false, true]);
        table.push(["Milk".into(), "4.2 °C".into()]);
        table.push(["Freezer".into(), "\u{2212}19.0 °C".into()]);
        let (text, rows) = table.render(POST_CHARACTERS);
        assert_eq!(
            text,
            "| Fridge  |      Now |\n|:--------|---------:|\n| Milk    |   4.2 °C |\n| Freezer | \u{2212}19.0 °C |"
                .replace("|:--------|---------:|", "| :------ | -------: |")
        );
        assert_eq!(rows, 2);
        let (text, rows) = table.render(80);
        assert_eq!((text.lines().count(), rows), (3, 1));
    }
}
