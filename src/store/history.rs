//! `history.db`: the readings of all fridges in blocks of five minutes, and for years what each block comes to. A block is
//! one row for all fridges, because a row for each reading costs an SD card a hundred times as much.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::block::{BLOCK_SECONDS, Block, Series, series_sum};
use super::damaged;
use super::{Error, Opening, SetAside, connect, make_room, migrations, open, open_to_read, sqlite};

mod aggregates;
mod writing;

pub(super) use writing::keep_block;

/// The file's name in the state folder.
pub const FILE: &str = "history.db";

/// The format, version by version. `touched` holds days that changed after they were sealed.
const STEPS: [&str; 1] = ["CREATE TABLE series (number INTEGER PRIMARY KEY, fridge TEXT NOT NULL UNIQUE, sum INTEGER NOT NULL) STRICT;
     CREATE TABLE raw (t INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT;
     CREATE TABLE bucket (t INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT;
     CREATE TABLE imported (t INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT;
     CREATE TABLE touched (day INTEGER PRIMARY KEY) STRICT;
     CREATE TABLE kept (id INTEGER PRIMARY KEY CHECK (id = 1), raw_from INTEGER NOT NULL, bucket_from INTEGER NOT NULL) STRICT;
     INSERT INTO kept VALUES (1, 0, 0);"];

/// How the file is checked and written: it is large, so its pages are checked, and not its indices; and its log may grow to
/// 1.6 MB before it is written over, because each time costs a card more than the pages (measured).
const OPENING: Opening = Opening { check: "quick_check", log_pages: 400 };

/// So many rows are read at a time: whoever reads for long would keep the log from being written over.
const ROWS_AT_ONCE: usize = 2_000;
/// So many rows at most go in one removal: a clock that is wrong for a day takes no more than that with it.
const MOST_REMOVED: i64 = 2 * 86_400 / BLOCK_SECONDS;

/// The file.
#[derive(Debug)]
pub struct HistoryFile {
    connection: Connection,
    path: PathBuf,
    inode: Option<u64>,
}

/// How long readings are kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Each reading.
    pub raw_days: u32,
    /// What five minutes come to.
    pub bucket_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { raw_days: 30, bucket_days: 3 * 366 }
    }
}

/// Which of the tables of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// What was measured here.
    Raw,
    /// What was taken in from other logs.
    Imported,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Raw => "raw",
            Table::Imported => "imported",
        }
    }
}

/// A day since 1970, in UTC.
pub fn day_of(second: i64) -> i64 {
    second.div_euclid(86_400)
}

/// When the block begins in which that second lies.
pub fn block_of(second: i64) -> i64 {
    second.div_euclid(BLOCK_SECONDS) * BLOCK_SECONDS
}

impl HistoryFile {
    /// Opens the file in that folder, or begins it. A damaged one is set aside.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path, now: Timestamp) -> Result<(HistoryFile, Option<SetAside>), Error> {
        let path = folder.join(FILE);
        let (mut connection, set_aside) = open(&path, now, OPENING)?;
        migrations::migrate(&mut connection, &path, &STEPS)?;
        make_room(&connection, &path, OPENING);
        let known: i64 = connection
            .query_row("SELECT count(*) FROM series", [], |row| row.get(0))
            .map_err(|error| sqlite(&path, error))?;
        for damaged in damaged::set_aside(&path).iter().rev().filter(|_| known == 0) {
            damaged::adopt_series(damaged, &connection).map_err(|error| sqlite(&path, error))?;
        }
        Ok((HistoryFile { connection, inode: inode(&path), path }, set_aside))
    }

    /// The same, where a damaged one is an error: whoever is not the gateway must not take its file away.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open_sound(folder: &Path) -> Result<HistoryFile, Error> {
        let path = folder.join(FILE);
        let mut connection = connect(&path, OPENING).map_err(|error| sqlite(&path, error))?;
        migrations::migrate(&mut connection, &path, &STEPS)?;
        Ok(HistoryFile { connection, inode: inode(&path), path })
    }

    /// Opens the file in that folder to read it; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open_to_read(folder: &Path) -> Result<Option<HistoryFile>, Error> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = open_to_read(&path)?;
        match migrations::check(&connection, &path, &STEPS) {
            // It is being begun at this moment.
            Err(Error::Older { found: 0, .. }) => return Ok(None),
            checked => checked?,
        }
        Ok(Some(HistoryFile { connection, inode: inode(&path), path }))
    }

    /// The numbers of the fridges that it knows, by their ids.
    ///
    /// # Errors
    /// [`Error`].
    pub fn series(&self) -> Result<BTreeMap<String, Series>, Error> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT fridge, number, sum FROM series")?;
            let mut rows = statement.query([])?;
            let mut known = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let (fridge, number, sum): (String, Series, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
                // One whose name was changed by damage is nobody's.
                if sum == series_sum(number, &fridge) {
                    known.insert(fridge, number);
                }
            }
            Ok(known)
        };
        read().map_err(|error| self.failed(error))
    }

    /// Shows the blocks that begin in that time, the earliest first, until `each` says false. Returns how many were
    /// damaged and left out.
    ///
    /// # Errors
    /// [`Error`].
    pub fn blocks(
        &self,
        table: Table,
        from: i64,
        to: i64,
        mut each: impl FnMut(i64, Block) -> bool,
    ) -> Result<usize, Error> {
        let mut damaged = 0;
        self.rows(table.name(), from, to, false, |begins, bytes| match Block::decode(begins, bytes) {
            Ok(block) => each(begins, block),
            Err(_) => {
                damaged += 1;
                true
            }
        })?;
        Ok(damaged)
    }

    /// The begins of the first and the last block of a table.
    ///
    /// # Errors
    /// [`Error`].
    pub fn extent(&self, table: Table) -> Result<Option<(i64, i64)>, Error> {
        let names: &[&str] = match table {
            // What five minutes come to is kept for longer than they, and written down later.
            Table::Raw => &["bucket", "raw"],
            Table::Imported => &["imported"],
        };
        // Each is found from its end of the table; both in one question would read all of it.
        let end = |function: &str, name: &str| {
            let sql = format!("SELECT {function}(t) FROM {name}");
            self.connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))
        };
        let both = || {
            let (mut first, mut last) = (None, None);
            for name in names {
                first = [first, end("min", name)?].into_iter().flatten().min();
                last = last.max(end("max", name)?);
            }
            Ok(first.zip(last))
        };
        both().map_err(|error| self.failed(error))
    }

    /// Shows the rows of a table as they are, begins and bytes.
    ///
    /// # Errors
    /// [`Error`].
    pub fn rows(
        &self,
        table: &str,
        from: i64,
        to: i64,
        backwards: bool,
        mut each: impl FnMut(i64, &[u8]) -> bool,
    ) -> Result<(), Error> {
        let order = if backwards { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT t, b FROM {table} WHERE t >= ?1 AND t < ?2 ORDER BY t {order} LIMIT {ROWS_AT_ONCE}"
        );
        let (mut from, mut to) = (from, to);
        loop {
            let mut read = || {
                let mut statement = self.connection.prepare(&sql)?;
                let mut rows = statement.query(params![from, to])?;
                let (mut count, mut last) = (0, from);
                while let Some(row) = rows.next()? {
                    (count, last) = (count + 1, row.get(0)?);
                    let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
                    if !each(last, bytes) {
                        return Ok(None);
                    }
                }
                Ok((count == ROWS_AT_ONCE).then_some(last))
            };
            match read().map_err(|error| self.failed(error))? {
                None => return Ok(()),
                Some(last) if backwards => to = last,
                Some(last) => from = last + 1,
            }
        }
    }

    /// Removes whole days that are older than that before `now`, few at a time. Their hashes stay where days are sealed.
    ///
    /// # Errors
    /// [`Error`].
    pub fn prune(&mut self, retention: Retention, now: Timestamp) -> Result<(), Error> {
        let last = day_of(now.as_second()) - i64::from(retention.raw_days);
        for day in self.touched()?.into_iter().filter(|day| *day < last) {
            self.settle(day)?;
        }
        let path = &self.path;
        let connection = &mut self.connection;
        let mut remove = || {
            let transaction = connection.transaction()?;
            let today = day_of(now.as_second());
            for (table, days, column) in
                [("raw", retention.raw_days, "raw_from"), ("bucket", retention.bucket_days, "bucket_from")]
            {
                let first: Option<i64> =
                    transaction.query_row(&format!("SELECT min(t) FROM {table}"), [], |row| row.get(0))?;
                let Some(first) = first else { continue };
                let soonest = first + MOST_REMOVED * BLOCK_SECONDS;
                let from = (today - i64::from(days)).min(day_of(soonest)) * 86_400;
                if from > first {
                    transaction.execute(&format!("DELETE FROM {table} WHERE t < ?1"), [from])?;
                    transaction.execute(&format!("UPDATE kept SET {column} = max({column}, ?1)"), [from])?;
                }
            }
            transaction.commit()
        };
        remove().map_err(|error| sqlite(path, error))
    }

    /// From when on readings and buckets are kept: what is older was removed, as it should be.
    ///
    /// # Errors
    /// [`Error`].
    pub fn kept_from(&self) -> Result<(i64, i64), Error> {
        let sql = "SELECT raw_from, bucket_from FROM kept";
        self.connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|error| self.failed(error))
    }

    /// The days that changed since they were sealed.
    ///
    /// # Errors
    /// [`Error`].
    pub fn touched(&self) -> Result<Vec<i64>, Error> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT day FROM touched ORDER BY day")?;
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()
        };
        read().map_err(|error| self.failed(error))
    }

    /// These days were sealed again.
    ///
    /// # Errors
    /// [`Error`].
    pub fn sealed(&mut self, days: &[i64]) -> Result<(), Error> {
        for day in days {
            self.connection
                .execute("DELETE FROM touched WHERE day = ?1", [day])
                .map_err(|error| sqlite(&self.path, error))?;
        }
        Ok(())
    }

    /// The rows of the fridges' numbers up to that one, as they are.
    ///
    /// # Errors
    /// [`Error`].
    pub fn series_rows(&self, last: Series, mut each: impl FnMut(Series, &str)) -> Result<(), Error> {
        let mut read = || {
            let mut statement = self
                .connection
                .prepare("SELECT number, fridge FROM series WHERE number <= ?1 ORDER BY number")?;
            let mut rows = statement.query([last])?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?, &row.get::<_, String>(1)?);
            }
            Ok(())
        };
        read().map_err(|error| self.failed(error))
    }

    /// The connection, to bring rows over.
    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Whether the file is still the one of that name: a damaged one is renamed.
    pub fn is_current(&self) -> bool {
        let found = inode(&self.path);
        found.is_some() && found == self.inode
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        sqlite(&self.path, error)
    }
}

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|found| found.ino()).ok()
}
