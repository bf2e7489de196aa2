//! What people do: acknowledge, snooze, announce a defrost, have a probe measured in ice.

use std::ops::RangeInclusive;
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
    /// The ice point of the probes in some fridges is measured.
    Calibrate {
        /// The fridges' ids.
        fridges: Vec<String>,
    },
    /// For the tests of what carries an act.
    #[cfg(test)]
    Nothing,
}

impl Act {
    /// How long a snooze or an announced defrost may last.
    pub const LENGTHS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
    /// So long nothing is told of a fridge whose probe is in ice, and on its way back.
    pub const CALIBRATING: Duration = Duration::from_secs(90 * 60);
    /// The longest cause that is kept, in characters.
    pub const LONGEST_CAUSE: usize = 200;

    /// Somebody takes alarms on; of a cause without words, and of one that is too long, what can be kept.
    pub fn acknowledge(numbers: Vec<u64>, cause: &str) -> Act {
        let cause: String = cause.trim().chars().take(Act::LONGEST_CAUSE).collect();
        Act::Acknowledge { numbers, cause: (!cause.is_empty()).then_some(cause) }
    }
}

/// Who wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The user's name, where it is known.
    pub user: Option<String>,
    /// Whether the channel has to be told, because it was done where nobody there sees it.
    pub is_told: bool,
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
