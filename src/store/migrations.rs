//! The versions of a file's format, in `PRAGMA user_version`: each step is one transaction, so that a pulled plug
//! leaves the file at one of them.

use std::path::Path;

use rusqlite::Connection;

use super::{Error, sqlite};

/// Refuses a file that a later version wrote; an older one can be read only once the gateway has opened it.
pub fn check(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), Error> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| sqlite(path, error))?;
    match (found, steps.len() as i64) {
        (found, known) if found > known => Err(Error::Newer { path: path.to_owned(), found, known }),
        (found, known) if found < known => Err(Error::Older { path: path.to_owned(), found, known }),
        _ => Ok(()),
    }
}

/// Brings a file to the newest version, by the steps it still lacks.
pub fn migrate(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), Error> {
    let failed = |error| sqlite(path, error);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let known = steps.len() as i64;
    let Some(lacking) = usize::try_from(found).ok().and_then(|found| steps.get(found..)) else {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    };
    for (version, step) in (found + 1..).zip(lacking) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "user_version", version).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}
