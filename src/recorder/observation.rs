//! What whoever observes is told, beside what is published: each sweep and each change of an alarm, where a snapshot is
//! the newest state alone.

use std::sync::Arc;

use super::Effect;
use crate::alarm::Alarm;
use crate::reading::{ProbeId, Sample, Stamp};
use crate::store::Entry;

/// One of them.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A bus was measured.
    Sweep {
        /// When the sweep began.
        at: Stamp,
        /// What is known of every probe of the bus.
        samples: Arc<[(ProbeId, Sample)]>,
    },
    /// An alarm is so from now on.
    Alarm(Arc<Alarm>),
}

impl Observation {
    /// What an effect says of them.
    pub(super) fn of(effect: &Effect) -> Vec<Observation> {
        match effect {
            Effect::Remember { at, samples, .. } => {
                vec![Observation::Sweep { at: *at, samples: samples.as_slice().into() }]
            }
            Effect::Keep(entries) => {
                let alarms = entries.iter().filter_map(|entry| match entry {
                    Entry::Alarm(alarm) => Some(Observation::Alarm(Arc::new(alarm.clone()))),
                    _ => None,
                });
                alarms.collect()
            }
            _ => Vec::new(),
        }
    }
}
