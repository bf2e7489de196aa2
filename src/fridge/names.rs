//! Finding a fridge by what a person typed: any part of its name, whatever the case and the
//! accents; a near miss is suggested.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Beyond this many letters a comparison costs more than a suggestion is worth, and nobody types them.
const LONGEST: usize = 64;

/// A text without case, accents and what cannot be seen: "Crème" and "creme" are the same, however they were pasted.
pub fn fold(text: &str) -> String {
    // Of ASCII nothing is decomposed, combined or invisible; most of what people type is that.
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        let seen = text.nfd().filter(|c| !is_combining_mark(*c) && !is_invisible(*c));
        seen.flat_map(char::to_lowercase).collect()
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without what cannot be seen.
pub fn visible(text: &str) -> String {
    text.chars().filter(|character| !is_invisible(*character)).collect()
}

/// Whether a character shows nothing and says nothing: Unicode's format characters (category Cf), as they come along
/// with a pasted text.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// The candidate that is exactly `typed`, by its index.
pub fn exact<'a>(typed: &str, mut candidates: impl Iterator<Item = &'a str>) -> Option<usize> {
    let typed = fold(typed);
    candidates.position(|candidate| fold(candidate) == typed)
}

/// The candidates that `typed` is a part of, by their index. Nothing typed is a part of none. A number is
/// whole or not meant: "freezer 1" is no part of "Freezer 12".
pub fn containing<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let typed = fold(typed);
    if typed.is_empty() {
        return Vec::new();
    }
    indices(candidates, |name| {
        name.match_indices(&typed).any(|(start, _)| !cuts_a_number(name, start, start + typed.len()))
    })
}

/// The candidates at edit distance 1 from `typed`, in the whole or in one of their words. In fewer than four
/// letters one typing mistake could mean anything, and a digit tells fridges apart: "freezer 2" never means
/// "Freezer 1".
pub fn one_slip_from<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let typed = fold(typed);
    if !(4..=LONGEST).contains(&typed.chars().count()) {
        return Vec::new();
    }
    indices(candidates, |name| {
        is_one_slip(name, &typed) || name.split(' ').any(|word| is_one_slip(word, &typed))
    })
}

/// The same in the whole alone.
pub fn one_slip_from_whole<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let typed = fold(typed);
    if !(4..=LONGEST).contains(&typed.chars().count()) {
        return Vec::new();
    }
    indices(candidates, |name| is_one_slip(name, &typed))
}

fn is_one_slip(name: &str, typed: &str) -> bool {
    digits(name).eq(digits(typed)) && strsim::osa_distance(name, typed) == 1
}

/// Whether a part of a text begins or ends inside a number.
fn cuts_a_number(text: &str, start: usize, end: usize) -> bool {
    let is_digit = |character: Option<char>| character.is_some_and(|character| character.is_numeric());
    let (before, part, after) = (&text[..start], &text[start..end], &text[end..]);
    is_digit(before.chars().next_back()) && is_digit(part.chars().next())
        || is_digit(part.chars().next_back()) && is_digit(after.chars().next())
}

fn digits(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|character| character.is_numeric())
}

fn indices<'a>(candidates: impl Iterator<Item = &'a str>, is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
    candidates
        .enumerate()
        .filter(|(_, candidate)| is_meant(&fold(candidate)))
        .map(|(index, _)| index)
        .collect()
}

/// The candidate that comes nearest to `typed`, where one comes near: at most one slip in three
/// letters, counted against the whole name and against each of its words.
pub fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = fold(typed);
    if typed.is_empty() || typed.chars().count() > LONGEST {
        return None;
    }
    let slips = |name: &str| {
        let longer = name.chars().count().max(typed.chars().count());
        let slips = strsim::osa_distance(name, &typed);
        (slips * 3 <= longer).then_some(slips)
    };
    candidates
        .filter_map(|candidate| {
            let name = fold(candidate);
            let best = std::iter::once(name.as_str()).chain(name.split(' ')).filter_map(slips).min()?;
            Some((best, candidate))
        })
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["Milk", "Crème fraîche", "Freezer 1", "Freezer 2"];

    #[test]
    fn case_and_accents_are_ignored_and_any_part_will_do() {
        assert_eq!(containing("MILK", NAMES.into_iter()), [0]);
        assert_eq!(containing("creme", NAMES.into_iter()), [1]);
        assert_eq!(containing("FRAÎCHE", NAMES.into_iter()), [1]);
        assert_eq!(containing("freezer", NAMES.into_iter()), [2, 3]);
        assert_eq!(exact("  freezer   2 ", NAMES.into_iter()), Some(3));
        assert!(containing("  ", NAMES.into_iter()).is_empty());
    }

    #[test]
    fn one_slip_is_forgiven_where_enough_letters_are_right() {
        assert_eq!(one_slip_from("mlik", NAMES.into_iter()), [0]);
        assert_eq!(one_slip_from("freeser", NAMES.into_iter()), [2, 3]);
        assert!(one_slip_from("mil", NAMES.into_iter()).is_empty());
        assert!(one_slip_from("aquarium", NAMES.into_iter()).is_empty());
    }

    #[test]
    fn a_digit_is_identity_and_never_a_slip() {
        assert!(one_slip_from("freezer 3", NAMES.into_iter()).is_empty());
        assert!(one_slip_from("freezer", ["Freezer1"].into_iter()).is_empty());
        assert!(one_slip_from("freezer 21", ["Freezer 12"].into_iter()).is_empty());
        assert_eq!(one_slip_from("freeser 2", NAMES.into_iter()), [3]);
        assert!(containing("freezer 1", ["Freezer 12", "Freezer 10"].into_iter()).is_empty());
        assert!(containing("2", ["Freezer 12", "Walk-in 21"].into_iter()).is_empty());
        assert_eq!(containing("1", ["Freezer 12", "Bar 1 left"].into_iter()), [1]);
        assert_eq!(containing("freezer", ["Freezer 12"].into_iter()), [0]);
    }

    #[test]
    fn a_near_miss_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest("mlik", NAMES.into_iter()), Some("Milk"));
        assert_eq!(nearest("frezer", NAMES.into_iter()), Some("Freezer 1"));
        assert_eq!(nearest("aquarium", NAMES.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(16_383), NAMES.into_iter()), None);
    }
}
