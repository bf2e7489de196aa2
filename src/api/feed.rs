//! The feed: what changes, as it changes, for whoever listens. It is made once for all of them, and only while somebody
//! does. Each change has a number; whoever comes back says the last one that they saw, and gets what changed since.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::error;
use utoipa::ToSchema;

use super::fridges;
use crate::alarm::Alarm;
use crate::chat::data::AlarmRow;
use crate::chat::{Chat, Reply, Severity, alarm_line};
use crate::doc::terminal;
use crate::state::Snapshot;
use crate::text;

/// So often it is looked whether a reading has become too old: nobody says so.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A feed that has not looked for so long has died.
const STANDS_STILL: Duration = Duration::from_secs(5);
/// What comes within so long of another change is told with it.
const TOGETHER: Duration = Duration::from_millis(50);

/// What the chat is at present.
type CurrentChat = dyn Fn() -> Arc<Chat> + Send + Sync;

/// What changes.
pub struct Feed {
    chat: Box<CurrentChat>,
    /// Differs from one start to the next, so that nobody takes a number of the last one for one of this.
    boot: u64,
    latest: Mutex<Latest>,
    moments: watch::Sender<Arc<Moment>>,
    wanted: Notify,
    /// When it was last looked, on the clock that never steps.
    looked: Mutex<Option<Duration>>,
    /// Changes when whoever listens has to ask anew.
    generation: AtomicU64,
}

/// What is known at one moment, each part with the number of its last change.
#[derive(Default)]
pub struct Moment {
    /// The number of the last change of all.
    pub number: u64,
    /// The fridges, the worst first.
    fridges: Vec<Part>,
    /// The gateway as a whole.
    gateway: (u64, Arc<str>),
}

/// One fridge.
struct Part {
    /// The number of its last change.
    changed: u64,
    /// The number of its newest reading, which may be the same value again.
    read: u64,
    /// What it is known by.
    id: String,
    /// How old its reading is, in seconds.
    age_s: Option<u64>,
    json: String,
}

/// What was compared last of one fridge.
struct Compared {
    changed: u64,
    read: u64,
    /// What does not change by itself from one second to the next.
    lasting: String,
    /// When it was read, on the clock that never steps.
    at: Option<Duration>,
}

/// What was compared last.
#[derive(Default)]
struct Latest {
    fridges: HashMap<String, Compared>,
    gateway: (u64, String),
    number: u64,
}

/// The gateway as a whole: what an event `gateway` of the stream holds.
#[derive(Serialize, ToSchema)]
pub struct GatewayEvent<'a> {
    /// Its name, where it has one.
    name: Option<&'a str>,
    /// How the fridges are together, in a few words.
    headline: String,
    /// Differs when the configuration does: names, groups, limits, units.
    site: String,
    /// How bad it is.
    severity: Severity,
    /// Whether any of it comes from no real probe.
    simulated: bool,
    /// The ids of the fridges, the worst first.
    order: Vec<&'a str>,
    /// The open alarms, the oldest first.
    alarms: Vec<AlarmRow>,
    /// Each of them in a line, as people read it.
    lines: Vec<String>,
}

impl Feed {
    /// The feed of whatever chat there is at present.
    pub fn new(chat: impl Fn() -> Arc<Chat> + Send + Sync + 'static) -> Arc<Feed> {
        let mut boot = [0; 8];
        // Without random numbers the moment of the start has to do.
        if SystemRandom::new().fill(&mut boot).is_err() {
            boot =
                chat().gateway().now().wall.as_nanosecond().to_le_bytes()[..8].try_into().unwrap_or_default();
        }
        Arc::new(Feed {
            chat: Box::new(chat),
            boot: u64::from_le_bytes(boot),
            latest: Mutex::default(),
            moments: watch::Sender::default(),
            wanted: Notify::new(),
            looked: Mutex::default(),
            generation: AtomicU64::default(),
        })
    }

    /// Looks for changes while anybody listens, until the gateway ends. A bug in it ends nothing else, and not itself for long.
    pub async fn run(self: Arc<Self>) {
        while let Err(failed) = tokio::spawn(Arc::clone(&self).follow()).await {
            if failed.is_cancelled() {
                return;
            }
            error!("a bug: what changes is not followed for a moment: {failed}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether it follows what changes.
    pub fn is_alive(&self) -> bool {
        let now = (self.chat)().gateway().now().mono;
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.is_some_and(|looked| now.saturating_sub(looked) <= STANDS_STILL)
    }

    /// What differs where whoever listens has to ask anew.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Ends all streams: who may look may not be who might before.
    pub fn end_streams(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        // Whoever waits wakes up and sees it.
        self.moments.send_modify(|_| {});
    }

    async fn follow(self: Arc<Self>) {
        loop {
            if self.moments.receiver_count() == 0 {
                self.wanted.notified().await;
            }
            let mut snapshots = (self.chat)().gateway().subscribe();
            while self.moments.receiver_count() > 0 {
                self.look();
                tokio::select! {
                    changed = snapshots.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        // Buses that are swept at the same time are told together.
                        sleep(TOGETHER).await;
                    }
                    () = sleep(LOOK_AGAIN) => {}
                }
            }
        }
    }

    /// What is known, and whatever comes; the first moment is of now.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Moment>> {
        let receiver = self.moments.subscribe();
        self.look();
        self.wanted.notify_one();
        receiver
    }

    /// The number of a change as whoever comes back says it.
    pub fn id(&self, number: u64) -> String {
        format!("{:016x}-{number}", self.boot)
    }

    /// The number that somebody saw last; 0 for none, or one of another start.
    pub fn number_of(&self, id: &str) -> u64 {
        let number = id.split_once('-').filter(|(boot, _)| *boot == format!("{:016x}", self.boot));
        number.and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
    }

    /// Compares what is known with what was, and tells whoever listens where that differs.
    fn look(&self) {
        let chat = (self.chat)();
        let (reply, snapshot) = (fridges::all(&chat), chat.gateway().snapshot());
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(chat.gateway().now().mono);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = latest.take_in(&chat, &reply, &snapshot);
        drop(latest);
        self.moments.send_if_modified(|last| {
            let is_new = moment.number != last.number;
            *last = Arc::new(moment);
            is_new
        });
    }
}

impl Latest {
    fn take_in(&mut self, chat: &Chat, reply: &Reply, snapshot: &Snapshot) -> Moment {
        let units = chat.gateway().units();
        let next = self.number + 1;
        let mut known = std::mem::take(&mut self.fridges);
        let mut fridges = Vec::with_capacity(known.len());
        for item in fridges::items(reply, units) {
            let row = item.row;
            let at = snapshot.probe(row.probe).map(|(_, probe)| probe.at.mono);
            let lasting = item.lasting();
            let before = known.remove(&row.id);
            let same = before.as_ref().filter(|before| before.lasting == lasting);
            let changed = same.map_or(next, |same| same.changed);
            let read = before.as_ref().filter(|before| before.at == at).map_or(next, |before| before.read);
            self.number = self.number.max(changed).max(read);
            // What it is made of is always JSON.
            let json = serde_json::to_string(&item).unwrap_or_default();
            fridges.push(Part { changed, read, id: row.id.clone(), age_s: row.age_s, json });
            self.fridges.insert(row.id.clone(), Compared { changed, read, lasting, at });
        }
        let now = chat.gateway().now();
        let line = |alarm: &Alarm| terminal::line(&alarm_line(alarm, snapshot, &now, units));
        let row = |alarm: &Alarm| AlarmRow::new(alarm, snapshot, &now);
        let event = GatewayEvent {
            name: chat.gateway().name(),
            headline: text::page::headline(fridges::rows(reply).iter().map(|row| row.verdict)),
            site: fridges::site(chat),
            severity: reply.severity,
            simulated: reply.simulated,
            order: fridges::rows(reply).iter().map(|row| row.id.as_str()).collect(),
            alarms: snapshot.open_alarms().map(row).collect(),
            lines: snapshot.open_alarms().map(line).collect(),
        };
        let json = serde_json::to_string(&event).unwrap_or_default();
        if self.gateway.1 != json {
            self.number = next;
            self.gateway = (next, json);
        }
        Moment { number: self.number, fridges, gateway: (self.gateway.0, self.gateway.1.as_str().into()) }
    }
}

impl Moment {
    /// The events of what has changed since that number: the fridges first, because the order may name new ones.
    pub fn since(&self, number: u64) -> String {
        let mut events = String::new();
        let mut ages: BTreeMap<&str, u64> = BTreeMap::new();
        for fridge in &self.fridges {
            if fridge.changed > number {
                events.extend(["event: fridge\ndata: ", &fridge.json, "\n\n"]);
            } else if let (true, Some(age_s)) = (fridge.read > number, fridge.age_s) {
                ages.insert(&fridge.id, age_s);
            }
        }
        if !ages.is_empty() {
            let json = serde_json::to_string(&ages).unwrap_or_default();
            events.extend(["event: read\ndata: ", &json, "\n\n"]);
        }
        if self.gateway.0 > number {
            events.extend(["event: gateway\ndata: ", &self.gateway.1, "\n\n"]);
        }
        events
    }
}
