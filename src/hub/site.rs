//! One other gateway, as far as it was heard.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::clock_offset::ClockOffset;
use crate::fridge::Limits;
use crate::reading::ProbeId;

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
    /// Whether its readings are simulated is told. Returns whether that is news.
    pub fn set_simulated(&mut self, is_simulated: bool) -> bool {
        std::mem::replace(&mut self.simulated, is_simulated) != is_simulated
    }
}
