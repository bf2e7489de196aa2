//! What is known of the past: the readings and what five minutes of them come to, of any fridge and time. It is on the
//! disk, so whoever asks may wait; answers about the present never ask here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::History;
use crate::reading::{Clock, ProbeId, Sample};
use crate::store::block::{BLOCK_SECONDS, Block, Series};
use crate::store::bucket::{self, Aggregate};
use crate::store::{self, HistoryFile, Table, block_of};

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
    /// false. Several buckets may be shown of the same five minutes.
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
}

/// The past as it is kept in a folder, together with what waits to be.
pub struct Kept {
    folder: PathBuf,
    history: Option<Arc<History>>,
    clock: Clock,
    /// Opened at the first question.
    file: Mutex<Option<HistoryFile>>,
}

impl Kept {
    /// What is kept in that folder, and what waits in that history.
    pub fn new(folder: &Path, history: Option<Arc<History>>, clock: Clock) -> Kept {
        Kept { folder: folder.to_owned(), history, clock, file: Mutex::default() }
    }

    /// Has something done with the file, opened anew where it was replaced.
    fn with_file<T>(&self, work: impl FnOnce(&HistoryFile) -> Result<T, store::Error>) -> Result<T, PastError> {
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

    /// What waits for the disk: blocks, and the places of these fridges in them.
    fn waiting(&self, fridges: &[&str]) -> (BTreeMap<i64, Block>, BTreeMap<Series, usize>) {
        let Some(history) = &self.history else { return Default::default() };
        let now = (self.clock)();
        let waiting = history.waiting();
        let known = waiting.pending.fridges();
        let place = |(index, id): (usize, &&str)| {
            let place = known.iter().position(|known| known == id)?;
            Some((Series::try_from(place).ok()?, index))
        };
        let places = fridges.iter().enumerate().filter_map(place).collect();
        (waiting.pending.unwritten(&now), places)
    }
}

/// The numbers of these fridges in the file, with their places in the list.
fn places(file: &HistoryFile, fridges: &[&str]) -> Result<BTreeMap<Series, usize>, store::Error> {
    let series = file.series()?;
    let place = |(index, id): (usize, &&str)| Some((*series.get(*id)?, index));
    Ok(fridges.iter().enumerate().filter_map(place).collect())
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
        let (from, to) = (block_of(from.as_second()), to.as_second());
        let (waiting, waiting_places) = self.waiting(fridges);
        let mut goes_on = true;
        let of_waiting = |goes_on: &mut bool, each: &mut EachBucket<'_>| {
            let mut blocks: Vec<_> = waiting.range(from..to.max(from)).collect();
            if backwards {
                blocks.reverse();
            }
            for (begins, block) in blocks {
                for (series, bucket) in bucket::of(block) {
                    if let Some(&place) = waiting_places.get(&series) {
                        *goes_on = *goes_on && each(place, timestamp(*begins), bucket);
                    }
                }
            }
        };
        if backwards {
            of_waiting(&mut goes_on, each);
        }
        let read = self.with_file(|file| {
            let places = places(file, fridges)?;
            let mut imported = BTreeMap::new();
            file.imported_buckets(from, to, |begins, series, bucket| {
                if let Some(&place) = places.get(&series) {
                    imported.insert((begins, place), bucket);
                }
            })?;
            // Those that were imported stand between those that were measured, by their times.
            let mut imported: Vec<_> = imported.into_iter().collect();
            if !backwards {
                imported.reverse();
            }
            let is_due = |other: i64, begins: i64| if backwards { other >= begins } else { other <= begins };
            file.buckets(from, to, backwards, |begins, series, bucket| {
                while goes_on && let Some(&((other, place), aggregate)) = imported.last() {
                    if !is_due(other, begins) {
                        break;
                    }
                    goes_on = each(place, timestamp(other), aggregate);
                    imported.pop();
                }
                if let Some(&place) = places.get(&series) {
                    goes_on = goes_on && each(place, timestamp(begins), bucket);
                }
                goes_on
            })?;
            while goes_on && let Some(((other, place), aggregate)) = imported.pop() {
                goes_on = each(place, timestamp(other), aggregate);
            }
            Ok(())
        });
        // Without a file there is still what waits.
        match read {
            Err(PastError::Nothing(_)) if self.history.is_some() => {}
            read => read?,
        }
        if !backwards {
            of_waiting(&mut goes_on, each);
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
        let (first, last) = (block_of(from.as_second()), to.as_second().saturating_add(1));
        let (waiting, waiting_places) = self.waiting(fridges);
        let mut goes_on = true;
        let mut show = |begins: i64, block: &Block, places: &BTreeMap<Series, usize>, imported: bool| {
            let mut seen: Vec<Seen> = block
                .samples()
                .filter_map(|(series, probe, offset_ms, sample)| {
                    let at = Timestamp::from_millisecond(begins * 1_000 + i64::from(offset_ms)).ok()?;
                    let fridge = *places.get(&series)?;
                    (from <= at && at < to).then_some(Seen { fridge, probe, at, sample, imported })
                })
                .collect();
            seen.sort_by_key(|seen| (seen.at, seen.fridge));
            for seen in seen {
                goes_on = goes_on && each(seen);
            }
            goes_on
        };
        let read = self.with_file(|file| {
            let places = places(file, fridges)?;
            // A week at a time of each, so that they stand in the order of their times and memory has a bound.
            let extents = [file.extent(Table::Imported)?, file.extent(Table::Raw)?];
            let begin = extents.iter().flatten().map(|(begin, _)| *begin).min();
            let end = extents.iter().flatten().map(|(_, end)| *end + 1).max();
            let (Some(begin), Some(end)) = (begin, end) else { return Ok(()) };
            let (mut from, to) = (first.max(begin), last.min(end));
            while from < to {
                let mut imported = BTreeMap::new();
                let until = (from + 2_000 * BLOCK_SECONDS).min(to);
                file.blocks(Table::Imported, from, until, |begins, block| {
                    imported.insert(begins, block);
                    true
                })?;
                let mut stays = true;
                file.blocks(Table::Raw, from, until, |begins, block| {
                    while let Some(entry) = imported.first_entry().filter(|entry| *entry.key() <= begins) {
                        let (begins, block) = entry.remove_entry();
                        stays = stays && show(begins, &block, &places, true);
                    }
                    stays = stays && show(begins, &block, &places, false);
                    stays
                })?;
                for (begins, block) in imported {
                    stays = stays && show(begins, &block, &places, true);
                }
                if !stays {
                    return Ok(());
                }
                from = until;
            }
            Ok(())
        });
        match read {
            Err(PastError::Nothing(_)) if self.history.is_some() => {}
            read => read?,
        }
        for (begins, block) in waiting {
            show(begins, &block, &waiting_places, false);
        }
        Ok(())
    }

    fn extent(&self) -> Result<Option<(Timestamp, Timestamp)>, PastError> {
        let (waiting, _) = self.waiting(&[]);
        let kept = self.with_file(|file| Ok([file.extent(Table::Raw)?, file.extent(Table::Imported)?]));
        let kept = match kept {
            Err(PastError::Nothing(_)) if self.history.is_some() => [None, None],
            kept => kept?,
        };
        let ends = kept.into_iter().flatten().flat_map(|(first, last)| [first, last]);
        let all: Vec<i64> = ends.chain(waiting.into_keys()).collect();
        let (first, last) = (all.iter().min(), all.iter().max());
        Ok(first.zip(last).map(|(first, last)| (timestamp(*first), timestamp(*last + BLOCK_SECONDS))))
    }

    fn fridges(&self) -> Result<Vec<String>, PastError> {
        self.with_file(|file| Ok(file.series()?.into_keys().collect()))
    }
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
