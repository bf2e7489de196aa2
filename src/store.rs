//! What must not be lost, on disk: SQLite with a write-ahead log, each transaction synced before anybody is told.
//! Whoever opens a file gets the same settings; a file that is damaged is set aside, and a new one begun.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub mod block;
pub mod bucket;
mod damaged;
mod history;
mod migrations;
mod records;
mod salvage;
pub mod seal;

pub use damaged::set_aside;
pub use history::{FILE as HISTORY, HistoryFile, Retention, Table, block_of, day_of};
pub use records::{Alive, Deed, Entry, FILE as RECORDS, Kept, Logged, Records};
pub use salvage::{Salvaged, done as salvage_done, salvage};

/// How long another program that reads the file may hold it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The log of a file is written over after so many pages of 4 KiB …
const LOG_PAGES: i64 = 60;
/// … and has room for a few more from the start: a transaction in a log that grows costs a card 48 kB, because ext4 then
/// writes down where it is as well, and one in a log that is written over 33 kB (both measured).
const LOG_ROOM_PAGES: i64 = 4;

/// Each connection keeps so many pages in memory, in KiB below zero: whoever asks of a year reads each of them once.
const CACHE: i64 = -256;

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
struct Opening {
    /// How it is checked: `integrity_check`, or `quick_check` where it is large.
    check: &'static str,
    /// Its log is written over after so many pages of 4 KiB.
    log_pages: i64,
}

/// Why something was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite says so.
    #[error("{}: {error}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        error: rusqlite::Error,
    },
    /// The file was written by a later version.
    #[error("{} was written by a later version of fridge (its format is {found}, this one knows {known}): install that again", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// The file was written by an earlier version, and is opened to be read only.
    #[error("{} was written by an earlier version of fridge (its format is {found}, this one's {known}): start the gateway once, it brings it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        found: i64,
        /// The version of this program's.
        known: i64,
    },
    /// The damaged file cannot be set aside.
    #[error("{} is damaged, and cannot be renamed: {error}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// A file that was damaged, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it was renamed to.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// Opens a file with the settings of the house; a damaged one is set aside first.
fn open(path: &Path, now: Timestamp, opening: Opening) -> Result<(Connection, Option<SetAside>), Error> {
    match connect(path, opening) {
        Ok(connection) => Ok((connection, None)),
        Err(error) if is_damage(&error) => {
            let aside = path.with_extension(format!("db.bad-{}", now.as_second()));
            let damaged = |error| Error::Damaged { path: path.to_owned(), error };
            std::fs::rename(path, &aside).map_err(damaged)?;
            // What belongs to it goes with it: a new file must not find an old log.
            for ending in ["-wal", "-shm"] {
                let of = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
                match std::fs::rename(of(path), of(&aside)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(damaged(error)),
                    _ => {}
                }
            }
            let connection = connect(path, opening).map_err(|error| sqlite(path, error))?;
            Ok((connection, Some(SetAside { path: aside, reason: error.to_string() })))
        }
        Err(error) => Err(sqlite(path, error)),
    }
}

fn connect(path: &Path, opening: Opening) -> Result<Connection, rusqlite::Error> {
    let is_new = !path.exists();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if is_new {
        give_to_owner(path);
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", opening.log_pages)?;
    // The log stays when the file is closed, and with it its room.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let found: String =
        connection.query_row(&format!("PRAGMA {}(1)", opening.check), [], |row| row.get(0))?;
    if found == "ok" {
        Ok(connection)
    } else {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(rusqlite::Error::SqliteFailure(code, Some(found)))
    }
}

/// Copies a file that may be written to meanwhile, by SQLite itself: what is copied is whole.
///
/// # Errors
/// [`Error`]
pub fn copy(path: &Path, target: &Path) -> Result<(), Error> {
    let connection = open_to_read(path)?;
    let target = target.to_string_lossy();
    connection.execute("VACUUM INTO ?1", [target.as_ref()]).map(drop).map_err(|error| sqlite(path, error))
}

/// Checks a file that nobody writes to: all of its pages.
///
/// # Errors
/// [`Error`]
pub fn check(path: &Path) -> Result<(), Error> {
    let connection = open_to_read(path)?;
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| sqlite(path, error))?;
    if found == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(sqlite(path, rusqlite::Error::SqliteFailure(code, Some(found))))
}

/// Gives a file that root has begun to the owner of its folder: the gateway must be able to write to it.
pub fn give_to_owner(path: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Some(folder) = path.parent().and_then(|folder| std::fs::metadata(folder).ok()) else { return };
    if rustix::process::geteuid().is_root() && folder.uid() != 0 {
        // Where that fails, the gateway says that it cannot write.
        let _given = std::os::unix::fs::chown(path, Some(folder.uid()), Some(folder.gid()));
    }
}

/// Opens a file that may belong to a gateway that runs, to read it.
fn open_to_read(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| sqlite(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| sqlite(path, error))?;
    connection.pragma_update(None, "cache_size", CACHE).map_err(|error| sqlite(path, error))?;
    Ok(connection)
}

/// Gives the log of a file its room, where it has none yet.
fn make_room(connection: &Connection, path: &Path, opening: Opening) {
    /// In bytes: each is in memory as a whole.
    const ROW: i64 = 16 * 1_024;
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let room = (opening.log_pages + LOG_ROOM_PAGES) * 4_096;
    if std::fs::metadata(log).is_ok_and(|log| i64::try_from(log.len()).is_ok_and(|length| length >= room)) {
        return;
    }
    // What is more than the cache holds goes to the log before it is decided whether it stays; it does not, so the file itself
    // has no empty pages. Without room all works as well, and only writes more: a full disk is noticed by whoever has
    // something to keep.
    let rows = (room - 2 * CACHE * 1_024) / ROW;
    let _made = connection.execute_batch(&format!(
        "BEGIN; CREATE TABLE room (b BLOB);
         WITH RECURSIVE row (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM row WHERE number <= {rows})
         INSERT INTO room SELECT zeroblob({ROW}) FROM row;"
    ));
    if !connection.is_autocommit() {
        let _taken_back = connection.execute_batch("ROLLBACK");
    }
}

impl Error {
    /// Whether the file itself is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, Error::Sqlite { error, .. } if is_damage(error))
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn sqlite(path: &Path, error: rusqlite::Error) -> Error {
    Error::Sqlite { path: path.to_owned(), error }
}
