//! Verifying: what is kept is held against the seals of its days.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;

use super::{Seal, date_of, fridges_hash, records_hash, rows_hash};
use crate::store::records::{self, Logged};
use crate::store::{Error, HistoryFile, day_of, migrations, open_to_read, sqlite};

/// So much at most is removed between two seals, in seconds: two days at a time, and a seal may be late.
const REMOVED_SINCE: i64 = 4 * 86_400;

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
    /// There are readings of a day that is over, and no seal.
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
    /// How many days of that time are sealed.
    pub sealed_days: usize,
    /// The first and the last of them.
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
    // A day whose seal is still to come is among those that were touched.
    for day in days_with_rows(&history)? {
        let date = date_of(day);
        let is_meant = (days.0..=days.1).contains(&date);
        if is_meant && !newest.contains_key(&date) && !touched.contains(&day) {
            verified.findings.push(Finding::Unsealed(date));
        }
    }
    let meant = || newest.keys().copied().filter(|day| (days.0..=days.1).contains(day));
    verified.days = meant().min().zip(meant().max());
    verified.sealed_days = meant().count();
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

fn day_number(date: Date) -> i64 {
    date.to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .map_or(0, |midnight| day_of(midnight.timestamp().as_second()))
}
