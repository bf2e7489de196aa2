//! What goes wrong between us and a broker, in words.

use std::io;
use std::time::Duration;

use flowsdk::mqtt_client::MqttClientError;

use crate::https::connector;

/// How long the broker may take to accept a connection …
pub const PATIENCE: Duration = Duration::from_secs(30);
/// … and to answer a message.
pub const ANSWER: Duration = Duration::from_secs(60);

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] connector::Error),
    /// The name is not one that a certificate can hold.
    #[error("`{0}` is not a host name that a certificate can hold")]
    Name(String),
    /// Nobody answers there, or the TLS handshake failed.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// It takes too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// The broker does not take us.
    #[error("the broker refuses the connection: {}", refusal(*.0))]
    Refused(u8),
    /// It knows an older version only.
    #[error("the broker does not speak MQTT 5")]
    Version,
    /// Another client has the same name.
    #[error("another client has connected with the same client ID")]
    TakenOver,
    /// The broker ended it.
    #[error("the broker has ended the connection: {}", in_words(*.0))]
    Ended(u8),
    /// It broke off.
    #[error("the connection broke off: {0}")]
    Broken(io::Error),
    /// It broke off before the broker said anything: one that knows an older version only may do that.
    #[error("the broker hangs up at once")]
    HungUp,
    /// The broker does not answer any more.
    #[error("the broker has not answered for {} s", ANSWER.as_secs())]
    Stalled,
    /// What arrives is not MQTT.
    #[error("what answers there does not speak MQTT: {0}")]
    Protocol(String),
}

/// It broke off without a word.
pub fn hung_up() -> Error {
    Error::Broken(io::ErrorKind::UnexpectedEof.into())
}

/// What the library says.
pub fn protocol(error: &MqttClientError) -> Error {
    match error {
        MqttClientError::ConnectionRefused { reason_code, .. } => Error::Refused(*reason_code),
        MqttClientError::ConnectionLost { .. } | MqttClientError::NotConnected => hung_up(),
        other => Error::Protocol(reason(other)),
    }
}

/// What went wrong, without the bytes that came: they may hold anything.
pub fn reason(error: &MqttClientError) -> String {
    match error {
        MqttClientError::PacketParsing { .. } => String::from("a packet cannot be read"),
        MqttClientError::PublishFailed { reason_code, .. } => in_words(*reason_code),
        other => other.to_string(),
    }
}

/// Why a connection is refused: mosquitto says "not authorized" of a wrong password, too.
fn refusal(code: u8) -> String {
    match code {
        0x86 | 0x87 => String::from("not authorized: are `user` and `password` right?"),
        code => in_words(code),
    }
}

/// What a reason code of MQTT 5 means (section 2.4 of the standard), and what to do where that is known.
pub fn in_words(code: u8) -> String {
    let words = match code {
        0x84 => "unsupported version of MQTT",
        0x85 => "client ID not accepted",
        0x86 => "wrong user or password",
        0x87 => "not authorized by the broker's ACL",
        0x88 => "server unavailable",
        0x89 => "server busy",
        0x8A => "this client is banned",
        0x8B => "server shutting down",
        0x8D => "keep-alive timeout",
        0x8F | 0x90 => "topic not accepted",
        0x93 => "too many messages in flight",
        0x95 => "message too large",
        0x97 => "quota exceeded",
        0x9A => "retained messages not supported",
        0x9B => "QoS 1 not supported",
        0xA1 | 0xA2 => "subscription not supported",
        code => return format!("reason 0x{code:02X}"),
    };
    words.to_owned()
}
