//! What a gateway that shows others keeps of their readings: all of it, once, whatever dies or is away in between.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

mod broker;
mod serve;
use broker::Broker;
use broker::secured::{documented_broker, secure_section};
use serve::Service;

/// A gateway of so many simulated probes, which are read so often, each in a fridge of its own.
fn site(section: &str, probes: usize, period: &str) -> Service {
    // A name may have a dot, and so has the id that is made of it.
    let name = |number| if number == probes { String::from("Nr. 1") } else { format!("Fridge {number}") };
    let fridges = (1..=probes)
        .map(|number| format!("[[fridge]]\nname = \"{}\"\nprobe = \"28-{number:012x}\"\n", name(number)));
    let bus = format!("[[bus]]\nkind = \"simulated\"\nperiod = \"{period}\"\nprobes = {probes}\n");
    Service::start(&format!("{section}{bus}{}", fridges.collect::<String>()))
}

fn hub(broker: &Broker) -> Service {
    Service::start(&format!("{}[[bus]]\nkind = \"mqtt\"\n", section(broker, "office")))
}

fn section(broker: &Broker, gateway: &str) -> String {
    broker.section().replace("\"kitchen\"", &format!("\"{gateway}\""))
}

/// What a gateway's files hold of each fridge: when it was read, in milliseconds since 1970, and what; in the order in which it
/// is written.
fn kept(service: &Service, prefix: &str) -> BTreeMap<String, Vec<(i64, Value)>> {
    let output = service
        .command(&["export", "--format", "jsonl"])
        .arg("--state")
        .arg(service.folder.path().join("state"))
        .output()
        .expect("it runs");
    let mut all: BTreeMap<String, Vec<(i64, Value)>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let row: Value = serde_json::from_str(line).expect("a line of JSON");
        let Some(fridge) = row["fridge"].as_str().and_then(|fridge| fridge.strip_prefix(prefix)) else {
            continue;
        };
        let at: jiff::Timestamp = row["time"].as_str().expect("a time").parse().expect("a time");
        let fridge = fridge.to_lowercase().replace(' ', "-");
        all.entry(fridge).or_default().push((at.as_millisecond(), row["celsius"].clone()));
    }
    all
}

/// What is wrong with what the hub keeps of a gateway up to that moment: readings that it has not, and such that it has twice;
/// and of how many readings. It may have more than a gateway whose plug was pulled.
fn wrong(hub: &Service, site: &Service, gateway: &str, until: i64) -> (usize, Vec<String>) {
    let (there, here) = (kept(site, ""), kept(hub, &format!("{gateway}.")));
    let (mut count, mut wrong) = (0, Vec::new());
    for (fridge, all) in &there {
        let mut here: Vec<(i64, Value)> = here.get(fridge).cloned().unwrap_or_default();
        here.sort_by_key(|(at, _)| *at);
        let twice = here.windows(2).filter(|two| two[1].0 - two[0].0 < 500);
        wrong.extend(twice.map(|two| format!("{fridge} at {} is there twice", two[0].0)));
        for (at, celsius) in all.iter().filter(|(at, _)| *at < until) {
            count += 1;
            let after = here.partition_point(|(other, _)| *other <= at - 100);
            let same = here.get(after).filter(|(other, it)| *other < at + 100 && it == celsius);
            wrong.extend(same.is_none().then(|| format!("{fridge} at {at} is missing")));
        }
    }
    (count, wrong)
}

/// Waits until the hub has all that the gateway has read until now; returns how much that is.
fn until_complete(hub: &Service, site: &Service, gateway: &str, patience: Duration) -> usize {
    let until = jiff::Timestamp::now().as_millisecond();
    let deadline = Instant::now() + patience;
    loop {
        let (count, wrong) = wrong(hub, site, gateway, until);
        if wrong.is_empty() && count > 0 {
            return count;
        }
        assert!(Instant::now() < deadline, "of {count}: {} {:?}", wrong.len(), &wrong[..wrong.len().min(9)]);
    }
}

/// The way to a broker, which can be cut.
struct Link {
    port: u16,
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Link {
    fn to(port: u16) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let link = Link {
            port: listener.local_addr().expect("its own").port(),
            is_cut: Arc::default(),
            streams: Arc::default(),
        };
        let (is_cut, streams) = (Arc::clone(&link.is_cut), Arc::clone(&link.streams));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
                let two = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                for (mut from, mut to) in [(two(&client), two(&server)), (two(&server), two(&client))] {
                    std::thread::spawn(move || {
                        // Either end may hang up at any time.
                        let _copied = std::io::copy(&mut from, &mut to);
                        let _ended = to.shutdown(Shutdown::Both);
                    });
                }
                streams.lock().expect("nobody panicked").extend([client, server]);
            }
        });
        link
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().expect("nobody panicked").drain(..) {
            // It may be gone already.
            let _ended = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn until_shown(hub: &Service, fridges: usize) {
    hub.until(&["status"], |answer| {
        let rows = answer["fridges"].as_array().map(Vec::as_slice).unwrap_or_default();
        rows.len() == fridges && rows.iter().all(|row| row["celsius"].is_number())
    });
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn whoever_was_away_the_history_is_complete_afterwards_and_nothing_is_in_it_twice() {
    let mut broker = Broker::start();
    // It has measured for a while before there is anybody to show it.
    let north = site(&section(&broker, "north"), 3, "1s");
    broker.subscribe("fridge/north/readings").until(|seen| seen.json["sequence"].as_u64() > Some(3));
    let hub = hub(&broker);
    until_shown(&hub, 3);
    until_complete(&hub, &north, "north", serve::PATIENCE);

    // The broker dies, and with it what it has not handed on yet; then the hub does, and then the other gateway.
    broker.kill();
    north.until_logged("cannot publish");
    broker.start_again();
    until_shown(&hub, 3);
    let hub = hub.killed_and_started_after(|| {
        let before = kept(&north, "")["fridge-1"].len();
        let deadline = Instant::now() + serve::PATIENCE;
        while kept(&north, "")["fridge-1"].len() < before + 5 {
            assert!(Instant::now() < deadline, "it reads nothing");
        }
    });
    until_shown(&hub, 3);
    let north = north.killed_and_started();
    until_shown(&hub, 3);
    let count = until_complete(&hub, &north, "north", 3 * serve::PATIENCE);
    assert!(count > 20, "{count}");

    // And people see it: the day in memory, another time from the disk, and in the API.
    let history = hub.json(&["ask", "history site:north fridge 1"]);
    assert!(history["histories"][0]["min"].is_number(), "{history}");
    let past = hub.json(&["ask", "history site:north fridge 1 2h"]);
    assert!(past.to_string().contains("\"mean\""), "{past}");
    let state = hub.folder.path().join("state");
    let mut report = hub.command(&["report", "north.fridge-1", "--day", "today"]);
    let report = report.arg("--state").arg(state).output().expect("it runs");
    assert!(String::from_utf8_lossy(&report.stderr).contains("on its own gateway"), "{report:?}");
}

#[test]
#[ignore = "takes twenty minutes, and needs Debian's mosquitto"]
fn for_twenty_minutes_a_broker_that_dies_fifty_times_loses_and_doubles_no_reading() {
    const KILLS: usize = 50;
    const READINGS: usize = 100_000;
    const FRIDGES: usize = 100;
    let mut broker = Broker::start();
    let north = site(&section(&broker, "north"), FRIDGES, "1s");
    let hub = hub(&broker);
    until_shown(&hub, FRIDGES);
    let began = Instant::now();
    for kill in 1..=KILLS {
        // At any moment of a sweep, and while what was missed is being sent; a connection of ten seconds has worked.
        let alive = Duration::from_millis(10_500 + fastrand::u64(..3_000));
        let seen = broker.subscribe("fridge/north/readings");
        seen.until(|seen| seen.json["late"] == false);
        let up = Instant::now();
        while up.elapsed() < alive {
            seen.until(|seen| seen.json["late"] == false);
        }
        broker.kill();
        broker.start_again();
        let state = broker.until_kept("fridge/north/status", |it| it["schema"] == 1);
        assert!(["online", "offline"].contains(&state["status"].as_str().unwrap_or_default()), "{state}");
        println!("{kill} kills in {} s", began.elapsed().as_secs());
    }
    let status = broker.until_kept("fridge/north/status", |it| it["status"] == "online");
    assert_eq!(status["fridges"], FRIDGES);
    loop {
        let count = until_complete(&hub, &north, "north", Duration::from_secs(600));
        println!("{count} readings in {} s: none lost, none doubled", began.elapsed().as_secs());
        if count >= READINGS {
            break;
        }
    }
    // What the broker keeps is right, and the last will still works.
    assert_eq!(broker.kept("fridge/north/fridges/+").len(), FRIDGES);
    drop(north);
    broker.until_kept("fridge/north/status", |it| it["status"] == "offline");
}

#[test]
#[ignore = "takes an hour and some minutes, and needs Debian's mosquitto and openssl"]
fn for_sixty_minutes_the_link_of_a_gateway_is_cut_and_afterwards_the_history_is_complete() {
    let cut = std::env::var("CUT_SECONDS").map_or(3_600, |seconds| seconds.parse().expect("a number"));
    let broker = documented_broker(2099);
    let link = Link::to(broker.port);
    let ca = format!("ca = \"{}\"\n", broker.file("broker.pem").display());
    let as_user = |name: &str| secure_section(&broker, name, name, &ca);
    let over_link = as_user("north").replace(&broker.port.to_string(), &link.port.to_string());
    let (north, south) = (site(&over_link, 5, "10s"), site(&as_user("south"), 5, "10s"));
    let hub = Service::start(&format!("{}[[bus]]\nkind = \"mqtt\"\n", as_user("head-office")));
    until_shown(&hub, 10);
    until_complete(&hub, &north, "north", 3 * serve::PATIENCE);

    link.cut();
    let began = Instant::now();
    let of_north = |answer: &Value, is_shown: bool| {
        let rows = answer["fridges"].as_array().expect("fridges").iter();
        let rows = rows.filter(|row| row["site"] == "north" && row["celsius"].is_number() == is_shown);
        rows.count() == 5
    };
    let deadline = began + Duration::from_secs(60);
    while !of_north(&hub.json(&["status"]), false) {
        assert!(Instant::now() < deadline, "an old value is shown as live");
    }
    let seen = broker.subscribe("fridge/south/readings");
    while began.elapsed() < Duration::from_secs(cut) {
        seen.until(|seen| seen.json["late"] == false);
        assert!(of_north(&hub.json(&["status"]), false), "it comes from nowhere");
    }
    let alone = kept(&north, "")["fridge-1"].len();
    assert!(alone as u64 >= cut / 10, "it goes on alone: {alone}");
    link.mend();
    // It tries once a minute by now.
    broker.subscribe("fridge/north/readings").until(|seen| seen.json["late"] == false);
    until_shown(&hub, 10);
    let back = Instant::now();
    for (site, gateway) in [(&north, "north"), (&south, "south")] {
        let count = until_complete(&hub, site, gateway, Duration::from_secs(300));
        println!(
            "{gateway}: {count} readings, none lost, none doubled, {} s after the cut",
            back.elapsed().as_secs()
        );
    }
}
