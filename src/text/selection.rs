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

/// Stands for the names that a line has no room for.
pub const AND_OTHERS: &str = "…";
