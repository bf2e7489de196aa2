//! A real Prometheus scrapes the gateway over TLS, trusting its certificate and no other; its tools find nothing wrong with
//! the metrics, the example configuration, the rules and the dashboard's queries.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

mod gateway;
use gateway::{Client, Demo, PATIENCE};

/// A running Prometheus. It is killed when dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/prometheus").join(name)
}

fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian's prometheus is installed");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

impl Prometheus {
    /// Starts it with the example configuration, which asks that demo every second.
    fn start(demo: &Demo) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::copy(&demo.certificate, place("fridge.pem")).unwrap();
        std::fs::copy(document("rules.yml"), place("rules.yml")).unwrap();
        let config = std::fs::read_to_string(document("scrape.yml")).unwrap();
        assert!(config.contains("192.168.1.50:4443") && config.contains("30s"));
        let config = config.replace("192.168.1.50:4443", &demo.address.to_string()).replace("30s", "1s");
        std::fs::write(place("prometheus.yml"), config).unwrap();
        let checked = promtool(&["check", "config", place("prometheus.yml").to_str().unwrap()], "");
        assert!(checked.status.success(), "{checked:?}");
        // The port is free when the listener goes.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", place("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", place("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's prometheus is installed");
        Prometheus { child, address, folder }
    }

    /// What a query says; `None` while it does not answer.
    fn query(&self, query: &str) -> Option<Value> {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: prometheus\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Waits until a query has a result, and returns that.
    fn until_some(&self, query: &str) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.query(query);
            let result = answer.as_ref().and_then(|answer| answer["data"]["result"].as_array());
            if let Some(result) = result.filter(|result| !result.is_empty()) {
                return result.clone();
            }
            assert!(Instant::now() < deadline, "{query}: {answer:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
#[ignore = "needs Debian's prometheus"]
fn a_real_prometheus_reads_everything_over_tls() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    let prometheus = Prometheus::start(&demo);
    assert_eq!(prometheus.until_some("up{job=\"fridge\"} == 1").len(), 1);
    let temperatures = prometheus.until_some("fridge_temperature_celsius");
    assert_eq!(temperatures.len(), 5, "of six, one is silent: {temperatures:?}");
    let silent = prometheus.until_some("fridge_state{state=\"no_answer\"} == 1");
    assert_eq!(silent[0]["metric"]["fridge"], "meat");
    prometheus.until_some("fridge_bus_sweep_duration_seconds_bucket{le=\"+Inf\"} > 0");

    // Each query of the dashboard is one, and most have something to show.
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(document("dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<String> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        // As Grafana replaces its variables.
        .map(|target| {
            target["expr"].as_str().unwrap().replace("$instance", ".*").replace("$__rate_interval", "2m")
        })
        .collect();
    assert!(queries.len() >= 7);
    for query in &queries {
        let answer = prometheus.query(query).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
    }
    assert!(prometheus.folder.path().join("data").exists());
}

#[test]
#[ignore = "needs Debian's prometheus"]
fn prometheus_own_tools_find_nothing_wrong() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |answer| !answer.contains("not measured"));
    client.send(b"GET /nowhere HTTP/1.1\r\nHost: fridge\r\n\r\n");
    let text = client.send(b"GET /metrics HTTP/1.1\r\nHost: fridge\r\n\r\n").body;
    let checked = promtool(&["check", "metrics"], &text);
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    let rules = promtool(&["check", "rules", document("rules.yml").to_str().unwrap()], "");
    let said = String::from_utf8_lossy(&rules.stdout).into_owned();
    assert!(rules.status.success() && said.contains("5 rules found"), "{rules:?}");
}

#[test]
#[ignore = "needs Debian's prometheus, and takes the time of a thousand fridges"]
fn a_scrape_of_a_thousand_fridges_is_quick() {
    let demo = Demo::start(&["--probes", "1000", "--period", "60s"]);
    let mut client = Client::connect(&demo);
    let began = Instant::now();
    while client.ask("fridge status").contains("Nothing measured yet") {
        assert!(began.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = |client: &mut Client| {
        let began = Instant::now();
        let answer = client.send(b"GET /metrics HTTP/1.1\r\nHost: fridge\r\n\r\n");
        assert_eq!(answer.status, 200);
        (began.elapsed(), answer.body.len())
    };
    let mut all: Vec<(Duration, usize)> = (0..20).map(|_| took(&mut client)).collect();
    all.sort();
    println!("a scrape of 1,000 fridges: {:?} in the middle, {} bytes", all[10].0, all[10].1);
}
