//! A receiver of messages, as Mattermost's incoming webhook is one: it answers each post with the next of the statuses
//! that a test gives, keeps what it took, and can be stopped and started again at the same address.

#![allow(dead_code)] // Each test program uses its own part.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// No test waits longer than this for a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the receiver answers: by the number of the post, from 0.
pub type Statuses = dyn Fn(usize) -> Reply + Send + Sync;

/// One answer.
pub enum Reply {
    /// A status with a body and headers.
    Status(u16, &'static str),
    /// The connection ends in the middle.
    CutOff,
}

#[derive(Default)]
struct Taken {
    posts: usize,
    messages: Vec<Value>,
}

/// The receiver.
pub struct Receiver {
    pub address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    taken: Arc<(Mutex<Taken>, Condvar)>,
}

impl Receiver {
    /// Listens on a free port of this machine, without TLS or with it.
    pub fn start(statuses: Box<Statuses>, tls: Option<Arc<ServerConfig>>) -> Receiver {
        Receiver::start_at(([127, 0, 0, 1], 0).into(), statuses, tls)
    }

    /// The same at that address.
    pub fn start_at(
        address: SocketAddr,
        statuses: Box<Statuses>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Receiver {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new((Mutex::new(Taken::default()), Condvar::new()));
        let (of, statuses) = (Arc::clone(&taken), Arc::<Statuses>::from(statuses));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (of, statuses, tls) = (Arc::clone(&of), Arc::clone(&statuses), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(stream, &of, &*statuses),
                    Some(tls) => {
                        serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), &of, &*statuses);
                    }
                });
            }
        });
        Receiver { address, is_stopped, taken }
    }

    /// Nobody listens at its address from now on.
    pub fn stop(self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the listener up, which then goes.
        drop(TcpStream::connect(self.address).unwrap());
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_ok() {
            assert!(Instant::now() < deadline, "it still listens");
        }
    }

    /// The messages that it has answered with 200, the oldest first.
    pub fn messages(&self) -> Vec<Value> {
        self.taken.0.lock().unwrap().messages.clone()
    }

    /// Waits until a message holds, and returns it.
    pub fn until(&self, holds: impl Fn(&Value) -> bool) -> Value {
        self.until_within(PATIENCE, holds)
    }

    /// The same, with another patience.
    pub fn until_within(&self, patience: Duration, holds: impl Fn(&Value) -> bool) -> Value {
        let (lock, arrived) = &*self.taken;
        let deadline = Instant::now() + patience;
        let mut taken = lock.lock().unwrap();
        loop {
            if let Some(found) = taken.messages.iter().find(|message| holds(message)) {
                return found.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it never came; there are {:#?}", taken.messages);
            taken = arrived.wait_timeout(taken, left).unwrap().0;
        }
    }

    /// How many posts there were, answered with whatever.
    pub fn posts(&self) -> usize {
        self.taken.0.lock().unwrap().posts
    }
}

fn serve(stream: impl Read + Write, taken: &(Mutex<Taken>, Condvar), statuses: &Statuses) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    let number = {
        let mut taken = taken.0.lock().unwrap();
        taken.posts += 1;
        taken.posts - 1
    };
    let Reply::Status(status, headers) = statuses(number) else { return };
    if status == 200 {
        let mut taken_now = taken.0.lock().unwrap();
        taken_now.messages.push(serde_json::from_slice(&body).unwrap());
    }
    let answer = if status == 200 { "ok" } else { "{\"message\":\"the hook's id is s3cret\"}" };
    // A gateway that was killed does not read it.
    let _ = write!(
        stream.get_mut(),
        "HTTP/1.1 {status} -\r\nContent-Type: text/plain\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
    let _ = stream.get_mut().flush();
    taken.1.notify_all();
}

/// A plain 200, for ever.
pub fn always_ok() -> Box<Statuses> {
    Box::new(|_| Reply::Status(200, ""))
}

/// One connection's bytes, for tests that press a button.
pub fn post_json(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
