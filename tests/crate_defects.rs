//! What `one-wire-bus` 0.1.1 and `ds18b20` 0.1.1 do as they are, and what our adapter makes of it: each
//! defect is shown first, then its cure. And the sequence of their operations and delays, from which
//! the adapter tells what a slot means: another release would be noticed here. And the delay of
//! `linux-embedded-hal` 0.3.2, on the real clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ds18b20::Ds18b20;
use embedded_hal::blocking::delay::DelayUs;
use embedded_hal::digital::v2::{InputPin, OutputPin};
use fridge::bus::Bus;
use fridge::bus::gpio::RealClock;
use fridge::bus::onewire::bit_bang::Clock;
use fridge::bus::scratchpad;
use fridge::bus::simulated::fault::Stalls;
use fridge::bus::simulated::probe::{Next, Timing};
use fridge::bus::simulated::wire::Shared;
use fridge::reading::{Celsius, Fault};
use one_wire_bus::{OneWire, OneWireError};

mod bench_wire;
use bench_wire::{Bench, US, address, bare, wire};

fn warm(sixteenths: i16) -> fridge::reading::Sample {
    Ok(Celsius::from_sixteenths(sixteenths))
}

#[test]
fn a_strict_probe_cannot_be_read_because_the_sample_comes_too_late() {
    let wire = wire(1, Timing::STRICT, 0);
    let (mut bus, mut delay) = bare(&wire);
    for _ in 0..50 {
        assert!(ds18b20::read_scratchpad(&address(1), &mut bus, &mut delay).is_err());
        assert!(bus.devices(false, &mut delay).next().is_none_or(|found| found.is_err()));
    }
    assert!(wire.borrow().violations.read > 0, "tRDV was missed");

    let mut cured = Bench::new(1, Timing::STRICT, 2_000);
    assert_eq!(cured.measure().unwrap()[0].1, warm(320));
    assert_eq!(cured.wire.borrow().violations.total(), 0);
}

#[test]
fn temperatures_below_zero_and_below_twelve_bits_are_decoded_wrong() {
    for (bits, sixteenths, crate_says) in
        [(12, -162, 4085.875), (11, 408, 51.0), (10, 408, 102.0), (9, 408, 204.0)]
    {
        let mut bench = Bench::new(1, Timing::TYPICAL, 100);
        bench.wire.borrow_mut().probes[0].set_resolution(bits);
        bench.set_all(sixteenths);
        assert_eq!(bench.measure().unwrap()[0].1, warm(sixteenths), "ours at {bits} bits");

        let (mut bus, mut delay) = bare(&bench.wire);
        let bytes = ds18b20::read_scratchpad(&address(1), &mut bus, &mut delay).unwrap();
        assert_eq!(scratchpad::decode(scratchpad::DS18B20, &bytes), warm(sixteenths));
        let probe = Ds18b20::new::<()>(address(1)).unwrap();
        let data = probe.read_data(&mut bus, &mut delay).unwrap();
        // The undefined bits of a low resolution are junk, and the crate does not clear them.
        assert!((data.temperature - crate_says).abs() < 4.0, "{bits} bits: {}", data.temperature);
    }
}

#[test]
fn a_command_to_nobody_is_taken_for_done() {
    let wire = wire(1, Timing::TYPICAL, 100);
    wire.borrow_mut().probes[0].plugged = false;
    let (mut bus, mut delay) = bare(&wire);
    assert!(ds18b20::start_simultaneous_temp_measurement(&mut bus, &mut delay).is_ok(), "nobody converts");
    let absent = ds18b20::read_scratchpad(&address(1), &mut bus, &mut delay);
    assert!(matches!(absent, Err(OneWireError::CrcMismatch)), "absence looks like noise");

    let mut cured = Bench::new(1, Timing::TYPICAL, 100);
    cured.measure().unwrap();
    cured.wire.borrow_mut().probes[0].plugged = false;
    assert_eq!(cured.measure().unwrap_err().fault, Fault::NoAnswer);
}

#[test]
fn nine_zeros_of_a_short_circuit_are_taken_for_zero_degrees() {
    let wire = wire(1, Timing::TYPICAL, 100);
    let (mut bus, mut delay) = bare(&wire);
    bus.reset(&mut delay).unwrap();
    let now = wire.borrow().now;
    wire.borrow_mut().faults.stuck_low_from = Some(now);
    let mut bytes = [0xAA; 9];
    bus.read_bytes(&mut bytes, &mut delay).unwrap();
    assert!(one_wire_bus::crc::check_crc8::<()>(&bytes).is_ok(), "the checksum of zeros is right");

    assert_eq!(scratchpad::decode(scratchpad::DS18B20, &bytes), Err(Fault::Shorted));
}

#[test]
fn a_search_that_misses_a_presence_pulse_ends_short_without_an_error() {
    let wire = wire(5, Timing::TYPICAL, 100);
    wire.borrow_mut().faults.missing_presence = vec![3];
    let (mut bus, mut delay) = bare(&wire);
    let found: Vec<_> = bus.devices(false, &mut delay).collect();
    assert!(found.len() == 2 && found.iter().all(Result::is_ok), "{found:?}");

    let mut cured = Bench::new(5, Timing::TYPICAL, 100);
    cured.wire.borrow_mut().faults.missing_presence = vec![3];
    assert_eq!(cured.measure().unwrap().len(), 5);
}

#[test]
fn a_conversion_lost_to_a_stall_hands_out_the_old_value() {
    // A stall within the low of the one bits of Skip ROM or Convert T turns ones into zeros.
    let stalls = Stalls { per_second: 300.0, shortest: 20 * US, longest: 50 * US };
    let lost = |convert: &mut dyn FnMut() -> bool, wire: &Shared| {
        let mut lost = 0;
        for _ in 0..2_000 {
            let before = wire.borrow().probes[0].conversions;
            let done = convert();
            lost += u32::from(done && wire.borrow().probes[0].conversions == before);
        }
        lost
    };
    let bare_wire = wire(1, Timing::TYPICAL, 100);
    bare_wire.borrow_mut().stall(stalls);
    let (mut bus, mut delay) = bare(&bare_wire);
    let convert = &mut || ds18b20::start_simultaneous_temp_measurement(&mut bus, &mut delay).is_ok();
    assert!(lost(convert, &bare_wire) > 0, "the crate takes a lost conversion for done");

    let Bench { wire, mut driver, .. } = Bench::new(1, Timing::TYPICAL, 100);
    wire.borrow_mut().stall(stalls);
    let convert =
        &mut || driver.measure().is_ok_and(|sweep| sweep.probes.iter().all(|found| found.raw.is_ok()));
    assert_eq!(lost(convert, &wire), 0);
}

/// Writes down what the crates do with a pin and a delay; always reads a low line.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<String>>>);

impl Recorder {
    fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

impl OutputPin for Recorder {
    type Error = ();
    fn set_low(&mut self) -> Result<(), ()> {
        self.note("low");
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), ()> {
        self.note("release");
        Ok(())
    }
}

impl InputPin for Recorder {
    type Error = ();
    fn is_high(&self) -> Result<bool, ()> {
        self.note("high?");
        Ok(true)
    }
    fn is_low(&self) -> Result<bool, ()> {
        self.note("low?");
        Ok(true)
    }
}

impl DelayUs<u16> for Recorder {
    fn delay_us(&mut self, us: u16) {
        self.note(us.to_string());
    }
}

#[test]
fn the_sequence_of_operations_and_delays_is_the_one_the_adapter_reads() {
    let recorder = Recorder::default();
    let mut bus = OneWire::new(recorder.clone()).unwrap();
    let mut delay = recorder.clone();
    let mut sequence = |action: &mut dyn FnMut(&mut OneWire<Recorder>, &mut Recorder)| {
        recorder.0.borrow_mut().clear();
        action(&mut bus, &mut delay);
        recorder.0.borrow().join(" ")
    };
    let reset = sequence(&mut |bus, delay| assert!(bus.reset(delay).unwrap()));
    assert_eq!(reset, "high? low 480 release 70 low? 410");
    let one = sequence(&mut |bus, delay| bus.write_1_bit(delay).unwrap());
    assert_eq!(one, "low 6 release 64");
    let zero = sequence(&mut |bus, delay| bus.write_0_bit(delay).unwrap());
    assert_eq!(zero, "low 60 release 10");
    let read = sequence(&mut |bus, delay| assert!(bus.read_bit(delay).unwrap()));
    assert_eq!(read, "low 6 release 9 high? 55");

    let convert =
        sequence(&mut |bus, delay| ds18b20::start_simultaneous_temp_measurement(bus, delay).unwrap());
    let bits = |byte: u8| -> Vec<String> {
        (0..8).map(|bit| if byte >> bit & 1 == 1 { one.clone() } else { zero.clone() }).collect()
    };
    let expected: Vec<String> =
        std::iter::once(reset.clone()).chain([0xCC, 0x44].into_iter().flat_map(&bits)).collect();
    assert_eq!(convert, expected.join(" "));

    let scratchpad =
        sequence(&mut |bus, delay| assert!(ds18b20::read_scratchpad(&address(1), bus, delay).is_err()));
    let rom = address(1).0.to_le_bytes();
    let expected: Vec<String> = std::iter::once(reset)
        .chain(std::iter::once(0x55).chain(rom).chain([0xBE]).flat_map(&bits))
        .chain(std::iter::repeat_n(read, 72))
        .collect();
    assert_eq!(scratchpad, expected.join(" "));
}

#[test]
fn a_value_of_another_probe_kind_is_not_made_up() {
    let mut bench = Bench::new(1, Timing::TYPICAL, 100);
    bench.set(1, Next::Sixteenths(2_047));
    assert_eq!(bench.measure().unwrap()[0].1, Err(Fault::PowerFail), "127.94 °C is no temperature");
}

/// The shortest of many tries: the best that a delay can do, whatever else the machine does meanwhile.
fn shortest(mut wait: impl FnMut()) -> Duration {
    let mut one = || {
        let began = Instant::now();
        wait();
        began.elapsed()
    };
    (0..200).map(|_| one()).min().unwrap_or_default()
}

#[test]
fn a_delay_that_sleeps_turns_every_one_into_a_zero() {
    // tLOW1: a low of more than 15 µs is no one any more, and begins no read slot.
    const LOW1_MOST: Duration = Duration::from_micros(15);
    // linux-embedded-hal's own delay sleeps, and no sleep is so short.
    let sleeping = shortest(|| linux_embedded_hal::Delay.delay_us(6_u16));
    assert!(sleeping > LOW1_MOST, "{sleeping:?}");
    // Ours spins.
    let clock = RealClock::new(false);
    let spinning = shortest(|| clock.spin_until(clock.now() + 6 * US));
    assert!((Duration::from_micros(6)..LOW1_MOST).contains(&spinning), "{spinning:?}");
}
