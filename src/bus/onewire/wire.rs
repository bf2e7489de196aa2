//! The wire: transactions with all probes or with one, each tried again where it failed.

use std::rc::Rc;

use embedded_hal::digital::v2::{InputPin, OutputPin};
use one_wire_bus::{Address, OneWire, OneWireError, OneWireResult, SearchState};

use super::attempts::Attempts;
use super::bit_bang::{BitBangAdapter, BitBangPin, Clock, EdgeDelay};
use super::probe::Probe;
use super::wire_error::WireError;
use crate::bus::RawReading;
use crate::bus::scratchpad::{self, POWER_LOSS_SENTINEL, Scratchpad};
use crate::reading::Fault;

/// How often one transaction is tried. With five tries a sweep of 20 probes is complete in 99.8 % of
/// cases at 50 long stalls a second (simulated).
const TRIES: usize = 5;
/// How often one step of a search is tried: a single step that fails for good ends the whole search.
const SEARCH_TRIES: usize = 10;
/// How often a probe that does not keep the power-loss sentinel is given it again.
const SENTINEL_TRIES: usize = 3;
/// How long to wait before a transaction is tried again, in nanoseconds: by chance 0.1 to 1 ms.
const PAUSE: std::ops::Range<u64> = 100_000..1_000_000;

/// The crates on a bit-banged line; each method is one transaction, tried up to [`TRIES`] times.
pub struct Wire<P, C>
where
    P: InputPin + OutputPin<Error = <P as InputPin>::Error>,
    C: Clock,
{
    pub line: Rc<BitBangAdapter<P, C>>,
    bus: OneWire<BitBangPin<P, C>>,
    delay: EdgeDelay<P, C>,
    /// For the pauses. That they vary is all that matters, so a test sees the same ones again.
    random: fastrand::Rng,
}

/// Lets the line go on every way out of a transaction, a panic included.
struct Release<'a, P, C>(&'a BitBangAdapter<P, C>)
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
    pub fn new(line: Rc<BitBangAdapter<P, C>>) -> Result<Self, WireError> {
        let bus = OneWire::new(BitBangPin(Rc::clone(&line))).map_err(|_| WireError::Pin)?;
        Ok(Wire { delay: EdgeDelay(Rc::clone(&line)), line, bus, random: fastrand::Rng::with_seed(1) })
    }

    pub fn transact<T>(
        &mut self,
        tries: usize,
        attempts: &mut Attempts,
        mut transaction: impl FnMut(
            &mut OneWire<BitBangPin<P, C>>,
            &mut EdgeDelay<P, C>,
        ) -> OneWireResult<T, WireError>,
    ) -> Result<T, WireError> {
        let mut last = WireError::Late;
        for _ in 0..tries {
            let result = {
                let _release = Release(&self.line);
                self.line.clock().set_urgent(true);
                transaction(&mut self.bus, &mut self.delay)
            };
            last = match result {
                Ok(value) => return Ok(value),
                Err(OneWireError::PinError(error)) => error,
                Err(OneWireError::BusNotHigh) => WireError::Shorted,
                // A scratchpad of 72 ones: no probe ever held the line low.
                Err(OneWireError::CrcMismatch) if self.line.bits() == (72, !0 << 56) => WireError::NoResponse,
                Err(OneWireError::CrcMismatch) => WireError::Crc,
                Err(_) => WireError::SearchConflict,
            };
            attempts.count(last, self.line.bits().1);
            // Whatever kept the computer busy is not over at once, and may come at a regular beat.
            let clock = self.line.clock();
            clock.sleep_until(clock.now() + self.random.u64(PAUSE));
        }
        Err(last)
    }

    pub fn convert(&mut self) -> Result<(), WireError> {
        self.transact(TRIES, &mut Attempts::default(), ds18b20::start_simultaneous_temp_measurement)
    }

    fn scratchpad(
        &mut self,
        address: &Address,
        tries: usize,
        attempts: &mut Attempts,
    ) -> Result<Scratchpad, WireError> {
        self.transact(tries, attempts, |bus, delay| match ds18b20::read_scratchpad(address, bus, delay)? {
            [0, 0, 0, 0, 0, 0, 0, 0, 0] => Err(OneWireError::PinError(WireError::Shorted)),
            bytes => Ok(bytes),
        })
    }

    /// Every address on the bus. Each step is tried again by itself, with the state that the last one
    /// left: the crate's own iterator throws it away at the first error and ends short.
    pub fn search(&mut self) -> Result<Vec<Address>, WireError> {
        let (mut found, mut state) = (Vec::new(), None::<SearchState>);
        while let Some((address, next)) =
            self.transact(SEARCH_TRIES, &mut Attempts::default(), |bus, delay| {
                bus.device_search(state.as_ref(), false, delay)
            })?
        {
            found.push(address);
            state = Some(next);
        }
        Ok(found)
    }

    /// Whether the probe is powered through the data line: it holds the line low when asked for its supply.
    fn is_parasite(&mut self, address: &Address, attempts: &mut Attempts) -> Result<bool, WireError> {
        self.transact(TRIES, attempts, |bus, delay| {
            bus.send_command(one_wire_bus::commands::READ_POWER_SUPPLY, Some(address), delay)?;
            Ok(!bus.read_bit(delay)?)
        })
    }

    /// Before a conversion: asks a new probe for its supply, sets the resolution that is wanted, and writes the
    /// power-loss sentinel where it is not set. If the sentinel could not be written because of a wire error, the
    /// probe gets no value this sweep; a probe that ignores the write is still read.
    pub fn prepare(
        &mut self,
        probe: &mut Probe,
        resolution: Option<u8>,
        attempts: &mut Attempts,
    ) -> Result<(), WireError> {
        if probe.memory.is_silent {
            return Ok(());
        }
        if probe.memory.parasite.is_none() {
            probe.memory.parasite = Some(self.is_parasite(&probe.address, attempts)?);
        }
        for _ in 0..SENTINEL_TRIES {
            if probe.memory.sentinel_set || probe.sentinel_refused {
                return Ok(());
            }
            let before = self.scratchpad_twice(&probe.address, attempts)?;
            let bits = resolution.unwrap_or_else(|| scratchpad::resolution(probe.family, &before));
            let configuration = scratchpad::configuration(probe.family, &before, bits);
            // What it is set to is not known until it was read back.
            probe.resolution = 12;
            self.write(&probe.address, configuration, attempts)?;
            let after = self.scratchpad_twice(&probe.address, attempts)?;
            // Some clones keep their resolution whatever is written.
            let configured = after[4] == before[4] || Some(after[4]) == configuration;
            probe.memory.sentinel_set = scratchpad::has_sentinel(&after) && configured;
            probe.resolution = scratchpad::resolution(probe.family, &after);
            probe.memory.last_good = None;
        }
        probe.sentinel_refused = !probe.memory.sentinel_set;
        Ok(())
    }

    /// Writes the sentinel, and a configuration where the family has one, into a probe's memory.
    fn write(
        &mut self,
        address: &Address,
        configuration: Option<u8>,
        attempts: &mut Attempts,
    ) -> Result<(), WireError> {
        self.transact(TRIES, attempts, |bus, delay| {
            bus.send_command(ds18b20::commands::WRITE_SCRATCHPAD, Some(address), delay)?;
            bus.write_bytes(&POWER_LOSS_SENTINEL, delay)?;
            configuration.map_or(Ok(()), |configuration| bus.write_byte(configuration, delay))
        })
    }

    /// Nine bytes that came twice in a row.
    fn scratchpad_twice(
        &mut self,
        address: &Address,
        attempts: &mut Attempts,
    ) -> Result<Scratchpad, WireError> {
        let mut bytes = self.scratchpad(address, TRIES, attempts)?;
        for _ in 0..TRIES {
            attempts.counts.retries += 1;
            let again = self.scratchpad(address, TRIES, attempts)?;
            if again == bytes {
                return Ok(bytes);
            }
            bytes = again;
        }
        Err(WireError::Unstable)
    }

    /// Reads a probe's last conversion. Its first value, and one that does not resemble the last good one,
    /// is handed on only when two readings in a row are the same in all nine bytes.
    pub fn read(&mut self, probe: &mut Probe, attempts: &mut Attempts) -> Result<RawReading, Fault> {
        // One that was silent in the last sweep is asked once: a dead probe costs the others little.
        let tries = if probe.memory.is_silent { 1 } else { TRIES };
        let mut bytes = self.scratchpad(&probe.address, tries, attempts).map_err(WireError::of_probe)?;
        if !probe.memory.is_expected(probe.family, &bytes) {
            let again = self.scratchpad(&probe.address, TRIES, attempts).map_err(WireError::of_probe)?;
            attempts.counts.retries += 1;
            if again != bytes {
                bytes = self.scratchpad_twice(&probe.address, attempts).map_err(WireError::of_probe)?;
            }
        }
        let sentinel_set = probe.memory.sentinel_set;
        probe.memory.sentinel_set &= scratchpad::has_sentinel(&bytes);
        probe.resolution = scratchpad::resolution(probe.family, &bytes);
        probe.memory.last_good = Some(bytes);
        Ok(RawReading::Scratchpad { bytes, sentinel_set })
    }
}
