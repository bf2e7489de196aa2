//! A real log of ten months in which a Pi showed 85 °C 334 times, replayed: every one of them is a probe
//! that lost its power, on parts that show it in different ways, and every other value comes through.

use std::cell::RefCell;
use std::rc::Rc;

use fridge::bus::onewire::Driver;
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::clone_family::CloneFamily;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::bus::simulated::wire::{Costs, Wire};
use fridge::bus::{Bus, RawReading, Sweep};
use fridge::poll::validate::Validator;
use fridge::reading::{BusFault, Celsius, Fault, Sample};

/// The maker's own, one whose byte 6 is always 0x0C, and one that has 0x10 there at power-on.
const PARTS: [CloneFamily; 3] = [CloneFamily::A1, CloneFamily::C, CloneFamily::E];

/// A bus that may not mark its probes, as the kernel's without the udev rule.
struct WithoutSentinel<B>(B);

impl<B: Bus> Bus for WithoutSentinel<B> {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        let mut sweep = self.0.measure()?;
        for found in &mut sweep.probes {
            if let Ok(RawReading::Scratchpad { sentinel_set, .. }) = &mut found.raw {
                *sentinel_set = false;
            }
        }
        Ok(sweep)
    }
}

/// What is accepted of a probe of that part whose conversions come to these, one a sweep.
fn accepted(part: CloneFamily, sentinel: bool, values: &[Next]) -> Vec<Sample> {
    let probe = Probe::of(part, probe_id(1), Timing::TYPICAL);
    let wire = Rc::new(RefCell::new(Wire::new(vec![probe], Costs::default(), 1)));
    let driver = Driver::new(WirePin(Rc::clone(&wire)), WireClock::virtual_time(&wire)).unwrap();
    let mut bus: Box<dyn Bus> = if sentinel { Box::new(driver) } else { Box::new(WithoutSentinel(driver)) };
    let mut validator = Validator::default();
    let sweep = |value: &Next| {
        wire.borrow_mut().probes[0].next = *value;
        let validated = validator.measure(bus.as_mut()).unwrap();
        validated.probes[0].sample
    };
    values.iter().map(sweep).collect()
}

#[test]
fn every_85_of_a_real_log_is_removed_and_nothing_else() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/etinkers_ds18b20_10min_2017.log");
    let log = std::fs::read_to_string(path).unwrap();
    let millis = log.lines().map(|line| line.split_once(' ').unwrap().1.trim().parse::<f64>().unwrap());
    let values: Vec<Next> = millis
        .map(|millis| match millis {
            85_000.0 => Next::PowerOnReset,
            millis => Next::Sixteenths((millis / 1_000.0 * 16.0).round() as i16),
        })
        .collect();
    let resets = values.iter().filter(|value| **value == Next::PowerOnReset).count();
    assert_eq!((values.len(), resets), (3_435, 334));
    for part in PARTS {
        for sentinel in [true, false] {
            let accepted = accepted(part, sentinel, &values);
            for (number, (value, sample)) in values.iter().zip(&accepted).enumerate() {
                let expected = match value {
                    Next::PowerOnReset => Err(Fault::PowerOnReset),
                    Next::Sixteenths(sixteenths) => Ok(Celsius::from_sixteenths(*sixteenths)),
                };
                assert_eq!(*sample, expected, "{part:?}, sentinel {sentinel}, line {}", number + 1);
            }
        }
    }
}

#[test]
fn a_probe_that_truly_is_at_85_degrees_stays() {
    let hot = [1_352, 1_358, 1_360, 1_360, 1_361, 1_360].map(Next::Sixteenths);
    for part in PARTS {
        for sentinel in [true, false] {
            let expected =
                [1_352, 1_358, 1_360, 1_360, 1_361, 1_360].map(|s| Ok(Celsius::from_sixteenths(s)));
            assert_eq!(accepted(part, sentinel, &hot), expected, "{part:?}, sentinel {sentinel}");
        }
    }
}
