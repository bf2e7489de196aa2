//! A running `fridge serve` with a configuration of the test's own, asked over its socket.

#![allow(dead_code)] // Each test program uses its own part.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No test waits longer than this for a condition.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A bus, and a freezer on it that is too warm from the first sweep on, and urgent a second later.
pub const WARM_FREEZER: &str = "[[bus]]
kind = \"simulated\"
period = \"200ms\"
probes = 3
warm = [3]
[[fridge]]
name = \"Freezer\"
probe = \"28-000000000003\"
limits = { max = -18 }
alarm = { escalation = { limit = -17.5, after = \"1s\" } }
";

/// A running gateway. It is killed when dropped.
pub struct Service {
    pub child: Child,
    /// Its configuration, state and socket.
    pub folder: tempfile::TempDir,
    log: Receiver<String>,
    address: SocketAddr,
}

impl Service {
    /// Starts it, without `listen` in the configuration, and waits until it answers.
    pub fn start(config: &str) -> Service {
        Service::start_beside(config, &[])
    }

    /// The same, with copies of these files beside its configuration.
    pub fn start_beside(config: &str, files: &[&Path]) -> Service {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            std::fs::copy(file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
        }
        std::fs::write(folder.path().join("fridge.toml"), format!("listen = \"127.0.0.1:0\"\n{config}"))
            .expect("written");
        Service::start_in(folder)
    }

    /// Starts it in a folder that has its configuration.
    pub fn start_in(folder: tempfile::TempDir) -> Service {
        let place = |name: &str| folder.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(["serve", "--config"])
            .arg(place("fridge.toml"))
            .arg("--state")
            .arg(place("state"))
            .arg("--socket")
            .arg(place("fridge.sock"))
            .envs(environment_of_the_unit())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("its log is piped")).lines();
        let (said, log) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
        let mut service = Service { child, folder, log, address: ([0, 0, 0, 0], 0).into() };
        let line = service.until_logged("answering on https://");
        let address = line.rsplit("https://").next().and_then(|address| address.trim().parse().ok());
        service.address = address.expect("an address");
        service
    }

    /// Kills it as a pulled plug does, and starts it again in the same folder.
    pub fn killed_and_started(self) -> Service {
        self.killed_and_started_after(|| {})
    }

    /// The same, with something that happens while it is dead.
    pub fn killed_and_started_after(mut self, happens: impl FnOnce()) -> Service {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        happens();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"));
        Service::start_in(folder)
    }

    /// Has it read its configuration again.
    pub fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
        self.until_logged("new configuration in use");
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The configuration's file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("fridge.toml")
    }

    /// Waits for a line of the log that holds these words.
    pub fn until_logged(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("never logged: {words}; logged: {}", before.join("\n")),
            }
        }
    }

    /// A command that asks this gateway.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fridge"));
        command.args(arguments).arg("--socket").arg(self.folder.path().join("fridge.sock"));
        command.arg("--config").arg(self.config());
        command
    }

    /// Runs a command that asks this gateway.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    /// The data of an answer.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Asks until the data is as wanted.
    pub fn until(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.json(arguments);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "still: {answer:#}");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The environment in which the unit runs the gateway.
fn environment_of_the_unit() -> Vec<(String, String)> {
    let unit = include_str!("../../systemd/fridge.service");
    let set = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    let pairs = set.flat_map(|set| set.split(' ')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The row of a list whose `key` is `value`.
pub fn row<'a>(rows: &'a Value, key: &str, value: &str) -> &'a Value {
    let rows = rows.as_array().expect("a list");
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {key} {value} in {rows:?}"))
}

/// What a command printed.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}
