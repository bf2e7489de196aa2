//! A simulated wire in virtual time with a driver on it, for the tests and benchmarks that measure.

#![allow(dead_code)] // Each test program uses its own part.

use std::cell::RefCell;
use std::rc::Rc;

use fridge::bus::onewire::Driver;
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::bus::simulated::wire::{Costs, Shared, Wire};
use fridge::poll::validate::Validator;
use fridge::reading::BusFault;
use fridge::reading::{ProbeId, Sample};
use one_wire_bus::{Address, OneWire};

/// A microsecond in nanoseconds.
pub const US: u64 = 1_000;

/// A wire, and the driver on it.
pub struct Bench {
    pub wire: Shared,
    pub driver: Driver<WirePin, WireClock>,
    pub validator: Validator,
}

impl Bench {
    /// That many probes of one timing, numbered from 1, at 20 °C; a pin operation costs `pin`
    /// nanoseconds.
    pub fn new(probes: usize, timing: Timing, pin: u64) -> Bench {
        let wire = wire(probes, timing, pin);
        let clock = WireClock::virtual_time(&wire);
        let driver = Driver::new(WirePin(Rc::clone(&wire)), clock).expect("the pin works");
        Bench { wire, driver, validator: Validator::default() }
    }

    /// One sweep, and what is accepted of it.
    pub fn measure(&mut self) -> Result<Vec<(ProbeId, Sample)>, BusFault> {
        let validated = self.validator.measure(&mut self.driver)?;
        Ok(validated.probes.into_iter().map(|sampled| (sampled.probe, sampled.sample)).collect())
    }

    /// What the next conversion of the probe of that number comes to.
    pub fn set(&self, number: usize, next: Next) {
        self.wire.borrow_mut().probes[number - 1].next = next;
    }

    /// What the next conversion of every probe comes to, in sixteenths.
    pub fn set_all(&self, sixteenths: i16) {
        for probe in &mut self.wire.borrow_mut().probes {
            probe.next = Next::Sixteenths(sixteenths);
        }
    }

    /// The virtual time in nanoseconds.
    pub fn now(&self) -> u64 {
        self.wire.borrow().now
    }

    /// Lets virtual time pass.
    pub fn pass(&self, nanoseconds: u64) {
        let later = self.now() + nanoseconds;
        self.wire.borrow_mut().skip_to(later);
    }
}

/// A wire with that many probes of one timing, numbered from 1, at 20 °C.
pub fn wire(probes: usize, timing: Timing, pin: u64) -> Shared {
    let probes = (1..=probes).map(|number| {
        let mut probe = Probe::new(probe_id(number), timing);
        probe.next = Next::Sixteenths(20 * 16);
        probe
    });
    let costs = Costs { pin, ..Costs::default() };
    Rc::new(RefCell::new(Wire::new(probes.collect(), costs, 1)))
}

/// The crates as they are, on that wire: a plain pin and plain delays.
pub fn bare(wire: &Shared) -> (OneWire<WirePin>, WireClock) {
    let bus = OneWire::new(WirePin(Rc::clone(wire))).expect("the pin works");
    (bus, WireClock::virtual_time(wire))
}

/// The address of the probe of that number, as the crates want it.
pub fn address(number: usize) -> Address {
    let code = probe_id(number).rom_without_crc();
    let mut rom = [0; 8];
    rom[..7].copy_from_slice(&code);
    rom[7] = one_wire_bus::crc::crc8(&code);
    Address(u64::from_le_bytes(rom))
}
