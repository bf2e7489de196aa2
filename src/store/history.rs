//! `history.db`: the readings of all fridges in blocks of five minutes, and for years what each block comes to. A block is
//! one row for all fridges, because a row for each reading costs an SD card a hundred times as much.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::block::{BLOCK_SECONDS, Block, Series, series_sum};
use super::bucket::{self, Aggregate, Sum};
use super::damaged;
use super::{Error, Opening, SetAside, connect, make_room, migrations, open, open_to_read, sqlite};

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
        make_room(&connection, &path);
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
        migrations::check(&connection, &path, &STEPS)?;
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

    /// Keeps these blocks: each together with what is there already of its five minutes. All of it or nothing; when this
    /// returns, it is on the disk. Blocks name their fridges by their place in `fridges`, a list of ids.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keep(
        &mut self,
        table: Table,
        fridges: &[String],
        blocks: &BTreeMap<i64, Block>,
    ) -> Result<(), Error> {
        let path = &self.path;
        let connection = &mut self.connection;
        let mut write = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let numbers = numbers(&transaction, fridges)?;
            for (&begins, block) in blocks {
                keep_block(&transaction, table, begins, renumbered(block, &numbers))?;
            }
            transaction.commit()
        };
        write().map_err(|error| sqlite(path, error))
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

    /// Writes down what each five minutes of a day come to, once the day is over or some of it is to be removed: until then
    /// that is computed from the readings, which costs a card nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub fn settle(&mut self, day: i64) -> Result<(), Error> {
        let mut rows = Vec::new();
        self.blocks(Table::Raw, day * 86_400, (day + 1) * 86_400, |begins, block| {
            rows.push((begins, bucket::encode(begins, &bucket::of(&block))));
            true
        })?;
        let path = &self.path;
        let connection = &mut self.connection;
        let mut write = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (begins, bytes) in &rows {
                let sql = "SELECT b FROM bucket WHERE t = ?1";
                let there: Option<Vec<u8>> =
                    transaction.query_row(sql, [begins], |row| row.get(0)).optional()?;
                // What is there of more readings is of a row that was damaged since.
                if there.is_none_or(|there| count(*begins, &there) <= count(*begins, bytes)) {
                    let sql = "INSERT OR REPLACE INTO bucket VALUES (?1, ?2)";
                    transaction.execute(sql, params![begins, bytes])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|error| sqlite(path, error))
    }

    /// Shows the buckets of all fridges that begin in that time, until `each` says false; `backwards` the latest first.
    /// Returns how many rows were damaged and left out.
    ///
    /// # Errors
    /// [`Error`].
    pub fn buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        mut each: impl FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let touched = self.touched()?;
        let mut damaged = 0;
        let mut goes_on = true;
        // Days whose buckets are not written down are computed; between them are runs of those that are.
        let (mut parts, mut next) = (Vec::new(), from);
        for day in touched {
            let begin = (day * 86_400).clamp(next, to.max(next));
            let end = ((day + 1) * 86_400).clamp(next, to.max(next));
            parts.extend([(next, begin, false), (begin, end, true)]);
            next = end;
        }
        parts.push((next, to, false));
        parts.retain(|(from, to, _)| from < to);
        if backwards {
            parts.reverse();
        }
        for (from, to, is_touched) in parts {
            let mut show = |begins, series, bucket| {
                goes_on = goes_on && each(begins, series, bucket);
                goes_on
            };
            damaged += if is_touched {
                self.computed_buckets(from, to, backwards, &mut show)?
            } else {
                self.written_buckets(from, to, backwards, &mut show)?
            };
            if !goes_on {
                break;
            }
        }
        Ok(damaged)
    }

    /// The same of a day, from its readings; where those were removed, from what is written down.
    fn computed_buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        each: &mut dyn FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let mut found: BTreeMap<(i64, Series), Aggregate> = BTreeMap::new();
        let mut damaged = self.written_buckets(from, to, false, &mut |begins, series, bucket| {
            found.insert((begins, series), bucket);
            true
        })?;
        damaged += self.blocks(Table::Raw, from, to, |begins, block| {
            found.extend(bucket::of(&block).into_iter().map(|(series, bucket)| ((begins, series), bucket)));
            true
        })?;
        let mut show = |((begins, series), bucket)| each(begins, series, bucket);
        if backwards {
            found.into_iter().rev().all(&mut show);
        } else {
            found.into_iter().all(&mut show);
        }
        Ok(damaged)
    }

    fn written_buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        each: &mut dyn FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let mut damaged = 0;
        self.rows("bucket", from, to, backwards, |begins, bytes| {
            let mut goes_on = true;
            let decoded = bucket::decode(begins, bytes, |series, bucket| {
                goes_on = goes_on && each(begins, series, bucket);
            });
            damaged += usize::from(decoded.is_err());
            goes_on
        })?;
        Ok(damaged)
    }

    /// The same of what was imported.
    ///
    /// # Errors
    /// [`Error`].
    pub fn imported_buckets(
        &self,
        from: i64,
        to: i64,
        mut each: impl FnMut(i64, Series, Aggregate),
    ) -> Result<usize, Error> {
        self.blocks(Table::Imported, from, to, |begins, block| {
            for (series, bucket) in bucket::of(&block) {
                each(begins, series, bucket);
            }
            true
        })
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

/// How many readings and faults the buckets of a row come from; none where it is damaged.
fn count(begins: i64, bytes: &[u8]) -> u32 {
    let mut count = 0;
    let decoded = bucket::decode(begins, bytes, |_, bucket| count += bucket.readings + bucket.faults);
    if decoded.is_ok() { count } else { 0 }
}

/// The numbers of these fridges; new ones get theirs.
fn numbers(transaction: &Transaction<'_>, fridges: &[String]) -> Result<Vec<Series>, rusqlite::Error> {
    let number = |fridge: &String| {
        let mut known = transaction.prepare("SELECT number FROM series WHERE fridge = ?1")?;
        if let Some(number) = known.query_row([fridge], |row| row.get(0)).optional()? {
            return Ok(number);
        }
        let next = "SELECT coalesce(max(number), 0) + 1 FROM series";
        // More than 65,535 fridges are never named: more than that is an error.
        let number: Series = transaction.query_row(next, [], |row| row.get(0))?;
        transaction.execute(
            "INSERT INTO series VALUES (?1, ?2, ?3)",
            params![number, fridge, series_sum(number, fridge)],
        )?;
        Ok(number)
    };
    fridges.iter().map(number).collect()
}

/// The block with the file's numbers in place of the fridges' places in a list.
fn renumbered(block: &Block, numbers: &[Series]) -> Block {
    let mut block = block.clone();
    for (series, _) in block.groups.iter_mut().flat_map(|group| &mut group.members) {
        *series = numbers.get(usize::from(*series)).copied().unwrap_or(Series::MAX);
    }
    block
}

pub(super) fn keep_block(
    transaction: &Transaction<'_>,
    table: Table,
    begins: i64,
    new: Block,
) -> Result<(), rusqlite::Error> {
    let bytes_of = |table: &str| -> Result<Option<Vec<u8>>, rusqlite::Error> {
        let mut statement = transaction.prepare(&format!("SELECT b FROM {table} WHERE t = ?1"))?;
        statement.query_row([begins], |row| row.get(0)).optional()
    };
    let put = |table: &str, bytes: Vec<u8>| {
        let mut statement =
            transaction.prepare(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)"))?;
        statement.execute(params![begins, bytes])
    };
    let there = bytes_of(table.name())?;
    // Of a damaged one nothing can be believed.
    let mut block = there.as_ref().and_then(|bytes| Block::decode(begins, bytes).ok()).unwrap_or_default();
    if table == Table::Imported {
        block.merge(new);
        return put(table.name(), block.encode(begins)).map(drop);
    }
    let mut buckets = BTreeMap::new();
    if there.is_none()
        && let Some(bytes) = bytes_of("bucket")?
    {
        // Its readings were removed, and what they come to was not.
        let decoded = bucket::decode(begins, &bytes, |series, bucket| {
            buckets.insert(series, bucket);
        });
        if decoded.is_err() {
            buckets.clear();
        }
    }
    if there.is_none() && !buckets.is_empty() {
        // Its readings were removed: what comes late is added to what they came to.
        for (series, late) in bucket::of(&new) {
            let mut sum = Sum::default();
            sum.add_all(&late);
            if let Some(before) = buckets.get(&series) {
                sum.add_all(before);
            }
            buckets.insert(series, sum.aggregate());
        }
        put("bucket", bucket::encode(begins, &buckets))?;
    } else {
        block.merge(new);
        put(table.name(), block.encode(begins))?;
    }
    let mut touched = transaction.prepare("INSERT OR IGNORE INTO touched VALUES (?1)")?;
    touched.execute([day_of(begins)]).map(drop)
}
