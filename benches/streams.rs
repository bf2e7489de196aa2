//! Many pages that are open at once, beside questions: a thousand streams of a hundred addresses, each of which gets every
//! change, and `fridge status` asked all the while over a kept connection. What the questions take with them and without them
//! is measured in turns; what the streams cost in memory is what the kernel counts.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

#[path = "../tests/gateway/mod.rs"]
mod gateway;
use gateway::{Client, Demo, PATIENCE};

const STREAMS: usize = 1_000;
const ADDRESSES: usize = 100;
/// Questions of one phase, and how often each phase comes.
const QUESTIONS: usize = 2_000;
const PHASES: usize = 5;
/// What a stream may cost, in KiB.
const MOST_KIB: f64 = 32.0;
/// By how much the middle question may take longer.
const MOST_RATIO: f64 = 1.1;

/// What streams may hold that nobody reads, with the gateway itself, in KiB: the unit's `MemoryMax` is 128 MiB.
const MOST_UNREAD_KIB: u64 = 100 * 1024;
/// For how long nobody reads: longer than the gateway waits for that.
const UNREAD: Duration = Duration::from_secs(8);

/// Listens to the stream until it ends; or, of those that do not read, until the end of the benchmark.
async fn listen(
    index: usize,
    demo: std::net::SocketAddr,
    tls: TlsConnector,
    listening: Arc<AtomicUsize>,
    reads: bool,
) {
    let socket = TcpSocket::new_v4().expect("a socket");
    if !reads {
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
    }
    let from = Ipv4Addr::new(127, 2, 0, 1 + (index % ADDRESSES) as u8);
    socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is this machine");
    let stream = socket.connect(demo).await.expect("it listens");
    let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let mut stream = tls.connect(name, stream).await.expect("a handshake");
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: fridge\r\n\r\n").await.expect("sent");
    let mut buffer = [0; 16 * 1024];
    let first = stream.read(&mut buffer).await.expect("an answer");
    assert!(buffer[..first].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..first]));
    listening.fetch_add(1, Ordering::Relaxed);
    if !reads {
        return std::future::pending().await;
    }
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    listening.fetch_sub(1, Ordering::Relaxed);
}

fn questions(client: &mut Client) -> Vec<Duration> {
    let question = |_| {
        let began = Instant::now();
        client.ask("fridge status");
        began.elapsed()
    };
    (0..QUESTIONS).map(question).collect()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn resident_kib(demo: &Demo) -> u64 {
    demo.forget_peak_memory()
}

/// As many streams as there may be; once all of them are open.
fn crowd(demo: &Demo, tls: &TlsConnector, reads: bool) -> (tokio::runtime::Runtime, Arc<AtomicUsize>) {
    // Who listens has processors of their own; these leave those here to whoever wants them.
    let make_room = || rustix::process::setpriority_process(None, 19).expect("anybody may be nicer");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(make_room)
        .enable_all()
        .build()
        .expect("a runtime");
    let listening = Arc::new(AtomicUsize::new(0));
    let until = |wanted: usize| {
        let deadline = Instant::now() + PATIENCE;
        while listening.load(Ordering::Relaxed) < wanted {
            assert!(Instant::now() < deadline, "{} of {wanted} listen", listening.load(Ordering::Relaxed));
            std::thread::yield_now();
        }
    };
    for index in 0..STREAMS {
        // A crowd that comes at once is another benchmark's: these come ten at a time.
        until(index.saturating_sub(9));
        runtime.spawn(listen(index, demo.address, tls.clone(), Arc::clone(&listening), reads));
    }
    until(STREAMS);
    (runtime, listening)
}

fn main() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let limit = rustix::process::Rlimit { current: most.maximum, ..most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("up to the maximum");
    let demo = Demo::start_with_descriptors("2048", &["--period", "1s", "--probes", "20"]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&demo.certificate).expect("a certificate")).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(config));

    questions(&mut client);
    let rest = resident_kib(&demo);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let mut held = 0;
    for _ in 0..PHASES {
        alone.extend(questions(&mut client));
        let (runtime, listening) = crowd(&demo, &tls, true);
        beside.extend(questions(&mut client));
        assert_eq!(listening.load(Ordering::Relaxed), STREAMS, "all of them still listen");
        held = held.max(resident_kib(&demo));
        drop(runtime);
    }
    let (alone, beside) = (median(alone), median(beside));
    let of_each = held.saturating_sub(rest) as f64 / STREAMS as f64;
    println!(
        "fridge status, the middle of {} questions: {alone:.1} µs alone, {beside:.1} µs beside {STREAMS} streams of {ADDRESSES} addresses: {:.3} ×",
        PHASES * QUESTIONS,
        beside / alone
    );
    println!("memory: {rest} KiB without them, {held} KiB with them: {of_each:.1} KiB a stream");
    demo.forget_peak_memory();
    let (runtime, _) = crowd(&demo, &tls, false);
    std::thread::sleep(UNREAD);
    let unread = demo.peak_memory_kib();
    client.ask("fridge status");
    drop(runtime);
    println!("memory: {unread} KiB at most with {STREAMS} streams that nobody reads");
    assert!(unread <= MOST_UNREAD_KIB, "{unread}");
    assert!(of_each <= MOST_KIB, "{of_each}");
    assert!(beside / alone <= MOST_RATIO, "{}", beside / alone);
}
