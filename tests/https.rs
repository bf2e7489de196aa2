//! The server over real sockets: what Mattermost sends, and what nobody should.

use std::path::{Path, PathBuf};

mod gateway;
mod requests;
mod served;
use requests::{FORM, assert_refused, connect, post, request, text};
use served::{OTHER_TOKEN, Setup, TOKEN};

const JSON: &str = "application/json";

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
    assert_eq!((report.asked, report.ignored, served.rejected("wrong token")), (4, 2, 2));
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
    assert_eq!(served.rejected("wrong token"), 6);
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
        let ask = || connect(&served).send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
        assert_eq!(ask().status, status);
        let health = ask();
        let body: serde_json::Value = serde_json::from_str(&health.body).unwrap();
        assert_eq!(body["turned_away"]["requests"], 0, "a monitor that was answered was not turned away");
        assert_eq!(body["buses"][0]["last_sweep_age_s"], age);
        assert_eq!(body["status"], if status == 200 { "ok" } else { "failed" }, "{body}");
        let (with, without) =
            if status == 200 { ("with_value", "without_value") } else { ("without_value", "with_value") };
        assert!(body["fridges"][with].as_u64() >= Some(1) && body["fridges"][without] == 0, "{body}");
        assert!(body["probes"][with].as_u64() >= Some(1) && body["probes"][without] == 0, "{body}");
        assert!(body["buses"][0]["name"].is_null(), "a bus's name is nobody's business: {body}");
        assert!(!health.body.contains("Milk") && !health.body.contains("\"text\""), "{}", health.body);
    }
}

#[test]
fn health_is_degraded_where_sweeps_go_on_and_no_probe_has_a_value() {
    let mut setup = Setup::new();
    setup.fridges = vec![(served::fridge(1, "Milk"), Err(fridge::reading::Fault::NoAnswer))];
    let served = setup.serve();
    let health = connect(&served).send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
    let body: serde_json::Value = serde_json::from_str(&health.body).unwrap();
    assert_eq!((health.status, &body["status"]), (200, &"degraded".into()), "{body}");
    for counted in ["fridges", "probes"] {
        assert_eq!(body[counted], serde_json::json!({ "with_value": 0, "without_value": 1 }), "{body}");
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
        ("{\"text\":4.2}", "`text` must be a string"),
        ("{\"token\":[]}", "`token` must be a string"),
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
fn what_two_servers_could_understand_differently_is_refused() {
    let served = Setup::new().serve();
    for (header, status) in [
        ("", 400),
        ("Host: a\r\nHost: b\r\n", 400),
        ("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
        ("Host: a\r\nExpect: something-else\r\n", 417),
    ] {
        let request = format!("POST /webhook HTTP/1.1\r\n{header}\r\n");
        let answer = connect(&served).send(request.as_bytes());
        assert_eq!(answer.status, status, "{header:?}: {answer:?}");
    }
    let old = connect(&served).send(b"GET /health HTTP/1.0\r\n\r\n");
    assert_eq!(old.status, 200, "HTTP/1.0 needs no Host");
}
