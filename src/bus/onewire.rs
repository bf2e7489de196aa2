//! The DS18B20 driver over an open-drain pin and a clock: one sweep converts every probe at once,
//! waits once, and reads each.
//!
//! The protocol is `one-wire-bus`'s and `ds18b20`'s; the time windows, the retries and the validation
//! are ours. The same code runs on a Pi's pin and on the simulated wire.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use embedded_hal::digital::v2::{InputPin, OutputPin};
use one_wire_bus::Address;
use tracing::info;

use super::probe_memory::{ProbeMemory, SEARCH_PERIOD};
use super::scratchpad::FAMILIES;
use super::{Bus, ProbeReading, Sweep};
use crate::reading::{BusFault, Counts, Fault, Notice, ProbeId};

mod attempts;
pub mod bit_bang;
mod probe;
mod wire;
mod wire_error;

use attempts::Attempts;
use bit_bang::{BitBangAdapter, Clock};
use probe::Probe;
use wire::Wire;
use wire_error::WireError;

/// After so many searches in a row without it a probe counts as gone.
const MISSES: u8 = 3;

/// A 1-Wire bus of DS18B20 probes. Bound to its thread.
pub struct Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    wire: Wire<P, C>,
    /// The resolution that every probe is to have, 9 to 12 bits; `None` leaves each its own.
    resolution: Option<u8>,
    probes: BTreeMap<ProbeId, Probe>,
    refused: BTreeSet<ProbeId>,
    search_due: u64,
}

impl<P, C> Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    /// Takes a pin, whose `set_high` must let the line go rather than drive it.
    ///
    /// # Errors
    /// Where the pin fails.
    pub fn new(pin: P, clock: C) -> Result<Self, BusFault> {
        let wire = Wire::new(Rc::new(BitBangAdapter::new(pin, clock))).map_err(WireError::of_bus)?;
        Ok(Driver {
            wire,
            resolution: None,
            probes: BTreeMap::new(),
            refused: BTreeSet::new(),
            search_due: 0,
        })
    }

    /// Gives every probe that resolution, 9 to 12 bits. It is never stored in a probe's EEPROM, which some
    /// clones can write eight times in their life.
    pub fn with_resolution(mut self, bits: Option<u8>) -> Self {
        self.resolution = bits;
        self
    }

    /// Searches the bus: finds new probes and counts the misses of known ones. What is new must be found by
    /// two searches: noise makes up a ROM code with a right checksum in one of 256 cases. A search that
    /// fails changes nothing.
    fn search(&mut self) -> Result<(), WireError> {
        let mut found = self.wire.search()?;
        let is_known = |address: &Address| {
            let id = ProbeId::from_rom(address.0.to_le_bytes());
            self.probes.contains_key(&id) || self.refused.contains(&id)
        };
        if !found.iter().all(is_known) {
            let again = self.wire.search()?;
            found.retain(|address| is_known(address) || again.contains(address));
        }
        self.search_due = self.wire.line.clock().now() + SEARCH_PERIOD.as_nanos() as u64;
        let mut present = BTreeSet::new();
        self.refused.clear();
        for address in found {
            let id = ProbeId::from_rom(address.0.to_le_bytes());
            if !FAMILIES.contains(&id.family()) {
                self.refused.insert(id);
                continue;
            }
            present.insert(id);
            self.probes.entry(id).or_insert_with(|| {
                info!("found probe {id}");
                Probe::new(address, id.family())
            });
        }
        self.probes.retain(|id, probe| {
            probe.sentinel_refused = false;
            probe.misses = if present.contains(id) { 0 } else { probe.misses + 1 };
            probe.misses < MISSES
        });
        Ok(())
    }

    /// Starts a conversion in every probe and waits for the slowest.
    fn convert(&mut self) -> Result<(), WireError> {
        self.wire.convert()?;
        let bits = self.probes.values().map(|probe| probe.resolution).max().unwrap_or(12);
        let clock = self.wire.line.clock();
        clock.sleep_until(clock.now() + ProbeMemory::conversion(bits).as_nanos() as u64);
        Ok(())
    }
}

impl<P, C> Bus for Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        if self.wire.line.clock().now() >= self.search_due {
            match self.search() {
                // While known probes can be read, a search that failed is made up for next time.
                Err(WireError::Late | WireError::Crc | WireError::SearchConflict)
                    if !self.probes.is_empty() => {}
                result => result.map_err(WireError::of_bus)?,
            }
        }
        let mut notices: Vec<Notice> = self.refused.iter().copied().map(Notice::of_device).collect();
        notices.extend(self.wire.line.clock().lacks_priority().then_some(Notice::NoPriority));
        if self.probes.is_empty() {
            self.search_due = 0;
            return Ok(Sweep { probes: Vec::new(), notices });
        }
        let mut prepared = Vec::with_capacity(self.probes.len());
        for probe in self.probes.values_mut() {
            let mut attempts = Attempts::default();
            let result = self.wire.prepare(probe, self.resolution, &mut attempts);
            prepared.push((attempts, result.map_err(WireError::of_probe)));
        }
        if let Err(error) = self.convert() {
            self.search_due = 0;
            if error != WireError::Late {
                return Err(error.of_bus());
            }
            // What the probes hold now is the last conversion's.
            let late = self.probes.keys().map(|id| ProbeReading {
                counts: Counts { late: 1, ..Counts::default() },
                ..ProbeReading::new(*id, Err(Fault::Late))
            });
            return Ok(Sweep { probes: late.collect(), notices });
        }
        let mut probes = Vec::with_capacity(self.probes.len());
        for ((id, probe), (mut attempts, prepared)) in self.probes.iter_mut().zip(prepared) {
            let raw = prepared.and_then(|()| self.wire.read(probe, &mut attempts));
            let silent = raw == Err(Fault::NoAnswer);
            if silent && !probe.memory.is_silent {
                self.search_due = 0;
            }
            probe.memory.is_silent = silent;
            let mut notices = probe.notices();
            if attempts.is_duplicate_rom() {
                notices.push(Notice::DuplicateRom);
            }
            probes.push(ProbeReading { probe: *id, raw, counts: attempts.counts, notices });
        }
        Ok(Sweep { probes, notices })
    }
}

/// Drives that many slots, half of them zeros and half reads, on a pin without a reset before them, so that
/// no probe listens. Returns how many missed a time window.
///
/// # Errors
/// Where the pin fails, or the line is held low.
pub fn count_late_slots<P, C>(pin: P, clock: C, slots: u32) -> Result<u32, BusFault>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    let mut wire = Wire::new(Rc::new(BitBangAdapter::new(pin, clock))).map_err(WireError::of_bus)?;
    let mut late = 0;
    for slot in 0..slots {
        let result = wire.transact(1, &mut Attempts::default(), |bus, delay| match slot % 2 {
            0 => bus.write_bit(false, delay),
            _ => bus.read_bit(delay).map(drop),
        });
        match result {
            Ok(()) => {}
            Err(WireError::Late) => late += 1,
            Err(error) => return Err(error.of_bus()),
        }
    }
    Ok(late)
}
