//! One connection to a broker, from its beginning to its end. The protocol is `flowsdk`'s, which does no I/O: here are the
//! socket, TLS, the clock, and the words for what goes wrong.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use flowsdk::mqtt_client::{
    MqttClientOptions, MqttEvent, MqttMessage, NoIoMqttClient, PublishCommand, SubscribeCommand,
};
use flowsdk::mqtt_serde::mqttv5::common::properties::Property;
use flowsdk::mqtt_serde::mqttv5::willv5;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::{sleep_until, timeout};

use super::error::{ANSWER, Error, PATIENCE, hung_up, in_words, protocol, reason};
use super::stream::{Stream, stream};
use super::{Broker, Message, Publication};

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// After this long without a message a ping is sent: a dead broker, and a dead client, are noticed within twice that.
const KEEP_ALIVE_S: u16 = 30;
/// How many messages are in flight at once: a broker takes twenty, unless it says otherwise.
const IN_FLIGHT: usize = 16;
/// The longest message from the broker, in bytes; a larger one ends the connection. Parsing may need forty times that.
const LONGEST_MESSAGE: usize = 256 * 1024;
/// How much may wait to be written, in bytes.
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
/// No repetition changes these: the topic, the size, the payload.
const FINAL: [u8; 3] = [0x90, 0x95, 0x99];

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
    /// The broker does not take that message.
    Refused {
        /// Its number.
        number: u16,
        /// Why.
        reason: String,
        /// Whether it never will.
        is_final: bool,
    },
    /// A subscription begins.
    Subscribed(u16),
    /// There is no such subscription; why.
    NotSubscribed(u16, String),
    /// A message came.
    Message(Message),
    /// The broker answers a ping: what it kept for the subscriptions before has come.
    Pong,
}

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
    subscribing: HashSet<u16>,
    is_pinged: bool,
    /// Since when the broker owes an answer to any of these, or when it gave the last.
    owes_since: Instant,
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
            subscribing: HashSet::new(),
            is_pinged: false,
            owes_since: now,
            chunk: vec![0; CHUNK],
        };
        while !link.client.is_connected() {
            match link.turn().await {
                // A broker that knows no MQTT 5 may say so in the words of an older one.
                Err(Error::Refused(UNSUPPORTED_VERSION) | Error::Protocol(_)) if !is_old => {
                    return Err(Error::Version);
                }
                Err(Error::Broken(_)) => return Err(Error::HungUp),
                turned => turned?,
            }
        }
        Ok(link)
    }

    /// How many messages may be sent now.
    pub fn room(&self) -> usize {
        IN_FLIGHT.saturating_sub(self.in_flight.len())
    }

    /// Whether another one may be.
    pub fn has_room(&self) -> bool {
        self.room() > 0
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
        self.expect();
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
        let number = self.client.subscribe_at(command, Instant::now()).map_err(|error| protocol(&error))?;
        self.expect();
        self.subscribing.insert(number);
        Ok(number)
    }

    /// Asks for a [`Event::Pong`].
    ///
    /// # Errors
    /// [`Error`]; the connection is of no use then.
    pub fn ping(&mut self) -> Result<(), Error> {
        self.expect();
        self.is_pinged = true;
        self.client.ping_at(Instant::now()).map_err(|error| protocol(&error))
    }

    /// Whether the broker owes an answer.
    fn is_owed(&self) -> bool {
        self.is_pinged || !self.in_flight.is_empty() || !self.subscribing.is_empty()
    }

    /// An answer is expected from now on, unless one is already.
    fn expect(&mut self) {
        if !self.is_owed() {
            self.owes_since = Instant::now();
        }
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
            self.client.disconnect_at(Instant::now()).map_err(|error| protocol(&error))?;
            self.collect()?;
            self.writer.write_all(&self.outgoing[self.written..]).await.map_err(Error::Broken)?;
            self.writer.shutdown().await.map_err(Error::Broken)
        };
        // Whatever fails here ends it as well, and a broker that hangs is not waited for.
        drop(timeout(FAREWELL, farewell).await);
    }

    /// Writes, reads, or lets time pass, once.
    async fn turn(&mut self) -> Result<(), Error> {
        self.collect()?;
        if !self.events.is_empty() {
            // So many came at once that they are handed over in parts.
            return Ok(());
        }
        let owed = self.is_owed().then(|| self.owes_since + ANSWER);
        if owed.is_some_and(|owed| owed <= Instant::now()) {
            return Err(Error::Stalled);
        }
        let (writer, rest) = (&mut self.writer, &self.outgoing[self.written..]);
        let (is_idle, rest_len) = (rest.is_empty() && self.is_flushed, rest.len());
        let send = async {
            match rest {
                [] => writer.flush().await.map(|()| None),
                rest => writer.write(rest).await.map(Some),
            }
        };
        let tick = self.client.next_tick_at().into_iter().chain(owed).min();
        let tick = tick.unwrap_or_else(|| Instant::now() + PATIENCE);
        let is_read = rest_len < LONGEST_QUEUE;
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
            // Who does not read is not read from: each message asks for an answer.
            read = self.reader.read(&mut self.chunk), if is_read => {
                let read = read.map_err(Error::Broken)?;
                if read == 0 {
                    return Err(hung_up());
                }
                let events = self.client.handle_incoming_at(&self.chunk[..read], Instant::now());
                self.take(events.map_err(|error| protocol(&error))?)?;
            }
            () = sleep_until(tick.into()) => {
                let now = Instant::now();
                if self.client.next_tick_at().is_none_or(|tick| tick > now) {
                    return Ok(());
                }
                let events = self.client.handle_tick_at(now);
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
                    self.owes_since = Instant::now();
                    match result.reason_code.filter(|code| *code >= FIRST_ERROR) {
                        Some(code) => {
                            Event::Refused { number, reason: in_words(code), is_final: FINAL.contains(&code) }
                        }
                        None => Event::Taken(number),
                    }
                }
                MqttEvent::Subscribed(result) => {
                    let (number, codes) = (result.packet_id, result.reason_codes);
                    self.subscribing.remove(&number);
                    self.owes_since = Instant::now();
                    match codes.into_iter().find(|code| *code >= FIRST_ERROR) {
                        Some(code) => Event::NotSubscribed(number, in_words(code)),
                        None => Event::Subscribed(number),
                    }
                }
                MqttEvent::MessageReceived(MqttMessage { topic_name, payload, retain, .. }) => {
                    Event::Message(Message { topic: topic_name, payload, is_retained: retain })
                }
                MqttEvent::PingResponse(_) => {
                    (self.is_pinged, self.owes_since) = (false, Instant::now());
                    Event::Pong
                }
                MqttEvent::DisconnectReceived { reason_code: TAKEN_OVER, .. } => {
                    return Err(Error::TakenOver);
                }
                MqttEvent::DisconnectReceived { reason_code, .. } => return Err(Error::Ended(reason_code)),
                MqttEvent::Disconnected(_) | MqttEvent::ReconnectNeeded => return Err(hung_up()),
                MqttEvent::OperationFailed { packet_id: Some(number), error, .. }
                    if self.in_flight.remove(&number) =>
                {
                    Event::Refused { number, reason: reason(&error), is_final: false }
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
