//! What is on its way to the broker: what it keeps, what is sent once, and what waits for its turn.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tracing::warn;

use super::identity::{Identity, ONLINE, Writer};
use super::missed::{self, Missed};
use super::payload::{self, AlarmChange, Head, Once, Readings, SCHEMA, Status};
use super::readings::{MOST, Piece};
use super::replies::Replies;
use super::retained::Retained;
use super::sent::Sent;
use super::states;
use super::{Config, CurrentChat, discovery};
use crate::alarm::Alarm;
use crate::chat::Chat;
use crate::mqtt::{Error, Link, Message, Publication};
use crate::notify::DeliveryStatuses;
use crate::reading::Stamp;

/// What the broker keeps of a fridge is sent every minute, and of no use after three of these.
const EXPIRY: Duration = Duration::from_secs(180);
/// So many messages wait at most; what is read then is sent afterwards, from the history.
const MOST_WAITING: usize = 256;

/// What is on its way to the broker.
pub struct Outgoing {
    config: Config,
    /// Whether there is anybody who is told of alarms.
    tells: bool,
    label: String,
    chat: Arc<CurrentChat>,
    statuses: DeliveryStatuses,
    identity: Identity,
    /// The number of the last message that is sent once.
    sequence: u64,
    missed: Missed,
    /// What Home Assistant is told.
    announced: Retained,
    /// Whether that marks them as simulated.
    is_announced_simulated: bool,
    retained: Retained,
    waiting: VecDeque<(Publication, Sent)>,
    /// What other gateways are told, sent behind everything else.
    pub replies: Replies,
    sent: HashMap<u16, Sent>,
    /// Up to where what is sent afterwards is on its way.
    late_until: Option<Timestamp>,
    /// What the broker said when it refused a message.
    refusal: Option<String>,
}

impl Outgoing {
    /// Nothing yet. How far the broker has come is noted in that folder.
    pub async fn new(
        (config, tells): (Config, bool),
        chat: Arc<CurrentChat>,
        state: &Path,
        statuses: DeliveryStatuses,
    ) -> Outgoing {
        let started = chat().gateway().now();
        let folder = state.to_owned();
        // In a thread of its own: no answer waits for a disk. What ended by a bug has read nothing.
        let read = spawn_blocking(move || Missed::read(&folder, started)).await;
        let (instance, missed) = read.unwrap_or_else(|_| Missed::read(Path::new(""), started));
        let identity = Identity { instance, boot: format!("{:016x}", fastrand::u64(..)) };
        Outgoing {
            label: config.label(),
            config,
            tells,
            chat,
            statuses,
            identity,
            sequence: 0,
            missed,
            announced: Retained::default(),
            is_announced_simulated: false,
            retained: Retained::default(),
            waiting: VecDeque::new(),
            replies: Replies::default(),
            sent: HashMap::new(),
            late_until: None,
            refusal: None,
        }
    }

    /// Which gateway this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A connection begins: all that the broker keeps is sent, and what it has missed.
    pub fn begin(&mut self, chat: &Chat) {
        self.missed.connected(self.now());
        self.late_until = None;
        self.retained.forget();
        self.send_status(ONLINE);
        self.announce(chat);
        self.look(chat, true);
    }

    /// Whether all was taken that was sent.
    pub fn is_taken(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether a message about alarms can wait here.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    /// Sends a message about alarms.
    pub fn send_mail(&mut self, (payload, waits): super::Mail) {
        let publication = Publication::new(self.config.topics.messages(), payload, false);
        self.waiting.push_back((publication, Sent::Mail(waits)));
    }

    /// Has all removed that the broker keeps.
    pub fn remove(&mut self) {
        for kept in [&mut self.announced, &mut self.retained] {
            kept.begin();
            kept.done();
        }
        let status = self.retain(self.config.topics.status(), Vec::new());
        self.waiting.push_back((status, Sent::Retained));
    }

    /// Part of what happens is not seen here.
    pub fn lost_sight(&mut self) {
        self.missed.lost_sight(self.now());
    }

    /// Sends what there is room for.
    pub fn fill(&mut self, link: &mut Link) -> Result<(), Error> {
        while link.has_room() {
            let (publication, sent) = match self.waiting.pop_front() {
                Some(waiting) => waiting,
                None => match self.announced.next().or_else(|| self.retained.next()) {
                    Some((topic, payload)) => (self.retain(topic, payload), Sent::Retained),
                    None => match self.reply() {
                        Some(reply) => (reply, Sent::Once),
                        None => break,
                    },
                },
            };
            match link.publish(publication) {
                Ok(number) => drop(self.sent.insert(number, sent)),
                // Too large for the broker, or nothing that it takes.
                Err(Error::Protocol(reason)) => self.refuse(sent, &reason),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next message to another gateway: nobody waits for it for long.
    fn reply(&mut self) -> Option<Publication> {
        let mut replies = std::mem::take(&mut self.replies);
        let reply = replies.next(&self.config.topics, self.head());
        self.replies = replies;
        reply.map(|reply| Publication { expiry: Some(EXPIRY), ..reply })
    }

    /// The broker has taken the message of that number.
    pub fn taken(&mut self, number: u16) {
        match self.sent.remove(&number) {
            Some(Sent::Live(sequence)) => self.missed.taken(sequence),
            // Who asked may be gone.
            Some(Sent::Mail(waits)) => drop(waits.send(Ok(()))),
            Some(Sent::Retained | Sent::Once | Sent::Late) | None => {}
        }
        self.statuses.arrived(&self.label, self.now().wall);
    }

    /// The broker does not take the message of that number. What it never will is given up. Whether it may be taken later,
    /// after a pause: then it counts as missed.
    pub fn refused(&mut self, number: u16, reason: &str, is_final: bool) -> bool {
        let Some(sent) = self.sent.remove(&number) else { return false };
        let is_missed = !is_final && matches!(sent, Sent::Live(_) | Sent::Late);
        if is_missed {
            self.sent.insert(number, sent);
            self.note_refusal(reason);
        } else {
            self.refuse(sent, reason);
        }
        is_missed
    }

    fn refuse(&mut self, sent: Sent, reason: &str) {
        match sent {
            Sent::Live(sequence) => self.missed.taken(sequence),
            // Who asked may be gone.
            Sent::Mail(waits) => drop(waits.send(Err(reason.to_owned()))),
            Sent::Retained | Sent::Once | Sent::Late => {}
        }
        self.note_refusal(reason);
    }

    fn note_refusal(&mut self, reason: &str) {
        self.statuses.failed(&self.label, reason);
        let place = &self.config.topics.gateway;
        self.refusal = Some(format!("what is published below fridge/{place} is refused: {reason}"));
    }

    /// What the broker said when it refused a message, once.
    pub fn take_refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }

    /// Who waits for what was not taken is told so.
    pub fn give_back(&mut self) {
        self.replies.clear();
        let waiting = self.waiting.drain(..).map(|(_, sent)| sent);
        for sent in waiting.chain(self.sent.drain().map(|(_, sent)| sent)) {
            if let Sent::Mail(waits) = sent {
                // Who asked may be gone.
                drop(waits.send(Err(String::from("the connection to the broker broke off"))));
            }
        }
    }

    /// Compares what is known with what the broker keeps. Everything of the fridges is sent again where it `is_due`.
    pub fn look(&mut self, chat: &Chat, is_due: bool) {
        let mut retained = std::mem::take(&mut self.retained);
        let is_simulated = states::look(chat, &self.config.topics, self.head(), is_due, &mut retained);
        self.retained = retained;
        if is_simulated != self.is_announced_simulated {
            self.announce(chat);
        }
    }

    /// Tells Home Assistant what there is, all of it.
    pub fn announce(&mut self, chat: &Chat) {
        self.is_announced_simulated = discovery::announce(chat, &self.config.topics, &mut self.announced);
    }

    /// Says whether the gateway lives.
    pub fn send_status(&mut self, status: &'static str) {
        let payload = self.status(status);
        let publication = self.retain(self.config.topics.status(), payload);
        // One that waits still is outdated.
        self.waiting.retain(|(waiting, _)| waiting.topic != publication.topic);
        self.waiting.push_front((publication, Sent::Retained));
    }

    /// A status.
    pub fn status(&self, status: &'static str) -> Vec<u8> {
        let chat = (self.chat)();
        let gateway = chat.gateway();
        payload::json(&Status {
            head: self.head(),
            status,
            instance: &self.identity.instance,
            name: gateway.name(),
            version: env!("CARGO_PKG_VERSION"),
            simulated: gateway.snapshot().is_own_simulated(),
            fridges: gateway.own_fridges().count(),
            tells: self.tells,
            acts_from: &self.config.acts_from,
            sequence: self.sequence,
        })
    }

    /// Readings of a sweep that began then, or of the past.
    pub fn send_readings(&mut self, readings: &[payload::Reading], live: Option<Stamp>) {
        if live.is_some() && !self.has_room() {
            self.lost_sight();
            return;
        }
        for readings in readings.chunks(MOST) {
            let topic = self.config.topics.readings();
            self.send_once(topic, live, |once| payload::json(&Readings { once, readings }));
        }
    }

    /// A change of an alarm that happened then, or in the past.
    pub fn send_alarm(&mut self, alarm: &Alarm, live: Option<Stamp>) {
        if live.is_some() && !self.has_room() {
            self.lost_sight();
            return;
        }
        let topic = self.config.topics.alarm();
        self.send_once(topic, live, |once| payload::json(&AlarmChange { once, alarm }));
    }

    /// What is sent once, with a number; of the past where it is not `live`.
    fn send_once(&mut self, topic: String, live: Option<Stamp>, payload: impl FnOnce(Once<'_>) -> Vec<u8>) {
        self.sequence += 1;
        let simulated = (self.chat)().gateway().snapshot().is_own_simulated();
        let sequence = self.sequence;
        let sent = match live {
            Some(at) => {
                self.missed.sent(sequence, at);
                Sent::Live(sequence)
            }
            None => Sent::Late,
        };
        let (head, complete_to) = (self.head(), self.missed.complete_to(&self.now()));
        let payload = payload(Once { head, sequence, late: live.is_none(), simulated, complete_to });
        let publication = Publication::new(topic, payload, false);
        self.waiting.push_back((publication, sent));
    }

    /// Whether all that was sent afterwards was taken.
    fn is_free_for_late(&self) -> bool {
        let is_late = |sent: &Sent| matches!(sent, Sent::Late);
        !self.sent.values().any(is_late) && !self.waiting.iter().any(|(_, sent)| is_late(sent))
    }

    /// What is to be sent afterwards next, once what was sent so has been taken.
    pub fn late(&mut self) -> Option<(Timestamp, Timestamp)> {
        if !self.is_free_for_late() {
            return None;
        }
        let now = self.now();
        if let Some(until) = self.late_until.take() {
            self.missed.caught_up(until, &now);
        }
        self.missed.late(&now)
    }

    /// Sends a part of what is to be sent afterwards.
    pub fn send_late(&mut self, piece: &Piece) {
        self.send_readings(&piece.readings, None);
        for alarm in &piece.alarms {
            self.send_alarm(alarm, None);
        }
        self.late_until = Some(piece.to);
    }

    fn head(&self) -> Head<'_> {
        Head {
            schema: SCHEMA,
            gateway: &self.config.topics.gateway,
            boot: &self.identity.boot,
            t: self.now().wall,
        }
    }

    /// What the broker keeps of a fridge is of no use for long; what it keeps of anything else is.
    fn retain(&self, topic: String, payload: Vec<u8>) -> Publication {
        let is_of_fridge = topic.starts_with(&self.config.topics.fridge(""));
        let expiry = Some(EXPIRY).filter(|_| is_of_fridge && !payload.is_empty());
        Publication { expiry, ..Publication::new(topic, payload, true) }
    }

    /// Says how much waits.
    pub fn tell_waiting(&self) {
        self.statuses.waiting(
            &self.label,
            (self.waiting.len() + self.sent.len() + self.announced.unsent() + self.retained.unsent(), None),
        );
    }

    /// Notes on the disk how far the broker has come.
    pub async fn keep_note(&self) {
        let note = self.missed.note(&self.identity.instance, &self.now());
        let kept = spawn_blocking(move || missed::keep(note)).await;
        if let Ok(Err(error)) = kept {
            warn!("cannot save up to which reading {} is up to date: {error}", self.label);
        }
    }

    fn now(&self) -> Stamp {
        (self.chat)().gateway().now()
    }

    /// Takes in what the broker keeps. Returns whether another gateway has this name and goes first.
    pub fn heard(&mut self, message: &Message) -> bool {
        let topics = &self.config.topics;
        if message.topic != topics.status() {
            if message.is_retained && !message.payload.is_empty() {
                let is_of_fridge = message.topic.starts_with(&topics.fridge(""));
                let kept = if is_of_fridge { &mut self.retained } else { &mut self.announced };
                kept.found(&message.topic);
            }
            return false;
        }
        if message.is_retained {
            // It was looked at before.
            return false;
        }
        match self.identity.writer(&message.payload, false, &self.now()) {
            Writer::Other { is_first: true } => return true,
            // The will of an earlier run comes late.
            Writer::Other { is_first: false } | Writer::Ended => self.send_status(ONLINE),
            Writer::Nobody | Writer::Doubtful => {}
        }
        false
    }
}
