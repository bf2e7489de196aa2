//! What a body without a token may cost: at its limit, of any shape and on any path, it stays in proportion
//! to its bytes, because nothing is built of fields that nobody asked for.

mod gateway;
use gateway::{Client, Demo, PATIENCE};

/// The limit of a body's bytes.
const LIMIT: usize = 256 * 1024;
/// The body itself, the copy that is read, and what the allocator keeps.
const MOST_KIB: u64 = 2 * 1024;

/// A text of the limit's length: `head`, then `part` as often as it fits, then `tail`.
fn filled(head: &str, part: &str, tail: &str) -> String {
    let times = (LIMIT - head.len() - tail.len()) / part.len();
    format!("{head}{}{tail}", part.repeat(times))
}

/// JSON of every shape that makes a tree larger than its text.
fn shapes() -> Vec<(&'static str, String)> {
    let nested = {
        let depth = 100;
        let one = format!("{}{}", "{\"a\":".repeat(depth) + "0", "}".repeat(depth));
        filled("{\"context\":[", &format!("{one},"), "0]}")
    };
    vec![
        ("nested objects", nested),
        ("objects in a context", filled("{\"context\":{\"a\":[", "{\"a\":{}},", "0]}}")),
        ("empty objects", filled("{\"x\":[", "{},", "0]}")),
        ("one array in another", {
            let depth = LIMIT / 2 - 16;
            format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
        }),
        ("many keys", {
            let keys: Vec<String> = (0..).map(|n| format!("\"{n:x}\":0")).take(24_000).collect();
            format!("{{{}}}", keys.join(","))
        }),
        ("one key again and again", filled("{", "\"x\":0,", "\"y\":0}")),
        ("numbers", filled("{\"context\":{\"action\":[", "1e9,", "0]}}")),
        ("escapes", filled("{\"text\":\"", "\\u00e9", "\"}")),
        ("a long text", filled("{\"context\":{\"action\":\"", "x", "\"}}")),
        ("broken", filled("{\"context\":", "{\"a\":[", "")),
    ]
}

/// The unit's `MemoryMax` is 64 MiB.
const MOST_OF_ALL_KIB: u64 = 32 * 1024;

#[test]
fn bodies_that_grow_beside_each_other_on_every_connection_cost_no_more_than_a_few() {
    let demo = Demo::start(&["--probes", "1"]);
    let mut clients: Vec<Client> = (0..124)
        .map(|index: u8| {
            let from = std::net::Ipv4Addr::new(127, 0, 1, 1 + index / 31);
            let mut client = Client::from(from.into(), demo.address, &demo.certificate);
            let head = format!(
                "POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: {LIMIT}\r\n\r\n{{"
            );
            client.write(head.as_bytes());
            client
        })
        .collect();
    for bytes in [9_000, 8_000, 17_000, 33_000, 66_000, 66_000, 62_000] {
        for client in &mut clients {
            // Some have to wait for room and are rejected meanwhile.
            let _written = client.try_write(&vec![b'x'; bytes]);
        }
    }
    let mut asking = Client::connect(&demo);
    assert!(asking.ask_until("fridge status", |answer| answer.contains("in range")).contains("in range"));
    drop(clients);
    let deadline = std::time::Instant::now() + PATIENCE;
    while !Client::is_served(demo.address, &demo.certificate) {
        assert!(std::time::Instant::now() < deadline);
    }
    let peak = demo.peak_memory_kib();
    assert!(peak <= MOST_OF_ALL_KIB, "{peak} KiB");
}

#[test]
fn a_body_at_its_limit_costs_no_more_than_its_bytes_whatever_its_shape() {
    let demo = Demo::start(&["--probes", "1"]);
    let forms = [
        ("many pairs", filled("", "a=b&", "text=x")),
        ("many keys", (0..30_000).map(|n| format!("{n:x}=&")).collect::<String>()),
        ("escapes", filled("text=", "%C3%A9", "")),
        ("the same key", filled("", "text=&", "")),
    ];
    let json = shapes().into_iter().map(|(name, body)| (name, "application/json", body));
    let forms = forms.into_iter().map(|(name, body)| (name, "application/x-www-form-urlencoded", body));
    for (name, content_type, body) in json.chain(forms) {
        assert!(body.len() <= LIMIT && body.len() > LIMIT / 2, "{name}: {} bytes", body.len());
        for path in ["/webhook", "/command", "/action"] {
            // The connection has its buffers already.
            let mut client = Client::connect(&demo);
            client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
            let before = demo.forget_peak_memory();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: fridge\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = client.send(&[head.as_bytes(), body.as_bytes()].concat());
            assert!((200..500).contains(&answer.status), "{name} to {path}: {answer:?}");
            let more = demo.peak_memory_kib().saturating_sub(before);
            assert!(more <= MOST_KIB, "{name} to {path}: {more} KiB");
        }
    }
}
