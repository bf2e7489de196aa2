//! The life of the connection to a broker: connect, say what is known, then each thing as it happens, until it breaks off;
//! then again, later and later.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tracing::{info, warn};

use super::acts::{self, Acts, Next};
use super::identity::{OFFLINE, ONLINE};
use super::neighbours::Neighbours;
use super::other::{self, Failure, ending};
use super::outgoing::Outgoing;
use super::past::Questions;
use super::readings::{self, Reads};
use super::{Config, Ending, Mail, Sources, Topics};
use crate::gateway::Unread;
use crate::mqtt::{Error, Event, Link, Will};
use crate::notify::DeliveryStatuses;
use crate::recorder::{Input, Observation};

/// Until the first repetition; each later one waits twice as long …
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasts so long has worked.
const STEADY: Duration = Duration::from_secs(10);
/// While another gateway has the same name, or the broker refuses what comes, it is tried so often.
const OTHER_WAIT: Duration = Duration::from_secs(60);
/// Everything that the broker keeps is sent again so often, because what is old is not shown as live.
const EACH: Duration = Duration::from_secs(60);
/// Buses that are swept at the same time are told together.
const TOGETHER: Duration = Duration::from_millis(50);
/// It is noted so often how far the broker has come.
const BETWEEN_NOTES: Duration = Duration::from_secs(5 * 60);

/// The last words take so long at the most.
const FAREWELL: Duration = Duration::from_secs(3);
/// A history that cannot be read is tried again after so long.
const UNREAD: Duration = Duration::from_secs(60);
/// It is looked so often whether another gateway is silent.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

/// Publishes until it is told to end.
pub struct Session {
    config: Config,
    label: String,
    sources: Sources,
    statuses: DeliveryStatuses,
    outgoing: Outgoing,
    neighbours: Neighbours,
    /// Whether there is anybody to tell of them.
    tells: bool,
    mailbox: mpsc::Receiver<Mail>,
    ends: watch::Receiver<Ending>,
    /// Whether the broker knows the older version of MQTT only.
    is_old: bool,
    /// What was told of the connections that failed; nothing since one has worked.
    told: Option<String>,
}

impl Session {
    /// Has not begun.
    pub async fn new(
        (config, tells): (Config, bool),
        sources: Sources,
        statuses: DeliveryStatuses,
        mailbox: mpsc::Receiver<Mail>,
        ends: watch::Receiver<Ending>,
    ) -> Session {
        let chat = Arc::clone(&sources.chat);
        let outgoing = Outgoing::new((config.clone(), tells), chat, &sources.state, statuses.clone()).await;
        let label = config.label();
        Session {
            config,
            label,
            sources,
            statuses,
            outgoing,
            neighbours: Neighbours::default(),
            tells,
            mailbox,
            ends,
            is_old: false,
            told: None,
        }
    }

    /// Publishes until it is told to end.
    pub async fn run(mut self) {
        let (mut wait, mut hangs_up) = (FIRST_WAIT, false);
        loop {
            let began = Instant::now();
            let Err(failure) = self.connection().await;
            if let Failure::Ended(_) = failure {
                break;
            }
            let is_old = std::mem::take(&mut self.is_old);
            match &failure {
                Failure::Link(Error::Version) if !is_old => {
                    self.is_old = true;
                    continue;
                }
                // Once it may be chance; twice it may be a broker that knows no MQTT 5.
                Failure::Link(Error::HungUp) => {
                    self.is_old = std::mem::replace(&mut hangs_up, true) && !is_old
                }
                _ => hangs_up = false,
            }
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
                Failure::Other(_) | Failure::Refused(_) => OTHER_WAIT,
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
            warn!("cannot publish to {}, trying again: {reason}", self.label);
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
        let name = self.config.topics.client_name(&self.outgoing.identity().boot);
        let mut link = tokio::select! {
            link = Link::connect(&self.config.broker, &name, Some(will), self.is_old) => link?,
            ending = ending(&mut self.ends) => return Err(Failure::Ended(ending)),
        };
        let Err(failure) = self.conversation(&mut link).await;
        match failure {
            // The will would be published in the other one's name.
            Failure::Other(_) => link.end().await,
            // A broker that hangs is not waited for: it learns of the end by the will.
            Failure::Ended(ending) => {
                drop(timeout(FAREWELL, self.farewell(link, ending)).await);
            }
            Failure::Link(_) | Failure::Refused(_) => {}
        }
        Err(failure)
    }

    async fn conversation(&mut self, link: &mut Link) -> Result<Infallible, Failure> {
        let topics = self.config.topics.clone();
        let now = || (self.sources.chat)().gateway().now();
        other::look(link, &topics, self.outgoing.identity(), now, &mut self.ends).await?;
        // At the first start, so that the next one knows that this was the same gateway.
        self.outgoing.keep_note().await;
        let mut observations = self.sources.recorder.observe();
        let mut chat = (self.sources.chat)();
        let mut snapshots = chat.gateway().subscribe();
        self.outgoing.begin(&chat);
        if self.told.is_none() {
            info!("publishing to {} as `{}`", self.label, topics.gateway);
        }
        // What the broker keeps of an earlier configuration is removed.
        link.subscribe(&topics.any_fridge())?;
        link.subscribe(&topics.any_entity())?;
        let home_assistant = topics.home_assistant();
        home_assistant.as_ref().map(|topic| link.subscribe(topic)).transpose()?;
        if !self.config.acts_from.is_empty() {
            link.subscribe(&topics.any_acts())?;
        }
        link.subscribe(&topics.any_asks())?;
        if self.config.watches_neighbours {
            self.neighbours.connected();
            link.subscribe(Topics::any_status())?;
        }

        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut each, mut notes, mut looks) = (every(EACH), every(BETWEEN_NOTES), every(BETWEEN_LOOKS));
        let is_of_neighbour = |topic: &str| topic != topics.status() && Topics::gateway_of(topic).is_some();
        let mut look_at: Option<Instant> = None;
        let (mut asked, mut under_way) = (Acts::default(), JoinSet::new());
        let mut questions = Questions::default();
        let (mut late, mut late_from): (Option<Reads>, _) = (None, Instant::now());
        loop {
            if late.is_none() && late_from <= Instant::now() {
                late = self.outgoing.late().map(|(from, to)| readings::read(&chat, from, to, true));
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
                    Event::Message(message) if is_of_neighbour(&message.topic) => {
                        let gateway = Topics::gateway_of(&message.topic).unwrap_or_default();
                        let now = chat.gateway().now().mono;
                        self.neighbours.heard(gateway, &message.payload, message.is_retained, now);
                    }
                    Event::Message(message) if topics.asker(&message.topic).is_some() => {
                        if !message.is_retained {
                            questions.heard(topics.asker(&message.topic).unwrap_or_default(), &message.payload);
                        }
                    }
                    Event::Message(message) if topics.wants(&message.topic).is_some() => {
                        let from = topics.wants(&message.topic).unwrap_or_default();
                        let may = self.config.acts_from.iter().any(|gateway| gateway == from);
                        // What a broker has retained is asked for by nobody now.
                        if may && !message.is_retained {
                            match asked.heard(from, &message.payload, &chat, &chat.gateway().now()) {
                                Next::Nothing => {}
                                Next::Answer(outcome) => self.outgoing.replies.add_outcome(outcome),
                                Next::Do(act, by, outcome) => {
                                    drop(under_way.spawn(acts::perform(Arc::clone(&chat), act, by, outcome)));
                                }
                            }
                        }
                    }
                    Event::Message(message) => {
                        if self.outgoing.heard(&message) {
                            return Err(Failure::Other(topics.gateway.clone()));
                        }
                    }
                    Event::NotSubscribed(_, reason) => {
                        info!("{} refuses a subscription: what it keeps of removed fridges stays there, and nothing is done for other gateways: {reason}", self.label);
                    }
                    event => self.answered(&event)?,
                },
                Some(Ok(outcome)) = under_way.join_next() => {
                    asked.done(&outcome);
                    // First what it has changed, then that it is done.
                    self.outgoing.look(&chat, false);
                    self.outgoing.replies.add_outcome(outcome);
                }
                observed = observations.recv() => match observed {
                    Ok(Observation::Sweep { at, samples }) => {
                        self.outgoing.send_readings(&readings::of_sweep(&at, &samples), Some(at));
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
                        (None, Some(_)) => info!("publishing to {} works again", self.label),
                        (None, None) => {}
                    }
                    self.outgoing.send_status(ONLINE);
                    self.outgoing.look(&chat, true);
                }
                _ = looks.tick() => {
                    let now = chat.gateway().now().mono;
                    for notice in self.neighbours.look(&topics.gateway, self.tells, now) {
                        self.sources.recorder.report(Input::Notice(notice));
                    }
                }
                _ = notes.tick() => self.outgoing.keep_note().await,
                piece = async { match &mut late { Some(late) => late.await, None => pending().await } } => {
                    late = None;
                    match piece {
                        Ok(Ok(mut piece)) => {
                            if let Some(error) = piece.unread.take() {
                                self.tell(format!("the alarms that it has missed cannot be read: {error}"));
                            }
                            self.outgoing.send_late(&piece);
                        }
                        Ok(Err(error)) => {
                            self.tell(format!("what it has missed cannot be read: {error}"));
                            late_from = Instant::now() + UNREAD;
                        }
                        // Others read, too: it is tried again.
                        Err(Unread::Busy | Unread::Slow) => {}
                    }
                }
                answer = questions.next(&chat), if self.outgoing.replies.has_answered() => match answer {
                    Ok(answer) => self.outgoing.replies.add_past(answer),
                    Err(error) => self.tell(format!("cannot read the history that another gateway asked for: {error}")),
                },
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

    fn answered(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Taken(number) => self.outgoing.taken(*number),
            Event::Refused { number, reason, is_final } => {
                if self.outgoing.refused(*number, reason, *is_final) {
                    return Err(Failure::Refused(reason.clone()));
                }
            }
            Event::Subscribed(_) | Event::NotSubscribed(..) | Event::Message(_) | Event::Pong => {}
        }
        Ok(())
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
            self.answered(&event)?;
        }
        link.end().await;
        Ok(())
    }
}
