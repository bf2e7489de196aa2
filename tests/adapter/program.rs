//! A USB adapter with simulated DS18B20 probes on it, which the kernel of an emulated computer takes for a real
//! one. Commands come in on the standard input, a line each, and each gets a line: `plug N` plugs in another
//! adapter with N probes and says where it waits for the guest; `converts` says how many conversions were
//! asked of all probes of an adapter at once so far, and how many of a single one. Ends with its input.

use std::io::{BufRead, stdin};

use fridge::bus::simulated::probe::{Next, Probe, Timing};
use fridge::bus::simulated::probe_id;

// The tests of the kernel's driver use more of it.
#[allow(dead_code)]
#[path = "mod.rs"]
mod adapter;

use adapter::Adapter;

/// What each probe measures: 4.5 °C in sixteenths of a degree.
const COLD: i16 = 72;

fn main() {
    let mut adapters: Vec<Adapter> = Vec::new();
    let mut numbers = 1..;
    for line in stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["plug", count] => {
                let count = count.parse().expect("`plug N`: how many probes");
                let probes = numbers.by_ref().take(count).map(|number| {
                    let mut probe = Probe::new(probe_id(number), Timing::TYPICAL);
                    probe.next = Next::Sixteenths(COLD);
                    probe
                });
                let adapter = Adapter::new(probes.collect());
                println!("port {}", adapter.port);
                adapters.push(adapter);
            }
            ["converts"] => {
                let converts: Vec<bool> = adapters
                    .iter()
                    .flat_map(|adapter| adapter.with(|chip| chip.converts.clone()))
                    .map(|convert| convert.to.is_none())
                    .collect();
                let to_all = converts.iter().filter(|to_all| **to_all).count();
                println!("all {to_all} one {}", converts.len() - to_all);
            }
            _ => panic!("{line:?} is neither `plug N` nor `converts`"),
        }
    }
}
