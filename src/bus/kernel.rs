//! The Linux kernel's own 1-Wire driver: a tree of files goes in, one folder for each probe and for each
//! master, as it calls a bus.
//!
//! All probes of a master convert at once where it may be asked for that (`master`), else each when it is
//! read. The nine bytes of `w1_slave` go through the same checks as on a wire of our own; the kernel's `t=`
//! is not looked at, because it is printed of bytes whose checksum failed, too. Read in the kernel's
//! sources: `drivers/w1/slaves/w1_therm.c` and `drivers/w1/w1.c` of 6.1 and 6.12.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::probe_memory::{SEARCH_PERIOD, SURPRISING};
use super::scratchpad::{self, FAMILIES, Scratchpad};
use super::{Bus, MOST_PROBES, ProbeReading, Sweep};
use crate::reading::{BusFault, Counts, Fault, Notice, ProbeId};

mod master;
mod probe;
pub mod slave;
#[cfg(test)]
mod tests;

use master::{Converted, Master, SearchMode};
use probe::KernelProbe;
use slave::Permission;

/// How often a reading whose checksum does not fit is made again.
const TRIES: usize = 3;
/// A dead probe is tried in one of so many sweeps: what it costs, it costs the others.
const DEAD_EVERY: u32 = 4;
/// For so long after a probe fell silent or left the list no master is told how to search. Its adapter may have been
/// pulled out, and the kernel waits a second for whoever reads a probe before it removes the master; a write to
/// `w1_master_search` in that time waits for the removal, the removal for the write, and no USB port works any more
/// until the computer restarts (`__w1_remove_master_device` in `drivers/w1/w1_int.c` of 6.12; seen).
const REMOVAL: Duration = Duration::from_secs(3);

/// Where the kernel's tree is, and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `/sys/bus/w1`, but for tests.
    pub root: PathBuf,
    /// The resolution that every probe is to have, 9 to 12 bits; `None` leaves each its own.
    pub resolution: Option<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Config { root: PathBuf::from("/sys/bus/w1"), resolution: None }
    }
}

/// The probes of all the kernel's masters.
pub(super) struct Kernel {
    devices: PathBuf,
    resolution: Option<u8>,
    masters: BTreeMap<String, Master>,
    probes: BTreeMap<ProbeId, KernelProbe>,
    phantoms: BTreeSet<ProbeId>,
    /// Whether the kernel lists more than is looked at.
    left_out: bool,
    searched: Option<Instant>,
    /// When a probe last fell silent or left the list, or the tree was opened: who had it before may still be reading.
    lost: Instant,
}

/// Opens the tree.
pub(super) fn open(config: &Config) -> Kernel {
    Kernel {
        devices: config.root.join("devices"),
        resolution: config.resolution,
        masters: BTreeMap::new(),
        probes: BTreeMap::new(),
        phantoms: BTreeSet::new(),
        left_out: false,
        searched: None,
        lost: Instant::now(),
    }
}

impl Kernel {
    /// Takes in which masters and probes the kernel lists now.
    fn list(&mut self) -> Result<(), BusFault> {
        let broken = |detail: String| BusFault { fault: Fault::Bus, detail };
        let entries = fs::read_dir(&self.devices).map_err(|error| match error.kind() {
            ErrorKind::NotFound => broken(self.no_master()),
            _ => broken(format!("cannot list {}: {error}", self.devices.display())),
        })?;
        let (mut masters, mut listed) = (BTreeSet::new(), BTreeSet::new());
        self.phantoms.clear();
        self.left_out = false;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("w1_bus_master") {
                if masters.len() >= MOST_PROBES {
                    self.left_out = true;
                    continue;
                }
                self.masters.entry(name.clone()).or_insert_with(|| Master::new(entry.path()));
                masters.insert(name);
            } else if let Ok(probe) = name.parse::<ProbeId>() {
                if listed.len() + self.phantoms.len() >= MOST_PROBES {
                    self.left_out = true;
                    continue;
                }
                if FAMILIES.contains(&probe.family()) {
                    listed.insert(probe);
                    self.probes.entry(probe).or_insert_with(|| KernelProbe::new(entry.path()));
                } else {
                    self.phantoms.insert(probe);
                }
            }
        }
        if masters.is_empty() {
            return Err(broken(self.no_master()));
        }
        self.masters.retain(|name, _| masters.contains(name));
        let before = self.probes.len();
        self.probes.retain(|probe, _| listed.contains(probe));
        if self.probes.len() < before {
            self.lost = Instant::now();
        }
        Ok(())
    }

    /// There is no bus where it is looked for.
    fn no_master(&self) -> String {
        let looked = self.devices.display();
        let root = self.devices.parent().unwrap_or(&self.devices);
        let is_master =
            |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("w1_bus_master");
        if fs::read_dir(root).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(is_master))) {
            let above = root.parent().unwrap_or(root).display();
            return format!(
                "there is no {looked}: `root` is the folder above `devices`, so write root = \"{above}\""
            );
        }
        format!(
            "the kernel knows no 1-Wire bus (looked in {looked}): add `dtoverlay=w1-gpio` to /boot/firmware/config.txt and restart the Pi"
        )
    }

    /// Converts the probes of every master that has at least one of `wanted`. A bulk conversion that
    /// failed leaves the kernel handing out each probe's old value once: that one is thrown away.
    fn convert(&mut self, wanted: &[ProbeId]) -> bool {
        let mut failed = false;
        for (name, master) in &mut self.masters {
            let of_master = |id: &&ProbeId| self.probes[*id].master == *name;
            let bits = wanted.iter().filter(of_master).filter_map(|id| self.probes[id].bits(*id)).max();
            if !wanted.iter().any(|id| of_master(&id)) {
                continue;
            }
            if master.convert(bits.unwrap_or(9)) == Converted::Failed {
                failed = true;
                for id in wanted.iter().filter(of_master) {
                    self.probes[id].slave.discard();
                }
            }
        }
        failed
    }

    /// Reads a probe's bytes: those of the bulk conversion, or of one of its own.
    fn read(&self, id: ProbeId, counts: &mut Counts) -> Result<Scratchpad, Fault> {
        let known = &self.probes[&id];
        let mut last = Fault::NoAnswer;
        for _ in 0..TRIES {
            match known.slave.read() {
                Ok(bytes) => match scratchpad::decode(id.family(), &bytes) {
                    Err(fault @ Fault::Crc) => {
                        counts.crc += 1;
                        last = fault;
                    }
                    Err(fault @ (Fault::NoAnswer | Fault::Shorted)) => {
                        counts.no_answer += 1;
                        return Err(fault);
                    }
                    _ => return Ok(bytes),
                },
                Err(fault) => {
                    counts.no_answer += u64::from(fault == Fault::NoAnswer);
                    return Err(fault);
                }
            }
        }
        Err(last)
    }

    /// While every probe answers, the kernel is asked to search but once a minute (by itself it does so every 10 s,
    /// and keeps the bus for 20 ms a probe); as soon as one does not, it searches at its own pace, so that one that is gone is dropped and a new one found.
    fn pace_searches(&mut self) {
        // Where probes come and go all the time it is put off for a minute at the most.
        let is_due = self.searched.is_some_and(|at| at.elapsed() >= SEARCH_PERIOD);
        if !self.left_of_removal().is_zero() && !is_due {
            return;
        }
        let all_answer = !self.probes.is_empty() && self.probes.values().all(|known| !known.memory.is_silent);
        if !all_answer {
            self.searched = None;
            return self.masters.values_mut().for_each(|master| master.search(SearchMode::Own));
        }
        if self.searched.is_none_or(|at| at.elapsed() >= SEARCH_PERIOD) {
            // The first time only stops it: it has just searched.
            let mode = if self.searched.is_none() { SearchMode::Stopped } else { SearchMode::Once };
            self.masters.values_mut().for_each(|master| master.search(mode));
            self.searched = Some(Instant::now());
        }
    }

    /// How long the kernel may still be removing a master.
    fn left_of_removal(&self) -> Duration {
        REMOVAL.saturating_sub(self.lost.elapsed())
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self.phantoms.iter().copied().map(Notice::of_device).collect();
        notices.extend(self.masters.values().filter_map(Master::notice));
        notices.extend(self.left_out.then_some(Notice::TooManyProbes));
        let denied = |permission: fn(&KernelProbe) -> Permission| {
            self.probes.values().any(|known| permission(known) == Permission::Denied)
        };
        notices.extend(denied(|known| known.sentinels).then_some(Notice::SentinelNotPermitted));
        notices.extend(denied(|known| known.resolutions).then_some(Notice::ResolutionNotPermitted));
        notices
    }
}

impl Drop for Kernel {
    /// Leaves the kernel searching as it does by itself, where the master stays.
    fn drop(&mut self) {
        self.masters.retain(|_, master| master.is_paced());
        if self.masters.is_empty() || self.list().is_err() {
            return;
        }
        let left = self.left_of_removal();
        std::thread::sleep(left);
        if self.list().is_err() {
            return;
        }
        let probes = &self.probes;
        for (name, master) in &mut self.masters {
            // One that lost its probes a moment ago may still be on its way out.
            if master.is_paced() && (left.is_zero() || probes.values().any(|known| known.master == *name)) {
                master.search(SearchMode::Own);
            }
        }
    }
}

/// Whether another conversion comes near the first one. Undecodable bytes count as confirmed when both reads fail
/// the same way; the validator rejects them.
fn is_confirmed(id: ProbeId, first: &Scratchpad, again: &Scratchpad) -> bool {
    match (scratchpad::decode(id.family(), first), scratchpad::decode(id.family(), again)) {
        (Ok(first), Ok(again)) => first.distance(again) <= SURPRISING,
        (first, again) => first == again,
    }
}

impl Bus for Kernel {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        self.list()?;
        self.pace_searches();
        let answering = |(_, known): &(&ProbeId, &KernelProbe)| !known.memory.is_silent;
        let answered: BTreeSet<ProbeId> = self.probes.iter().filter(answering).map(|(id, _)| *id).collect();
        // Those that answered come first: a dead one delays no other.
        let mut order: Vec<ProbeId> = self.probes.keys().copied().collect();
        order.sort_by_key(|id| self.probes[id].memory.is_silent);
        let mut probes = Vec::with_capacity(order.len());
        let mut awaited = Vec::with_capacity(order.len());
        for id in order {
            let Some(known) = self.probes.get_mut(&id) else { continue };
            if known.memory.is_silent && known.skipped + 1 < DEAD_EVERY {
                known.skipped += 1;
                probes.push(ProbeReading::new(id, Err(Fault::NoAnswer)));
            } else {
                known.skipped = 0;
                known.prepare(id, self.resolution);
                awaited.push(id);
            }
        }
        let failed = self.convert(&awaited);
        let mut unsure = Vec::new();
        for id in awaited {
            let mut counts = Counts::default();
            let read = self.read(id, &mut counts);
            let Some(known) = self.probes.get_mut(&id) else { continue };
            known.memory.is_silent = read == Err(Fault::NoAnswer);
            match read {
                Ok(bytes) if known.is_unsure(id, &bytes) => unsure.push((id, bytes, counts)),
                read => {
                    let raw = read.map(|bytes| known.take(bytes));
                    probes.push(ProbeReading { probe: id, raw, counts, notices: known.notices(id) });
                }
            }
        }
        let ids: Vec<ProbeId> = unsure.iter().map(|(id, ..)| *id).collect();
        self.convert(&ids);
        for (id, first, mut counts) in unsure {
            counts.retries += 1;
            let read = self.read(id, &mut counts);
            let Some(known) = self.probes.get_mut(&id) else { continue };
            let raw = read.and_then(|again| {
                let confirmed = is_confirmed(id, &first, &again);
                if confirmed { Ok(known.take(again)) } else { Err(Fault::Implausible) }
            });
            probes.push(ProbeReading { probe: id, raw, counts, notices: known.notices(id) });
        }
        if self.probes.iter().any(|(id, known)| known.memory.is_silent && answered.contains(id)) {
            self.lost = Instant::now();
        }
        let mut notices = self.notices();
        notices.extend(failed.then_some(Notice::BulkFailed));
        Ok(Sweep { probes, notices })
    }
}
