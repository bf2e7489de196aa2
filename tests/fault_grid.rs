//! What is reported under every kind of fault, for every family of parts: each sweep gives each probe
//! another temperature, so an old value is a wrong one. 50,000 reads in all, a million in release; no wrong
//! one may be shown as good.
//!
//! What a checksum cannot exclude, noise and two probes with one ROM code, is held against reading once and
//! looking at the checksum alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Mutex;

use fastrand::Rng;
use fridge::bus::onewire::Driver;
use fridge::bus::scratchpad::{self, DS18B20};
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::clone_family::CloneFamily;
use fridge::bus::simulated::fault::Stalls;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::bus::simulated::wire::{Costs, Shared, Wire};
use fridge::poll::validate::{Validated, Validator};
use fridge::reading::{Celsius, Fault, Notice};
use strum::VariantArray;

mod bench_wire;
use bench_wire::{US, address, bare};

const READS: u64 = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
const PROBES: usize = 10;
/// A driver forgets nothing between sweeps; a new one finds every probe anew.
const SWEEPS_A_DRIVER: u64 = 20;
const MS: u64 = 1_000 * US;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stalls,
    BrownOut,
    StuckLow,
    StuckHigh,
    MissingPresence,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Stalls, "computer stalls"),
    (Kind::BrownOut, "power fails for a moment"),
    (Kind::StuckLow, "data line held low"),
    (Kind::StuckHigh, "data line cut"),
    (Kind::MissingPresence, "presence pulse missing"),
];

/// What the readings of a cell were reported as; `None` is a true value.
#[derive(Debug, Default)]
struct Tally {
    reads: u64,
    wrong: u64,
    reported: BTreeMap<Option<Fault>, u64>,
}

fn wire(part: CloneFamily, probes: usize, seed: u64) -> Shared {
    let probes = (1..=probes).map(|number| Probe::of(part, probe_id(number), Timing::TYPICAL));
    Rc::new(RefCell::new(Wire::new(probes.collect(), Costs::default(), seed)))
}

/// Another temperature for every probe, mostly near the last one, sometimes anywhere, and now and then the
/// values that some parts hold at power-on.
fn set_temperatures(wire: &Shared, random: &mut Rng) {
    for probe in &mut wire.borrow_mut().probes {
        let Next::Sixteenths(last) = probe.next else { unreachable!("nothing else is set here") };
        let step = random.i16(1..=15) * if random.bool() { 1 } else { -1 };
        let next = match random.u8(..40) {
            0 => random.i16(-880..=2_000),
            1 => 85 * 16 + random.i16(-2..=2),
            2 => 25 * 16 + random.i16(-2..=2),
            _ => (last + step).clamp(-880, 2_000),
        };
        // Where it stayed the same, towards the middle.
        probe.next = Next::Sixteenths(if next == last { last - last.signum() } else { next });
    }
}

/// Makes this sweep go wrong.
fn afflict(wire: &Shared, kind: Kind, random: &mut Rng) {
    let mut wire = wire.borrow_mut();
    let within = wire.now + random.u64(0..900 * MS);
    (wire.faults.stuck_low_from, wire.faults.cut_from) = (None, None);
    match kind {
        Kind::StuckLow if random.u8(..3) == 0 => wire.faults.stuck_low_from = Some(within),
        Kind::StuckHigh if random.u8(..3) == 0 => wire.faults.cut_from = Some(within),
        Kind::MissingPresence => {
            let next = wire.resets + 1;
            let missing = (0..5).map(|_| random.u64(next..next + 20)).collect();
            wire.faults.missing_presence = missing;
        }
        _ => {}
    }
}

fn run(kind: Kind, part: CloneFamily, reads: u64, seed: u64) -> Tally {
    let (wire, mut random) = (wire(part, PROBES, seed), Rng::with_seed(seed));
    match kind {
        Kind::Stalls => {
            wire.borrow_mut().stall(Stalls { per_second: 50.0, shortest: 150 * US, longest: MS });
        }
        Kind::BrownOut => wire.borrow_mut().brown_out(2.0),
        _ => {}
    }
    let mut tally = Tally::default();
    while tally.reads < reads {
        let clock = WireClock::virtual_time(&wire);
        let mut driver = Driver::new(WirePin(Rc::clone(&wire)), clock).expect("the pin works");
        let mut validator = Validator::default();
        for _ in 0..SWEEPS_A_DRIVER {
            set_temperatures(&wire, &mut random);
            afflict(&wire, kind, &mut random);
            tally.take(validator.measure(&mut driver).map_err(|error| error.fault), &wire);
        }
    }
    tally
}

impl Tally {
    fn take(&mut self, validated: Result<Validated, Fault>, wire: &Shared) {
        let wire = wire.borrow();
        let mut add = |reported, count| *self.reported.entry(reported).or_default() += count;
        match validated {
            Err(fault) => {
                self.reads += PROBES as u64;
                add(Some(fault), PROBES as u64);
            }
            Ok(validated) => {
                // A probe that was not found yet has no reading either.
                let unfound = (PROBES - validated.probes.len()) as u64;
                self.reads += PROBES as u64;
                add(Some(Fault::Absent), unfound);
                for sampled in validated.probes {
                    add(sampled.sample.err(), 1);
                    let truth = wire.probes.iter().find(|probe| probe.id() == sampled.probe);
                    let truth = truth.map(|probe| probe.next);
                    let wrong = |celsius: Celsius| Some(Next::Sixteenths(celsius.sixteenths())) != truth;
                    self.wrong += u64::from(sampled.sample.is_ok_and(wrong));
                }
            }
        }
        self.reported.retain(|_, count| *count > 0);
    }
}

#[test]
fn no_wrong_temperature_is_shown_as_good_under_any_fault_of_any_part() {
    let cells: Vec<_> =
        KINDS.iter().flat_map(|kind| CloneFamily::VARIANTS.iter().map(|part| (*kind, *part))).collect();
    let each = READS / cells.len() as u64;
    let (next, results) = (Mutex::new(cells.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let cell = next.lock().expect("no thread panics holding it").next();
                    let Some((index, &((kind, words), part))) = cell else { break };
                    let tally = run(kind, part, each, 1 + index as u64);
                    results.lock().expect("no thread panics holding it").push((index, words, part, tally));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("both threads ended well");
    results.sort_by_key(|(index, ..)| *index);
    assert_eq!(results.len(), cells.len());
    assert!(results.iter().map(|(.., tally)| tally.reads).sum::<u64>() >= READS);

    println!("| fault | part | reads | wrong | true | reported as |\n|---|---|---|---|---|---|");
    for (_, words, part, tally) in &results {
        let percent = |count: u64| 100.0 * count as f64 / tally.reads as f64;
        let faults = tally.reported.iter().filter_map(|(fault, count)| Some(((*fault)?, count)));
        let faults: Vec<_> =
            faults.map(|(fault, count)| format!("{fault:?} {:.2} %", percent(*count))).collect();
        let good = percent(tally.reported.get(&None).copied().unwrap_or_default());
        println!(
            "| {words} | {part:?} | {} | {} | {good:.2} % | {} |",
            tally.reads,
            tally.wrong,
            faults.join(", ")
        );
    }
    for (_, words, part, tally) in &results {
        assert_eq!(tally.wrong, 0, "{words}, {part:?}: {tally:?}");
        assert!(tally.reported.contains_key(&None), "{words}, {part:?}: nothing was read");
    }
    documented(&results);
}

/// `docs/readings.md` says what each kind of fault may be reported as; nothing else may come, and all of it
/// must (in release, where there are enough reads to see the rare ones).
fn documented(results: &[(usize, &str, CloneFamily, Tally)]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/readings.md");
    let text = std::fs::read_to_string(path).expect("docs/readings.md is there");
    for (_, words) in KINDS {
        let row = text.lines().find(|line| line.starts_with(&format!("| {words} |")));
        let row = row.unwrap_or_else(|| panic!("docs/readings.md has no row `{words}`"));
        let said: BTreeSet<Fault> =
            Fault::VARIANTS.iter().copied().filter(|fault| row.contains(&format!("`{fault:?}`"))).collect();
        let of_kind = results.iter().filter(|(_, other, ..)| *other == words);
        let seen: BTreeSet<Fault> =
            of_kind.flat_map(|(.., tally)| tally.reported.keys().copied().flatten()).collect();
        assert!(seen.is_subset(&said), "{words}: reported as {seen:?}, documented as {said:?}");
        assert!(cfg!(debug_assertions) || seen == said, "{words}: {said:?} documented, only {seen:?} seen");
    }
}

/// How many sweeps of how many showed a wrong value of probe 1: where one looks at the checksum alone, and
/// ours, with how many carried the notice that there are two.
fn rates(wires: impl Fn(u64) -> Shared, sweeps: u64) -> ((u64, u64), (u64, u64, u64)) {
    let (mut naive, mut naive_wrong) = (0, 0);
    let (mut reads, mut wrong, mut duplicates) = (0, 0, 0);
    for seed in 1..=sweeps / 50 {
        let mut random = Rng::with_seed(seed);
        let wire = wires(seed);
        let is_true = |sixteenths: i16| {
            let wire = wire.borrow();
            wire.probes.iter().any(|probe| probe.next == Next::Sixteenths(sixteenths))
        };
        let (mut bus, mut delay) = bare(&wire);
        for _ in 0..50 {
            set_temperatures(&wire, &mut random);
            let converted = ds18b20::start_simultaneous_temp_measurement(&mut bus, &mut delay).is_ok();
            let later = wire.borrow().now + 750 * MS;
            wire.borrow_mut().skip_to(later);
            let bytes = ds18b20::read_scratchpad(&address(1), &mut bus, &mut delay);
            naive += u64::from(converted);
            if let (true, Ok(bytes)) = (converted, bytes)
                && let Ok(celsius) = scratchpad::decode(DS18B20, &bytes)
            {
                naive_wrong += u64::from(!is_true(celsius.sixteenths()));
            }
        }
        let clock = WireClock::virtual_time(&wire);
        let mut driver = Driver::new(WirePin(Rc::clone(&wire)), clock).expect("the pin works");
        let mut validator = Validator::default();
        for _ in 0..50 {
            set_temperatures(&wire, &mut random);
            reads += 1;
            let Ok(validated) = validator.measure(&mut driver) else { continue };
            for sampled in validated.probes.iter().filter(|sampled| sampled.probe == probe_id(1)) {
                duplicates += u64::from(sampled.notices.contains(&Notice::DuplicateRom));
                let wrong_one = |celsius: Celsius| !is_true(celsius.sixteenths());
                wrong += u64::from(sampled.sample.is_ok_and(wrong_one));
            }
        }
    }
    ((naive_wrong, naive), (wrong, reads, duplicates))
}

const NOISY_SWEEPS: u64 = if cfg!(debug_assertions) { 3_000 } else { 250_000 };

#[test]
fn noise_is_told_from_a_reading_a_hundred_times_better_than_by_the_checksum() {
    let measure = |at_master, at_probes| {
        let wires = |seed| {
            let wire = wire(CloneFamily::A1, 1, seed);
            let faults = &mut wire.borrow_mut().faults;
            (faults.noise, faults.noise_at_probes) = (at_master, at_probes);
            Rc::clone(&wire)
        };
        let ((naive_wrong, naive), (wrong, reads, _)) = rates(wires, NOISY_SWEEPS);
        println!(
            "noise at the master {at_master} a bit, at the probe {at_probes}: by the checksum {naive_wrong} wrong of {naive}, ours {wrong} of {reads}"
        );
        (naive_wrong as f64 / naive as f64, wrong, reads)
    };
    for noise in [0.04, 0.05] {
        let (naive, wrong, reads) = measure(noise, 0.0);
        if !cfg!(debug_assertions) {
            assert_better(naive, wrong, reads);
        }
    }
    // A command to convert that the probe does not receive leaves its old value, and nothing shows it: this is the
    // rate that no second reading lowers.
    let (naive, wrong, reads) = measure(0.0, 0.0005);
    assert!(wrong as f64 / reads as f64 <= naive * 1.5, "{wrong} of {reads}, by the checksum {naive}");
}

#[test]
fn two_probes_with_one_identity_end_as_a_remark() {
    let wires = |seed| {
        let wire = wire(CloneFamily::A1, 1, seed);
        let duplicate = Probe::new(probe_id(1), Timing::TYPICAL);
        wire.borrow_mut().probes.push(duplicate);
        wire
    };
    let ((naive_wrong, naive), (wrong, reads, duplicates)) = rates(wires, NOISY_SWEEPS);
    println!(
        "two probes with one ROM code: by the checksum {naive_wrong} wrong of {naive}, ours {wrong} wrong of {reads}; {duplicates} with the notice"
    );
    assert!(duplicates > reads * 9 / 10, "{duplicates} of {reads}");
    if !cfg!(debug_assertions) {
        assert_better(naive_wrong as f64 / naive as f64, wrong, reads);
    }
}

fn assert_better(naive: f64, wrong: u64, reads: u64) {
    assert!(naive * reads as f64 >= 100.0, "too few wrong ones to compare with: {naive}");
    assert!(wrong as f64 / reads as f64 * 100.0 <= naive, "{wrong} of {reads}, by the checksum {naive}");
}
