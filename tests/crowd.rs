//! Many at once and many one after another. Slow clients on many addresses: handshakes that never begin, headers that
//! never end, bodies of a byte a second, answers that nobody reads; whoever asks from elsewhere is answered all the
//! same. `CROWD` says how many (500), and `CROWD_NOFILE` how many descriptors the gateway may have. And requests without
//! end, of which memory knows nothing; `REQUESTS` says how many (20,000).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

mod gateway;
use gateway::{Client, Demo};

/// The addresses that they come from.
const ADDRESSES: usize = 200;
/// Questions of one phase, and how often each phase comes.
const QUESTIONS: usize = 100;
const PHASES: usize = 4;
/// From one question to the next: a phase sees many of those that were ended come again.
const EVERY: Duration = Duration::from_millis(20);
/// What the gateway may hold with all of them, in KiB.
const MOST_KIB: u64 = 16 * 1024;
/// How much more that may be than without them.
const MOST_MORE_KIB: u64 = 7 * 1024;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |number| number.parse().expect("a number"))
}

/// Tells, when dropped, that a slow client is where it is slow, or was turned away before.
struct Arriving(Sender<()>);

impl Drop for Arriving {
    fn drop(&mut self) {
        // Who counts them may have counted enough.
        let _counted = self.0.send(());
    }
}

/// One slow client; returns once the gateway has ended its connection.
async fn slow(kind: usize, index: usize, demo: std::net::SocketAddr, tls: TlsConnector, arriving: Arriving) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = Ipv4Addr::new(127, 1, 0, 1 + (index % ADDRESSES) as u8);
    socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is this machine");
    let Ok(mut stream) = socket.connect(demo).await else { return };
    if kind == 0 {
        drop(arriving);
        // Not a byte of a handshake.
        let _ended = stream.read(&mut [0; 1]).await;
        return;
    }
    let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let Ok(mut stream) = tls.connect(name, stream).await else { return };
    let start: &[u8] = match kind {
        1 => b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nX-Slow: ",
        2 => b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n{",
        _ => b"",
    };
    let question = b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n".repeat(200);
    let start = if kind == 3 { &question[..] } else { start };
    if stream.write_all(start).await.is_err() {
        return;
    }
    drop(arriving);
    // A byte a second; of the last kind nothing more, and nothing is read.
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if stream.write_all(if kind == 3 { b"" } else { b"x" }).await.is_err()
            || stream.flush().await.is_err()
        {
            return;
        }
        if kind == 3 && stream.get_ref().0.take_error().is_ok_and(|error| error.is_some()) {
            return;
        }
    }
}

/// Questions at a steady pace, each over a new connection from an address of their own; how long each took.
fn questions(demo: &Demo) -> Vec<Duration> {
    (0..QUESTIONS)
        .map(|_| {
            let began = Instant::now();
            let answer = Client::from(Ipv4Addr::new(127, 0, 0, 9).into(), demo.address, &demo.certificate)
                .ask("fridge status");
            assert!(answer.contains("in range"), "{answer}");
            let took = began.elapsed();
            std::thread::sleep(EVERY.saturating_sub(took));
            took
        })
        .collect()
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() * 99 / 100].as_secs_f64() * 1e3
}

#[test]
fn a_crowd_of_slow_clients_keeps_nobody_from_being_answered() {
    let crowd = number("CROWD", 500);
    let demo = match std::env::var("CROWD_NOFILE") {
        Ok(most) => Demo::start_with_descriptors(&most, &["--probes", "2"]),
        Err(_) => Demo::start(&["--probes", "2"]),
    };
    Client::connect(&demo).ask_until("fridge status", |text| text.contains("All 2 in range"));
    let rest = demo.peak_memory_kib();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&demo.certificate).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(config));

    let (mut quiet, mut crowded) = (Vec::new(), Vec::new());
    for _ in 0..PHASES {
        quiet.extend(questions(&demo));
        // A crowd has processors of its own; this one leaves those here to whoever wants them.
        let make_room = || rustix::process::setpriority_process(None, 19).expect("anybody may be nicer");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(make_room)
            .enable_all()
            .build()
            .unwrap();
        let (arriving, arrived) = channel();
        for index in 0..crowd {
            let (tls, address, arriving) = (tls.clone(), demo.address, arriving.clone());
            runtime.spawn(async move {
                loop {
                    let arriving = Arriving(arriving.clone());
                    slow(index % 4, index, address, tls.clone(), arriving).await;
                    // Those that were ended come again: each within half a minute.
                    tokio::time::sleep(Duration::from_millis(10_000 + (index as u64 * 7_919) % 20_000)).await;
                }
            });
        }
        for there in 0..crowd {
            let another = arrived.recv_timeout(Duration::from_secs(120));
            assert!(another.is_ok(), "{there} are there");
        }
        crowded.extend(questions(&demo));
        // Those that are left end here, and not in the next quiet phase.
        runtime.shutdown_timeout(Duration::from_secs(10));
    }
    let (quiet, crowded, peak) = (p99(quiet), p99(crowded), demo.peak_memory_kib());
    println!(
        "{crowd} slow clients on {ADDRESSES} addresses: p99 of a question {crowded:.1} ms, {:.2} times that without them ({quiet:.1} ms); at most {:.1} MiB",
        crowded / quiet,
        peak as f64 / 1024.0
    );
    // A debug build is larger than what is shipped.
    let most = if cfg!(debug_assertions) { rest + MOST_MORE_KIB } else { MOST_KIB };
    assert!(peak <= most, "{peak} KiB, {rest} KiB at rest");
}

/// What it holds now, in KiB.
fn memory_kib(demo: &Demo) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A request that is rejected: a wrong token, path or method, broken JSON, a foreign button, no Host.
fn rejected(demo: &Demo, client: &mut Client, number: usize) {
    let send = |client: &mut Client, path: &str, kind: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: fridge\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        client.send(&[head.as_bytes(), body.as_bytes()].concat())
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    let answer = match number % 6 {
        0 => send(client, "/webhook", FORM, &format!("token=wrong{number}&text=fridge")),
        1 => send(client, &format!("/nowhere/{number}"), FORM, ""),
        2 => client.send(b"DELETE /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Length: 0\r\n\r\n"),
        3 => send(client, "/webhook", "application/json", &format!("{{\"text\": {number}")),
        4 => send(client, "/webhook", "text/plain", "x"),
        _ => {
            let answer = client.send(b"GET /health HTTP/1.1\r\n\r\n");
            // It ends its connection.
            *client = Client::connect(demo);
            answer
        }
    };
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[test]
fn memory_knows_nothing_of_how_many_have_asked() {
    let requests = number("REQUESTS", 20_000);
    let demo = Demo::start(&["--probes", "2"]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("All 2 in range"));
    // What is allocated once is there after these.
    for number in 0..5_000 {
        client.ask("fridge status");
        rejected(&demo, &mut client, number);
    }
    let before = memory_kib(&demo);
    for _ in 0..requests {
        client.ask("fridge status");
    }
    for number in 0..requests / 10 {
        rejected(&demo, &mut client, number);
    }
    let after = memory_kib(&demo);
    println!(
        "{before} KiB before, {after} KiB after {requests} requests and {} rejected ones",
        requests / 10
    );
    assert!(after * 100 <= before * 105, "{before} KiB, then {after} KiB");
}
