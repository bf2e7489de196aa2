//! What a false gateway says does not steer the terminal of whoever asks it: a socket may be anybody's.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use fridge::socket::{self, Question};
use serde_json::Value;

mod gateway;
use gateway::{Client, Demo};

/// Clears the screen, sets the window's title, rings, goes back, begins a colour with a character of eight bits, and turns
/// the direction of writing.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{8}\r\u{9b}31m\u{202e}";

/// The same with that before each text.
fn steered(value: Value) -> Value {
    match value {
        // Words that the program compares, and ids, are left as they are: they have small letters and no space.
        Value::String(text)
            if text.contains([' ', '/']) || text.starts_with(|first: char| first.is_uppercase()) =>
        {
            Value::String(format!("{STEERING}{text}"))
        }
        Value::Array(values) => values.into_iter().map(steered).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, steered(value))).collect(),
        other => other,
    }
}

/// Answers on a socket of its own what a real gateway answers, with something before each text; as an error, where
/// `fails`.
fn false_gateway(folder: &Path, real: PathBuf, fails: bool) -> PathBuf {
    let path = folder.join(format!("false-{fails}"));
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let answer = match serde_json::from_str::<Question>(&line) {
                _ if fails => serde_json::json!({ "error": format!("{STEERING}an error") }),
                Ok(question) => steered(socket::ask(std::slice::from_ref(&real), &question).unwrap()),
                Err(_) => Value::Null,
            };
            // The asker may have gone.
            let _gone = stream.write_all(format!("{answer}\n").as_bytes());
        }
    });
    path
}

#[test]
fn no_control_character_of_a_false_gateway_reaches_the_terminal() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| answer.contains("need"));
    // Something is turned away, so that there is something to explain.
    client.post_form("/webhook", &[("text", "fridge"), ("token", "wrong")]);
    let folder = tempfile::tempdir().unwrap();
    let mut shown = 0;
    for fails in [false, true] {
        let path = false_gateway(folder.path(), demo.socket.clone(), fails);
        for words in [
            &["status"][..],
            &["ask", "help"],
            &["ask", "history"],
            &["ask", "rules"],
            &["ask", "dance"],
            &["ask", "about"],
            &["status", "--json"],
            &["probes"],
            &["probes", "--json"],
            &["rules"],
            &["doctor"],
            &["doctor", "--json"],
            &["doctor", "--last"],
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fridge"));
            // As on a terminal that has colours: what the program sets off itself is taken out below.
            command.args(words).arg("--socket").arg(&path).env("CLICOLOR_FORCE", "1");
            let output = command.output().unwrap();
            for said in [output.stdout, output.stderr] {
                let said = String::from_utf8(said).unwrap();
                shown += said.len();
                let own = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];
                let rest = own.iter().fold(said.clone(), |said, code| said.replace(code, ""));
                let steers = |character: char| {
                    (character.is_control() || character == '\u{202e}') && character != '\n'
                };
                assert!(!rest.contains(steers), "{words:?}: {said:?}");
            }
        }
    }
    assert!(shown > 5_000, "they said {shown} bytes");
}
