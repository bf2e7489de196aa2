//! The buttons below an answer, by the ids that come back when they are pressed.

use strum::{EnumString, IntoStaticStr};

/// A button. Its id has letters and digits only: Mattermost's client cannot press another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Button {
    /// Updates the post in place.
    Refresh,
    /// A menu of fridges; only the person who chose sees the chosen one.
    Details,
}

impl Button {
    /// Its id.
    pub fn id(self) -> &'static str {
        self.into()
    }
}
