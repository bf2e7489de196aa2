//! The bus `kind = "gpio"` against the real Linux kernel's GPIO character device: who holds a line, what it does
//! to it, and what becomes of it. The chip is gpio-sim, which knows no microseconds: no probe hangs on it.
//! scripts/test-in-guest boots the guest and runs this, a test at a time.

use std::time::Duration;

mod guest;

use guest::{Gateway, Guest, wait};

const MINUTE: Duration = Duration::from_secs(60);
const LINE: &str = "4";
/// The line that another driver holds.
const TAKEN: &str = "5";

/// A simulated chip. It is taken away when dropped.
struct Chip {
    guest: Guest,
    /// Its character device.
    device: String,
    /// Its folder in /sys, where its lines are seen from outside.
    outside: String,
}

impl Chip {
    /// With a line that is the kernel's, and one that a resistor holds high.
    fn new(guest: &Guest) -> Chip {
        let set_up = format!(
            "cd /sys/kernel/config/gpio-sim && mkdir -p chip/bank0/line{TAKEN}/hog && cd chip && echo 8 >bank0/num_lines
             echo onewire@0 >bank0/line{TAKEN}/hog/name && echo 1 >live
             cat dev_name bank0/chip_name"
        );
        let said = guest.sh(&set_up);
        let (device, name) = said.trim().split_once('\n').expect("two names");
        let outside = format!("/sys/devices/platform/{device}/{name}");
        let chip = Chip { guest: guest.clone(), device: format!("/dev/{name}"), outside };
        chip.pull_up();
        chip
    }

    fn pull_up(&self) {
        self.guest.sh(&format!("echo pull-up >{}/sim_gpio{LINE}/pull", self.outside));
    }

    /// Whether the line is high, seen from outside.
    fn is_high(&self) -> bool {
        self.guest.sh(&format!("cat {}/sim_gpio{LINE}/value", self.outside)).trim() == "1"
    }

    /// What the kernel says of the line that the program holds: its name and its direction.
    fn held(&self) -> String {
        self.guest.run("grep '(fridge)' /sys/kernel/debug/gpio").output
    }

    fn configuration(&self, line: &str) -> String {
        format!(
            "[[bus]]\nkind = \"gpio\"\nperiod = \"1s\"\nthrough = \"cdev\"\nchip = \"{}\"\npin = {line}\n",
            self.device
        )
    }

    /// What `fridge probes` says of that line, asked by that user while no gateway runs.
    fn probes(&self, user: &str, line: &str) -> String {
        self.guest.write("/tmp/gpio.toml", &self.configuration(line));
        self.guest.run_as(user, "fridge probes --config /tmp/gpio.toml --socket /tmp/none").output
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let chip = "/sys/kernel/config/gpio-sim/chip";
        self.guest.run(&format!(
            "echo 0 >{chip}/live; rmdir {chip}/bank0/line{TAKEN}/hog {chip}/bank0/line{TAKEN} {chip}/bank0 {chip}"
        ));
    }
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_line_is_claimed_driven_and_let_go_and_freed_however_the_gateway_ends() {
    let guest = Guest::new();
    let chip = Chip::new(&guest);
    assert!(chip.is_high());
    assert_eq!(chip.held(), "");
    let gateway = Gateway::start(&guest, "root", &chip.configuration(LINE));
    wait("the line is driven low", MINUTE, || (!chip.is_high()).then_some(()));
    // The simulated chip keeps the last level that was driven until the resistor is set anew, and takes that only
    // of a line that nobody drives: so one that goes high was let go.
    wait("the line is let go", MINUTE, || {
        chip.pull_up();
        chip.is_high().then_some(())
    });
    let (held, _) = wait("an input", MINUTE, || Some(chip.held()).filter(|held| held.contains("input")));
    print!("held and let go:{held}");

    let said = chip.probes("root", LINE);
    assert!(said.contains("is in use by `fridge`: another gateway holds it"), "{said}");

    // Freed, the simulated chip's line is what its resistor makes of it.
    gateway.signal("KILL");
    wait("the line is freed", MINUTE, || (chip.held().is_empty() && chip.is_high()).then_some(()));
    let said = chip.probes("root", LINE);
    assert!(said.contains("held low"), "the simulated chip keeps the level of the reset: {said}");
    assert!(chip.held().is_empty() && chip.is_high(), "the command has freed it, too");

    let gateway = Gateway::start(&guest, "root", &chip.configuration(LINE));
    assert!(!chip.held().is_empty());
    gateway.signal("TERM");
    wait("the line is freed", MINUTE, || (chip.held().is_empty() && chip.is_high()).then_some(()));
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_line_that_the_kernels_driver_holds_is_refused_with_the_way_out() {
    let guest = Guest::new();
    let said = Chip::new(&guest).probes("root", TAKEN);
    assert!(said.contains("is in use by `onewire@0`, the kernel's own 1-Wire driver"), "{said}");
    assert!(said.contains("kind = \"kernel\""), "{said}");
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn without_permission_the_error_names_the_group_gpio() {
    let guest = Guest::new();
    let chip = Chip::new(&guest);
    // As Raspberry Pi OS has them.
    guest.sh(&format!("chgrp gpio {0} && chmod 660 {0}", chip.device));
    let said = chip.probes("somebody", LINE);
    assert!(said.contains("permission denied") && said.contains("group `gpio`"), "{said}");
    let said = chip.probes("fridge", LINE);
    // The simulated chip keeps the level of the reset.
    assert!(said.contains("held low"), "{said}");
}

#[test]
#[ignore = "needs the guest of scripts/test-in-guest"]
fn a_line_that_the_chip_does_not_have_is_said_so() {
    let guest = Guest::new();
    let said = Chip::new(&guest).probes("root", "27");
    assert!(said.contains("does not exist: the chip has 8 lines"), "{said}");
}
