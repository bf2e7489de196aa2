//! What is known of one bus.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Histogram, ProbeState};
use crate::reading::{BusFault, Fault, Notice, ProbeId, Stamp};

/// A reading is stale once it is older than this many periods of its bus.
pub const STALE_AFTER_PERIODS: u32 = 3;

/// Key that a bus's thread reports under; stable across reloads, and never given twice: the thread of a bus
/// that is no more may hang and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusKey(pub(super) usize);

/// A bus as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusInfo {
    /// What people call it: "bus 1".
    pub name: String,
    /// Whether its values come from no real probe.
    pub simulated: bool,
    /// From the start of one sweep to the start of the next.
    pub period: Duration,
}

/// What is known of one bus.
#[derive(Clone, Debug)]
pub struct BusState {
    /// Key that its thread reports under.
    pub key: BusKey,
    /// Since when it is there.
    pub since: Stamp,
    /// What people call it.
    pub name: String,
    /// Whether its values come from no real probe.
    pub simulated: bool,
    /// The configured time from the start of one sweep to the start of the next.
    pub period: Duration,
    /// When the last sweep began that measured anything.
    pub last_sweep: Option<Stamp>,
    /// How long that sweep took.
    pub sweep_took: Duration,
    /// Why the bus cannot be measured, since its last good sweep, and since when.
    pub fault: Option<(BusFault, Stamp)>,
    /// How many sweeps measured it since the start.
    pub sweeps: u64,
    /// How long these took.
    pub sweep_durations: Histogram,
    /// How often it could not be measured at all, by the reason.
    pub failures: BTreeMap<Fault, u64>,
    /// What is noteworthy about it.
    pub notices: Vec<Notice>,
    /// The probes that were ever seen on it since the start.
    pub probes: BTreeMap<ProbeId, ProbeState>,
}

impl BusState {
    /// A bus that was not measured yet, with what is known of its probes from before.
    pub(super) fn new(
        key: BusKey,
        info: BusInfo,
        probes: BTreeMap<ProbeId, ProbeState>,
        since: Stamp,
    ) -> Self {
        let BusInfo { name, simulated, period } = info;
        BusState {
            key,
            since,
            name,
            simulated,
            period,
            last_sweep: None,
            sweep_took: Duration::ZERO,
            fault: None,
            sweeps: 0,
            sweep_durations: Histogram::default(),
            failures: BTreeMap::new(),
            notices: Vec::new(),
            probes,
        }
    }

    /// The age beyond which a reading of this bus is stale: three periods, or three sweeps where a
    /// sweep takes longer than the period.
    pub fn stale_after(&self) -> Duration {
        self.period.max(self.sweep_took) * STALE_AFTER_PERIODS
    }

    /// Whether the newest sweep is young enough to stand for the present.
    pub fn is_fresh(&self, now: &Stamp) -> bool {
        self.fault.is_none() && self.last_sweep.is_some_and(|at| now.since(&at) <= self.stale_after())
    }
}
