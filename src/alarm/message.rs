//! A message about alarms: what it is about, and the alarms as they were when it was written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Alarm, Outage, Urgency};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Alarms were raised.
    Raised,
    /// Alarms have become urgent.
    Escalated,
    /// Nobody has acknowledged them.
    Unanswered,
    /// They are still open.
    Reminder,
    /// Somebody has acknowledged them elsewhere than in the channel.
    Acknowledged,
    /// They are over.
    Cleared,
    /// The gateway was off.
    Outage,
    /// The gateway itself: its disk, the hash of a day, or what somebody did on its page.
    Gateway,
    /// A test of the way to a target.
    Test,
}

/// What the gateway says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayNotice {
    /// What is measured, or what happens, cannot be kept.
    DiskFailing {
        /// What the system says.
        why: String,
    },
    /// It can be kept again.
    DiskAgain,
    /// Somebody wants it quiet around some fridges, and said so elsewhere than in the channel.
    Quiet {
        /// The names of the fridges.
        fridges: Vec<String>,
        /// For how many seconds.
        length_s: u64,
        /// Whether only warmth is expected: a defrost; else it is a snooze.
        warmth_only: bool,
        /// Who said so.
        by: Option<String>,
    },
    /// Nothing comes from another gateway of the same broker.
    NeighbourSilent {
        /// What people call it.
        gateway: String,
        /// For how many seconds nothing has come.
        silent_s: u64,
    },
    /// It is there again.
    NeighbourBack {
        /// What people call it.
        gateway: String,
        /// For how many seconds nothing came.
        silent_s: u64,
    },
    /// A probe was steady in ice.
    IcePoint {
        /// The name of its fridge.
        fridge: String,
        /// What it showed, in °C.
        shows: f64,
        /// What has to be added to it, in °C.
        offset: f64,
    },
    /// A probe was not steady in ice in time.
    NoIcePoint {
        /// The name of its fridge.
        fridge: String,
        /// What it showed last, in °C.
        newest: Option<f64>,
        /// Whether it came from another temperature at all.
        has_come: bool,
    },
    /// Calibrations have become a year old.
    CalibrationDue {
        /// The names of the fridges.
        fridges: Vec<String>,
    },
    /// A day is over, and sealed.
    Sealed {
        /// The day, in UTC.
        day: jiff::civil::Date,
        /// Its hash, in hexadecimal digits.
        hash: String,
    },
}

impl GatewayNotice {
    /// Whether it is about how a probe is corrected.
    pub fn is_calibration(&self) -> bool {
        use GatewayNotice::{CalibrationDue, IcePoint, NoIcePoint};
        matches!(self, IcePoint { .. } | NoIcePoint { .. } | CalibrationDue { .. })
    }

    /// Whether somebody should have a look.
    pub fn is_bad(&self) -> bool {
        use GatewayNotice::{CalibrationDue, DiskFailing, NeighbourSilent, NoIcePoint};
        matches!(
            self,
            DiskFailing { .. } | NeighbourSilent { .. } | NoIcePoint { .. } | CalibrationDue { .. }
        )
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// What it is about.
    pub topic: Topic,
    /// When it was written.
    pub at: Timestamp,
    /// The alarms, as they were then.
    pub alarms: Vec<Alarm>,
    /// What is known of the time in which the gateway was off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// What the gateway says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<GatewayNotice>,
}

impl Message {
    /// A message about those alarms.
    pub fn new(topic: Topic, at: Timestamp, alarms: Vec<Alarm>) -> Message {
        Message { topic, at, alarms, outage: None, notice: None }
    }

    /// Whether it is for those, too, who are called only when it is urgent or nobody answers: what calls them, and
    /// what becomes of it.
    pub fn is_pressing(&self) -> bool {
        let is_urgent = |alarm: &Alarm| alarm.urgency == Urgency::Urgent || alarm.unanswered.is_some();
        let has_harmed = self.outage.iter().any(|outage| outage.fridges.iter().any(|it| it.outside_s > 0));
        self.topic == Topic::Unanswered || has_harmed || self.alarms.iter().any(is_urgent)
    }
}
