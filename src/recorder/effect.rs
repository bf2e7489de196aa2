//! What comes out of the recorder.

use std::sync::Arc;

use super::{Act, By, Line};
use crate::alarm::Message;
use crate::reading::{ProbeId, Sample, Stamp};
use crate::state::Snapshot;
use crate::store::Entry;

/// What is to be done about it, in this order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This is known from now on.
    Publish(Arc<Snapshot>),
    /// These samples go into the history.
    Remember {
        /// When they were read.
        at: Stamp,
        /// What is known of every probe of the bus.
        samples: Vec<(ProbeId, Sample)>,
        /// Whether a fridge is outside its limits: history then goes on the disk every minute.
        is_urgent: bool,
        /// Whether they go on the disk: not those of a simulated bus beside a real one.
        is_kept: bool,
    },
    /// Probes were forgotten: the history of those that the snapshot does not know any more goes, too.
    Forget,
    /// This is worth a line in the log.
    Log(Line),
    /// This is told to people: worth a line in the log, whoever else hears of it.
    Tell(Message),
    /// All of this goes on the disk at once; its messages are delivered once it is there.
    Keep(Vec<Entry>),
    /// This was done; it is answered once the effects before it are performed.
    Acted {
        /// What.
        act: Act,
        /// Who.
        by: By,
    },
}

impl Effect {
    /// What another gateway has read is shown, and kept on no disk.
    pub(super) fn shown(at: Stamp, probe: ProbeId, sample: Sample) -> Effect {
        Effect::Remember { at, samples: vec![(probe, sample)], is_urgent: false, is_kept: false }
    }
}
