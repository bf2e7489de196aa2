//! A tree of plain files instead of the kernel's.

use std::path::Path;

use one_wire_bus::crc::crc8;

use super::*;
use crate::bus::RawReading;
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

    fn search(&self) -> String {
        fs::read_to_string(self.devices().join("w1_bus_master1/w1_master_search")).unwrap()
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

#[test]
fn a_probe_without_a_driver_says_so_and_a_file_without_an_end_ends_nothing() {
    let tree = Tree::new();
    fs::create_dir(tree.devices().join(ONE)).unwrap();
    assert_eq!(sample(&mut tree.open(), ONE), Some(Err(Fault::NoDriver)));
    fs::create_dir(tree.devices().join(TWO)).unwrap();
    std::os::unix::fs::symlink("/dev/zero", tree.devices().join(TWO).join("w1_slave")).unwrap();
    assert_eq!(sample(&mut tree.open(), TWO), Some(Err(Fault::Implausible)));
}

#[test]
fn a_root_that_is_one_folder_too_deep_is_told_where_it_belongs() {
    let tree = Tree::new();
    let mut bus = open(&Config { root: tree.devices(), resolution: None });
    let detail = bus.measure().unwrap_err().detail;
    assert!(detail.contains(&format!("write root = \"{}\"", tree.0.path().display())), "{detail}");
    let nowhere = tree.0.path().join("nowhere");
    let detail = open(&Config { root: nowhere.clone(), resolution: None }).measure().unwrap_err().detail;
    assert!(detail.contains(&format!("looked in {}/devices", nowhere.display())), "{detail}");
}

#[test]
fn a_tree_with_thousands_of_names_is_followed_so_far_and_no_further() {
    let tree = Tree::new();
    for number in 0..MOST_PROBES + 100 {
        fs::create_dir(tree.devices().join(format!("28-{number:012x}"))).unwrap();
    }
    let sweep = tree.open().measure().unwrap();
    assert_eq!(sweep.probes.len(), MOST_PROBES);
    assert!(sweep.notices.contains(&Notice::TooManyProbes));
}

/// A tree whose probe lies below its master, as the kernel's do, has answered, and answers no more.
fn fallen_silent() -> (Tree, Kernel) {
    let tree = Tree::new();
    let below = tree.devices().join("w1_bus_master1").join(ONE);
    fs::create_dir(&below).unwrap();
    std::os::unix::fs::symlink(&below, tree.devices().join(ONE)).unwrap();
    fs::write(below.join("w1_slave"), slave(67)).unwrap();
    let mut bus = tree.open();
    bus.lost -= REMOVAL;
    assert_eq!((sample(&mut bus, ONE), sample(&mut bus, ONE)), (warm(67), warm(67)));
    assert_eq!(tree.search(), "0\n");
    fs::write(below.join("w1_slave"), "").unwrap();
    for _ in 0..2 {
        assert_eq!(sample(&mut bus, ONE), Some(Err(Fault::NoAnswer)));
    }
    (tree, bus)
}

#[test]
fn a_master_that_may_be_on_its_way_out_is_told_nothing() {
    let (tree, bus) = fallen_silent();
    assert_eq!(tree.search(), "0\n", "not yet");
    drop(bus);
    assert_eq!(tree.search(), "-1\n", "it stayed");

    let (tree, mut bus) = fallen_silent();
    // Nobody noticed so far.
    bus.lost -= REMOVAL;
    fs::remove_file(tree.devices().join(ONE)).unwrap();
    drop(bus);
    assert_eq!(tree.search(), "0\n", "its probes have gone, so it may go, too");

    let (tree, mut bus) = fallen_silent();
    fs::remove_file(tree.devices().join(ONE)).unwrap();
    assert_eq!(sample(&mut bus, ONE), None);
    bus.lost -= REMOVAL;
    drop(bus);
    assert_eq!(tree.search(), "-1\n", "its probes went long ago, and it stayed");
}
