//! What the recorder takes in.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::{Act, By};
use crate::alarm::GatewayNotice;
use crate::fridge::{Correction, Fridge};
use crate::history::Restored;
use crate::reading::{BusFault, Notice, ProbeId, Sampled, Stamp};
use crate::state::{BusInfo, BusKey, RemoteReading, SiteAlarms};

/// What the recorder takes in.
#[derive(Debug)]
pub enum Input {
    /// From now on there are these buses, and their probes are corrected so.
    Buses {
        /// Each with the key of the one that it was so far, or `None` where it is new.
        buses: Vec<(Option<BusKey>, BusInfo)>,
        /// How the probes' values are corrected.
        corrections: HashMap<ProbeId, Correction>,
    },
    /// A bus was measured.
    Sweep {
        /// The bus.
        bus: BusKey,
        /// When the sweep began: a reading counts as that old, never as younger.
        at: Stamp,
        /// How long it took.
        took: Duration,
        /// Its probes, validated and not yet calibrated.
        probes: Vec<Sampled>,
        /// What is noteworthy about the bus.
        notices: Vec<Notice>,
    },
    /// From now on there are these other gateways, by their numbers, and these fridges.
    Sites {
        /// The gateways.
        sites: Vec<BusInfo>,
        /// All fridges, this gateway's own among them.
        fridges: Vec<Fridge>,
        /// Those of the gateways that are followed at present, by their names in topics.
        followed: BTreeSet<String>,
    },
    /// Other gateways, by their numbers, have read their fridges.
    Readings(Vec<(usize, Vec<RemoteReading>)>),
    /// Other gateways, by their names in topics, have these open alarms.
    SiteAlarms(Vec<(String, SiteAlarms)>),
    /// A bus could not be measured at all.
    Failed {
        /// The bus.
        bus: BusKey,
        /// When the try began.
        at: Stamp,
        /// Why.
        fault: BusFault,
    },
    /// From now on these fridges are watched.
    Fridges(Vec<Fridge>),
    /// From now on alarms are told to these targets.
    Targets(Vec<Recipient>),
    /// A message was delivered, or can never be.
    Delivered {
        /// Its row in the records, where it has one.
        id: Option<i64>,
        /// The alarms that the target has taken note of: none where it was given up.
        alarms: Vec<u64>,
    },
    /// An act was requested.
    Act {
        /// What.
        act: Act,
        /// Who.
        by: By,
    },
    /// The gateway has something to say of itself.
    Notice(GatewayNotice),
    /// This was kept by earlier runs of the program.
    Restored(Restored),
    /// Time has passed.
    Tick,
    /// The gateway ends.
    End,
}

/// Who is told of alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The target's name.
    pub target: String,
    /// Whether it is called only when it is urgent, or nobody answers.
    pub urgent_only: bool,
}
