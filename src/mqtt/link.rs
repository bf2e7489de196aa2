//! One connection to a broker, from its beginning to its end. The protocol is `flowsdk`'s, which does no I/O: here are the
//! socket, TLS, the clock, and the words for what goes wrong.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use flowsdk::mqtt_client::{
    MqttClientError, MqttClientOptions, MqttEvent, MqttMessage, NoIoMqttClient, PublishCommand,
    SubscribeCommand,
};
use flowsdk::mqtt_serde::mqttv5::common::properties::Property;
use flowsdk::mqtt_serde::mqttv5::willv5;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use super::{Broker, Message, Publication};
use crate::https::connector::{self, connector};

/// The broker may take so long to take a connection …
const PATIENCE: Duration = Duration::from_secs(30);
/// … and so long to take a farewell.
const FAREWELL: Duration = Duration::from_secs(2);
/// Where nothing is sent for so long, a ping is: a dead broker, and a dead client, are noticed within twice that.
const KEEP_ALIVE_S: u16 = 30;
/// So many messages are on their way at once: a broker takes twenty, unless it says otherwise.
const IN_FLIGHT: usize = 16;
/// A message from the broker has at most so many bytes; a larger one ends the connection. What is parsed of it may take
/// forty times as much.
const LONGEST_MESSAGE: usize = 256 * 1024;
/// What is sent waits in at most so many bytes.
const LONGEST_QUEUE: usize = 8 * 1024 * 1024;
/// What is read at a time.
const CHUNK: usize = 16 * 1024;
/// Nothing is sent twice within one connection: TCP does that, and a broken one is begun anew. A broker that stalls would
/// take the second answer for an error.
const NEVER_AGAIN_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// MQTT's names for its versions.
const VERSION_5: u8 = 5;
const VERSION_3_1_1: u8 = 4;
/// From here on a reason code of MQTT 5 is an error.
const FIRST_ERROR: u8 = 0x80;
const UNSUPPORTED_VERSION: u8 = 0x84;
const TAKEN_OVER: u8 = 0x8E;

/// The message that the broker publishes when the connection breaks off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Where to.
    pub topic: String,
    /// What. The broker keeps it.
    pub payload: Vec<u8>,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The broker has taken that message.
    Taken(u16),
    /// The broker does not take that message, now or ever; why.
    Refused(u16, String),
    /// A subscription begins.
    Subscribed(u16),
    /// There is no such subscription; why.
    NotSubscribed(u16, String),
    /// A message came.
    Message(Message),
    /// The broker answers a ping: what it kept for the subscriptions before has come.
    Pong,
}

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] connector::Error),
    /// The name is none that a certificate could hold.
    #[error("`{0}` is not the name of a machine")]
    Name(String),
    /// Nobody answers there, or the TLS handshake failed.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// It takes too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// The broker does not take us.
    #[error("the broker refuses the connection: {}", in_words(*.0))]
    Refused(u8),
    /// It knows an older version only.
    #[error("the broker does not speak MQTT 5")]
    Version,
    /// Another client has the same name.
    #[error("another client with the same name has connected")]
    TakenOver,
    /// The broker ended it.
    #[error("the broker has ended the connection: {}", in_words(*.0))]
    Ended(u8),
    /// It broke off.
    #[error("the connection broke off: {0}")]
    Broken(io::Error),
    /// What comes is no MQTT.
    #[error("what answers there does not speak MQTT: {0}")]
    Protocol(String),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub struct Link {
    client: NoIoMqttClient<Instant>,
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    outgoing: Vec<u8>,
    /// How much of that is written.
    written: usize,
    is_flushed: bool,
    events: VecDeque<Event>,
    in_flight: HashSet<u16>,
    chunk: Vec<u8>,
}

impl Link {
    /// Connects under that name, which no other client of the broker may have.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::Version`], `is_old` may help.
    pub async fn connect(
        broker: &Broker,
        name: &str,
        will: Option<Will>,
        is_old: bool,
    ) -> Result<Link, Error> {
        let connected = Link::connect_patiently(broker, name, will, is_old);
        timeout(PATIENCE, connected).await.unwrap_or(Err(Error::TimedOut))
    }

    async fn connect_patiently(
        broker: &Broker,
        name: &str,
        will: Option<Will>,
        is_old: bool,
    ) -> Result<Link, Error> {
        let stream = stream(broker).await?;
        let mut options = MqttClientOptions::builder()
            .client_id(name)
            .mqtt_version(if is_old { VERSION_3_1_1 } else { VERSION_5 })
            .clean_start(true)
            .keep_alive(KEEP_ALIVE_S)
            .ping_timeout_multiplier(1)
            .reconnect(false)
            .auto_ack(true)
            .retransmission_timeout_ms(NEVER_AGAIN_MS)
            .receive_maximum(IN_FLIGHT as u16)
            .maximum_packet_size(LONGEST_MESSAGE as u32)
            .max_incoming_packet_size(LONGEST_MESSAGE)
            .max_incoming_buffer_bytes(LONGEST_MESSAGE + CHUNK)
            .max_outgoing_buffer_bytes(LONGEST_QUEUE);
        if let Some(user) = &broker.user {
            options = options.username(user.as_str());
        }
        if let Some(password) = &broker.password {
            options = options.password(password.expose().as_bytes());
        }
        if let Some(Will { topic, payload }) = will {
            options = options.will(willv5::Will::new(topic, payload, 1, true));
        }
        let now = Instant::now();
        let mut client =
            NoIoMqttClient::try_new_at(options.build(), now).map_err(|error| protocol(&error))?;
        client.connect_at(now).map_err(|error| protocol(&error))?;
        let (reader, writer) = split(stream);
        let mut link = Link {
            client,
            reader,
            writer,
            outgoing: Vec::new(),
            written: 0,
            is_flushed: true,
            events: VecDeque::new(),
            in_flight: HashSet::new(),
            chunk: vec![0; CHUNK],
        };
        while !link.client.is_connected() {
            match link.turn().await {
                // A broker that knows no MQTT 5 may say so, in the words of an older one, or say nothing at all.
                Err(Error::Refused(UNSUPPORTED_VERSION) | Error::Broken(_) | Error::Protocol(_))
                    if !is_old =>
                {
                    return Err(Error::Version);
                }
                turned => turned?,
            }
        }
        Ok(link)
    }

    /// Whether another message may be sent now.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT
    }

    /// Sends a message, as soon as somebody waits for [`Link::next`]; returns its number, by which that tells what became of
    /// it.
    ///
    /// # Errors
    /// [`Error`]; the connection is of no use then.
    pub fn publish(&mut self, publication: Publication) -> Result<u16, Error> {
        let Publication { topic, payload, is_retained, expiry } = publication;
        let mut command = PublishCommand::simple(topic, payload, 1, is_retained);
        if let (Some(expiry), VERSION_5) = (expiry, self.client.mqtt_version()) {
            let seconds = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
            command.properties.push(Property::MessageExpiryInterval(seconds));
        }
        let sent = self.client.publish_at(command, Instant::now()).map_err(|error| protocol(&error))?;
        let number = sent.ok_or_else(|| Error::Protocol(String::from("a message has no number")))?;
        self.in_flight.insert(number);
        Ok(number)
    }

    /// Subscribes to whatever matches; returns a number by which [`Link::next`] tells what became of that. Nothing of it is
    /// acknowledged.
    ///
    /// # Errors
    /// [`Error`]; the connection is of no use then.
    pub fn subscribe(&mut self, filter: &str) -> Result<u16, Error> {
        let command = SubscribeCommand::builder()
            .add_topic_with_options(filter, 0, self.client.mqtt_version() == VERSION_5, false, 0)
            .build()
            .map_err(|error| Error::Protocol(error.to_string()))?;
        self.client.subscribe_at(command, Instant::now()).map_err(|error| protocol(&error))
    }

    /// Asks for a [`Event::Pong`].
    ///
    /// # Errors
    /// [`Error`]; the connection is of no use then.
    pub fn ping(&mut self) -> Result<(), Error> {
        self.client.ping_at(Instant::now()).map_err(|error| protocol(&error))
    }

    /// What happens next. Whoever stops waiting loses nothing.
    ///
    /// # Errors
    /// [`Error`]; the connection is of no use then.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.turn().await?;
        }
    }

    /// Ends the connection. The will is not published.
    pub async fn end(mut self) {
        let farewell = async {
            // Whatever fails here ends it as well.
            if self.client.disconnect_at(Instant::now()).is_ok() {
                self.collect().ok();
                self.writer.write_all(&self.outgoing[self.written..]).await.ok();
                self.writer.shutdown().await.ok();
            }
        };
        // A broker that hangs is not waited for.
        timeout(FAREWELL, farewell).await.ok();
    }

    /// Writes, reads, or lets time pass, once.
    async fn turn(&mut self) -> Result<(), Error> {
        self.collect()?;
        if !self.events.is_empty() {
            // So many came at once that they are handed over in parts.
            return Ok(());
        }
        let (writer, rest) = (&mut self.writer, &self.outgoing[self.written..]);
        let is_idle = rest.is_empty() && self.is_flushed;
        let send = async {
            match rest {
                [] => writer.flush().await.map(|()| None),
                rest => writer.write(rest).await.map(Some),
            }
        };
        let tick = self.client.next_tick_at().unwrap_or_else(|| Instant::now() + PATIENCE);
        tokio::select! {
            sent = send, if !is_idle => match sent.map_err(Error::Broken)? {
                Some(0) => return Err(hung_up()),
                Some(written) => {
                    self.written += written;
                    self.is_flushed = false;
                    if self.written == self.outgoing.len() {
                        self.outgoing.clear();
                        self.written = 0;
                    }
                }
                None => self.is_flushed = true,
            },
            read = self.reader.read(&mut self.chunk) => {
                let read = read.map_err(Error::Broken)?;
                if read == 0 {
                    return Err(hung_up());
                }
                let events = self.client.handle_incoming_at(&self.chunk[..read], Instant::now());
                self.take(events.map_err(|error| protocol(&error))?)?;
            }
            () = sleep_until(tick.into()) => {
                let events = self.client.handle_tick_at(Instant::now());
                self.take(events.map_err(|error| protocol(&error))?)?;
            }
        }
        Ok(())
    }

    /// Takes what is to be written.
    fn collect(&mut self) -> Result<(), Error> {
        let bytes = self.client.take_outgoing_at(Instant::now()).map_err(|error| protocol(&error))?;
        self.outgoing.extend(bytes);
        let events = self.client.take_events();
        self.take(events)
    }

    fn take(&mut self, events: Vec<MqttEvent>) -> Result<(), Error> {
        for event in events {
            let event = match event {
                MqttEvent::Connected(result) => match result.reason_code {
                    0 => continue,
                    refused => return Err(self.refused(refused)),
                },
                MqttEvent::Published(result) => {
                    let Some(number) = result.packet_id else { continue };
                    self.in_flight.remove(&number);
                    match result.reason_code.filter(|code| *code >= FIRST_ERROR) {
                        Some(code) => Event::Refused(number, in_words(code)),
                        None => Event::Taken(number),
                    }
                }
                MqttEvent::Subscribed(result) => {
                    match result.reason_codes.iter().find(|code| **code >= FIRST_ERROR) {
                        Some(code) => Event::NotSubscribed(result.packet_id, in_words(*code)),
                        None => Event::Subscribed(result.packet_id),
                    }
                }
                MqttEvent::MessageReceived(MqttMessage { topic_name, payload, retain, .. }) => {
                    Event::Message(Message { topic: topic_name, payload, is_retained: retain })
                }
                MqttEvent::PingResponse(_) => Event::Pong,
                MqttEvent::DisconnectReceived { reason_code: TAKEN_OVER, .. } => {
                    return Err(Error::TakenOver);
                }
                MqttEvent::DisconnectReceived { reason_code, .. } => return Err(Error::Ended(reason_code)),
                MqttEvent::Disconnected(_) | MqttEvent::ReconnectNeeded => return Err(hung_up()),
                MqttEvent::OperationFailed { packet_id: Some(number), error, .. }
                    if self.in_flight.remove(&number) =>
                {
                    Event::Refused(number, reason(&error))
                }
                MqttEvent::Error(error) | MqttEvent::OperationFailed { error, .. } => {
                    return Err(protocol(&error));
                }
                _ => continue,
            };
            self.events.push_back(event);
        }
        Ok(())
    }

    /// The reasons of MQTT 3.1.1 have other numbers.
    fn refused(&self, code: u8) -> Error {
        Error::Refused(match code {
            1 => UNSUPPORTED_VERSION,
            2 => 0x85,
            3 => 0x88,
            4 => 0x86,
            5 => 0x87,
            of_5 => of_5,
        })
    }
}

/// The way to the broker.
async fn stream(broker: &Broker) -> Result<Box<dyn Stream>, Error> {
    let socket = TcpStream::connect((broker.host.as_str(), broker.port)).await.map_err(Error::Connect)?;
    // Small messages do not wait for one another.
    socket.set_nodelay(true).map_err(Error::Connect)?;
    let Some(tls) = &broker.tls else { return Ok(Box::new(socket)) };
    let name = ServerName::try_from(broker.host.clone()).map_err(|_| Error::Name(broker.host.clone()))?;
    let connector = connector(tls.ca.as_deref(), tls.identity.as_ref())?;
    Ok(Box::new(connector.connect(name, socket).await.map_err(Error::Connect)?))
}

fn hung_up() -> Error {
    Error::Broken(io::ErrorKind::UnexpectedEof.into())
}

fn protocol(error: &MqttClientError) -> Error {
    match error {
        MqttClientError::ConnectionRefused { reason_code, .. } => Error::Refused(*reason_code),
        MqttClientError::ConnectionLost { .. } | MqttClientError::NotConnected => hung_up(),
        other => Error::Protocol(reason(other)),
    }
}

/// What went wrong, without the bytes that came: they may hold anything.
fn reason(error: &MqttClientError) -> String {
    match error {
        MqttClientError::PacketParsing { .. } => String::from("a packet cannot be read"),
        MqttClientError::PublishFailed { reason_code, .. } => in_words(*reason_code),
        other => other.to_string(),
    }
}

/// What a reason code of MQTT 5 means (section 2.4 of the standard), and what to do where that is known.
fn in_words(code: u8) -> String {
    let words = match code {
        0x84 => "it does not speak this version of MQTT",
        0x85 => "it does not take the client's name",
        0x86 => "the user or the password is wrong",
        0x87 => "not authorized: the broker's ACL does not allow it",
        0x88 => "it is not available",
        0x89 => "it is busy",
        0x8A => "this client is banned",
        0x8B => "it is shutting down",
        0x8D => "it has heard nothing for too long",
        0x8F | 0x90 => "it does not take that topic",
        0x93 => "too many messages are on their way",
        0x95 => "the message is too large",
        0x97 => "a quota is used up",
        0x9A => "it keeps no messages",
        0x9B => "it does not take QoS 1",
        0xA1 | 0xA2 => "it does not take that kind of subscription",
        code => return format!("reason 0x{code:02X}"),
    };
    words.to_owned()
}
