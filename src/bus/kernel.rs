//! The Linux kernel's own 1-Wire driver: a tree of files goes in, one for each probe, and each reading of
//! one makes the kernel convert that probe, which takes its 750 ms.
//!
//! The nine bytes of `w1_slave` go through the same checks as on a wire of our own; the kernel's `t=` is not
//! looked at, because it is printed of bytes whose checksum failed, too. Read in the kernel's sources:
//! `drivers/w1/slaves/w1_therm.c` of 6.1 and 6.12.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use tracing::warn;

use super::onewire::scratchpad::{self, Scratchpad};
use super::{Bus, BusError};
use crate::reading::{Celsius, Fault, ProbeId, Sample};

/// The families whose scratchpad is the DS18B20's: DS18B20 and DS1822.
const FAMILIES: [u8; 2] = [0x28, 0x22];
/// A value further than this from the last good one is confirmed by another conversion: 1 °C.
const SURPRISING: u16 = 16;
/// How often a reading whose checksum does not fit is made again.
const TRIES: usize = 3;
const NO_MASTER: &str =
    "the kernel knows no 1-Wire bus: add `dtoverlay=w1-gpio` to /boot/firmware/config.txt and restart the Pi";

/// Where the kernel's tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `/sys/bus/w1`, but for tests.
    pub root: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Config { root: PathBuf::from("/sys/bus/w1") }
    }
}

/// The probes of all the kernel's masters.
pub(super) struct Kernel {
    devices: PathBuf,
    probes: BTreeMap<ProbeId, Known>,
    refused: BTreeSet<String>,
}

/// What is remembered of a probe.
#[derive(Clone, Copy, Debug)]
struct Known {
    last_good: Option<Celsius>,
    /// Why its last reading failed. One that is dead makes the kernel try for a second.
    fault: Option<Fault>,
    /// Sweeps since a dead one was last tried.
    skipped: u32,
}

/// A dead probe is tried in one of so many sweeps: what it costs, it costs the others.
const DEAD_EVERY: u32 = 4;

/// Opens the tree.
pub(super) fn open(config: &Config) -> Kernel {
    Kernel { devices: config.root.join("devices"), probes: BTreeMap::new(), refused: BTreeSet::new() }
}

impl Kernel {
    /// The probes that the kernel lists now.
    fn list(&mut self) -> Result<BTreeSet<ProbeId>, BusError> {
        let broken = |detail: String| BusError { fault: Fault::Bus, detail };
        let entries = fs::read_dir(&self.devices).map_err(|error| match error.kind() {
            ErrorKind::NotFound => broken(NO_MASTER.to_owned()),
            _ => broken(format!("cannot list {}: {error}", self.devices.display())),
        })?;
        let names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        if !names.iter().any(|name| name.starts_with("w1_bus_master")) {
            return Err(broken(NO_MASTER.to_owned()));
        }
        let mut listed = BTreeSet::new();
        for name in names.into_iter().filter(|name| !name.starts_with("w1_bus_master")) {
            match name.parse::<ProbeId>() {
                Ok(probe) if FAMILIES.contains(&probe.family()) => drop(listed.insert(probe)),
                // A line that is held low or floats answers the kernel's search with such identities.
                _ if self.refused.insert(name.clone()) => {
                    warn!("{name} is no DS18B20 (family 28) or DS1822 (family 22) and is left alone");
                }
                _ => {}
            }
        }
        Ok(listed)
    }

    /// One conversion of one probe.
    fn convert(&self, probe: ProbeId) -> Sample {
        let path = self.devices.join(probe.to_string()).join("w1_slave");
        let mut last = Fault::NoAnswer;
        for _ in 0..TRIES {
            match fs::read_to_string(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(Fault::Absent),
                // Since 5.8 the kernel tells every failure by an empty file.
                Err(_) => return Err(Fault::NoAnswer),
                Ok(text) if text.is_empty() => return Err(Fault::NoAnswer),
                Ok(text) => {
                    match bytes(&text).ok_or(Fault::Implausible).and_then(|bytes| scratchpad::decode(&bytes))
                    {
                        Err(fault @ Fault::Crc) => last = fault,
                        other => return other,
                    }
                }
            }
        }
        Err(last)
    }

    /// Reads a probe. Its first value, and one far from the last good one, is believed when the next
    /// conversion comes near it.
    fn read(&self, probe: ProbeId, last_good: Option<Celsius>) -> Sample {
        let celsius = self.convert(probe)?;
        if last_good.is_some_and(|last| last.distance(celsius) <= SURPRISING) {
            return Ok(celsius);
        }
        let again = self.convert(probe)?;
        if again.distance(celsius) <= SURPRISING { Ok(again) } else { Err(Fault::Implausible) }
    }
}

impl Bus for Kernel {
    fn measure(&mut self) -> Result<Vec<(ProbeId, Sample)>, BusError> {
        let listed = self.list()?;
        self.probes.retain(|probe, _| listed.contains(probe));
        for probe in listed {
            self.probes.entry(probe).or_insert(Known { last_good: None, fault: None, skipped: 0 });
        }
        // Those that answered come first: a dead one keeps nobody waiting.
        let mut order: Vec<ProbeId> = self.probes.keys().copied().collect();
        order.sort_by_key(|probe| self.probes[probe].fault.is_some());
        let mut samples = Vec::with_capacity(order.len());
        for probe in order {
            let known = self.probes[&probe];
            if let Some(fault) = known.fault.filter(|_| known.skipped + 1 < DEAD_EVERY) {
                self.probes.insert(probe, Known { skipped: known.skipped + 1, ..known });
                samples.push((probe, Err(fault)));
                continue;
            }
            let sample = self.read(probe, known.last_good);
            let last_good = sample.ok().or(known.last_good);
            let silent = sample.err().filter(|fault| *fault == Fault::NoAnswer);
            self.probes.insert(probe, Known { last_good, fault: silent, skipped: 0 });
            samples.push((probe, sample));
        }
        Ok(samples)
    }
}

/// The nine bytes of the first line: "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES". Those of the second line
/// are the last good ones, and so perhaps old.
fn bytes(text: &str) -> Option<Scratchpad> {
    let (hex, _) = text.lines().next()?.split_once(" :")?;
    let mut bytes = [0; 9];
    let mut words = hex.split(' ');
    for byte in &mut bytes {
        *byte =
            words.next().filter(|word| word.len() == 2).and_then(|word| u8::from_str_radix(word, 16).ok())?;
    }
    words.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use one_wire_bus::crc::crc8;

    use super::*;

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
            open(&Config { root: self.0.path().to_owned() })
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
        bus.measure().unwrap().into_iter().find(|(id, _)| *id == probe).map(|(_, sample)| sample)
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
            (
                "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n",
                Fault::PowerOnReset,
            ),
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
        let order: Vec<String> = bus.measure().unwrap().iter().map(|(probe, _)| probe.to_string()).collect();
        assert_eq!(order, [TWO, ONE], "the one that answers is read first");
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
        for name in ["00-800000000000", "10-000802b4ba0e", "81-00000033a2d5"] {
            tree.write(name, &slave(67));
        }
        assert_eq!(tree.open().measure().unwrap(), []);
    }

    #[test]
    fn without_a_bus_the_cure_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let measure = |root: &Path| open(&Config { root: root.to_owned() }).measure().unwrap_err();
        assert!(measure(folder.path()).detail.contains("dtoverlay=w1-gpio"));
        fs::create_dir(folder.path().join("devices")).unwrap();
        assert!(measure(folder.path()).detail.contains("dtoverlay=w1-gpio"));
    }
}
