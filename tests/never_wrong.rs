//! Never a wrong number: the driver on a simulated wire whose computer stalls at random moments, also
//! between an operation of the pin and its time stamp.
//!
//! Every sweep gives each probe another temperature, so an old value is a wrong one. 10,000 reads a
//! cell, 200,000 in release; the bare crates, driven beside it, show that the stalls do harm.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;

use fastrand::Rng;
use fridge::bus::onewire::Driver;
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::fault::Stalls;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::bus::simulated::wire::{Costs, Shared, Wire};
use fridge::poll::validate::Validator;
use one_wire_bus::{Address, OneWire};

const READS: u64 = if cfg!(debug_assertions) { 10_000 } else { 200_000 };
const PROBES: usize = 20;
/// A driver forgets nothing between sweeps; a new one searches, and reads every probe twice.
const SWEEPS_A_DRIVER: u64 = 25;
const US: u64 = 1_000;

const TIMINGS: [(&str, Timing); 4] = [
    ("strict", Timing::STRICT),
    ("typical", Timing::TYPICAL),
    ("slow", Timing::SLOW),
    ("varying", Timing::VARYING),
];

/// The share of sweeps that must be complete. The worst kind comes to 99.2 %; of the few sweeps of a debug build
/// that is three standard deviations (1.2 %) from what chance makes of it.
const LEAST_COMPLETE: f64 = if cfg!(debug_assertions) { 0.98 } else { 0.99 };

/// Shortest and longest stall in microseconds, how many a second, and whether [`LEAST_COMPLETE`] holds.
const STALLS: [(u64, u64, f64, bool); 6] = [
    (10, 50, 10.0, true),
    (10, 50, 50.0, true),
    (10, 50, 200.0, true),
    (150, 1_000, 10.0, true),
    (150, 1_000, 50.0, true),
    (150, 1_000, 200.0, false),
];

#[derive(Debug, Default)]
struct Tally {
    reads: u64,
    sweeps: u64,
    complete: u64,
    wrong: u64,
    lost_conversions: u64,
    searches: u64,
    short_searches: u64,
}

fn wire(timing: Timing, stalls: (u64, u64, f64, bool), seed: u64) -> Shared {
    let probes = (1..=PROBES).map(|number| Probe::new(probe_id(number * 7_919), timing)).collect();
    let wire = Rc::new(RefCell::new(Wire::new(probes, Costs::default(), seed)));
    let (shortest, longest, per_second, _) = stalls;
    wire.borrow_mut().stall(Stalls { per_second, shortest: shortest * US, longest: longest * US });
    wire
}

/// Another temperature for every probe: mostly near the last one, so that it is accepted after one
/// reading, and sometimes anywhere.
fn set_temperatures(wire: &Shared, random: &mut Rng) -> Vec<i16> {
    let mut wire = wire.borrow_mut();
    let probes = wire.probes.iter_mut();
    probes
        .map(|probe| {
            let Next::Sixteenths(last) = probe.next else { unreachable!("nothing else is set here") };
            let step = random.i16(1..=15) * if random.bool() { 1 } else { -1 };
            let anywhere = random.u8(..20) == 0 || !(-860..=1_980).contains(&last);
            let next = if anywhere { random.i16(-880..=2_000) } else { last + step };
            let next = if next == last { last + 1 } else { next };
            probe.next = Next::Sixteenths(next);
            next
        })
        .collect()
}

fn conversions(wire: &Shared) -> Vec<u64> {
    wire.borrow().probes.iter().map(|probe| probe.conversions).collect()
}

/// The index of each probe by its identity.
fn index_of(id: fridge::reading::ProbeId) -> usize {
    (1..=PROBES).position(|number| probe_id(number * 7_919) == id).expect("a probe of this wire")
}

fn run(timing: Timing, stalls: (u64, u64, f64, bool), seed: u64) -> Tally {
    let wire = wire(timing, stalls, seed);
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    while tally.reads < READS {
        let clock = WireClock::virtual_time(&wire);
        let mut driver = Driver::new(WirePin(Rc::clone(&wire)), clock).expect("the pin works");
        let mut validator = Validator::default();
        for sweep in 0..SWEEPS_A_DRIVER {
            let truth = set_temperatures(&wire, &mut random);
            let before = conversions(&wire);
            let validated = validator.measure(&mut driver);
            let after = conversions(&wire);
            tally.sweeps += 1;
            let Ok(validated) = validated else { continue };
            if sweep == 0 {
                tally.searches += 1;
                tally.short_searches += u64::from(validated.probes.len() != PROBES);
            }
            let mut good = 0;
            for sampled in validated.probes {
                let index = index_of(sampled.probe);
                tally.reads += 1;
                let Ok(celsius) = sampled.sample else { continue };
                good += 1;
                tally.wrong += u64::from(celsius.sixteenths() != truth[index]);
                tally.lost_conversions += u64::from(after[index] == before[index]);
            }
            tally.complete += u64::from(good == PROBES);
        }
    }
    tally
}

#[test]
fn under_stalls_no_wrong_temperature_no_lost_conversion_and_no_short_search_passes() {
    let cells: Vec<_> =
        STALLS.into_iter().flat_map(|stalls| TIMINGS.map(|timing| (stalls, timing))).collect();
    let next = Mutex::new(cells.iter().enumerate());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let cell = next.lock().expect("no thread panics holding it").next();
                    let Some((index, &(stalls, (name, timing)))) = cell else { break };
                    let tally = run(timing, stalls, 1 + index as u64);
                    results.lock().expect("no thread panics holding it").push((index, stalls, name, tally));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("both threads ended well");
    results.sort_by_key(|(index, ..)| *index);
    assert_eq!(results.len(), STALLS.len() * TIMINGS.len());

    println!("stalls us    per s  part      reads  wrong  lost  searches  short  complete sweeps");
    for (_, (shortest, longest, per_second, _), name, tally) in &results {
        println!(
            "{:>4}-{:<5} {per_second:>7}  {name:<8} {:>6} {:>6} {:>5} {:>9} {:>6}  {:>7.2} %",
            shortest,
            longest,
            tally.reads,
            tally.wrong,
            tally.lost_conversions,
            tally.searches,
            tally.short_searches,
            100.0 * tally.complete as f64 / tally.sweeps as f64
        );
    }
    for (_, stalls, name, tally) in &results {
        assert_eq!(
            (tally.wrong, tally.lost_conversions, tally.short_searches),
            (0, 0, 0),
            "{stalls:?} {name} {tally:?}"
        );
        assert!(tally.searches > 0, "{stalls:?} {name} {tally:?}");
        let complete = tally.complete as f64 / tally.sweeps as f64;
        assert!(!stalls.3 || complete >= LEAST_COMPLETE, "{stalls:?} {name}: {complete}");
    }
}

#[test]
fn the_bare_crates_hand_out_wrong_temperatures_under_the_same_stalls() {
    let stalls = STALLS[4];
    let wire = wire(Timing::TYPICAL, stalls, 1);
    let mut random = Rng::with_seed(1);
    let mut bus = OneWire::new(WirePin(Rc::clone(&wire))).expect("the pin works");
    let mut clock = WireClock::virtual_time(&wire);
    let (mut reads, mut wrong) = (0, 0);
    while reads < 10_000 {
        let truth = set_temperatures(&wire, &mut random);
        if ds18b20::start_simultaneous_temp_measurement(&mut bus, &mut clock).is_err() {
            continue;
        }
        let later = wire.borrow().now + 750_000 * US;
        wire.borrow_mut().skip_to(later);
        let roms: Vec<Address> = (1..=PROBES)
            .map(|number| {
                let code = probe_id(number * 7_919).rom_without_crc();
                let mut rom = [0; 8];
                rom[..7].copy_from_slice(&code);
                rom[7] = one_wire_bus::crc::crc8(&code);
                Address(u64::from_le_bytes(rom))
            })
            .collect();
        for (rom, truth) in roms.iter().zip(truth) {
            reads += 1;
            if let Ok(bytes) = ds18b20::read_scratchpad(rom, &mut bus, &mut clock) {
                wrong += u64::from(i16::from_le_bytes([bytes[0], bytes[1]]) != truth);
            }
        }
    }
    println!("bare crates: {wrong} wrong temperatures with a right checksum in {reads} reads");
    assert!(wrong > 0, "stalls that do no harm prove nothing");
}
