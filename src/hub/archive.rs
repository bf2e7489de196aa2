//! The readings of other gateways on this one's disk: a file for each gateway, in blocks of five minutes like those of its own.
//! Readings wait here for the thread that writes them, so that a slow disk holds nobody up. Whatever comes twice is kept once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, info};

use super::message::{self, Reading};
use super::numbers::MOST_FRIDGES;
use crate::atomic_file::Unfinished;
use crate::history::{History, Kept, Past, Seen, Unwritten};
use crate::reading::{Clock, ProbeId, Stamp};
use crate::regular_file;
use crate::store::block::Block;
use crate::store::{HISTORY, Retention};

mod blocks;
mod file;
mod past;

use blocks::SiteBlocks;
pub use past::PastOfAll;

/// The folder, in that of the other databases, and the file that says up to where all readings of each gateway are there.
const FOLDER: &str = "sites";
const COMPLETE: &str = "complete.json";
/// The time between two looks for something to be written.
const LOOK: Duration = Duration::from_secs(5);
/// A disk that did not take something is tried again after this.
const RETRY: Duration = Duration::from_secs(60);
/// What is too old is removed once a day, and not soon after the start: a clock without a battery may not be set yet.
const PRUNE: Duration = Duration::from_secs(24 * 3_600);
const FIRST_PRUNE: Duration = Duration::from_secs(6 * 3_600);
/// The largest number of values that wait for the disk, of all gateways together; each takes some twenty bytes.
const MOST_VALUES: usize = 3_000_000;
/// Older readings than this are not taken, nor those of the future.
const OLDEST: SignedDuration = SignedDuration::from_hours(8 * 24);
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The readings of other gateways, on the disk and on their way there.
pub struct Archive {
    folder: PathBuf,
    history: Arc<History>,
    clock: Clock,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    sites: BTreeMap<String, SiteBlocks>,
    /// How many values wait in all.
    values: usize,
    /// Whose readings are simulated: they go into a file of their own.
    simulated: BTreeSet<String>,
    /// Up to where everything is known, by the names of the gateways' files.
    complete_to: BTreeMap<String, Timestamp>,
    /// The gateways of which the file was damaged.
    lost: BTreeSet<String>,
    /// Whose last day is to be put back into memory: the gateway, the fridge's id there, and its number.
    to_restore: Vec<(String, String, ProbeId)>,
    retention: Retention,
    is_running: bool,
    flushes_wanted: u64,
    flushes_done: u64,
    /// What the system said when something could not be written.
    failing: Option<String>,
}

impl Archive {
    /// In that folder, beside this gateway's own history.
    pub fn new(databases: &Path, history: Arc<History>, clock: Clock) -> Archive {
        let folder = databases.join(FOLDER);
        Archive { folder, history, clock, waiting: Mutex::default(), changed: Condvar::new() }
    }

    /// Starts the thread that writes, unless it runs already, and reads up to where everything is known.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        if std::mem::replace(&mut self.waiting().is_running, true) {
            return Ok(());
        }
        // One that cannot be read says no more than none.
        let text = regular_file::text(&self.folder.join(COMPLETE)).unwrap_or_default();
        let mut complete_to: BTreeMap<String, Timestamp> = serde_json::from_str(&text).unwrap_or_default();
        complete_to.retain(|key, _| !key.contains('/') && self.folder.join(key).join(HISTORY).exists());
        self.waiting().complete_to = complete_to;
        let archive = Arc::clone(self);
        let started = Builder::new().name(String::from("sites")).spawn(move || archive.run()).map(drop);
        self.waiting().is_running = started.is_ok();
        started
    }

    /// What is kept for how long, from now on.
    pub fn set_retention(&self, retention: Retention) {
        self.waiting().retention = retention;
    }

    /// What that gateway reads is simulated, or not. Returns whether that is news: its readings go into another file then.
    pub fn set_simulated(&self, gateway: &str, is_simulated: bool) -> bool {
        let simulated = &mut self.waiting().simulated;
        match is_simulated {
            true => !simulated.contains(gateway) && simulated.insert(gateway.to_owned()),
            false => simulated.remove(gateway),
        }
    }

    /// Up to where everything is known of that gateway.
    pub fn complete_to(&self, gateway: &str) -> Option<Timestamp> {
        let waiting = self.waiting();
        waiting.complete_to.get(&waiting.key(gateway)).copied()
    }

    /// Everything is known of that gateway up to there.
    pub fn set_complete_to(&self, gateway: &str, complete_to: Timestamp) {
        let mut waiting = self.waiting();
        let key = waiting.key(gateway);
        waiting.complete_to.insert(key, complete_to);
    }

    /// The gateways of which the file was lost since the last time.
    pub fn take_lost(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.waiting().lost)
    }

    /// Whether so much waits for the disk that nobody is to be asked for more.
    pub fn is_busy(&self) -> bool {
        self.waiting().values > MOST_VALUES / 2
    }

    /// Takes in what a gateway has read. Returns whether it is kept: not while too much waits for the disk.
    pub fn add(&self, gateway: &str, readings: &[Reading], now: Stamp) -> bool {
        let [oldest, latest] = [now.wall.checked_sub(OLDEST), now.wall.checked_add(AHEAD)];
        let span = oldest.unwrap_or(now.wall)..latest.unwrap_or(now.wall);
        let mut waiting = self.waiting();
        if waiting.values + readings.len() > MOST_VALUES {
            return false;
        }
        let key = waiting.key(gateway);
        let site = waiting.sites.entry(key).or_default();
        let before = site.values();
        // What was read at one moment comes together.
        for together in readings.chunk_by(|a, b| a.t == b.t) {
            if span.contains(&together[0].t) {
                let samples = together.iter().filter_map(|it| Some((message::id(&it.id)?, it.sample()?)));
                site.add(together[0].t, samples, MOST_FRIDGES);
            }
        }
        let added = site.values() - before;
        waiting.values += added;
        true
    }

    /// Restores the last day of these fridges to memory, soon; each is named by its gateway and its id there.
    pub fn restore(&self, fridges: impl IntoIterator<Item = (String, String, ProbeId)>) {
        self.waiting().to_restore.extend(fridges);
    }

    /// What was read in the past is shown with the last 24 hours.
    pub fn show(&self, probe: ProbeId, reading: &Reading, now: &Stamp) {
        if let Some(sample) = reading.sample().filter(|_| reading.t <= now.wall) {
            self.history.show(now.at_wall(reading.t), &[(probe, sample)]);
        }
    }

    /// Writes everything that waits; returns whether that was done within the time.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut waiting = self.waiting();
        if !waiting.is_running {
            return true;
        }
        waiting.flushes_wanted += 1;
        let wanted = waiting.flushes_wanted;
        self.changed.notify_all();
        let is_waiting = |waiting: &mut Waiting| waiting.flushes_done < wanted;
        let waited = self.changed.wait_timeout_while(waiting, patience, is_waiting);
        let waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        waiting.flushes_done >= wanted && waiting.failing.is_none()
    }

    /// The gateways of which anything is known.
    pub fn gateways(&self) -> BTreeSet<String> {
        let on_disk = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        // What is not text is no gateway's name.
        let names = on_disk.filter_map(|entry| entry.file_name().into_string().ok());
        let folders = names.filter(|name| self.folder.join(name).is_dir());
        let waiting = self.waiting();
        let known = folders.chain(waiting.sites.keys().cloned());
        known.map(|key| gateway_of(&key).to_owned()).collect()
    }

    /// Whether anything is known of that gateway.
    pub fn knows(&self, gateway: &str) -> bool {
        let is_name = !gateway.is_empty() && !gateway.contains('/');
        let keys = [gateway.to_owned(), simulated(gateway)];
        is_name
            && keys.iter().any(|key| self.waiting().sites.contains_key(key) || self.folder.join(key).is_dir())
    }

    /// The past of one gateway, whose fridges are named by their ids there.
    pub fn past(self: &Arc<Self>, gateway: &str) -> impl Past + use<> {
        let waiting = self.waiting();
        let (mut key, simulated) = (waiting.key(gateway), simulated(gateway));
        // A program that only reads the files does not know which gateways are simulated.
        if !waiting.is_running && !self.folder.join(&key).exists() && self.folder.join(&simulated).exists() {
            key = simulated;
        }
        drop(waiting);
        let unwritten = Arc::new(OfSite { archive: Arc::clone(self), key: key.clone() });
        Kept::new(&self.folder.join(key), Some(unwritten), Arc::clone(&self.clock))
    }

    fn run(self: Arc<Self>) {
        let (mut failed, mut prunes): (Option<Duration>, _) = (None, (self.clock)().mono + FIRST_PRUNE);
        loop {
            let wanted = {
                let waiting = self.waiting();
                let idle = |waiting: &mut Waiting| waiting.flushes_wanted == waiting.flushes_done;
                let waited = self.changed.wait_timeout_while(waiting, LOOK, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0.flushes_wanted
            };
            let now = (self.clock)();
            let is_flush = wanted != self.waiting().flushes_done;
            let may_try = failed.is_none_or(|failed| now.mono.saturating_sub(failed) >= RETRY) || is_flush;
            if may_try {
                let written = self.write(now, is_flush || self.is_busy());
                failed = written.is_err().then_some(now.mono);
                self.judge(written);
            }
            if is_flush {
                self.waiting().flushes_done = wanted;
                self.changed.notify_all();
            }
            self.read_back(now);
            if now.mono >= prunes {
                prunes = now.mono + PRUNE;
                let retention = self.waiting().retention;
                file::prune_all(&self.folder, retention, now.wall);
            }
        }
    }

    /// Writes the blocks that are complete, or all of them; each gateway's in one transaction. One that cannot be written keeps
    /// no other from being.
    fn write(&self, now: Stamp, all: bool) -> Result<(), String> {
        let keys: Vec<String> = self.waiting().sites.keys().cloned().collect();
        let (mut has_written, mut first_error) = (false, None);
        for key in keys {
            let (fridges, blocks) = {
                let mut waiting = self.waiting();
                let Some(site) = waiting.sites.get_mut(&key) else { continue };
                (site.fridges().to_vec(), site.begin_writing(now.wall, all))
            };
            if blocks.is_empty() {
                continue;
            }
            let kept = file::keep(&self.folder.join(&key), &fridges, &blocks, now.wall);
            let mut waiting = self.waiting();
            if let Some(site) = waiting.sites.get_mut(&key) {
                let before = site.values();
                site.end_writing(kept.is_ok());
                let written = before - site.values();
                waiting.values -= written;
            }
            match kept {
                Ok(is_lost) => {
                    has_written = true;
                    if is_lost {
                        waiting.complete_to.remove(&key);
                        waiting.lost.insert(gateway_of(&key).to_owned());
                    }
                }
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        let noted = if has_written { self.note() } else { Ok(()) };
        match first_error {
            Some(error) => Err(error.to_string()),
            None => noted.map_err(|error| error.to_string()),
        }
    }

    /// Puts on the disk up to where all readings of each gateway are there.
    fn note(&self) -> std::io::Result<()> {
        let complete: BTreeMap<String, Timestamp> = {
            let waiting = self.waiting();
            let on_disk = |(key, complete_to): (&String, &Timestamp)| {
                let unwritten = waiting.sites.get(key).and_then(SiteBlocks::begins);
                (key.clone(), unwritten.map_or(*complete_to, |begins| begins.min(*complete_to)))
            };
            waiting.complete_to.iter().map(on_disk).collect()
        };
        let mut file = Unfinished::beside(&self.folder.join(COMPLETE), 0o600)?;
        // All of its keys are text, so it always has a JSON.
        file.write(&serde_json::to_vec(&complete).unwrap_or_default())?;
        file.replace()
    }

    fn judge(&self, written: Result<(), String>) {
        let mut waiting = self.waiting();
        match written {
            Ok(()) => {
                if waiting.failing.take().is_some() {
                    info!("the readings of other gateways are on the disk again");
                }
            }
            Err(why) => {
                // Once: how much is free, for one, is another number each time.
                if waiting.failing.is_none() {
                    error!(
                        "cannot write the readings of other gateways to the disk, so they wait in memory: {why}"
                    );
                }
                waiting.failing = Some(why);
            }
        }
    }

    /// Puts the last day of the fridges that are new here back into memory.
    fn read_back(self: &Arc<Self>, now: Stamp) {
        let mut wanted: BTreeMap<String, Vec<(String, ProbeId)>> = BTreeMap::new();
        for (gateway, id, probe) in std::mem::take(&mut self.waiting().to_restore) {
            wanted.entry(gateway).or_default().push((id, probe));
        }
        let from = now.wall.checked_sub(DAY).unwrap_or(now.wall);
        for (gateway, fridges) in wanted {
            let ids: Vec<&str> = fridges.iter().map(|(id, _)| id.as_str()).collect();
            let read = self.past(&gateway).readings(
                &ids,
                from,
                now.wall,
                &mut |Seen { fridge, at, sample, .. }| {
                    self.history.show(now.at_wall(at), &[(fridges[fridge].1, sample)]);
                    true
                },
            );
            if let Err(error) = read {
                error!("cannot read the stored readings of `{gateway}`: {error}");
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// What the file of that gateway is called.
    fn key(&self, gateway: &str) -> String {
        if self.simulated.contains(gateway) { simulated(gateway) } else { gateway.to_owned() }
    }
}

/// The gateway of that file.
fn gateway_of(key: &str) -> &str {
    key.split('.').next().unwrap_or_default()
}

/// What the file of that gateway is called where its readings are simulated: no gateway has a dot in its name.
fn simulated(gateway: &str) -> String {
    format!("{gateway}.simulated")
}

/// What of one gateway is on no disk yet.
struct OfSite {
    archive: Arc<Archive>,
    key: String,
}

impl Unwritten for OfSite {
    fn unwritten(&self, _: &Stamp) -> (Vec<String>, BTreeMap<i64, Block>) {
        let waiting = self.archive.waiting();
        let (fridges, blocks) = waiting.sites.get(&self.key).map(SiteBlocks::unwritten).unwrap_or_default();
        drop(waiting);
        // What comes twice may be on the disk already; where that cannot be read, whoever asks is told so anyway.
        let folder = self.archive.folder.join(&self.key);
        let new = file::unknown_of(&folder, &fridges, blocks).unwrap_or_default();
        (fridges, new)
    }
}

#[cfg(test)]
mod tests;
