//! How the delivery to each target goes, for whoever asks: the doctor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the delivery to one target goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// When something arrived last since the start.
    pub arrived: Option<Timestamp>,
    /// Why the newest try failed; `None` where it did not.
    pub failing: Option<String>,
    /// How many messages wait.
    pub waiting: usize,
    /// When the oldest of them was written.
    #[serde(default)]
    pub oldest: Option<Timestamp>,
    /// How many messages arrived since the start.
    #[serde(default)]
    pub delivered: u64,
    /// How many tries failed since the start.
    #[serde(default)]
    pub failed: u64,
}

/// How the delivery to all targets goes, by their names.
#[derive(Clone, Debug, Default)]
pub struct DeliveryStatuses(Arc<Mutex<BTreeMap<String, DeliveryStatus>>>);

impl DeliveryStatuses {
    /// How it goes now.
    pub fn all(&self) -> BTreeMap<String, DeliveryStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// There are these targets from now on.
    pub fn set_targets(&self, names: &[&str]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, _| names.contains(&name.as_str()));
        for name in names {
            all.entry((*name).to_owned()).or_default();
        }
    }

    /// Something arrived.
    pub fn arrived(&self, target: &str, at: Timestamp) {
        self.change(target, |status| {
            (status.arrived, status.failing) = (Some(at), None);
            status.delivered += 1;
        });
    }

    /// A try failed.
    pub fn failed(&self, target: &str, reason: &str) {
        self.change(target, |status| {
            status.failing = Some(reason.to_owned());
            status.failed += 1;
        });
    }

    /// So many messages wait, and the oldest of them was written then.
    pub fn waiting(&self, target: &str, (messages, oldest): (usize, Option<Timestamp>)) {
        self.change(target, |status| (status.waiting, status.oldest) = (messages, oldest));
    }

    fn change(&self, target: &str, change: impl FnOnce(&mut DeliveryStatus)) {
        // One that is gone leaves no trace.
        if let Some(status) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(target) {
            change(status);
        }
    }
}
