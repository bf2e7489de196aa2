//! What the program starts with: a configuration that was left half-edited, a state folder that is not as it should
//! be, a certificate that cannot be used.

use std::process::{Command, Output};

mod serve;
use serve::{Service, stdout};

const SIMULATED: &str = "[[bus]]\nkind = \"simulated\"\nprobes = 1\n\
    [[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\nlimits = { max = 20 }\n";

fn fridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fridge")).args(arguments).output().expect("it runs")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_half_edited_configuration_and_a_power_cut_leave_the_last_good_one_in_use_and_everybody_is_told() {
    let service = Service::start(SIMULATED);
    service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    let (file, kept) = (service.config(), service.config().with_file_name("state").join("last-good.toml"));
    let deadline = std::time::Instant::now() + serve::PATIENCE;
    while !kept.exists() {
        assert!(std::time::Instant::now() < deadline, "it is kept");
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600, "it may hold tokens");

    let good = std::fs::read_to_string(&file).unwrap();
    let half = good.replace("limits = { max = 20 }", "limits = { max = 2");
    let service = service.killed_and_started_after(|| std::fs::write(&file, &half).unwrap());
    service.until(&["status"], |answer| answer["fridges"][0]["limits"]["max"] == 20.0);
    let doctor = stdout(&service.run(&["doctor"]));
    assert!(
        doctor.contains("[configuration-wrong]") && doctor.contains("line 8: `limits`: a brace is missing"),
        "{doctor}"
    );
    // Mended, it is read again; and another file's is not taken.
    std::fs::write(&file, good.replace("max = 20", "max = 21")).unwrap();
    service.hang_up();
    service.until(&["status"], |answer| answer["fridges"][0]["limits"]["max"] == 21.0);
    let other = file.with_file_name("other.toml");
    std::fs::write(&other, &half).unwrap();
    let state = kept.parent().unwrap();
    let refused = fridge(&["serve", "--config", other.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");
}

#[test]
fn check_looks_at_the_certificate_as_the_start_does_and_both_end_with_78() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fridge.toml");
    let text = format!("listen = \"127.0.0.1:0\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n{SIMULATED}");
    std::fs::write(&file, text).unwrap();
    let (config, state) = (file.to_str().unwrap(), folder.path().join("state"));
    for command in ["check", "serve"] {
        let refused = fridge(&[command, "--config", config, "--state", state.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(78), "{command}: {refused:?}");
        assert!(error(&refused).contains("c.pem"), "{refused:?}");
    }
}

#[test]
fn a_folder_where_the_key_of_the_buttons_should_be_costs_the_buttons_and_nothing_else() {
    let service = Service::start(SIMULATED);
    let key = service.config().with_file_name("state").join("button.key");
    let service = service.killed_and_started_after(|| {
        std::fs::remove_file(&key).unwrap();
        std::fs::create_dir(&key).unwrap();
    });
    service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    assert!(key.is_dir(), "it is left alone");
}

#[test]
fn a_time_zone_that_the_machine_does_not_know_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fridge.toml");
    std::fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{SIMULATED}")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["serve", "--config", file.to_str().unwrap(), "--state"])
        .arg(folder.path().join("state"))
        .arg("--socket")
        .arg(folder.path().join("socket"))
        .env("TZ", "Nowhere/Town")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(log).map_while(Result::ok);
    assert!(lines.any(|line| line.contains("unknown time zone, `Nowhere/Town`")));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_mistake_in_an_option_of_the_demo_names_the_option_and_no_file() {
    for (option, value) in [("--url", "http://192.168.1.50"), ("--period", "soon"), ("--speed", "0")] {
        let refused = fridge(&["demo", "--listen", "127.0.0.1:0", option, value]);
        let said = error(&refused);
        assert!(
            !refused.status.success() && said.contains(option) && !said.contains("fridge.toml"),
            "{said}"
        );
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named_with_the_cure() {
    let refused = fridge(&["cert", "--state", "/proc/x"]);
    let said = error(&refused);
    assert!(said.contains("/proc/x") && said.contains("choose another with --state"), "{said}");
}
