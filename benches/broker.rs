//! What a gateway's broker and hub cost the gateway itself: questions and sweeps while nobody listens, while a hub follows it
//! over a real broker, and while the broker is away, in turns. `cargo bench --bench broker` (Debian's mosquitto)

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
const PHASES: usize = 5;
const SWEEPS: f64 = 5.0;
/// By how much an answer, or a sweep, may take longer for a hub.
const MOST_RATIO: f64 = 1.05;

/// What was seen in one phase: the middle question in µs, the CPU of a question in µs, and the middle sweep in ms.
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

/// The CPU that a process has used, in µs.
fn cpu(service: &Service) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", service.child.id())).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("its name").split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) * 1e6 / rustix::param::clock_ticks_per_second() as f64
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
    let mut broker = Broker::start();
    let north = site(&broker);
    let mut client = Client::to(north.address(), &north.folder.path().join("state/certificate.pem"));
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let (mut alone, mut followed, mut without) = (Seen::default(), Seen::default(), Seen::default());
    phase(&north, &mut client, &mut Seen::default());
    for _ in 0..PHASES {
        // It connects again later and later.
        broker.subscribe("fridge/north/readings").until(|seen| seen.json["late"] == false);
        phase(&north, &mut client, &mut alone);
        let hub = Service::start(&format!("{}\n[[bus]]\nkind = \"mqtt\"\n", at(&broker, "head-office")));
        let fresh = |answer: &serde_json::Value| {
            let rows = answer["fridges"].as_array();
            rows.is_some_and(|rows| rows.iter().filter(|row| row["celsius"].is_number()).count() == PROBES)
        };
        hub.until(&["status"], fresh);
        phase(&north, &mut client, &mut followed);
        drop(hub);
        broker.kill();
        phase(&north, &mut client, &mut without);
        broker.start_again();
    }
    let mut worst: f64 = 0.0;
    println!("{PROBES} fridges read every second, {} questions each:", QUESTIONS * PHASES);
    for (name, seen) in [("no hub", &alone), ("a hub follows", &followed), ("no broker", &without)] {
        let of = |of: fn(&Seen) -> &Vec<f64>| (median(of(seen)), median(of(seen)) / median(of(&alone)));
        let (question, cpu, sweep) = (of(|it| &it.question), of(|it| &it.cpu), of(|it| &it.sweep));
        println!(
            "{name:>14}: a question {:.1} µs ({:.3} times), {:.1} µs of CPU ({:.3} times); a sweep {:.1} ms ({:.3} times)",
            question.0, question.1, cpu.0, cpu.1, sweep.0, sweep.1
        );
        worst = worst.max(question.1).max(sweep.1);
    }
    assert!(worst <= MOST_RATIO, "{worst:.3} times, at most {MOST_RATIO}");
}
