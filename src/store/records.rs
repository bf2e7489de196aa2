//! `records.db`: alarms with all that happened to them, what is still to be delivered, and what the rules keep over a
//! restart. Whatever belongs together is one transaction: an alarm is never there without its message.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

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
        make_room(&connection, &path);
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::alarm::{Kind, RuleName, Topic, Urgency};

    fn alarm(number: u64) -> Alarm {
        let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Warning);
        let epoch = Timestamp::UNIX_EPOCH;
        Alarm { announced: true, ..Alarm::new(number, ("milk", "Milk"), what, epoch, epoch) }
    }

    fn message(number: u64) -> Message {
        Message::new(Topic::Raised, Timestamp::UNIX_EPOCH, vec![alarm(number)])
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_and_what_is_delivered_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (mut records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(set_aside, None);
        let to = |target: &str, number| Entry::Message { target: target.into(), message: message(number) };
        let quiet = Quiet { until: Timestamp::UNIX_EPOCH, warmth_only: true, by: None };
        let memory = Memory { stuck: Some((64, Duration::from_secs(5), false)), ..Memory::default() };
        let readings = BTreeMap::from([(String::from("milk"), 64)]);
        let alive = Alive { was_ended: true, readings, ..Alive::default() };
        let over = Alarm { number: 40, ended: true, ..alarm(40) };
        let ids = records
            .keep(&[
                Entry::Alarm(over),
                Entry::Alarm(alarm(41)),
                to("chat", 41),
                to("mail", 41),
                Entry::Memory("milk".into(), memory.clone()),
                Entry::Quiet("milk".into(), quiet.clone()),
                Entry::Alive(alive.clone()),
                Entry::Deed {
                    at: Timestamp::UNIX_EPOCH,
                    who: Some("anna".into()),
                    what: "acknowledged #41".into(),
                },
            ])
            .unwrap();
        assert_eq!(ids.len(), 2);
        records.keep(&[Entry::Delivered(ids[0])]).unwrap();
        drop(records);

        let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let kept = records.kept().unwrap();
        assert_eq!(set_aside, None);
        assert_eq!((kept.alarms, kept.last_number), (vec![alarm(41)], 41));
        assert_eq!(kept.outbox, [(ids[1], String::from("mail"), message(41))]);
        assert_eq!(kept.memories["milk"], memory);
        assert_eq!(kept.quiet["milk"], quiet);
        assert_eq!(kept.alive, Some(alive));
        assert_eq!(kept.unreadable, 0);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_a_newer_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        std::fs::write(&path, "this was a database once, before the card failed".repeat(100)).unwrap();
        let (mut records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let set_aside = set_aside.unwrap();
        assert!(std::fs::read_to_string(&set_aside.path).unwrap().starts_with("this was"), "{set_aside:?}");
        records.keep(&[Entry::Alarm(alarm(1))]).unwrap();
        records.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(records);
        let newer = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(newer.to_string().contains("later version"), "{newer}");
        assert!(path.exists());
    }

    #[test]
    fn a_file_of_an_older_version_is_brought_up_to_date_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let older = Connection::open(folder.path().join(FILE)).unwrap();
        older.execute_batch(STEPS[0]).unwrap();
        older.execute_batch(STEPS[1]).unwrap();
        older.pragma_update(None, "user_version", 2).unwrap();
        let json = json(&alarm(7));
        older.execute("INSERT INTO alarm VALUES (7, 1, ?1)", [&json]).unwrap();
        older.execute("INSERT INTO alarm VALUES (8, 0, 'not a json')", []).unwrap();
        let at = Timestamp::UNIX_EPOCH.to_string();
        older.execute("INSERT INTO deed (at, who, what) VALUES (?1, 'anna', 'drill milk')", [at]).unwrap();
        drop(older);
        let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((set_aside, records.kept().unwrap().alarms), (None, vec![alarm(7)]));
        let until = Timestamp::from_second(1_000).unwrap();
        let (alarms, deeds) = Records::between(folder.path(), Timestamp::UNIX_EPOCH, until).unwrap();
        assert_eq!(alarms, [alarm(7)]);
        let deed = Deed { at: Timestamp::UNIX_EPOCH, who: Some("anna".into()), what: "drill milk".into() };
        assert_eq!(deeds, [deed]);
        let logged: String = records
            .connection
            .query_row("SELECT json FROM log ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
            .unwrap();
        assert_eq!(logged, format!("{{\"alarm\":{json}}}"), "as it is written today");
    }

    #[test]
    fn a_page_of_zeros_is_noticed() {
        use std::os::unix::fs::FileExt;
        let folder = tempfile::tempdir().unwrap();
        let (mut records, _) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let alarms: Vec<_> = (1..500).map(|number| Entry::Alarm(alarm(number))).collect();
        records.keep(&alarms).unwrap();
        records.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(records);
        let path = folder.path().join("records.db");
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let pages = file.metadata().unwrap().len() / 4096;
        assert!(pages > 8, "{pages}");
        file.write_all_at(&[0; 4096], 4096 * (pages / 2)).unwrap();
        let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        assert!(set_aside.is_some());
        assert!(records.kept().unwrap().alarms.is_empty());
    }
}
