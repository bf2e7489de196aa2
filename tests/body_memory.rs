//! What a body without a token may cost: at its limit, of any shape and on any path, it stays in proportion
//! to its bytes, because nothing is built of fields that nobody asked for.

use std::time::Duration;

mod gateway;
use gateway::{Client, Demo, PATIENCE};

/// The limit of a body's bytes.
const LIMIT: usize = 256 * 1024;
/// The body itself, the copy that is read, and what the allocator keeps.
const MOST_KIB: u64 = 2 * 1024;
/// The processor's time for one, decrypting it included.
const MOST_TIME: Duration = Duration::from_millis(20);
/// Many bodies on their way at once, the gateway itself included; the unit's `MemoryMax` is 128 MiB.
const MOST_OF_ALL_KIB: u64 = 20 * 1024;
/// The same without what the gateway has at rest.
const MOST_MORE_OF_ALL_KIB: u64 = 11 * 1024;

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

/// JSON of a made-up shape, deep or flat, with keys that repeat or do not, of leaves of every kind.
fn made_up(random: &mut fastrand::Rng, name: &str) -> String {
    const LEAVES: [&str; 8] = [
        "null",
        "-1.5e300",
        "{}",
        "[]",
        "\"\"",
        "\"\\u00e9\\n\\\"\"",
        "\"\\ud83e\\uddca\"",
        "\"a longer text\"",
    ];
    // The longest that one turn of the loop adds.
    const ROOM: usize = 32;
    let deepest = [2, 8, 100, 50_000][random.usize(..4)];
    let (opens, repeats) = (random.u8(1..9), random.bool());
    let mut text = format!("{{\"{name}\":[");
    let mut closing = vec!['}', ']'];
    while text.len() + closing.len() + ROOM < LIMIT {
        if closing.last() == Some(&'}') {
            let key = if repeats { 0 } else { text.len() };
            text.push_str(&format!("\"{key:x}\":"));
        }
        match random.u8(..10) {
            turn if turn < opens && closing.len() < deepest => {
                let (open, close) = if random.bool() { ('{', '}') } else { ('[', ']') };
                text.push(open);
                closing.push(close);
                continue;
            }
            _ => text.push_str(LEAVES[random.usize(..LEAVES.len())]),
        }
        if random.u8(..10) == 0 && closing.len() > 2 {
            text.extend(closing.pop());
        }
        text.push(',');
    }
    // An array may end behind a value; an object behind a member.
    text.push_str(if closing.last() == Some(&'}') { "\"\":0" } else { "0" });
    text.extend(closing.iter().rev());
    // As deep as the parser goes.
    if deepest <= 100 {
        serde_json::from_str::<serde::de::IgnoredAny>(&text).expect("it is JSON");
    }
    text
}

/// A body as a test sends it.
struct Body {
    name: String,
    content_type: &'static str,
    text: String,
}

/// Bodies of every shape, some chosen and some made up.
fn bodies() -> Vec<Body> {
    let forms = [
        ("many pairs", filled("", "a=b&", "text=x")),
        ("a hundred thousand keys", filled("", "a&", "")),
        ("many keys", (0..30_000).map(|n| format!("{n:x}=&")).collect::<String>()),
        ("escapes", filled("text=", "%C3%A9", "")),
        ("the same key", filled("", "text=&", "")),
    ];
    let body = |name: &str, content_type, text| Body { name: name.to_owned(), content_type, text };
    let seed =
        std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    let mut random = fastrand::Rng::with_seed(seed);
    let made_up = (0..20).map(|number| {
        let text = made_up(&mut random, ["context", "text", "x"][number % 3]);
        body(&format!("made up, number {number} of SEED={seed}"), "application/json", text)
    });
    let chosen = shapes().into_iter().map(|(name, text)| body(name, "application/json", text));
    let forms = forms.into_iter().map(|(name, text)| body(name, "application/x-www-form-urlencoded", text));
    chosen.chain(forms).chain(made_up).collect()
}

/// The processor's time that the gateway's main thread, which answers, has had.
fn thread_time(demo: &Demo) -> Duration {
    let pid = demo.child.id();
    let schedule = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat")).expect("it runs");
    Duration::from_nanos(schedule.split(' ').next().and_then(|it| it.parse().ok()).expect("nanoseconds"))
}

/// Holds so many bodies open that grow beside each other, from four addresses; returns the peak in KiB, and that at rest.
fn hold(count: usize) -> (u64, u64) {
    // A thousand connections need as many descriptors of this process.
    let limit = rustix::process::Rlimit {
        current: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
        ..rustix::process::getrlimit(rustix::process::Resource::Nofile)
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("up to the maximum");
    let demo = Demo::start(&["--probes", "1"]);
    let mut asking = Client::connect(&demo);
    asking.ask_until("fridge status", |answer| answer.contains("in range"));
    let rest = demo.peak_memory_kib();
    let mut clients: Vec<Client> = (0..count)
        .map(|index| {
            let from = std::net::Ipv4Addr::new(127, 0, 1, 1 + (index % 4) as u8);
            let mut client = Client::from(from.into(), demo.address, &demo.certificate);
            let head = format!(
                "POST /webhook HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/json\r\nContent-Length: {LIMIT}\r\n\r\n{{"
            );
            // It may have had to make room already.
            let _written = client.try_write(head.as_bytes());
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
    (demo.peak_memory_kib(), rest)
}

#[test]
fn bodies_that_are_held_open_beside_each_other_cost_no_more_than_a_few() {
    for count in [128, 1_000] {
        let (peak, rest) = hold(count);
        println!("{count} bodies held open from four addresses: {peak} KiB at most, {rest} at rest");
        // A debug build is larger than what is shipped.
        let most = if cfg!(debug_assertions) { rest + MOST_MORE_OF_ALL_KIB } else { MOST_OF_ALL_KIB };
        assert!(peak <= most, "{count}: {peak} KiB, {rest} at rest");
    }
}

#[test]
fn a_body_at_its_limit_costs_no_more_than_its_bytes_whatever_its_shape() {
    let demo = Demo::start(&["--probes", "1"]);
    let (mut most_memory, mut most_time) = (0, Duration::ZERO);
    for Body { name, content_type, text } in bodies() {
        assert!(text.len() <= LIMIT && text.len() > LIMIT / 2, "{name}: {} bytes", text.len());
        for path in ["/webhook", "/command", "/action"] {
            // The connection has its buffers already.
            let mut client = Client::connect(&demo);
            client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
            let before = demo.forget_peak_memory();
            let began = thread_time(&demo);
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: fridge\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                text.len()
            );
            let answer = client.send(&[head.as_bytes(), text.as_bytes()].concat());
            assert!((200..500).contains(&answer.status), "{name} to {path}: {answer:?}");
            let took = thread_time(&demo) - began;
            let more = demo.peak_memory_kib().saturating_sub(before);
            assert!(more <= MOST_KIB, "{name} to {path}: {more} KiB");
            assert!(took <= MOST_TIME, "{name} to {path}: {took:?} of the thread");
            (most_memory, most_time) = (most_memory.max(more), most_time.max(took));
        }
    }
    println!("a body at its limit: at most {most_memory} KiB and {most_time:?} of the thread");
}
