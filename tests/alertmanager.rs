//! Messages to a real Alertmanager: it takes them, shows an alert for each alarm, and lets go of one that is over.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

mod serve;
use serve::{PATIENCE, Service, WARM_FREEZER};

/// A running Alertmanager that tells nobody. It is killed when dropped.
struct Alertmanager {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    fn start() -> Alertmanager {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("alertmanager.yml");
        std::fs::write(&config, "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n").unwrap();
        // The port is free when the listener goes.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's prometheus-alertmanager is installed");
        let alertmanager = Alertmanager { child, address, _folder: folder };
        alertmanager.until(|alerts| alerts.is_some());
        alertmanager
    }

    /// The alerts that are active; `None` while it does not answer.
    fn alerts(&self) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.write_all(b"GET /api/v2/alerts HTTP/1.0\r\nHost: alertmanager\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    fn until(&self, wanted: impl Fn(Option<&Value>) -> bool) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let alerts = self.alerts();
            if wanted(alerts.as_ref()) {
                return alerts;
            }
            assert!(Instant::now() < deadline, "still: {alerts:?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn of_fridge(alerts: Option<&Value>) -> Vec<&Value> {
    let alerts = alerts.and_then(Value::as_array).into_iter().flatten();
    alerts.filter(|alert| alert["labels"]["alertname"] == "FridgeTooWarm").collect()
}

#[test]
#[ignore = "needs Debian's prometheus-alertmanager"]
fn a_real_alertmanager_shows_an_alarm_until_it_is_over() {
    let alertmanager = Alertmanager::start();
    let service = Service::start(&format!(
        "name = \"Kitchen\"
{WARM_FREEZER}[[notify]]
kind = \"http\"
format = \"alertmanager\"
url = \"http://{}/api/v2/alerts\"
",
        alertmanager.address
    ));
    let alerts = alertmanager.until(|alerts| !of_fridge(alerts).is_empty());
    let shown = of_fridge(alerts.as_ref());
    let critical = shown.iter().find(|alert| alert["labels"]["severity"] == "critical").expect("urgent");
    assert_eq!(critical["labels"]["fridge"], "freezer");
    assert_eq!(critical["labels"]["gateway"], "Kitchen");
    assert!(critical["annotations"]["summary"].as_str().unwrap().contains("Freezer (#1) is too warm"));
    assert_eq!(critical["status"]["state"], "active");

    let config = std::fs::read_to_string(service.config()).unwrap();
    let config = config.replace("max = -18", "max = 6").replace("limit = -17.5", "limit = 7");
    std::fs::write(service.config(), config).unwrap();
    service.hang_up();
    alertmanager.until(|alerts| alerts.is_some() && of_fridge(alerts).is_empty());
}
