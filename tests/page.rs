//! The page, the API and the metrics over real connections: complete, of this moment, bounded, and for those who may look.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::Value;

mod gateway;
mod serve;
use gateway::{Answer, Client, Demo, PATIENCE};
use serve::Service;

fn get(client: &mut Client, path: &str) -> Answer {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: fridge\r\n\r\n").as_bytes())
}

fn json(client: &mut Client, path: &str) -> Value {
    let answer = get(client, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{path}: {error}: {}", answer.body))
}

/// A demo whose fridges were measured.
fn measured(options: &[&str]) -> (Demo, Client) {
    let demo = Demo::start(options);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    (demo, client)
}

/// The values of an attribute in a page.
fn attributes<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let begin = format!(" {name}=\"");
    let length = begin.len();
    let places: Vec<usize> = page.match_indices(&begin).map(|(place, _)| place + length).collect();
    places.into_iter().map(|place| page[place..].split('"').next().unwrap())
}

#[test]
fn every_link_of_every_page_leads_somewhere_and_none_of_them_leaves_the_gateway() {
    let (_demo, mut client) = measured(&[]);
    let (mut seen, mut to_see) = (BTreeSet::new(), vec![String::from("/")]);
    while let Some(path) = to_see.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = get(&mut client, &path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        for (name, wanted) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(wanted), "{path}");
        }
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        let is_page = answer.header("content-type").is_some_and(|it| it.starts_with("text/html"));
        if !is_page {
            continue;
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        // An inline script, an inline style or a handler would be dead by that policy; the report's sheet has its style
        // within, because it is a file to be kept.
        let body = &answer.body;
        assert!(!body.contains(" onclick") && !body.contains("javascript:"), "{path}");
        assert!(!body.contains("<script>") && !body.contains(" style=\""), "{path}");
        let elsewhere = body.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{path}");
        for name in ["href", "src", "data-source", "data-readings"] {
            let links = attributes(body, name).filter(|link| !link.starts_with('#'));
            to_see.extend(links.map(|link| {
                assert!(link.starts_with('/') && !link.starts_with("//"), "{path}: {link}");
                link.replace("&amp;", "&")
            }));
        }
    }
    for path in ["/alarms", "/about", "/fridges/milk", "/fridges/milk?range=1y", "/metrics", "/?wall"] {
        assert!(seen.contains(path), "{seen:?}");
    }
    assert!(seen.len() > 40, "{seen:?}");
}

#[test]
fn the_page_says_of_each_fridge_what_the_channel_says_and_the_worst_is_the_first() {
    let (_demo, mut client) = measured(&[]);
    let page = get(&mut client, "/").body;
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}: {page}"));
    assert!(page.contains("2 of 6 need a look") && page.contains("Simulated: these values"));
    let (warm, silent, milk) =
        (place("data-id=\"freezer-1\""), place("data-id=\"meat\""), place("data-id=\"milk\""));
    assert!(warm < silent && silent < milk);
    assert!(
        page.contains("too warm") && page.contains("no answer from the probe") && page.contains("in range")
    );
    // One that stands for no value has no figure where the value is.
    let meat = &page[silent..milk];
    assert!(meat.contains("class=\"value is-none\"") && !meat.contains("class=\"value\""), "{meat}");

    let fridge = get(&mut client, "/fridges/freezer-1").body;
    assert!(
        fridge.contains("role=\"img\"")
            && fridge.contains("class=\"limit\"")
            && fridge.contains("class=\"outside\"")
    );
    assert!(fridge.contains("<title>Outside its limits: "), "{fridge}");

    let missing = get(&mut client, "/fridges/nothing");
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("There is no such page."), "{}", missing.body);
    let wrong = get(&mut client, "/fridges/milk/report?time=someday");
    assert_eq!((wrong.status, wrong.body.contains("That is not a period.")), (400, true));
    let put = client.send(b"PUT /about HTTP/1.1\r\nHost: fridge\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD")));
    // Mattermost with a path that was left out.
    let post = client.send(b"POST / HTTP/1.1\r\nHost: fridge\r\nContent-Length: 0\r\n\r\n");
    assert!(post.status == 404 && post.body.contains("/webhook"), "{post:?}");
}

#[test]
fn a_page_is_compressed_where_that_is_wanted_and_its_parts_may_be_kept() {
    let (demo, mut client) = measured(&["--probes", "100"]);
    let plain = get(&mut client, "/").body;
    let (script, style) =
        (attributes(&plain, "src").next().unwrap(), attributes(&plain, "href").nth(1).unwrap());
    let mut of_all = 0;
    for path in ["/", script, style] {
        // The body is no text: it is read until the end of its connection.
        let mut client = Client::connect(&demo);
        client.write(
            format!(
                "GET {path} HTTP/1.1\r\nHost: fridge\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        );
        let bytes = client.rest();
        let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let (head, body) = bytes.split_at(head_end);
        let head = String::from_utf8_lossy(head).to_lowercase();
        assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"), "{head}");
        assert_eq!(head.contains("immutable"), path != "/", "{head}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(body).read_to_string(&mut text).expect("gzip");
        assert!(!text.is_empty());
        println!("{path}: {} bytes, {} compressed", text.len(), body.len());
        if path == script {
            assert!(text.len() <= 15 * 1024, "the script has {} bytes", text.len());
        }
        of_all += body.len();
    }
    println!("with 100 fridges: {of_all} bytes compressed in all");
    assert!(of_all <= 100 * 1024, "{of_all}");
}

#[test]
fn who_may_not_look_is_told_so_in_words_and_mattermost_asks_on() {
    const BUS: &str = "[[bus]]\nkind = \"simulated\"\nprobes = 1\n[[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\n";
    let places =
        ["/", "/alarms", "/fridges/milk", "/api/v1/fridges", "/api/v1/events", "/metrics", "/assets/x"];
    let ask = |service: &Service, from: Ipv4Addr, path: &str| {
        let certificate = service.folder.path().join("state/certificate.pem");
        let mut client = Client::from(from.into(), service.address(), &certificate);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: fridge\r\n\r\n").as_bytes())
    };
    let here = Ipv4Addr::new(127, 0, 0, 1);
    let off = Service::start(&format!("{BUS}[page]\nenabled = false\n"));
    for path in places {
        let answer = ask(&off, here, path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.body.contains("`enabled` in the section [page]"), "{answer:?}");
    }
    assert_ne!(ask(&off, here, "/health").status, 404);

    let some = Service::start(&format!("{BUS}[page]\nallow = [\"127.0.0.1\"]\n"));
    for path in places {
        let answer = ask(&some, Ipv4Addr::new(127, 0, 0, 2), path);
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.body.contains("`allow` in the section [page]"), "{answer:?}");
    }
    assert_eq!(ask(&some, here, "/").status, 200);
    assert_ne!(ask(&some, Ipv4Addr::new(127, 0, 0, 2), "/health").status, 403);
}

#[test]
fn the_api_says_what_the_page_shows_and_a_mistake_is_a_problem_with_its_cure() {
    let (_demo, mut client) = measured(&[]);
    let all = json(&mut client, "/api/v1/fridges");
    assert_eq!((&all["simulated"], all["severity"].as_str()), (&Value::Bool(true), Some("critical")));
    let rows = all["fridges"].as_array().unwrap();
    assert_eq!(
        (rows.len(), rows[0]["id"].as_str(), rows[0]["verdict"].as_str()),
        (6, Some("freezer-1"), Some("warm"))
    );
    assert!(rows[1]["celsius"].is_null() && rows[1]["shown"].as_str().unwrap().starts_with("no answer"));
    let one = json(&mut client, "/api/v1/fridges/milk");
    assert_eq!(one["fridge"]["name"], "Milk");

    let day = json(&mut client, "/api/v1/fridges/milk/readings");
    let points = day["points"].as_array().unwrap();
    assert!(points.len() > 280 && day["step_s"] == 300, "{}", points.len());
    for point in points {
        let [min, mean, max] = ["min", "mean", "max"].map(|name| point[name].as_f64().unwrap());
        // The mean is rounded to 1/256 °C.
        assert!(min - 0.01 <= mean && mean <= max + 0.01, "{point}");
    }
    let hours = json(&mut client, "/api/v1/fridges/milk/readings?step=1h");
    let highest = |of: &Value| {
        of["points"].as_array().unwrap().iter().filter_map(|it| it["max"].as_f64()).fold(f64::MIN, f64::max)
    };
    assert!((24..=25).contains(&hours["points"].as_array().unwrap().len()));
    // No excursion vanishes in longer steps.
    assert!((highest(&day) - highest(&hours)).abs() < 0.07, "{} {}", highest(&day), highest(&hours));
    assert!(json(&mut client, "/api/v1/alarms?from=2020-01-01T00:00:00Z")["alarms"].is_array());

    for (path, status) in [
        ("/api/v1/fridges/nothing", 404),
        ("/api/v1/fridges/nothing/readings", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/", 404),
        ("/api/v1/fridges?limit=3", 400),
        ("/api/v1/fridges/milk/readings?step=1s", 400),
        ("/api/v1/fridges/milk/readings?from=now", 400),
        ("/api/v1/fridges/milk/readings?from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z", 400),
        ("/api/v1/alarms?to=2026-01-01T00:00:00Z", 400),
        ("/api/v1/events?x", 400),
    ] {
        let answer = get(&mut client, path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{problem}");
    }
    let put = client.send(b"PUT /api/v1/fridges HTTP/1.1\r\nHost: fridge\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD")));
    let body = client.send(b"GET /api/v1/fridges HTTP/1.1\r\nHost: fridge\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(body.status, 413);
}

/// Asks for the stream and reads its head; the number after which it is to go on may be given.
fn listen(demo: &Demo, from: Ipv4Addr, last: Option<&str>) -> Client {
    let mut client = Client::from(from.into(), demo.address, &demo.certificate);
    let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    client.write(format!("GET /api/v1/events HTTP/1.1\r\nHost: fridge\r\n{last}\r\n").as_bytes());
    client
}

/// The number in what was read of a stream.
fn number(events: &str) -> String {
    let line = events.lines().rev().find_map(|line| line.strip_prefix("id: "));
    line.unwrap_or_else(|| panic!("no number: {events}")).trim().to_owned()
}

#[test]
fn who_listens_gets_all_then_what_changes_and_after_a_cut_what_was_missed() {
    let (demo, _client) = measured(&["--period", "1s", "--speed", "200"]);
    let here = Ipv4Addr::LOCALHOST;
    let mut stream = listen(&demo, here, None);
    let first = stream.read_until("event: beat");
    assert!(first.to_lowercase().contains("content-type: text/event-stream"), "{first}");
    assert_eq!(first.matches("event: fridge").count(), 6, "{first}");
    assert_eq!(first.matches("event: gateway").count(), 1, "{first}");
    let began = Instant::now();
    let next = stream.read_until("event: fridge");
    assert!(began.elapsed() < Duration::from_secs(3), "{next}");
    let seen = number(&first);
    drop(stream);

    // What it saw is not told again; a number of another start, or none at all, is told everything.
    let again = listen(&demo, here, Some(&seen)).read_until("event: beat");
    assert!(again.matches("event: fridge").count() <= 6, "{again}");
    let mut caught_up = listen(&demo, here, Some(&number(&again)));
    let missed = caught_up.read_until("event: beat");
    assert!(!missed.contains("event: gateway") || missed.matches("event: fridge").count() < 6, "{missed}");
    for id in ["0000000000000000-7", "nonsense", "-"] {
        let all = listen(&demo, here, Some(id)).read_until("event: beat");
        assert_eq!(all.matches("event: fridge").count(), 6, "{id}: {all}");
    }
    // A head alone is no stream.
    let mut client = Client::connect(&demo);
    let head = client.send(b"HEAD /api/v1/events HTTP/1.1\r\nHost: fridge\r\n\r\n");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(get(&mut client, "/health").status, 200);
}

#[test]
fn a_value_that_stays_the_same_is_told_to_be_read_again_and_a_quiet_stream_beats() {
    // Nothing changes in a sweep that comes once a minute.
    let demo = Demo::start(&["--period", "60s", "--probes", "2"]);
    let mut stream = listen(&demo, Ipv4Addr::LOCALHOST, None);
    stream.read_until("in_range");
    let began = Instant::now();
    for _ in 0..3 {
        stream.read_until("event: beat");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("same.csv");
    std::fs::write(&log, "2026-01-01T00:00:00Z,4.0\n2026-01-01T12:00:00Z,4.0\n").unwrap();
    let demo = Demo::start(&["--period", "500ms", "--replay", log.to_str().unwrap()]);
    let mut stream = listen(&demo, Ipv4Addr::LOCALHOST, None);
    stream.read_until("\"shown\":\"4.0");
    let read = stream.read_until("event: read");
    assert!(!read.contains("event: fridge"), "{read}");
    assert!(stream.read_until("}").contains("\"recording-1\":"));
}

#[test]
fn who_may_no_longer_look_sees_nothing_more_and_another_configuration_is_told() {
    const BUS: &str =
        "listen = \"127.0.0.1:0\"\n[[bus]]\nkind = \"simulated\"\nperiod = \"300ms\"\nprobes = 2\n";
    let fridges = |first: &str, second: &str| {
        format!(
            "[[fridge]]\nid = \"one\"\nname = \"{first}\"\nprobe = \"28-000000000001\"\nlimits = {{ max = 8 }}\n\
             [[fridge]]\nid = \"two\"\nname = \"{second}\"\nprobe = \"28-000000000002\"\nlimits = {{ max = 8 }}\n"
        )
    };
    let service =
        Service::start(&format!("{}{}", &BUS["listen = \"127.0.0.1:0\"\n".len()..], fridges("Milk", "Meat")));
    let certificate = service.folder.path().join("state/certificate.pem");
    let listen = || {
        let mut client = Client::to(service.address(), &certificate);
        client.write(b"GET /api/v1/events HTTP/1.1\r\nHost: fridge\r\n\r\n");
        client
    };
    let site = |events: &str| {
        let place = events.rfind("\"site\":\"").unwrap_or_else(|| panic!("{events}")) + 8;
        events[place..place + 16].to_owned()
    };
    let reload = |configuration: &str| {
        std::fs::write(service.folder.path().join("fridge.toml"), configuration).unwrap();
        let pid = service.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    let mut stream = listen();
    let before = site(&stream.read_until("event: beat"));
    assert_eq!(site(&listen().read_until("event: beat")), before);
    // The names exchanged: a page that shows them has to be loaded again.
    reload(&format!("{BUS}{}", fridges("Meat", "Milk")));
    // The first sweep may be told in between, of the old names.
    while site(&(stream.read_until("event: gateway") + &stream.read_until("event: beat"))) == before {}
    reload(&format!("{BUS}{}[page]\nenabled = false\n", fridges("Meat", "Milk")));
    let ended = stream.rest();
    assert!(ended.ends_with(b"0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&ended));
    assert!(listen().read_until("\r\n").starts_with("HTTP/1.1 404"));
}

#[test]
fn what_is_there_in_memory_is_shown_whatever_the_disk_does() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (_demo, mut client) = measured(&["--state", state.to_str().unwrap()]);
    // A file that nobody can read as what it should be.
    for name in ["records.db", "records.db-wal", "history.db", "history.db-wal"] {
        std::fs::write(state.join("simulated").join(name), vec![b'x'; 100_000]).unwrap();
    }
    let fridge = get(&mut client, "/fridges/freezer-1");
    assert!(fridge.status == 200 && fridge.body.contains("too warm"), "{fridge:?}");
    let alarms = get(&mut client, "/alarms");
    assert!(alarms.status == 200 && alarms.body.contains("Open alarms"), "{alarms:?}");
    assert!(
        fridge.body.contains("cannot be read") || alarms.body.contains("cannot be read"),
        "{}",
        fridge.body
    );
    let readings = get(&mut client, "/api/v1/fridges/milk/readings");
    assert!(matches!(readings.status, 200 | 503) && !readings.body.contains("/state/"), "{readings:?}");
    assert!(client.ask("fridge status").contains("2 of 6"));
}

#[test]
fn a_chart_is_posted_as_a_picture_whose_address_is_good_for_it_alone() {
    let demo = Demo::start(&["--url", "https://gateway.example:4443"]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let posted = |client: &mut Client, words: &str| -> Value {
        let form =
            [("text", words), ("token", gateway::TOKEN), ("trigger_word", "fridge"), ("channel_id", "c")];
        serde_json::from_str(&client.post_form("/webhook", &form).body).unwrap()
    };
    let post = posted(&mut client, "fridge chart milk");
    // The words stand beside it, for who cannot see it.
    assert!(post["text"].as_str().unwrap().contains("on average"), "{post}");
    let address = post["attachments"][0]["image_url"].as_str().unwrap().to_owned();
    let path = address.strip_prefix("https://gateway.example:4443").unwrap().to_owned();
    // As Mattermost's image proxy fetches it, also from where the page may not be seen.
    let fetch = |path: &str| {
        let mut client = Client::connect(&demo);
        client.write(
            format!("GET {path} HTTP/1.1\r\nHost: fridge\r\nUser-Agent: Mattermost-Image-Proxy/1.0\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        let bytes = client.rest();
        let status: u16 = String::from_utf8_lossy(&bytes[9..12]).parse().unwrap();
        (status, bytes)
    };
    let began = Instant::now();
    let (status, picture) = fetch(&path);
    println!("a picture of a day: {:?}, {} bytes", began.elapsed(), picture.len());
    assert_eq!(status, 200);
    assert!(picture.windows(8).any(|eight| eight == b"\x89PNG\r\n\x1a\n"));
    assert_eq!(fetch(&path).1.len(), picture.len(), "it is kept");
    let parts: Vec<&str> = path.trim_start_matches("/chart/").trim_end_matches(".png").split('-').collect();
    let [fridge, from, to, expires, signature] = parts[..] else { panic!("{path}") };
    let other = data_encoding::BASE64URL_NOPAD.encode(b"meat");
    let later: i64 = expires.parse::<i64>().unwrap() + 1;
    for wrong in [
        format!("/chart/{other}-{from}-{to}-{expires}-{signature}.png"),
        format!("/chart/{fridge}-0-{to}-{expires}-{signature}.png"),
        format!("/chart/{fridge}-{from}-{to}-{later}-{signature}.png"),
        format!("/chart/{fridge}-{from}-{to}-{expires}-{}.png", "0".repeat(64)),
        format!("/chart/{fridge}-{from}-{to}-{expires}.png"),
        String::from("/chart/x"),
    ] {
        assert_eq!(fetch(&wrong).0, 403, "{wrong}");
    }
    for words in ["fridge chart", "fridge chart fre"] {
        let answer = posted(&mut client, words);
        assert!(answer["attachments"].as_array().is_none_or(Vec::is_empty), "{answer}");
    }
    // Without an address of the gateway's own the words are all.
    let plain = Demo::start(&[]);
    let mut client = Client::connect(&plain);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let post = posted(&mut client, "fridge chart milk");
    assert!(post["text"].as_str().unwrap().contains("on average") && post["attachments"].is_null(), "{post}");
}

#[test]
fn the_shell_draws_a_chart_in_the_terminal_and_into_files() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (demo, _client) = measured(&["--state", state.to_str().unwrap()]);
    let chart = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_fridge"))
            .arg("chart")
            .args(arguments)
            .arg("--state")
            .arg(&state)
            .arg("--config")
            .arg(state.join("fridge.toml"))
            .arg("--socket")
            .arg(&demo.socket)
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (drawn, text, error) = chart(&["milk"]);
    assert!(drawn && text.starts_with("Milk, last 24 h (simulated)\n"), "{text}{error}");
    assert!(
        text.contains(" °C") && text.chars().filter(|c| ('\u{2801}'..'\u{2900}').contains(c)).count() > 50,
        "{text}"
    );
    let (svg, png) = (folder.path().join("milk.svg"), folder.path().join("milk.png"));
    let (written, _, error) =
        chart(&["milk", "7d", "--svg", svg.to_str().unwrap(), "--png", png.to_str().unwrap()]);
    assert!(written, "{error}");
    assert!(std::fs::read_to_string(&svg).unwrap().contains("<style>"));
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    for (wrong, cure) in
        [(&["fre"][..], "of one fridge"), (&["nothing"], "nothing"), (&["milk", "2019-01-01"], "no readings")]
    {
        let (drawn, _, error) = chart(wrong);
        assert!(!drawn && error.contains(cure), "{wrong:?}: {error}");
    }
}

#[test]
fn streams_have_places_of_their_own_and_end_with_the_server() {
    let (demo, mut client) = measured(&["--probes", "1"]);
    let from = |host: u8| Ipv4Addr::new(127, 0, 3, host);
    let mut streams: Vec<Client> =
        (0..160).map(|index| listen(&demo, from((index / 16) as u8 + 1), None)).collect();
    for stream in &mut streams {
        let head = stream.read_until("event: beat");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    // More than there are places for connections, and everybody is answered.
    for _ in 0..20 {
        assert!(client.ask("fridge status").contains("in range"));
    }
    let more = listen(&demo, from(1), None).read_until("\r\n");
    assert!(more.starts_with("HTTP/1.1 503"), "{more}");
    // One that ends gives its place back.
    drop(streams.remove(0));
    let deadline = Instant::now() + PATIENCE;
    while !listen(&demo, from(1), None).read_until("\r\n").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline);
    }
    let began = Instant::now();
    assert_eq!(demo.end("TERM"), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ended = streams.last_mut().unwrap().rest();
    assert!(ended.ends_with(b"0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&ended));
}

#[test]
fn metrics_are_open_metrics_and_their_counters_count() {
    let (_demo, mut client) = measured(&[]);
    client.ask("fridge help");
    let ask = b"GET /metrics HTTP/1.1\r\nHost: fridge\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    let answer = client.send(ask);
    assert!(answer.header("content-type").is_some_and(|it| it.starts_with("application/openmetrics-text")));
    let text = answer.body;
    assert!(text.ends_with("# EOF\n"));
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    assert!(value("fridge_temperature_celsius{fridge=\"milk\"") > 0.0);
    assert!(
        !text.contains("fridge_temperature_celsius{fridge=\"meat\""),
        "a probe that is silent has no temperature"
    );
    assert_eq!(value("fridge_state{fridge=\"meat\",name=\"Meat\",state=\"no_answer\"}"), 1.0);
    assert!(value("fridge_bus_sweep_duration_seconds_count{bus=\"bus 1\"}") >= 1.0);
    assert!(
        value("fridge_probe_faults_total{bus=\"bus 1\",probe=\"28-000000000005\",reason=\"no_answer\"}")
            >= 1.0
    );
    assert!(value("fridge_answer_duration_seconds_count{command=\"help\",outcome=\"answered\"}") >= 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6 && value("fridge_requests_answered_total") >= 1.0);
    let documented = include_str!("../docs/metrics.md");
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = if kind == "counter" { format!("`{name}_total`") } else { format!("`{name}`") };
        assert!(documented.contains(&name), "{name} is not in docs/metrics.md");
    }
    get(&mut client, "/nowhere");
    // Who does not ask for OpenMetrics gets the older text, in which a counter's type has its whole name.
    let again = get(&mut client, "/metrics").body;
    assert!(again.contains("fridge_requests_rejected_total{status=\"404\"} 1"), "{again}");
    assert!(again.contains("# TYPE fridge_requests_rejected_total counter") && !again.contains("# EOF"));
}

/// A request that nobody who means well makes: parts of right ones, put together as they come.
fn made_up(random: &mut fastrand::Rng) -> Vec<u8> {
    const PARTS: [&str; 34] = [
        "/",
        "//",
        "fridges",
        "milk",
        "meat",
        "api",
        "v1",
        "readings",
        "events",
        "alarms",
        "about",
        "assets",
        "metrics",
        "report",
        "story",
        "readings.csv",
        "openapi.json",
        "..",
        "%2e%2e",
        "%00",
        "%ff",
        "?",
        "&",
        "=",
        "range=1y",
        "time=march",
        "from=2026-01-01T00:00:00Z",
        "to=0",
        "step=5m",
        "wall",
        "%C3%A9",
        "+",
        "#",
        "\u{e9}",
    ];
    let choose = |random: &mut fastrand::Rng, list: &[&'static str]| list[random.usize(..list.len())];
    let method =
        choose(random, &["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "X"]);
    const WHOLE: [&str; 19] = [
        "/",
        "/",
        "/alarms",
        "/about",
        "/fridges/milk",
        "/fridges/milk/story",
        "/fridges/milk/report",
        "/fridges/meat/readings.csv",
        "/api/v1/fridges",
        "/api/v1/fridges/milk/readings?",
        "/api/v1/alarms?",
        "/metrics",
        "/login",
        "/logout",
        "/doctor",
        "/alarms/1/acknowledge",
        "/fridges/milk/snooze",
        "/api/v1/alarms/1/acknowledge",
        "/api/v1/fridges/milk/defrost",
    ];
    let mut path = String::from(choose(random, &WHOLE));
    for _ in 0..random.usize(..7) {
        path.push_str(choose(random, &PARTS));
        if random.bool() {
            path.push('/');
        }
    }
    let header = choose(
        random,
        &[
            "",
            "",
            "Accept-Encoding: gzip\r\n",
            "Accept-Encoding: gzip;q=\r\n",
            "Last-Event-ID: -\r\n",
            "Accept: */*\r\n",
            "Range: bytes=0-1\r\n",
            "If-None-Match: *\r\n",
            "Cookie: a=b\r\n",
            "Cookie: __Host-fridge=; __Host-fridge=x\r\n",
            "Authorization: Bearer \r\n",
            "Origin: null\r\nAccess-Control-Request-Method: POST\r\n",
            "Content-Length: 0\r\n",
        ],
    );
    let body = choose(
        random,
        &[
            "",
            "",
            "",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n\r\nname=demo&password=%00",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\ncsrf_token=&a=%",
            "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"length\":\"1h\"}",
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n[[[[[[[[[",
        ],
    );
    let authorization =
        if random.bool() { format!("Authorization: Bearer {}\r\n", gateway::TOKEN) } else { String::new() };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: fridge\r\n{header}{authorization}Connection: close\r\n");
    format!("{head}{}", if body.is_empty() { "\r\n" } else { body }).into_bytes()
}

#[test]
fn whatever_is_asked_for_nothing_breaks() {
    let requests: usize = std::env::var("REQUESTS").map_or(2_000, |number| number.parse().expect("a number"));
    let seed =
        std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    let mut random = fastrand::Rng::with_seed(seed);
    let (demo, _asking) = measured(&[]);
    let before = demo.forget_peak_memory();
    let mut statuses = std::collections::BTreeMap::new();
    for _ in 0..requests {
        let request = made_up(&mut random);
        let mut client = Client::connect(&demo);
        client.write(&request);
        let said = String::from_utf8_lossy(&request).into_owned();
        // A stream has no end.
        let answer = if said.contains("events") {
            client.read_until("\r\n")
        } else {
            String::from_utf8_lossy(&client.rest()).into_owned()
        };
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(!["", "500"].contains(&status.as_str()), "SEED={seed}: {said}{answer}");
        *statuses.entry(status).or_insert(0) += 1;
    }
    // By a connection of its own: the first one has idled for too long.
    assert!(Client::connect(&demo).ask("fridge status").contains("need a look"));
    println!(
        "{requests} requests: {statuses:?}; {} KiB more than before",
        demo.peak_memory_kib().saturating_sub(before)
    );
    assert!(statuses.len() >= 4, "{statuses:?}");
}
