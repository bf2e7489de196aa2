//! The server's limits over real sockets: how much, how many and how long; which versions of TLS; and how it
//! ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

mod gateway;
mod requests;
mod served;
use gateway::{Client, PATIENCE, connect_from};
use requests::{FORM, assert_refused, connect, post, request, text};
use served::{Setup, TOKEN};

#[test]
fn a_body_over_the_limit_is_refused_declared_or_chunked() {
    let served = Setup::new().serve();
    let over = vec![b'x'; 256 * 1024 + 1];
    let answer = post(&mut connect(&served), FORM, &over);
    assert_refused(&answer, 413);

    let mut chunked = b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\n\
                        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in over.chunks(10_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_refused(&connect(&served).send(&chunked), 413);

    let enormous = b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n";
    assert_refused(&connect(&served).send(enormous), 413);

    let mut exactly = format!("token={TOKEN}&text=fridge&padding=").into_bytes();
    exactly.resize(256 * 1024, b'x');
    assert!(text(&post(&mut connect(&served), FORM, &exactly)).contains("Milk"));
}

#[test]
fn a_button_has_a_small_body_and_of_whoever_may_not_ask_none_is_looked_at() {
    let with_body = |path: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let served = Setup::new().serve();
    let blank = vec![b' '; 16 * 1024 + 1];
    assert_refused(&connect(&served).send(&with_body("/action", &blank)), 413);
    assert_refused(&connect(&served).send(&with_body("/action", &blank[1..])), 400);

    let mut setup = Setup::new();
    setup.config.allow = vec!["192.0.2.0/24".parse().unwrap()];
    let elsewhere = setup.serve();
    let right = format!("{{\"token\":\"{TOKEN}\",\"text\":\"fridge status\"}}");
    for path in ["/webhook", "/command", "/action"] {
        for body in [right.as_bytes(), &blank, b"{"] {
            assert_refused(&connect(&elsewhere).send(&with_body(path, body)), 403);
        }
    }
}

#[test]
fn a_header_over_the_limit_is_refused() {
    let served = Setup::new().serve();
    let long = format!("GET /health HTTP/1.1\r\nHost: fridge\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert_eq!(connect(&served).send(long.as_bytes()).status, 431);
    let many = format!("GET /health HTTP/1.1\r\nHost: fridge\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(connect(&served).send(many.as_bytes()).status, 431);
}

/// Waits until the server closes the connection; returns how long that took.
fn until_closed(mut stream: TcpStream, mut drip: impl FnMut(&mut TcpStream)) -> Duration {
    let began = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut buffer = [0; 1024];
    loop {
        drip(&mut stream);
        match stream.read(&mut buffer) {
            Ok(0) => return began.elapsed(),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return began.elapsed(),
        }
        assert!(began.elapsed() < PATIENCE, "the server keeps it open");
    }
}

/// Limits so short that a test can see them pass, far below its patience.
fn impatient() -> Setup {
    let mut setup = Setup::new();
    let limits = &mut setup.https.limits;
    limits.handshake = Duration::from_secs(1);
    limits.first_request = Duration::from_secs(1);
    limits.body = Duration::from_secs(1);
    limits.idle = Duration::from_millis(1_500);
    setup
}

#[test]
fn who_says_nothing_or_says_it_too_slowly_is_closed_and_others_are_served_meanwhile() {
    let served = impatient().serve();
    let silent = TcpStream::connect(served.address).unwrap();
    let dripping = TcpStream::connect(served.address).unwrap();
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00];
    let mut sent = 0;
    assert!(
        text(&post(&mut connect(&served), FORM, format!("token={TOKEN}&text=fridge").as_bytes()))
            .contains("Milk")
    );
    until_closed(silent, |_| {});
    until_closed(dripping, |stream| {
        // The header of a handshake, a byte at a time, then nothing but zeros.
        let _closed = stream.write_all(&[hello.get(sent).copied().unwrap_or(0)]);
        sent += 1;
    });
    assert!(
        text(&post(&mut connect(&served), FORM, format!("token={TOKEN}&text=fridge").as_bytes()))
            .contains("Milk")
    );
}

#[test]
fn a_first_request_that_never_comes_a_body_that_stops_and_an_idle_connection_end_in_time() {
    let served = impatient().serve();
    let mut nothing = connect(&served);
    nothing.handshake();
    assert!(nothing.until_closed() < Duration::from_secs(5), "no first request");

    let mut half_a_header = connect(&served);
    half_a_header.write(b"POST /webhook HTTP/1.1\r\nHost: fri");
    assert!(half_a_header.until_closed() < Duration::from_secs(5), "half a header");

    let mut half_a_body = connect(&served);
    let answer = half_a_body.send(
        b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"text\":",
    );
    assert_refused(&answer, 408);

    let mut idle = connect(&served);
    let asked = Instant::now();
    assert_eq!(idle.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
    idle.until_closed();
    let after = asked.elapsed();
    assert!(after > Duration::from_millis(1_500) && after < Duration::from_secs(8), "idle: {after:?}");
}

#[test]
fn a_kept_connection_outlives_the_limit_of_the_first_request() {
    let served = impatient().serve();
    let mut client = connect(&served);
    let began = Instant::now();
    let mut answered = 0;
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
        answered += 1;
    }
    assert!(answered > 10);
}

#[test]
fn the_limits_as_shipped_let_mattermost_close_first() {
    let limits = fridge::https::Limits::default();
    assert!(limits.idle > Duration::from_secs(90), "Go closes after 90 s");
    const { assert!(fridge::mattermost::BODY_BYTES >= 200 * 1024, "the longest message as a form") };
}

#[test]
fn plain_http_and_old_tls_are_closed() {
    let served = Setup::new().serve();
    let mut plain = TcpStream::connect(served.address).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").unwrap();
    assert!(until_closed(plain, |_| {}) < Duration::from_secs(4));

    for version in [[0x03, 0x01], [0x03, 0x02]] {
        let mut hello = vec![version[0], version[1]];
        hello.extend_from_slice(&[7; 32]);
        // No session, one cipher suite (ECDHE-RSA-AES128-SHA), no compression.
        hello.extend_from_slice(&[0, 0, 2, 0xC0, 0x13, 1, 0]);
        let mut record = vec![0x16, 0x03, 0x01, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
        record.extend_from_slice(&hello);
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer);
        assert_eq!(answer.first(), Some(&0x15), "an alert for {version:?}: {answer:?}");
    }
    let mut client = connect(&served);
    assert_eq!(client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
}

#[test]
fn both_versions_of_tls_are_spoken() {
    let served = Setup::new().serve();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = Client::with_versions(served.address, &served.certificate, &[version]);
        assert_eq!(client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200, "{version:?}");
    }
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n";

fn ask(client: &mut Client) -> String {
    text(&post(client, FORM, format!("token={TOKEN}&text=fridge").as_bytes()))
}

#[test]
fn at_the_limit_a_new_connection_is_accepted_and_the_longest_idle_one_evicted() {
    let mut setup = Setup::new();
    setup.https.limits.connections = 3;
    let served = setup.serve();
    let mut idle: Vec<Client> = (0..3).map(|_| connect(&served)).collect();
    for client in &mut idle {
        assert_eq!(client.send(HEALTH).status, 200);
    }
    let mut client = connect(&served);
    assert!(ask(&mut client).contains("Milk"));
    assert!(idle[0].until_closed() < Duration::from_secs(4), "the one that has been idle longest");
    assert_eq!(idle[2].send(HEALTH).status, 200, "not the others");
    // What proved a token outlives any number of unknown ones.
    for _ in 0..10 {
        assert_eq!(connect(&served).send(HEALTH).status, 200);
    }
    assert!(ask(&mut client).contains("Milk"));
}

#[test]
fn silent_connections_shut_nobody_out_not_from_one_address_nor_from_many() {
    let served = Setup::new().serve();
    let limits = fridge::https::Limits::default();
    // As many as there are permits, from as many addresses as it takes, and as many again.
    let silent: Vec<TcpStream> = (0..2 * limits.connections)
        .map(|index| {
            let from = format!("127.0.0.{}", 10 + index / limits.connections_per_address);
            connect_from(from.parse().unwrap(), served.address)
        })
        .collect();
    for _ in 0..20 {
        assert!(ask(&mut connect(&served)).contains("Milk"));
    }
    drop(silent);
}

#[test]
fn hosts_that_connect_again_and_again_evict_their_own_connections_and_no_others() {
    let mut setup = Setup::new();
    (setup.https.limits.connections, setup.https.limits.connections_per_address) = (6, 3);
    let served = setup.serve();
    let flood = |times: usize| -> Vec<TcpStream> {
        let hosts = ["127.0.0.10", "127.0.0.11", "127.0.0.12"].iter().cycle().take(times);
        hosts.map(|host| connect_from(host.parse().unwrap(), served.address)).collect()
    };
    let _before = flood(30);
    // One that has not proved a token yet, in the middle of its handshake.
    let mut client = connect(&served);
    let _meanwhile = flood(60);
    assert!(ask(&mut client).contains("Milk"));
}

#[test]
fn the_limit_for_one_address_makes_room_among_its_own_connections_only() {
    let mut setup = Setup::new();
    setup.https.limits.connections_per_address = 2;
    let served = setup.serve();
    let other = connect_from("127.0.0.9".parse().unwrap(), served.address);
    let mut own: Vec<Client> = (0..2).map(|_| connect(&served)).collect();
    for client in &mut own {
        assert!(ask(client).contains("Milk"));
    }
    assert!(ask(&mut connect(&served)).contains("Milk"), "its own new connection is accepted");
    assert!(own[0].until_closed() < Duration::from_secs(4), "for the longest idle of its own");
    other.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = (&other).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "another address keeps what it has");
}

#[test]
fn a_connection_without_a_token_idles_for_a_shorter_time() {
    let mut setup = Setup::new();
    setup.https.limits.idle_unauthenticated = Duration::from_millis(400);
    let served = setup.serve();
    let (mut stranger, mut known) = (connect(&served), connect(&served));
    let asked = Instant::now();
    assert_eq!(stranger.send(HEALTH).status, 200);
    assert!(ask(&mut known).contains("Milk"));
    stranger.until_closed();
    let after = asked.elapsed();
    assert!(after > Duration::from_millis(400) && after < Duration::from_secs(5), "{after:?}");
    assert!(ask(&mut known).contains("Milk"));
}

/// Bytes that the kernel holds for the server's connections: to be sent, and to be read (/proc/net/tcp).
fn held_by_the_kernel(port: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel tells");
    let of_server = |line: &str| -> Option<u64> {
        let mut fields = line.split_whitespace().skip(1);
        let (local, queues) = (fields.next()?, fields.nth(2)?);
        let (sending, reading) = queues.split_once(':')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        local.ends_with(&format!(":{port:04X}")).then_some(number(sending)? + number(reading)?)
    };
    table.lines().filter_map(of_server).sum()
}

#[test]
fn requests_whose_answers_nobody_reads_cost_the_kernel_little() {
    /// Both buffers as the kernel doubles them, a segment more than fits, and some air; it was 4 MB without a bound.
    const MOST_EACH: u64 = 256 * 1024;
    let mut setup = Setup::new();
    setup.https.limits.answer = Duration::from_secs(2);
    let served = setup.serve();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let mut client = connect(&served);
            std::thread::spawn(move || {
                let requests = HEALTH.repeat(1_000);
                // Until the server has had enough of it.
                while client.try_write(&requests).is_ok() {}
            })
        })
        .collect();
    let mut most = 0;
    while !clients.iter().all(std::thread::JoinHandle::is_finished) {
        most = most.max(held_by_the_kernel(served.address.port()));
    }
    println!("{} KiB for 8 connections", most / 1024);
    assert!(most > 8 * 16 * 1024, "their answers wait: {most} bytes");
    assert!(most < 8 * MOST_EACH, "{most} bytes");
}

#[test]
fn two_hundred_presses_of_a_button_shut_nobody_out() {
    let mut setup = Setup::new();
    setup.config.url = Some(String::from("https://127.0.0.1:4443"));
    let served = setup.serve();
    let mut chat = connect(&served);
    let body = format!("token={TOKEN}&text=fridge&channel_id=c1");
    let answer: serde_json::Value =
        serde_json::from_str(&post(&mut chat, FORM, body.as_bytes()).body).unwrap();
    let context = &answer["attachments"][0]["actions"][0]["integration"]["context"];
    let press = serde_json::json!({ "channel_id": "c1", "context": context }).to_string();
    // Mattermost keeps the connection of each press; so does this client.
    let mut kept = Vec::new();
    for _ in 0..200 {
        let mut client = connect(&served);
        let pressed = client.send(&request("POST", "/action", "application/json", press.as_bytes()));
        assert!(pressed.body.contains("Milk") && pressed.closes, "{pressed:?}");
        kept.push(client);
    }
    assert!(ask(&mut chat).contains("Milk"), "the chat's own connection is still there");
    assert!(ask(&mut connect(&served)).contains("Milk"));
}

#[test]
fn a_request_in_progress_is_answered_before_the_end_and_idle_ones_are_closed() {
    let mut served = Setup::new().serve();
    let mut idle = connect(&served);
    assert_eq!(idle.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
    let mut busy = connect(&served);
    let body = format!("token={TOKEN}&text=fridge");
    let whole = request("POST", "/webhook", FORM, body.as_bytes());
    let (first, rest) = whole.split_at(whole.len() - 5);
    busy.write(first);
    // The server has begun with it once another, later one was answered.
    assert_eq!(connect(&served).send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);

    served.tell_to_end();
    assert!(idle.until_closed() < Duration::from_secs(3));
    assert!(text(&busy.send(rest)).contains("Milk"));
    let address = served.address;
    served.wait();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}
