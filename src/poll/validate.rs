//! Plausibility checks, the same for every bus. Turns a raw sweep into a value or a fault per probe; a suspect
//! value triggers one re-measurement, and the two are compared.
//!
//! A probe that lost its power shows +85 °C, and a checksum that fits. Whether it did is decided, in this
//! order, by its alarm bytes, which the loss sets back (see [`scratchpad::POWER_LOSS_SENTINEL`]); by byte 6, which a part
//! of the maker leaves at 0x0C until it has converted; and where neither can tell, by the last good value:
//! +85 °C is accepted only beside one that is near. Serial numbers, clones and their ways:
//! github.com/cpetrich/counterfeit_DS18B20.

use std::collections::{HashMap, HashSet};

use crate::bus::scratchpad::{self, DS18B20, DS18S20, Scratchpad};
use crate::bus::{Bus, MOST_PROBES, ProbeReading, RawReading, Sweep};
use crate::reading::{BusFault, Celsius, Fault, Notice, ProbeId, Sampled};

mod clone;

use clone::has_other_reserved_bytes;

/// No probe in a fridge gets so much warmer or colder from one sweep to the next, unless somebody moves
/// it: 10 °C. A value that jumps so far must be confirmed by another conversion.
const JUMP: u16 = 160;
/// Values that lie no further apart confirm each other: 2 °C, which a probe that is dipped into ice water
/// may move within a second.
const NEAR: u16 = 32;
/// What a probe holds at power-on: +85 °C.
const POWER_ON: Celsius = Celsius::from_sixteenths(85 * 16);
/// The same in a DS18S20's register of half degrees, the low byte first.
const POWER_ON_HALVES: [u8; 2] = [0xAA, 0x00];
/// What clones with other reserved bytes hold at power-on: +25 °C.
const POWER_ON_OF_CLONES: Celsius = Celsius::from_sixteenths(25 * 16);
/// For so many sweeps readings of a ROM code that two probes have are rejected.
const DUPLICATE_SWEEPS: u32 = 60;

/// Validates the readings of one bus by what its probes read before.
#[derive(Default)]
pub struct Validator {
    probes: HashMap<ProbeId, ProbeMemory>,
}

/// A validated sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validated {
    /// The probes.
    pub probes: Vec<Sampled>,
    /// What is noteworthy about the bus.
    pub notices: Vec<Notice>,
}

/// What is remembered of a probe.
#[derive(Clone, Copy, Debug, Default)]
struct ProbeMemory {
    last_good: Option<Celsius>,
    /// A value that jumped and was not confirmed yet.
    candidate: Option<Celsius>,
    /// Whether it was still suspect after its last sweep: then another conversion at once tells nothing new.
    was_suspect: bool,
    /// Its byte 6 was seen at 0x0C where a conversion on a part of the maker leaves something else.
    fixed_byte_6: bool,
    /// Sweeps left during which readings are rejected after a duplicate ROM code was seen.
    duplicate: u32,
}

/// Result of checking one probe's raw reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    Accepted(Celsius),
    /// Another conversion may decide.
    Suspect {
        fault: Fault,
        value: Option<Celsius>,
    },
    Rejected(Fault),
}

impl Validator {
    /// Measures the bus, and once more where that settles whether a suspect value holds.
    ///
    /// # Errors
    /// [`BusFault`] where the bus could not be measured.
    pub fn measure(&mut self, bus: &mut dyn Bus) -> Result<Validated, BusFault> {
        let sweep = bus.measure()?;
        let again = if self.is_worth_another(&sweep) { bus.measure().ok() } else { None };
        Ok(self.validate(sweep, again))
    }

    fn memory(&self, probe: ProbeId) -> ProbeMemory {
        self.probes.get(&probe).copied().unwrap_or_default()
    }

    fn is_worth_another(&self, sweep: &Sweep) -> bool {
        sweep.probes.iter().any(|reading| {
            let memory = self.memory(reading.probe);
            matches!(memory.assess(reading), Validity::Suspect { .. }) && !memory.was_suspect
        })
    }

    /// Validates a sweep, and the one after it where there is one: it decides about those that are suspect.
    fn validate(&mut self, sweep: Sweep, again: Option<Sweep>) -> Validated {
        let again: HashMap<ProbeId, ProbeReading> = again
            .map(|sweep| sweep.probes.into_iter().map(|reading| (reading.probe, reading)).collect())
            .unwrap_or_default();
        if self.probes.len() > 2 * MOST_PROBES {
            // A bus that names others each time is not to be trusted with the memory.
            let listed: HashSet<ProbeId> = sweep.probes.iter().map(|reading| reading.probe).collect();
            self.probes.retain(|probe, _| listed.contains(probe));
        }
        let probes = sweep.probes.into_iter().map(|reading| {
            let again = again.get(&reading.probe);
            self.validate_one(reading, again)
        });
        Validated { probes: probes.collect(), notices: sweep.notices }
    }

    fn validate_one(&mut self, reading: ProbeReading, again: Option<&ProbeReading>) -> Sampled {
        let probe = reading.probe;
        let memory = self.probes.entry(probe).or_default();
        let (mut counts, mut notices) = (reading.counts, reading.notices.clone());
        let is_duplicate = notices.contains(&Notice::DuplicateRom);
        if is_duplicate {
            memory.duplicate = DUPLICATE_SWEEPS;
        }
        let mut validity = memory.assess(&reading);
        memory.observe(&reading);
        counts.resets += u64::from(validity.is_reset());
        if let (Validity::Suspect { value, .. }, Some(again)) = (validity, again) {
            counts += again.counts;
            counts.retries += 1;
            memory.candidate = value;
            validity = memory.assess(again);
            memory.observe(again);
        }
        let sample = match validity {
            Validity::Accepted(celsius) => Ok(celsius),
            Validity::Suspect { fault, .. } | Validity::Rejected(fault) => Err(fault),
        };
        if memory.duplicate > 0 && !is_duplicate {
            memory.duplicate -= 1;
            notices.push(Notice::DuplicateRom);
        }
        memory.was_suspect = matches!(validity, Validity::Suspect { .. });
        memory.candidate = match validity {
            Validity::Suspect { value, .. } => value,
            _ => None,
        };
        memory.last_good = sample.ok().or(memory.last_good);
        notices.extend(memory.clone_sign(&reading).map(Notice::LikelyClone));
        notices.sort();
        Sampled { probe, sample, raw: None, counts, notices }
    }
}

impl ProbeMemory {
    /// Checks one raw reading.
    fn assess(&self, reading: &ProbeReading) -> Validity {
        if self.duplicate > 0 {
            return Validity::Rejected(Fault::Implausible);
        }
        let raw = match reading.raw {
            Ok(raw) => raw,
            Err(fault) => return Validity::Rejected(fault),
        };
        let family = reading.probe.family();
        let (celsius, lost_power) = match raw {
            RawReading::Value(celsius) => (celsius, celsius == POWER_ON && self.is_far_from(POWER_ON)),
            RawReading::Scratchpad { bytes, sentinel_set } => match scratchpad::decode(family, &bytes) {
                Err(fault) => return Validity::Rejected(fault),
                Ok(celsius) => (celsius, self.lost_power(family, &bytes, celsius, sentinel_set)),
            },
        };
        if lost_power {
            return Validity::Suspect { fault: Fault::PowerOnReset, value: None };
        }
        let confirms = |other: Option<Celsius>| other.is_some_and(|other| other.distance(celsius) <= NEAR);
        let jumped = match (self.last_good, raw) {
            (Some(last), _) => last.distance(celsius) > JUMP,
            // The bus has read these bytes twice; a value that comes without them was read by nobody twice.
            (None, RawReading::Value(_)) => true,
            // What two probes send at once comes twice as well, and its byte 6 seldom fits.
            (None, RawReading::Scratchpad { bytes, .. }) => !scratchpad::has_makers_byte_6(family, &bytes),
        };
        if jumped && !confirms(self.candidate) {
            return Validity::Suspect { fault: Fault::Implausible, value: Some(celsius) };
        }
        Validity::Accepted(celsius)
    }

    /// Whether the value is what the probe held at power-on, as far as its bytes and its past show.
    fn lost_power(&self, family: u8, bytes: &Scratchpad, celsius: Celsius, sentinel_set: bool) -> bool {
        if sentinel_set && !scratchpad::has_sentinel(bytes) {
            return true;
        }
        // All bits: below 12 bits a conversion leaves anything in the lowest.
        let power_on = match family {
            DS18S20 => POWER_ON_HALVES,
            _ => POWER_ON.sixteenths().to_le_bytes(),
        };
        if bytes[..2] == power_on {
            let unconverted = family == DS18B20 && bytes[6] == scratchpad::POWER_ON_BYTE_6;
            return if unconverted && !self.fixed_byte_6 {
                true
            } else if unconverted || family == DS18S20 || !sentinel_set {
                self.is_far_from(POWER_ON)
            } else {
                // It converted, and its power was never gone.
                false
            };
        }
        let of_clone = celsius == POWER_ON_OF_CLONES && has_other_reserved_bytes(bytes);
        family == DS18B20 && !sentinel_set && of_clone && self.is_far_from(POWER_ON_OF_CLONES)
    }

    /// Whether the last good value is not near this one.
    fn is_far_from(&self, celsius: Celsius) -> bool {
        self.last_good.is_none_or(|last| last.distance(celsius) > NEAR)
    }
}

impl Validity {
    fn is_reset(self) -> bool {
        matches!(
            self,
            Validity::Suspect { fault: Fault::PowerOnReset, .. } | Validity::Rejected(Fault::PowerOnReset)
        )
    }
}

#[cfg(test)]
mod tests;
