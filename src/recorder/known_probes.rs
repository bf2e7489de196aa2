//! How many probes are remembered: those of fridges always; others until they have not answered for a day, and not
//! more than a bus can have. What a bus names is not to be trusted with the memory.

use std::collections::HashMap;
use std::time::Duration;

use crate::bus::MOST_PROBES;
use crate::fridge::{Fridge, Limits};
use crate::reading::{Notice, ProbeId, Sampled, Stamp};
use crate::state::{BusKey, Snapshot};

/// A probe of no fridge that has not answered for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// How often that is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3_600);

/// The probes of the fridges.
#[derive(Debug, Default)]
pub struct KnownProbes {
    fridges: HashMap<ProbeId, Limits>,
    looked: Duration,
}

impl KnownProbes {
    /// From now on there are these fridges.
    pub fn set_fridges(&mut self, fridges: &[Fridge]) {
        let limits = |fridge: &Fridge| if fridge.out_of_service { Limits::default() } else { fridge.limits };
        self.fridges = fridges.iter().map(|fridge| (fridge.probe, limits(fridge))).collect();
    }

    /// The limits of the fridge in which a probe is.
    pub fn limits(&self, probe: ProbeId) -> Option<&Limits> {
        self.fridges.get(&probe)
    }

    /// Forgets who has not answered for a day, now and then; returns whether it looked.
    pub fn forget(&mut self, snapshot: &mut Snapshot, now: Stamp) -> bool {
        let is_time = now.mono.saturating_sub(self.looked) >= BETWEEN_LOOKS;
        if is_time {
            self.looked = now.mono;
            snapshot.forget(|probe| self.fridges.contains_key(&probe), FORGOTTEN_AFTER, &now);
        }
        is_time
    }

    /// Leaves out of a sweep what is beyond the bound.
    pub fn bound(&self, snapshot: &Snapshot, bus: BusKey, probes: &mut Vec<Sampled>) -> Option<Notice> {
        let known = snapshot.buses.iter().find(|state| state.key == bus)?;
        let mut room = MOST_PROBES.saturating_sub(known.probes.len());
        let before = probes.len();
        probes.retain(|sampled| {
            if self.fridges.contains_key(&sampled.probe) || known.probes.contains_key(&sampled.probe) {
                return true;
            }
            let fits = room > 0;
            room = room.saturating_sub(1);
            fits
        });
        (probes.len() < before).then_some(Notice::TooManyProbes)
    }
}
