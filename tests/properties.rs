//! What holds whatever goes in, shown with a few hundred inputs that chance makes.

use std::collections::BTreeMap;
use std::time::Duration;

use fridge::doc::markdown::{self, POST_CHARACTERS};
use fridge::doc::{Block, Doc, Row, Table, Text, terminal};
use fridge::fridge::names;
use fridge::history::{History, MINUTES};
use fridge::reading::{Celsius, ProbeId, Stamp};
use proptest::prelude::*;

/// Characters that mean something to Markdown, to a terminal or to Mattermost, among others.
fn name() -> impl Strategy<Value = String> {
    let meaning =
        proptest::sample::select("*_|`[]()!#~@:<>\\.-w \u{1b}\n\t\u{2060}é牛🧊".chars().collect::<Vec<_>>());
    proptest::collection::vec(prop_oneof![3 => meaning, 1 => any::<char>()], 0..40)
        .prop_map(|characters| characters.into_iter().collect())
}

fn doc() -> impl Strategy<Value = Doc> {
    let row = (name(), name(), any::<bool>());
    (name(), proptest::collection::vec(row, 0..400), proptest::collection::vec(name(), 0..20)).prop_map(
        |(headline, rows, lines)| {
            let columns = [("Fridge", false), ("Now", true)];
            let mut table =
                Table::new(columns, |rows, needing| format!("{rows} more, {needing} need a look"));
            table.rows = rows
                .into_iter()
                .map(|(one, other, needs_a_look)| Row {
                    cells: vec![Text::name(one), Text::name(other)],
                    needs_a_look,
                })
                .collect();
            Doc::new(Text::name(headline))
                .with(Block::Table(table))
                .with(Block::List(lines.into_iter().map(Text::name).collect()))
        },
    )
}

/// The first character that Markdown would take for markup.
fn live(text: &str) -> Option<char> {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '@' | ':' if characters.peek() != Some(&'\u{2060}') => return Some(character),
            '*' | '_' | '|' | '`' | '[' | ']' | '!' | '#' | '~' | '<' | '>' => return Some(character),
            _ if character.is_control() => return Some(character),
            _ => {}
        }
    }
    None
}

proptest! {
    #[test]
    fn an_escaped_name_has_no_live_markdown(name in name()) {
        let escaped = markdown::escape(&name);
        prop_assert_eq!(live(&escaped), None, "{:?}", escaped);
    }

    #[test]
    fn a_post_is_never_longer_than_mattermost_takes(doc in doc()) {
        let post = markdown::render(&doc);
        prop_assert!(post.chars().count() <= POST_CHARACTERS, "{}", post.chars().count());
        prop_assert!(!post.contains(['<', '>']));
        let Block::Table(table) = &doc.blocks[0] else { panic!("it begins with a table") };
        let shown = post.lines().filter(|line| line.starts_with('|')).count() - 2;
        let left_out = table.rows.len() - shown;
        let said = format!("\n\n{left_out} more, ");
        prop_assert_eq!(left_out > 0, post.contains(&said), "{} shown of {}", shown, table.rows.len());
    }

    #[test]
    fn no_control_character_reaches_a_terminal(doc in doc()) {
        let text = terminal::render(&doc, false);
        prop_assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{:?}", text);
    }

    #[test]
    fn a_document_survives_its_json(doc in doc()) {
        let json = serde_json::to_string(&doc).unwrap();
        let again: Doc = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(terminal::render(&doc, true), terminal::render(&again, true));
    }

    #[test]
    fn folding_twice_is_folding_once(name in any::<String>()) {
        let once = names::fold(&name);
        prop_assert_eq!(names::fold(&once), once);
    }

    #[test]
    fn the_ring_of_a_day_equals_a_list_of_all_values(
        steps in proptest::collection::vec((0_u64..3_000, -880_i16..2_000), 1..60),
        length in 0..2 * MINUTES,
    ) {
        let probe = ProbeId::new(0x28, 1);
        let at = |minute: u64| Stamp { mono: Duration::from_secs(minute * 60), wall: jiff::Timestamp::UNIX_EPOCH };
        let (history, mut all, mut minute) = (History::default(), BTreeMap::new(), 1_000_u64);
        for (passed, sixteenths) in steps {
            // Most values come close together, some after a gap.
            minute += if passed < 2_900 { passed % 3 } else { passed };
            let celsius = Celsius::from_sixteenths(sixteenths);
            history.add(at(minute), &[(probe, Ok(celsius))], false);
            let (min, max) = all.entry(minute).or_insert((celsius, celsius));
            (*min, *max) = ((*min).min(celsius), (*max).max(celsius));
        }
        let kept = history.minutes(probe, &at(minute), length);
        let wanted: Vec<_> = (0..length as u64)
            .rev()
            .map(|back| {
                let asked = minute.checked_sub(back)?;
                all.get(&asked).copied().filter(|_| back < MINUTES as u64)
            })
            .collect();
        let kept: Vec<_> = kept.into_iter().map(|minute| minute.map(|it| (it.min, it.max))).collect();
        prop_assert_eq!(kept, wanted);
    }
}
