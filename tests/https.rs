//! The server over real sockets: what Mattermost sends, and what nobody should.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod gateway;
mod served;
use gateway::{Answer, Client, PATIENCE};
use served::{OTHER_TOKEN, Served, Setup, TOKEN};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn connect(served: &Served) -> Client {
    Client::to(served.address, &served.certificate)
}

/// A request as Mattermost's client writes it.
fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: fridge\r\nUser-Agent: Mattermost-Bot/1.1\r\nContent-Length: {}\r\n\
         Accept: application/json\r\nContent-Type: {content_type}\r\nAccept-Encoding: gzip\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn post(client: &mut Client, content_type: &str, body: &[u8]) -> Answer {
    client.send(&request("POST", "/webhook", content_type, body))
}

/// A refusal has that status, a reason in JSON, and nothing that Mattermost would post.
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert!(body["error"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer:?}");
    assert!(body.get("text").is_none() && body.get("attachments").is_none(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.header("content-length").is_some() && answer.header("transfer-encoding").is_none());
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["text"].as_str().unwrap().to_owned()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/mattermost")
}

#[test]
fn every_outgoing_webhook_vector_is_answered_as_its_note_says() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    let index = std::fs::read_to_string(vectors().join("index.json")).unwrap();
    let index: Vec<serde_json::Value> = serde_json::from_str(&index).unwrap();
    let mut seen = 0;
    for vector in index.iter().filter(|vector| vector["Kind"] == "outgoing-webhook") {
        let name = vector["Name"].as_str().unwrap();
        let body = std::fs::read(vectors().join(vector["File"].as_str().unwrap())).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &body);
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(vector["Sha256"], digest.as_str(), "{name} is byte-exact");
        let answer = post(&mut client, vector["ContentType"].as_str().unwrap(), &body);
        match name.split('-').next().unwrap() {
            "v01" => assert!(text(&answer).contains("| Milk "), "{name}: {answer:?}"),
            // "fridges? <umlauts>": a question by its first word, and its second is none of ours.
            "v02" => assert!(text(&answer).contains("`fridge help`"), "{name}: {answer:?}"),
            // Its trigger word is empty, because the hook has none; its first word is one of ours.
            "v04" => assert!(text(&answer).contains("| Milk "), "{name}: {answer:?}"),
            "v05" => assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{name}"),
            "v06" => assert_refused(&answer, 401),
            other => panic!("a vector that no line above expects: {other}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 8, "the vectors of the index");
    let report = served.report();
    assert_eq!((report.asked, report.ignored, served.refused("wrong token")), (4, 2, 2));
    assert_eq!(report.last_hook.as_deref(), Some("kitchen"));
}

#[test]
fn the_raw_bytes_of_mattermosts_client_are_answered() {
    let served = Setup::new().serve();
    let raw = std::fs::read_to_string(vectors().join("v15-raw-request.http")).unwrap();
    assert!(raw.starts_with("POST /hook HTTP/1.1\r\n"), "byte-exact, line ends too");
    let bytes = raw.replacen("/hook", "/webhook", 1);
    assert!(text(&connect(&served).send(bytes.as_bytes())).contains("| Milk "));
}

#[test]
fn a_wrong_a_missing_and_an_empty_token_are_refused() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    for token in
        ["", "token=", "token=wrong", "token=i8ge9icprrz8ppjsg7ncawuf8", "token=I8ge9icprrz8ppjsg7ncawuf8a"]
    {
        let body = format!("text=fridge&{token}");
        assert_refused(&post(&mut client, FORM, body.as_bytes()), 401);
    }
    assert_refused(&post(&mut client, JSON, b"{\"text\":\"fridge\",\"token\":null}"), 401);
    assert_eq!(served.refused("wrong token"), 6);
    let other = format!("text=fridge&token={OTHER_TOKEN}");
    assert!(text(&post(&mut client, FORM, other.as_bytes())).contains("Milk"));
    assert_eq!(served.report().last_hook.as_deref(), Some("bar"));
}

#[test]
fn without_a_configured_token_every_question_is_refused_and_says_what_is_missing() {
    let mut setup = Setup::new();
    setup.config.hooks.clear();
    let served = setup.serve();
    let answer = post(&mut connect(&served), FORM, b"text=fridge&token=");
    assert_refused(&answer, 503);
    assert!(answer.body.contains("[[hook]]"), "{}", answer.body);
    let health = connect(&served).send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
    assert!(health.body.contains("\"token_configured\":false"), "{}", health.body);
}

#[test]
fn health_is_200_while_the_readings_are_fresh_and_503_when_they_are_not() {
    for (age, status) in [(30, 200), (31, 503)] {
        let mut setup = Setup::new();
        setup.age = age;
        let served = setup.serve();
        let health = connect(&served).send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
        assert_eq!(health.status, status, "{health:?}");
        let body: serde_json::Value = serde_json::from_str(&health.body).unwrap();
        assert_eq!(body["buses"][0]["last_sweep_age_s"], age);
        assert!(!health.body.contains("Milk") && !health.body.contains("\"text\""), "{}", health.body);
    }
}

#[test]
fn other_methods_paths_and_content_types_are_refused() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let answer = client.send(&request(method, "/webhook", FORM, b""));
        assert_refused(&answer, 405);
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
    }
    assert_eq!(client.send(&request("POST", "/health", FORM, b"")).header("allow"), Some("GET, HEAD"));
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", "nonsense"] {
        assert_refused(&post(&mut client, content_type, b"text=fridge"), 415);
    }
    let bare = client.send(b"POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Length: 0\r\n\r\n");
    assert_refused(&bare, 415);
    for path in ["/", "/webhook/x", "/../etc/passwd", "/commands"] {
        assert_refused(&client.send(&request("POST", path, FORM, b"")), 404);
    }
    let charset = format!("text=fridge&token={TOKEN}");
    let answer = post(&mut client, "Application/X-WWW-Form-urlencoded; charset=utf-8", charset.as_bytes());
    assert!(text(&answer).contains("Milk"));
}

#[test]
fn broken_json_says_what_is_wrong() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    let deep = "[".repeat(100_000);
    for (body, reason) in [
        ("", "broken"),
        ("{\"text\":", "broken"),
        ("[{\"text\":\"fridge\"}]", "must be an object"),
        ("{\"text\":4.2}", "`text` must be a text"),
        ("{\"token\":[]}", "`token` must be a text"),
        (deep.as_str(), "broken"),
    ] {
        let answer = post(&mut client, JSON, body.as_bytes());
        assert_refused(&answer, 400);
        assert!(answer.body.contains(reason), "{}", answer.body);
    }
}

#[test]
fn forms_are_read_leniently() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    for body in [
        format!("token={TOKEN}&text=fridge+%FF%FE+status"),
        format!("token={TOKEN}&token=other&text=fridge&text=other&surprise=1&=&&%zz"),
        format!("text=fridge%0Astatus&token={TOKEN}"),
        format!("text=%F0%9F%A7%8A&trigger_word=%F0%9F%A7%8A&token={TOKEN}"),
    ] {
        assert!(!text(&post(&mut client, FORM, body.as_bytes())).is_empty(), "{body}");
    }
}

#[test]
fn words_that_nobody_knows_get_help_and_are_not_repeated() {
    let served = Setup::new().serve();
    let mut client = connect(&served);
    let longest = "x".repeat(16_383 - "fridge ".len());
    for words in ["dance", "@all", "<!channel>", "🧊🧊", longest.as_str()] {
        let body = serde_json::json!({ "token": TOKEN, "text": format!("fridge {words}"), "trigger_word": "fridge" });
        let said = text(&post(&mut client, JSON, body.to_string().as_bytes()));
        assert!(
            said.contains("`fridge help`") && !said.contains(words) && !said.contains(['<', '>']),
            "{said}"
        );
    }
}

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
    let limits = &mut setup.config.limits;
    limits.handshake = Duration::from_millis(300);
    limits.first_request = Duration::from_millis(300);
    limits.body = Duration::from_millis(300);
    limits.idle = Duration::from_millis(600);
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
    assert_eq!(idle.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
    let after = idle.until_closed();
    assert!(after > Duration::from_millis(400) && after < Duration::from_secs(5), "idle: {after:?}");
}

#[test]
fn a_kept_connection_outlives_the_limit_of_the_first_request() {
    let served = impatient().serve();
    let mut client = connect(&served);
    let began = Instant::now();
    let mut answered = 0;
    while began.elapsed() < Duration::from_millis(900) {
        assert_eq!(client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
        answered += 1;
    }
    assert!(answered > 10);
}

#[test]
fn the_limits_as_shipped_let_mattermost_close_first() {
    let limits = fridge::https::Limits::default();
    assert!(limits.idle > Duration::from_secs(90), "Go closes after 90 s");
    assert!(limits.body_bytes >= 200 * 1024, "the longest message as a form");
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

#[test]
fn the_cap_for_one_address_closes_who_is_over_it() {
    let mut setup = Setup::new();
    setup.config.limits.connections_per_address = 3;
    let served = setup.serve();
    let mut inside: Vec<Client> = (0..3).map(|_| connect(&served)).collect();
    for client in &mut inside {
        assert_eq!(client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
    }
    let over = TcpStream::connect(served.address).unwrap();
    assert!(until_closed(over, |_| {}) < Duration::from_secs(4));
    drop(inside.pop());
    // The place is free once the server has seen the end of that connection.
    let deadline = Instant::now() + PATIENCE;
    while !Client::is_served(served.address, &served.certificate) {
        assert!(Instant::now() < deadline, "the place was never freed");
    }
}

#[test]
fn the_cap_in_all_closes_who_is_over_it_but_for_the_chat_server() {
    for allow in [Vec::new(), vec!["127.0.0.0/8".parse().unwrap()]] {
        let mut setup = Setup::new();
        setup.config.limits.connections = 2;
        setup.config.limits.connections_per_address = 1;
        setup.config.allow = allow.clone();
        let served = setup.serve();
        let mut first = connect(&served);
        assert_eq!(first.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").status, 200);
        let second = Client::is_served(served.address, &served.certificate);
        assert_eq!(second, !allow.is_empty(), "the cap for one address holds for who is not in `allow`");
    }
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
