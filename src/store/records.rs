//! `records.db`: alarms with all that happened to them, what is still to be delivered, and what the rules keep over a
//! restart. Whatever belongs together is one transaction: an alarm is never there without its message.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ToSql, Transaction, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Error, LOG_PAGES, Opening, SetAside, make_room, migrations, open, open_to_read, sqlite};
use crate::alarm::{Alarm, Memory, Message, Quiet};

/// The file's name in the state folder.
pub const FILE: &str = "records.db";

/// The format, version by version.
pub(super) const STEPS: [&str; 3] = [
    "CREATE TABLE alarm (number INTEGER PRIMARY KEY, is_open INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
     CREATE INDEX open_alarm ON alarm (number) WHERE is_open;
     CREATE TABLE deed (id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT, what TEXT NOT NULL) STRICT;
     CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, json TEXT NOT NULL) STRICT;
     CREATE TABLE memory (fridge TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE quiet (fridge TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), at TEXT NOT NULL) STRICT;",
    "DROP TABLE alive;
     CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;",
    // Whatever happened, in the order in which it was recorded: nothing in it is changed or removed, and days are sealed
    // over it.
    "CREATE TABLE log (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
     INSERT INTO log (json) SELECT json_object('deed', json_object('at', at, 'who', who, 'what', what)) FROM deed ORDER BY id;
     INSERT INTO log (json) SELECT json_object('alarm', json(json)) FROM alarm WHERE json_valid(json) ORDER BY number;
     DROP TABLE deed;
     CREATE TABLE seal (number INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;",
];

/// How the file is checked and written.
const OPENING: Opening = Opening { check: "integrity_check", log_pages: LOG_PAGES };

/// The gateway lives, or was ended: what is known then of the time in which it was off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alive {
    /// When.
    pub at: Timestamp,
    /// Whether it was ended then.
    pub was_ended: bool,
    /// The newest readings in sixteenths, by the fridges' ids.
    pub readings: BTreeMap<String, i16>,
}

/// Something to be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// An alarm as it is now.
    Alarm(Alarm),
    /// What somebody did, in words.
    Deed {
        /// When.
        at: Timestamp,
        /// Who, where that is known.
        who: Option<String>,
        /// What.
        what: String,
    },
    /// A message for a target.
    Message {
        /// The target's name.
        target: String,
        /// The message.
        message: Message,
    },
    /// The message of that id needs no delivery any more.
    Delivered(i64),
    /// What a fridge's rules know.
    Memory(String, Memory),
    /// Around a fridge it is quiet.
    Quiet(String, Quiet),
    /// The gateway lives, or ends.
    Alive(Alive),
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who, where that is known.
    pub who: Option<String>,
    /// What.
    pub what: String,
}

impl Deed {
    /// Whether it is about the fridge of that id, which has these alarms: it names fridges by their ids, or alarms by their
    /// numbers.
    pub fn is_about(&self, fridge: &str, alarms: &[Alarm]) -> bool {
        let names_alarm = |alarm: &Alarm| {
            self.what.starts_with("acknowledge") && self.numbers().any(|number| number == alarm.number)
        };
        self.what.contains(&format!("\"{fridge}\""))
            || self.what == format!("drill {fridge}")
            || alarms.iter().any(names_alarm)
    }

    /// The numbers of the alarms that it is about, which stand in brackets.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let list = self.what.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let digits = list.map_or("", |(list, _)| list).split(|letter: char| !letter.is_ascii_digit());
        digits.filter_map(|digits| digits.parse().ok())
    }

    /// For how long warmth was expected, where that was said: `defrost ["milk"] 2700s`.
    pub fn defrost(&self) -> Option<Duration> {
        let (_, length) = self.what.strip_prefix("defrost ")?.rsplit_once("] ")?;
        length.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
    }
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logged {
    /// Somebody did something.
    Deed(Deed),
    /// An alarm was recorded as it is.
    Alarm(Box<Alarm>),
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The alarms that have not ended.
    pub alarms: Vec<Alarm>,
    /// The highest number that an alarm ever had.
    pub last_number: u64,
    /// What is to be delivered: id, target, message; in their order.
    pub outbox: Vec<(i64, String, Message)>,
    /// What the fridges' rules know.
    pub memories: HashMap<String, Memory>,
    /// Around which fridges it is quiet.
    pub quiet: BTreeMap<String, Quiet>,
    /// When the gateway lived last.
    pub alive: Option<Alive>,
    /// How many rows could not be read.
    pub unreadable: usize,
}

/// The file.
#[derive(Debug)]
pub struct Records {
    connection: Connection,
    path: PathBuf,
}

impl Records {
    /// Opens the file in that folder, or begins it. A damaged one is set aside.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path, now: Timestamp) -> Result<(Records, Option<SetAside>), Error> {
        let path = folder.join(FILE);
        let (mut connection, set_aside) = open(&path, now, OPENING)?;
        migrations::migrate(&mut connection, &path, &STEPS)?;
        make_room(&connection, &path, OPENING);
        Ok((Records { connection, path }, set_aside))
    }

    /// The alarms that began before `to` and had not ended by `from`, and what people did in that time; of a file that may
    /// belong to a gateway that runs.
    ///
    /// # Errors
    /// [`Error`].
    pub fn between(folder: &Path, from: Timestamp, to: Timestamp) -> Result<(Vec<Alarm>, Vec<Deed>), Error> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Default::default());
        }
        let connection = open_to_read(&path)?;
        migrations::check(&connection, &path, &STEPS)?;
        let read = || {
            let (mut alarms, mut deeds, mut unreadable) = (Vec::new(), Vec::new(), 0);
            let mut statement = connection.prepare("SELECT json FROM alarm ORDER BY number")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let alarm: Option<Alarm> = parsed(&row.get::<_, String>(0)?, &mut unreadable);
                let is_meant =
                    |alarm: &Alarm| alarm.since < to && alarm.cleared.is_none_or(|it| it.at >= from);
                alarms.extend(alarm.filter(is_meant));
            }
            let mut statement =
                connection.prepare("SELECT json FROM log WHERE json LIKE '{\"deed\"%' ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(Logged::Deed(deed)) = parsed(&row.get::<_, String>(0)?, &mut unreadable)
                    && (from..to).contains(&deed.at)
                {
                    deeds.push(deed);
                }
            }
            Ok((alarms, deeds))
        };
        read().map_err(|error| sqlite(&path, error))
    }

    /// What was kept. A row that cannot be read is counted, and left where it is.
    ///
    /// # Errors
    /// [`Error`].
    pub fn kept(&self) -> Result<Kept, Error> {
        self.read().map_err(|error| sqlite(&self.path, error))
    }

    /// Keeps all of that, or nothing of it; when this returns, it is on the disk. Returns the ids of the messages.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keep(&mut self, entries: &[Entry]) -> Result<Vec<i64>, Error> {
        self.write(entries).map_err(|error| sqlite(&self.path, error))
    }

    fn read(&self) -> Result<Kept, rusqlite::Error> {
        let mut kept = Kept::default();
        let of = |sql: &str| -> Result<Vec<(String, String)>, rusqlite::Error> {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        for (_, json) in of("SELECT CAST(number AS TEXT), json FROM alarm WHERE is_open ORDER BY number")? {
            kept.alarms.extend(parsed(&json, &mut kept.unreadable));
        }
        for (fridge, json) in of("SELECT fridge, json FROM memory")? {
            kept.memories.extend(parsed(&json, &mut kept.unreadable).map(|memory| (fridge, memory)));
        }
        for (fridge, json) in of("SELECT fridge, json FROM quiet")? {
            kept.quiet.extend(parsed(&json, &mut kept.unreadable).map(|quiet| (fridge, quiet)));
        }
        let mut statement = self.connection.prepare("SELECT id, target, json FROM outbox ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
        for row in rows {
            let (id, target, json) = row?;
            kept.outbox.extend(parsed(&json, &mut kept.unreadable).map(|message| (id, target, message)));
        }
        let number: Option<i64> =
            self.connection.query_row("SELECT max(number) FROM alarm", [], |row| row.get(0))?;
        kept.last_number = number.and_then(|number| number.try_into().ok()).unwrap_or(0);
        let alive: Option<String> =
            self.connection.query_row("SELECT max(json) FROM alive", [], |row| row.get(0))?;
        kept.alive = alive.and_then(|json| parsed(&json, &mut kept.unreadable));
        Ok(kept)
    }

    fn write(&mut self, entries: &[Entry]) -> Result<Vec<i64>, rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        let ids = entries
            .iter()
            .filter_map(|entry| put(&transaction, entry).transpose())
            .collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(ids)
    }
}

/// Puts one entry; returns the id of a message.
fn put(transaction: &Transaction<'_>, entry: &Entry) -> Result<Option<i64>, rusqlite::Error> {
    let run = |sql: &str, values: &[&dyn ToSql]| transaction.execute(sql, values);
    match entry {
        Entry::Alarm(alarm) => {
            let (number, is_open) = (alarm.number as i64, !alarm.ended);
            run("INSERT OR REPLACE INTO alarm VALUES (?1, ?2, ?3)", params![number, is_open, json(alarm)])?;
            run(
                "INSERT INTO log (json) VALUES (?1)",
                params![json(&Logged::Alarm(Box::new(alarm.clone())))],
            )?;
        }
        Entry::Deed { at, who, what } => {
            let deed = Deed { at: *at, who: who.clone(), what: what.clone() };
            run("INSERT INTO log (json) VALUES (?1)", params![json(&Logged::Deed(deed))])?;
        }
        Entry::Message { target, message } => {
            run("INSERT INTO outbox (target, json) VALUES (?1, ?2)", params![target, json(message)])?;
            return Ok(Some(transaction.last_insert_rowid()));
        }
        Entry::Delivered(id) => {
            run("DELETE FROM outbox WHERE id = ?1", params![id])?;
        }
        Entry::Memory(fridge, memory) => {
            run("INSERT OR REPLACE INTO memory VALUES (?1, ?2)", params![fridge, json(memory)])?;
        }
        Entry::Quiet(fridge, quiet) => {
            run("INSERT OR REPLACE INTO quiet VALUES (?1, ?2)", params![fridge, json(quiet)])?;
        }
        Entry::Alive(alive) => {
            run("INSERT OR REPLACE INTO alive VALUES (1, ?1)", params![json(alive)])?;
        }
    }
    Ok(None)
}

/// What we keep has no maps with other keys than text, so it always has a JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(json: &str, unreadable: &mut usize) -> Option<T> {
    let parsed = serde_json::from_str(json).ok();
    *unreadable += usize::from(parsed.is_none());
    parsed
}

#[cfg(test)]
mod tests;
