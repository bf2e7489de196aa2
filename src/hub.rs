//! What other gateways publish to a broker: their fridges are shown here beside this gateway's own, each with the moment at
//! which it was read. They are measured, judged by rules, and watched there; here they are shown.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use crate::gateway::{Carried, CarryError};
use crate::mqtt::{Broker, Error, Event, Link, Publication};
use crate::notify::DeliveryStatuses;
use crate::notify::mqtt::past::Question;
use crate::notify::mqtt::{SCHEMA, Topics};
use crate::reading::Clock;
use crate::recorder::{self, Input};
use crate::state::RemoteReading;
use crate::store::Retention;

mod acts;
mod alarms;
mod archive;
mod catch_up;
mod clock_offset;
mod known;
mod message;
mod numbers;
mod site;
mod sites;

use acts::Waiting;
pub use archive::{Archive, PastOfAll};
use catch_up::Wanted;
pub use known::Known;
pub use message::{About, parts};
use numbers::Numbers;

pub use sites::Sites;

/// Until the first repetition; each later one waits twice as long …
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasts so long has worked.
const STEADY: Duration = Duration::from_secs(10);
/// What is read meanwhile is handed over together …
const TOGETHER: Duration = Duration::from_millis(200);
/// … and of one gateway no more than this: who sends more would keep others waiting.
const MOST_TOGETHER: usize = 2_000;
/// Other fridges, or other names of them, are shown after so long, because at the beginning all of them come one by one; and
/// where they go on changing, after twice that time, and so on …
const FIRST_SHOWN: Duration = Duration::from_secs(1);
/// … up to this.
const LAST_SHOWN: Duration = Duration::from_secs(60);

/// A broker need not keep a question for longer.
const EXPIRY: Duration = Duration::from_secs(30);
/// Alarms are handed over again so often: what the recorder had no room for would be lost else.
const REPEATED: Duration = Duration::from_secs(60);

/// Which gateways are shown, and where they publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The broker.
    pub broker: Broker,
    /// This gateway's own name in topics.
    pub own: String,
    /// The names in topics of those that are shown; `None` for all.
    pub sites: Option<Vec<String>>,
}

impl Config {
    /// What it is called in the log and by the doctor.
    pub fn label(&self) -> String {
        format!("gateways at {}", self.broker.host)
    }

    /// Whether that gateway is shown.
    fn takes(&self, gateway: &str) -> bool {
        gateway != self.own
            && self.sites.as_ref().is_none_or(|sites| sites.iter().any(|site| site == gateway))
    }
}

/// Follows the other gateways of the configuration, where there are any.
pub struct Hub {
    recorder: recorder::Handle,
    clock: Clock,
    statuses: DeliveryStatuses,
    /// What people want other gateways to do: for whoever follows them at present.
    wanted: Arc<AsyncMutex<mpsc::Receiver<Carried>>>,
    /// How sensors are numbered: once for as long as the program runs, because readings are known by that.
    numbers: Arc<Mutex<Numbers>>,
    archive: Arc<Archive>,
    known: watch::Sender<Arc<Known>>,
    running: Option<(Config, JoinHandle<()>)>,
}

impl Hub {
    /// Follows nobody yet. What comes is handed to that recorder and kept in that archive, and how it goes noted in `statuses`;
    /// what people want other gateways to do comes from `wanted`.
    pub fn new(
        recorder: recorder::Handle,
        clock: Clock,
        statuses: DeliveryStatuses,
        wanted: mpsc::Receiver<Carried>,
        archive: Arc<Archive>,
    ) -> Hub {
        let known = watch::Sender::new(Arc::default());
        let wanted = Arc::new(AsyncMutex::new(wanted));
        Hub { recorder, clock, statuses, wanted, numbers: Arc::default(), archive, known, running: None }
    }

    /// What there is to be shown, and when that changes.
    pub fn known(&self) -> watch::Receiver<Arc<Known>> {
        self.known.subscribe()
    }

    /// Follows these from now on. What is followed already goes on.
    pub fn set_config(&mut self, config: Option<&Config>) {
        if self.running.as_ref().map(|(config, _)| config) == config {
            return;
        }
        if let Some((_, task)) = self.running.take() {
            task.abort();
            self.known.send_replace(Arc::new(Known::nobody(&self.numbers())));
        }
        let Some(config) = config else { return };
        if let Err(error) = self.archive.start() {
            warn!("the readings of other gateways are not kept on the disk: {error}");
        }
        let follower = Follower {
            config: config.clone(),
            recorder: self.recorder.clone(),
            clock: Arc::clone(&self.clock),
            statuses: self.statuses.clone(),
            sites: Sites::new(Arc::clone(&self.numbers), Arc::clone(&self.archive), &config.own),
            wanted: Arc::clone(&self.wanted),
            waiting: Waiting::default(),
            read: BTreeMap::new(),
            known: self.known.clone(),
            repeated: None,
            shown: None,
            is_old: false,
            told: None,
        };
        self.running = Some((config.clone(), tokio::spawn(follower.run())));
    }

    /// What is kept of them for how long, from now on.
    pub fn set_retention(&self, retention: Retention) {
        self.archive.set_retention(retention);
    }

    fn numbers(&self) -> std::sync::MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
        }
    }
}

/// Follows them over one broker.
struct Follower {
    config: Config,
    recorder: recorder::Handle,
    clock: Clock,
    statuses: DeliveryStatuses,
    sites: Sites,
    wanted: Arc<AsyncMutex<mpsc::Receiver<Carried>>>,
    waiting: Waiting,
    /// What was read and is not handed over yet, by the gateways' numbers.
    read: BTreeMap<usize, Vec<RemoteReading>>,
    known: watch::Sender<Arc<Known>>,
    /// When all alarms were handed over last.
    repeated: Option<Instant>,
    /// When a change was shown last, and how long the next one waits.
    shown: Option<(Instant, Duration)>,
    /// Whether the broker knows the older version of MQTT only.
    is_old: bool,
    /// What was told of the connections that failed; nothing since one has worked.
    told: Option<String>,
}

impl Follower {
    async fn run(mut self) {
        // Whoever held it before has ended.
        let mut wanted = Arc::clone(&self.wanted).lock_owned().await;
        let mut wait = FIRST_WAIT;
        loop {
            let began = Instant::now();
            let Err(error) = self.connection(&mut wanted).await;
            self.waiting.give_up();
            if matches!(error, Error::Version | Error::HungUp) && !self.is_old && began.elapsed() < STEADY {
                self.is_old = true;
                continue;
            }
            self.is_old = false;
            if began.elapsed() >= STEADY {
                (wait, self.told) = (FIRST_WAIT, None);
            }
            let reason = error.to_string();
            self.statuses.failed(&self.config.label(), &reason);
            if self.told.as_ref() != Some(&reason) {
                warn!("cannot read the {}, trying again: {reason}", self.config.label());
                self.told = Some(reason);
            }
            // Spread, so that many do not come back at the same moment.
            refuse_until(sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)), &mut wanted).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&mut self, wanted: &mut mpsc::Receiver<Carried>) -> Result<Infallible, Error> {
        let name = format!("fridge-{}-hub-{:08x}", self.config.own, fastrand::u32(..));
        let mut link = {
            let connected = Link::connect(&self.config.broker, &name, None, self.is_old);
            refuse_until(connected, wanted).await?
        };
        self.sites.connected();
        for filter in message::FILTERS {
            link.subscribe(filter)?;
        }
        link.subscribe(&format!("fridge/+/answers/{}", self.config.own))?;
        let mut ticks = interval(TOGETHER);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = link.next() => match event? {
                    Event::Message(message) => {
                        self.heard(&message.topic, &message.payload, message.is_retained).await;
                    }
                    Event::NotSubscribed(_, reason) => {
                        self.statuses.failed(&self.config.label(), &reason);
                        if self.told.as_ref() != Some(&reason) {
                            warn!("the {} cannot be read: {reason}", self.config.label());
                            self.told = Some(reason);
                        }
                    }
                    Event::Subscribed(_) => {
                        self.statuses.arrived(&self.config.label(), (self.clock)().wall);
                        if self.told.take().is_some() {
                            info!("reading the {} again", self.config.label());
                        }
                    }
                    Event::Refused { number, reason, .. } => self.waiting.refused(number, &reason),
                    Event::Taken(_) | Event::Pong => {}
                },
                _ = ticks.tick() => {
                    self.hand_over();
                    self.ask(&mut link)?;
                }
                Some(carried) = wanted.recv(), if link.has_room() && self.waiting.has_room() => match self.sites.takes_acts(&carried.site) {
                    Ok(()) => self.waiting.send(carried, &self.config.own, &mut link, (self.clock)())?,
                    // Who asked may be gone.
                    Err(why) => drop(carried.done.send(Err(why))),
                },
            }
        }
    }

    /// Asks for what is missing.
    fn ask(&mut self, link: &mut Link) -> Result<(), Error> {
        for (gateway, wanted) in self.sites.take_asks((self.clock)(), link.room()) {
            let Wanted { id, from, to } = wanted;
            // It has no maps with other keys than text, so it always has a JSON.
            let question = serde_json::to_vec(&Question { schema: SCHEMA, id, from, to }).unwrap_or_default();
            let topic = Topics::asks(&gateway, &self.config.own);
            let publication =
                Publication { expiry: Some(EXPIRY), ..Publication::new(topic, question, false) };
            match link.publish(publication) {
                // Too large for the broker: that no answer comes is reported later.
                Ok(_) | Err(Error::Protocol(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn heard(&mut self, topic: &str, payload: &[u8], is_retained: bool) {
        let Some((gateway, about)) = message::parts(topic) else { return };
        if !self.config.takes(gateway) {
            return;
        }
        if about == About::Acted {
            // Nobody waits for what was retained.
            let told = match is_retained {
                true => None,
                false => self.waiting.heard(gateway, &self.config.own, payload),
            };
            if let Some(told) = told {
                // First what it has changed, then that it is done.
                self.hand_over();
                self.recorder.passed().await;
                told.tell();
            }
            return;
        }
        let now = (self.clock)();
        if let Some((site, readings)) = self.sites.heard(gateway, about, payload, is_retained, now) {
            let waiting = self.read.entry(site).or_default();
            waiting.extend(readings);
            waiting.drain(..waiting.len().saturating_sub(MOST_TOGETHER));
        }
    }

    /// Hands over what was heard since the last time.
    fn hand_over(&mut self) {
        if !self.read.is_empty() {
            self.recorder.report(Input::Readings(std::mem::take(&mut self.read).into_iter().collect()));
        }
        if self.repeated.is_none_or(|at| at.elapsed() >= REPEATED) {
            self.sites.repeat_alarms();
            self.repeated = Some(Instant::now());
        }
        let alarms = self.sites.take_alarms();
        if !alarms.is_empty() {
            self.recorder.report(Input::SiteAlarms(alarms));
        }
        let now = Instant::now();
        let is_due = self.shown.is_none_or(|(at, wait)| now - at >= wait);
        if let Some(known) = is_due.then(|| self.sites.take_change()).flatten() {
            let before = self.shown.filter(|(at, _)| now - *at < LAST_SHOWN);
            let wait = before.map_or(FIRST_SHOWN, |(_, wait)| (wait * 2).min(LAST_SHOWN));
            self.shown = Some((now, wait));
            self.known.send_replace(Arc::new(known));
        }
        for line in self.sites.take_complaints() {
            warn!("{line}");
        }
    }
}

/// Waits for that. What people want done meanwhile reaches nobody.
async fn refuse_until<T>(event: impl Future<Output = T>, wanted: &mut mpsc::Receiver<Carried>) -> T {
    tokio::pin!(event);
    loop {
        tokio::select! {
            it = &mut event => return it,
            // Who asked may be gone.
            Some(carried) = wanted.recv() => drop(carried.done.send(Err(CarryError::Away))),
        }
    }
}
