//! Seals: once a day is over, its readings and whatever was recorded until then are hashed, together with the hash of the
//! seal before. Whoever changes a day afterwards changes its hash, and that of every day after it; whoever knows one of the
//! hashes from elsewhere, such as from a channel, can tell. What that proves and what not: docs/records.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::block::Series;
use super::records::{self, Logged};
use super::{BUSY_TIMEOUT, Error, HistoryFile, day_of, migrations, open_to_read, sqlite};

/// A day is sealed so long after its end (midnight in UTC), in seconds: what waited for the disk is there by then.
const AFTER: i64 = 3_600;

/// So much at most is removed between two seals, in seconds: two days at a time, and a seal may be late.
const REMOVED_SINCE: i64 = 4 * 86_400;

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

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A day's readings are not what was sealed.
    Readings(Date),
    /// What a day's readings come to is not.
    Buckets(Date),
    /// What was recorded until that day is not.
    Records(Date),
    /// The names of fridges are not.
    Fridges(Date),
    /// A seal was changed.
    Seal(Date),
    /// Seals are missing before this one, or they stand in another order.
    Chain(Date),
    /// A seal cannot be read.
    Unreadable(u64),
    /// An alarm is not as it was recorded last.
    Alarm(u64),
    /// There are readings of a day within the sealed ones that was never sealed.
    Unsealed(Date),
}

impl Finding {
    /// The day that it is about.
    pub fn day(&self) -> Option<Date> {
        match *self {
            Finding::Readings(day)
            | Finding::Buckets(day)
            | Finding::Records(day)
            | Finding::Fridges(day)
            | Finding::Seal(day)
            | Finding::Chain(day)
            | Finding::Unsealed(day) => Some(day),
            Finding::Unreadable(_) | Finding::Alarm(_) => None,
        }
    }
}

/// What was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many seals were looked at.
    pub seals: usize,
    /// The first and the last day that is sealed.
    pub days: Option<(Date, Date)>,
    /// The hash of the last seal: whoever kept it elsewhere can compare.
    pub hash: Option<String>,
    /// Days that were sealed more than once, and when last.
    pub again: BTreeMap<Date, Timestamp>,
    /// Days that changed since they were sealed, and will be sealed again.
    pub touched: Vec<Date>,
    /// From which day on each reading is there still; before, what five minutes come to.
    pub readings_from: Option<Date>,
    /// What does not fit, the earliest first.
    pub findings: Vec<Finding>,
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

/// Holds the readings and records in that folder against their seals, those of the days from one to another alone; the seals
/// themselves all. `each` is told how far it is, from 0 to 1.
///
/// # Errors
/// Where there is nothing to be read.
pub fn verify(
    folder: &Path,
    days: (Date, Date),
    mut each: impl FnMut(f64),
) -> Result<Option<Verified>, Error> {
    let path = folder.join(records::FILE);
    let Some(history) = HistoryFile::open_to_read(folder)?.filter(|_| path.exists()) else {
        return Ok(None);
    };
    let connection = open_to_read(&path)?;
    migrations::check(&connection, &path, &records::STEPS)?;
    let failed = |error| sqlite(&path, error);
    // All of it as it is at one moment.
    connection.execute_batch("BEGIN").map_err(failed)?;
    let mut verified = Verified::default();
    let seals = all_seals(&connection, &mut verified.findings).map_err(failed)?;
    let (raw_from, bucket_from) = history.kept_from()?;
    // Since the last seal, little can have been removed as it should be.
    let sealed_from = seals.last().map_or((0, 0), |seal| (seal.raw_from, seal.bucket_from));
    let raw_from = raw_from.min(sealed_from.0 + REMOVED_SINCE);
    let bucket_from = bucket_from.min(sealed_from.1 + REMOVED_SINCE);
    // Each day is held against its last seal.
    let newest: BTreeMap<Date, u64> = seals.iter().map(|seal| (seal.day, seal.number)).collect();
    let touched = history.touched()?;
    let mut before: Option<&Seal> = None;
    for (index, seal) in seals.iter().enumerate() {
        let findings = &mut verified.findings;
        if seal.hash != seal.hash() {
            findings.push(Finding::Seal(seal.day));
        }
        let (number, hash, last_record) = before
            .map_or((0, String::new(), 0), |before| (before.number, before.hash.clone(), before.last_record));
        if seal.number != number + 1 || seal.before != hash {
            findings.push(Finding::Chain(seal.day));
        }
        let day = day_number(seal.day);
        if (days.0..=days.1).contains(&seal.day) {
            let is_removed = |from: i64| (day + 1) * 86_400 <= from;
            let is_newest = newest.get(&seal.day) == Some(&seal.number);
            if is_newest && touched.contains(&day) {
                verified.touched.push(seal.day);
            } else if is_newest {
                if !is_removed(raw_from) && rows_hash(&history, "raw", day)? != seal.readings {
                    findings.push(Finding::Readings(seal.day));
                }
                if !is_removed(bucket_from) && rows_hash(&history, "bucket", day)? != seal.buckets {
                    findings.push(Finding::Buckets(seal.day));
                }
            }
            let records = records_hash(&connection, last_record, seal.last_record).map_err(failed)?;
            if records != seal.records {
                findings.push(Finding::Records(seal.day));
            }
            if fridges_hash(&history, seal.last_fridge)? != seal.fridges {
                findings.push(Finding::Fridges(seal.day));
            }
        }
        if seal.again {
            verified.again.insert(seal.day, seal.at);
        }
        before = Some(seal);
        each((index + 1) as f64 / seals.len() as f64);
    }
    let (first, last) = (newest.keys().next().copied(), newest.keys().next_back().copied());
    verified.days = first.zip(last);
    if let Some((first, last)) = verified.days {
        for day in days_with_rows(&history)? {
            let date = date_of(day);
            let is_within = first <= date && date <= last && !newest.contains_key(&date);
            if is_within && !touched.contains(&day) && (days.0..=days.1).contains(&date) {
                verified.findings.push(Finding::Unsealed(date));
            }
        }
    }
    verified
        .findings
        .extend(changed_alarms(&connection, before.map_or(0, |seal| seal.last_record)).map_err(failed)?);
    verified.findings.sort_by_key(Finding::day);
    verified.seals = seals.len();
    verified.hash = before.map(|seal| seal.hash.clone());
    verified.readings_from = (raw_from > 0).then(|| date_of(day_of(raw_from)));
    Ok(Some(verified))
}

fn all_seals(connection: &Connection, findings: &mut Vec<Finding>) -> Result<Vec<Seal>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT number, json FROM seal ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut seals = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        match serde_json::from_str::<Seal>(&row.get::<_, String>(1)?) {
            Ok(seal) if seal.number as i64 == number => seals.push(seal),
            _ => findings.push(Finding::Unreadable(number as u64)),
        }
    }
    Ok(seals)
}

/// The alarms that are not as the log has them last.
fn changed_alarms(connection: &Connection, last_record: i64) -> Result<Vec<Finding>, rusqlite::Error> {
    let mut logged: BTreeMap<u64, (i64, String)> = BTreeMap::new();
    let mut statement = connection.prepare("SELECT id, json FROM log ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let json: String = row.get(1)?;
        if let Ok(Logged::Alarm(alarm)) = serde_json::from_str(&json) {
            logged.insert(alarm.number, (row.get(0)?, json));
        }
    }
    let mut findings = Vec::new();
    let mut statement = connection.prepare("SELECT number, json FROM alarm ORDER BY number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)? as u64;
        let expected = format!("{{\"alarm\":{}}}", row.get::<_, String>(1)?);
        if logged.remove(&number).is_none_or(|(_, json)| json != expected) {
            findings.push(Finding::Alarm(number));
        }
    }
    // One that was removed.
    let removed = logged.into_iter().filter(|(_, (id, _))| *id <= last_record);
    findings.extend(removed.map(|(number, _)| Finding::Alarm(number)));
    Ok(findings)
}

fn days_with_rows(history: &HistoryFile) -> Result<Vec<i64>, Error> {
    let mut days = Vec::new();
    history.rows("raw", i64::MIN, i64::MAX, false, |begins, _| {
        if days.last() != Some(&day_of(begins)) {
            days.push(day_of(begins));
        }
        true
    })?;
    Ok(days)
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

fn day_number(date: Date) -> i64 {
    date.to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .map_or(0, |midnight| day_of(midnight.timestamp().as_second()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
