//! The file of one gateway: its blocks are written without what is in it already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::{error, warn};

use super::blocks::SAME_MS;
use crate::store::block::{BLOCK_SECONDS, Block, Series};
use crate::store::{Error, HISTORY, HistoryFile, Retention, SetAside, Table};

/// With less room than this on the disk, in bytes, nothing of other gateways is kept.
const LEAST_FREE: u64 = 200_000_000;

/// Why blocks are not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is no folder for them.
    #[error("the folder {} cannot be made: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// What is left of the disk is for this gateway's own history.
    #[error("only {free} MB are free on the disk, and the rest is reserved for this gateway's own history")]
    Full {
        /// So many megabytes are free.
        free: u64,
    },
    /// The file does not take them.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Keeps these blocks in that folder; they name fridges by their places in the list of ids. Returns whether a damaged file was
/// set aside.
///
/// # Errors
/// [`KeepError`]
pub fn keep(
    folder: &Path,
    fridges: &[String],
    blocks: &BTreeMap<i64, Block>,
    now: Timestamp,
) -> Result<bool, KeepError> {
    std::fs::create_dir_all(folder).map_err(|error| KeepError::Folder { path: folder.to_owned(), error })?;
    let free = free_bytes(folder);
    if free < LEAST_FREE {
        return Err(KeepError::Full { free: free / 1_000_000 });
    }
    match keep_new(HistoryFile::open_sound(folder), fridges, blocks) {
        Err(error) if error.is_damage() => {
            let (file, set_aside) = HistoryFile::open(folder, now)?;
            if let Some(SetAside { path, reason }) = &set_aside {
                error!(
                    "the stored readings of a gateway were damaged: {reason}; set aside as {}",
                    path.display()
                );
            }
            keep_new(Ok(file), fridges, blocks)?;
            Ok(set_aside.is_some())
        }
        kept => Ok(kept.map(|()| false)?),
    }
}

/// How much room is left on that disk; where nobody knows, there is enough.
fn free_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn keep_new(
    file: Result<HistoryFile, Error>,
    fridges: &[String],
    blocks: &BTreeMap<i64, Block>,
) -> Result<(), Error> {
    let mut file = file?;
    let new = new_of(&file, fridges, blocks)?;
    if new.is_empty() { Ok(()) } else { file.keep(Table::Raw, fridges, &new) }
}

/// What of these blocks is not in the file of that folder yet.
///
/// # Errors
/// [`Error`]
pub fn unknown_of(
    folder: &Path,
    fridges: &[String],
    blocks: BTreeMap<i64, Block>,
) -> Result<BTreeMap<i64, Block>, Error> {
    match HistoryFile::open_to_read(folder)? {
        Some(file) if !blocks.is_empty() => new_of(&file, fridges, &blocks),
        _ => Ok(blocks),
    }
}

fn new_of(
    file: &HistoryFile,
    fridges: &[String],
    blocks: &BTreeMap<i64, Block>,
) -> Result<BTreeMap<i64, Block>, Error> {
    let known = times(file, fridges, blocks)?;
    let new = blocks.iter().map(|(begins, block)| (*begins, without(*begins, block, &known)));
    Ok(new.filter(|(_, block)| !block.groups.is_empty()).collect())
}

/// When each of the fridges was read, as far as the file knows it of these blocks and those beside them, in milliseconds.
fn times(
    file: &HistoryFile,
    fridges: &[String],
    blocks: &BTreeMap<i64, Block>,
) -> Result<HashMap<Series, BTreeSet<i64>>, Error> {
    let series = file.series()?;
    let place = |(place, id): (usize, &String)| Some((*series.get(id)?, Series::try_from(place).ok()?));
    let places: HashMap<Series, Series> = fridges.iter().enumerate().filter_map(place).collect();
    let around = blocks.keys().flat_map(|begins| [begins - BLOCK_SECONDS, *begins, begins + BLOCK_SECONDS]);
    let around: BTreeSet<i64> = around.collect();
    let mut known: HashMap<Series, BTreeSet<i64>> = HashMap::new();
    for begins in around {
        file.blocks(Table::Raw, begins, begins + BLOCK_SECONDS, |begins, block| {
            for (series, _, offset_ms, _) in block.samples() {
                if let Some(place) = places.get(&series) {
                    known.entry(*place).or_default().insert(begins * 1_000 + i64::from(offset_ms));
                }
            }
            true
        })?;
    }
    Ok(known)
}

/// The block without the readings that are known.
fn without(begins: i64, block: &Block, known: &HashMap<Series, BTreeSet<i64>>) -> Block {
    let mut block = block.clone();
    for group in &mut block.groups {
        for sweep in &mut group.sweeps {
            let at = begins * 1_000 + i64::from(sweep.offset_ms);
            for ((series, _), sample) in group.members.iter().zip(&mut sweep.samples) {
                let mut same = known
                    .get(series)
                    .into_iter()
                    .flat_map(|known| known.range(at - SAME_MS + 1..at + SAME_MS));
                if same.next().is_some() {
                    *sample = None;
                }
            }
        }
        group.sweeps.retain(|sweep| sweep.samples.iter().any(Option::is_some));
    }
    block.groups.retain(|group| !group.sweeps.is_empty());
    block
}

/// Removes from every gateway's file what is older than that.
pub fn prune_all(folder: &Path, retention: Retention, now: Timestamp) {
    // Where there is no such folder, nothing is too old.
    for site in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = site.path();
        if !path.join(HISTORY).exists() {
            continue;
        }
        let pruned = HistoryFile::open_sound(&path).and_then(|mut file| file.prune(retention, now));
        if let Err(error) = pruned {
            warn!("cannot delete old readings from {}: {error}", path.display());
        }
    }
}
