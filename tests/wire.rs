//! The driver on the simulated wire: every temperature at every resolution, and everything that
//! happens to a bus of probes.

use fridge::bus::probe_memory::SEARCH_PERIOD;
use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;
use fridge::reading::{Celsius, Fault, Notice, Sample};

mod bench_wire;
use bench_wire::{Bench, US};

fn samples(bench: &mut Bench) -> Vec<Sample> {
    bench.measure().expect("the bus works").into_iter().map(|(_, sample)| sample).collect()
}

fn warm(sixteenths: i16) -> Sample {
    Ok(Celsius::from_sixteenths(sixteenths))
}

#[test]
fn every_sixteenth_at_every_resolution_comes_back_over_the_wire() {
    const COST: [u64; 3] = [100, 1_000, 2_000];
    let mut conversions = 0;
    for timing in [Timing::STRICT, Timing::TYPICAL] {
        for pin in COST {
            for bits in 9..=12 {
                let mut bench = Bench::new(1, timing, pin);
                bench.wire.borrow_mut().probes[0].set_resolution(bits);
                let undefined = (1 << (12 - bits)) - 1;
                for sixteenths in Celsius::MIN.sixteenths()..=Celsius::MAX.sixteenths() {
                    bench.set(1, Next::Sixteenths(sixteenths));
                    assert_eq!(
                        samples(&mut bench),
                        [warm(sixteenths & !undefined)],
                        "{bits} bits, pin {pin} ns"
                    );
                    conversions += 1;
                }
                assert_eq!(bench.wire.borrow().violations.total(), 0, "{:?}", bench.wire.borrow().violations);
            }
        }
    }
    assert_eq!(conversions, 2 * 3 * 4 * (180 * 16 + 1));
}

#[test]
fn a_sweep_stays_within_three_percent_of_the_datasheets_floor() {
    for pin in [100, 1_000] {
        for probes in [1, 10, 20, 100] {
            let mut bench = Bench::new(probes, Timing::STRICT, pin);
            samples(&mut bench);
            let before = bench.now();
            assert!(samples(&mut bench).iter().all(Result::is_ok));
            let took = (bench.now() - before) as f64 / 1e6;
            let floor = 1.94 + 750.0 + 10.23 * probes as f64;
            assert!(took <= floor * 1.03, "{probes} probes, pin {pin} ns: {took:.1} ms, floor {floor:.1} ms");
        }
    }
}

#[test]
fn one_conversion_serves_every_probe() {
    let mut bench = Bench::new(20, Timing::STRICT, 100);
    for _ in 0..3 {
        samples(&mut bench);
    }
    assert!(bench.wire.borrow().probes.iter().all(|probe| probe.conversions == 3));
}

#[test]
fn slow_and_varying_probes_are_read_too() {
    for timing in [Timing::SLOW, Timing::VARYING] {
        let mut bench = Bench::new(20, timing, 100);
        bench.set_all(-161);
        assert_eq!(samples(&mut bench), vec![warm(-161); 20]);
        assert_eq!(bench.wire.borrow().violations.total(), 0);
    }
}

#[test]
fn a_probe_plugged_in_later_is_found_by_the_next_search() {
    let mut bench = Bench::new(2, Timing::TYPICAL, 100);
    bench.wire.borrow_mut().probes[1].plugged = false;
    assert_eq!(samples(&mut bench).len(), 1);
    bench.wire.borrow_mut().probes[1].plugged = true;
    assert_eq!(samples(&mut bench).len(), 1, "the next search is not due yet");
    bench.pass(SEARCH_PERIOD.as_nanos() as u64);
    assert_eq!(samples(&mut bench), [warm(320), warm(320)]);
}

#[test]
fn an_unplugged_probe_does_not_answer_is_gone_after_three_searches_and_comes_back() {
    let mut bench = Bench::new(2, Timing::TYPICAL, 100);
    samples(&mut bench);
    bench.wire.borrow_mut().probes[0].plugged = false;
    assert_eq!(samples(&mut bench), [Err(Fault::NoAnswer), warm(320)], "the other goes on");
    let mut sweeps = 0;
    while samples(&mut bench).len() == 2 {
        bench.pass(SEARCH_PERIOD.as_nanos() as u64);
        sweeps += 1;
        assert!(sweeps < 10);
    }
    bench.wire.borrow_mut().probes[0].plugged = true;
    bench.pass(SEARCH_PERIOD.as_nanos() as u64);
    assert_eq!(samples(&mut bench), [warm(320), warm(320)]);
}

#[test]
fn a_silent_probe_costs_the_others_little() {
    let mut bench = Bench::new(10, Timing::TYPICAL, 100);
    bench.wire.borrow_mut().probes[4].mute = true;
    samples(&mut bench);
    samples(&mut bench);
    let before = bench.now();
    let samples = samples(&mut bench);
    assert_eq!(samples.iter().filter(|sample| **sample == Err(Fault::NoAnswer)).count(), 1);
    let took = (bench.now() - before) as f64 / 1e6;
    assert!(took < (1.94 + 750.0 + 102.3) * 1.03, "{took} ms");
}

#[test]
fn an_empty_bus_and_a_shorted_one_say_so_and_recover() {
    let mut bench = Bench::new(1, Timing::TYPICAL, 100);
    bench.wire.borrow_mut().probes[0].plugged = false;
    let error = bench.measure().unwrap_err();
    assert_eq!(error.fault, Fault::NoAnswer);
    assert!(error.detail.contains("4.7 kΩ"));

    bench.wire.borrow_mut().probes[0].plugged = true;
    assert_eq!(samples(&mut bench), [warm(320)]);

    let now = bench.now();
    bench.wire.borrow_mut().faults.stuck_low_from = Some(now);
    assert_eq!(bench.measure().unwrap_err().fault, Fault::Shorted);
    bench.wire.borrow_mut().faults.stuck_low_from = None;
    assert_eq!(samples(&mut bench), [warm(320)]);
}

#[test]
fn a_short_while_a_probe_is_read_is_no_zero_degrees() {
    for after in [1, 3, 5, 7, 9] {
        let mut bench = Bench::new(1, Timing::TYPICAL, 100);
        samples(&mut bench);
        // 752 ms after its beginning a sweep reads; a probe takes 10 ms.
        let from = bench.now() + 752_000 * US + after * 1_000 * US;
        bench.wire.borrow_mut().faults.stuck_low_from = Some(from);
        assert_eq!(samples(&mut bench), [Err(Fault::Shorted)], "{after} ms into the reading");
    }
}

#[test]
fn a_missing_presence_pulse_is_tried_again_and_shortens_no_search() {
    for missing in 1..=12 {
        let mut bench = Bench::new(5, Timing::TYPICAL, 100);
        bench.wire.borrow_mut().faults.missing_presence = vec![missing];
        assert_eq!(samples(&mut bench), vec![warm(320); 5], "reset {missing}");
    }
}

#[test]
fn a_first_value_and_a_jump_are_read_twice_and_a_small_step_once() {
    let resets = |bench: &mut Bench| {
        let before = bench.wire.borrow().resets;
        samples(bench);
        bench.wire.borrow().resets - before
    };
    let mut bench = Bench::new(1, Timing::TYPICAL, 100);
    // A search of one probe takes one reset, and there are two; to ask for its supply one, to mark it and
    // look twice before and after five, a conversion one, a reading one.
    assert_eq!(resets(&mut bench), 11, "the first value is read twice");
    bench.set(1, Next::Sixteenths(320 + 16));
    assert_eq!(resets(&mut bench), 2, "one degree is no jump");
    bench.set(1, Next::Sixteenths(320 + 33));
    assert_eq!(resets(&mut bench), 3, "more than one degree is");
}

#[test]
fn a_probe_that_lost_its_power_shows_no_85_degrees_and_one_at_85_does() {
    let mut bench = Bench::new(1, Timing::TYPICAL, 100);
    bench.set(1, Next::PowerOnReset);
    assert_eq!(samples(&mut bench), [Err(Fault::PowerOnReset)]);
    bench.set(1, Next::Sixteenths(85 * 16));
    assert_eq!(samples(&mut bench), [warm(85 * 16)]);
}

#[test]
fn what_is_no_temperature_probe_is_left_alone_with_a_remark() {
    let mut bench = Bench::new(1, Timing::TYPICAL, 100);
    let other = fridge::reading::ProbeId::new(0x01, 5);
    bench.wire.borrow_mut().probes.push(Probe::new(other, Timing::TYPICAL));
    let validated = bench.validator.measure(&mut bench.driver).unwrap();
    let found: Vec<_> = validated.probes.iter().map(|sampled| (sampled.probe, sampled.sample)).collect();
    assert_eq!(found, [(probe_id(1), warm(320))]);
    assert_eq!(validated.notices, [Notice::ForeignFamily(other)]);
}

#[test]
fn the_wait_is_as_long_as_the_slowest_probe_needs() {
    let mut bench = Bench::new(2, Timing::TYPICAL, 100);
    for (probe, bits) in bench.wire.borrow_mut().probes.iter_mut().zip([9, 10]) {
        probe.set_resolution(bits);
    }
    samples(&mut bench);
    let before = bench.now();
    samples(&mut bench);
    let took = (bench.now() - before) as f64 / 1e6;
    assert!((187.5..187.5 + 25.0).contains(&took), "10 bits take 187.5 ms, this took {took} ms");
    // Its power fails, and it comes back with twelve bits from its EEPROM: too short a wait for it,
    // which is seen, and made up for at once.
    bench.wire.borrow_mut().probes[0].set_resolution(12);
    bench.wire.borrow_mut().probes[0].power_on();
    let before = bench.now();
    assert_eq!(samples(&mut bench)[0], warm(320));
    assert!((bench.now() - before) as f64 / 1e6 > 187.5 + 750.0);
}
