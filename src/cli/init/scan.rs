//! A scan for 1-Wire buses: every bus that may be there is opened and measured once. A bus goes in; the
//! probes that answered, or at least showed themselves, come out.

use std::collections::BTreeSet;
use std::path::Path;

use crate::bus::{self, Config, gpio, kernel, owserver};
use crate::poll::validate::Validator;
use crate::reading::{ProbeId, Sample};

/// A bus with probes.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The bus.
    pub bus: Config,
    /// Its probes, and what each reads now.
    pub probes: Vec<(ProbeId, Sample)>,
}

/// The buses that may be there. A pin is tried only where the kernel has none: it would be the same one.
pub fn candidates(root: &Path) -> Vec<Config> {
    let tree = root.join("sys/bus/w1");
    let has_master = std::fs::read_dir(tree.join("devices")).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("w1_bus_master"))
    });
    let first = if has_master {
        Config::Kernel(kernel::Config { root: tree, resolution: None })
    } else {
        let through = gpio::Through::CharacterDevice { chip: None };
        Config::Gpio(gpio::Config { pin: gpio::DEFAULT_PIN, through, resolution: None })
    };
    let owserver = owserver::Config { address: owserver::DEFAULT_ADDRESS.to_owned() };
    vec![first, Config::Owserver(owserver)]
}

/// Those of them that have probes; each probe once.
pub fn scan(candidates: &[Config]) -> Vec<Scanned> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for config in candidates {
        // One that cannot be opened or measured is not there, as far as this matters.
        let swept = bus::open(config).and_then(|mut bus| Validator::default().measure(bus.as_mut()));
        let Ok(validated) = swept else { continue };
        let sampled = validated.probes.into_iter().map(|sampled| (sampled.probe, sampled.sample));
        let mut probes: Vec<_> = sampled.filter(|(probe, _)| known.insert(*probe)).collect();
        probes.sort_by_key(|(probe, _)| *probe);
        if !probes.is_empty() {
            found.push(Scanned { bus: config.clone(), probes });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::simulated;

    #[test]
    fn each_probe_is_found_once_and_what_is_not_there_is_passed_over() {
        let nobody = Config::Kernel(kernel::Config { root: "/nowhere".into(), resolution: None });
        let text = "[[bus]]\nkind = \"simulated\"\nprobes = 2\nsilent = [2]\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        std::fs::write(&path, text).unwrap();
        let wire = crate::config::Config::load(&path).unwrap().buses.remove(0).config;
        assert!(matches!(wire, Config::Simulated(simulated::Config { .. })));
        let found = scan(&[nobody, wire.clone(), wire.clone()]);
        let [Scanned { bus, probes }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(*bus, wire);
        assert!(probes[0].1.is_ok(), "{probes:?}");
    }

    #[test]
    fn a_pin_is_tried_only_where_the_kernel_has_none() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(candidates(root.path())[0], Config::Gpio(_)));
        std::fs::create_dir_all(root.path().join("sys/bus/w1/devices/w1_bus_master1")).unwrap();
        let Config::Kernel(kernel) = &candidates(root.path())[0] else { panic!("the kernel has a master") };
        assert_eq!(kernel.root, root.path().join("sys/bus/w1"));
    }
}
