//! What was measured: the last 24 hours of every probe in memory, a minute at a time, and all of it on the disk, in blocks
//! of five minutes. Readings come in from the recorder and wait here for the [`Keeper`], the thread that writes them: a
//! card that takes half a minute holds nobody up. [`Past`] answers questions about all of it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fridge::{Fridge, Limits};
use crate::reading::{ProbeId, Sample, Stamp};
use crate::store::Retention;

mod keeper;
mod past;
mod pending;
pub mod period;
mod query;
mod ring;

pub use keeper::{Keeper, Reported, Restored, RestoredProbe};
pub use past::{EachBucket, EachReading, Kept, Past, PastError, Seen, Unwritten};
use pending::Pending;
pub use period::Period;
pub use query::{Beyond, Point, beyond_since, extremes, series};
use ring::Rings;
pub use ring::{MINUTES, Minute};

/// What was measured, in memory, and how the disk takes it.
#[derive(Debug, Default)]
pub struct History {
    rings: Rings,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// What is kept for how long, and told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How long readings are kept.
    pub retention: Retention,
    /// Whether the hash of each day is told in the channel.
    pub daily_hash: bool,
}

/// What waits for the disk. Its lock is never held while anything is written.
#[derive(Debug, Default)]
struct Waiting {
    pending: Pending,
    /// The fridges that are watched: by their ids, with their probes and limits.
    fridges: BTreeMap<String, (ProbeId, Limits)>,
    /// Somebody waits until all of it is written.
    flushes_wanted: u64,
    flushes_done: u64,
    disk: Disk,
    config: Config,
}

/// How the disk takes what is measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// Since when something is being written, on the clock that never steps.
    pub writing_since: Option<Duration>,
    /// Since when nothing could be written, and what the system said.
    pub failing: Option<(Stamp, String)>,
    /// How many transactions of readings were written since the start.
    pub writes: u64,
    /// How many readings were lost, because more of them waited than there is room for.
    pub lost: u64,
    /// What happened to a damaged file, in words.
    pub damage: Option<String>,
    /// Whether the file is open.
    pub is_open: bool,
}

impl History {
    /// This holds from now on.
    pub fn set_config(&self, config: Config) {
        self.waiting().config = config;
    }

    /// These fridges are watched from now on.
    pub fn set_fridges(&self, fridges: &[Fridge]) {
        let mut waiting = self.waiting();
        let in_use = || fridges.iter();
        waiting.pending.set_fridges(in_use().map(|fridge| (fridge.id.as_str(), fridge.probe)));
        waiting.fridges = in_use().map(|fridge| (fridge.id.clone(), (fridge.probe, fridge.limits))).collect();
        drop(waiting);
        self.changed.notify_all();
    }

    /// Takes in what one sweep says of all probes of a bus. `is_urgent` where a fridge is outside its limits: what is
    /// measured then goes on the disk every minute.
    pub fn add(&self, at: Stamp, samples: &[(ProbeId, Sample)], is_urgent: bool) {
        self.show(at, samples);
        self.waiting().pending.add(at, samples, is_urgent);
    }

    /// Takes in what is known for as long as the gateway runs, and goes on no disk.
    pub fn show(&self, at: Stamp, samples: &[(ProbeId, Sample)]) {
        for (probe, sample) in samples {
            if let Ok(celsius) = sample {
                self.rings.add(*probe, &at, *celsius);
            }
        }
    }

    /// Keeps the minutes of these probes, and of those that are in a fridge.
    pub fn retain(&self, is_kept: impl Fn(ProbeId) -> bool) {
        let in_fridges: Vec<ProbeId> = self.waiting().fridges.values().map(|(probe, _)| *probe).collect();
        self.rings.retain(|probe| is_kept(probe) || in_fridges.contains(&probe));
    }

    /// The last `length` minutes of a probe, the oldest first, the present one last; `None` for a minute without a value.
    /// At most [`MINUTES`] hold any.
    pub fn minutes(&self, probe: ProbeId, now: &Stamp, length: usize) -> Vec<Option<Minute>> {
        self.rings.minutes(probe, now, length)
    }

    /// How the disk takes what is measured.
    pub fn disk(&self) -> Disk {
        let waiting = self.waiting();
        Disk { lost: waiting.pending.lost(), ..waiting.disk.clone() }
    }

    /// Has all that waits written, and returns whether it was within that time.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut waiting = self.waiting();
        waiting.flushes_wanted += 1;
        let wanted = waiting.flushes_wanted;
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(waiting, patience, |waiting| waiting.flushes_done < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        waited.0.flushes_done >= wanted && waited.0.disk.failing.is_none()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
