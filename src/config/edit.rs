//! Changes of the configuration's file by a command: every byte that is not meant stays as it was, comments included. The new
//! text is checked before it replaces the old one, in one step: a plug that is pulled leaves the one or the other.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::{Config, Problems};
use crate::atomic_file::{self, Unfinished};

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is wrong already, or would be afterwards.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// It cannot be written.
    #[error("cannot write {}: {error}; nothing was changed; {}", path.display(), atomic_file::cure_of(error, "where it belongs to somebody else, try it with sudo"))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Somebody else has written it.
const CHANGED: &str = "the file was changed meanwhile, and is left as it is now: try again";

/// Gives the file at that path, which said `before`, another text, and returns what that says. The file keeps its owner and its rights; a link
/// stays a link: what it leads to is exchanged.
///
/// # Errors
/// [`EditError`]; the file is then as it was.
pub fn exchange(path: &Path, before: &str, text: &str) -> Result<Config, EditError> {
    let config = Config::parse(path, text)?;
    let is_same = Config::load(path).is_ok_and(|now| now.source.expose() == before);
    if !is_same {
        return Err(Problems::of_file(path, CHANGED).into());
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write(&target, text).map_err(|error| EditError::Unwritable { path: path.to_owned(), error })?;
    Ok(config)
}

/// Whether that file can be given another text.
///
/// # Errors
/// [`EditError::Unwritable`]
pub fn can_exchange(path: &Path) -> Result<(), EditError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // What is written beside it goes again when it is dropped.
    let tried = Unfinished::beside(&target, 0o600).map(drop);
    tried.map_err(|error| EditError::Unwritable { path: path.to_owned(), error })
}

/// What was checked cannot be read again: it is said where it happens, and nothing is changed.
pub fn unparsed(path: &Path) -> EditError {
    Problems::of_file(path, "a bug: what was checked cannot be read").into()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let before = fs::metadata(path)?;
    let mut new = Unfinished::beside(path, 0o600)?;
    fchown(new.file(), Some(before.uid()), Some(before.gid()))?;
    new.file().set_permissions(fs::Permissions::from_mode(before.mode() & 0o7777))?;
    new.write(text.as_bytes())?;
    new.replace()
}
