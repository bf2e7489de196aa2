//! What four buses of 25 probes cost at a period of 10 s: the memory and the processor of `fridge serve`, with
//! the kernel's driver in plain files and, as an upper bound, with everything simulated down to the signal.
//!
//! Prints a table and fails where the memory breaks its bound.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[path = "../tests/serve/mod.rs"]
mod serve;
use serve::Service;

const BUSES: usize = 4;
const PROBES: usize = 25;
const PERIODS: u64 = 3;
const PERIOD: Duration = Duration::from_secs(10);
const MOST_MEMORY_KIB: u64 = 16 * 1024;

fn main() -> ExitCode {
    let trees: Vec<_> = (0..BUSES).map(|bus| tree(bus * PROBES)).collect();
    let kernel = trees
        .iter()
        .map(|tree| format!("[[bus]]\nkind = \"kernel\"\nroot = \"{}\"\n", tree.path().display()));
    let simulated = (0..BUSES).map(|_| format!("[[bus]]\nkind = \"simulated\"\nprobes = {PROBES}\n"));
    println!("{BUSES} buses of {PROBES} probes, a sweep every 10 s, {PERIODS} periods");
    println!("{:>26} {:>16} {:>22}", "", "peak memory MiB", "processor s an hour");
    let mut holds = true;
    for (name, config) in
        [("the kernel's, plain files", kernel.collect::<String>()), ("simulated", simulated.collect())]
    {
        let service = Service::start(&config);
        // The searches and the double readings of the start are not what an hour is made of.
        service.until(&["ask", "about"], |answer| {
            let buses = answer["about"]["buses"].as_array().expect("a list");
            buses.iter().all(|bus| bus["probes"].as_u64().is_some_and(|probes| probes >= PROBES as u64))
        });
        let (before, began) = (processor(service.child.id()), Instant::now());
        std::thread::sleep(PERIOD * PERIODS as u32);
        let used = processor(service.child.id()) - before;
        let an_hour = used.as_secs_f64() / began.elapsed().as_secs_f64() * 3_600.0;
        let memory = memory_kib(service.child.id());
        println!("{name:>26} {:>16.1} {an_hour:>22.1}", memory as f64 / 1024.0);
        holds &= memory <= MOST_MEMORY_KIB;
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A kernel's tree of one master with so many DS18B20, whose numbers begin behind `first`.
fn tree(first: usize) -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    let devices = tree.path().join("devices");
    std::fs::create_dir_all(devices.join("w1_bus_master1")).expect("made");
    for number in first + 1..=first + PROBES {
        let folder = devices.join(format!("28-{number:012x}"));
        std::fs::create_dir(&folder).expect("made");
        let mut bytes = vec![0x43, 0x00, 0x4B, 0x46, 0x7F, 0xFF, 0x0D, 0x10];
        bytes.push(one_wire_bus::crc::crc8(&bytes));
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let text = format!("{hex} : crc={:02x} YES\n{hex} t=4187\n", bytes[8]);
        std::fs::write(folder.join("w1_slave"), text).expect("written");
    }
    tree
}

/// What every thread of a process has used of the processor, to the nanosecond (schedstat of /proc).
fn processor(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let used = threads.flatten().filter_map(|thread| -> Option<u64> {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    });
    Duration::from_nanos(used.sum())
}

fn memory_kib(pid: u32) -> u64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
