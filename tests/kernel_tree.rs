//! The kernel's driver as its files show it, in a copy of `tests/w1`: every family, what is no probe, one
//! that vanishes, one whose file never answers; and the commands around them: `probes`, `--watch`, `replace`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

mod serve;
use serve::{PATIENCE, Service, row, stdout};

/// A copy of the tree, which a test may change.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/w1");
        for folder in ["devices", "masters"] {
            copy(&original.join(folder), &tree.0.path().join(folder));
        }
        tree
    }

    fn file(&self, probe: &str) -> PathBuf {
        self.0.path().join("devices").join(probe).join("w1_slave")
    }

    /// Sets what a DS18B20 of the maker's reads, in sixteenths.
    fn set(&self, probe: &str, sixteenths: i16) {
        let [low, high] = sixteenths.to_le_bytes();
        let mut bytes = vec![low, high, 0x4B, 0x46, 0x7F, 0xFF, 0x10 - (low & 0x0F), 0x10];
        bytes.push(one_wire_bus::crc::crc8(&bytes));
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let text = format!("{hex} : crc={:02x} YES\n{hex} t=0\n", bytes[8]);
        // In one step: the gateway reads meanwhile.
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file(probe)).unwrap();
    }

    fn bus(&self) -> String {
        format!("[[bus]]\nkind = \"kernel\"\nroot = \"{}\"\nperiod = \"100ms\"\n", self.0.path().display())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut copied = 0;
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), to).unwrap();
        } else if kind.is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
        copied += 1;
    }
    assert!(copied > 0, "{} is empty", from.display());
}

const MILK: &str = "28-0000000a0001";
const FREEZER: &str = "28-0000000a0002";
const TWO_FRIDGES: &str = r#"
[[fridge]]
name = "Milk"            # left of the door
probe = "28-0000000a0001"
limits = { min = 0, max = 8 }

[[fridge]]
name = "Freezer"
probe = "28-0000000a0002"
"#;

#[test]
fn every_family_is_read_and_what_is_no_probe_is_a_notice() {
    let tree = Tree::new();
    let service = Service::start(&format!("{}{TWO_FRIDGES}", tree.bus()));
    let answer = service.until(&["probes"], |answer| {
        answer["probes"]
            .as_array()
            .is_some_and(|rows| rows.len() > 6 && rows.iter().all(|row| row["celsius"].is_f64()))
    });
    for (probe, celsius) in [
        (MILK, 4.1875),
        (FREEZER, -18.5),
        ("28-0316a2790a1b", -10.125),
        ("10-000802b4ba0f", 24.75),
        ("22-0000000b0001", 85.0625),
        ("3b-0000000c0001", 25.0),
        ("42-0000000d0001", 5.5),
    ] {
        assert_eq!(row(&answer["probes"], "probe", probe)["celsius"], celsius, "{probe}");
    }
    assert_eq!(answer["probes"].as_array().unwrap().len(), 7);
    let text = stdout(&service.run(&["probes"]));
    for said in [
        "7 probes on 1 bus, 5 without a fridge",
        "bus 1: saw the impossible address 00-800000000000",
        "bus 1: 81-00000033a2d5 is not a temperature probe",
        "28-0000000a0002: converts with 9 bits",
        "28-0316a2790a1b: powered through its data line",
        "28-0316a2790a1b: likely a clone",
    ] {
        assert!(text.contains(said), "{said} not in {text}");
    }
    // What it prints for the configuration is one, and names the rest.
    let tables = &text[text.find("[[fridge]]").expect("tables to paste")..];
    let pasted = service.folder.path().join("pasted.toml");
    fs::write(&pasted, format!("{}{TWO_FRIDGES}\n{tables}", tree.bus())).unwrap();
    let check = service.run(&["check"]);
    assert!(check.status.success(), "{check:?}");
    let check = Command::new(env!("CARGO_BIN_EXE_fridge")).arg("check").arg("--config").arg(&pasted).output();
    assert!(stdout(&check.unwrap()).contains("7 fridges"), "{tables}");
}

#[test]
fn a_conversion_in_common_that_did_not_happen_hands_on_nothing_old() {
    let tree = Tree::new();
    // A file takes the trigger at once, as the kernel does where it could not start the conversion.
    fs::write(tree.0.path().join("masters/w1_bus_master1/therm_bulk_read"), "0\n").unwrap();
    let service = Service::start(&tree.bus());
    // Each is converted by itself; a value is old where the machine was busy for a moment.
    service.until(&["probes"], |answer| {
        if answer["probes"].as_array().is_some_and(Vec::is_empty) {
            // It is asked before the first sweep has ended.
            return false;
        }
        let celsius = &row(&answer["probes"], "probe", MILK)["celsius"];
        assert!(celsius.is_null() || celsius == 4.1875, "{answer:#}");
        answer["buses"][0]["notices"].to_string().contains("bulk_failed") && !celsius.is_null()
    });
}

#[test]
fn a_file_that_never_answers_hangs_its_bus_alone_and_its_fridge_turns_stale() {
    let tree = Tree::new();
    let simulated = "[[bus]]\nkind = \"simulated\"\nprobes = 1\nperiod = \"100ms\"\n[[fridge]]\nname = \"Bar\"\nprobe = \"28-000000000001\"\nlimits = { max = 20 }\n";
    let service = Service::start(&format!("{}{simulated}{TWO_FRIDGES}", tree.bus()));
    service.until(&["status"], |answer| {
        answer["fridges"].as_array().is_some_and(|rows| rows.iter().all(|row| row["celsius"].is_f64()))
    });
    let fifo = tree.0.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::rename(&fifo, tree.file(MILK)).unwrap();
    let stale =
        service.until(&["status"], |answer| row(&answer["fridges"], "name", "Milk")["verdict"] == "stale");
    assert_eq!(row(&stale["fridges"], "name", "Bar")["verdict"], "in_range", "{stale:#}");
    let asked = Instant::now();
    let text = stdout(&service.run(&["status", "milk"]));
    assert!(asked.elapsed() < PATIENCE / 10, "an answer waits for no bus");
    assert!(text.contains("no reading for") && text.contains("4.2 °C, old:"), "{text}");
}

#[test]
fn one_that_vanishes_is_absent_and_heals() {
    let tree = Tree::new();
    let service = Service::start(&format!("{}{TWO_FRIDGES}", tree.bus()));
    let milk = |answer: &serde_json::Value| row(&answer["fridges"], "name", "Milk").clone();
    service.until(&["status"], |answer| milk(answer)["verdict"] == "in_range");
    let link = tree.0.path().join("devices").join(MILK);
    let kept = fs::read_link(&link).unwrap();
    fs::remove_file(&link).unwrap();
    service.until(&["status"], |answer| milk(answer)["fault"] == "absent");
    symlink(kept, &link).unwrap();
    service.until(&["status"], |answer| milk(answer)["verdict"] == "in_range");
    // An empty file is how the kernel tells every failure.
    fs::write(tree.file(MILK), "").unwrap();
    service.until(&["status"], |answer| milk(answer)["fault"] == "no_answer");
}

#[test]
fn the_probe_that_is_warmed_is_named() {
    let tree = Tree::new();
    let service = Service::start(&format!("{}{TWO_FRIDGES}", tree.bus()));
    service.until(&["status"], |answer| row(&answer["fridges"], "name", "Milk")["verdict"] == "in_range");
    let mut watching = service.command(&["probes", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("in your hand"));
    let (said, marked) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.try_for_each(|line| said.send(line)));
    let deadline = Instant::now() + PATIENCE;
    let mut sixteenths = 67;
    let line = loop {
        // A hand warms it by half a degree at a time, until it is named.
        sixteenths = (sixteenths + 8).min(500);
        tree.set(MILK, sixteenths);
        match marked.recv_timeout(PATIENCE / 100) {
            Ok(line) => break line,
            Err(_) => assert!(Instant::now() < deadline, "nothing was marked"),
        }
    };
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(line.starts_with(&format!("{MILK} is being warmed, +")) && line.ends_with(": Milk"), "{line}");
}

#[test]
fn another_probe_is_put_into_a_fridge_and_the_file_stays_as_it_was_otherwise() {
    let tree = Tree::new();
    let service = Service::start(&format!("{}{TWO_FRIDGES}", tree.bus()));
    service.until(&["probes"], |answer| answer["probes"].as_array().is_some_and(|rows| rows.len() == 7));
    let before = fs::read_to_string(service.config()).unwrap();
    let done = service.run(&["replace", "milk", "28-0316a2790a1b"]);
    let said = stdout(&done);
    assert!(
        done.status.success() && said.contains("Milk: 28-0316a2790a1b instead of 28-0000000a0001"),
        "{done:?}"
    );
    assert!(said.ends_with("To put it into use: sudo systemctl reload fridge\n"), "{said}");
    let after = fs::read_to_string(service.config()).unwrap();
    assert_eq!(after, before.replace(MILK, "28-0316a2790a1b"));
    let unplugged = stdout(&service.run(&["replace", "milk", "28-00000000ffff"]));
    assert!(unplugged.contains("is it plugged in?"), "{unplugged}");
    for (fridge, probe, words) in [
        ("milk", "28-0000000a0002", "is in Freezer"),
        ("mlik", "28-0316a2790a1b", "did you mean Milk?"),
        ("milk", "28-0316", "is not a ROM code"),
    ] {
        let refused = service.run(&["replace", fridge, probe]);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && error.contains(words), "{error}");
    }
}

#[test]
fn without_a_gateway_the_buses_are_measured_and_a_missing_one_is_named_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    let probes = |text: &str| {
        fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fridge"));
        command.arg("probes").arg("--config").arg(&config).arg("--socket").arg(folder.path().join("nobody"));
        let output = command.output().unwrap();
        (stdout(&output), String::from_utf8(output.stderr).unwrap())
    };
    let (text, error) = probes("[[bus]]\nkind = \"kernel\"\nroot = \"/nowhere\"\n");
    assert!(error.contains("dtoverlay=w1-gpio"), "{error}");
    assert!(text.contains("No probe was found: a bus is not working"), "{text}");
    let tree = Tree::new();
    let (text, error) = probes(&tree.bus());
    assert!(text.contains("7 probes on 1 bus") && error.is_empty(), "{text}{error}");
    let (_, error) = probes("[[bus]]\nkind = \"gpio\"\nchip = \"/nowhere/gpiochip0\"\n");
    assert!(error.contains("cannot open /nowhere/gpiochip0"), "{error}");
    let (_, error) = probes("[[bus]]\nkind = \"owserver\"\naddress = \"127.0.0.1:1\"\n");
    assert!(error.contains("the owserver at 127.0.0.1:1 does not answer"), "{error}");
}

#[test]
fn what_cannot_be_measured_in_ice_is_said_before_anybody_waits() {
    let tree = Tree::new();
    let points = TWO_FRIDGES.replace(
        "name = \"Freezer\"",
        "name = \"Freezer\"\ncalibration = { points = [{ shows = 0.4, is = 0 }, { shows = 22.1, is = 21.5 }] }",
    );
    let service = Service::start(&format!("{}{points}", tree.bus()));
    let other = service.folder.path().join("other.toml");
    fs::copy(service.config(), &other).unwrap();
    for (words, said) in [
        (&["calibrate"][..], "nothing has been measured since the gateway started"),
        (&["calibrate", "ice"], "Which fridge?"),
        (&["calibrate", "mlkk", "ice"], "No fridge has that name"),
        (&["calibrate", "freezer", "ice"], "Freezer has a calibration of two points"),
    ] {
        let refused = service.run(words);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && error.contains(said), "{words:?}: {error}");
    }
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_fridge"));
    elsewhere.args(["calibrate", "milk", "ice", "--config"]).arg(&other);
    let refused = elsewhere.arg("--socket").arg(service.folder.path().join("fridge.sock")).output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("the gateway that answers uses another file"), "{error}");
    let answer = service.json(&["ask", "calibrate"]);
    assert!(
        answer["calibrations"].as_array().unwrap().iter().all(|row| row["ice_point"].is_null()),
        "{answer:#}"
    );
}

#[test]
fn a_calibration_of_over_a_year_ago_is_a_warning_of_the_doctors() {
    let tree = Tree::new();
    let dated = |date: &str| {
        let calibration = format!("calibration = {{ offset = -0.4, date = \"{date}\" }}\nname = \"Freezer\"");
        TWO_FRIDGES.replace("name = \"Freezer\"", &calibration)
    };
    for (date, id) in [("2020-03-14", "calibration-due"), ("2999-03-14", "calibration-due"), ("", "")] {
        // Whatever the time zone, that was not today.
        let lately =
            (jiff::Timestamp::now() - Duration::from_secs(2 * 86_400)).strftime("%Y-%m-%d").to_string();
        let date = if date.is_empty() { &lately } else { date };
        let service = Service::start(&format!("{}{}", tree.bus(), dated(date)));
        let findings: serde_json::Value =
            serde_json::from_str(&stdout(&service.run(&["doctor", "--json"]))).unwrap();
        let found = findings.as_array().unwrap().iter().find(|finding| finding["about"] == "calibration");
        assert_eq!(found.unwrap()["id"].as_str().unwrap_or_default(), id, "{date}: {found:?}");
    }
}

#[test]
#[ignore = "three minutes: a probe has to be steady for so long"]
fn a_probe_in_ice_is_measured_and_what_corrects_it_is_written() {
    let tree = Tree::new();
    let service = Service::start(&format!("{}{TWO_FRIDGES}", tree.bus()));
    service.until(&["status"], |answer| row(&answer["fridges"], "name", "Milk")["verdict"] == "in_range");
    let before = fs::read_to_string(service.config()).unwrap();
    let measuring = service.command(&["calibrate", "milk", "ice"]).stdout(Stdio::piped()).spawn().unwrap();
    service.until(&["ask", "calibrate", "milk"], |answer| {
        answer["calibrations"][0]["ice_point"]["raw_celsius"] == 4.1875
    });
    tree.set(MILK, 7);
    let done = measuring.wait_with_output().unwrap();
    let said = stdout(&done);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("Milk: shows 0.44 °C in ice, corrected to 0.00 °C (offset −0.44 °C, "), "{said}");
    let after = fs::read_to_string(service.config()).unwrap();
    let added = after.lines().find(|line| line.starts_with("calibration = { offset = -0.44, date = \"20"));
    assert_eq!(after.replace(&format!("{}\n", added.unwrap()), ""), before);
    service.hang_up();
    service.until(&["status"], |answer| row(&answer["fridges"], "name", "Milk")["celsius"] == 0.0);
}
