//! Who asks: what they may see, and what they may do.

use super::Scope;

/// Who asks, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Which fridges they may see.
    pub scope: Scope,
    /// The hook through which they ask; `None` in the shell.
    pub hook: Option<String>,
    /// Mattermost's user.
    pub user: Option<User>,
    /// The id of Mattermost's channel.
    pub channel: Option<String>,
    /// What they may do.
    pub rights: Rights,
}

/// A user of Mattermost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id, which stays when the name changes.
    pub id: String,
    /// The name, as others see it.
    pub name: String,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Ask.
    Read,
    /// Ask, and have something done.
    Act,
}

impl Asker {
    /// A user of this machine: may see everything, and do what `rights` say.
    pub fn local(rights: Rights) -> Asker {
        Asker { scope: Scope::everything(), hook: None, user: None, channel: None, rights }
    }
}
