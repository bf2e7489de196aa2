//! HTTPS transport: it listens, limits connections, speaks TLS, reads requests and writes responses. What it
//! serves is a [`Service`]; it does not know what that is.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

mod body;
pub mod certificate;
pub mod client;
pub mod compression;
mod connection;
mod connection_limits;
pub mod connector;
mod handshakes;
mod lingering_stream;
mod listener;
mod listeners;
mod observer;
pub mod response;
mod self_check;
mod server;
mod service;
pub mod stats;
mod stream_body;
pub mod tls;
mod turned_away;

pub use observer::{CERTIFICATE_REFUSED, Event, HUNG_UP, Observer, TlsFailure};
pub use server::{Handle, Server};
pub use service::{Peer, Responding, Service};
pub use turned_away::TurnedAway;

/// Where the server listens, with which certificate, and within which limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its key; `None` for one of our own in the state folder.
    pub certificate: Option<tls::Files>,
    /// Where connections are scarce, others make room for those from these networks.
    pub preferred: Vec<IpNet>,
    /// How much, how many and how long.
    pub limits: Limits,
}

/// How much, how many and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, in all. An idle one costs about 20 kB.
    pub connections: usize,
    /// Connections at once from one IPv4 address, or from one /64 of IPv6.
    pub connections_per_address: usize,
    /// Streams at once, in all; they do not count as connections.
    pub streams: usize,
    /// Streams at once from one address.
    pub streams_per_address: usize,
    /// For the TLS handshake. Mattermost gives up after 3 s.
    pub handshake: Duration,
    /// From the handshake to the end of the first request's header.
    pub first_request: Duration,
    /// From one answer to the end of the next request's header. Longer than the 90 s after which
    /// Mattermost's client closes an idle connection: were we first, a question sent at that moment
    /// would be lost without a trace.
    pub idle: Duration,
    /// The same on a connection on which nobody has proved a token yet.
    pub idle_unauthenticated: Duration,
    /// For a request's body.
    pub body: Duration,
    /// Bytes of the large bodies on their way, in all.
    pub bodies_bytes: usize,
    /// Bytes of a request's header.
    pub header_bytes: usize,
    /// Lines of a request's header.
    pub header_lines: usize,
    /// For what was sent to be acknowledged: a peer that is gone without a word is given up then.
    pub unacknowledged: Duration,
    /// For an answer to leave. One that has room in the system's buffers leaves at once; this is for a
    /// peer that asks and asks and reads nothing.
    pub answer: Duration,
    /// The same for what a stream has to say: who does not listen is kept waiting for by nobody.
    pub unread_stream: Duration,
    /// From our end of a connection to the peer's, in which what it still sends is thrown away.
    pub linger: Duration,
    /// For the requests in progress when the server ends.
    pub drain: Duration,
    /// How often the certificate's files are looked at.
    pub certificate_check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 128,
            connections_per_address: 32,
            streams: 1_024,
            streams_per_address: 16,
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            idle_unauthenticated: Duration::from_secs(10),
            body: Duration::from_secs(5),
            bodies_bytes: 5 * 512 * 1024,
            header_bytes: 16 * 1024,
            header_lines: 64,
            unacknowledged: Duration::from_secs(30),
            answer: Duration::from_secs(10),
            unread_stream: Duration::from_secs(3),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(3),
            certificate_check: Duration::from_secs(2),
        }
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}{}", cure_of(*address, error))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The certificate's files are wrong.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// There is no certificate, and none can be made.
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
}

fn cure_of(address: SocketAddr, error: &io::Error) -> String {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "; the port is in use: stop what uses it (`ss -ltnp sport = :{}` shows it) or choose another with `listen`",
            address.port()
        ),
        ErrorKind::PermissionDenied => {
            String::from("; ports below 1024 are for root: choose one above with `listen`")
        }
        ErrorKind::AddrNotAvailable => String::from(
            "; this machine has no such address: choose one of its own, or 0.0.0.0 for every interface, with `listen`",
        ),
        _ => String::new(),
    }
}
