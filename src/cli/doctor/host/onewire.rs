//! The kernel's 1-Wire driver: its overlay and modules, its masters and probes, and what the service's user
//! may ask of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Machine;
use crate::cli::doctor::{Findings, Id};
use crate::reading::ProbeId;
use crate::text::count;

const ABOUT: &str = "1-Wire";
/// Where the Pi's firmware looks what to switch on, since Debian 12 and before.
const FIRMWARE: [&str; 2] = ["boot/firmware/config.txt", "boot/config.txt"];
const RULE: &str = "usr/lib/udev/rules.d/60-fridge.rules";

impl Machine {
    /// The kernel's tree, `/sys/bus/w1` but for tests.
    pub(super) fn onewire(&self, tree: &Path, findings: &mut Findings) {
        let listed: Vec<PathBuf> = fs::read_dir(tree.join("devices"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (masters, others): (Vec<PathBuf>, Vec<PathBuf>) =
            listed.into_iter().partition(|path| name(path).starts_with("w1_bus_master"));
        let probes: Vec<PathBuf> =
            others.into_iter().filter(|path| name(path).parse::<ProbeId>().is_ok()).collect();
        if masters.is_empty() {
            self.no_master(findings);
        } else if probes.is_empty() {
            findings.warning(
                Id::OnewireNoProbe, ABOUT,
                "the kernel drives a bus, and no probe is on it",
                "data to GPIO 4 (pin 7), 3.3 V (pin 1), ground (pin 9), one resistor of 4.7 kΩ between data and 3.3 V",
            );
        } else if probes.iter().all(|probe| !probe.join("w1_slave").exists()) {
            findings.fault(
                Id::OnewireNoDriver,
                ABOUT,
                "the kernel reads no temperatures",
                "sudo modprobe w1_therm",
            );
        } else {
            let (buses, count) = (count(masters.len(), "bus"), count(probes.len(), "probe"));
            findings.ok(ABOUT, format!("the kernel drives {buses} with {count}"));
            self.rights(&masters, &probes, findings);
        }
    }

    fn no_master(&self, findings: &mut Findings) {
        let firmware = FIRMWARE.iter().find_map(|file| Some((*file, self.read(file)?)));
        let modules = self.read("proc/modules").unwrap_or_default();
        let is_loaded = |module: &str| modules.lines().any(|line| line.starts_with(&format!("{module} ")));
        let (text, cure) = match firmware {
            Some((file, text)) if !has_overlay(&text) => (
                format!("the kernel drives no bus: /{file} enables none"),
                format!("echo dtoverlay=w1-gpio | sudo tee -a /{file} && sudo reboot"),
            ),
            Some(_) if !is_loaded("w1_gpio") => (
                String::from("the kernel drives no bus, although the firmware switches one on"),
                String::from("sudo modprobe w1-gpio; if that does not help, sudo reboot"),
            ),
            Some(_) => (
                String::from("the kernel drives no bus, although its driver is loaded"),
                String::from("dmesg | grep -i -e w1 -e gpio"),
            ),
            None => (
                String::from("the kernel drives no bus"),
                String::from("sudo modprobe the adapter's module, such as ds2490; or another `kind` of bus"),
            ),
        };
        findings.fault(Id::OnewireNoBus, ABOUT, text, cure);
    }

    /// Whether the service's user may write what makes sweeps fast and losses of power visible.
    fn rights(&self, masters: &[PathBuf], probes: &[PathBuf], findings: &mut Findings) {
        let Some(group) = self.service_group() else { return };
        let of_masters = masters
            .iter()
            .flat_map(|master| ["therm_bulk_read", "w1_master_search"].map(|it| master.join(it)));
        let of_probes = probes.iter().flat_map(|probe| ["alarms", "resolution"].map(|it| probe.join(it)));
        let denied: Vec<String> = of_masters
            .chain(of_probes)
            .filter(|file| fs::metadata(file).is_ok_and(|file| !may_write(file.mode(), file.gid(), group)))
            .map(|file| file.display().to_string())
            .collect();
        let Some(first) = denied.first() else {
            findings.ok(ABOUT, "the group fridge can write what it needs to");
            return;
        };
        let cure = if self.path(RULE).exists() {
            "sudo udevadm control --reload && sudo udevadm trigger --action=add --subsystem-match=w1"
        } else {
            "the rule is missing: sudo cp systemd/60-fridge.rules /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger --action=add --subsystem-match=w1"
        };
        let more = if denied.len() == 1 { String::new() } else { format!(" and {} more", denied.len() - 1) };
        findings.warning(
            Id::OnewireRights, ABOUT,
            format!("the group fridge cannot write {first}{more}: sweeps take longer, and a loss of power is harder to see"),
            cure,
        );
    }
}

fn may_write(mode: u32, owner_group: u32, group: u32) -> bool {
    mode & 0o002 != 0 || owner_group == group && mode & 0o020 != 0
}

/// Whether a line of the firmware's file switches a pin of the kernel's driver on.
fn has_overlay(text: &str) -> bool {
    text.lines().filter_map(|line| line.trim().strip_prefix("dtoverlay=")).any(|overlay| {
        let name = overlay.split(',').next().unwrap_or_default().trim();
        ["w1-gpio", "w1-gpio-pullup", "w1-gpio-pi5"].contains(&name)
    })
}
