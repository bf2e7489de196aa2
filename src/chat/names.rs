//! Finding a fridge by what a person typed: any part of its name, whatever the case and the
//! accents; a near miss is suggested.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A text without case and accents: "Crème" and "creme" are the same.
pub fn fold(text: &str) -> String {
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The candidates that `typed` names, by their index: the one that it names exactly, else every one
/// that it is a part of. Nothing typed names nothing.
pub fn matching<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let typed = fold(typed);
    if typed.is_empty() {
        return Vec::new();
    }
    let folded: Vec<String> = candidates.map(fold).collect();
    if let Some(exact) = folded.iter().position(|name| *name == typed) {
        return vec![exact];
    }
    folded.iter().enumerate().filter(|(_, name)| name.contains(&typed)).map(|(index, _)| index).collect()
}

/// The candidate that comes nearest to `typed`, where one comes near: at most one slip in three
/// letters, counted against the whole name and against each of its words.
pub fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Beyond this a comparison costs more than a suggestion is worth, and nobody types it.
    const LONGEST: usize = 64;
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
        assert_eq!(matching("MILK", NAMES.into_iter()), [0]);
        assert_eq!(matching("creme", NAMES.into_iter()), [1]);
        assert_eq!(matching("FRAÎCHE", NAMES.into_iter()), [1]);
        assert_eq!(matching("freezer", NAMES.into_iter()), [2, 3]);
        assert_eq!(matching("  freezer   2 ", NAMES.into_iter()), [3]);
        assert!(matching("  ", NAMES.into_iter()).is_empty());
    }

    #[test]
    fn the_whole_name_wins_over_a_part_of_another() {
        assert_eq!(matching("milk", ["Buttermilk", "Milk"].into_iter()), [1]);
    }

    #[test]
    fn a_near_miss_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest("mlik", NAMES.into_iter()), Some("Milk"));
        assert_eq!(nearest("frezer", NAMES.into_iter()), Some("Freezer 1"));
        assert_eq!(nearest("aquarium", NAMES.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(16_383), NAMES.into_iter()), None);
    }
}
