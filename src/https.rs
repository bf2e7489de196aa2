//! The HTTPS server: what it serves, to whom, and within which limits. Questions come in here, answers go
//! out; the server itself and what is asked on which path stand in the files beside this one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::chat::Scope;
use crate::secret::Secret;

mod action;
pub mod certificate;
pub mod client;
mod command;
mod connection;
mod connection_limits;
mod door;
mod health;
mod message;
mod post;
mod reception;
mod refusals;
mod routes;
mod self_check;
mod server;
mod signature;
mod stream;
pub mod tls;
mod webhook;

pub use refusals::{Remembered, Report, Statistics};
pub use server::{Handle, Server};

/// What the server serves, and to whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its key; `None` for one of our own in the state folder.
    pub certificate: Option<tls::Files>,
    /// Who may ask.
    pub hooks: Vec<Hook>,
    /// A question begins with one of these words.
    pub trigger_words: Vec<String>,
    /// The gateway as Mattermost reaches it, without a slash at the end; without it there are no
    /// buttons.
    pub url: Option<String>,
    /// From where one may ask; empty for anywhere. Where connections are scarce, others make room for theirs.
    pub allow: Vec<IpNet>,
    /// How much, how many and how long.
    pub limits: Limits,
}

/// One outgoing webhook or slash command of Mattermost.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What people call it, for the doctor and the log.
    pub name: String,
    /// What it proves itself with.
    pub token: Secret,
    /// Where the answer to an outgoing webhook appears.
    pub response: Placement,
    /// Whether everybody in the channel sees the answer to a slash command.
    pub in_channel: bool,
    /// Another name for the answer's author, where Mattermost allows that.
    pub username: Option<String>,
    /// Another picture for the answer's author, where Mattermost allows that.
    pub icon_url: Option<String>,
    /// Which fridges it may see.
    pub scope: Scope,
}

/// Where the answer to an outgoing webhook appears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// As a post in the channel.
    #[default]
    Post,
    /// As a comment on the question. A question that stands in a thread itself gets no answer at all
    /// then: Mattermost refuses a comment on a comment, and tells nobody.
    Comment,
}

/// How much, how many and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, in all. An idle one costs about 20 kB, one with a body on its way 256 KiB more.
    pub connections: usize,
    /// Connections at once from one IPv4 address, or from one /64 of IPv6.
    pub connections_per_address: usize,
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
    /// Bytes of a request's body. Mattermost's longest message makes a form of 200 kB.
    pub body_bytes: usize,
    /// Bytes of a request's header.
    pub header_bytes: usize,
    /// Lines of a request's header.
    pub header_lines: usize,
    /// For an answer to leave. One that has room in the system's buffers leaves at once; this is for a
    /// peer that asks and asks and reads nothing.
    pub answer: Duration,
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
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            idle_unauthenticated: Duration::from_secs(10),
            body: Duration::from_secs(5),
            body_bytes: 256 * 1024,
            header_bytes: 16 * 1024,
            header_lines: 64,
            answer: Duration::from_secs(10),
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
    /// There is no key for the buttons, and none can be made.
    #[error(transparent)]
    Key(#[from] signature::KeyError),
}

fn cure_of(address: SocketAddr, error: &io::Error) -> String {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "; the port is in use: stop what uses it (`ss -ltnp sport = :{}` shows it) or say another with `listen`",
            address.port()
        ),
        ErrorKind::PermissionDenied => {
            String::from("; ports below 1024 are for root: say one above with `listen`")
        }
        ErrorKind::AddrNotAvailable => String::from(
            "; this machine has no such address: say one of its own, or 0.0.0.0 for all, with `listen`",
        ),
        _ => String::new(),
    }
}
