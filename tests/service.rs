//! The gateway under systemd, played by the tests: its messages, its watchdog, and the listening socket that
//! outlives it.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

mod gateway;
mod supervisor;
use gateway::{Client, PATIENCE, TOKEN};
use supervisor::{Supervisor, configuration, socket_and_configuration};

#[test]
fn it_says_when_it_is_ready_and_when_it_ends_and_has_its_socket_kept() {
    let supervisor = Supervisor::new(&configuration("\"127.0.0.1:0\"", "", ""));
    let service = supervisor.spawn(None, &[]);
    let kept = supervisor.next().unwrap();
    assert!(kept.starts_with("FDSTORE=1\nFDNAME=https-127.0.0.1_"), "{kept}");
    let ready = supervisor.next().unwrap();
    assert!(ready.starts_with("READY=1\nSTATUS=answering on https://127.0.0.1:"), "{ready}");
    service.signal("TERM");
    assert!(supervisor.next().unwrap().starts_with("STOPPING=1\n"));
    assert_eq!(service.wait(), Some(0));
}

#[test]
fn what_systemd_kept_and_nobody_wants_is_given_back() {
    let supervisor = Supervisor::new(&configuration("\"127.0.0.1:0\"", "", ""));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let service = supervisor.spawn(Some(&other), &[]);
    assert!(supervisor.next().unwrap().starts_with("FDSTORE=1\n"));
    assert_eq!(supervisor.next().unwrap(), "FDSTOREREMOVE=1\nFDNAME=any\n");
    supervisor.wait_for("READY=1");
    drop(service);
}

#[test]
fn a_restart_refuses_nobody() {
    let (socket, configuration) = socket_and_configuration("");
    let supervisor = Supervisor::new(&configuration);
    let service = supervisor.start(&socket, &[]);
    assert!(service.connect().ask("fridge help").contains("status"));
    let (address, certificate) = (service.address, supervisor.path("state").join("certificate.pem"));
    service.signal("TERM");
    assert_eq!(service.wait(), Some(0));

    // Nobody is there now, and whoever comes has to wait, no longer than Mattermost does.
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let certificate = certificate.clone();
            std::thread::spawn(move || Client::to(address, &certificate).ask("fridge help"))
        })
        .collect();
    let again = supervisor.start(&socket, &[]);
    for asked in waiting {
        assert!(asked.join().unwrap().contains("status"), "an answer");
    }
    assert!(again.log().contains("answering on"));
}

#[test]
fn who_was_let_in_just_before_the_end_still_gets_an_answer() {
    let (socket, configuration) = socket_and_configuration("");
    let supervisor = Supervisor::new(&configuration);
    let service = supervisor.start(&socket, &[]);
    let mut late = service.connect();
    late.handshake();
    // It has been let in once a later one was answered.
    service.connect().ask("fridge help");
    service.signal("TERM");
    supervisor.wait_for("STOPPING=1");
    let answer = late.post_form("/webhook", &[("text", "fridge help"), ("token", TOKEN)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    late.until_closed();
    assert_eq!(service.wait(), Some(0));
}

#[test]
fn the_watchdog_is_fed_whatever_the_caps_and_the_buses_and_no_question_is_counted() {
    let more = "allow = [\"192.0.2.1\"]";
    let (socket, configuration) = socket_and_configuration(more);
    let hangs = "[[bus]]\nkind = \"owserver\"\nname = \"nobody\"\naddress = \"127.0.0.1:1\"\n";
    let supervisor = Supervisor::new(&format!("{configuration}{hangs}"));
    let service = supervisor.start(&socket, &[("WATCHDOG_USEC", "2000000")]);
    // All the places of this address.
    let crowd: Vec<_> = (0..32).map(|_| std::net::TcpStream::connect(service.address).unwrap()).collect();
    for _ in 0..5 {
        supervisor.wait_for("WATCHDOG=1");
    }
    drop(crowd);
    let doctor = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["ask", "about", "--json", "--socket"])
        .arg(supervisor.path("fridge.sock"))
        .output()
        .unwrap();
    let about: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(about["about"]["asked"], 1, "this one: {about}");
    assert!(!service.log().contains("the self-check fails"), "{}", service.log());
}

#[test]
fn a_stopped_program_is_fed_no_more() {
    let (socket, configuration) = socket_and_configuration("");
    let supervisor = Supervisor::new(&configuration);
    let service = supervisor.start(&socket, &[("WATCHDOG_USEC", "400000")]);
    supervisor.wait_for("WATCHDOG=1");
    service.signal("STOP");
    // What was on its way arrives; then nothing does.
    while supervisor.receives_within("WATCHDOG=1", Duration::from_secs(1)) {}
    service.signal("CONT");
    assert!(supervisor.receives_within("WATCHDOG=1", PATIENCE));
}

#[test]
fn on_a_set_up_that_works_the_doctor_finds_everything_as_it_should_be() {
    let (socket, _) = socket_and_configuration("");
    let address = socket.local_addr().unwrap();
    let url = format!("url = \"https://{address}\"");
    let supervisor = Supervisor::new(&configuration(&format!("\"{address}\""), &url, ""));
    let service = supervisor.start(&socket, &[]);
    service.connect().ask_until("fridge status", |text| text.contains("in range"));
    let doctor = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["doctor", "--json", "--socket"])
        .arg(supervisor.path("fridge.sock"))
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let said = format!("{found:#}");
    assert!(said.contains("its certificate is the gateway's own, as expected"), "{said}");
    // The machine itself may be hot or short of room.
    let of_machine = ["disk", "heat", "supply", "clock", "service", "package", "1-Wire"];
    for finding in found.as_array().unwrap() {
        let is_machines = of_machine.contains(&finding["about"].as_str().unwrap());
        assert!(is_machines || finding["level"] == "ok", "{finding:#}");
    }
}

/// Only a debug build knows the word.
#[cfg(debug_assertions)]
#[test]
fn a_deadlock_ends_the_pings_and_the_log_says_why() {
    let (socket, configuration) = socket_and_configuration("");
    let supervisor = Supervisor::new(&configuration);
    let service = supervisor.start(&socket, &[("WATCHDOG_USEC", "2000000")]);
    supervisor.wait_for("WATCHDOG=1");
    let ask = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["ask", "deadlock", "--json", "--socket"])
        .arg(supervisor.path("fridge.sock"))
        .output()
        .unwrap();
    assert!(ask.status.success(), "{ask:?}");
    service.logs("the self-check fails: nothing within");
    while supervisor.receives_within("WATCHDOG=1", Duration::from_secs(3)) {}
    assert_eq!(service.log().matches("the self-check fails").count(), 1);
}
