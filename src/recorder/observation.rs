//! What whoever observes is told, beside what is published: each sweep and each change of an alarm, where a snapshot is
//! the newest state alone.

use std::collections::HashMap;
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
        /// What is known of each fridge of the bus, by their ids.
        samples: Arc<[(Arc<str>, Sample)]>,
    },
    /// An alarm is so from now on.
    Alarm(Arc<Alarm>),
}

impl Observation {
    /// What an effect says of them; `fridges` are those of the probes, by their ids.
    pub(super) fn of(effect: &Effect, fridges: &HashMap<ProbeId, Arc<str>>) -> Vec<Observation> {
        match effect {
            Effect::Remember { at, samples, .. } => {
                let of_fridge =
                    |(probe, sample): &(ProbeId, Sample)| Some((Arc::clone(fridges.get(probe)?), *sample));
                let samples: Arc<[_]> = samples.iter().filter_map(of_fridge).collect();
                vec![Observation::Sweep { at: *at, samples }]
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
