//! What is known of the past: the readings and what five minutes of them come to, of any fridge and time. It is on the
//! disk, so whoever asks may wait; answers about the present never ask here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{History, Period};
use crate::alarm::Alarm;
use crate::reading::{Clock, ProbeId, Sample, Stamp};
use crate::store::block::{BLOCK_SECONDS, Block, Series};
use crate::store::bucket::{self, Aggregate, Sum};
use crate::store::{self, Deed, HistoryFile, Records, Table, block_of};

/// How many buckets are added up at a time, each in memory: 16 days of one fridge. Of many fridges it is an hour at least,
/// because each query has a cost of its own; backwards it is a day at most, because most questions end there …
const BUCKETS_AT_ONCE: i64 = 16 * 288;
const BUCKETS_OF_AN_HOUR: i64 = 12;
const BUCKETS_OF_A_DAY: i64 = 288;
/// … and of those with each reading half an hour: more of them is memory that is never given back.
const READINGS_AT_ONCE: i64 = 6;

/// One reading of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The fridge, by its place in the list of those that were asked for.
    pub fridge: usize,
    /// The probe that was in it.
    pub probe: ProbeId,
    /// When it was read.
    pub at: Timestamp,
    /// What was read.
    pub sample: Sample,
    /// Whether it comes from another log and was not measured here.
    pub imported: bool,
}

/// Why the past is not known.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The file cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Nothing is kept on a disk.
    #[error("no history is kept in {}", .0.display())]
    Nothing(PathBuf),
}

/// Shows a reading, or what five minutes come to; it says whether to go on.
pub type EachReading<'a> = dyn FnMut(Seen) -> bool + 'a;
/// Shows what the five minutes that begin then come to of the fridge at that place.
pub type EachBucket<'a> = dyn FnMut(usize, Timestamp, Aggregate) -> bool + 'a;

/// The past of all fridges, which are named by their ids.
pub trait Past: Send + Sync {
    /// Shows what each five minutes come to that begin in that time, in order, or backwards from its end, until `each` says
    /// false. What was imported counts where nothing was measured.
    ///
    /// # Errors
    /// [`PastError`]
    fn buckets(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        backwards: bool,
        each: &mut EachBucket<'_>,
    ) -> Result<(), PastError>;

    /// Shows each reading of that time, in the order of the blocks, until `each` says false.
    ///
    /// # Errors
    /// [`PastError`]
    fn readings(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        each: &mut EachReading<'_>,
    ) -> Result<(), PastError>;

    /// From when to when anything is known.
    ///
    /// # Errors
    /// [`PastError`]
    fn extent(&self) -> Result<Option<(Timestamp, Timestamp)>, PastError>;

    /// The ids of all fridges of which anything is known.
    ///
    /// # Errors
    /// [`PastError`]
    fn fridges(&self) -> Result<Vec<String>, PastError>;

    /// Writes everything that waits outside the [`History`]; returns whether that was done within the time.
    fn flush(&self, patience: Duration) -> bool;

    /// The alarms of that time, and what people did in it.
    ///
    /// # Errors
    /// [`PastError`]
    fn records(&self, period: &Period) -> Result<(Vec<Alarm>, Vec<Deed>), PastError>;
}

/// What is on no disk yet.
pub trait Unwritten: Send + Sync {
    /// All of it in blocks, with the ids of the fridges, at the places by which the blocks name them.
    fn unwritten(&self, now: &Stamp) -> (Vec<String>, BTreeMap<i64, Block>);
}

impl Unwritten for History {
    fn unwritten(&self, now: &Stamp) -> (Vec<String>, BTreeMap<i64, Block>) {
        let waiting = self.waiting();
        (waiting.pending.fridges().to_vec(), waiting.pending.unwritten(now))
    }
}

/// The past as it is kept in a folder, together with what waits to be.
pub struct Kept {
    folder: PathBuf,
    unwritten: Option<Arc<dyn Unwritten>>,
    clock: Clock,
    /// Opened at the first question.
    file: Mutex<Option<HistoryFile>>,
}

impl Kept {
    /// What is kept in that folder, and what waits to be.
    pub fn new(folder: &Path, unwritten: Option<Arc<dyn Unwritten>>, clock: Clock) -> Kept {
        Kept { folder: folder.to_owned(), unwritten, clock, file: Mutex::default() }
    }

    /// Has something done with the file, opened anew where it was replaced.
    fn with_file<T>(
        &self,
        work: impl FnOnce(&HistoryFile) -> Result<T, store::Error>,
    ) -> Result<T, PastError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.as_ref().is_none_or(|file| !file.is_current()) {
            *file = HistoryFile::open_to_read(&self.folder)?;
        }
        let Some(open) = &*file else { return Err(PastError::Nothing(self.folder.clone())) };
        let done = work(open);
        if done.is_err() {
            *file = None;
        }
        Ok(done?)
    }

    /// The same, where without a file there is still what waits.
    fn with_some_file(
        &self,
        work: impl FnOnce(&HistoryFile) -> Result<(), store::Error>,
    ) -> Result<(), PastError> {
        match self.with_file(work) {
            Err(PastError::Nothing(_)) if self.unwritten.is_some() => Ok(()),
            done => done,
        }
    }

    /// By which numbers the file and what waits know these fridges.
    fn places(&self, fridges: &[&str]) -> Result<Places, PastError> {
        let mut places = Places::default();
        if let Some(unwritten) = &self.unwritten {
            let (known, blocks) = unwritten.unwritten(&(self.clock)());
            let place = |(index, id): (usize, &&str)| {
                let place = known.iter().position(|known| known == id)?;
                Some((Series::try_from(place).ok()?, index))
            };
            places.of_waiting = fridges.iter().enumerate().filter_map(place).collect();
            places.waiting = blocks;
        }
        self.with_some_file(|file| {
            let series = file.series()?;
            let place = |(index, id): (usize, &&str)| Some((*series.get(*id)?, index));
            places.file = fridges.iter().enumerate().filter_map(place).collect();
            Ok(())
        })?;
        Ok(places)
    }

    /// That time in parts that fit into memory, as far as anything is known of it.
    fn windows(
        &self,
        from: Timestamp,
        to: Timestamp,
        length: i64,
        backwards: bool,
    ) -> Result<Vec<(i64, i64)>, PastError> {
        let Some((first, last)) = self.extent()? else { return Ok(Vec::new()) };
        let begin = block_of(from.as_second().max(first.as_second()));
        let end = to.as_second().min(last.as_second());
        let count = ((end - begin).max(0) + length - 1) / length;
        let window = |index: i64| (begin + index * length, (begin + (index + 1) * length).min(end));
        let mut windows: Vec<(i64, i64)> = (0..count).map(window).collect();
        if backwards {
            windows.reverse();
        }
        Ok(windows)
    }
}

/// By which numbers fridges are known, with their places in the list of those that are asked about.
#[derive(Default)]
struct Places {
    file: BTreeMap<Series, usize>,
    of_waiting: BTreeMap<Series, usize>,
    waiting: BTreeMap<i64, Block>,
}

impl Past for Kept {
    fn buckets(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        backwards: bool,
        each: &mut EachBucket<'_>,
    ) -> Result<(), PastError> {
        let places = self.places(fridges)?;
        let most = if backwards { BUCKETS_OF_A_DAY } else { BUCKETS_AT_ONCE };
        let buckets = (BUCKETS_AT_ONCE / fridges.len().max(1) as i64).clamp(BUCKETS_OF_AN_HOUR, most);
        for (from, to) in self.windows(from, to, buckets * BLOCK_SECONDS, backwards)? {
            // A place for each five minutes and fridge, in the order in which they are shown.
            let count = fridges.len();
            let place_of = |begins: i64, fridge: usize| {
                usize::try_from((begins - from) / BLOCK_SECONDS)
                    .map_or(usize::MAX, |slot| slot * count + fridge)
            };
            let slots = usize::try_from((to - from + BLOCK_SECONDS - 1) / BLOCK_SECONDS).unwrap_or_default();
            let mut found: Vec<Option<Sum>> = vec![None; slots * count];
            let add = |found: &mut Vec<Option<Sum>>, begins, fridge, bucket: &Aggregate| {
                if let Some(sum) = found.get_mut(place_of(begins, fridge)) {
                    sum.get_or_insert_default().add_all(bucket);
                }
            };
            self.with_some_file(|file| {
                let is_wanted = |series| places.file.contains_key(&series);
                file.buckets(from, to, false, is_wanted, |begins, series, bucket| {
                    if let Some(&fridge) = places.file.get(&series) {
                        add(&mut found, begins, fridge, &bucket);
                    }
                    true
                })?;
                file.imported_buckets(from, to, |begins, series, bucket| {
                    // What was measured here counts before what was imported.
                    if let Some(&fridge) = places.file.get(&series)
                        && let Some(empty @ None) = found.get_mut(place_of(begins, fridge))
                    {
                        empty.insert(Sum::default()).add_all(&bucket);
                    }
                })?;
                Ok(())
            })?;
            for (begins, block) in places.waiting.range(from..to) {
                for (series, bucket) in bucket::of(block) {
                    if let Some(&fridge) = places.of_waiting.get(&series) {
                        add(&mut found, *begins, fridge, &bucket);
                    }
                }
            }
            let mut show = |(place, sum): (usize, Option<Sum>)| {
                let begins = from + (place / count) as i64 * BLOCK_SECONDS;
                sum.is_none_or(|sum| each(place % count, timestamp(begins), sum.aggregate()))
            };
            let found = found.into_iter().enumerate();
            let goes_on =
                if backwards { found.rev().all(&mut show) } else { found.into_iter().all(&mut show) };
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    fn readings(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        each: &mut EachReading<'_>,
    ) -> Result<(), PastError> {
        let places = self.places(fridges)?;
        let window = READINGS_AT_ONCE * BLOCK_SECONDS;
        for (begin, end) in self.windows(from, to, window, false)? {
            let mut found: Vec<Seen> = Vec::new();
            let mut take = |begins: i64, block: &Block, places: &BTreeMap<Series, usize>, imported: bool| {
                found.extend(block.samples().filter_map(|(series, probe, offset_ms, sample)| {
                    let at = Timestamp::from_millisecond(begins * 1_000 + i64::from(offset_ms)).ok()?;
                    let fridge = *places.get(&series)?;
                    (from <= at && at < to).then_some(Seen { fridge, probe, at, sample, imported })
                }));
            };
            self.with_some_file(|file| {
                for (table, imported) in [(Table::Raw, false), (Table::Imported, true)] {
                    file.blocks(table, begin, end, |begins, block| {
                        take(begins, &block, &places.file, imported);
                        true
                    })?;
                }
                Ok(())
            })?;
            for (begins, block) in places.waiting.range(begin..end) {
                take(*begins, block, &places.of_waiting, false);
            }
            found.sort_by_key(|seen| (seen.at, seen.fridge));
            // What was written in between is on the disk and waits as well.
            found.dedup();
            if !found.into_iter().all(&mut *each) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn extent(&self) -> Result<Option<(Timestamp, Timestamp)>, PastError> {
        let mut all: Vec<i64> = Vec::new();
        self.with_some_file(|file| {
            let extents = [file.extent(Table::Raw)?, file.extent(Table::Imported)?];
            all.extend(extents.into_iter().flatten().flat_map(|(first, last)| [first, last]));
            Ok(())
        })?;
        if let Some(unwritten) = &self.unwritten {
            all.extend(unwritten.unwritten(&(self.clock)()).1.into_keys());
        }
        let (first, last) = (all.iter().min(), all.iter().max());
        Ok(first.zip(last).map(|(first, last)| (timestamp(*first), timestamp(*last + BLOCK_SECONDS))))
    }

    fn fridges(&self) -> Result<Vec<String>, PastError> {
        self.with_file(|file| Ok(file.series()?.into_keys().collect()))
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }

    fn records(&self, period: &Period) -> Result<(Vec<Alarm>, Vec<Deed>), PastError> {
        Ok(Records::between(&self.folder, period.from, period.to)?)
    }
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
