//! HTML: the blocks of a document as paragraphs, lists and tables. Whatever anybody wrote is text in it, and never markup.

use maud::{Markup, PreEscaped, html};

use super::terminal::steers;
use super::{Block, Doc, Span, Table, Text};

/// What stands below the headline.
pub fn blocks(doc: &Doc) -> Markup {
    html! {
        @for block in &doc.blocks {
            @match block {
                Block::Line(text) => p { (line(text)) },
                Block::List(lines) => ul { @for text in lines { li { (line(text)) } } },
                Block::Table(rows) => (table(rows)),
            }
        }
    }
}

/// A line of text.
pub fn line(text: &Text) -> Markup {
    html! {
        @for span in text.spans() {
            @match span {
                Span::Words(words) => (words),
                Span::Name(name) => bdi { (printable(name)) },
                Span::Code(code) => code { (printable(code)) },
                Span::Strong(words) => strong { (words) },
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let has_heads = table.columns.iter().any(|column| !column.head.is_empty());
    let cells = |cells: &[Text]| {
        html! {
            @for (cell, column) in cells.iter().zip(&table.columns) {
                td.number[column.is_number] { (line(cell)) }
            }
        }
    };
    html! {
        table {
            @if has_heads {
                thead { tr { @for column in &table.columns { th.number[column.is_number] { (column.head) } } } }
            }
            tbody {
                @for row in &table.rows {
                    tr.needs-a-look[row.needs_a_look] {
                        @match (has_heads, row.cells.split_first()) {
                            // Without heads above, the first cell says what stands beside it.
                            (false, Some((head, rest))) => {
                                th scope="row" { (line(head)) }
                                @for cell in rest { td { (line(cell)) } }
                            },
                            _ => (cells(&row.cells)),
                        }
                    }
                }
            }
        }
    }
}

/// A name without what would turn the direction of what stands beside it.
pub fn printable(name: &str) -> String {
    name.chars().map(|character| if steers(character) { ' ' } else { character }).collect()
}

/// A text in which nothing is markup.
pub fn escaped(text: &str) -> String {
    let PreEscaped(escaped) = html! { (text) };
    escaped.replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_anybody_wrote_is_markup() {
        let mut rows = Table::new([("<Fridge>", false), ("Now", true)], |_, _| String::new());
        rows.push([Text::name("<script>alert('x')</script>\u{202e}"), Text::strong("9.0 °C")]);
        let doc = Doc::new("headline")
            .with(Block::Line(Text::from("a < b & \"c\"").and(Text::code("</p>"))))
            .with(Block::List(vec![Text::name("<b onclick=\"x\">")]))
            .with(Block::Table(rows));
        let PreEscaped(html) = blocks(&doc);
        assert!(!html.contains("<script") && !html.contains("<b ") && !html.contains('\u{202e}'), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("<strong>9.0 °C</strong>"), "{html}");
        assert!(html.contains("<td class=\"number\">"), "{html}");
        assert_eq!(escaped("<a href='x' b=\"y\">&"), "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;");
    }
}
