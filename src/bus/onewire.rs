//! The DS18B20 driver over an open-drain pin and a clock: one sweep converts every probe at once,
//! waits once, and reads each.
//!
//! The protocol is `one-wire-bus`'s and `ds18b20`'s; the time windows, the retries and the belief in a
//! value are ours. The same code runs on a Pi's pin and on the simulated wire.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use embedded_hal::digital::v2::{InputPin, OutputPin};
use one_wire_bus::{Address, OneWire, OneWireError, OneWireResult, SearchState};
use tracing::{info, warn};

use super::{Bus, BusError};
use crate::reading::{Celsius, Fault, ProbeId, Sample};

pub mod pin;
pub mod scratchpad;

use pin::{Clock, Line, Pace, Pin, Trouble};
use scratchpad::Scratchpad;

/// How often one transaction is tried. With five tries a sweep of 20 probes is complete in 99.8 % of
/// cases at 50 long stalls a second (simulated).
const TRIES: usize = 5;
/// How often one step of a search is tried: a single step that fails for good ends the whole search.
const SEARCH_TRIES: usize = 10;
/// How often the bus is searched for probes that were plugged in or out. A search costs 13 ms a probe.
pub const SEARCH_PERIOD: Duration = Duration::from_secs(60);
/// After so many searches in a row without it a probe counts as gone.
const MISSES: u8 = 3;
/// A value further than this from the last good one is read twice: 1 °C.
const SURPRISING: u16 = 16;
/// tCONV at 12 bits; each bit less halves it (datasheet, "AC Electrical Characteristics").
const CONVERSION_12_BITS: u64 = 750_000_000;
/// The family code of a DS18B20.
pub const FAMILY: u8 = ds18b20::FAMILY_CODE;

/// A 1-Wire bus of DS18B20 probes. Bound to its thread.
pub struct Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    wire: Wire<P, C>,
    probes: BTreeMap<ProbeId, Known>,
    refused: BTreeSet<ProbeId>,
    search_due: u64,
}

/// What the driver remembers of a probe.
struct Known {
    address: Address,
    last_good: Option<Celsius>,
    /// Its resolution in bits, as last read.
    resolution: u8,
    /// Searches in a row that did not find it.
    misses: u8,
    silent: bool,
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
    pub fn new(pin: P, clock: C) -> Result<Self, BusError> {
        let wire = Wire::new(Rc::new(Line::new(pin, clock))).map_err(bus_error)?;
        Ok(Driver { wire, probes: BTreeMap::new(), refused: BTreeSet::new(), search_due: 0 })
    }

    /// Searches the bus: finds new probes and counts the misses of known ones. A search that fails
    /// changes nothing.
    fn search(&mut self) -> Result<(), Trouble> {
        let found = self.wire.search()?;
        self.search_due = self.wire.line.clock().now() + SEARCH_PERIOD.as_nanos() as u64;
        let mut present = BTreeSet::new();
        for address in found {
            let id = ProbeId::from_rom(address.0.to_le_bytes());
            if id.family() != FAMILY {
                if self.refused.insert(id) {
                    warn!("{id} is no DS18B20 (family 28) and is left alone");
                }
                continue;
            }
            present.insert(id);
            self.probes.entry(id).or_insert_with(|| {
                info!("found probe {id}");
                Known { address, last_good: None, resolution: 12, misses: 0, silent: false }
            });
        }
        self.probes.retain(|id, known| {
            known.misses = if present.contains(id) { 0 } else { known.misses + 1 };
            known.misses < MISSES
        });
        Ok(())
    }

    /// Starts a conversion in every probe and waits for the slowest.
    fn convert(&mut self) -> Result<(), Trouble> {
        self.wire.convert()?;
        let bits = self.probes.values().map(|known| known.resolution).max().unwrap_or(12);
        let clock = self.wire.line.clock();
        clock.sleep_until(clock.now() + (CONVERSION_12_BITS >> (12 - bits.clamp(9, 12))));
        Ok(())
    }
}

impl<P, C> Bus for Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    fn measure(&mut self) -> Result<Vec<(ProbeId, Sample)>, BusError> {
        if self.wire.line.clock().now() >= self.search_due {
            match self.search() {
                // While known probes can be read, a search that failed is made up for next time.
                Err(Trouble::Late | Trouble::Crc | Trouble::Odd) if !self.probes.is_empty() => {}
                result => result.map_err(bus_error)?,
            }
        }
        if self.probes.is_empty() {
            self.search_due = 0;
            return Ok(Vec::new());
        }
        if let Err(trouble) = self.convert() {
            self.search_due = 0;
            if trouble != Trouble::Late {
                return Err(bus_error(trouble));
            }
            // What the probes hold now is the last conversion's.
            return Ok(self.probes.keys().map(|id| (*id, Err(Fault::Late))).collect());
        }
        let mut samples = Vec::with_capacity(self.probes.len());
        for (id, known) in &mut self.probes {
            let sample = self.wire.read(known);
            let silent = sample == Err(Fault::NoAnswer);
            if silent && !known.silent {
                self.search_due = 0;
            }
            known.silent = silent;
            samples.push((*id, sample));
        }
        Ok(samples)
    }
}

fn bus_error(trouble: Trouble) -> BusError {
    let (fault, detail) = match trouble {
        Trouble::NoPresence | Trouble::Silent => (
            Fault::NoAnswer,
            "nothing answers on the bus: check the data wire, the ground wire, and the 4.7 kΩ resistor between data and 3.3 V",
        ),
        Trouble::Shorted => (
            Fault::Shorted,
            "the data line is held low: unplug one probe after the other until it is not; a probe wired the wrong way round does this, too",
        ),
        Trouble::Pin => (Fault::Bus, "the pin cannot be driven: does another program or the kernel hold it?"),
        Trouble::Late => (Fault::Late, "the computer is too busy to keep the bus's time windows"),
        Trouble::Crc | Trouble::Odd => (
            Fault::Crc,
            "the probes' answers are garbled: a cable too long or near a motor, or a resistor too weak for so many probes (2.2 kΩ helps)",
        ),
    };
    BusError { fault, detail: detail.to_owned() }
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Late => Fault::Late,
        Trouble::NoPresence | Trouble::Silent => Fault::NoAnswer,
        Trouble::Shorted => Fault::Shorted,
        Trouble::Pin => Fault::Bus,
        Trouble::Crc | Trouble::Odd => Fault::Crc,
    }
}

/// The crates on the judged line; each method is one transaction, tried up to [`TRIES`] times.
struct Wire<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    line: Rc<Line<P, C>>,
    bus: OneWire<Pin<P, C>>,
    pace: Pace<P, C>,
}

/// Lets the line go on every way out of a transaction, a panic included.
struct Release<'a, P, C>(&'a Line<P, C>)
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock;

impl<P, C> Drop for Release<'_, P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<P, C> Wire<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    fn new(line: Rc<Line<P, C>>) -> Result<Self, Trouble> {
        let bus = OneWire::new(Pin(Rc::clone(&line))).map_err(|_| Trouble::Pin)?;
        Ok(Wire { pace: Pace(Rc::clone(&line)), line, bus })
    }

    fn transact<T>(
        &mut self,
        tries: usize,
        mut transaction: impl FnMut(&mut OneWire<Pin<P, C>>, &mut Pace<P, C>) -> OneWireResult<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut last = Trouble::Late;
        for _ in 0..tries {
            let result = {
                let _release = Release(&self.line);
                transaction(&mut self.bus, &mut self.pace)
            };
            last = match result {
                Ok(value) => return Ok(value),
                Err(OneWireError::PinError(trouble)) => trouble,
                Err(OneWireError::BusNotHigh) => Trouble::Shorted,
                // A scratchpad of 72 ones: nobody held the line once.
                Err(OneWireError::CrcMismatch) if self.line.bits() == (72, 72) => Trouble::Silent,
                Err(OneWireError::CrcMismatch) => Trouble::Crc,
                Err(_) => Trouble::Odd,
            };
        }
        Err(last)
    }

    fn convert(&mut self) -> Result<(), Trouble> {
        self.transact(TRIES, ds18b20::start_simultaneous_temp_measurement)
    }

    fn scratchpad(&mut self, address: &Address, tries: usize) -> Result<Scratchpad, Trouble> {
        self.transact(tries, |bus, pace| match ds18b20::read_scratchpad(address, bus, pace)? {
            [0, 0, 0, 0, 0, 0, 0, 0, 0] => Err(OneWireError::PinError(Trouble::Shorted)),
            bytes => Ok(bytes),
        })
    }

    /// Every address on the bus. Each step is tried again by itself, with the state that the last one
    /// left: the crate's own iterator throws it away at the first error and ends short.
    fn search(&mut self) -> Result<Vec<Address>, Trouble> {
        let (mut found, mut state) = (Vec::new(), None::<SearchState>);
        while let Some((address, next)) =
            self.transact(SEARCH_TRIES, |bus, pace| bus.device_search(state.as_ref(), false, pace))?
        {
            found.push(address);
            state = Some(next);
        }
        Ok(found)
    }

    /// Reads a probe's last conversion. Its first value, and one far from the last good one, is
    /// believed only when two readings in a row are the same in all nine bytes.
    fn read(&mut self, known: &mut Known) -> Sample {
        // One that was silent in the last sweep is asked once: a dead probe costs the others little.
        let tries = if known.silent { 1 } else { TRIES };
        let mut bytes = self.scratchpad(&known.address, tries).map_err(fault)?;
        let mut celsius = scratchpad::decode(&bytes)?;
        let surprising =
            |celsius: Celsius| known.last_good.is_none_or(|last| last.distance(celsius) > SURPRISING);
        let mut confirmed = !surprising(celsius);
        for _ in 0..TRIES {
            if confirmed {
                break;
            }
            let again = self.scratchpad(&known.address, TRIES).map_err(fault)?;
            confirmed = again == bytes;
            bytes = again;
            celsius = scratchpad::decode(&bytes)?;
        }
        if !confirmed {
            return Err(Fault::Implausible);
        }
        known.last_good = Some(celsius);
        known.resolution = scratchpad::resolution(&bytes);
        Ok(celsius)
    }
}
