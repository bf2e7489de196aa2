//! `fridge doctor --gpio`: whether this computer keeps a bus's time windows on a pin, measured on the pin
//! itself. Nobody on the wire listens: no reset comes before these slots.

use super::{Findings, Id};
use crate::bus::Config as BusConfig;
use crate::bus::gpio::{self, Config, Through, Timing};
use crate::cli::{FileOptions, terminal};
use crate::config;
use crate::daemon::Report;
use crate::socket::{self, Question};

const ABOUT: &str = "gpio";
/// Six to ten seconds, long enough to meet what a computer does every few seconds.
const SLOTS: u32 = 100_000;
/// A bus of this size is what the verdict is about.
const PROBES: i32 = 10;
/// Sweeps that are complete: from the first share on a pin does well, from the second on it works.
const WELL: f64 = 0.99;
const WORKS: f64 = 0.9;
const RATHER_KERNEL: &str =
    "use the kernel's driver: `kind = \"kernel\"`, and `dtoverlay=w1-gpio` in /boot/firmware/config.txt";
const PRIORITY: &str = "try it as the service runs: sudo fridge doctor --gpio";

/// Measures each pin of the configuration's gpio buses; the usual one where there is none.
pub fn examine(files: &FileOptions, findings: &mut Findings) -> anyhow::Result<()> {
    let mut pins = match files.load() {
        Ok(config) => pins(&config),
        Err(problems) if files.config.is_some() => return Err(problems.into()),
        // To choose between the kernel's driver and a pin, no configuration is needed.
        Err(_) => Vec::new(),
    };
    if pins.is_empty() {
        let through = Through::CharacterDevice { chip: None };
        pins.push(Config { pin: gpio::DEFAULT_PIN, through, resolution: None });
    }
    let held = held(files)?;
    for pin in pins {
        let name = format!("GPIO {}", pin.pin);
        if held.contains(&pin.pin) {
            let cure = "sudo systemctl stop fridge, then this again, then sudo systemctl start fridge";
            findings.fault(Id::GpioUnusable, ABOUT, format!("{name} belongs to the gateway that runs"), cure);
            continue;
        }
        terminal::progress(&format!("trying {SLOTS} slots on {name}, some 10 seconds"));
        match gpio::measure_timing(&pin, SLOTS) {
            Ok(timing) => judge(&name, &timing, findings),
            Err(error) => findings.fault(
                Id::GpioUnusable,
                ABOUT,
                error.to_string(),
                "docs/config.md, `kind = \"gpio\"`",
            ),
        }
    }
    Ok(())
}

fn pins(config: &config::Config) -> Vec<Config> {
    let gpio = config.buses.iter().filter_map(|bus| match &bus.config {
        BusConfig::Gpio(config) => Some(config.clone()),
        BusConfig::Kernel(_) | BusConfig::Owserver(_) | BusConfig::Simulated(_) => None,
    });
    gpio.collect()
}

/// The pins of the gateway that runs. The registers are guarded by nobody, so they must be asked for.
fn held(files: &FileOptions) -> anyhow::Result<Vec<u8>> {
    let (report, user) = match socket::ask_whom(&files.sockets(), &Question::Report) {
        Ok(answered) => answered,
        // Where no gateway runs, none holds a pin.
        Err(socket::Error::NotRunning(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if !super::trusted_users().contains(&user) {
        anyhow::bail!(
            "the gateway on this socket is run by user {user}, and may hold a pin: measure as that user"
        );
    }
    // Where the configuration of one that runs can no longer be read, its pins are unknown.
    let report = serde_json::from_value::<Report>(report).ok().map(|report| report.configuration);
    let config = report
        .filter(|path| super::is_owned_by(path, &super::readers()))
        .and_then(|path| config::Config::load(&path).ok());
    Ok(config.map(|config| pins(&config).iter().map(|pin| pin.pin).collect()).unwrap_or_default())
}

fn judge(name: &str, timing: &Timing, findings: &mut Findings) {
    let complete = timing.complete_sweeps(PROBES);
    let priority = if timing.priority { "with priority" } else { "without priority" };
    let text = format!(
        "{name}: {} of {} slots came late, {priority}; {:.2} % of sweeps of {PROBES} probes would be complete",
        timing.late,
        timing.slots,
        complete * 100.0
    );
    match (complete, timing.priority) {
        (WELL.., true) => findings.ok(ABOUT, format!("{text}: this computer can drive a pin")),
        (WELL.., false) => {
            findings.ok(ABOUT, format!("{text}: this computer can drive a pin even without it"))
        }
        (_, false) => findings.warning(Id::GpioWithoutPriority, ABOUT, text, PRIORITY),
        (WORKS.., true) => findings.warning(Id::GpioLate, ABOUT, text, RATHER_KERNEL),
        (_, true) => findings.fault(Id::GpioTooLate, ABOUT, text, RATHER_KERNEL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_late_slots_decides_between_pin_and_kernel() {
        let said = |late, priority| {
            let mut findings = Findings::default();
            judge("GPIO 4", &Timing { slots: SLOTS, late, priority }, &mut findings);
            super::super::finding::text(&findings.0, false)
        };
        assert!(
            said(10, true).starts_with("ok       gpio: GPIO 4: 10 of 100000 slots came late, with priority")
        );
        assert!(said(10, false).contains("even without it"));
        for (late, priority, id) in [
            (200, true, "gpio-late"),
            (5_000, true, "gpio-too-late"),
            (5_000, false, "gpio-without-priority"),
        ] {
            assert!(said(late, priority).contains(&format!("[{id}]")), "{id}");
        }
        assert!(said(200, true).starts_with("warning") && said(200, true).contains("dtoverlay=w1-gpio"));
        assert!(said(5_000, true).starts_with("fault"));
        assert!(said(5_000, false).contains("sudo fridge doctor --gpio"), "it may do well with priority");
    }
}
