//! The replies where it is not clear which fridge is meant.

use crate::doc::Text;

/// Several fridges may be meant.
pub fn which_one(names: Text) -> Text {
    Text::from("Which one do you mean? ").and(names).and(".")
}

/// The answer where no fridge has such a name.
pub fn unknown_fridge(nearest: Option<&str>, all: Text) -> Text {
    match nearest {
        Some(name) => Text::from("No fridge has that name. Did you mean ").and(Text::name(name)).and("?"),
        None => Text::from("No fridge has that name. There are: ").and(all).and("."),
    }
}

/// Something is to be done about all fridges, and all of them are other gateways'.
pub const NAME_THEM: &str = "Which fridges? This gateway has none of its own. Name one of another gateway, or all of that gateway: `site:north`.";

/// A word at the end of a question is nothing that is known there.
pub fn not_understood(word: &str) -> Text {
    Text::from("I don't understand “").and(Text::name(word)).and("”.")
}

/// What a unit may be.
pub const UNITS: &str = "A unit at the end is `in C` or `in F`.";
/// What a period may be.
pub const PERIODS: &str = "A time at the end is `today`, `yesterday`, `7d`, `sunday`, `last week`, `march`, `2026-03-14` or `from monday to wednesday`.";
/// A time lies ahead.
pub const AHEAD: &str = "That time has not come yet.";
/// What `since` says.
pub const SINCE_SAYS: &str = "`since` says how long a fridge has been outside its limits and does not accept a time; use `history milk 7d`.";
/// What a trend covers.
pub const TREND_COVERS: &str = "`trend` covers the last 60 minutes.";

/// Stands for the names that a line has no room for.
pub const AND_OTHERS: &str = "…";
