//! Notifiers: messages about alarms go out to targets, a file each. Every target has a queue and a task of its own, so
//! that one that hangs holds up no other; what is delivered, or never can be, is reported to the recorder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strum::{EnumString, VariantNames};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::alarm::{Alarm, GatewayNotice, Message, Outage, Topic, Urgency};
use crate::chat::Severity;
use crate::mattermost::button_token::Signer;
use crate::reading::Clock;
use crate::recorder::{self, Input, Parcel, Recipient};
use crate::secret::Secret;
use crate::text::Units;

mod alertmanager;
mod client;
mod delivery;
mod delivery_status;
mod heartbeat;
mod http;
mod mattermost;
pub mod mqtt;
mod ntfy;
mod queue;
mod way;

pub use client::{Client, Error as ClientError};
pub use delivery_status::{DeliveryStatus, DeliveryStatuses};
pub use mattermost::Look;
use mqtt::Publisher;
use queue::Queue;
use way::{Carrier, Sent, Way};

/// One target.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called in the records and the log.
    pub name: String,
    /// Its address: whoever knows it may write there, so it is a secret. Empty where it is the broker.
    pub url: Secret,
    /// A file of certificate authorities that are trusted besides the machine's own.
    pub ca: Option<PathBuf>,
    /// What it is.
    pub kind: Kind,
    /// Whether it is called only when it is urgent, or nobody answers.
    pub urgent_only: bool,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mattermost's incoming webhook.
    Mattermost(Look),
    /// Anything that takes JSON.
    Http(Format),
    /// The MQTT broker of the configuration.
    Mqtt,
    /// A URL that is asked while the gateway lives.
    Heartbeat {
        /// From one question to the next.
        every: Duration,
    },
}

/// The JSON of a target that is not Mattermost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Our own: docs/json.md.
    #[default]
    Json,
    /// That of ntfy.
    Ntfy,
    /// That of Prometheus' Alertmanager.
    Alertmanager,
}

/// How bad it is what a message says.
fn severity(message: &Message) -> Severity {
    let is_urgent = |alarm: &Alarm| alarm.urgency == Urgency::Urgent && !alarm.drill;
    match message.topic {
        Topic::Acknowledged | Topic::Cleared | Topic::Test => Severity::Ok,
        Topic::Gateway if !message.notice.as_ref().is_some_and(GatewayNotice::is_bad) => Severity::Ok,
        Topic::Outage if message.outage.iter().all(Outage::is_harmless) => Severity::Ok,
        _ if message.alarms.iter().any(is_urgent) => Severity::Critical,
        _ => Severity::Warning,
    }
}

/// Buttons below a message, where Mattermost can reach us.
#[derive(Clone)]
pub struct Buttons {
    /// The gateway's own address: buttons call it.
    pub url: String,
    /// What signs them.
    pub signer: Arc<Signer>,
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
    /// The buttons below an alarm; `None` where they could not be pressed.
    pub buttons: Option<Buttons>,
    /// The present moment.
    pub clock: Clock,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its address is none, or has no topic where there should be one.
    #[error("the notifier `{0}`: its URL is not right")]
    Url(String),
    /// Its address cannot be used, or its certificate authorities not be read.
    #[error("the notifier `{target}`: {error}")]
    Client {
        /// The target's name.
        target: String,
        /// Why.
        error: ClientError,
    },
    /// There is no broker.
    #[error("the notifier `{0}` needs a broker: [mqtt] is missing")]
    NoBroker(String),
}

/// The tasks of all targets.
pub struct Notifier {
    recorder: recorder::Handle,
    running: Vec<Running>,
    queues: Queues,
    statuses: DeliveryStatuses,
    publisher: Publisher,
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
    /// not there waits for it in vain: it is given up. How the delivery goes is noted in `statuses`. To a broker goes what
    /// `sources` has.
    pub fn new(
        mut parcels: UnboundedReceiver<Parcel>,
        sources: mqtt::Sources,
        statuses: DeliveryStatuses,
    ) -> Notifier {
        let recorder = sources.recorder.clone();
        let publisher = Publisher::new(sources, statuses.clone());
        let queues = Queues::default();
        let (of, to, shown) = (Arc::clone(&queues), recorder.clone(), statuses.clone());
        let sorting = tokio::spawn(async move {
            while let Some(parcel) = parcels.recv().await {
                let queue = of.lock().unwrap_or_else(PoisonError::into_inner).get(&parcel.target).cloned();
                match (queue, parcel.id) {
                    (Some(queue), _) => {
                        let target = parcel.target.clone();
                        let given_up = queue.push(parcel);
                        shown.waiting(&target, queue.waiting());
                        if let Some(given_up) = given_up {
                            to.report(Input::Delivered { id: given_up.id, alarms: Vec::new() });
                        }
                    }
                    (None, Some(id)) => {
                        warn!(
                            target = parcel.target,
                            "there is no such notifier any more: its message is given up"
                        );
                        to.report(Input::Delivered { id: Some(id), alarms: Vec::new() });
                    }
                    (None, None) => {}
                }
            }
        });
        Notifier {
            recorder,
            running: Vec::new(),
            queues,
            statuses,
            publisher,
            _sorting: AbortOnDrop(sorting),
        }
    }

    /// Delivers to these targets from now on. What waits for one that was changed goes to what it is now; what waits for
    /// one that is gone waits for its return, or for the next start, which gives it up. What is known is published to that
    /// `broker`, where there is one.
    ///
    /// # Errors
    /// [`Error`]: then everything stays as it was.
    pub fn set_targets(
        &mut self,
        targets: &[Target],
        broker: Option<&mqtt::Config>,
        follows: Option<&str>,
        context: &Context,
    ) -> Result<(), Error> {
        let prepare = |target: &Target| match target {
            Target { kind: Kind::Mqtt, name, .. } if broker.is_none() => Err(Error::NoBroker(name.clone())),
            // The broker's is not there yet.
            Target { kind: Kind::Mqtt, .. } => Ok(None),
            target => Way::to(target, None).map(Some),
        };
        let prepared = targets.iter().map(|target| Ok((target, prepare(target)?)));
        let prepared = prepared.collect::<Result<Vec<_>, Error>>()?;
        self.running.clear();
        let label = broker.map(mqtt::Config::label);
        let names = targets.iter().map(|target| target.name.as_str()).chain(label.as_deref()).chain(follows);
        self.statuses.set_targets(&names.collect::<Vec<_>>());
        // Who has nobody to tell leaves it to others that a gateway is silent.
        let tells = targets.iter().any(|it| matches!(it.kind, Kind::Mattermost(_) | Kind::Http(_)));
        self.publisher.set_config(broker, tells);
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for (target, way) in prepared {
            let name = target.name.clone();
            let reporter =
                Reporter { target: name.clone(), statuses: self.statuses.clone(), context: context.clone() };
            let way = way.map_or_else(|| Way::to(target, self.publisher.mailbox()), Ok)?;
            let task = match (&target.kind, way.carrier) {
                (Kind::Heartbeat { every }, Carrier::Web(client, _)) => {
                    tokio::spawn(heartbeat::run(reporter, client, *every))
                }
                (kind, carrier) => {
                    let (kind, queue) = (kind.clone(), Arc::clone(queues.entry(name).or_default()));
                    let way = Way { kind, carrier };
                    tokio::spawn(delivery::run(reporter, way, queue, self.recorder.clone()))
                }
            };
            self.running.push(Running { target: target.clone(), _task: AbortOnDrop(task) });
        }
        Ok(())
    }

    /// Tells the broker that the gateway ends.
    pub async fn end(&mut self) {
        self.publisher.end().await;
    }

    /// The targets to which messages go.
    pub fn recipients(&self) -> Vec<Recipient> {
        let targets = self.running.iter().map(|running| &running.target);
        let take_messages = targets.filter(|target| !matches!(target.kind, Kind::Heartbeat { .. }));
        take_messages
            .map(|target| Recipient { target: target.name.clone(), urgent_only: target.urgent_only })
            .collect()
    }
}

/// Says how the delivery to one target goes.
struct Reporter {
    target: String,
    statuses: DeliveryStatuses,
    context: Context,
}

impl Reporter {
    fn arrived(&self) {
        self.statuses.arrived(&self.target, (self.context.clock)().wall);
    }

    fn failed(&self, reason: &str) {
        self.statuses.failed(&self.target, reason);
    }
}

/// Sends a message to a target that says it is a test; a heartbeat is asked.
///
/// # Errors
/// Why it did not arrive, and what to do about it.
pub async fn send_test(
    target: &Target,
    broker: Option<&mqtt::Config>,
    context: &Context,
) -> Result<(), String> {
    let message = Message::new(Topic::Test, (context.clock)().wall, Vec::new());
    let parcel = Parcel { id: None, target: target.name.clone(), message };
    if let (Kind::Mqtt, Some(broker)) = (&target.kind, broker) {
        return mqtt::send_once(broker, http::payload(&parcel, context)).await;
    }
    let way = Way::to(target, None).map_err(|error| error.to_string())?;
    let sent = match (&target.kind, &way.carrier) {
        (Kind::Heartbeat { .. }, Carrier::Web(client, _)) => Sent::Web(client.get().await),
        _ => way.send(&parcel, context).await,
    };
    delivery::judge(sent, &target.kind)
}
