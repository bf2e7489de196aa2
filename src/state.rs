//! What is known, in memory: the recorder publishes an immutable [`Snapshot`] for each change; readers take one,
//! or wait for the next, and never wait for a bus.

use std::sync::Arc;

use tokio::sync::watch;

mod bus;
mod histogram;
mod probe;
mod site_alarms;
mod sites;
mod snapshot;
#[cfg(test)]
mod tests;

pub use bus::{BusInfo, BusKey, BusState, STALE_AFTER_PERIODS};
pub use histogram::Histogram;
pub use probe::{Day, ProbeState};
pub use site_alarms::SiteAlarms;
pub use sites::RemoteReading;
pub use snapshot::{Change, Snapshot};

/// Hands out the newest snapshot. Its lock is held while one [`Arc`] is copied or swapped for another.
#[derive(Debug)]
pub struct State {
    latest: watch::Sender<Arc<Snapshot>>,
}

impl State {
    /// Begins with that snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        State { latest: watch::Sender::new(Arc::new(snapshot)) }
    }

    /// What is known now. Costs one reference count, whatever is in it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.borrow())
    }

    /// Lets a reader wait for the next snapshot. It sees the newest one, not each one in between.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.latest.subscribe()
    }

    /// From now on this is known. For the recorder alone.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.latest.send_replace(snapshot);
    }
}
