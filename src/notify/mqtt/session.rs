//! The life of the connection to a broker: connect, say what is known, then each thing as it happens, until it breaks off;
//! then again, later and later.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tracing::{info, warn};

use super::identity::{OFFLINE, ONLINE};
use super::outgoing::Outgoing;
use super::readings::{self, Piece};
use super::{Config, Ending, Mail, Sources};
use crate::chat::Chat;
use crate::gateway::Unread;
use crate::history::PastError;
use crate::mqtt::{Error, Event, Link, Will};
use crate::notify::DeliveryStatuses;
use crate::recorder::Observation;

/// Until the first repetition; each later one waits twice as long …
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasts so long has worked.
const STEADY: Duration = Duration::from_secs(10);
/// While another gateway has the same name, it is looked for so often.
const OTHER_WAIT: Duration = Duration::from_secs(60);
/// Everything that the broker keeps is sent again so often, because what is old is not shown as live.
const EACH: Duration = Duration::from_secs(60);
/// Buses that are swept at the same time are told together.
const TOGETHER: Duration = Duration::from_millis(50);
/// It is noted so often how far the broker has come.
const BETWEEN_NOTES: Duration = Duration::from_secs(5 * 60);

/// A connection that can go no further.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Link(#[from] Error),
    #[error(
        "another gateway publishes as `{0}` there: give one of them another name, with `gateway` in [mqtt]"
    )]
    Other(String),
    /// It is to end.
    #[error("ended")]
    Ended(Ending),
}

/// A part of the past that is being read.
type Reading = Pin<Box<dyn Future<Output = Result<Result<Piece, PastError>, Unread>> + Send>>;

/// Publishes until it is told to end.
pub struct Session {
    config: Config,
    label: String,
    sources: Sources,
    statuses: DeliveryStatuses,
    outgoing: Outgoing,
    mailbox: mpsc::Receiver<Mail>,
    ends: watch::Receiver<Ending>,
    /// Whether the broker knows the older version of MQTT only.
    is_old: bool,
    /// What was told of the connections that failed; nothing since one has worked.
    told: Option<String>,
}

impl Session {
    /// Has not begun.
    pub fn new(
        config: Config,
        sources: Sources,
        statuses: DeliveryStatuses,
        mailbox: mpsc::Receiver<Mail>,
        ends: watch::Receiver<Ending>,
    ) -> Session {
        let chat = Arc::clone(&sources.chat);
        let outgoing = Outgoing::new(config.clone(), chat, &sources.state, statuses.clone());
        let label = config.label();
        Session { config, label, sources, statuses, outgoing, mailbox, ends, is_old: false, told: None }
    }

    /// Publishes until it is told to end.
    pub async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let began = Instant::now();
            let Err(failure) = self.connection().await;
            if let Failure::Ended(_) = failure {
                break;
            }
            if let (Failure::Link(Error::Version), false) = (&failure, self.is_old) {
                self.is_old = true;
                continue;
            }
            // It may only have broken off at the wrong moment.
            self.is_old = false;
            self.outgoing.give_back();
            // A broker that refuses a message may end the connection as well.
            let reason = self.outgoing.take_refusal().unwrap_or_else(|| failure.to_string());
            self.statuses.failed(&self.label, &reason);
            if began.elapsed() >= STEADY {
                (wait, self.told) = (FIRST_WAIT, None);
            }
            self.tell(reason);
            // Spread, so that many gateways do not come back at the same moment.
            let pause = match failure {
                Failure::Other(_) => OTHER_WAIT,
                _ => wait.mul_f64(0.5 + fastrand::f64() / 2.0),
            };
            wait = (wait * 2).min(LONGEST_WAIT);
            if self.is_ended_within(pause).await {
                break;
            }
        }
        self.outgoing.keep_note().await;
    }

    /// Says what fails, once.
    fn tell(&mut self, reason: String) {
        if self.told.as_ref() != Some(&reason) {
            warn!("not everything reaches the {}, trying again: {reason}", self.label);
            self.told = Some(reason);
        }
    }

    /// Lets that time pass; messages about alarms are given back meanwhile. Whether it is to end.
    async fn is_ended_within(&mut self, pause: Duration) -> bool {
        let end = sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return false,
                _ = ending(&mut self.ends) => return true,
                Some((_, taken)) = self.mailbox.recv() => {
                    // Who asked may be gone.
                    drop(taken.send(Err(String::from("there is no connection to the broker"))));
                }
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&mut self) -> Result<Infallible, Failure> {
        let will = Will { topic: self.config.topics.status(), payload: self.outgoing.status(OFFLINE) };
        let name = self.config.topics.client_name(&self.outgoing.identity().instance);
        let mut link = tokio::select! {
            link = Link::connect(&self.config.broker, &name, Some(will), self.is_old) => link?,
            ending = ending(&mut self.ends) => return Err(Failure::Ended(ending)),
        };
        let Err(failure) = self.conversation(&mut link).await;
        match failure {
            // The will would be published in the other one's name.
            Failure::Other(_) => link.end().await,
            Failure::Ended(ending) => self.farewell(link, ending).await?,
            Failure::Link(_) => {}
        }
        Err(failure)
    }

    async fn conversation(&mut self, link: &mut Link) -> Result<Infallible, Failure> {
        let topics = self.config.topics.clone();
        self.find_other(link).await?;
        // At the first start, so that the next one knows that this was the same gateway.
        self.outgoing.keep_note().await;
        let mut observations = self.sources.recorder.observe();
        let mut chat = (self.sources.chat)();
        let mut snapshots = chat.gateway().subscribe();
        self.outgoing.begin(&chat);
        if self.told.is_none() {
            info!("publishing to the {} as `{}`", self.label, topics.gateway);
        }
        // What the broker keeps of an earlier configuration is removed.
        link.subscribe(&topics.any_fridge())?;
        link.subscribe(&topics.any_entity())?;
        let home_assistant = topics.home_assistant();
        home_assistant.as_ref().map(|topic| link.subscribe(topic)).transpose()?;

        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut each, mut notes) = (every(EACH), every(BETWEEN_NOTES));
        let mut look_at: Option<Instant> = None;
        let mut late: Option<Reading> = None;
        loop {
            if late.is_none() {
                late = self.outgoing.late().map(|(from, to)| read(&chat, from, to));
            }
            self.outgoing.fill(link)?;
            self.outgoing.tell_waiting();
            tokio::select! {
                event = link.next() => match event? {
                    Event::Message(message) if home_assistant.as_ref() == Some(&message.topic) => {
                        if !message.is_retained && message.payload == ONLINE.as_bytes() {
                            self.outgoing.announce(&chat);
                            self.outgoing.look(&chat, true);
                        }
                    }
                    Event::Message(message) => {
                        if self.outgoing.heard(&message) {
                            return Err(Failure::Other(topics.gateway));
                        }
                    }
                    Event::NotSubscribed(_, reason) => {
                        info!("the {} does not let us read what it keeps: {reason}", self.label);
                    }
                    event => self.answered(&event),
                },
                observed = observations.recv() => match observed {
                    Ok(Observation::Sweep { at, samples }) => {
                        let readings = readings::of_sweep(chat.gateway().fridges(), &at, &samples);
                        self.outgoing.send_readings(&readings, Some(at));
                    }
                    Ok(Observation::Alarm(alarm)) => {
                        self.outgoing.send_alarm(&alarm, Some(chat.gateway().now()));
                    }
                    Err(RecvError::Lagged(_)) => self.outgoing.lost_sight(),
                    Err(RecvError::Closed) => return Err(Failure::Ended(Ending::Stop)),
                },
                changed = snapshots.changed() => match changed {
                    Ok(()) => drop(look_at.get_or_insert_with(|| Instant::now() + TOGETHER)),
                    Err(_) => return Err(Failure::Ended(Ending::Stop)),
                },
                () = sleep_until(look_at.unwrap_or_else(Instant::now)), if look_at.is_some() => {
                    look_at = None;
                    self.outgoing.look(&chat, false);
                }
                _ = each.tick() => {
                    match (self.outgoing.take_refusal(), self.told.take()) {
                        (Some(refusal), told) => {
                            self.told = told;
                            self.tell(refusal);
                        }
                        (None, Some(_)) => info!("everything reaches the {} again", self.label),
                        (None, None) => {}
                    }
                    self.outgoing.send_status(ONLINE);
                    self.outgoing.look(&chat, true);
                }
                _ = notes.tick() => self.outgoing.keep_note().await,
                piece = async { match &mut late { Some(late) => late.await, None => pending().await } } => {
                    late = None;
                    match piece {
                        Ok(Ok(piece)) => self.outgoing.send_late(&piece),
                        Ok(Err(error)) => {
                            warn!("what the {} has missed cannot be sent: {error}", self.label);
                            self.outgoing.give_up_late();
                        }
                        // Others read, too: it is tried again.
                        Err(Unread::Busy | Unread::Slow) => {}
                    }
                }
                Some(mail) = self.mailbox.recv(), if self.outgoing.has_room() => self.outgoing.send_mail(mail),
                ending = ending(&mut self.ends) => return Err(Failure::Ended(ending)),
            }
            let present = (self.sources.chat)();
            if !Arc::ptr_eq(&present, &chat) {
                // Another configuration: other fridges, other names.
                chat = present;
                self.outgoing.announce(&chat);
                self.outgoing.look(&chat, true);
            }
        }
    }

    /// Looks whether another gateway publishes under the same name.
    async fn find_other(&mut self, link: &mut Link) -> Result<(), Failure> {
        let status = self.config.topics.status();
        link.subscribe(&status)?;
        link.ping()?;
        loop {
            match link.next().await? {
                Event::Message(message) if message.topic == status => {
                    let now = (self.sources.chat)().gateway().now();
                    let other = self.outgoing.identity().other(&message.payload, &now);
                    if other.is_some_and(|other| other.is_alive(&now)) {
                        return Err(Failure::Other(self.config.topics.gateway.clone()));
                    }
                }
                Event::NotSubscribed(_, reason) => {
                    info!(
                        "the {} does not say whether another gateway has the same name: {reason}",
                        self.label
                    );
                }
                Event::Pong => return Ok(()),
                _ => {}
            }
        }
    }

    fn answered(&mut self, event: &Event) {
        match event {
            Event::Taken(number) => self.outgoing.taken(*number),
            Event::Refused(number, reason) => self.outgoing.refused(*number, reason),
            Event::Subscribed(_) | Event::NotSubscribed(..) | Event::Message(_) | Event::Pong => {}
        }
    }

    /// The last words: the gateway ends, or what the broker keeps of it is removed.
    async fn farewell(&mut self, mut link: Link, ending: Ending) -> Result<(), Failure> {
        self.outgoing.send_status(OFFLINE);
        if ending == Ending::Remove {
            self.outgoing.remove();
        }
        loop {
            self.outgoing.fill(&mut link)?;
            if self.outgoing.is_taken() {
                break;
            }
            let event = link.next().await?;
            self.answered(&event);
        }
        link.end().await;
        Ok(())
    }
}

/// Waits until it is to end; where nobody can say so any more, it is.
async fn ending(ends: &mut watch::Receiver<Ending>) -> Ending {
    ends.wait_for(|ending| *ending != Ending::None).await.map_or(Ending::Stop, |ending| *ending)
}

/// Reads the first part of that time.
fn read(chat: &Arc<Chat>, from: Timestamp, to: Timestamp) -> Reading {
    let chat = Arc::clone(chat);
    Box::pin(async move {
        chat.gateway().look_at_past(move |gateway| readings::first_piece(gateway, from, to)).await
    })
}
