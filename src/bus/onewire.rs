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
use tracing::info;

use super::scratchpad::{self, FAMILIES, POWER_LOSS_SENTINEL, Scratchpad};
use super::{Bus, ProbeReading, RawReading, Sweep};
use crate::reading::{BusFault, Counts, Fault, Notice, ProbeId};

pub mod pin;

use pin::{Clock, Line, Pace, Pin, Trouble};

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
/// How often a probe that does not keep its mark is given it again.
const MARK_TRIES: usize = 3;
/// So many answers in a row that are garbled in the very same way come from two probes, not from noise.
const TWIN_ANSWERS: usize = 3;
/// How long to wait before a transaction is tried again, in nanoseconds: by chance 0.1 to 1 ms.
const PAUSE: std::ops::Range<u64> = 100_000..1_000_000;
/// tCONV at 12 bits; each bit less halves it (datasheet, "AC Electrical Characteristics").
const CONVERSION_12_BITS: u64 = 750_000_000;

/// A 1-Wire bus of DS18B20 probes. Bound to its thread.
pub struct Driver<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    wire: Wire<P, C>,
    /// The resolution that every probe is to have, 9 to 12 bits; `None` leaves each its own.
    resolution: Option<u8>,
    probes: BTreeMap<ProbeId, Known>,
    refused: BTreeSet<ProbeId>,
    search_due: u64,
}

/// What the driver remembers of a probe.
struct Known {
    address: Address,
    family: u8,
    last_good: Option<Scratchpad>,
    /// Its resolution in bits, as last read.
    resolution: u8,
    /// Searches in a row that did not find it.
    misses: u8,
    silent: bool,
    /// Whether it is fed through the data line; `None` until it said so.
    parasite: Option<bool>,
    sentinel_set: bool,
    /// It does not keep its mark. Tried anew after every search.
    sentinel_refused: bool,
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
        let wire = Wire::new(Rc::new(Line::new(pin, clock))).map_err(bus_error)?;
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
    /// two searches: noise makes up an identity with a right checksum in one of 256 cases. A search that
    /// fails changes nothing.
    fn search(&mut self) -> Result<(), Trouble> {
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
                Known::new(address, id.family())
            });
        }
        self.probes.retain(|id, known| {
            known.sentinel_refused = false;
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

impl Known {
    fn new(address: Address, family: u8) -> Self {
        Known {
            address,
            family,
            last_good: None,
            resolution: 12,
            misses: 0,
            silent: false,
            parasite: None,
            sentinel_set: false,
            sentinel_refused: false,
        }
    }

    /// What is noteworthy about it, apart from what its answers were like.
    fn notices(&self) -> Vec<Notice> {
        let parasite = (self.parasite == Some(true)).then_some(Notice::Parasite);
        let coarse = self.last_good.is_some() && self.resolution < 12;
        parasite.into_iter().chain(coarse.then_some(Notice::Resolution(self.resolution))).collect()
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
                Err(Trouble::Late | Trouble::Crc | Trouble::Odd) if !self.probes.is_empty() => {}
                result => result.map_err(bus_error)?,
            }
        }
        let mut notices: Vec<Notice> = self.refused.iter().copied().map(Notice::of_device).collect();
        notices.extend(self.wire.line.clock().lacks_priority().then_some(Notice::NoPriority));
        if self.probes.is_empty() {
            self.search_due = 0;
            return Ok(Sweep { probes: Vec::new(), notices });
        }
        let mut prepared = Vec::with_capacity(self.probes.len());
        for known in self.probes.values_mut() {
            let mut tried = Tried::default();
            let result = self.wire.prepare(known, self.resolution, &mut tried);
            prepared.push((tried, result.map_err(fault)));
        }
        if let Err(trouble) = self.convert() {
            self.search_due = 0;
            if trouble != Trouble::Late {
                return Err(bus_error(trouble));
            }
            // What the probes hold now is the last conversion's.
            let late = self.probes.keys().map(|id| ProbeReading {
                counts: Counts { late: 1, ..Counts::default() },
                ..ProbeReading::new(*id, Err(Fault::Late))
            });
            return Ok(Sweep { probes: late.collect(), notices });
        }
        let mut probes = Vec::with_capacity(self.probes.len());
        for ((id, known), (mut tried, prepared)) in self.probes.iter_mut().zip(prepared) {
            let raw = prepared.and_then(|()| self.wire.read(known, &mut tried));
            let silent = raw == Err(Fault::NoAnswer);
            if silent && !known.silent {
                self.search_due = 0;
            }
            known.silent = silent;
            let mut notices = known.notices();
            if tried.is_twin() {
                notices.push(Notice::DuplicateRom);
            }
            probes.push(ProbeReading { probe: *id, raw, counts: tried.counts, notices });
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
    let mut wire = Wire::new(Rc::new(Line::new(pin, clock))).map_err(bus_error)?;
    let mut late = 0;
    for slot in 0..slots {
        let result = wire.transact(1, &mut Tried::default(), |bus, pace| match slot % 2 {
            0 => bus.write_bit(false, pace),
            _ => bus.read_bit(pace).map(drop),
        });
        match result {
            Ok(()) => {}
            Err(Trouble::Late) => late += 1,
            Err(trouble) => return Err(bus_error(trouble)),
        }
    }
    Ok(late)
}

fn bus_error(trouble: Trouble) -> BusFault {
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
        Trouble::Crc | Trouble::Odd | Trouble::Fickle => (
            Fault::Crc,
            "the probes' answers are garbled: a cable too long or near a motor, or a resistor too weak for so many probes (2.2 kΩ helps)",
        ),
    };
    BusFault { fault, detail: detail.to_owned() }
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Late => Fault::Late,
        Trouble::NoPresence | Trouble::Silent => Fault::NoAnswer,
        Trouble::Shorted => Fault::Shorted,
        Trouble::Pin => Fault::Bus,
        Trouble::Crc | Trouble::Odd => Fault::Crc,
        Trouble::Fickle => Fault::Implausible,
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
    /// For the pauses. That they vary is all that matters, so a test sees the same ones again.
    random: fastrand::Rng,
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
        self.0.clock().set_urgent(false);
    }
}

impl<P, C> Wire<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    fn new(line: Rc<Line<P, C>>) -> Result<Self, Trouble> {
        let bus = OneWire::new(Pin(Rc::clone(&line))).map_err(|_| Trouble::Pin)?;
        Ok(Wire { pace: Pace(Rc::clone(&line)), line, bus, random: fastrand::Rng::with_seed(1) })
    }

    fn transact<T>(
        &mut self,
        tries: usize,
        tried: &mut Tried,
        mut transaction: impl FnMut(&mut OneWire<Pin<P, C>>, &mut Pace<P, C>) -> OneWireResult<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut last = Trouble::Late;
        for _ in 0..tries {
            let result = {
                let _release = Release(&self.line);
                self.line.clock().set_urgent(true);
                transaction(&mut self.bus, &mut self.pace)
            };
            last = match result {
                Ok(value) => return Ok(value),
                Err(OneWireError::PinError(trouble)) => trouble,
                Err(OneWireError::BusNotHigh) => Trouble::Shorted,
                // A scratchpad of 72 ones: nobody held the line once.
                Err(OneWireError::CrcMismatch) if self.line.bits() == (72, !0 << 56) => Trouble::Silent,
                Err(OneWireError::CrcMismatch) => Trouble::Crc,
                Err(_) => Trouble::Odd,
            };
            tried.note(last, self.line.bits().1);
            // Whatever kept the computer busy is not over at once, and may come at a regular beat.
            let clock = self.line.clock();
            clock.sleep_until(clock.now() + self.random.u64(PAUSE));
        }
        Err(last)
    }

    fn convert(&mut self) -> Result<(), Trouble> {
        self.transact(TRIES, &mut Tried::default(), ds18b20::start_simultaneous_temp_measurement)
    }

    fn scratchpad(
        &mut self,
        address: &Address,
        tries: usize,
        tried: &mut Tried,
    ) -> Result<Scratchpad, Trouble> {
        self.transact(tries, tried, |bus, pace| match ds18b20::read_scratchpad(address, bus, pace)? {
            [0, 0, 0, 0, 0, 0, 0, 0, 0] => Err(OneWireError::PinError(Trouble::Shorted)),
            bytes => Ok(bytes),
        })
    }

    /// Every address on the bus. Each step is tried again by itself, with the state that the last one
    /// left: the crate's own iterator throws it away at the first error and ends short.
    fn search(&mut self) -> Result<Vec<Address>, Trouble> {
        let (mut found, mut state) = (Vec::new(), None::<SearchState>);
        while let Some((address, next)) =
            self.transact(SEARCH_TRIES, &mut Tried::default(), |bus, pace| {
                bus.device_search(state.as_ref(), false, pace)
            })?
        {
            found.push(address);
            state = Some(next);
        }
        Ok(found)
    }

    /// Whether the probe is fed through the data line: it holds the line low when asked for its supply.
    fn is_parasite(&mut self, address: &Address, tried: &mut Tried) -> Result<bool, Trouble> {
        self.transact(TRIES, tried, |bus, pace| {
            bus.send_command(one_wire_bus::commands::READ_POWER_SUPPLY, Some(address), pace)?;
            Ok(!bus.read_bit(pace)?)
        })
    }

    /// Before a conversion: asks a new probe for its supply, sets the resolution that is wanted, and marks
    /// the alarm bytes of one whose bytes are not. Without the mark a value proves less, so where the mark
    /// could not be set for another reason than the probe's own, there is none in this sweep.
    fn prepare(
        &mut self,
        known: &mut Known,
        resolution: Option<u8>,
        tried: &mut Tried,
    ) -> Result<(), Trouble> {
        if known.silent {
            return Ok(());
        }
        if known.parasite.is_none() {
            known.parasite = Some(self.is_parasite(&known.address, tried)?);
        }
        for _ in 0..MARK_TRIES {
            if known.sentinel_set || known.sentinel_refused {
                return Ok(());
            }
            let before = self.scratchpad_twice(&known.address, tried)?;
            let bits = resolution.unwrap_or_else(|| scratchpad::resolution(known.family, &before));
            let configuration = scratchpad::configuration(known.family, &before, bits);
            // What it is set to is not known until it was read back.
            known.resolution = 12;
            self.write(&known.address, configuration, tried)?;
            let after = self.scratchpad_twice(&known.address, tried)?;
            // Some clones keep their resolution whatever is written.
            let configured = after[4] == before[4] || Some(after[4]) == configuration;
            known.sentinel_set = scratchpad::has_sentinel(&after) && configured;
            known.resolution = scratchpad::resolution(known.family, &after);
            known.last_good = None;
        }
        known.sentinel_refused = !known.sentinel_set;
        Ok(())
    }

    /// Writes the mark, and a configuration where the family has one, into a probe's memory.
    fn write(
        &mut self,
        address: &Address,
        configuration: Option<u8>,
        tried: &mut Tried,
    ) -> Result<(), Trouble> {
        self.transact(TRIES, tried, |bus, pace| {
            bus.send_command(ds18b20::commands::WRITE_SCRATCHPAD, Some(address), pace)?;
            bus.write_bytes(&POWER_LOSS_SENTINEL, pace)?;
            configuration.map_or(Ok(()), |configuration| bus.write_byte(configuration, pace))
        })
    }

    /// Nine bytes that came twice in a row.
    fn scratchpad_twice(&mut self, address: &Address, tried: &mut Tried) -> Result<Scratchpad, Trouble> {
        let mut bytes = self.scratchpad(address, TRIES, tried)?;
        for _ in 0..TRIES {
            tried.counts.retries += 1;
            let again = self.scratchpad(address, TRIES, tried)?;
            if again == bytes {
                return Ok(bytes);
            }
            bytes = again;
        }
        Err(Trouble::Fickle)
    }

    /// Reads a probe's last conversion. Its first value, and one that does not resemble the last good one,
    /// is handed on only when two readings in a row are the same in all nine bytes.
    fn read(&mut self, known: &mut Known, tried: &mut Tried) -> Result<RawReading, Fault> {
        // One that was silent in the last sweep is asked once: a dead probe costs the others little.
        let tries = if known.silent { 1 } else { TRIES };
        let mut bytes = self.scratchpad(&known.address, tries, tried).map_err(fault)?;
        let resembles = |last: &Scratchpad| scratchpad::resembles(known.family, &bytes, last, SURPRISING);
        if !known.last_good.as_ref().is_some_and(resembles) {
            let again = self.scratchpad(&known.address, TRIES, tried).map_err(fault)?;
            tried.counts.retries += 1;
            if again != bytes {
                bytes = self.scratchpad_twice(&known.address, tried).map_err(fault)?;
            }
        }
        let sentinel_set = known.sentinel_set;
        known.sentinel_set &= scratchpad::has_sentinel(&bytes);
        known.resolution = scratchpad::resolution(known.family, &bytes);
        known.last_good = Some(bytes);
        Ok(RawReading::Scratchpad { bytes, sentinel_set })
    }
}

/// What the tries of one probe's transactions came to.
#[derive(Default)]
struct Tried {
    counts: Counts,
    /// The bits of the last answer whose checksum did not fit, and how often in a row they came.
    garbled: Option<u128>,
    same: usize,
}

impl Tried {
    fn note(&mut self, trouble: Trouble, bits: u128) {
        let counts = &mut self.counts;
        match trouble {
            Trouble::Late => counts.late += 1,
            Trouble::Crc | Trouble::Odd => counts.crc += 1,
            Trouble::NoPresence | Trouble::Silent | Trouble::Shorted => counts.no_answer += 1,
            Trouble::Pin | Trouble::Fickle => {}
        }
        if trouble == Trouble::Crc {
            self.same = if self.garbled.replace(bits) == Some(bits) { self.same + 1 } else { 1 };
        }
    }

    /// Noise garbles an answer each time in another way; two probes with one identity always in the same.
    fn is_twin(&self) -> bool {
        self.same >= TWIN_ANSWERS
    }
}
