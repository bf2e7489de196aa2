//! What people do: acknowledge, snooze, announce a defrost.

use std::time::Duration;

/// Something that somebody wants done. It is answered once it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody takes alarms on, by their numbers.
    Acknowledge {
        /// The alarms.
        numbers: Vec<u64>,
        /// The cause, where they named one.
        cause: Option<String>,
    },
    /// Nobody wants to hear of some fridges for a while.
    Snooze {
        /// Their ids.
        fridges: Vec<String>,
        /// For how long.
        length: Duration,
    },
    /// Warmth is expected in some fridges for a while.
    Defrost {
        /// Their ids.
        fridges: Vec<String>,
        /// For how long.
        length: Duration,
    },
    /// A made-up alarm is raised, to see that it arrives and that people act.
    Drill {
        /// The fridge's id.
        fridge: String,
    },
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
    /// The disk does not take it.
    #[error(
        "the disk did not take this: it holds until the gateway is restarted; `fridge doctor` says what is wrong"
    )]
    NotOnDisk,
}
