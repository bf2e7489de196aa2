//! The scope: which fridges somebody may see. A hook of one kitchen need not know the others'.

use crate::fridge::Fridge;
use crate::fridge::names::fold;

/// Which fridges somebody may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names of fridges and groups, folded; `None` for everything.
    only: Option<Vec<String>>,
}

impl Scope {
    /// Everything.
    pub fn everything() -> Scope {
        Scope { only: None }
    }

    /// The fridges of these names, and those of these groups; case and accents do not matter.
    pub fn only<'a>(names_and_groups: impl IntoIterator<Item = &'a str>) -> Scope {
        Scope { only: Some(names_and_groups.into_iter().map(fold).collect()) }
    }

    /// Whether it holds everything, also probes that are in no fridge.
    pub fn is_everything(&self) -> bool {
        self.only.is_none()
    }

    /// Whether that fridge is in it.
    pub fn sees(&self, fridge: &Fridge) -> bool {
        // What another gateway calls its own must not open a door here.
        if fridge.site.is_some() {
            return self.is_everything();
        }
        let names = || std::iter::once(&fridge.name).chain(&fridge.group).map(|name| fold(name));
        self.only.as_ref().is_none_or(|only| names().any(|name| only.contains(&name)))
    }
}
