//! The guest that scripts/test-in-guest has booted: commands go in, what they print comes out; and a gateway that
//! runs in it.

#![allow(dead_code)] // Each test program uses its own part.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No command of the guest takes longer; it is an emulated computer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The shell of the guest, where it is root.
#[derive(Clone)]
pub struct Guest {
    address: String,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// Both of its outputs.
    pub output: String,
}

impl Guest {
    /// The one that runs.
    pub fn new() -> Guest {
        let address = std::env::var("FRIDGE_GUEST");
        Guest { address: address.expect("scripts/test-in-guest starts the guest and says where it is") }
    }

    /// Runs commands.
    pub fn run(&self, script: &str) -> Ran {
        let mut shell = TcpStream::connect(&self.address).expect("the guest runs");
        shell.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let script = format!("(\n{script}\n) 2>&1 </dev/null\necho \"status $?\"\nexit\n");
        shell.write_all(script.as_bytes()).expect("the guest listens");
        let mut output = String::new();
        if let Err(error) = shell.read_to_string(&mut output) {
            panic!("{error}: {script} has printed {output:?}");
        }
        drop(shell.shutdown(Shutdown::Both));
        let (output, status) =
            output.rsplit_once("status ").unwrap_or_else(|| panic!("{script}: {output:?}"));
        Ran { status: status.trim().parse().expect("a number"), output: output.to_owned() }
    }

    /// Runs commands that have to succeed.
    pub fn sh(&self, script: &str) -> String {
        let ran = self.run(script);
        assert_eq!(ran.status, 0, "{script}: {}", ran.output);
        ran.output
    }

    /// Runs commands as somebody who is not root.
    pub fn run_as(&self, user: &str, script: &str) -> Ran {
        self.run(&format!("su {user} -c '{script}'"))
    }

    /// Puts text into a file.
    pub fn write(&self, path: &str, text: &str) {
        self.sh(&format!("cat >{path} <<'END'\n{text}\nEND"));
    }
}

/// Asks until there is an answer, and says how long that took.
pub fn wait<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return (answer, began.elapsed());
        }
        assert!(began.elapsed() < patience, "{what}: not within {patience:?}");
    }
}

/// A gateway in the guest. It is killed when dropped.
pub struct Gateway {
    guest: Guest,
    folder: String,
    /// Its process.
    pub pid: u32,
}

impl Gateway {
    /// Starts it as that user, with that configuration, and waits until it answers.
    pub fn start(guest: &Guest, user: &str, configuration: &str) -> Gateway {
        let folder = guest.sh("mktemp -d /tmp/gateway.XXXXXX").trim().to_owned();
        guest.write(
            &format!("{folder}/fridge.toml"),
            &format!("listen = \"127.0.0.1:4443\"\n{configuration}"),
        );
        guest.sh(&format!("chown {user} {folder}"));
        let command = format!(
            "fridge serve --config {folder}/fridge.toml --state {folder}/state --socket {folder}/socket \
             >{folder}/log 2>&1 & echo $! >{folder}/pid"
        );
        let ran = guest.run_as(user, &command);
        assert_eq!(ran.status, 0, "{}", ran.output);
        let pid = guest.sh(&format!("cat {folder}/pid")).trim().parse().expect("a number");
        let gateway = Gateway { guest: guest.clone(), folder, pid };
        wait("the gateway answers", PATIENCE, || {
            assert!(gateway.runs(), "it ended: {}", gateway.log());
            gateway.try_ask("status")
        });
        gateway
    }

    /// Whether its process is there.
    pub fn runs(&self) -> bool {
        self.guest.run(&format!("kill -0 {}", self.pid)).status == 0
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.guest.sh(&format!("cat {}/log", self.folder))
    }

    fn try_ask(&self, words: &str) -> Option<Value> {
        let ran = self.guest.run(&format!("fridge ask --json --socket {}/socket {words}", self.folder));
        if ran.status == 0 { serde_json::from_str(&ran.output).ok() } else { None }
    }

    /// Its answer.
    pub fn ask(&self, words: &str) -> Value {
        self.try_ask(words).unwrap_or_else(|| panic!("no answer to {words}: {}", self.log()))
    }

    /// The answer for people.
    pub fn says(&self, words: &str) -> String {
        self.guest.sh(&format!("fridge ask --socket {}/socket {words}", self.folder))
    }

    /// How the fridge of that name is.
    pub fn fridge(&self, name: &str) -> Value {
        let answer = self.ask("status");
        let rows = answer["fridges"].as_array().expect("fridges");
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {answer}")).clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        self.guest.sh(&format!("kill -{signal} {}", self.pid));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let gone = self.guest.run(&format!("kill -KILL {}", self.pid)).status != 0;
        if !gone && !std::thread::panicking() {
            wait("the gateway is gone", PATIENCE, || (!self.runs()).then_some(()));
        }
    }
}
