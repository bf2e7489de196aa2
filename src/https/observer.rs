//! Events of the transport, passed to an [`Observer`] as they happen, so that whatever is turned away is still
//! counted.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use rustls::AlertDescription;

use super::response::Explanation;

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
    TlsFailed(TlsFailure),
    /// A request was rejected.
    Rejected {
        /// With this status, 400 or above.
        status: StatusCode,
        /// Why.
        why: Explanation,
    },
    /// A request was answered.
    Answered {
        /// From the end of its header to the beginning of the response.
        took: Duration,
    },
}

/// Why a TLS handshake did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The peer does not accept our certificate, and says so in this alert.
    CertificateRefused(AlertDescription),
    /// What came is no TLS.
    NotTls,
    /// The two have no version or cipher in common.
    Incompatible(String),
    /// The peer ended the connection.
    HungUp,
    /// It took longer than this.
    TimedOut(Duration),
    /// Anything else.
    Other(String),
}

impl TlsFailure {
    /// Why a handshake that failed so did.
    pub fn of(error: &io::Error) -> TlsFailure {
        use rustls::Error;
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(
                alert @ (AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnsupportedCertificate),
            )) => TlsFailure::CertificateRefused(*alert),
            Some(Error::InvalidMessage(_)) => TlsFailure::NotTls,
            Some(Error::PeerIncompatible(why)) => TlsFailure::Incompatible(format!("{why:?}")),
            Some(other) => TlsFailure::Other(other.to_string()),
            None => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                    TlsFailure::HungUp
                }
                _ => TlsFailure::Other(error.to_string()),
            },
        }
    }

    /// Why, for the administrator.
    pub fn explanation(&self) -> Explanation {
        let (reason, explanation) = match self {
            TlsFailure::CertificateRefused(AlertDescription::CertificateExpired) => (
                CERTIFICATE_REFUSED,
                String::from(
                    "it says that the certificate has expired: `fridge doctor` shows its dates; is the clock right on both machines?",
                ),
            ),
            TlsFailure::CertificateRefused(alert) => (
                CERTIFICATE_REFUSED,
                format!(
                    "it does not trust the certificate (alert {alert:?}): if that is Mattermost's server, `fridge cert` says what it has to trust"
                ),
            ),
            TlsFailure::NotTls => (
                "no TLS",
                String::from(
                    "it did not speak TLS: if that is Mattermost, its URL must begin with https:// and not with http://",
                ),
            ),
            TlsFailure::Incompatible(why) => (
                "no common TLS",
                format!(
                    "it has no TLS version or cipher in common with this gateway, which speaks TLS 1.2 and 1.3 ({why})"
                ),
            ),
            TlsFailure::HungUp => (
                HUNG_UP,
                String::from("it ended the connection before TLS was agreed on, as a port scan does"),
            ),
            TlsFailure::TimedOut(limit) => (
                "no handshake in time",
                format!("its TLS handshake was not done within {} s", limit.as_secs_f32()),
            ),
            TlsFailure::Other(reason) => ("TLS failed", reason.clone()),
        };
        Explanation { reason, explanation }
    }
}

/// A client does not trust our certificate.
pub const CERTIFICATE_REFUSED: &str = "certificate refused";
/// A client ended its connection before TLS was agreed on.
pub const HUNG_UP: &str = "hung up";

/// Receives every event, on the runtime's thread: it must neither block nor panic.
pub trait Observer: Send + Sync + 'static {
    /// Something happened to a connection from that address.
    fn observe(&self, peer: IpAddr, event: Event);
}
