//! Debian's mosquitto with a configuration of the test's own, and its clients as foreign ones.

#![allow(dead_code)] // Each test program uses its own part.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod secured;

/// No test waits longer than this for a message.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running broker. It is killed when dropped.
pub struct Broker {
    child: Child,
    pub port: u16,
    pub folder: tempfile::TempDir,
    /// What a client needs besides the port.
    options: Vec<String>,
}

/// One message, as a subscriber sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub topic: String,
    pub is_retained: bool,
    /// Nothing where the payload is empty.
    pub json: Value,
}

/// A running `mosquitto_sub`. It is killed when dropped.
pub struct Subscriber {
    child: Child,
    messages: Receiver<Seen>,
}

/// A port below those that the system gives away: it stays free while the broker is not there.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let start = 20_000 + (std::process::id() % 100) as u16 * 100;
        let port = start + NEXT.fetch_add(1, Ordering::SeqCst) % 100;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Broker {
    /// A broker that takes everybody, and remembers over a restart.
    pub fn start() -> Broker {
        Broker::start_with(|_, _| String::from("allow_anonymous true\n"), &[])
    }

    /// A broker with these lines in its configuration, which may name its folder and its port; its clients need these
    /// options, in which FOLDER is its folder.
    pub fn start_with(lines: impl FnOnce(&Path, u16) -> String, options: &[&str]) -> Broker {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let place = folder.path().display();
        // What it must not lose it writes at each change.
        let config = format!(
            "user root\npersistence true\npersistence_location {place}/\nautosave_on_changes true\nautosave_interval 1\n\
             max_queued_messages 0\nlistener {port} 127.0.0.1\n{}",
            lines(folder.path(), port)
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let child = Broker::run(folder.path());
        let options = options.iter().map(|option| option.replace("FOLDER", &place.to_string())).collect();
        let mut broker = Broker { child, port, folder, options };
        broker.until_it_listens();
        broker
    }

    fn run(folder: &Path) -> Child {
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(folder.join("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("Debian's mosquitto is installed")
    }

    fn until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "mosquitto has ended");
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            std::thread::yield_now();
        }
    }

    /// Kills it as a pulled plug does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, at the same port.
    pub fn start_again(&mut self) {
        self.child = Broker::run(self.folder.path());
        self.until_it_listens();
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &self.port.to_string()]).args(&self.options);
        command
    }

    /// Sees what comes on that topic.
    pub fn subscribe(&self, filter: &str) -> Subscriber {
        self.subscribe_with(filter, &[])
    }

    /// The same under a name, for which the broker keeps what comes while it is away.
    pub fn subscribe_for_good(&self, filter: &str) -> Subscriber {
        self.publish("ready", "{}", true);
        let subscriber = self.subscribe_with(filter, &["-c", "-q", "1", "-i", "for-good", "-t", "ready"]);
        subscriber.until(|seen| seen.topic == "ready");
        subscriber
    }

    fn subscribe_with(&self, filter: &str, options: &[&str]) -> Subscriber {
        let mut command = self.client("mosquitto_sub");
        command.args(options).args(["-t", filter, "-F", "%r %t %p"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("mosquitto_sub is installed");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let (seen, messages) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut parts = line.splitn(3, ' ');
                let mut part = || parts.next().unwrap_or_default().to_owned();
                let (retained, topic, payload) = (part(), part(), part());
                let json = serde_json::from_str(&payload).unwrap_or(Value::Null);
                if seen.send(Seen { topic, is_retained: retained == "1", json }).is_err() {
                    return;
                }
            }
        });
        Subscriber { child, messages }
    }

    /// Publishes; the broker keeps it where that is asked for.
    pub fn publish(&self, topic: &str, payload: &str, is_retained: bool) {
        let mut command = self.client("mosquitto_pub");
        command.args(["-q", "1", "-t", topic, "-m", payload]).args(is_retained.then_some("-r"));
        assert!(command.status().expect("mosquitto_pub is installed").success());
    }

    /// The newest that the broker keeps below that topic, which is as wanted.
    pub fn until_kept(&self, topic: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.subscribe(topic).until(|seen| wanted(&seen.json)).json
    }

    /// All topics below that one that the broker keeps. What it keeps of a subscription comes before a later message.
    pub fn kept(&self, filter: &str) -> Vec<String> {
        let subscriber = self.subscribe_with(filter, &["-t", "end"]);
        let (mut seen, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        // Until somebody has subscribed, such a message is nobody's.
        while !seen.iter().any(|seen: &Seen| seen.topic == "end") {
            assert!(Instant::now() < deadline, "the end never came; came: {seen:#?}");
            self.publish("end", "{}", false);
            seen.extend(subscriber.waiting());
        }
        let kept = seen.into_iter().filter(|seen| seen.is_retained && seen.topic != "end");
        kept.map(|seen| seen.topic).collect()
    }

    /// What a gateway needs in its configuration.
    pub fn section(&self) -> String {
        format!("[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\ngateway = \"kitchen\"\n", self.port)
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Subscriber {
    /// The first message that is as wanted.
    pub fn until(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        self.all_until(wanted).pop().expect("the last one is as wanted")
    }

    /// All messages that have come.
    pub fn waiting(&self) -> Vec<Seen> {
        self.messages.try_iter().collect()
    }

    /// All messages up to the first that is as wanted.
    pub fn all_until(&self, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            seen.push(message.unwrap_or_else(|_| panic!("never came; came: {seen:#?}")));
            if seen.last().is_some_and(&wanted) {
                return seen;
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
