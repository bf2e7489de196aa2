//! What a hub costs the gateways that it follows: the questions and sweeps of one that publishes to a real broker, while a hub
//! follows it and while none does, in turns. `cargo bench --bench broker` (Debian's mosquitto)

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../tests/broker/mod.rs"]
mod broker;
#[path = "../tests/gateway/mod.rs"]
mod gateway;
#[path = "../tests/serve/mod.rs"]
mod serve;

use broker::Broker;
use gateway::{Client, TOKEN};
use serve::Service;

const PROBES: usize = 20;
/// Questions of one phase, how often each phase comes, and how many sweeps it lasts at the least.
const QUESTIONS: usize = 2_000;
const PHASES: usize = 21;
const SWEEPS: f64 = 2.0;
/// By how much more an answer may cost, and a sweep may last.
const MOST_RATIO: f64 = 1.05;

/// What was seen in one phase: the middle question in µs, the CPU that it took in µs, and the middle sweep in ms.
#[derive(Default)]
struct Seen {
    question: Vec<f64>,
    cpu: Vec<f64>,
    sweep: Vec<f64>,
}

fn at(broker: &Broker, gateway: &str) -> String {
    broker.section().replace("gateway = \"kitchen\"", &format!("gateway = \"{gateway}\""))
}

fn site(broker: &Broker) -> Service {
    let fridges: String = (1..=PROBES)
        .map(|number| {
            format!("[[fridge]]\nname = \"Fridge {number}\"\nprobe = \"28-{number:012x}\"\nlimits = {{ max = 9 }}\n")
        })
        .collect();
    let hook = format!("[[hook]]\nname = \"kitchen\"\ntoken = \"{TOKEN}\"\n");
    let bus = format!("[[bus]]\nkind = \"simulated\"\nperiod = \"1s\"\nprobes = {PROBES}\n");
    Service::start(&format!("{}\n{bus}{fridges}{hook}", at(broker, "north")))
}

/// Leaves one core to the gateway, and the other to whoever asks, to the broker and to the hub.
fn pin(pid: u32, core: &str) {
    let pinned =
        Command::new("taskset").args(["-acp", core, &pid.to_string()]).stdout(Stdio::null()).status();
    assert!(pinned.expect("util-linux is installed").success());
}

/// The time that the thread which answers has run, in µs, as the kernel counts it.
fn cpu(service: &Service) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", service.child.id())).expect("it runs");
    stat.split(' ').next().and_then(|ran| ran.parse::<f64>().ok()).expect("a number") / 1e3
}

/// How long all sweeps took together in seconds, and how many there were.
fn sweeps(client: &mut Client) -> (f64, f64) {
    let (_, body) = client.get_bytes("/metrics");
    let text = String::from_utf8(body).expect("text");
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("it is there");
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    (value("fridge_bus_sweep_duration_seconds_sum"), value("fridge_bus_sweep_duration_seconds_count"))
}

fn phase(service: &Service, client: &mut Client, seen: &mut Seen) {
    let (took, count) = sweeps(client);
    let before = cpu(service);
    let mut times: Vec<Duration> = (0..QUESTIONS)
        .map(|_| {
            let began = Instant::now();
            client.ask("fridge status");
            began.elapsed()
        })
        .collect();
    seen.cpu.push((cpu(service) - before) / QUESTIONS as f64);
    times.sort();
    seen.question.push(times[times.len() / 2].as_secs_f64() * 1e6);
    loop {
        let (took_now, count_now) = sweeps(client);
        if count_now - count >= SWEEPS {
            seen.sweep.push((took_now - took) / (count_now - count) * 1e3);
            return;
        }
        std::thread::yield_now();
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    // The children inherit that.
    pin(std::process::id(), "1");
    let broker = Broker::start();
    let north = site(&broker);
    pin(north.child.id(), "0");
    let mut client = Client::to(north.address(), &north.folder.path().join("state/certificate.pem"));
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let (mut alone, mut followed) = (Seen::default(), Seen::default());
    phase(&north, &mut client, &mut Seen::default());
    for _ in 0..PHASES {
        phase(&north, &mut client, &mut alone);
        let hub = Service::start(&format!("{}\n[[bus]]\nkind = \"mqtt\"\n", at(&broker, "head-office")));
        let fresh = |answer: &serde_json::Value| {
            let rows = answer["fridges"].as_array();
            rows.is_some_and(|rows| rows.iter().filter(|row| row["celsius"].is_number()).count() == PROBES)
        };
        hub.until(&["status"], fresh);
        phase(&north, &mut client, &mut followed);
        drop(hub);
    }
    let mut worst: f64 = 0.0;
    println!("{PROBES} fridges read every second, {} questions each:", QUESTIONS * PHASES);
    for (name, seen) in [("no hub", &alone), ("a hub follows", &followed)] {
        // Of each round, because the machine is now slow and now quick.
        let ratio = |of: fn(&Seen) -> &Vec<f64>| {
            let ratios: Vec<f64> =
                of(seen).iter().zip(of(&alone)).map(|(this, alone)| this / alone).collect();
            (median(of(seen)), median(&ratios))
        };
        let (question, cpu, sweep) = (ratio(|it| &it.question), ratio(|it| &it.cpu), ratio(|it| &it.sweep));
        println!(
            "{name:>14}: a question {:.1} µs ({:.3} times), {:.1} µs of CPU ({:.3} times); a sweep {:.1} ms ({:.3} times)",
            question.0, question.1, cpu.0, cpu.1, sweep.0, sweep.1
        );
        worst = worst.max(question.1).max(sweep.1);
    }
    assert!(worst <= MOST_RATIO, "{worst:.3} times, at most {MOST_RATIO}");
}
