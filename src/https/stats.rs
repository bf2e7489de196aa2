//! Counters of the transport: what came, and what was turned away, by reason.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::observer::{Event, Observer};

/// Reasons of failed handshakes beyond so many are counted together, because peers choose them.
const REASONS: usize = 32;
/// What those are counted as.
const OTHER: &str = "other";

/// Counts events. Its lock is held for one addition.
#[derive(Debug, Default)]
pub struct Stats {
    counts: Mutex<Report>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Connections that got a permit.
    pub accepted: u64,
    /// Connections that were refused because a limit was reached.
    pub refused: u64,
    /// Connections that were ended to make room for another one.
    pub evicted: u64,
    /// TLS handshakes that failed, by reason.
    pub tls_failed: BTreeMap<String, u64>,
    /// Rejected requests, by HTTP status.
    pub rejected: BTreeMap<u16, u64>,
    /// Answered requests.
    pub answered: u64,
    /// The time that took, in all.
    pub answering: Duration,
}

impl Stats {
    /// The counters now.
    pub fn report(&self) -> Report {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Stats {
    fn observe(&self, _peer: IpAddr, event: Event) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Accepted => counts.accepted += 1,
            Event::LimitReached { made_room: true } => counts.evicted += 1,
            Event::LimitReached { made_room: false } => counts.refused += 1,
            Event::TlsFailed { reason } => {
                let is_new = !counts.tls_failed.contains_key(&reason);
                let reason =
                    if is_new && counts.tls_failed.len() >= REASONS { OTHER.to_owned() } else { reason };
                *counts.tls_failed.entry(reason).or_default() += 1;
            }
            Event::Rejected { status } => *counts.rejected.entry(status.as_u16()).or_default() += 1,
            Event::Answered { took } => {
                counts.answered += 1;
                counts.answering += took;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn reasons_without_end_do_not_grow_without_end() {
        let stats = Stats::default();
        for reason in 0..1_000 {
            let event = Event::TlsFailed { reason: reason.to_string() };
            stats.observe(Ipv4Addr::LOCALHOST.into(), event);
        }
        let failed = stats.report().tls_failed;
        assert_eq!(failed.len(), REASONS + 1);
        assert_eq!(failed[OTHER], 1_000 - REASONS as u64);
    }
}
