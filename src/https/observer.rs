//! Events of the transport, passed to an [`Observer`] as they happen, so that whatever is turned away is still
//! counted.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;

/// One thing that happened to a connection or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection got a permit.
    Accepted,
    /// A connection was closed at once, or an idle one was ended to make room for it.
    LimitReached {
        /// Whether the new connection was accepted.
        made_room: bool,
    },
    /// A TLS handshake did not succeed.
    TlsFailed {
        /// The peer's or our alert in words, or what else ended it.
        reason: String,
    },
    /// A request was rejected.
    Rejected {
        /// With this status, 400 or above.
        status: StatusCode,
    },
    /// A request was answered.
    Answered {
        /// From the end of its header to the beginning of the response.
        took: Duration,
    },
}

/// Receives every event, on the runtime's thread: it must neither block nor panic.
pub trait Observer: Send + Sync + 'static {
    /// Something happened to a connection from that address.
    fn observe(&self, peer: IpAddr, event: Event);
}
