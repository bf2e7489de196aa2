//! One sweep taken in, with 2 buses and with 100 of 200 probes each: a change copies the one bus that it is about,
//! so both cost the same. `cargo bench --bench snapshot`

use std::time::{Duration, Instant};

use fridge::reading::{Celsius, ProbeId, Sampled, Stamp};
use fridge::recorder::{Effect, Input, Recorder};
use fridge::state::{BusInfo, BusKey, Snapshot};

const PROBES: u64 = 200;
/// The bound on the ratio of the two costs.
const MOST_COST_RATIO: f64 = 2.0;

fn stamp(milliseconds: u64) -> Stamp {
    Stamp { mono: Duration::from_millis(milliseconds), wall: jiff::Timestamp::UNIX_EPOCH }
}

fn sweep(bus: usize, key: BusKey, round: u64) -> Input {
    let sampled = |number| {
        let celsius = Celsius::from_sixteenths(((number + round) % 160) as i16);
        Sampled::from((ProbeId::new(0x28, bus as u64 * PROBES + number), Ok(celsius)))
    };
    let probes = (0..PROBES).map(sampled).collect();
    Input::Sweep { bus: key, at: stamp(round), took: Duration::ZERO, probes, notices: Vec::new() }
}

fn published(effects: &[Effect]) -> Option<&std::sync::Arc<Snapshot>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Publish(snapshot) => Some(snapshot),
        _ => None,
    })
}

/// The median time of one update of the first of so many buses, while a reader holds the snapshot before.
fn update_of_one_among(buses: usize) -> f64 {
    let mut recorder = Recorder::new(stamp(0), jiff::tz::TimeZone::UTC);
    let info =
        |number| BusInfo { name: format!("bus {number}"), simulated: false, period: Duration::from_secs(10) };
    let buses = (0..buses).map(|number| (None, info(number))).collect();
    recorder.step(Input::Buses { buses, corrections: Default::default() }, stamp(0));
    let keys: Vec<BusKey> = recorder.snapshot().buses.iter().map(|bus| bus.key).collect();
    for (bus, key) in keys.iter().enumerate() {
        recorder.step(sweep(bus, *key, 0), stamp(0));
    }
    let mut held = None;
    let mut times: Vec<Duration> = (1..=500)
        .map(|round| {
            let input = sweep(0, keys[0], round);
            let began = Instant::now();
            let effects = recorder.step(input, stamp(round));
            let took = began.elapsed();
            held = published(&effects).cloned();
            took
        })
        .collect();
    assert!(held.is_some(), "each sweep is published");
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn main() {
    let (few, many) = (update_of_one_among(2), update_of_one_among(100));
    let ratio = many / few;
    println!(
        "a sweep of {PROBES} probes taken in: {few:.1} µs among 2 buses, {many:.1} µs among 100: {ratio:.2} times (bound {MOST_COST_RATIO})"
    );
    assert!(ratio <= MOST_COST_RATIO, "the cost of one bus grows with the others");
}
