//! Seals: once a day is over, its readings and whatever was recorded until then are hashed, together with the hash of the
//! seal before. Whoever changes a day afterwards changes its hash, and that of every day after it; whoever knows one of the
//! hashes from elsewhere, such as from a channel, can tell. What that proves and what not: docs/records.md.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::block::Series;
use super::records;
use super::{BUSY_TIMEOUT, Error, HistoryFile, day_of, migrations, sqlite};

mod verify;

pub use verify::{Finding, Verified, verify};

/// A day is sealed so long after its end (midnight in UTC), in seconds: what waited for the disk is there by then.
const AFTER: i64 = 3_600;

/// The seal of a day. Hashes are SHA-256, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Counts the seals: none is missing in between.
    pub number: u64,
    /// The day, in UTC.
    pub day: Date,
    /// When it was sealed.
    pub at: Timestamp,
    /// Whether the day had been sealed before: a clock that went back, or a late reading, changed it.
    pub again: bool,
    /// The hash of its readings.
    pub readings: String,
    /// The hash of what its readings come to, which is kept for longer.
    pub buckets: String,
    /// The hash of the fridges' numbers, up to the last there was.
    pub fridges: String,
    /// The last of those numbers.
    pub last_fridge: Series,
    /// The hash of what was recorded since the seal before: alarms, and what people did.
    pub records: String,
    /// The last row of that.
    pub last_record: i64,
    /// From when on each reading was there, in seconds since 1970 …
    pub raw_from: i64,
    /// … and what five minutes come to.
    pub bucket_from: i64,
    /// The hash of the seal before; empty in the first.
    pub before: String,
    /// The hash of all of this.
    pub hash: String,
}

impl Seal {
    /// The hash of all but itself: of its values, a line each, in the order of the fields.
    fn hash(&self) -> String {
        let Seal { number, day, at, again, readings, buckets, fridges, last_fridge, records, .. } = self;
        let Seal { last_record, raw_from, bucket_from, before, .. } = self;
        let lines = format!(
            "fridge seal 1\n{number}\n{day}\n{at}\n{again}\n{readings}\n{buckets}\n{fridges}\n{last_fridge}\n{records}\n{last_record}\n{raw_from}\n{bucket_from}\n{before}\n"
        );
        hex(ring::digest::digest(&SHA256, lines.as_bytes()).as_ref())
    }
}

/// The seals, in `records.db`.
#[derive(Debug)]
pub struct Seals {
    connection: Connection,
    path: PathBuf,
}

impl Seals {
    /// Opens the records in that folder to add seals; they are there and up to date once the gateway runs.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path) -> Result<Seals, Error> {
        let path = folder.join(records::FILE);
        let failed = |error| sqlite(&path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        migrations::check(&connection, &path, &records::STEPS)?;
        Ok(Seals { connection, path })
    }

    /// Seals the days that are over and changed since they were sealed; returns the new seals.
    ///
    /// # Errors
    /// [`Error`].
    pub fn seal(&mut self, history: &mut HistoryFile, now: Timestamp) -> Result<Vec<Seal>, Error> {
        let last_over = day_of(now.as_second() - AFTER) - 1;
        let due: Vec<i64> = history.touched()?.into_iter().filter(|day| *day <= last_over).collect();
        let mut sealed = Vec::new();
        for &day in &due {
            history.settle(day)?;
            let before = self.last().map_err(|error| sqlite(&self.path, error))?;
            let again = self.is_sealed(day).map_err(|error| sqlite(&self.path, error))?;
            let seal = self.of(history, day, before, again, now)?;
            let json = serde_json::to_string(&seal).unwrap_or_default();
            self.connection
                .execute("INSERT INTO seal VALUES (?1, ?2)", params![seal.number as i64, json])
                .map_err(|error| sqlite(&self.path, error))?;
            // In the other file: a plug that is pulled in between has the day sealed once more.
            history.sealed(&[day])?;
            sealed.push(seal);
        }
        Ok(sealed)
    }

    fn of(
        &self,
        history: &HistoryFile,
        day: i64,
        before: Option<Seal>,
        again: bool,
        now: Timestamp,
    ) -> Result<Seal, Error> {
        let last_fridge = history.series()?.into_values().max().unwrap_or(0);
        let after = before.as_ref().map_or(0, |before| before.last_record);
        let last: Option<i64> = self
            .connection
            .query_row("SELECT max(id) FROM log", [], |row| row.get(0))
            .map_err(|error| sqlite(&self.path, error))?;
        let last_record = last.unwrap_or(0).max(after);
        let number: Option<i64> = self
            .connection
            .query_row("SELECT max(number) FROM seal", [], |row| row.get(0))
            .map_err(|error| sqlite(&self.path, error))?;
        let (raw_from, bucket_from) = history.kept_from()?;
        let mut seal = Seal {
            // One that cannot be read keeps its number.
            number: number.unwrap_or(0) as u64 + 1,
            day: date_of(day),
            at: now,
            again,
            readings: rows_hash(history, "raw", day)?,
            buckets: rows_hash(history, "bucket", day)?,
            fridges: fridges_hash(history, last_fridge)?,
            last_fridge,
            records: records_hash(&self.connection, after, last_record)
                .map_err(|error| sqlite(&self.path, error))?,
            last_record,
            raw_from,
            bucket_from,
            before: before.map_or_else(String::new, |before| before.hash),
            hash: String::new(),
        };
        seal.hash = seal.hash();
        Ok(seal)
    }

    fn last(&self) -> Result<Option<Seal>, rusqlite::Error> {
        let sql = "SELECT json FROM seal ORDER BY number DESC LIMIT 1";
        let json: Option<String> = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    fn is_sealed(&self, day: i64) -> Result<bool, rusqlite::Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM seal WHERE json ->> 'day' = ?1)";
        self.connection.query_row(sql, [date_of(day).to_string()], |row| row.get(0))
    }
}

/// The hash of a day's rows of a table: of each its begin, its length and its bytes.
fn rows_hash(history: &HistoryFile, table: &str, day: i64) -> Result<String, Error> {
    let mut context = Context::new(&SHA256);
    history.rows(table, day * 86_400, (day + 1) * 86_400, false, |begins, bytes| {
        context.update(&begins.to_le_bytes());
        context.update(&(bytes.len() as u64).to_le_bytes());
        context.update(bytes);
        true
    })?;
    Ok(hex(context.finish().as_ref()))
}

fn fridges_hash(history: &HistoryFile, last: Series) -> Result<String, Error> {
    let mut context = Context::new(&SHA256);
    history.series_rows(last, |number, fridge| {
        context.update(&number.to_le_bytes());
        context.update(&(fridge.len() as u64).to_le_bytes());
        context.update(fridge.as_bytes());
    })?;
    Ok(hex(context.finish().as_ref()))
}

/// The hash of the rows of the log behind one, up to another.
fn records_hash(connection: &Connection, after: i64, last: i64) -> Result<String, rusqlite::Error> {
    let mut context = Context::new(&SHA256);
    let mut statement =
        connection.prepare("SELECT id, json FROM log WHERE id > ?1 AND id <= ?2 ORDER BY id")?;
    let mut rows = statement.query(params![after, last])?;
    while let Some(row) = rows.next()? {
        let (id, json): (i64, String) = (row.get(0)?, row.get(1)?);
        context.update(&id.to_le_bytes());
        context.update(&(json.len() as u64).to_le_bytes());
        context.update(json.as_bytes());
    }
    Ok(hex(context.finish().as_ref()))
}

/// A day by its number since 1970.
pub fn date_of(day: i64) -> Date {
    Timestamp::from_second(day.saturating_mul(86_400))
        .map_or(Date::MAX, |at| at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
