//! The Linux kernel's own 1-Wire driver: a tree of files goes in, one folder for each probe and for each
//! master, as it calls a bus.
//!
//! All probes of a master convert at once where it may be asked for that ([`master`]), else each when it is
//! read. The nine bytes of `w1_slave` go through the same checks as on a wire of our own; the kernel's `t=`
//! is not looked at, because it is printed of bytes whose checksum failed, too. Read in the kernel's
//! sources: `drivers/w1/slaves/w1_therm.c` and `drivers/w1/w1.c` of 6.1 and 6.12.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::scratchpad::{self, FAMILIES, Scratchpad};
use super::{Bus, ProbeReading, RawReading, Sweep};
use crate::reading::{BusFault, Counts, Fault, Notice, ProbeId};

mod master;
mod slave;

use master::{Converted, Master, Pace};
use slave::{Permission, Slave};

/// A value further than this from the last good one is confirmed by another conversion: 1 °C.
const SURPRISING: u16 = 16;
/// How often a reading whose checksum does not fit is made again.
const TRIES: usize = 3;
/// A dead probe is tried in one of so many sweeps: what it costs, it costs the others.
const DEAD_EVERY: u32 = 4;
/// How often the kernel searches for probes while all of them answer. It does so every 10 s by itself, and
/// keeps the bus for 20 ms a probe.
const SEARCH_PERIOD: Duration = Duration::from_secs(60);
const NO_MASTER: &str =
    "the kernel knows no 1-Wire bus: add `dtoverlay=w1-gpio` to /boot/firmware/config.txt and restart the Pi";

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
    probes: BTreeMap<ProbeId, Known>,
    phantoms: BTreeSet<ProbeId>,
    searched: Option<Instant>,
}

/// What is remembered of a probe.
#[derive(Clone, Debug)]
struct Known {
    slave: Slave,
    /// The folder name of its master.
    master: String,
    last_good: Option<Scratchpad>,
    parasite: Option<bool>,
    /// Whether its alarm bytes were seen to hold the mark.
    sentinel_set: bool,
    /// Whether they, or its resolution, can be written.
    marks: Permission,
    resolutions: Permission,
    /// Whether its last reading got no answer. One that is dead makes the kernel try for a second.
    silent: bool,
    /// Sweeps since a dead one was last tried.
    skipped: u32,
}

/// Opens the tree.
pub(super) fn open(config: &Config) -> Kernel {
    Kernel {
        devices: config.root.join("devices"),
        resolution: config.resolution,
        masters: BTreeMap::new(),
        probes: BTreeMap::new(),
        phantoms: BTreeSet::new(),
        searched: None,
    }
}

impl Kernel {
    /// Takes in which masters and probes the kernel lists now.
    fn list(&mut self) -> Result<(), BusFault> {
        let broken = |detail: String| BusFault { fault: Fault::Bus, detail };
        let entries = fs::read_dir(&self.devices).map_err(|error| match error.kind() {
            ErrorKind::NotFound => broken(NO_MASTER.to_owned()),
            _ => broken(format!("cannot list {}: {error}", self.devices.display())),
        })?;
        let (mut masters, mut listed) = (BTreeSet::new(), BTreeSet::new());
        self.phantoms.clear();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("w1_bus_master") {
                self.masters.entry(name.clone()).or_insert_with(|| Master::new(entry.path()));
                masters.insert(name);
            } else if let Ok(probe) = name.parse::<ProbeId>() {
                if FAMILIES.contains(&probe.family()) {
                    listed.insert(probe);
                    self.probes.entry(probe).or_insert_with(|| Known::new(entry.path()));
                } else {
                    self.phantoms.insert(probe);
                }
            }
        }
        if masters.is_empty() {
            return Err(broken(NO_MASTER.to_owned()));
        }
        self.masters.retain(|name, _| masters.contains(name));
        self.probes.retain(|probe, _| listed.contains(probe));
        Ok(())
    }

    /// Converts the probes of every master that has at least one of `wanted`. A conversion in common that
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

    /// Reads a probe's bytes: those of the conversion in common, or of one of its own.
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

    /// While every probe answers, the kernel is asked to search but once a minute; as soon as one does not,
    /// it searches at its own pace, so that one that is gone is dropped and a new one found.
    fn pace_searches(&mut self) {
        let all_answer = !self.probes.is_empty() && self.probes.values().all(|known| !known.silent);
        if !all_answer {
            self.searched = None;
            return self.masters.values_mut().for_each(|master| master.search(Pace::Own));
        }
        if self.searched.is_none_or(|at| at.elapsed() >= SEARCH_PERIOD) {
            // The first time only stops it: it has just searched.
            let pace = if self.searched.is_none() { Pace::Stopped } else { Pace::Once };
            self.masters.values_mut().for_each(|master| master.search(pace));
            self.searched = Some(Instant::now());
        }
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self.phantoms.iter().copied().map(Notice::of_device).collect();
        notices.extend(self.masters.values().filter_map(Master::notice));
        let denied = |permission: fn(&Known) -> Permission| {
            self.probes.values().any(|known| permission(known) == Permission::Denied)
        };
        notices.extend(denied(|known| known.marks).then_some(Notice::SentinelNotPermitted));
        notices.extend(denied(|known| known.resolutions).then_some(Notice::ResolutionNotPermitted));
        notices
    }
}

impl Drop for Kernel {
    /// Leaves the kernel searching as it does by itself.
    fn drop(&mut self) {
        self.masters.values_mut().for_each(|master| master.search(Pace::Own));
    }
}

impl Known {
    fn new(path: PathBuf) -> Self {
        let folder = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let master = folder.parent().and_then(|parent| parent.file_name()).unwrap_or_default();
        Known {
            slave: Slave::new(path),
            master: master.to_string_lossy().into_owned(),
            last_good: None,
            parasite: None,
            sentinel_set: false,
            marks: Permission::Unknown,
            resolutions: Permission::Unknown,
            silent: false,
            skipped: 0,
        }
    }

    /// Its resolution, where it was read before.
    fn bits(&self, id: ProbeId) -> Option<u8> {
        self.last_good.map(|bytes| scratchpad::resolution(id.family(), &bytes))
    }

    /// Before a conversion: asks a new probe for its supply, sets the resolution that is wanted and the mark.
    fn prepare(&mut self, id: ProbeId, resolution: Option<u8>) {
        if self.parasite.is_none() {
            self.parasite = self.slave.is_parasite();
        }
        if !self.sentinel_set {
            self.slave.mark(&mut self.marks);
        }
        if let (Some(wanted), Some(bits)) = (resolution, self.bits(id))
            && wanted != bits
        {
            self.slave.set_resolution(wanted, &mut self.resolutions);
        }
    }

    fn notices(&self, id: ProbeId) -> Vec<Notice> {
        let parasite = (self.parasite == Some(true)).then_some(Notice::Parasite);
        let coarse = self.bits(id).filter(|bits| *bits < 12).map(Notice::Resolution);
        parasite.into_iter().chain(coarse).collect()
    }

    /// Whether its word needs another conversion: its first value, or one unlike the last good one.
    fn is_unsure(&self, id: ProbeId, bytes: &Scratchpad) -> bool {
        !self.last_good.is_some_and(|last| scratchpad::resembles(id.family(), bytes, &last, SURPRISING))
    }

    /// Takes in bytes that are believed, and says whether they held the mark before the conversion.
    fn take(&mut self, bytes: Scratchpad) -> RawReading {
        let sentinel_set = self.sentinel_set;
        self.sentinel_set = scratchpad::has_sentinel(&bytes);
        self.last_good = Some(bytes);
        RawReading::Scratchpad { bytes, sentinel_set }
    }
}

/// Whether another conversion comes near the first one. Bytes that are none to trust are refused by whoever
/// judges, once they stay.
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
        // Those that answered come first: a dead one keeps nobody waiting.
        let mut order: Vec<ProbeId> = self.probes.keys().copied().collect();
        order.sort_by_key(|id| self.probes[id].silent);
        let mut probes = Vec::with_capacity(order.len());
        let mut awaited = Vec::with_capacity(order.len());
        for id in order {
            let Some(known) = self.probes.get_mut(&id) else { continue };
            if known.silent && known.skipped + 1 < DEAD_EVERY {
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
            known.silent = read == Err(Fault::NoAnswer);
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
        let mut notices = self.notices();
        notices.extend(failed.then_some(Notice::BulkFailed));
        Ok(Sweep { probes, notices })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use one_wire_bus::crc::crc8;

    use super::*;
    use crate::reading::{Celsius, Sample};

    /// A tree as the kernel has it, in plain files.
    struct Tree(tempfile::TempDir);

    const ONE: &str = "28-0316a2790a1b";
    const TWO: &str = "28-0316a2790a1c";

    impl Tree {
        fn new() -> Tree {
            let tree = Tree(tempfile::tempdir().unwrap());
            fs::create_dir_all(tree.devices().join("w1_bus_master1")).unwrap();
            tree
        }

        fn devices(&self) -> PathBuf {
            self.0.path().join("devices")
        }

        fn write(&self, probe: &str, text: &str) {
            fs::create_dir_all(self.devices().join(probe)).unwrap();
            fs::write(self.devices().join(probe).join("w1_slave"), text).unwrap();
        }

        fn remove(&self, probe: &str) {
            fs::remove_dir_all(self.devices().join(probe)).unwrap();
        }

        fn open(&self) -> Kernel {
            open(&Config { root: self.0.path().to_owned(), resolution: None })
        }
    }

    /// What `w1_slave` says of these sixteenths.
    fn slave(sixteenths: i16) -> String {
        let [low, high] = sixteenths.to_le_bytes();
        let mut bytes = vec![low, high, 0x4B, 0x46, 0x7F, 0xFF, 0x10 - (low & 0x0F), 0x10];
        bytes.push(crc8(&bytes));
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (hex, crc) = (hex.join(" "), hex[8].clone());
        format!("{hex} : crc={crc} YES\n{hex} t={}\n", i32::from(sixteenths) * 1_000 / 16)
    }

    fn sample(bus: &mut Kernel, probe: &str) -> Option<Sample> {
        let probe: ProbeId = probe.parse().unwrap();
        let found = bus.measure().unwrap().probes.into_iter().find(|found| found.probe == probe)?;
        Some(found.raw.and_then(|raw| match raw {
            RawReading::Scratchpad { bytes, .. } => scratchpad::decode(probe.family(), &bytes),
            RawReading::Value(celsius) => Ok(celsius),
        }))
    }

    fn warm(sixteenths: i16) -> Option<Sample> {
        Some(Ok(Celsius::from_sixteenths(sixteenths)))
    }

    #[test]
    fn probes_are_read_by_their_bytes_below_zero_too() {
        let tree = Tree::new();
        tree.write(ONE, &slave(67));
        tree.write(TWO, &slave(-162));
        let mut bus = tree.open();
        assert_eq!((sample(&mut bus, ONE), sample(&mut bus, TWO)), (warm(67), warm(-162)));
    }

    #[test]
    fn what_the_kernel_prints_of_a_failure_is_no_temperature() {
        let good = slave(67);
        let garbled = good.replacen("43", "44", 1).replace("YES", "NO");
        for (text, fault) in [
            ("", Fault::NoAnswer),
            ("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", Fault::Shorted),
            ("ff ff ff ff ff ff ff ff ff : crc=c9 NO\n43 00 4b 46 7f ff 0d 10 a3 t=4187\n", Fault::NoAnswer),
            (garbled.as_str(), Fault::Crc),
            ("nonsense", Fault::Implausible),
            ("43 00 : crc=00 YES\n", Fault::Implausible),
        ] {
            let tree = Tree::new();
            tree.write(ONE, text);
            assert_eq!(sample(&mut tree.open(), ONE), Some(Err(fault)), "{text}");
        }
    }

    #[test]
    fn an_unplugged_probe_stays_silent_is_tried_less_often_and_then_is_gone() {
        let tree = Tree::new();
        tree.write(ONE, &slave(67));
        tree.write(TWO, &slave(80));
        let mut bus = tree.open();
        assert_eq!(sample(&mut bus, ONE), warm(67));
        tree.write(ONE, "");
        assert_eq!(sample(&mut bus, ONE), Some(Err(Fault::NoAnswer)));
        tree.write(ONE, &slave(68));
        let until_healed = (0..10).position(|_| sample(&mut bus, ONE) == warm(68));
        assert!(until_healed.is_some_and(|sweeps| sweeps < DEAD_EVERY as usize), "{until_healed:?}");
        tree.remove(ONE);
        assert_eq!(sample(&mut bus, ONE), None, "the cache makes `Absent` of that");
        assert_eq!(sample(&mut bus, TWO), warm(80));
    }

    #[test]
    fn phantoms_and_other_families_are_left_alone() {
        let tree = Tree::new();
        for name in ["00-800000000000", "81-00000033a2d5"] {
            tree.write(name, &slave(67));
        }
        let sweep = tree.open().measure().unwrap();
        assert_eq!((sweep.probes.len(), sweep.notices.len()), (0, 2));
        let phantom = Notice::Phantom("00-800000000000".parse().unwrap());
        assert!(sweep.notices.contains(&phantom));
    }

    #[test]
    fn without_a_bus_the_cure_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let measure =
            |root: &Path| open(&Config { root: root.to_owned(), resolution: None }).measure().unwrap_err();
        assert!(measure(folder.path()).detail.contains("dtoverlay=w1-gpio"));
        fs::create_dir(folder.path().join("devices")).unwrap();
        assert!(measure(folder.path()).detail.contains("dtoverlay=w1-gpio"));
    }
}
