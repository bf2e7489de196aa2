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
    assert!(doctor.contains("the gateway runs on the last good one"), "{doctor}");
    let about = service.json(&["ask", "about"]);
    assert!(about["about"]["last_good_configuration"] == true, "{about}");
    assert!(stdout(&service.run(&["ask", "about"])).contains("the last good one is in use"));
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
    let both_refuse = |words: &str| {
        for command in ["check", "serve"] {
            let refused = fridge(&[command, "--config", config, "--state", state.to_str().unwrap()]);
            assert_eq!(refused.status.code(), Some(78), "{command}: {refused:?}");
            assert!(error(&refused).contains(words), "{words}: {refused:?}");
        }
    };
    both_refuse("c.pem");
    // A key of another certificate; a key that only a passphrase opens; what holds neither.
    let pair = |name: &str| {
        let folder = folder.path().join(name);
        assert!(fridge(&["cert", "--state", folder.to_str().unwrap()]).status.success());
        (folder.join("certificate.pem"), folder.join("key.pem"))
    };
    let ((certificate, key), (_, other_key)) = (pair("one"), pair("other"));
    std::fs::copy(&certificate, folder.path().join("c.pem")).unwrap();
    std::fs::copy(&other_key, folder.path().join("k.pem")).unwrap();
    both_refuse("k.pem");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(folder.path().join("k.pem"), encrypted).unwrap();
    both_refuse("encrypted");
    std::fs::write(folder.path().join("k.pem"), "no key").unwrap();
    both_refuse("k.pem");
    std::fs::copy(&key, folder.path().join("k.pem")).unwrap();
    let good = fridge(&["check", "--config", config, "--state", state.to_str().unwrap()]);
    assert!(good.status.success(), "{good:?}");
}

#[test]
fn check_looks_at_the_gateways_own_certificate_too_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (folder.path().join("fridge.toml"), folder.path().join("state"));
    std::fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{SIMULATED}")).unwrap();
    let check = || fridge(&["check", "--config", file.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    assert!(check().status.success() && !state.exists(), "the start makes one");
    assert!(fridge(&["cert", "--state", state.to_str().unwrap()]).status.success());
    assert!(check().status.success());
    std::fs::rename(state.join("key.pem"), state.join("moved")).unwrap();
    let refused = check();
    assert!(!refused.status.success() && error(&refused).contains("key.pem"), "{refused:?}");
    std::fs::write(state.join("key.pem"), "no key").unwrap();
    let refused = check();
    assert!(!refused.status.success() && error(&refused).contains("key.pem"), "{refused:?}");
}

#[test]
fn a_fridge_without_limits_is_named_by_check_and_by_the_doctor() {
    let service = Service::start(&SIMULATED.replace("limits = { max = 20 }\n", ""));
    let config = service.config();
    let check = stdout(&fridge(&["check", "--config", config.to_str().unwrap(), "--state", "/nowhere"]));
    let doctor = stdout(&service.run(&["doctor"]));
    for said in [check, doctor] {
        assert!(said.contains("`Milk` has no limits"), "{said}");
    }
}

#[test]
fn what_never_begins_or_ends_keeps_nobody_from_starting_nor_from_ending() {
    let pipe = |path: &std::path::Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let mut service = Service::start(SIMULATED);
    let state = service.config().with_file_name("state");
    // The key of the buttons is a pipe, then a device; the last good configuration is a pipe, too.
    for device in [false, true] {
        service = service.killed_and_started_after(|| {
            for name in ["button.key", "last-good.toml"] {
                drop(std::fs::remove_file(state.join(name)));
            }
            match device {
                true => std::os::unix::fs::symlink("/dev/zero", state.join("button.key")).unwrap(),
                false => pipe(&state.join("button.key")),
            }
            pipe(&state.join("last-good.toml"));
        });
        service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    }
    // The configuration becomes a pipe: the reload fails, everything goes on, and it ends when it is told to.
    let config = service.config();
    std::fs::remove_file(&config).unwrap();
    pipe(&config);
    let pid = service.child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-HUP");
    service.until_logged("it is not a regular file");
    service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    signal("-TERM");
    assert!(service.child.wait().unwrap().success());
}

#[test]
fn what_was_simulated_is_never_told_as_measured() {
    let service = Service::start(SIMULATED);
    let today = |service: &Service| stdout(&service.run(&["ask", "minmax milk today"]));
    service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    assert!(today(&service).contains(" °C"), "{}", today(&service));
    let config = service.config();
    let state = config.with_file_name("state");
    assert!(state.join("simulated/records.db").exists() && !state.join("records.db").exists());
    let devices = config.with_file_name("w1");
    std::fs::create_dir_all(devices.join("devices/w1_bus_master1")).unwrap();
    let real = SIMULATED
        .replace("kind = \"simulated\"\nprobes = 1", &format!("kind = \"kernel\"\nroot = {devices:?}"));
    std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{real}")).unwrap();
    let pid = service.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    service.until_logged("requires a restart");
    service.until(&["ask", "about"], |answer| answer["about"]["last_good_configuration"] == true);
    service.until(&["status"], |answer| answer["fridges"][0]["verdict"] == "in_range");
    // Ended well, so that all of it is on the disk.
    let mut service = service;
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    service.child.wait().unwrap();
    assert!(state.join("simulated/history.db").exists());
    let service = service.killed_and_started();
    for words in ["minmax milk today", "history milk", "report milk today", "minmax milk 7d"] {
        let answer = stdout(&service.run(&["ask", words]));
        assert!(answer.contains("no readings"), "{words}: {answer}");
    }
    let exported =
        fridge(&["export", "--config", config.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    assert_eq!(stdout(&exported).lines().count(), 1, "the heading alone: {exported:?}");
}

/// Starts it in that time zone; returns the first line of its log about time zones, or that it answers.
fn first_word_in(zone: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fridge.toml");
    std::fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{SIMULATED}")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["serve", "--config", file.to_str().unwrap(), "--state"])
        .arg(folder.path().join("state"))
        .arg("--socket")
        .arg(folder.path().join("socket"))
        .env("TZ", zone)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(log).map_while(Result::ok);
    let said = lines.find(|line| line.contains("time zone") || line.contains("answering on https://"));
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

#[test]
fn a_zone_that_is_written_out_is_known_without_a_word() {
    for zone in ["CET-1CEST,M3.5.0,M10.5.0/3", "EST5", "<+03>-3", "Europe/Berlin"] {
        let said = first_word_in(zone);
        assert!(said.as_ref().is_some_and(|line| line.contains("answering on")), "{zone}: {said:?}");
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
    let said = first_word_in("Nowhere/Town");
    assert!(said.as_ref().is_some_and(|line| line.contains("unknown time zone, `Nowhere/Town`")), "{said:?}");
}

#[test]
fn a_mistake_in_an_option_of_the_demo_names_the_option_and_no_file() {
    for (option, value) in [
        ("--url", "http://192.168.1.50"),
        ("--period", "soon"),
        ("--speed", "0"),
        ("--token", "short"),
        ("--notify", "ftp://example.org"),
        ("--replay", "/nowhere.log"),
        ("--unit", "kelvin"),
        ("--listen", "nowhere"),
    ] {
        let mut options = vec!["demo", option, value];
        if option != "--listen" {
            options.extend(["--listen", "127.0.0.1:0"]);
        }
        let refused = fridge(&options);
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
    assert!(
        said.contains("/proc/x")
            && said.contains("choose another with --state")
            && (said.contains("cannot write") || said.contains("cannot make")),
        "{said}"
    );
}
