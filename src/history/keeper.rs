//! The thread that writes what was measured: complete blocks as they end, the present one every minute while a fridge is
//! outside its limits, all of it at the end. It opens the file, has a damaged one salvaged, removes what is too old, and
//! hands back what earlier runs of the program have kept.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tracing::{error, info, warn};

use super::past::{Kept, Past, Seen};
use super::{History, query};
use crate::alarm::Side;
use crate::fridge::Limits;
use crate::host;
use crate::reading::{Celsius, Clock, ProbeId, Stamp};
use crate::store::seal::{Seal, Seals};
use crate::store::{
    Error, HISTORY, HistoryFile, SetAside, Table, salvage, salvage_done, set_aside as set_aside_files,
};

/// How often it looks whether there is something to be done.
const LOOK: Duration = Duration::from_secs(5);
/// The present block is written this often while a fridge is outside its limits.
const URGENT: Duration = Duration::from_secs(60);
/// A disk that did not take something is tried again after this.
const RETRY: Duration = Duration::from_secs(60);
/// What is too old is removed once a day, and only by a clock that was not set for a while.
const PRUNE: Duration = Duration::from_secs(24 * 3_600);
const STEADY: Duration = Duration::from_secs(6 * 3_600);
/// systemd's word that the clock is set.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// A clock that nobody sets is believed after this: one without a battery goes on from where it was switched off.
const CLOCK_PATIENCE: Duration = Duration::from_secs(120);
/// Days that are over are sealed once an hour.
const SEAL: Duration = Duration::from_secs(3_600);
/// A wall clock that moves against the other by more than this was set.
const CLOCK_WAS_SET: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Writes what was measured.
pub struct Keeper {
    history: Arc<History>,
    folder: PathBuf,
    clock: Clock,
    file: Option<HistoryFile>,
    written: Duration,
    /// When the disk did not take something.
    failed: Option<Duration>,
    /// Since when the wall clock has gone with the other, and where they stood last.
    steady: Stamp,
    looked: Stamp,
    pruned: Option<Duration>,
    sealed: Option<Duration>,
    cannot_seal: bool,
    new_seals: Vec<Seal>,
    is_restored: bool,
    salvage: Option<JoinHandle<()>>,
}

/// What the recorder is to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Reported {
    /// What earlier runs of the program have kept.
    Restored(Restored),
    /// A day is over, and sealed.
    Sealed(Seal),
}

/// What earlier runs of the program have kept of the fridges' last days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restored {
    /// Of each probe that is in a fridge now.
    pub probes: Vec<(ProbeId, RestoredProbe)>,
}

/// What was kept of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoredProbe {
    /// The days' lowest and highest values, and when the first of each day was read.
    pub days: BTreeMap<Date, (Celsius, Celsius, Timestamp)>,
    /// Outside its limits since when, on which side, how far, and when last.
    pub outside: Option<(Timestamp, Side, Celsius, Timestamp)>,
}

impl Keeper {
    /// Writes to the file in that folder.
    pub fn new(history: Arc<History>, folder: &Path, clock: Clock) -> Keeper {
        let now = clock();
        Keeper {
            history,
            folder: folder.to_owned(),
            clock,
            file: None,
            written: now.mono,
            failed: None,
            steady: now,
            looked: now,
            pruned: None,
            sealed: None,
            cannot_seal: false,
            new_seals: Vec::new(),
            is_restored: false,
            salvage: None,
        }
    }

    /// Starts its thread; `report` is given what was kept, once the fridges are known, and the seals of the days that end.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        mut self,
        zone: TimeZone,
        report: impl Fn(Reported) + Send + 'static,
    ) -> std::io::Result<()> {
        let run = move || loop {
            let (wanted, has_fridges) = {
                let waiting = self.history.waiting();
                let idle = |waiting: &mut super::Waiting| {
                    waiting.flushes_wanted == waiting.flushes_done
                        && (self.is_restored || waiting.fridges.is_empty())
                };
                let waited = self.history.changed.wait_timeout_while(waiting, LOOK, idle);
                let waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
                (waiting.flushes_wanted, !waiting.fridges.is_empty())
            };
            let is_flush = wanted != self.history.waiting().flushes_done;
            self.turn((self.clock)(), is_flush);
            if is_flush {
                self.history.waiting().flushes_done = wanted;
                self.history.changed.notify_all();
            }
            for seal in self.new_seals.drain(..) {
                report(Reported::Sealed(seal));
            }
            // Where the file does not open yet, or the clock is to be set, later is better than wrong.
            let may_restore = self.file.is_some() && Keeper::is_clock_set();
            if !self.is_restored && has_fridges && may_restore {
                self.is_restored = true;
                if let Some(found) = self.restore(&zone, (self.clock)()) {
                    report(Reported::Restored(found));
                }
            }
        };
        Builder::new().name(String::from("history")).spawn(run).map(drop)
    }

    /// Does what is due; with `is_flush`, writes all that waits.
    pub fn turn(&mut self, now: Stamp, is_flush: bool) {
        self.follow_clock(now);
        let may_try = self.failed.is_none_or(|failed| now.mono.saturating_sub(failed) >= RETRY) || is_flush;
        if !may_try {
            return;
        }
        // One that was taken away is not to be written to.
        self.file.take_if(|file| !file.is_current());
        if self.file.is_none() && !self.open(now) {
            return;
        }
        let since_written = now.mono.saturating_sub(self.written);
        let mut waiting = self.history.waiting();
        let all = is_flush || (waiting.pending.is_urgent() && since_written >= URGENT);
        if !all && !waiting.pending.has_complete(&now) {
            drop(waiting);
            self.prune(now);
            return;
        }
        let blocks = waiting.pending.blocks(&now, all);
        let fridges = waiting.pending.fridges().to_vec();
        waiting.disk.writing_since = Some(now.mono);
        drop(waiting);
        let kept = match &mut self.file {
            _ if blocks.is_empty() => Ok(()),
            Some(file) => file.keep(Table::Raw, &fridges, &blocks),
            None => return,
        };
        let mut waiting = self.history.waiting();
        waiting.disk.writing_since = None;
        if kept.is_ok() {
            waiting.pending.written(&blocks, &now);
            waiting.disk.writes += u64::from(!blocks.is_empty());
            self.written = now.mono;
        }
        drop(waiting);
        self.judge(kept, now);
        self.prune(now);
    }

    /// Notes how the disk took something. A file that turns out to be damaged is opened anew, which sets it aside.
    fn judge(&mut self, kept: Result<(), Error>, now: Stamp) {
        let mut waiting = self.history.waiting();
        match kept {
            Ok(()) => {
                self.failed = None;
                if waiting.disk.failing.take().is_some() {
                    info!("history is on the disk again");
                }
            }
            Err(error) => {
                self.failed = Some(now.mono);
                if waiting.disk.failing.is_none() {
                    error!("history waits in memory, and is lost at a restart: {error}");
                }
                let since = waiting.disk.failing.as_ref().map_or(now, |(since, _)| *since);
                waiting.disk.failing = Some((since, error.to_string()));
                if error.is_damage() {
                    self.file = None;
                }
            }
        }
    }

    fn open(&mut self, now: Stamp) -> bool {
        self.history.waiting().disk.writing_since = Some(now.mono);
        let opened = HistoryFile::open(&self.folder, now.wall);
        let mut waiting = self.history.waiting();
        waiting.disk.writing_since = None;
        waiting.disk.is_open = opened.is_ok();
        drop(waiting);
        match opened {
            Ok((file, set_aside)) => {
                self.file = Some(file);
                if let Some(SetAside { path, reason }) = set_aside {
                    let said = format!("{reason}; set aside as {}", path.display());
                    error!("history was damaged: {said}");
                    self.history.waiting().disk.damage = Some(said);
                }
                // That of an earlier run, too, which did not come to an end.
                let damaged = set_aside_files(&self.folder.join(HISTORY));
                if !damaged.is_empty() {
                    self.save(damaged, now.wall);
                }
                true
            }
            Err(error) => {
                self.judge(Err(error), now);
                false
            }
        }
    }

    /// Has what can be read of damaged files brought over, while the new one is written already.
    fn save(&mut self, damaged: Vec<PathBuf>, now: Timestamp) {
        let (history, folder) = (Arc::clone(&self.history), self.folder.clone());
        let run = move || {
            for path in damaged {
                let end = match salvage(&path, &folder, now) {
                    Ok(salvaged) => format!(
                        "{} rows of {} were brought over, {} were damaged",
                        salvaged.rows,
                        salvage_done(&path).display(),
                        salvaged.damaged
                    ),
                    Err(error) => format!("{} could not be brought over: {error}", path.display()),
                };
                warn!("history was damaged: {end}");
                history.waiting().disk.damage = Some(end);
            }
        };
        match Builder::new().name(String::from("salvage")).spawn(run) {
            Ok(handle) => self.salvage = Some(handle),
            Err(error) => warn!("nothing is brought over of the damaged history: {error}"),
        }
    }

    /// Waits until what is brought over of a damaged file is.
    pub fn wait_for_salvage(&mut self) {
        if let Some(salvage) = self.salvage.take() {
            // A bug in it was told by the panic already.
            drop(salvage.join());
        }
    }

    /// Whether the wall clock is set; a while after the computer's start it is taken as it is, because on some networks nobody
    /// sets it.
    fn is_clock_set() -> bool {
        Path::new(SYNCHRONISED).exists() || host::uptime() >= CLOCK_PATIENCE
    }

    fn follow_clock(&mut self, now: Stamp) {
        let (by_mono, by_wall) =
            (now.since(&self.looked), now.wall.duration_since(self.looked.wall).unsigned_abs());
        let is_back = now.wall < self.looked.wall;
        if is_back || by_wall.abs_diff(by_mono) > CLOCK_WAS_SET {
            self.steady = now;
        }
        self.looked = now;
    }

    /// Seals the days that are over, once an hour and by a clock that was right for that long.
    fn seal(&mut self, now: Stamp) {
        let is_steady = now.since(&self.steady) >= SEAL;
        let is_due = self.sealed.is_none_or(|sealed| now.mono.saturating_sub(sealed) >= SEAL);
        let Some(file) = self.file.as_mut().filter(|_| is_steady && is_due) else { return };
        self.sealed = Some(now.mono);
        let seals = Seals::open(&self.folder).and_then(|mut seals| seals.seal(file, now.wall));
        match seals {
            Ok(seals) => {
                self.cannot_seal = false;
                for seal in &seals {
                    info!(day = %seal.day, hash = seal.hash, "the readings and records of a day are sealed");
                }
                if self.history.waiting().config.daily_hash {
                    self.new_seals.extend(seals);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.cannot_seal, true) {
                    warn!("days cannot be sealed: {error}");
                }
            }
        }
    }

    fn prune(&mut self, now: Stamp) {
        self.seal(now);
        let is_steady = now.since(&self.steady) >= STEADY;
        let is_due = self.pruned.is_none_or(|pruned| now.mono.saturating_sub(pruned) >= PRUNE);
        let retention = self.history.waiting().config.retention;
        let Some(file) = self.file.as_mut().filter(|_| is_steady && is_due) else { return };
        self.pruned = Some(now.mono);
        // Not before the days that go are sealed.
        if let Err(error) = file.prune(retention, now.wall) {
            warn!("what is too old cannot be removed from history: {error}");
        }
    }

    /// Puts the last 24 hours back into memory, and returns what else is known of the last days; `None` where nothing is.
    pub fn restore(&mut self, zone: &TimeZone, now: Stamp) -> Option<Restored> {
        self.file.as_ref()?;
        let fridges = self.history.waiting().fridges.clone();
        let past = Kept::new(&self.folder, Some(Arc::clone(&self.history) as _), Arc::clone(&self.clock));
        let restored = self.read_back(&past, &fridges, zone, now);
        restored.inspect_err(|error| warn!("what was kept before the start cannot be read: {error}")).ok()
    }

    fn read_back(
        &self,
        past: &Kept,
        fridges: &BTreeMap<String, (ProbeId, Limits)>,
        zone: &TimeZone,
        now: Stamp,
    ) -> Result<Restored, super::PastError> {
        let ids: Vec<&str> = fridges.keys().map(String::as_str).collect();
        let probes: Vec<ProbeId> = fridges.values().map(|(probe, _)| *probe).collect();
        let mut found: HashMap<ProbeId, RestoredProbe> = HashMap::new();
        let ago = |length| now.wall.checked_sub(length).unwrap_or(now.wall);
        past.readings(&ids, ago(DAY), now.wall, &mut |Seen { fridge, at, sample, imported, .. }| {
            if let (Ok(celsius), false) = (sample, imported) {
                self.history.rings.add(probes[fridge], &now.at_wall(at), celsius);
            }
            true
        })?;
        let local = |at: Timestamp| at.to_zoned_datetime(zone.clone());
        let yesterday = local(now.wall).date().yesterday().unwrap_or(Date::MIN);
        let midnight =
            yesterday.to_zoned_datetime(zone.clone()).map_or(now.wall, |midnight| midnight.timestamp());
        past.buckets(&ids, midnight, now.wall, false, &mut |fridge, at, bucket| {
            if let Some((min, max)) = bucket.span {
                let days = &mut found.entry(probes[fridge]).or_default().days;
                let day = days.entry(local(at).date()).or_insert((min, max, at));
                *day = (day.0.min(min), day.1.max(max), day.2);
            }
            true
        })?;
        for (id, (probe, limits)) in fridges {
            if let Some(beyond) = query::beyond_since(past, id, limits, now.wall)? {
                found.entry(*probe).or_default().outside =
                    Some((beyond.since, beyond.side, beyond.peak, beyond.newest));
            }
        }
        Ok(Restored { probes: found.into_iter().collect() })
    }
}
