//! Salvage of a damaged `history.db` that was set aside: every row that can still be reached and whose checksum fits goes
//! into the file that took its place. Rows are read from both ends, because SQLite ends at the first page that is broken.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params};

use super::block::{Block, Series};
use super::history::series_sum;
use super::{Error, HistoryFile, bucket, sqlite};

/// The tables of rows with a checksum.
const TABLES: [&str; 3] = ["raw", "bucket", "imported"];
/// So many rows go in one transaction: the gateway writes in between.
const ROWS_AT_ONCE: usize = 500;
/// Where the header says how many pages the file has (SQLite's file format, 1.3).
const PAGES_AT: u64 = 28;
/// Where numbers of fridges were lost, new ones begin so far behind the last that is known.
const BEYOND_LOST: i64 = 1_000;
/// The size of a page in bytes.
const PAGE: u64 = 4_096;

/// What was got back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows that are in the new file now.
    pub rows: usize,
    /// Rows that were there, and whose checksum did not fit.
    pub damaged: usize,
}

/// Brings over what can be read of the damaged file into the one in that folder. Rows that are there already stay.
///
/// # Errors
/// Where the new file does not take it.
pub fn salvage(damaged: &Path, folder: &Path, now: Timestamp) -> Result<Salvaged, Error> {
    pad(damaged);
    let (mut file, _) = HistoryFile::open(folder, now)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut salvaged = Salvaged::default();
    let Ok(source) = Connection::open_with_flags(damaged, flags) else { return Ok(salvaged) };
    let path = file.path().to_owned();
    let target = file.connection_mut();
    for table in TABLES {
        for order in ["ASC", "DESC"] {
            let mut rows = Vec::new();
            let sql = format!("SELECT t, b FROM {table} ORDER BY t {order}");
            let ended = each_row(&source, &sql, |begins, bytes| {
                if is_good(table, begins, &bytes) {
                    rows.push((begins, bytes));
                } else {
                    salvaged.damaged += 1;
                }
                if rows.len() >= ROWS_AT_ONCE {
                    salvaged.rows += insert(target, table, &std::mem::take(&mut rows))?;
                }
                Ok(())
            });
            salvaged.rows += insert(target, table, &rows).map_err(|error| sqlite(&path, error))?;
            match ended {
                // All of it was reached: nothing is left to be found from the other end.
                Ok(()) => break,
                Err(Reading::Source) => {}
                Err(Reading::Target(error)) => return Err(sqlite(&path, error)),
            }
        }
    }
    Ok(salvaged)
}

fn is_good(table: &str, begins: i64, bytes: &[u8]) -> bool {
    match table {
        "bucket" => bucket::decode(begins, bytes, |_, _| {}).is_ok(),
        _ => Block::decode(begins, bytes).is_ok(),
    }
}

/// Where reading rows to put them elsewhere has ended too soon.
enum Reading {
    /// The rest cannot be reached.
    Source,
    /// They could not be put there.
    Target(rusqlite::Error),
}

/// Shows each row up to the first that cannot be reached. A row of other types is damaged in itself: the next may be sound.
fn each_row(
    source: &Connection,
    sql: &str,
    mut each: impl FnMut(i64, Vec<u8>) -> Result<(), rusqlite::Error>,
) -> Result<(), Reading> {
    let mut statement = source.prepare(sql).map_err(|_| Reading::Source)?;
    let mut rows = statement.query([]).map_err(|_| Reading::Source)?;
    while let Some(row) = rows.next().map_err(|_| Reading::Source)? {
        if let (Ok(begins), Ok(bytes)) = (row.get(0), row.get(1)) {
            each(begins, bytes).map_err(Reading::Target)?;
        }
    }
    Ok(())
}

/// Brings the numbers of the fridges over before anything is written by new ones: a row that named another fridge would be
/// worse than one that is lost. Where not all of them can be read, new numbers begin far behind those that may exist.
pub(super) fn adopt_series(damaged: &Path, target: &Connection) -> Result<(), rusqlite::Error> {
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
                    target.execute("INSERT OR IGNORE INTO series VALUES (?1, ?2, ?3)", params![number, fridge, sum])?;
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

/// Puts rows there that are not there yet; returns how many.
fn insert(
    target: &mut Connection,
    table: &str,
    rows: &[(i64, Vec<u8>)],
) -> Result<usize, rusqlite::Error> {
    let transaction = target.transaction()?;
    let mut count = 0;
    {
        let mut statement = transaction.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES (?1, ?2)"))?;
        for (begins, bytes) in rows {
            count += statement.execute(params![begins, bytes])?;
        }
    }
    transaction.commit()?;
    Ok(count)
}

/// Gives a file whose end was cut off the length that its header says, in zeros: SQLite reads no page of a shorter one.
fn pad(path: &Path) {
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
