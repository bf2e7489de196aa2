//! What people do: acknowledge, snooze, announce a defrost. Nothing of that exists yet; what carries it does.

/// Something that somebody wants done. It is answered once it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// For the tests of what carries an act.
    #[cfg(test)]
    Nothing,
}

/// Who wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The user's name, where it is known.
    pub user: Option<String>,
}

/// Why an act was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The recorder's queue is full, or it has ended.
    #[error("this could not be recorded just now; try again")]
    NotRecorded,
}
