//! One of the kernel's masters: the pin or adapter that it drives a bus with. Asked to convert all of its
//! probes at once, and told how often to search.
//!
//! The kernel offers `therm_bulk_read` at the first master alone. Writing "trigger" to it takes as long as
//! the conversion; the next reading of each probe then hands out what it holds. Where the conversion could
//! not be started the write succeeds all the same, and what is handed out is old: only the time shows it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Instant;

use crate::bus::probe_memory::ProbeMemory;
use crate::reading::Notice;

/// Exactly what the kernel compares with; anything else is taken without a word and does nothing.
const TRIGGER: &[u8] = b"trigger\n";
/// The outcome of a bulk conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Converted {
    /// Every probe holds a new value.
    All,
    /// The probes convert when they are read.
    Each,
    /// The kernel says that it did, and did not: what the probes hold is old.
    Failed,
}

/// How often to search for probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMode {
    /// As often as the kernel does by itself: every 10 s.
    Own,
    /// Not any more.
    Stopped,
    /// Once, and then not any more.
    Once,
}

/// A master's files.
pub struct Master {
    path: PathBuf,
    mode: Option<SearchMode>,
    bulk_denied: bool,
}

impl Master {
    /// The master of that folder.
    pub fn new(path: PathBuf) -> Self {
        Master { path, mode: None, bulk_denied: false }
    }

    /// Has all its probes convert at once, where the kernel offers that. The slowest has `bits`.
    pub fn convert(&mut self, bits: u8) -> Converted {
        let began = Instant::now();
        let written = OpenOptions::new()
            .write(true)
            .open(self.path.join("therm_bulk_read"))
            .and_then(|mut file| file.write_all(TRIGGER));
        self.bulk_denied = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        if written.is_err() {
            return Converted::Each;
        }
        let least = ProbeMemory::conversion(bits);
        if began.elapsed() < least || self.state() == Some(-1) {
            return Converted::Failed;
        }
        Converted::All
    }

    /// −1 while a probe converts, 1 while one was converted and not read, 0 else.
    fn state(&self) -> Option<i32> {
        fs::read_to_string(self.path.join("therm_bulk_read")).ok()?.trim().parse().ok()
    }

    /// Sets how often the kernel searches; nothing where that is not permitted.
    pub fn search(&mut self, mode: SearchMode) {
        if self.mode == Some(mode) && mode != SearchMode::Once {
            return;
        }
        let count = match mode {
            SearchMode::Own => "-1\n",
            SearchMode::Stopped => "0\n",
            SearchMode::Once => "1\n",
        };
        if fs::write(self.path.join("w1_master_search"), count).is_ok() {
            self.mode = Some(mode);
        }
    }

    /// Whether it searches otherwise than by itself.
    pub fn is_paced(&self) -> bool {
        self.mode.is_some_and(|mode| mode != SearchMode::Own)
    }

    /// Whether it could convert all at once if that were permitted.
    pub fn notice(&self) -> Option<Notice> {
        self.bulk_denied.then_some(Notice::BulkNotPermitted)
    }
}
