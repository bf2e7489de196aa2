//! The machine itself, as far as it can spoil a reading or an answer: the kernel's 1-Wire driver, the clock,
//! the supply, the heat, the disk, the certificate's key, the service. Whatever a machine does not have is
//! passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;

use super::{Findings, Id};
use crate::bus;
use crate::config::Config;
use crate::daemon::Report;
use crate::host::{self, undervoltage};

mod key;
mod onewire;
mod service;

/// From here on a Pi slows down (80 °C, and more so at 85 °C).
const HOT: f64 = 80.0;
/// With less on the disk, in KiB, the log and later the history soon have no room.
const LITTLE_ROOM: u64 = 50 * 1024;

/// Runs a program and returns what it prints.
type Run = dyn Fn(&[&str]) -> Option<String>;

/// A machine: its files below a root, its programs, and its clock.
pub struct Machine {
    root: PathBuf,
    run: Box<Run>,
    now: Timestamp,
    /// When this program was made: its file is no younger.
    made: Option<Timestamp>,
}

impl Machine {
    /// This one.
    pub fn this() -> Machine {
        let own = std::env::current_exe().and_then(fs::metadata).and_then(|file| file.modified());
        Machine {
            root: PathBuf::from("/"),
            run: Box::new(|words| {
                let output = Command::new(words.first()?).args(&words[1..]).output().ok()?;
                String::from_utf8(output.stdout).ok()
            }),
            now: Timestamp::now(),
            made: own.ok().and_then(|at| Timestamp::try_from(at).ok()),
        }
    }

    fn path(&self, below_root: &str) -> PathBuf {
        self.root.join(below_root)
    }

    fn read(&self, below_root: &str) -> Option<String> {
        fs::read_to_string(self.path(below_root)).ok()
    }

    /// What a program prints; `None` where there is no such program, or it prints nothing.
    fn say(&self, words: &[&str]) -> Option<String> {
        (self.run)(words).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Looks at all of it.
    pub fn examine(
        &self,
        config: Option<&Config>,
        state: &Path,
        report: Option<&Report>,
        findings: &mut Findings,
    ) {
        let buses = || config.iter().flat_map(|config| &config.buses).map(|bus| &bus.config);
        for kernel in buses().filter_map(|bus| match bus {
            bus::Config::Kernel(kernel) => Some(kernel),
            _ => None,
        }) {
            self.onewire(&kernel.root, findings);
        }
        self.clock(buses().any(|bus| !bus.is_simulated()), findings);
        self.supply(findings);
        self.heat(findings);
        self.disk(state, findings);
        self.key(config, state, findings);
        self.rights_of_configuration(config, findings);
        self.service(report, findings);
    }

    fn clock(&self, matters: bool, findings: &mut Findings) {
        const ABOUT: &str = "clock";
        const CURE: &str = "timedatectl; sudo timedatectl set-ntp true";
        if let Some(made) = self.made.filter(|made| self.now < *made) {
            let (now, made) = (self.now.strftime("%Y-%m-%d"), made.strftime("%Y-%m-%d"));
            findings.fault(
                Id::ClockWrong,
                ABOUT,
                format!("it shows {now}, and this program was built on {made}"),
                CURE,
            );
            return;
        }
        if !matters {
            return;
        }
        let synchronised = self.path("run/systemd/timesync/synchronized").exists();
        let answer = || self.say(&["timedatectl", "show", "--property=NTPSynchronized", "--value"]);
        match (synchronised, if synchronised { None } else { answer() }.as_deref()) {
            (true, _) | (_, Some("yes")) => findings.ok(ABOUT, "synchronised"),
            (_, Some("no")) => findings.warning(
                Id::ClockUnsynchronised, ABOUT,
                "not synchronised: \"today\" and the times of answers may be wrong, ages are right all the same",
                CURE,
            ),
            _ => {}
        }
    }

    fn supply(&self, findings: &mut Findings) {
        match undervoltage::too_low(&self.path("sys/class/hwmon")) {
            Some(true) => findings.warning(
                Id::SupplyWeak,
                "supply",
                "the Pi's own supply was too low since it started; probes lose their power then, too",
                "another power supply or a shorter cable: `dmesg | grep -i voltage`",
            ),
            Some(false) => findings.ok("supply", "never too low since the start"),
            None => {}
        }
    }

    fn heat(&self, findings: &mut Findings) {
        let zones = fs::read_dir(self.path("sys/class/thermal")).into_iter().flatten().flatten();
        let degrees = zones.filter_map(|zone| {
            // Why a zone's file cannot be read does not matter: such a zone has no temperature to report.
            let read = |file| fs::read_to_string(zone.path().join(file)).ok();
            let is_cpu = read("type")?.trim() == "cpu-thermal";
            let milli: i32 = read("temp")?.trim().parse().ok()?;
            is_cpu.then(|| f64::from(milli) / 1_000.0)
        });
        let Some(degrees) = degrees.reduce(f64::max) else { return };
        let text = format!("the computer is at {degrees:.0} °C");
        if degrees >= HOT {
            findings.warning(
                Id::Heat,
                "heat",
                format!("{text} and slows down"),
                "a heat sink, or a cooler place",
            );
        } else {
            findings.ok("heat", text);
        }
    }

    fn disk(&self, state: &Path, findings: &mut Findings) {
        const ABOUT: &str = "disk";
        let options = state.to_str().and_then(|state| self.say(&["findmnt", "-no", "OPTIONS", "-T", state]));
        if options.is_some_and(|options| options.split(',').any(|option| option == "ro")) {
            findings.fault(
                Id::DiskReadOnly,
                ABOUT,
                format!("{} cannot be written: its file system is read-only", state.display()),
                "dmesg | grep -i -e mmc -e ext4: a worn-out SD card fails like this; copy it to a new one",
            );
            return;
        }
        let Some(table) = state.to_str().and_then(|state| self.say(&["df", "-Pk", state])) else { return };
        let free = table.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
        let Some(free) = free else { return };
        let text = format!("{} MiB free for {}", free / 1024, state.display());
        if free < LITTLE_ROOM {
            findings.warning(
                Id::DiskFull,
                ABOUT,
                text,
                "sudo journalctl --vacuum-size=50M; sudo apt-get clean",
            );
        } else {
            findings.ok(ABOUT, text);
        }
    }

    /// The number of the group `fridge`, where there is one.
    fn service_group(&self) -> Option<u32> {
        host::group_id(&self.root, host::SERVICE)
    }

    /// The number of the user `fridge`, where there is one.
    fn service_user(&self) -> Option<u32> {
        host::user_id(&self.root, host::SERVICE)
    }
}

#[cfg(test)]
mod tests;
