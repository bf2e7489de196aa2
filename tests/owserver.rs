//! Debian's `owserver` with simulated probes: found and read through it, faults while it is gone, and readings
//! again when it is back, without a restart of ours.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Instant;

mod serve;
use serve::{PATIENCE, Service, row};

/// A running owserver; killed when dropped.
struct Owserver(Child);

impl Owserver {
    /// Starts one with three probes, whose values it draws anew for each reading between 4 and 5 °C, and
    /// waits until it listens.
    fn start(port: u16) -> Owserver {
        let started = Command::new("owserver")
            .args(["--fake=28,28,10", "--temperature_low=4", "--temperature_high=5", "--foreground"])
            .args(["-p", &format!("127.0.0.1:{port}")])
            .spawn();
        let owserver = Owserver(started.expect("Debian's package owserver is installed"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "owserver does not listen on {port}");
        }
        owserver
    }
}

impl Drop for Owserver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
#[ignore = "needs Debian's owserver; .ci/run installs it"]
fn its_probes_are_read_and_come_back_after_it_was_gone() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let owserver = Owserver::start(port);
    let service = Service::start(&format!(
        "[[bus]]\nkind = \"owserver\"\naddress = \"127.0.0.1:{port}\"\nperiod = \"100ms\"\n"
    ));
    let all_read = |answer: &serde_json::Value| {
        let rows = answer["probes"].as_array().expect("a list");
        let is_read = |row: &serde_json::Value| {
            row["celsius"].as_f64().is_some_and(|celsius| (4.0..=5.0).contains(&celsius))
        };
        rows.len() == 3 && rows.iter().all(is_read)
    };
    let answer = service.until(&["probes"], all_read);
    let families = |family: &str| {
        let rows = answer["probes"].as_array().expect("a list").iter();
        rows.filter(|row| row["probe"].as_str().is_some_and(|probe| probe.starts_with(family))).count()
    };
    assert_eq!((families("28-"), families("10-")), (2, 1));
    let one = answer["probes"][0]["probe"].as_str().unwrap().to_owned();

    drop(owserver);
    service.until(&["probes"], |answer| row(&answer["probes"], "probe", &one)["fault"] == "bus");
    let text = serve::stdout(&service.run(&["probes"]));
    assert!(text.contains("bus not working for "), "with a since-when: {text}");
    let _again = Owserver::start(port);
    service.until(&["probes"], all_read);
}
