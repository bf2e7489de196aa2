//! A stand-in for systemd: runs `fridge serve`, reads its messages, and keeps its listening socket.

#![allow(dead_code)] // Each test program uses its own part.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::gateway::{Client, PATIENCE, TOKEN};

/// A folder with a configuration, and where the gateway's messages arrive.
pub struct Supervisor {
    pub folder: tempfile::TempDir,
    messages: UnixDatagram,
}

/// A running `fridge serve`; killed when dropped.
pub struct Service {
    pub child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    certificate: PathBuf,
}

impl Supervisor {
    /// With that configuration.
    pub fn new(configuration: &str) -> Supervisor {
        let folder = tempfile::tempdir().unwrap();
        let messages = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        messages.set_read_timeout(Some(PATIENCE)).unwrap();
        let supervisor = Supervisor { folder, messages };
        supervisor.write(configuration);
        supervisor
    }

    /// Writes the configuration anew.
    pub fn write(&self, configuration: &str) {
        std::fs::write(self.path("fridge.toml"), configuration).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the gateway with that listening socket among its descriptors and waits until it is ready.
    pub fn start(&self, socket: &TcpListener, environment: &[(&str, &str)]) -> Service {
        let service = self.spawn(Some(socket), environment);
        self.wait_for("READY=1");
        service
    }

    /// Starts the gateway, with a socket that systemd has kept or without one.
    pub fn spawn(&self, socket: Option<&TcpListener>, environment: &[(&str, &str)]) -> Service {
        let log = self.path("log");
        let mut command = Command::new("sh");
        let handed_over = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=any exec \"$@\"";
        let (script, stdin) = match socket {
            Some(socket) => (handed_over, Stdio::from(OwnedFd::from(socket.try_clone().unwrap()))),
            None => ("exec \"$@\"", Stdio::null()),
        };
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_fridge"), "serve"])
            .arg("--config")
            .arg(self.path("fridge.toml"))
            .arg("--state")
            .arg(self.path("state"))
            .arg("--socket")
            .arg(self.path("fridge.sock"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .envs(environment.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap());
        let address = socket.map_or_else(|| ([127, 0, 0, 1], 0).into(), |it| it.local_addr().unwrap());
        let certificate = self.path("state").join("certificate.pem");
        Service { child: command.spawn().unwrap(), address, log, certificate }
    }

    /// The first message from now on that holds these words; others are passed over.
    pub fn wait_for(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.next().unwrap_or_else(|| panic!("no message with {words}"));
            if message.contains(words) {
                return message;
            }
            assert!(Instant::now() < deadline, "no message with {words}");
        }
    }

    /// The next message.
    pub fn next(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.messages.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// Whether a message with these words arrives within that time.
    pub fn receives_within(&self, words: &str, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut found = false;
        while !found {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.messages.set_read_timeout(Some(left)).unwrap();
            found = self.next().is_some_and(|message| message.contains(words));
        }
        self.messages.set_read_timeout(Some(PATIENCE)).unwrap();
        found
    }
}

impl Service {
    /// A connection to it.
    pub fn connect(&self) -> Client {
        Client::to(self.address, &self.certificate)
    }

    /// Sends it a signal ("HUP", "TERM").
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it has ended; returns its exit status.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log holds these words.
    pub fn logs(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "`{words}` is not in {}", self.log());
            std::thread::yield_now();
        }
        self.log()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A listening socket, and a configuration for it: one simulated bus, one fridge, one hook, and what else is
/// given before the tables.
pub fn socket_and_configuration(more: &str) -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let configuration = configuration(&format!("{:?}", socket.local_addr().unwrap().to_string()), more, "");
    (socket, configuration)
}

/// A configuration that listens there, in TOML.
pub fn configuration(listen: &str, more: &str, limits: &str) -> String {
    let limits = if limits.is_empty() { "limits = { max = 30 }" } else { limits };
    format!(
        "listen = {listen}\n{more}\n[[hook]]\ntoken = \"{TOKEN}\"\n[[bus]]\nkind = \"simulated\"\nperiod = \"1s\"\n\
         [[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\n{limits}\n"
    )
}
