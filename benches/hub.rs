//! A thousand gateways of twenty fridges each in one hub: what a message costs among few and among many, what answers cost,
//! and how much memory all of it takes. `cargo bench --bench hub`

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fridge::chat::{Reply, Request};
use fridge::gateway::{Gateway, Scope, Site};
use fridge::hub::{Archive, Sites, parts};
use fridge::reading::Stamp;
use fridge::recorder::{Input, Recorder, Writer};

const FRIDGES: usize = 20;
const MANY: usize = 1_000;
/// The bounds: how much more a message costs among many, the two answers in milliseconds, and the memory.
const MOST_COST_RATIO: f64 = 2.0;
const MOST_ALL_MS: f64 = 5.0;
const MOST_ONE_MS: f64 = 0.5;
const MOST_MIB: f64 = 250.0;

fn stamp(milliseconds: u64) -> Stamp {
    let mono = Duration::from_millis(1_000_000 + milliseconds);
    Stamp { mono, wall: jiff::Timestamp::UNIX_EPOCH + mono }
}

/// A hub without its connection: messages go in, and answers come out.
struct Hub {
    sites: Sites,
    writer: Writer,
    now: Arc<Mutex<Stamp>>,
    gateway: Gateway,
    /// Where readings are kept.
    _folder: tempfile::TempDir,
}

impl Hub {
    /// With so many gateways, each heard of once.
    fn new(gateways: usize) -> Hub {
        let now = Arc::new(Mutex::new(stamp(0)));
        let clock: fridge::reading::Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().expect("nobody panicked"))
        };
        let recorder = Recorder::new(stamp(0), jiff::tz::TimeZone::UTC);
        let writer = Writer::new(recorder, Arc::clone(&clock));
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Archive::new(folder.path(), writer.history(), Arc::clone(&clock));
        let archive = Arc::new(archive);
        archive.start().expect("a thread");
        let gateway = Gateway::new(Site::default(), writer.state(), writer.history(), clock);
        let mut hub =
            Hub { sites: Sites::new(Arc::default(), archive, "hub"), writer, now, gateway, _folder: folder };
        for number in 0..gateways {
            for id in 0..FRIDGES {
                hub.hear(&format!("fridge/site-{number}/fridges/fridge-{id}"), &state(id, 0), 0);
            }
        }
        let known = hub.sites.take_change().expect("there are fridges");
        hub.writer.write(Input::Sites {
            sites: known.sites,
            fridges: known.fridges.clone(),
            followed: known.followed,
        });
        hub.gateway = hub.gateway.reconfigured(Site { fridges: known.fridges, ..Site::default() });
        // Of a second message it is known how far the clocks are apart.
        for at in [2_000, 4_000] {
            for number in 0..gateways {
                hub.hear(&format!("fridge/site-{number}/readings"), &readings(at), at);
            }
        }
        hub
    }

    /// Takes in one message, as it comes from the broker.
    fn hear(&mut self, topic: &str, payload: &[u8], at: u64) {
        let now = stamp(at);
        *self.now.lock().expect("nobody panicked") = now;
        let (gateway, about) = parts(topic).expect("a topic of a gateway");
        if let Some((site, readings)) = self.sites.heard(gateway, about, payload, false, now) {
            self.writer.write(Input::Readings(vec![(site, readings)]));
        }
    }

    /// The median of what an answer takes in process, in milliseconds.
    fn answer(&self, words: &str) -> f64 {
        let scope = Scope::everything();
        let mut times: Vec<Duration> = (0..101)
            .map(|_| {
                let asked = Instant::now();
                let view = self.gateway.view(&scope);
                let answer = fridge::chat::answer(&Request::parse(words), &view);
                std::hint::black_box(Reply::new(answer, &view, false));
                asked.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    }
}

fn time(at: u64) -> jiff::Timestamp {
    stamp(at).wall
}

fn state(id: usize, at: u64) -> Vec<u8> {
    let t = time(at);
    serde_json::json!({
        "schema": 1, "gateway": "site", "boot": "b", "t": t, "simulated": false, "id": format!("fridge-{id}"),
        "name": format!("Fridge {id}"), "group": null, "limits": { "min": 0.0, "max": 8.0 }, "verdict": "in_range",
        "celsius": 4.0, "fault": null, "read": t, "stale_after_s": 30, "alarm": false,
    })
    .to_string()
    .into_bytes()
}

fn readings(at: u64) -> Vec<u8> {
    let t = time(at);
    let readings: Vec<_> = (0..FRIDGES)
        .map(|id| serde_json::json!({ "id": format!("fridge-{id}"), "t": t, "celsius": (64 + id % 7) as f64 / 16.0 }))
        .collect();
    serde_json::json!({
        "schema": 1, "gateway": "site", "boot": "b", "t": t, "sequence": 1, "late": false, "simulated": false,
        "readings": readings,
    })
    .to_string()
    .into_bytes()
}

/// The median of what a message of one gateway takes, in microseconds, while somebody holds the snapshot before.
fn message(hub: &mut Hub) -> f64 {
    let mut times: Vec<Duration> = (1..=500)
        .map(|round| {
            let (payload, held) = (readings(4_000 + round * 10), hub.gateway.snapshot());
            let began = Instant::now();
            hub.hear("fridge/site-3/readings", &payload, 4_000 + round * 10);
            let took = began.elapsed();
            drop(held);
            took
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it says so");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib / 1_024.0
}

fn main() {
    let few = message(&mut Hub::new(10));
    let mut hub = Hub::new(MANY);
    let many = message(&mut hub);
    let ratio = many / few;
    println!(
        "a message with {FRIDGES} readings: {few:.1} µs among 10 gateways, {many:.1} µs among {MANY}: {ratio:.2} times (bound {MOST_COST_RATIO})"
    );
    // All of them, one after another, for as long as a sweep of theirs takes: 10 s at the least.
    let (began, mut messages) = (Instant::now(), 0_u64);
    for round in 0..5_u64 {
        let payload = readings(10_000 + round);
        for number in 0..MANY {
            hub.hear(&format!("fridge/site-{number}/readings"), &payload, 10_000 + round);
            messages += 1;
        }
    }
    let a_second = messages as f64 / began.elapsed().as_secs_f64();
    println!(
        "{:.0} readings a second are taken in by one core; {MANY} gateways that are read every 10 s bring {}: {:.1} % of it",
        a_second * FRIDGES as f64,
        MANY * FRIDGES / 10,
        MANY as f64 / 10.0 / a_second * 100.0
    );
    let (all, one) = (hub.answer("status"), hub.answer("status site:site-7"));
    println!(
        "`status` of {} fridges: {all:.2} ms (bound {MOST_ALL_MS}); of one gateway: {one:.2} ms (bound {MOST_ONE_MS})",
        MANY * FRIDGES
    );
    let mib = resident_mib();
    println!("memory, with the last 24 hours of each: {mib:.0} MiB (bound {MOST_MIB})");
    assert!(ratio <= MOST_COST_RATIO, "the cost of one gateway grows with the others");
    assert!(all <= MOST_ALL_MS && one <= MOST_ONE_MS, "an answer is too slow");
    assert!(mib <= MOST_MIB, "too much memory");
}
