//! What the gateway knows, published to an MQTT broker: how each fridge is, every reading, the alarms, and whether the
//! gateway lives. What the broker missed is sent afterwards. docs/fleet.md lists the topics and what is in them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::DeliveryStatuses;
use crate::chat::Chat;
use crate::mqtt::{Broker, Error, Event, Link, Publication};
use crate::recorder;

pub mod acts;
mod discovery;
mod identity;
mod missed;
mod neighbours;
mod other;
mod outgoing;
pub mod past;
mod payload;
mod readings;
mod replies;
mod retained;
mod sent;
mod session;
mod states;
mod topics;

pub use payload::SCHEMA;
use session::Session;
pub use topics::{HOME_ASSISTANT, Topics};

/// Messages about alarms wait here until the broker has taken the one before.
const MESSAGES: usize = 16;
/// The last words take so long at the most.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// Where to publish what.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The broker.
    pub broker: Broker,
    /// The topics.
    pub topics: Topics,
    /// Whether it is told when another gateway of the broker is silent.
    pub watches_neighbours: bool,
    /// The names in topics of the gateways through which people may have something done here.
    pub acts_from: Vec<String>,
}

impl Config {
    /// What the broker is called in the log and by the doctor.
    pub fn label(&self) -> String {
        format!("broker {}", self.broker.host)
    }
}

/// What the chat is at present.
type CurrentChat = dyn Fn() -> Arc<Chat> + Send + Sync;

/// What is published, and where it is noted what was.
#[derive(Clone)]
pub struct Sources {
    /// What the chat is at present.
    pub chat: Arc<CurrentChat>,
    /// Where each sweep and each alarm comes from.
    pub recorder: recorder::Handle,
    /// The folder in which it is noted how far the broker has come.
    pub state: PathBuf,
}

/// A message about alarms, and who waits for what becomes of it.
type Mail = (Vec<u8>, oneshot::Sender<Result<(), String>>);

/// Hands messages about alarms to the broker.
#[derive(Clone)]
pub struct Mailbox(mpsc::Sender<Mail>);

impl Mailbox {
    /// Has a message published, and returns once the broker has taken it.
    ///
    /// # Errors
    /// Why it has not.
    pub async fn post(&self, message: Vec<u8>) -> Result<(), String> {
        let (taken, outcome) = oneshot::channel();
        let sent = self.0.send((message, taken)).await.is_ok();
        let outcome = if sent { outcome.await.ok() } else { None };
        outcome.unwrap_or_else(|| Err(String::from("the connection to the broker has ended")))
    }
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It goes on.
    None,
    /// The gateway ends, or is to connect in another way.
    Stop,
    /// Nothing is published there any more: what the broker keeps is removed.
    Remove,
}

/// What runs while there is a broker.
struct Running {
    config: Config,
    /// Whether there is anybody who is told of alarms otherwise.
    tells: bool,
    mailbox: Mailbox,
    ending: watch::Sender<Ending>,
    task: JoinHandle<()>,
}

/// Publishes to the broker of the configuration, where there is one.
pub struct Publisher {
    sources: Sources,
    statuses: DeliveryStatuses,
    running: Option<Running>,
    /// The ends of earlier sessions.
    ending: Vec<JoinHandle<()>>,
}

impl Publisher {
    /// Publishes nothing yet. How it goes is noted in `statuses`.
    pub fn new(sources: Sources, statuses: DeliveryStatuses) -> Publisher {
        Publisher { sources, statuses, running: None, ending: Vec::new() }
    }

    /// Publishes there from now on; `tells` says whether there is anybody to tell that another gateway is silent. A session
    /// goes on where nothing of it has changed.
    pub fn set_config(&mut self, config: Option<&Config>, tells: bool) {
        let running = self.running.as_ref().map(|running| (&running.config, running.tells));
        if running == config.map(|config| (config, tells)) {
            return;
        }
        self.ending.retain(|task| !task.is_finished());
        let mut before = None;
        if let Some(running) = self.running.take() {
            let topics = config.map(|config| (&config.topics, &config.broker.host));
            let stays = topics == Some((&running.config.topics, &running.config.broker.host));
            running.ending.send_replace(if stays { Ending::Stop } else { Ending::Remove });
            before = Some(running.task);
        }
        let Some(config) = config else {
            self.ending.extend(before);
            return;
        };
        let (mail, mailbox) = mpsc::channel(MESSAGES);
        let (ending, ends) = watch::channel(Ending::None);
        let (sources, statuses) = (self.sources.clone(), self.statuses.clone());
        let of = (config.clone(), tells);
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // The next must not take over the topics before the last has let go; a bug in that one ends with it.
                drop(before.await);
            }
            Session::new(of, sources, statuses, mailbox, ends).await.run().await;
        });
        self.running = Some(Running { config: config.clone(), tells, mailbox: Mailbox(mail), ending, task });
    }

    /// Where messages about alarms go; `None` where there is no broker.
    pub fn mailbox(&self) -> Option<Mailbox> {
        self.running.as_ref().map(|running| running.mailbox.clone())
    }

    /// Tells the broker that the gateway ends.
    pub async fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.ending.send_replace(Ending::Stop);
            self.ending.push(running.task);
        }
        let ended = async {
            for task in self.ending.drain(..) {
                // What ended by a bug has ended.
                drop(task.await);
            }
        };
        // A broker that hangs is not waited for: it learns of the end by the will.
        drop(timeout(LAST_WORDS, ended).await);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.running.iter().for_each(|running| running.task.abort());
    }
}

/// Publishes one message about alarms over a connection of its own.
///
/// # Errors
/// Why the broker has not taken it.
pub async fn send_once(config: &Config, message: Vec<u8>) -> Result<(), String> {
    let name = config.topics.client_name("test");
    let mut link = match Link::connect(&config.broker, &name, None, false).await {
        Err(Error::Version | Error::HungUp) => Link::connect(&config.broker, &name, None, true).await,
        connected => connected,
    }
    .map_err(|error| error.to_string())?;
    let publication = Publication::new(config.topics.messages(), message, false);
    let number = link.publish(publication).map_err(|error| error.to_string())?;
    let outcome = loop {
        match timeout(LAST_WORDS, link.next()).await {
            Err(_) => break Err(String::from("the broker does not take the message")),
            Ok(Err(error)) => break Err(error.to_string()),
            Ok(Ok(Event::Taken(taken))) if taken == number => break Ok(()),
            Ok(Ok(Event::Refused { number: refused, reason, .. })) if refused == number => break Err(reason),
            Ok(Ok(_)) => {}
        }
    };
    link.end().await;
    outcome
}
