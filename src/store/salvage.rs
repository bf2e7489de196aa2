//! Salvage of a damaged `history.db` that was set aside: every row that can still be reached and whose checksum fits goes
//! into the file that took its place. Rows are read from both ends, because SQLite ends at the first page that is broken.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::block::Block;
use super::damaged::{SET_ASIDE, pad};
use super::history::{Table, keep_block};
use super::{Error, HistoryFile, bucket, sqlite};

/// The tables of rows with a checksum.
const TABLES: [&str; 3] = ["raw", "bucket", "imported"];
/// The same once everything that can be read of it was brought over.
const SALVAGED: &str = ".salvaged-";
/// So many rows go in one transaction: the gateway writes in between.
const ROWS_AT_ONCE: usize = 500;

/// What was got back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows that are in the new file now.
    pub rows: usize,
    /// Rows that were there, and whose checksum did not fit.
    pub damaged: usize,
}

/// Names a damaged file as one of which everything was brought over; returns its new name.
pub fn done(damaged: &Path) -> PathBuf {
    let name = damaged.to_string_lossy().replace(SET_ASIDE, SALVAGED);
    for ending in ["", "-wal", "-shm"] {
        let of = |name: &str| format!("{name}{ending}");
        // Where that fails, it is done once more after the next start.
        let _renamed = std::fs::rename(of(&damaged.to_string_lossy()), of(&name));
    }
    PathBuf::from(name)
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
    let kept: Option<(i64, i64)> = source
        .query_row("SELECT raw_from, bucket_from FROM kept", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .ok();
    if let Some((raw_from, bucket_from)) = kept {
        let sql = "UPDATE kept SET raw_from = max(raw_from, ?1), bucket_from = max(bucket_from, ?2)";
        file.connection_mut().execute(sql, [raw_from, bucket_from]).map_err(|error| sqlite(&path, error))?;
    }
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

/// Puts rows there; returns how many are new. Days with readings are settled and sealed again, as after every change.
fn insert(target: &mut Connection, table: &str, rows: &[(i64, Vec<u8>)]) -> Result<usize, rusqlite::Error> {
    let transaction = target.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut count = 0;
    for (begins, bytes) in rows {
        let is_there = "SELECT EXISTS (SELECT 1 FROM {table} WHERE t = ?1)".replace("{table}", table);
        let is_there: bool = transaction.query_row(&is_there, [begins], |row| row.get(0))?;
        let of = if table == "imported" { Table::Imported } else { Table::Raw };
        match Block::decode(*begins, bytes) {
            // What was written there in the meantime stays beside it.
            Ok(block) if table != "bucket" => keep_block(&transaction, of, *begins, block)?,
            _ => {
                let sql = format!("INSERT OR IGNORE INTO {table} VALUES (?1, ?2)");
                transaction.execute(&sql, params![begins, bytes])?;
            }
        }
        count += usize::from(!is_there);
    }
    transaction.commit()?;
    Ok(count)
}
