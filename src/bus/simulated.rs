//! A 1-Wire bus in memory: the same driver that runs on a Pi's pin, on a wire of this program's own,
//! in real time, with probes in modelled fridges or playing a recording.

#![cfg_attr(
    not(feature = "fault-injection"),
    allow(dead_code, reason = "faults are injected by tests and benches only")
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::onewire::Driver;
use super::{Bus, Sweep};
use crate::reading::{BusFault, Celsius, ProbeId};
use crate::recording::{Played, Recording};

pub mod cabinet;
pub mod clock;
pub mod clone_family;
pub mod fault;
pub mod pin;
pub mod probe;
mod protocol;
mod slots;
pub mod timing;
pub mod violations;
pub mod wire;

use cabinet::Cabinet;
pub use cabinet::{Kind, kind as cabinet_kind};
use clock::WireClock;
use pin::WirePin;
use probe::{Next, Probe, Timing};
use wire::{Costs, Shared, Wire};

/// What is on a simulated bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How many probes, each in a cabinet of its own; 1 to 1000.
    pub probes: usize,
    /// The probes, counted from 1, whose cabinets are broken and too warm.
    pub warm: Vec<usize>,
    /// The probes, counted from 1, that do not answer when they are read.
    pub silent: Vec<usize>,
    /// A recording that every probe plays instead of its cabinet.
    pub replay: Option<Arc<Recording>>,
    /// How many times faster than real time the cabinets, or the recording, run.
    pub speed: f64,
}

/// The ROM code of the probe of that number, counted from 1.
pub fn probe_id(number: usize) -> ProbeId {
    ProbeId::new(super::scratchpad::DS18B20, number as u64)
}

/// The temperature in the sound cabinet of that number, so many seconds before the start of the bus.
pub fn before_start(number: usize, seconds: i64) -> Celsius {
    Cabinet::new(number, false).before_start(seconds as f64)
}

/// Opens a bus that runs in real time: a conversion takes its 750 ms.
pub(super) fn open(config: &Config) -> Result<Simulated, BusFault> {
    let probes = (1..=config.probes).map(|number| {
        let mut probe = Probe::new(probe_id(number), Timing::TYPICAL);
        probe.mute = config.silent.contains(&number);
        probe
    });
    let wire: Shared = Rc::new(RefCell::new(Wire::new(probes.collect(), Costs::default(), 1)));
    let clock = WireClock::real_time(&wire);
    let cabinets = (1..=config.probes).map(|number| Cabinet::new(number, config.warm.contains(&number)));
    Ok(Simulated {
        cabinets: cabinets.collect(),
        replay: config.replay.clone(),
        speed: config.speed,
        driver: Driver::new(WirePin(Rc::clone(&wire)), clock.clone())?,
        clock,
        wire,
    })
}

/// A bus of simulated probes.
pub(super) struct Simulated {
    cabinets: Vec<Cabinet>,
    replay: Option<Arc<Recording>>,
    speed: f64,
    driver: Driver<WirePin, WireClock>,
    clock: WireClock,
    wire: Shared,
}

impl Simulated {
    /// Gives each probe the temperature of its cabinet at the present moment.
    fn set_temperatures(&self) {
        let mut wire = self.wire.borrow_mut();
        let seconds = wire.now as f64 / 1e9 * self.speed;
        let played = self.replay.as_ref().map(|recording| recording.at(Duration::from_secs_f64(seconds)));
        for (probe, cabinet) in wire.probes.iter_mut().zip(&self.cabinets) {
            if self.replay.is_some() {
                // Whatever the fault was, no answer is one.
                probe.mute = matches!(played, Some(Played::Nothing | Played::Fault(_)));
            }
            probe.next = match played {
                Some(Played::PowerOnReset) => Next::PowerOnReset,
                Some(Played::Nothing | Played::Fault(_)) => continue,
                Some(Played::Value(celsius)) => Next::Sixteenths(celsius.sixteenths()),
                None => Next::Sixteenths(cabinet.at(seconds).sixteenths()),
            };
        }
    }
}

impl Bus for Simulated {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        self.clock.catch_up();
        self.set_temperatures();
        self.driver.measure()
    }
}
