//! Peers that mean no good or know no better, and a machine that is short of means: what one of them
//! does costs itself, and nobody else.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

mod gateway;
mod served;
use gateway::{Client, PATIENCE, TOKEN};
use served::{Served, Setup};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n";

fn connect(served: &Served) -> Client {
    Client::to(served.address, &served.certificate)
}

#[test]
fn who_asks_and_asks_and_reads_nothing_is_closed() {
    let mut setup = Setup::new();
    setup.https.limits.answer = Duration::from_millis(300);
    let served = setup.serve();
    let mut deaf = connect(&served);
    let questions = HEALTH.repeat(1000);
    let closed = loop {
        if let Err(error) = deaf.try_write(&questions) {
            break error;
        }
    };
    // The client's own patience ends as WouldBlock: then the server would have kept it open.
    let by_the_server = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted];
    assert!(by_the_server.contains(&closed.kind()), "{closed:?}");
    assert_eq!(connect(&served).send(HEALTH).status, 200);
}

#[test]
fn who_sends_far_too_much_gets_to_read_why_it_is_refused() {
    let mut setup = Setup::new();
    // What is on its way is taken for as long as this test may need to send it.
    setup.https.limits.linger = PATIENCE;
    let served = setup.serve();
    let mut request = b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\n\
                        Content-Length: 8000000\r\n\r\n"
        .to_vec();
    request.resize(request.len() + 8_000_000, b'x');
    for _ in 0..5 {
        let answer = connect(&served).send(&request);
        assert_eq!(answer.status, 413, "{answer:?}");
    }
}

#[test]
fn who_has_not_asked_does_not_delay_the_end() {
    let mut setup = Setup::new();
    let limits = &mut setup.https.limits;
    for limit in [&mut limits.handshake, &mut limits.first_request, &mut limits.drain] {
        *limit = PATIENCE * 10;
    }
    let mut served = setup.serve();
    let silent = TcpStream::connect(served.address).unwrap();
    let mut half_a_header = connect(&served);
    half_a_header.write(b"GET /health HTTP/1.1\r\nHost: fri");
    // Both have been let in once a later one was answered.
    assert_eq!(connect(&served).send(HEALTH).status, 200);
    served.tell_to_end();
    let began = Instant::now();
    served.wait();
    assert!(began.elapsed() < PATIENCE, "it waited for {:?}", began.elapsed());
    drop((silent, half_a_header));
}

#[test]
fn a_fault_of_ours_ends_one_connection_and_gives_its_place_back() {
    let mut setup = Setup::new();
    setup.https.limits.connections_per_address = 1;
    let served = setup.serve();
    let mut first = connect(&served);
    assert_eq!(first.send(HEALTH).status, 200);
    // No timestamp reaches so far, and the clock of these tests panics.
    served.set_wall(i64::MAX);
    first.write(HEALTH);
    assert!(first.until_closed() < PATIENCE);
    served.set_wall(0);
    let deadline = Instant::now() + PATIENCE;
    while !Client::is_served(served.address, &served.certificate) {
        assert!(Instant::now() < deadline, "the place was never freed");
    }
}

#[test]
fn short_of_file_descriptors_it_waits_says_so_once_and_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 24; exec \"$0\" demo --listen 127.0.0.1:0 --token \"$1\" --state \"$2\""])
        .args([env!("CARGO_BIN_EXE_fridge"), TOKEN, folder.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut banner = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url =
        banner.find_map(|line| line.trim().strip_prefix("URL").map(|url| url.trim().to_owned())).unwrap();
    let address: SocketAddr =
        url.trim_start_matches("https://").trim_end_matches("/webhook").parse().unwrap();
    let certificate = folder.path().join("certificate.pem");

    let complaints = || std::fs::read_to_string(&log).unwrap().matches("accept failed, retrying").count();
    let mut crowd: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    let deadline = Instant::now() + PATIENCE;
    while complaints() == 0 {
        assert!(Instant::now() < deadline, "60 connections and 24 descriptors, and nothing is amiss");
    }
    // Until the time for the first one's handshake is over, it asks for a descriptor again and again.
    crowd[0].set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(crowd[0].read(&mut [0; 1]).unwrap(), 0);
    while !Client::is_served(address, &certificate) {
        assert!(Instant::now() < deadline, "the crowd is still there, and no other is served");
    }
    assert_eq!(complaints(), 1);
    drop(crowd);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_wildcards_of_both_families_stand_in_one_list() {
    for order in [["[::]", "0.0.0.0"], ["0.0.0.0", "[::]"]] {
        let served = (0..5).find_map(|_| {
            // Free a moment ago; another program may be faster, but not five times.
            let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
            let mut setup = Setup::new();
            setup.https.listen = order.map(|host| format!("{host}:{port}").parse().unwrap()).to_vec();
            setup.try_serve().ok()
        });
        let served = served.expect("one port, two families");
        for host in ["127.0.0.1", "[::1]"] {
            let address: SocketAddr = format!("{host}:{}", served.address.port()).parse().unwrap();
            assert_eq!(Client::to(address, &served.certificate).send(HEALTH).status, 200, "{address}");
        }
    }
}
