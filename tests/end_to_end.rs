//! The whole gateway as a person meets it: the program is started, asked over TLS and over its
//! socket, and ended.

use std::path::Path;
use std::process::{Command, Output};

mod gateway;
use gateway::{Client, Demo, TOKEN};

fn fridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fridge")).args(arguments).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_demo_answers_over_tls_and_in_the_shell_and_ends_on_sigterm() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    let text = client.ask_until("fridge status", |text| text.contains("2 of 6 need a look"));
    assert!(text.contains("Freezer 1 \u{2212}") && text.contains("(limit \u{2212}15 °C)"), "{text}");
    assert!(text.contains("no answer from the probe"), "{text}");
    assert!(text.lines().next().unwrap().ends_with("(simulated)"), "{text}");
    assert!(client.ask("fridge status milk").contains(" Milk: "), "a name is enough");

    let health = client.send(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n");
    assert_eq!(health.status, 200, "{health:?}");
    assert!(health.body.contains("simulated") && !health.body.contains("Milk"), "{}", health.body);
    assert!(health.body.contains("\"status\":\"degraded\""), "one of its probes is silent: {}", health.body);

    let socket = demo.socket.to_str().unwrap().to_owned();
    let shell = fridge(&["status", "--socket", &socket]);
    assert!(stdout(&shell).contains("2 of 6 need a look") && !stdout(&shell).contains('|'), "{shell:?}");
    let json = fridge(&["status", "milk", "--json", "--socket", &socket]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["fridges"][0]["name"], "Milk");
    let probes = fridge(&["probes", "--socket", &socket]);
    assert!(stdout(&probes).contains("28-000000000001"), "{probes:?}");

    let folder = demo.certificate.parent().unwrap().to_owned();
    assert!(folder.exists());
    assert_eq!(demo.end("TERM"), Some(0));
    assert!(!folder.exists(), "a temporary folder goes with its demo");
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_nothing() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    assert!(log.read_line(&mut line).unwrap() > 0, "as `fridge demo 2>&1 | head -1` reads it");
    drop(log);
    let mut banner = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let socket = banner.find_map(|line| Some(line.split_once("--socket ")?.1.trim().to_owned())).unwrap();
    drop(banner);
    assert!(fridge(&["status", "--socket", &socket]).status.success());
    // The terminal closes: each of its lines about the end finds no reader, and the keys must go.
    assert!(Command::new("kill").args(["-s", "HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&socket).parent().unwrap().exists(), "keys and token are left behind");
}

/// Starts a gateway of one simulated fridge, and waits until it answers in the shell; returns its socket.
fn serve_quietly(folder: &Path, change: impl FnOnce(&mut Command)) -> (Running, String) {
    let config = folder.join("fridge.toml");
    std::fs::write(&config, SMALLEST).unwrap();
    let socket = folder.join("fridge.sock").to_str().unwrap().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fridge"));
    command.args(["serve", "--socket", &socket, "--config"]).arg(&config);
    command.arg("--state").arg(folder.join("state"));
    change(&mut command);
    let child = Running(command.spawn().unwrap());
    let deadline = std::time::Instant::now() + gateway::PATIENCE;
    while !fridge(&["status", "--socket", &socket]).status.success() {
        assert!(std::time::Instant::now() < deadline, "no answer");
    }
    (child, socket)
}

/// A program that runs; it is killed when dropped.
struct Running(std::process::Child);

impl Running {
    fn ends_when_told(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn a_log_into_a_pipe_that_is_full_makes_nobody_wait() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let (_unread, mut full) = std::io::pipe().unwrap();
    // As many bytes as a pipe holds on Linux: the next one waits for a reader.
    full.write_all(&[b'x'; 64 * 1024]).unwrap();
    let (child, socket) = serve_quietly(folder.path(), |command| {
        command.stderr(full);
    });
    for _ in 0..20 {
        assert!(fridge(&["status", "--socket", &socket]).status.success());
    }
    child.ends_when_told();
}

#[test]
fn what_a_bus_says_reaches_the_log_without_its_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let config = folder.path().join("escapes.toml");
    let bus = "[[bus]]\nkind = \"kernel\"\nroot = \"/nowhere/\\u001b[31mred\\u0007\"\n";
    std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{bus}")).unwrap();
    let _running = Running(
        Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(["serve", "--config"])
            .arg(&config)
            .arg("--state")
            .arg(folder.path().join("state"))
            .arg("--socket")
            .arg(folder.path().join("socket"))
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap(),
    );
    let deadline = std::time::Instant::now() + gateway::PATIENCE;
    loop {
        let said = std::fs::read(&log).unwrap();
        assert!(
            said.iter().all(|byte| *byte == b'\n' || *byte >= b' '),
            "{}",
            String::from_utf8_lossy(&said).escape_debug()
        );
        if String::from_utf8_lossy(&said).contains("red") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn a_service_manager_that_reads_nothing_makes_nobody_wait() {
    use std::os::unix::net::UnixDatagram;
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("notify");
    let _unread = UnixDatagram::bind(&address).unwrap();
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"X=1", &address).is_ok() {}
    let (child, socket) = serve_quietly(folder.path(), |command| {
        command.env("NOTIFY_SOCKET", &address).env("WATCHDOG_USEC", "200000");
        command.stderr(std::process::Stdio::null());
    });
    for _ in 0..20 {
        assert!(fridge(&["status", "--socket", &socket]).status.success());
    }
    child.ends_when_told();
}

#[test]
fn the_demos_token_may_come_by_the_environment_where_no_list_of_processes_shows_it() {
    use std::io::{BufRead, BufReader};
    let mut child = Running(
        Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("FRIDGE_TOKEN", gateway::TOKEN)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut banner = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(banner.any(|line| line.contains(gateway::TOKEN)), "it is the one of the example");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.0.id())).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(gateway::TOKEN));
    child.ends_when_told();
}

#[test]
fn nothing_of_a_users_is_removed_or_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    std::fs::write(&config, SMALLEST).unwrap();
    let (folder, config) = (folder.path().to_str().unwrap(), config.to_str().unwrap());
    let state = format!("{folder}/state");
    let serve = fridge(&["serve", "--config", config, "--state", &state, "--socket", config]);
    let said = String::from_utf8(serve.stderr).unwrap();
    assert!(serve.status.code() == Some(1) && said.contains("is not a socket, and is left alone"), "{said}");
    let demo = fridge(&["demo", "--listen", "127.0.0.1:0", "--state", folder]);
    let said = String::from_utf8(demo.stderr).unwrap();
    assert!(demo.status.code() == Some(1) && said.contains("another folder with --state"), "{said}");
    assert_eq!(std::fs::read_to_string(config).unwrap(), SMALLEST);
}

#[test]
fn what_demo_writes_is_a_configuration_that_serve_runs_and_check_praises() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let demo = Demo::start(&["--state", state, "--probes", "2"]);
    assert_eq!(demo.end("INT"), Some(0));
    // `end` has dropped the demo and with it the folder's certificate; the next start makes another.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    std::fs::write(&config, SMALLEST).unwrap();
    let config = config.to_str().unwrap();
    let check = fridge(&["check", "--config", config]);
    assert!(check.status.success() && stdout(&check).contains("OK (1 hook, 1 bus, 1 fridge)"), "{check:?}");

    let none = folder.path().join("nobody.sock");
    let probes = fridge(&["probes", "--config", config, "--socket", none.to_str().unwrap()]);
    assert!(stdout(&probes).contains("2 probes on 1 bus, 1 without a fridge"), "{probes:?}");
}

const SMALLEST: &str = r#"
listen = "127.0.0.1:0"

[[hook]]
token = "kt6ysz1apb8zfnigx5c7hm3erw"

[[bus]]
kind = "simulated"
probes = 2

[[fridge]]
name = "Milk"
probe = "28-000000000001"
limits = { max = 8 }
"#;

#[test]
fn the_demo_has_buttons_where_it_knows_how_it_is_reached() {
    let demo = Demo::start(&["--url", "https://fridge.example.org:4443/"]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("2 of 6"));
    let form = [("text", "fridge"), ("token", TOKEN), ("channel_id", "c")];
    let answer = client.post_form("/webhook", &form).body;
    assert!(answer.contains("\"https://fridge.example.org:4443/action\""), "{answer}");
}

#[test]
fn a_wrong_configuration_ends_with_status_78_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    std::fs::write(&config, SMALLEST.replace("listen", "lisen")).unwrap();
    for command in ["serve", "check"] {
        let output = fridge(&[command, "--config", config.to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{error}");
        assert!(error.contains("line 2") && error.contains("lisen") && error.contains("listen"), "{error}");
    }
    let missing = fridge(&["serve", "--config", "/nowhere/fridge.toml"]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("/nowhere/fridge.toml"));
}

#[test]
fn a_port_in_use_is_one_error_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = fridge(&["demo", "--listen", &address]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&address) && error.contains("in use"), "{error}");
}

#[test]
fn a_recording_is_replayed_and_a_broken_line_in_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("log.csv");
    std::fs::write(&recording, "2026-01-01 00:00:00,4.5\n2026-01-01 01:00:00,4.5\n").unwrap();
    let demo = Demo::start(&["--replay", recording.to_str().unwrap()]);
    let text = Client::connect(&demo).ask_until("fridge status", |text| text.contains("No limits set"));
    assert!(text.contains("4.5 °C"), "{text}");
    drop(demo);

    std::fs::write(&recording, "2026-01-01 00:00:00,4.5\nyesterday,warm\n").unwrap();
    let output = fridge(&["demo", "--listen", "127.0.0.1:0", "--replay", recording.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("log.csv") && error.contains("line 2"), "{error}");
}

#[test]
fn a_replayed_85_degrees_is_a_probe_that_lost_its_power() {
    let recording =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/etinkers_ds18b20_10min_2017.log");
    let text = std::fs::read_to_string(recording).unwrap();
    let reset = text.lines().position(|line| line.ends_with(" 85000")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let from_there = folder.path().join("log");
    // The recording from its first false 85 °C on, and only that line: in force for all of the test.
    std::fs::write(&from_there, text.lines().nth(reset).unwrap()).unwrap();
    let demo = Demo::start(&["--replay", from_there.to_str().unwrap()]);
    let said = Client::connect(&demo).ask_until("fridge status", |text| text.contains("lost its power"));
    assert!(said.contains("1 of 1 needs a look") && !said.contains("85"), "{said}");
}

#[test]
fn a_question_tells_by_its_exit_status_whether_it_was_understood_and_how_the_fridges_are() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("2 of 6 need a look"));
    let socket = demo.socket.to_str().unwrap();
    for (words, status) in [
        (&["status"][..], 0),
        (&["status", "nosuch"], 1),
        (&["ask", "dance"], 1),
        (&["ask", "snooze", "milk"], 1),
        (&["status", "--exit-code"], 2),
        (&["status", "milk", "--exit-code"], 0),
        (&["status", "meat", "--exit-code"], 1),
        (&["status", "nosuch", "--exit-code"], 3),
    ] {
        let output = fridge(&[words, &["--socket", socket]].concat());
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    }
    let nobody = fridge(&["status", "--exit-code", "--socket", "/nonexistent/socket"]);
    assert_eq!(nobody.status.code(), Some(3), "no gateway is no fridge that needs a look: {nobody:?}");
    let hint = fridge(&["worst"]);
    assert!(String::from_utf8_lossy(&hint.stderr).contains("fridge ask worst"), "{hint:?}");
}

#[test]
fn the_doctor_tells_by_its_exit_status_how_bad_it_is() {
    let demo = Demo::start(&[]);
    let mut client = Client::connect(&demo);
    client.ask_until("fridge status", |text| text.contains("2 of 6"));
    let socket = demo.socket.to_str().unwrap();
    let well = fridge(&["doctor", "--socket", socket]);
    assert_eq!(well.status.code(), Some(2), "one of the demo's fridges has no value: {well:?}");
    for line in [
        "gateway: version",
        "is OK",
        "is valid until",
        "answering on 127.0.0.1",
        "6 probes, last sweep",
        "by demo",
    ] {
        assert!(stdout(&well).contains(line), "`{line}` is not in {}", stdout(&well));
    }
    let json = fridge(&["doctor", "--json", "--socket", socket]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let wrong: Vec<_> = json.as_array().unwrap().iter().filter(|finding| finding["level"] != "ok").collect();
    let [fridge_without_value] = wrong[..] else { panic!("{json:#}") };
    assert_eq!(fridge_without_value["id"], "fridge-without-value");
    assert!(fridge_without_value["text"].as_str().unwrap().starts_with("Meat: no answer"), "{json:#}");

    client.post_form("/webhook", &[("text", "fridge"), ("token", "wrong")]);
    let refused = fridge(&["doctor", "--socket", socket]);
    assert!(stdout(&refused).contains("1 rejected: wrong token"), "{}", stdout(&refused));

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    std::fs::write(&config, "listen = 1\n").unwrap();
    let nobody = folder.path().join("nobody.sock");
    let broken =
        fridge(&["doctor", "--config", config.to_str().unwrap(), "--socket", nobody.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    assert!(stdout(&broken).contains("line 1") && stdout(&broken).contains("fridge check"));
}

#[test]
fn cert_makes_one_certificate_and_then_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fridge.toml");
    std::fs::write(&config, SMALLEST).unwrap();
    let state = folder.path().join("state");
    let cert = || {
        let output = fridge(&[
            "cert",
            "--json",
            "--config",
            config.to_str().unwrap(),
            "--state",
            state.to_str().unwrap(),
        ]);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let made = cert();
    assert_eq!(made["is_ca"], false);
    assert!(made["names"].as_array().unwrap().iter().any(|name| name == "localhost"));
    assert_eq!(cert(), made, "the second call shows what the first one made");
}

#[test]
fn a_new_certificate_is_served_by_itself_and_the_old_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&["--state", folder.path().to_str().unwrap()]);
    let first = std::fs::read(&demo.certificate).unwrap();
    let config = folder.path().join("fridge.toml");
    let arguments = ["--config", config.to_str().unwrap(), "--state", folder.path().to_str().unwrap()];
    let output = fridge(&[&["cert", "--new", "--name", "fridge.lan", "192.0.2.7"][..], &arguments].concat());
    let said = stdout(&output);
    assert!(output.status.success() && said.contains("fridge.lan, 192.0.2.7,"), "{output:?}");
    assert!(
        said.contains("must trust it before it accepts the gateway again") && said.contains("SSL_CERT_DIR="),
        "{said}"
    );
    assert_eq!(std::fs::read(folder.path().join("certificate.pem.old")).unwrap(), first);
    let deadline = std::time::Instant::now() + gateway::PATIENCE;
    while !Client::is_served(demo.address, &demo.certificate) {
        assert!(std::time::Instant::now() < deadline, "the new one is never served");
    }
}

#[test]
fn init_writes_what_check_praises_and_never_a_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("etc/fridge.toml");
    let state = folder.path().join("state");
    let arguments = ["--config", config.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let init = || fridge(&[&["init"][..], &arguments].concat());
    let first = init();
    assert!(first.status.success(), "{first:?}");
    for part in ["Written:", "AllowedUntrustedInternalConnections", "/webhook", "SHA-256"] {
        assert!(stdout(&first).contains(part), "`{part}` is not in {}", stdout(&first));
    }
    let check = fridge(&["check", "--config", config.to_str().unwrap()]);
    assert!(check.status.success() && stdout(&check).contains(": OK ("), "{check:?}");
    assert!(state.join("certificate.pem").exists());

    let written = std::fs::read(&config).unwrap();
    let second = init();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains("nothing was changed"));
    assert_eq!(std::fs::read(&config).unwrap(), written);
}

#[test]
fn the_token_is_nowhere_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .args(["demo", "--listen", "127.0.0.1:0", "--token", TOKEN])
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let written = || std::fs::read_to_string(&log).unwrap();
    let deadline = std::time::Instant::now() + gateway::PATIENCE;
    while !written().contains("answering on") {
        assert!(std::time::Instant::now() < deadline, "{}", written());
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill {pid}")]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(written().contains("ended") && !written().contains(TOKEN));
}

#[test]
fn no_gateway_no_answer_but_a_cure() {
    let output = fridge(&["status", "--socket", "/nowhere/fridge.sock"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("fridge serve"));
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn help_teaches_and_man_page_and_completions_come_from_it() {
    let help = stdout(&fridge(&["--help"]));
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for word in ["serve", "demo", "ask", "status", "probes", "check", "doctor", "cert"] {
        assert!(help.contains(&format!("\n  {word} ")), "{help}");
        assert!(readme.contains(&format!("\n| `fridge {word}")), "the README's table has no `fridge {word}`");
        assert!(fridge(&[word, "--help"]).status.success());
    }
    assert!(stdout(&fridge(&["man"])).contains(".TH fridge"));
    assert!(stdout(&fridge(&["completions", "bash"])).contains("_fridge"));
    assert_eq!(fridge(&["stauts"]).status.code(), Some(1));
}
