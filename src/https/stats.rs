//! Counters of the transport: what came, and what was turned away, by reason; each reason is a line in the log, once a
//! minute at the most.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::observer::{Event, Observer};
use super::response::Explanation;
use super::turned_away::{Recent, TurnedAway};

/// Counts events. Its lock is held for one addition.
#[derive(Debug, Default)]
pub struct Stats {
    counts: Mutex<Report>,
    recent: Mutex<Recent>,
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

    /// What was turned away lately, the newest first.
    pub fn turned_away(&self) -> Vec<TurnedAway> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).all(Instant::now())
    }

    fn turn_away(&self, peer: IpAddr, why: &Explanation) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let due = recent.note(peer, why, Instant::now());
        drop(recent);
        if let Some(count) = due {
            let times =
                if count == 1 { String::new() } else { format!(" ({count} since the last such line)") };
            warn!(%peer, "turned away, {}: {}{times}", why.reason, why.explanation);
        }
    }
}

impl Observer for Stats {
    fn observe(&self, peer: IpAddr, event: Event) {
        match &event {
            Event::Rejected { why, .. } => self.turn_away(peer, why),
            Event::TlsFailed(failure) => self.turn_away(peer, &failure.explanation()),
            _ => {}
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Accepted => counts.accepted += 1,
            Event::LimitReached { made_room: true } => counts.evicted += 1,
            Event::LimitReached { made_room: false } => counts.refused += 1,
            Event::TlsFailed(failure) => {
                *counts.tls_failed.entry(failure.explanation().reason.to_owned()).or_default() += 1;
            }
            Event::Rejected { status, .. } => *counts.rejected.entry(status.as_u16()).or_default() += 1,
            Event::Answered { took } => {
                counts.answered += 1;
                counts.answering += took;
            }
        }
    }
}
