//! The connection to an MQTT broker: bytes over TCP or TLS on one side, messages on the other. It is transport, and does
//! not know what it carries.

use std::path::PathBuf;
use std::time::Duration;

use crate::https::tls::Files;
use crate::secret::Secret;

mod error;
mod link;
mod stream;
pub mod topic;

pub use error::Error;
pub use link::{Event, Link, Will};

/// Where a broker is, and who asks.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Its name or address.
    pub host: String,
    /// Its port: 8883 with TLS, 1883 without.
    pub port: u16,
    /// TLS; `None` without.
    pub tls: Option<Tls>,
    /// As whom to log in.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
}

/// TLS to a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A file of certificate authorities that are trusted besides the machine's own.
    pub ca: Option<PathBuf>,
    /// The client's certificate, where the broker asks for one.
    pub identity: Option<Files>,
}

/// One message to a broker. It arrives at least once (QoS 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it, for who subscribes later. Without a payload the kept one is removed.
    pub is_retained: bool,
    /// After so long it is of no use; only MQTT 5 carries that.
    pub expiry: Option<Duration>,
}

impl Publication {
    /// A message that is of use for ever.
    pub fn new(topic: String, payload: Vec<u8>, is_retained: bool) -> Publication {
        Publication { topic, payload, is_retained, expiry: None }
    }
}

/// One message from a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it, and it may be old.
    pub is_retained: bool,
}

impl PartialEq for Broker {
    fn eq(&self, other: &Broker) -> bool {
        let password = |broker: &Broker| broker.password.as_ref().map(|it| it.expose().to_owned());
        (&self.host, self.port, &self.tls, &self.user) == (&other.host, other.port, &other.tls, &other.user)
            && password(self) == password(other)
    }
}
