//! What three years of twenty fridges cost whoever asks: the time and the pages of 4 KiB that an answer about the past takes,
//! an answer about now while a year is exported, and the gateway's memory with all of it.
//!
//! Prints a table and fails where a bound is broken: a week and `since` within 20 ms, a year within 100 ms (medians), the
//! median of the ratios of medians of `fridge status` while a year is exported and without that at most 1.1, and the peak
//! memory at most 16 MiB.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fridge::socket::{self, Question};
use jiff::Timestamp;

#[path = "../tests/gateway/mod.rs"]
mod gateway;
#[path = "../tests/past/mod.rs"]
mod past;
#[path = "../tests/serve/mod.rs"]
mod serve;

use gateway::Client;
use past::Archive;
use serve::Service;

const FRIDGES: usize = 20;
const DAYS: i64 = 3 * 365;
const REPEATS: usize = 15;
const PAIRS: usize = 15;
const QUESTIONS: usize = 8_000;
const BLOCK: usize = 2_000;
const MOST_RATIO: f64 = 1.1;
const MOST_MEMORY_KIB: u64 = 16 * 1024;

/// What is asked, and within how many milliseconds it must be answered.
const ASKED: [(&str, f64); 6] = [
    ("history fridge 3 7d", 20.0),
    ("minmax fridge 3 last week", 20.0),
    ("since fridge 2", 20.0),
    ("since", 20.0),
    ("history fridge 3 365d", 100.0),
    ("minmax 30d", 100.0),
];

fn main() -> ExitCode {
    let began = Timestamp::now().as_second().div_euclid(86_400) * 86_400 - DAYS * 86_400;
    let archive = Archive::years(FRIDGES, DAYS, began);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state/simulated");
    std::fs::create_dir_all(&state).expect("made");
    std::fs::rename(archive.path().join("history.db"), state.join("history.db")).expect("moved");
    let fridges = std::fs::read_to_string(archive.config()).expect("read");
    let buses = format!("kind = \"simulated\"\nprobes = {FRIDGES}\nperiod = \"1s\"");
    let hook = format!("[[hook]]\ntoken = \"{}\"\n", gateway::TOKEN);
    let config = fridges.replace("[[bus]]", &format!("{hook}[[bus]]")).replace("kind = \"kernel\"", &buses);
    std::fs::write(folder.path().join("fridge.toml"), config).expect("written");
    let size = std::fs::metadata(state.join("history.db")).expect("there").len();
    println!("{DAYS} days of {FRIDGES} fridges, the last 30 with each reading: {:.1} MB", size as f64 / 1e6);

    let service = Service::start_in(folder);
    let mut holds = answers(&service);
    let ratio = while_exporting(&service);
    println!("median of the ratios of `fridge status` while exporting: {ratio:.3} (bound {MOST_RATIO})");
    holds &= ratio <= MOST_RATIO;
    let memory = peak_memory_kib(service.child.id());
    println!("peak memory of the gateway with all of it: {:.1} MiB (bound 16 MiB)", memory as f64 / 1024.0);
    holds &= memory <= MOST_MEMORY_KIB;
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Asks about the past over the socket; whether each bound holds.
fn answers(service: &Service) -> bool {
    let sockets: [PathBuf; 1] = [service.folder.path().join("fridge.sock")];
    service.until(&["status"], |answer| answer["fridges"][0]["celsius"].is_number());
    until_nothing_is_read(service.child.id());
    let mut holds = true;
    println!(
        "{:<28} {:>10} {:>10} {:>12} {:>10} {:>10} {:>10}",
        "over the socket", "first ms", "median ms", "first pages", "pages", "bound ms", "peak MiB"
    );
    for (words, bound) in ASKED {
        let mut times = Vec::new();
        let mut pages = Vec::new();
        for _ in 0..REPEATS {
            let before = read_bytes(service.child.id());
            let asked = Instant::now();
            let answer = socket::ask(&sockets, &Question::Ask(words.into())).expect("an answer");
            times.push(asked.elapsed().as_secs_f64() * 1e3);
            pages.push((read_bytes(service.child.id()) - before) / 4_096);
            assert!(!answer.to_string().contains("cannot be read"), "{words}: {answer}");
        }
        let (first, first_pages) = (times[0], pages[0]);
        times.sort_by(f64::total_cmp);
        pages.sort_unstable();
        let median = times[REPEATS / 2];
        println!(
            "{words:<28} {first:>10.1} {median:>10.1} {first_pages:>12} {:>10} {bound:>10.0} {:>10.1}",
            pages[REPEATS / 2],
            peak_memory_kib(service.child.id()) as f64 / 1024.0
        );
        holds &= median <= bound;
    }
    holds
}

/// What the gateway brings back into memory at its start has been read.
fn until_nothing_is_read(pid: u32) {
    let deadline = Instant::now() + serve::PATIENCE;
    let mut before = 0;
    while read_bytes(pid) - before > 64 * 1024 {
        assert!(Instant::now() < deadline, "it reads and reads");
        before = read_bytes(pid);
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// An export of a year that is under way, stopped and let go on again.
struct Export {
    child: Child,
    bytes: Arc<AtomicU64>,
}

impl Export {
    fn start(service: &Service) -> Export {
        let place = |name: &str| service.folder.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(["export", "--from", "365d", "--step", "5m", "--config"])
            .arg(place("fridge.toml"))
            .arg("--state")
            .arg(place("state"))
            .arg("--socket")
            .arg(place("fridge.sock"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut output = child.stdout.take().expect("piped");
        let mut first = [0];
        output.read_exact(&mut first).expect("it prints");
        // As into a file: nobody waits for whoever reads.
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut some = vec![0; 64 * 1024];
            while let Ok(read) = output.read(&mut some)
                && read > 0
            {
                counted.fetch_add(read as u64, Ordering::Relaxed);
            }
        });
        Export { child, bytes }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs").success());
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What `fridge status` takes over a kept connection while a year is exported, beside what it takes without: in turns, so
/// that what else the machine does meets both.
fn while_exporting(service: &Service) -> f64 {
    let certificate = service.folder.path().join("state/certificate.pem");
    let mut client = Client::to(service.address(), &certificate);
    client.ask_until("fridge status", |text| text.contains("| Fridge 3 "));
    measure(&mut client, QUESTIONS);
    let mut export = Export::start(service);
    export.signal("STOP");
    let (mut ratios, mut exports, mut bytes) = (Vec::new(), 1, 0);
    println!(
        "{:>5} {:>14} {:>14} {:>14} {:>14} {:>7}",
        "pair", "exporting p50", "without p50", "exporting p99", "without p99", "ratio"
    );
    for pair in 1..=PAIRS {
        let mut rounds = [Vec::new(), Vec::new()];
        while rounds[0].len() < QUESTIONS {
            rounds[1].extend(measure(&mut client, BLOCK));
            let before = export.bytes.load(Ordering::Relaxed);
            export.signal("CONT");
            let block = measure(&mut client, BLOCK);
            bytes += export.bytes.load(Ordering::Relaxed) - before;
            if export.has_ended() {
                // Not all of the block was beside it.
                (export, exports) = (Export::start(service), exports + 1);
            } else {
                rounds[0].extend(block);
            }
            export.signal("STOP");
        }
        let [exporting, without] = rounds.map(|round| (percentile(&round, 50), percentile(&round, 99)));
        let ratio = exporting.0 / without.0;
        println!(
            "{pair:>5} {:>14.0} {:>14.0} {:>14.0} {:>14.0} {ratio:>7.3}",
            exporting.0, without.0, exporting.1, without.1
        );
        ratios.push(ratio);
    }
    println!("{exports} exports of a year were begun, which wrote {:.0} MB beside that", bytes as f64 / 1e6);
    assert!(bytes > 1_000_000, "nothing was exported");
    ratios.sort_by(f64::total_cmp);
    ratios[PAIRS / 2]
}

fn measure(client: &mut Client, questions: usize) -> Vec<Duration> {
    let ask = |client: &mut Client| {
        let asked = Instant::now();
        let text = client.ask("fridge status");
        let took = asked.elapsed();
        assert!(text.contains("| Fridge 3 "), "{text}");
        took
    };
    (0..questions).map(|_| ask(client)).collect()
}

/// The percentile in microseconds.
fn percentile(round: &[Duration], percent: usize) -> f64 {
    let mut sorted = round.to_vec();
    sorted.sort();
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// Bytes that a process has read, from files and connections.
fn read_bytes(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("our own process");
    io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).expect("the kernel tells")
}

fn peak_memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
