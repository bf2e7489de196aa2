//! One other gateway, as far as it was heard.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::clock_offset::ClockOffset;
use crate::fridge::Limits;
use crate::reading::{ProbeId, Stamp};

/// Another gateway.
#[derive(Debug, Default)]
pub struct Site {
    /// The number by which the snapshot knows it.
    pub number: usize,
    /// What people call it.
    pub name: Option<String>,
    /// Whether its readings are simulated.
    pub simulated: bool,
    /// Whether its last will says that it is gone: what still comes of it has waited somewhere.
    pub is_offline: bool,
    /// Whether it does what people here want it to do.
    pub takes_acts: bool,
    /// Its fridges, by their ids there.
    pub fridges: BTreeMap<String, Described>,
    /// How far its clock is from this one's.
    pub offset: ClockOffset,
    /// Differs from one start of it to the next.
    pub boot: Option<String>,
    /// What was complained of, to say it once.
    pub complained: HashSet<&'static str>,
}

/// A fridge, as its own gateway describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The number by which its readings are known here.
    pub probe: ProbeId,
    /// What people call it there.
    pub name: String,
    /// Which others it belongs with.
    pub group: Option<String>,
    /// Its limits there.
    pub limits: Limits,
    /// Whether nobody is to be told of it.
    pub out_of_service: bool,
    /// The age beyond which a reading of it is stale.
    pub stale_after: Duration,
}

impl Site {
    /// A message has come that was written then. After a start its clock may be another one.
    pub fn arrived(&mut self, boot: Option<&str>, written: Timestamp, now: Stamp) {
        if self.boot.as_deref() != boot {
            self.offset = ClockOffset::default();
            self.boot = boot.map(str::to_owned);
        }
        self.offset.arrived(written, now);
    }

    /// Whether its readings are simulated is told. Returns whether that is news.
    pub fn set_simulated(&mut self, is_simulated: bool) -> bool {
        std::mem::replace(&mut self.simulated, is_simulated) != is_simulated
    }
}
