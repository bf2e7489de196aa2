//! Damaged files of `history.db` that were set aside: which there are, and what must come over from them at once.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::block::{Series, series_sum};

/// What the name of a damaged file has behind the file's own.
pub const SET_ASIDE: &str = ".bad-";
/// Where the header says how many pages the file has (SQLite's file format, 1.3).
const PAGES_AT: u64 = 28;
/// Where numbers of fridges were lost, new ones begin so far behind the last that is known.
const BEYOND_LOST: i64 = 1_000;
/// The size of a page in bytes.
const PAGE: u64 = 4_096;

/// The damaged files of that name, of which not everything was brought over yet, the oldest first.
pub fn set_aside(file: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let begin = format!("{name}{SET_ASIDE}");
    let is_meant = |name: &str| {
        name.strip_prefix(&begin).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_meant(name))
        .map(|name| folder.join(name))
        .collect();
    paths.sort();
    paths
}

/// Brings the numbers of the fridges over before anything is written by new ones: a row that named another fridge would be
/// worse than one that is lost. Where not all of them can be read, new numbers begin far behind those that may exist.
pub fn adopt_series(damaged: &Path, target: &Connection) -> Result<(), rusqlite::Error> {
    pad(damaged);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut last = 0;
    let mut is_whole = false;
    if let Ok(source) = Connection::open_with_flags(damaged, flags) {
        let mut read = || {
            let mut statement = source.prepare("SELECT number, fridge, sum FROM series ORDER BY number")?;
            let mut rows = statement.query([])?;
            is_whole = true;
            while let Some(row) = rows.next()? {
                let (number, fridge): (Series, String) = (row.get(0)?, row.get(1)?);
                let sum: u32 = row.get(2)?;
                if sum == series_sum(number, &fridge) {
                    target.execute(
                        "INSERT OR IGNORE INTO series VALUES (?1, ?2, ?3)",
                        params![number, fridge, sum],
                    )?;
                } else {
                    is_whole = false;
                }
                last = last.max(i64::from(number));
            }
            Ok::<_, rusqlite::Error>(())
        };
        // What it ends at is the damage.
        is_whole = read().is_ok() && is_whole;
    }
    if !is_whole {
        let beyond = last + BEYOND_LOST;
        target.execute("INSERT OR IGNORE INTO series VALUES (?1, '', 0)", [beyond])?;
    }
    Ok(())
}

/// Gives a file whose end was cut off the length that its header says, in zeros: SQLite reads no page of a shorter one.
pub fn pad(path: &Path) {
    let length = || {
        let mut file = std::fs::File::open(path).ok()?;
        let mut pages = [0; 4];
        file.seek(SeekFrom::Start(PAGES_AT)).ok()?;
        file.read_exact(&mut pages).ok()?;
        let (is, should_be) = (file.metadata().ok()?.len(), u64::from(u32::from_be_bytes(pages)) * PAGE);
        // A header of nonsense would make a file of terabytes.
        (is < should_be && should_be < is.saturating_mul(64).max(64 * 1024 * 1024)).then_some(should_be)
    };
    if let Some(length) = length()
        && let Ok(file) = std::fs::OpenOptions::new().write(true).open(path)
    {
        // Where it cannot be made longer, less is got back.
        let _padded = file.set_len(length);
    }
}
