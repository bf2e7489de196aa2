//! What a look at a year costs: the page of a fridge with its charts, the API's points, the picture in the channel, and a
//! login; over HTTPS, from a history on the disk; and the gateway's memory after all of it.
//!
//! Prints a table and fails where a bound is broken: a page with a year within 100 ms and a picture of a year that is made
//! anew within 150 ms (medians), and the peak memory at most 24 MiB.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

#[path = "../tests/gateway/mod.rs"]
mod gateway;
#[path = "../tests/past/mod.rs"]
mod past;
#[path = "../tests/serve/mod.rs"]
mod serve;

use gateway::{Client, TOKEN};
use past::Archive;
use serve::Service;

const FRIDGES: usize = 20;
const DAYS: i64 = 400;
const MOST_MEMORY_KIB: u64 = 24 * 1024;
const PASSWORD: &str = "correct horse battery";

fn main() -> ExitCode {
    let service = start();
    let certificate = service.folder.path().join("state/certificate.pem");
    let mut client = Client::to(service.address(), &certificate);
    client.ask_until("fridge status", |text| text.contains("| Fridge 3 "));
    println!(
        "{:<44} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "a year, over HTTPS", "first ms", "median ms", "KiB", "bound ms", "peak MiB"
    );
    let mut holds = true;
    let mut row = |what: &str, bound: Option<f64>, ask: &mut dyn FnMut(usize) -> usize| {
        let mut times = Vec::new();
        let mut bytes = 0;
        for number in 0..FRIDGES {
            let began = Instant::now();
            bytes = ask(number);
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let shown = bound.map_or_else(String::new, |bound| format!("{bound:.0}"));
        let peak = service_peak_kib(service.child.id()) as f64 / 1024.0;
        let size = bytes as f64 / 1024.0;
        println!("{what:<44} {first:>10.1} {median:>10.1} {size:>10.1} {shown:>10} {peak:>10.1}");
        holds &= bound.is_none_or(|bound| median <= bound);
    };
    let year = "from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&step=1d";
    row("the page of a fridge, with its charts", Some(100.0), &mut |number| {
        let page = get(&mut client, &format!("/fridges/fridge-{number}?range=1y"));
        assert!(String::from_utf8_lossy(&page).contains("<polyline"), "no chart");
        page.len()
    });
    row("the points of the API, a day each", None, &mut |number| {
        get(&mut client, &format!("/api/v1/fridges/fridge-{number}/readings?{year}")).len()
    });
    let mut addresses = Vec::new();
    row("the answer `fridge chart`, without its picture", None, &mut |number| {
        let form = [("text", format!("fridge chart fridge {number} 365d")), ("token", TOKEN.into())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = client.post_form("/webhook", &[&form[..], &[("trigger_word", "fridge")]].concat());
        let post: Value = serde_json::from_str(&answer.body).expect("JSON");
        let url = post["attachments"][0]["image_url"].as_str().unwrap_or_else(|| panic!("{post}"));
        addresses.push(url.split_once("4443").expect("an address").1.to_owned());
        answer.body.len()
    });
    row("its picture, made anew", Some(150.0), &mut |number| get(&mut client, &addresses[number]).len());
    row("the last picture again, from memory", None, &mut |_| {
        get(&mut client, &addresses[FRIDGES - 1]).len()
    });
    row("a login (Argon2id, 7 MiB five times over)", None, &mut |_| {
        let form = [("name", "anna"), ("password", PASSWORD)];
        let answer = client.post_form("/login", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.body.len()
    });
    let memory = service_peak_kib(service.child.id());
    println!("peak memory with all of it: {:.1} MiB (bound 24 MiB)", memory as f64 / 1024.0);
    holds &= memory <= MOST_MEMORY_KIB;
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A gateway with a year on its disk, a hook and a user.
fn start() -> Service {
    let began = Timestamp::now().as_second().div_euclid(86_400) * 86_400 - DAYS * 86_400;
    let archive = Archive::years(FRIDGES, DAYS, began);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state/simulated");
    std::fs::create_dir_all(&state).expect("made");
    std::fs::rename(archive.path().join("history.db"), state.join("history.db")).expect("moved");
    let fridges = std::fs::read_to_string(archive.config()).expect("read");
    let bus = format!("kind = \"simulated\"\nprobes = {FRIDGES}\nperiod = \"1s\"");
    let config = fridges.replace("kind = \"kernel\"", &bus);
    let path = folder.path().join("fridge.toml");
    let top = "url = \"https://127.0.0.1:4443\"\n";
    std::fs::write(&path, format!("{top}{config}\n[[hook]]\ntoken = \"{TOKEN}\"\n")).expect("written");
    let mut add = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["user", "add", "anna", "--config"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    std::io::Write::write_all(&mut add.stdin.take().expect("piped"), format!("{PASSWORD}\n").as_bytes())
        .expect("read");
    assert!(add.wait().expect("it ends").success());
    Service::start_in(folder)
}

fn get(client: &mut Client, path: &str) -> Vec<u8> {
    let (status, body) = client.get_bytes(path);
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    body
}

fn service_peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
