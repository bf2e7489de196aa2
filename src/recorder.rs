//! The only writer. What buses report and what people do goes in, with its time; effects come out: publish a
//! snapshot, remember values, log a change. The step is pure, so that live readings and replayed ones run through
//! the same code; [`writer`] drives it and performs the effects.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::fridge::Calibration;
use crate::reading::{BusFault, Celsius, Notice, ProbeId, Sampled, Stamp};
use crate::state::{BusInfo, BusKey, Change, Snapshot};

mod act;
pub mod writer;

pub use act::{Act, ActError, By};
pub use writer::{Handle, Writer};

/// What the recorder takes in.
#[derive(Debug)]
pub enum Input {
    /// From now on there are these buses, and their probes are corrected so.
    Buses {
        /// Each with the key of the one that it was so far, or `None` where it is new.
        buses: Vec<(Option<BusKey>, BusInfo)>,
        /// How the probes' values are corrected.
        calibrations: HashMap<ProbeId, Calibration>,
    },
    /// A bus was measured.
    Sweep {
        /// The bus.
        bus: BusKey,
        /// When the sweep began: a reading counts as that old, never as younger.
        at: Stamp,
        /// How long it took.
        took: Duration,
        /// Its probes, validated and not yet calibrated.
        probes: Vec<Sampled>,
        /// What is noteworthy about the bus.
        notices: Vec<Notice>,
    },
    /// A bus could not be measured at all.
    Failed {
        /// The bus.
        bus: BusKey,
        /// When the try began.
        at: Stamp,
        /// Why.
        fault: BusFault,
    },
    /// An act was requested.
    Act {
        /// What.
        act: Act,
        /// Who.
        by: By,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done about it, in this order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This is known from now on.
    Publish(Arc<Snapshot>),
    /// These values go into the history.
    Remember {
        /// When they were read.
        at: Stamp,
        /// The values.
        values: Vec<(ProbeId, Celsius)>,
    },
    /// This is worth a line in the log.
    Log(Change),
    /// This was done; it is answered once the effects before it are performed.
    Acted {
        /// What.
        act: Act,
        /// Who.
        by: By,
    },
}

/// What the recorder knows: the newest snapshot, and how values are corrected.
#[derive(Debug)]
pub struct Recorder {
    snapshot: Snapshot,
    calibrations: HashMap<ProbeId, Calibration>,
}

impl Recorder {
    /// Knows nothing yet. Days begin at midnight of `zone`.
    pub fn new(started: Stamp, zone: TimeZone) -> Self {
        Recorder { snapshot: Snapshot::new(started, zone), calibrations: HashMap::new() }
    }

    /// What is known now.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes one input in at the moment `now`.
    pub fn step(&mut self, input: Input, now: Stamp) -> Vec<Effect> {
        match input {
            Input::Buses { buses, calibrations } => {
                self.calibrations = calibrations;
                self.snapshot.set_buses(buses, now);
                vec![self.publish()]
            }
            Input::Sweep { bus, at, took, mut probes, notices } => {
                for sampled in &mut probes {
                    self.calibrate(sampled);
                }
                let good = |sampled: &Sampled| Some((sampled.probe, sampled.sample.ok()?));
                let values = probes.iter().filter_map(good).collect();
                let changes = self.snapshot.record_sweep(bus, at, took, probes, notices);
                let effects = [self.publish(), Effect::Remember { at, values }];
                effects.into_iter().chain(changes.into_iter().map(Effect::Log)).collect()
            }
            Input::Failed { bus, at, fault } => {
                self.snapshot.record_failure(bus, at, fault);
                vec![self.publish()]
            }
            Input::Act { act, by } => vec![Effect::Acted { act, by }],
            Input::Tick => Vec::new(),
        }
    }

    fn calibrate(&self, sampled: &mut Sampled) {
        if let (Ok(raw), Some(calibration)) = (sampled.sample, self.calibrations.get(&sampled.probe)) {
            sampled.raw = Some(raw);
            sampled.sample = Ok(calibration.apply(raw));
        }
    }

    fn publish(&self) -> Effect {
        Effect::Publish(Arc::new(self.snapshot.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Fault;

    const PROBE: ProbeId = ProbeId::new(0x28, 1);

    fn at(seconds: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    fn recorder() -> (Recorder, BusKey) {
        let mut recorder = Recorder::new(at(0), TimeZone::UTC);
        let info = BusInfo { name: "bus 1".into(), simulated: false, period: Duration::from_secs(10) };
        let calibrations = HashMap::from([(PROBE, Calibration::Offset(-1.0))]);
        recorder.step(Input::Buses { buses: vec![(None, info)], calibrations }, at(0));
        let key = recorder.snapshot().buses[0].key;
        (recorder, key)
    }

    fn sweep(bus: BusKey, seconds: u64, sample: Result<Celsius, Fault>) -> Input {
        let probes = vec![Sampled::from((PROBE, sample))];
        let notices = vec![Notice::NoPriority];
        Input::Sweep { bus, at: at(seconds), took: Duration::from_secs(1), probes, notices }
    }

    #[test]
    fn what_a_sweep_says_arrives_in_one_snapshot_calibrated() {
        let (mut recorder, bus) = recorder();
        let effects = recorder.step(sweep(bus, 1, Ok(Celsius::from_sixteenths(64))), at(2));
        let [Effect::Publish(snapshot), Effect::Remember { values, .. }, Effect::Log(change)] = &effects[..]
        else {
            panic!("{effects:?}")
        };
        let (bus_state, probe) = snapshot.probe(PROBE).unwrap();
        let calibrated = Celsius::from_sixteenths(48);
        assert_eq!((probe.newest, probe.raw), (Ok(calibrated), Some(Celsius::from_sixteenths(64))));
        assert_eq!(bus_state.notices, [Notice::NoPriority]);
        assert_eq!((values, &change.sample), (&vec![(PROBE, calibrated)], &Ok(calibrated)));
        // The same again is no change, and a fault is no value.
        let again = recorder.step(sweep(bus, 2, Ok(Celsius::from_sixteenths(65))), at(3));
        assert_eq!(again.len(), 2, "{again:?}");
        let fault = recorder.step(sweep(bus, 3, Err(Fault::Crc)), at(4));
        assert!(matches!(&fault[1], Effect::Remember { values, .. } if values.is_empty()), "{fault:?}");
        assert!(matches!(&fault[2], Effect::Log(change) if change.sample == Err(Fault::Crc)), "{fault:?}");
    }

    #[test]
    fn a_bus_that_is_no_more_changes_nothing() {
        let (mut recorder, bus) = recorder();
        recorder.step(Input::Buses { buses: Vec::new(), calibrations: HashMap::new() }, at(1));
        recorder.step(sweep(bus, 1, Ok(Celsius::MIN)), at(2));
        recorder.step(
            Input::Failed { bus, at: at(2), fault: BusFault { fault: Fault::Bus, detail: String::new() } },
            at(3),
        );
        assert!(recorder.snapshot().probe(PROBE).is_none());
    }

    #[test]
    fn an_act_comes_out_with_who_did_it() {
        let (mut recorder, _) = recorder();
        let by = By { user: Some(String::from("anna")) };
        let effects = recorder.step(Input::Act { act: Act::Nothing, by: by.clone() }, at(1));
        assert!(matches!(&effects[..], [Effect::Acted { act: Act::Nothing, by: who }] if *who == by));
    }
}
