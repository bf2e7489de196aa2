//! One probe of the kernel's, as the driver knows it.

use std::fs;
use std::path::PathBuf;

use super::slave::{Permission, Slave};
use crate::bus::RawReading;
use crate::bus::probe_memory::ProbeMemory;
use crate::bus::scratchpad::{self, Scratchpad};
use crate::reading::{Notice, ProbeId};

/// What the driver knows of a probe.
#[derive(Clone, Debug)]
pub struct KernelProbe {
    /// Its files.
    pub slave: Slave,
    /// The folder name of its master.
    pub master: String,
    /// What is remembered from one sweep to the next. One that is silent makes the kernel try for a second.
    pub memory: ProbeMemory,
    /// Whether its alarm registers can be written.
    pub sentinels: Permission,
    /// Whether its resolution can be written.
    pub resolutions: Permission,
    /// Sweeps since a silent one was last tried.
    pub skipped: u32,
}

impl KernelProbe {
    /// The probe of that folder.
    pub fn new(path: PathBuf) -> Self {
        let folder = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let master = folder.parent().and_then(|parent| parent.file_name()).unwrap_or_default();
        KernelProbe {
            slave: Slave::new(path),
            master: master.to_string_lossy().into_owned(),
            memory: ProbeMemory::default(),
            sentinels: Permission::Unknown,
            resolutions: Permission::Unknown,
            skipped: 0,
        }
    }

    /// Its resolution, where it was read before.
    pub fn bits(&self, id: ProbeId) -> Option<u8> {
        self.memory.last_good.map(|bytes| scratchpad::resolution(id.family(), &bytes))
    }

    /// Before a conversion: asks a new probe for its supply, sets the resolution that is wanted and the sentinel.
    pub fn prepare(&mut self, id: ProbeId, resolution: Option<u8>) {
        if self.memory.parasite.is_none() {
            self.memory.parasite = self.slave.is_parasite();
        }
        if !self.memory.sentinel_set {
            self.slave.set_sentinel(&mut self.sentinels);
        }
        if let (Some(wanted), Some(bits)) = (resolution, self.bits(id))
            && wanted != bits
        {
            self.slave.set_resolution(wanted, &mut self.resolutions);
        }
    }

    /// What is noteworthy about it.
    pub fn notices(&self, id: ProbeId) -> Vec<Notice> {
        self.memory.notices(self.bits(id))
    }

    /// Whether these bytes need another conversion: its first value, or one unlike the last good one.
    pub fn is_unsure(&self, id: ProbeId, bytes: &Scratchpad) -> bool {
        !self.memory.is_expected(id.family(), bytes)
    }

    /// Takes in bytes that were confirmed; the reading says whether they held the sentinel before the conversion.
    pub fn take(&mut self, bytes: Scratchpad) -> RawReading {
        let sentinel_set = self.memory.sentinel_set;
        self.memory.sentinel_set = scratchpad::has_sentinel(&bytes);
        self.memory.last_good = Some(bytes);
        RawReading::Scratchpad { bytes, sentinel_set }
    }
}
