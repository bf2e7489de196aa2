//! Notifiers: messages about alarms go out to targets, a file each. Every target has a queue and a task of its own, so
//! that one that hangs holds up no other; what is delivered, or never can be, is reported to the recorder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Uri;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::mattermost::button_token::Signer;
use crate::reading::Clock;
use crate::recorder::{self, Input, Parcel};
use crate::secret::Secret;
use crate::text::Units;

mod client;
mod delivery;
mod heartbeat;
mod http;
mod mattermost;
mod queue;

pub use client::{Client, Error as ClientError};
pub use mattermost::Look;
use queue::Queue;

/// One target.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called in the records and the log.
    pub name: String,
    /// Its address: whoever knows it may write there, so it is a secret.
    pub url: Secret,
    /// A file of certificate authorities that are trusted besides the machine's own.
    pub ca: Option<PathBuf>,
    /// What it is.
    pub kind: Kind,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mattermost's incoming webhook.
    Mattermost(Look),
    /// Anything that takes JSON.
    Http,
    /// A URL that is asked while the gateway lives.
    Heartbeat {
        /// From one question to the next.
        every: Duration,
    },
}

/// What every target needs.
#[derive(Clone)]
pub struct Context {
    /// The gateway's name.
    pub gateway: Option<String>,
    /// The unit of temperatures.
    pub units: Units,
    /// Whether anything comes from no real probe.
    pub is_simulated: bool,
    /// The gateway's own address, where it has one: buttons call it.
    pub url: Option<String>,
    /// What signs buttons.
    pub signer: Arc<Signer>,
    /// The present moment.
    pub clock: Clock,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its address is none.
    #[error("the notifier `{0}`: its URL is not one")]
    Url(String),
    /// Its address cannot be used, or its certificate authorities not be read.
    #[error("the notifier `{target}`: {error}")]
    Client {
        /// The target's name.
        target: String,
        /// Why.
        error: ClientError,
    },
}

/// The tasks of all targets.
pub struct Notifier {
    recorder: recorder::Handle,
    running: Vec<Running>,
    queues: Queues,
    /// Ends with it.
    _sorting: AbortOnDrop,
}

/// The queues by their targets' names.
type Queues = Arc<Mutex<HashMap<String, Arc<Queue>>>>;

struct Running {
    target: Target,
    _task: AbortOnDrop,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Notifier {
    /// Puts what comes out of `parcels` into the targets' queues; there are no targets yet. A message whose target is
    /// not there waits for it in vain: it is given up.
    pub fn new(mut parcels: UnboundedReceiver<Parcel>, recorder: recorder::Handle) -> Notifier {
        let queues = Queues::default();
        let (of, to) = (Arc::clone(&queues), recorder.clone());
        let sorting = tokio::spawn(async move {
            while let Some(parcel) = parcels.recv().await {
                let queue = of.lock().unwrap_or_else(PoisonError::into_inner).get(&parcel.target).cloned();
                match (queue, parcel.id) {
                    (Some(queue), _) => queue.push(parcel),
                    (None, Some(id)) => {
                        warn!(
                            target = parcel.target,
                            "there is no such notifier any more: its message is given up"
                        );
                        to.report(Input::Delivered(id));
                    }
                    (None, None) => {}
                }
            }
        });
        Notifier { recorder, running: Vec::new(), queues, _sorting: AbortOnDrop(sorting) }
    }

    /// Delivers to these targets from now on. What waits for one that was changed goes to what it is now.
    ///
    /// # Errors
    /// [`Error`]: then everything stays as it was.
    pub fn set_targets(&mut self, targets: &[Target], context: &Context) -> Result<(), Error> {
        let prepared =
            targets.iter().map(|target| Ok((target, client(target)?))).collect::<Result<Vec<_>, _>>()?;
        self.running.clear();
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|name, _| targets.iter().any(|target| target.name == *name));
        for (target, client) in prepared {
            let name = target.name.clone();
            let task = match &target.kind {
                Kind::Heartbeat { every } => tokio::spawn(heartbeat::run(name, client, *every)),
                kind => {
                    let queue = Arc::clone(queues.entry(name.clone()).or_default());
                    let (kind, context) = (kind.clone(), context.clone());
                    let body = move |parcel: &Parcel| match &kind {
                        Kind::Mattermost(look) => mattermost::payload(parcel, look, &context),
                        Kind::Http | Kind::Heartbeat { .. } => http::payload(parcel, &context),
                    };
                    let job = delivery::Job { target: name, client, body: Box::new(body) };
                    tokio::spawn(delivery::run(job, queue, self.recorder.clone()))
                }
            };
            self.running.push(Running { target: target.clone(), _task: AbortOnDrop(task) });
        }
        Ok(())
    }

    /// The targets to which messages go, by their names.
    pub fn names(&self) -> Vec<String> {
        let takes_messages = |running: &&Running| !matches!(running.target.kind, Kind::Heartbeat { .. });
        self.running.iter().filter(takes_messages).map(|running| running.target.name.clone()).collect()
    }
}

fn client(target: &Target) -> Result<Client, Error> {
    let uri: Uri = target.url.expose().parse().map_err(|_| Error::Url(target.name.clone()))?;
    Client::new(uri, target.ca.as_deref())
        .map_err(|error| Error::Client { target: target.name.clone(), error })
}
