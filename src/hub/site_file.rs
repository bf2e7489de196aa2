//! The file of one gateway: its blocks are written without what is in it already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::{error, warn};

use super::site_blocks::SAME_MS;
use crate::store::block::{BLOCK_SECONDS, Block, Series};
use crate::store::{Error, HISTORY, HistoryFile, Retention, SetAside, Table};

/// Why blocks are not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is no folder for them.
    #[error("{}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file does not take them.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Keeps these blocks in that folder; they name fridges by their places in the list of ids. A file that was not checked since
/// the start is; where it is damaged, it is set aside.
///
/// # Errors
/// [`KeepError`]
pub fn keep(
    folder: &Path,
    is_checked: bool,
    fridges: &[String],
    blocks: &BTreeMap<i64, Block>,
    now: Timestamp,
) -> Result<(), KeepError> {
    std::fs::create_dir_all(folder).map_err(|error| KeepError::Folder { path: folder.to_owned(), error })?;
    let mut file = if is_checked {
        HistoryFile::open_sound(folder)?
    } else {
        let (file, set_aside) = HistoryFile::open(folder, now)?;
        if let Some(SetAside { path, reason }) = set_aside {
            error!("what was kept of a gateway was damaged: {reason}; set aside as {}", path.display());
        }
        file
    };
    let known = times(&file, fridges, blocks)?;
    let mut new = BTreeMap::new();
    for (begins, block) in blocks {
        let block = without(*begins, block, &known);
        if !block.groups.is_empty() {
            new.insert(*begins, block);
        }
    }
    if !new.is_empty() {
        file.keep(Table::Raw, fridges, &new)?;
    }
    Ok(())
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
            warn!("what is too old cannot be removed from {}: {error}", path.display());
        }
    }
}
