//! Machines made of files.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::cli::doctor::Level;
use crate::https::certificate;

const PROBE: &str = "sys/bus/w1/devices/28-0316a2790a1b";
const MASTER: &str = "sys/bus/w1/devices/w1_bus_master1";

struct Made {
    folder: tempfile::TempDir,
    machine: Machine,
}

/// A machine with these files, whose programs say these things.
fn machine(files: &[(&str, &str)], programs: &[(&str, &str)]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let programs: HashMap<String, String> =
        programs.iter().map(|(name, says)| ((*name).to_owned(), (*says).to_owned())).collect();
    let machine = Machine {
        root: folder.path().to_owned(),
        run: Box::new(move |words| programs.get(words[0]).cloned()),
        now: "2026-11-25T12:00:00Z".parse().unwrap(),
        made: None,
    };
    Made { folder, machine }
}

fn config(made: &Made, bus: &str) -> Config {
    let path = made.folder.path().join("fridge.toml");
    fs::write(&path, format!("[[bus]]\n{bus}\n")).unwrap();
    Config::load(&path).unwrap()
}

/// What is found on it; its kernel's tree is its own.
fn found(made: &Made, bus: &str) -> Findings {
    let bus = bus.replace("TREE", made.folder.path().join("sys/bus/w1").to_str().unwrap());
    let state = made.folder.path().join("state");
    let mut findings = Findings::default();
    made.machine.examine(Some(&config(made, &bus)), &state, None, &mut findings);
    findings
}

const KERNEL: &str = "kind = \"kernel\"\nroot = \"TREE\"";
const SIMULATED: &str = "kind = \"simulated\"";

/// Asserts that there is one finding with that id, or about that where it is as it should be, of that level, with these words in its text and its cure.
fn assert_found(findings: &Findings, level: Level, about: &str, words: &[&str]) {
    let all = format!("{:#?}", findings.0);
    let said = |finding: &&crate::cli::doctor::finding::Finding| {
        let text = format!("{} {}", finding.text, finding.cure.clone().unwrap_or_default());
        finding.level == level
            && finding.id.map_or(finding.about, Id::name) == about
            && words.iter().all(|word| text.contains(word))
    };
    assert_eq!(findings.0.iter().filter(said).count(), 1, "{level:?} {about} {words:?} in {all}");
}

#[test]
fn a_machine_without_any_of_it_has_no_faults() {
    let findings = found(&machine(&[], &[]), SIMULATED);
    assert!(findings.0.is_empty(), "{findings:#?}", findings = findings.0);
}

#[test]
fn a_pi_in_order_is_told_so() {
    let made = machine(
        &[
            (&format!("{PROBE}/w1_slave"), ""),
            (&format!("{MASTER}/w1_master_name"), ""),
            ("run/systemd/timesync/synchronized", ""),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone0/temp", "51234\n"),
            ("usr/lib/systemd/system/fridge.service", ""),
        ],
        &[
            ("df", "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100 1 2097152 1% /\n"),
            ("systemctl", "UnitFileState=enabled\nActiveState=active\nSubState=running\nNRestarts=0\n"),
            ("dpkg-query", concat!(env!("CARGO_PKG_VERSION"), "-1")),
        ],
    );
    let findings = found(&made, KERNEL);
    assert!(findings.0.iter().all(|finding| finding.level == Level::Ok), "{:#?}", findings.0);
    for (about, word) in [
        ("1-Wire", "1 bus with 1 probe"),
        ("clock", "synchronised"),
        ("supply", "never too low"),
        ("heat", "51 °C"),
        ("disk", "2048 MiB"),
        ("service", "it runs"),
        ("package", "version"),
    ] {
        assert_found(&findings, Level::Ok, about, &[word]);
    }
}

#[test]
fn what_keeps_the_kernel_from_driving_a_bus_is_named_with_its_cure() {
    let firmware = "boot/firmware/config.txt";
    let (off, on) = ("#dtoverlay=w1-gpio\n", "[all]\ndtoverlay=w1-gpio,gpiopin=17\n");
    for (files, words) in [
        (vec![], ["drives no bus", "modprobe"]),
        (vec![(firmware, off)], ["enables none", "tee -a /boot/firmware/config.txt"]),
        (vec![("boot/config.txt", off)], ["enables none", "tee -a /boot/config.txt"]),
        (vec![(firmware, on)], ["although the firmware", "modprobe w1-gpio"]),
        (vec![(firmware, on), ("proc/modules", "w1_gpio 12 0 - Live\n")], ["is loaded", "dmesg"]),
    ] {
        assert_found(&found(&machine(&files, &[]), KERNEL), Level::Fault, "onewire-no-bus", &words);
    }
    let unread = machine(&[(&format!("{MASTER}/x"), ""), (&format!("{PROBE}/id"), "")], &[]);
    assert_found(&found(&unread, KERNEL), Level::Fault, "onewire-no-driver", &["reads no temp", "w1_therm"]);
    let bare = machine(&[(&format!("{MASTER}/x"), "")], &[]);
    assert_found(&found(&bare, KERNEL), Level::Warning, "onewire-no-probe", &["no probe", "4.7 kΩ"]);
}

#[test]
fn files_that_the_service_may_not_write_are_counted_and_the_rule_is_named() {
    let (bulk, alarms) = (format!("{MASTER}/therm_bulk_read"), format!("{PROBE}/alarms"));
    let files = [
        (bulk.as_str(), ""),
        (alarms.as_str(), ""),
        (&*format!("{PROBE}/w1_slave"), ""),
        ("etc/group", "root:x:0:\nfridge:x:4294967:\n"),
    ];
    let made = machine(&files, &[]);
    let set = |file: &str, mode| {
        fs::set_permissions(made.folder.path().join(file), fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&bulk, 0o644);
    set(&alarms, 0o644);
    let words = ["therm_bulk_read and 1 more", "the rule is missing"];
    assert_found(&found(&made, KERNEL), Level::Warning, "onewire-rights", &words);
    set(&bulk, 0o646);
    set(&alarms, 0o646);
    assert_found(&found(&made, KERNEL), Level::Ok, "1-Wire", &["can write what it needs to"]);
}

#[test]
fn a_clock_that_is_wrong_or_alone_is_told() {
    let mut made = machine(&[], &[("timedatectl", "no\n")]);
    assert_found(
        &found(&made, KERNEL),
        Level::Warning,
        "clock-unsynchronised",
        &["not synchronised", "set-ntp"],
    );
    assert!(found(&made, SIMULATED).0.is_empty(), "a simulated bus has no time to lose");
    made.machine.made = Some("2026-11-26T12:00:00Z".parse().unwrap());
    assert_found(&found(&made, SIMULATED), Level::Fault, "clock-wrong", &["2026-11-25", "2026-11-26"]);
}

#[test]
fn heat_a_weak_supply_and_a_full_disk_are_told() {
    let made = machine(
        &[
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone0/temp", "82000\n"),
        ],
        &[("df", "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100 1 2048 1% /\n")],
    );
    let findings = found(&made, SIMULATED);
    assert_found(&findings, Level::Warning, "supply-weak", &["too low", "power supply"]);
    assert_found(&findings, Level::Warning, "heat", &["82 °C", "heat sink"]);
    assert_found(&findings, Level::Warning, "disk-full", &["2 MiB", "journalctl --vacuum"]);
}

#[test]
fn a_card_that_turned_read_only_is_told() {
    let findings = found(&machine(&[], &[("findmnt", "ro,relatime\n")]), SIMULATED);
    assert_found(&findings, Level::Fault, "disk-read-only", &["read-only", "SD card"]);
}

#[test]
fn a_key_that_others_may_read_is_a_fault() {
    let made = machine(&[("etc/passwd", "fridge:x:4294966:4294967::/:\n")], &[]);
    let state = made.folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let key = certificate::ensure(&state).unwrap().key;
    for (mode, level, id, words) in [
        (0o600, Level::Ok, "key", ["no other user", "key.pem"]),
        (0o640, Level::Fault, "key-rights", ["users other than its owner", "chmod g="]),
        (0o604, Level::Fault, "key-for-everybody", ["every user", "chmod o="]),
        (0o660, Level::Fault, "key-rights", ["users other than its owner", "chmod g="]),
    ] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert_found(&found(&made, SIMULATED), level, id, &words);
    }
}

#[test]
fn a_group_of_the_services_may_read_the_key() {
    use std::os::unix::fs::MetadataExt;
    let state = tempfile::tempdir().unwrap();
    let key = certificate::ensure(state.path()).unwrap().key;
    let group = format!("fridge:x:{}:\n", fs::metadata(&key).unwrap().gid());
    let made = machine(&[("etc/group", &group), ("etc/passwd", "fridge:x:4294966:1::/:\n")], &[]);
    let mut findings = Findings::default();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    made.machine.examine(None, state.path(), None, &mut findings);
    assert_found(&findings, Level::Ok, "key", &["no other user"]);
}

#[test]
fn a_certificate_for_other_addresses_than_the_machine_has_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let said = certificate::describe(&certificate::ensure(folder.path()).unwrap().certificate).unwrap();
    let mut findings = Findings::default();
    key::names(&said, &[String::from("127.0.0.1"), String::from("203.0.113.9")], &mut findings);
    key::names(&said, &[], &mut findings);
    assert!(findings.0.is_empty());
    key::names(&said, &[String::from("203.0.113.9")], &mut findings);
    assert_found(&findings, Level::Warning, "certificate-addresses", &["203.0.113.9", "fridge cert --new"]);
}

#[test]
fn the_units_state_and_the_last_restarts_reason_are_told() {
    let unit = [("etc/systemd/system/fridge.service", "")];
    let said = |properties: &str| {
        let journal = "fridge.service: Failed with result 'watchdog'.\n";
        found(&machine(&unit, &[("systemctl", properties), ("journalctl", journal)]), SIMULATED)
    };
    for (properties, level, id, words) in [
        ("UnitFileState=masked", Level::Fault, "service-masked", ["masked", "unmask"]),
        (
            "UnitFileState=disabled",
            Level::Warning,
            "service-disabled",
            ["start with the machine", "enable fridge"],
        ),
        ("ActiveState=inactive", Level::Warning, "service-stopped", ["does not run", "start fridge"]),
        (
            "ActiveState=failed\nExecMainStatus=78",
            Level::Fault,
            "service-configuration",
            ["configuration is wrong", "fridge check"],
        ),
        (
            "ActiveState=failed\nSubState=failed\nResult=oom-kill",
            Level::Fault,
            "service-failed",
            ["memory", "journalctl"],
        ),
        (
            "ActiveState=activating\nSubState=auto-restart\nResult=exit-code",
            Level::Fault,
            "service-failed",
            ["failed", "journ"],
        ),
        (
            "ActiveState=active\nNRestarts=3",
            Level::Warning,
            "service-restarted",
            ["3 times", "self-check failed for too long"],
        ),
        ("ActiveState=active\nNRestarts=0", Level::Ok, "service", ["it runs", "never"]),
    ] {
        assert_found(&said(properties), level, id, &words);
    }
    assert!(found(&machine(&unit, &[]), SIMULATED).0.is_empty(), "no systemd runs there");
}

#[test]
fn a_configuration_that_the_service_may_not_read_is_told() {
    let shipped = "etc/fridge/fridge.toml";
    let text = "[[bus]]\nkind = \"simulated\"\n";
    let users = [("etc/group", "fridge:x:4294967:\n"), ("etc/passwd", "fridge:x:4294966:1::/:\n")];
    let made = machine(&[&users[..], &[(shipped, text)]].concat(), &[]);
    let path = made.folder.path().join(shipped);
    let config = Config::load(&path).unwrap();
    for (mode, expected) in [(0o640, 1), (0o644, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let mut findings = Findings::default();
        made.machine.rights_of_configuration(Some(&config), &mut findings);
        assert_eq!(findings.0.len(), expected, "{findings:?}", findings = findings.0);
        if expected == 1 {
            assert_found(&findings, Level::Fault, "configuration-rights", &["cannot read", "chgrp fridge"]);
        }
    }
}

#[test]
fn another_version_than_the_packages_is_told() {
    let findings = found(&machine(&[], &[("dpkg-query", "0.0.1-1")]), SIMULATED);
    assert_found(&findings, Level::Warning, "package-version", &["0.0.1-1 is installed", "type -a fridge"]);
}
