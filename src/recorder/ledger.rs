//! The records behind the recorder: entries go in and are on the disk before their messages are handed over. In a running
//! gateway that happens in a thread of its own: a disk that hangs holds up no reading, and after a moment no message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::act::ActError;
use crate::alarm::Message;
use crate::store::{Entry, Records};

/// So many entries wait for a disk that takes nothing: a day of them.
const MOST_UNKEPT: usize = 10_000;
/// So much waits for a disk that hangs.
const MOST_JOBS: usize = 1_000;
/// A write that takes longer is not waited for: what it should tell is told without it.
const HANGS: Duration = Duration::from_secs(5);

/// A message on its way to a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// Its row in the records; `None` where the disk did not take it.
    pub id: Option<i64>,
    /// The target's name.
    pub target: String,
    /// The message.
    pub message: Message,
}

/// Keeps entries, and hands their messages over.
#[derive(Default)]
pub struct Ledger {
    records: Option<Records>,
    /// Whether the newest entries are on the disk.
    is_kept: bool,
    /// What the disk did not take, to be tried again with what comes next.
    unkept: Vec<Entry>,
    parcels: Option<UnboundedSender<Parcel>>,
}

/// The ledger in a thread of its own.
pub struct LedgerThread {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    parcels: Option<UnboundedSender<Parcel>>,
    is_overflowing: bool,
}

enum Job {
    Keep(Vec<Entry>),
    Answer(oneshot::Sender<Result<(), ActError>>),
}

/// What the thread is at.
#[derive(Default)]
struct Shared {
    is_kept: AtomicBool,
    writing: Mutex<Option<Writing>>,
}

struct Writing {
    since: Instant,
    entries: Vec<Entry>,
    /// Whether its messages were handed over without it.
    is_handed_over: bool,
}

impl Ledger {
    /// Keeps in these records, where there are any, and hands messages over to `parcels`.
    pub fn new(records: Option<Records>, parcels: Option<UnboundedSender<Parcel>>) -> Ledger {
        Ledger { records, is_kept: true, unkept: Vec::new(), parcels }
    }

    /// Whether the newest entries are on the disk.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Puts entries on the disk, then hands their messages over: also where the disk did not take them, because an alarm
    /// is worth more than its record.
    pub fn keep(&mut self, entries: &[Entry]) {
        let ids = self.put(entries);
        hand_over(self.parcels.as_ref(), entries, ids);
    }

    /// Puts entries on the disk; returns the ids of their messages, none where it did not take them.
    fn put(&mut self, entries: &[Entry]) -> Vec<i64> {
        let before = self.unkept.len();
        let kept = match &mut self.records {
            Some(records) if before == 0 => records.keep(entries),
            Some(records) => {
                self.unkept.extend(entries.iter().cloned());
                records.keep(&self.unkept)
            }
            // Without records from the start there is nothing to be tried again.
            None => {
                self.is_kept = self.parcels.is_none();
                return Vec::new();
            }
        };
        match &kept {
            Ok(_) => self.unkept.clear(),
            Err(_) => {
                if before == 0 {
                    self.unkept = entries.to_vec();
                }
                // Its messages are on their way; what is said twice of one thing is said by the newer one.
                self.unkept.retain(|entry| !matches!(entry, Entry::Message { .. }));
                let excess = self.unkept.len().saturating_sub(MOST_UNKEPT);
                self.unkept.drain(..excess);
            }
        }
        let was_kept = std::mem::replace(&mut self.is_kept, kept.is_ok());
        match kept {
            Ok(ids) => {
                if !was_kept {
                    info!("alarms are on the disk again");
                }
                ids
            }
            Err(error) => {
                if was_kept {
                    error!("alarms go on from memory, and are lost at a restart: {error}");
                }
                Vec::new()
            }
        }
    }

    /// Goes on in a thread of its own.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(self) -> std::io::Result<LedgerThread> {
        let (jobs, queue) = sync_channel(MOST_JOBS);
        let shared = Arc::new(Shared::default());
        shared.is_kept.store(self.is_kept, Ordering::Relaxed);
        let parcels = self.parcels.clone();
        let thread = Arc::clone(&shared);
        Builder::new().name(String::from("records")).spawn(move || self.run(&queue, &thread))?;
        Ok(LedgerThread { jobs, shared, parcels, is_overflowing: false })
    }

    fn run(mut self, queue: &Receiver<Job>, shared: &Shared) {
        while let Ok(job) = queue.recv() {
            match job {
                Job::Keep(entries) => {
                    let writing = Writing { since: Instant::now(), entries, is_handed_over: false };
                    let entries = writing.entries.clone();
                    *shared.writing() = Some(writing);
                    let ids = self.put(&entries);
                    let is_handed_over = shared.writing().take().is_some_and(|it| it.is_handed_over);
                    if is_handed_over {
                        // Their rows are not delivered once more.
                        let delivered: Vec<Entry> = ids.into_iter().map(Entry::Delivered).collect();
                        self.put(&delivered);
                    } else {
                        hand_over(self.parcels.as_ref(), &entries, ids);
                    }
                    shared.is_kept.store(self.is_kept, Ordering::Relaxed);
                }
                Job::Answer(done) => {
                    // Who asked may be gone by now: that is no error.
                    let _waits = done.send(if self.is_kept { Ok(()) } else { Err(ActError::NotOnDisk) });
                }
            }
        }
    }
}

impl Shared {
    fn writing(&self) -> std::sync::MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerThread {
    /// Whether the newest entries are on the disk, or will be in a moment.
    pub fn is_kept(&self) -> bool {
        self.shared.is_kept.load(Ordering::Relaxed) && !self.hangs()
    }

    /// Has entries kept. While the disk hangs, their messages are handed over at once.
    pub fn keep(&mut self, mut entries: Vec<Entry>) {
        if self.hangs() {
            hand_over(self.parcels.as_ref(), &entries, Vec::new());
            entries.retain(|entry| !matches!(entry, Entry::Message { .. }));
        }
        self.send(Job::Keep(entries));
    }

    /// Answers once everything before is kept, or could not be.
    pub fn answer(&mut self, done: oneshot::Sender<Result<(), ActError>>) {
        self.send(Job::Answer(done));
    }

    /// Time has passed: the messages of a write that hangs are handed over without it.
    pub fn tick(&mut self) {
        if let Some(writing) = &mut *self.shared.writing()
            && writing.since.elapsed() >= HANGS
            && !std::mem::replace(&mut writing.is_handed_over, true)
        {
            error!("the disk does not take a record: messages are sent without it");
            hand_over(self.parcels.as_ref(), &writing.entries, Vec::new());
        }
    }

    fn hangs(&self) -> bool {
        self.shared.writing().as_ref().is_some_and(|writing| writing.since.elapsed() >= HANGS)
    }

    fn send(&mut self, job: Job) {
        match self.jobs.try_send(job) {
            Ok(()) => self.is_overflowing = false,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if !std::mem::replace(&mut self.is_overflowing, true) {
                    error!("the disk has taken no record for so long that records are lost");
                }
            }
        }
    }
}

/// Hands messages over to whoever delivers them, with their rows.
fn hand_over(parcels: Option<&UnboundedSender<Parcel>>, entries: &[Entry], ids: Vec<i64>) {
    let Some(parcels) = parcels else { return };
    let mut ids = ids.into_iter();
    for entry in entries {
        if let Entry::Message { target, message } = entry {
            let parcel = Parcel { id: ids.next(), target: target.clone(), message: message.clone() };
            // At the end of the program nobody delivers any more: the next one will.
            drop(parcels.send(parcel));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alarm::Topic;

    fn message() -> Entry {
        let message = Message::new(Topic::Test, Timestamp::UNIX_EPOCH, Vec::new());
        Entry::Message { target: "chat".into(), message }
    }

    #[test]
    fn what_the_disk_does_not_take_is_written_with_what_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let (records, _) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let (parcels, _delivered) = tokio::sync::mpsc::unbounded_channel();
        let mut ledger = Ledger::new(Some(records), Some(parcels));
        let deed = |what: &str| Entry::Deed { at: Timestamp::UNIX_EPOCH, who: None, what: what.to_owned() };
        let other = rusqlite::Connection::open(folder.path().join("records.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        ledger.keep(&[deed("first")]);
        assert!(!ledger.is_kept());
        other.execute_batch("COMMIT").unwrap();
        ledger.keep(&[deed("second")]);
        assert!(ledger.is_kept() && ledger.unkept.is_empty());
        let count: i64 = other.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 2);
    }

    #[test]
    fn a_write_that_hangs_holds_no_message_up_and_sends_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (records, _) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let (parcels, mut delivered) = tokio::sync::mpsc::unbounded_channel();
        let mut ledger = Ledger::new(Some(records), Some(parcels)).start().unwrap();
        // As a write that has not ended: the thread is told nothing meanwhile.
        let since = Instant::now().checked_sub(HANGS).unwrap();
        *ledger.shared.writing() = Some(Writing { since, entries: vec![message()], is_handed_over: false });
        assert!(!ledger.is_kept());
        ledger.tick();
        ledger.tick();
        assert_eq!(delivered.try_recv().unwrap().id, None);
        assert!(delivered.try_recv().is_err(), "once");
        ledger.keep(vec![message()]);
        assert_eq!(delivered.blocking_recv().unwrap().id, None, "at once");
        let (sender, done) = oneshot::channel();
        ledger.answer(sender);
        assert_eq!(done.blocking_recv().unwrap(), Ok(()));
        assert!(delivered.try_recv().is_err(), "and not again by the thread");
        ledger.keep(vec![message()]);
        assert_eq!(delivered.blocking_recv().unwrap().id, Some(1));
    }
}
