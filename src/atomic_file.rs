//! Files that survive a power cut: written under a temporary name, synced, and renamed in one step; then the
//! folder is synced. A reader finds the old content or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that does not have its final name yet. It is removed when dropped before that.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    is_done: bool,
}

impl Unfinished {
    /// Begins a file that is to be at `target`, under a name that no other has.
    ///
    /// # Errors
    /// What the system says.
    pub fn beside(target: &Path, mode: u32) -> io::Result<Unfinished> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder(target).join(format!(".{name}.{:016x}", fastrand::u64(..)));
        Unfinished::open(temporary, target, mode)
    }

    /// Begins a file that is to be at `target`, under a known name, so that it can be removed after a power cut.
    /// What an earlier try left there goes.
    ///
    /// # Errors
    /// What the system says.
    pub fn named(temporary: PathBuf, target: &Path, mode: u32) -> io::Result<Unfinished> {
        remove(&temporary)?;
        Unfinished::open(temporary, target, mode)
    }

    fn open(temporary: PathBuf, target: &Path, mode: u32) -> io::Result<Unfinished> {
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        Ok(Unfinished { file, temporary, target: target.to_owned(), is_done: false })
    }

    /// The open file, for its owner and its rights.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its temporary path.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Writes all of it, onto the disk.
    ///
    /// # Errors
    /// What the system says; a full disk among it.
    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.sync_all()
    }

    /// Gives it its final name, replacing what is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn replace(mut self) -> io::Result<()> {
        replace(&self.temporary, &self.target)?;
        self.is_done = true;
        Ok(())
    }

    /// Gives it its final name, if nothing is there.
    ///
    /// # Errors
    /// What the system says, [`ErrorKind::AlreadyExists`] among it.
    pub fn create(mut self) -> io::Result<()> {
        create(&self.temporary, &self.target)?;
        self.is_done = true;
        Ok(())
    }

    /// Leaves it where it is, for [`replace`] or [`create`].
    pub fn keep(mut self) {
        self.is_done = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_done {
            // The error that counts is the one at hand.
            drop(fs::remove_file(&self.temporary));
        }
    }
}

/// Gives a finished file the name of another one, and syncs the folder.
///
/// # Errors
/// What the system says.
pub fn replace(temporary: &Path, target: &Path) -> io::Result<()> {
    fs::rename(temporary, target)?;
    sync_folder(target)
}

/// Gives a finished file its name, if nothing is there, and syncs the folder: a hard link fails where the name is
/// taken.
///
/// # Errors
/// What the system says.
pub fn create(temporary: &Path, target: &Path) -> io::Result<()> {
    fs::hard_link(temporary, target)?;
    fs::remove_file(temporary)?;
    sync_folder(target)
}

/// Removes a file, if it is there.
///
/// # Errors
/// What the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What to do where a file could not be written; `otherwise` where that does not lie with the disk.
pub fn cure_of(error: &io::Error, otherwise: &'static str) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: make room, `df -h` shows where"
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only: `dmesg` may say why",
        _ => otherwise,
    }
}

/// The names in a folder are on the disk only once the folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_for_a_full_disk_is_room_and_not_other_rights() {
        for (number, cure) in [(28, "make room"), (122, "make room"), (30, "read-only"), (13, "rights")] {
            assert!(cure_of(&io::Error::from_raw_os_error(number), "rights").contains(cure), "{number}");
        }
    }

    #[test]
    fn a_file_is_there_as_a_whole_or_not_at_all_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        let begun = |content: &[u8]| {
            let mut unfinished = Unfinished::beside(&path, 0o600).unwrap();
            unfinished.write(content).unwrap();
            unfinished
        };
        drop(begun(b"dropped"));
        assert!(!path.exists());
        let (one, other) = (begun(b"one"), begun(b"other"));
        one.create().unwrap();
        assert_eq!(other.create().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        begun(b"two").replace().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
