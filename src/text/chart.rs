//! What `chart` says.

/// No fridge is named, and there are several.
pub const WHICH: &str = "Which fridge? Name one, such as `fridge chart milk` or `fridge chart milk 7d`.";
