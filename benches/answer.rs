//! What an answer costs, measured on the real program over TLS: beside itself without sweeps, which
//! shows whether an answer waits for a sensor, and its memory after ten thousand answers.
//!
//! Prints a table and fails where a bound is broken: the median of the ratios of medians at most
//! 1.1, the peak memory at most 10 MiB.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

#[path = "../tests/gateway/mod.rs"]
mod gateway;
use gateway::{Client, Demo};

const PAIRS: usize = 5;
const QUESTIONS: usize = 2_000;
const BLOCK: usize = 100;
const MOST_RATIO: f64 = 1.1;
const MOST_MEMORY_KIB: u64 = 10 * 1024;

fn main() -> ExitCode {
    // With a period shorter than a sweep the sweeps follow each other back to back.
    let sweeping = Demo::start(&["--probes", "20", "--period", "100ms"]);
    let resting = Demo::start(&["--probes", "20", "--period", "1h"]);
    // Server and client each keep to a core of their own: where the scheduler moves them about, an answer
    // takes 75 or 100 µs by chance alone.
    for (pid, core) in [(sweeping.child.id(), "0"), (resting.child.id(), "0"), (std::process::id(), "1")] {
        pin(pid, core);
    }
    let mut clients = [&sweeping, &resting].map(Client::connect);
    for client in &mut clients {
        // The first sweep has ended, and caches are warm.
        client.ask_until("fridge status", |text| text.contains("of 20 need a look"));
        measure(client, QUESTIONS / 4);
    }
    println!("{QUESTIONS} questions a round over one kept-alive TLS connection, 20 probes; microseconds");
    println!(
        "{:>5} {:>14} {:>14} {:>14} {:>14} {:>7}",
        "pair", "sweeping p50", "resting p50", "sweeping p99", "resting p99", "ratio"
    );
    let mut ratios = Vec::new();
    for pair in 1..=PAIRS {
        // Alternated in small blocks, so that what else the machine does meets both.
        let mut rounds = [Vec::new(), Vec::new()];
        for block in 0..QUESTIONS / BLOCK {
            for which in if block % 2 == 0 { [0, 1] } else { [1, 0] } {
                rounds[which].extend(measure(&mut clients[which], BLOCK));
            }
        }
        let [sweeping, resting] = rounds.map(|round| (percentile(&round, 50), percentile(&round, 99)));
        let ratio = sweeping.0 / resting.0;
        println!(
            "{pair:>5} {:>14.0} {:>14.0} {:>14.0} {:>14.0} {ratio:>7.3}",
            sweeping.0, resting.0, sweeping.1, resting.1
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[PAIRS / 2];
    println!("median of the ratios: {ratio:.3} (bound {MOST_RATIO})");

    let asked = (PAIRS * QUESTIONS + QUESTIONS / 4) as u64;
    let memory = sweeping.peak_memory_kib();
    println!("peak memory after {asked} answers: {:.1} MiB (bound 10 MiB)", memory as f64 / 1024.0);
    let size = std::fs::metadata(Path::new(env!("CARGO_BIN_EXE_fridge"))).map_or(0, |file| file.len());
    println!("stripped binary: {:.2} MB", size as f64 / 1e6);
    if ratio <= MOST_RATIO && memory <= MOST_MEMORY_KIB { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Keeps every thread of a process to one core, where the machine has two and the tool for it.
fn pin(pid: u32, core: &str) {
    let pinned =
        Command::new("taskset").args(["-acp", core, &pid.to_string()]).stdout(Stdio::null()).status();
    if !pinned.is_ok_and(|status| status.success()) {
        println!("process {pid} could not be kept to core {core}: the ratios below are noisier");
    }
}

fn measure(client: &mut Client, questions: usize) -> Vec<Duration> {
    (0..questions)
        .map(|_| {
            let asked = Instant::now();
            let text = client.ask("fridge status");
            let took = asked.elapsed();
            assert!(text.contains("| Milk "), "{text}");
            took
        })
        .collect()
}

/// The percentile in microseconds.
fn percentile(round: &[Duration], percent: usize) -> f64 {
    let mut sorted = round.to_vec();
    sorted.sort();
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}
