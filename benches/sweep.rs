//! What a sweep costs in virtual time, beside what one would do instead: each probe converted and read
//! one after another, and the crates driven as they are. And the datasheet's floor.
//!
//! Fails where a sweep of ours is more than 3 % above the floor.

use std::process::ExitCode;

use fridge::bus::simulated::probe::Timing;
use one_wire_bus::OneWire;

#[path = "../tests/bench_wire/mod.rs"]
mod bench_wire;
use bench_wire::{Bench, US, address, bare, wire};

/// Milliseconds of a reset, a Skip ROM and a Convert T, and of reading a scratchpad, with slots of
/// 61 µs: what the datasheet's windows allow at the least.
const CONVERT: f64 = 1.94;
const READ: f64 = 10.23;

fn conversion(bits: u8) -> f64 {
    750.0 / f64::from(1 << (12 - bits))
}

/// Our driver, once it knows its probes; `dead` of them no longer answer.
fn ours(probes: usize, dead: usize, bits: u8, pin: u64) -> f64 {
    let mut bench = Bench::new(probes, Timing::STRICT, pin);
    for probe in &mut bench.wire.borrow_mut().probes {
        probe.set_resolution(bits);
    }
    bench.measure().expect("the first sweep, which searches");
    if dead > 0 {
        bench.wire.borrow_mut().probes[..dead].iter_mut().for_each(|probe| probe.mute = true);
        // It tries them five times, and searches for them.
        bench.measure().expect("the sweep that finds them dead");
        bench.measure().expect("the sweep that searches");
    }
    let before = bench.now();
    let samples = bench.measure().expect("a sweep");
    assert!(samples.len() == probes);
    assert_eq!(samples.iter().filter(|(_, sample)| sample.is_err()).count(), dead);
    (bench.now() - before) as f64 / 1e6
}

/// The crates as they are, on a part that forgives them their late sample: all at once, or one after
/// another.
fn crates(probes: usize, bits: u8, pin: u64, together: bool) -> f64 {
    let wire = wire(probes, Timing::TYPICAL, pin);
    for probe in &mut wire.borrow_mut().probes {
        probe.set_resolution(bits);
    }
    let (mut bus, mut delay) = bare(&wire);
    let wait = || {
        let later = wire.borrow().now + (conversion(bits) * 1e3) as u64 * US;
        wire.borrow_mut().skip_to(later);
    };
    let before = wire.borrow().now;
    if together {
        ds18b20::start_simultaneous_temp_measurement(&mut bus, &mut delay).expect("converted");
        wait();
    }
    for number in 1..=probes {
        if !together {
            one_conversion(&mut bus, &mut delay, number);
            wait();
        }
        ds18b20::read_scratchpad(&address(number), &mut bus, &mut delay).expect("read");
    }
    (wire.borrow().now - before) as f64 / 1e6
}

fn one_conversion(
    bus: &mut OneWire<fridge::bus::simulated::pin::WirePin>,
    delay: &mut fridge::bus::simulated::clock::WireClock,
    number: usize,
) {
    let probe = ds18b20::Ds18b20::new::<()>(address(number)).expect("a DS18B20");
    probe.start_temp_measurement(bus, delay).expect("converted");
}

fn main() -> ExitCode {
    let mut within = true;
    println!("milliseconds of virtual time a sweep; ratios to ours");
    println!(
        "bits  pin us  probes    floor     ours  over floor   one in ten dead   crates together   one after another"
    );
    for bits in 9..=12 {
        for pin in [100, 1_000] {
            for probes in [1, 10, 20, 100] {
                let floor = CONVERT + conversion(bits) + READ * probes as f64;
                let dead = ours(probes, probes / 10, bits, pin);
                let ours = ours(probes, 0, bits, pin);
                let over = (ours / floor - 1.0) * 100.0;
                let (together, apart) = (crates(probes, bits, pin, true), crates(probes, bits, pin, false));
                println!(
                    "{bits:>4} {:>7.1} {probes:>7} {floor:>8.1} {ours:>8.1} {over:>9.2} % {dead:>17.1} {together:>10.1} {:>5.2}x {apart:>11.1} {:>6.2}x",
                    pin as f64 / 1e3,
                    together / ours,
                    apart / ours
                );
                within &= over <= 3.0;
            }
        }
    }
    if within {
        ExitCode::SUCCESS
    } else {
        println!("a sweep is more than 3 % above the floor");
        ExitCode::FAILURE
    }
}
