//! The doctor of the link: it names the right cause for each way in which Mattermost would not get through,
//! each with a real listener or a real client.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fridge::https::certificate;
use fridge::https::tls::Files;

mod gateway;
mod served;
use gateway::{Client, Demo, copy_program};
use served::{Served, Setup, TOKEN};

/// A folder with a configuration for the doctor, and no gateway that it could reach by its socket.
struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    fn new(url: &str, token: &str) -> Installation {
        let folder = tempfile::tempdir().unwrap();
        let hook = if token.is_empty() { String::new() } else { format!("[[hook]]\ntoken = \"{token}\"\n") };
        let text =
            format!("listen = \"127.0.0.1:0\"\nurl = \"{url}\"\n{hook}[[bus]]\nkind = \"simulated\"\n");
        std::fs::write(folder.path().join("fridge.toml"), text).unwrap();
        Installation { folder }
    }

    fn examine(&self, more: &[&str]) -> String {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let output = Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args([
                "doctor",
                "--config",
                &path("fridge.toml"),
                "--state",
                &path("state"),
                "--socket",
                &path("none"),
            ])
            .args(more)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn doctor(demo: &Demo, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fridge"));
    command.args(["doctor", "--socket", demo.socket.to_str().unwrap()]).args(more).output().unwrap()
}

fn url(served: &Served, host: &str) -> String {
    format!("https://{host}:{}", served.address.port())
}

fn has(text: &str, level: &str, part: &str) -> bool {
    text.lines().any(|line| line.starts_with(level) && line.contains(part))
}

/// A server with a certificate for these names that holds from one day to another.
fn served_with(names: &[&str], years: (i32, i32)) -> Served {
    let mut setup = Setup::new();
    let files =
        Files { certificate: setup.folder.path().join("c.pem"), key: setup.folder.path().join("k.pem") };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params =
        rcgen::CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    setup.https.certificate = Some(files);
    setup.serve()
}

#[test]
fn a_link_that_works_is_said_to() {
    let served = Setup::new().serve();
    let installation = Installation::new(&url(&served, "127.0.0.1"), TOKEN);
    let ca = served.certificate.to_str().unwrap();
    let said = installation.examine(&["--ca", ca]);
    assert!(has(&said, "ok", "answers in") && has(&said, "ok", "is trusted by this machine's"), "{said}");
    assert!(has(&said, "ok", "AllowedUntrustedInternalConnections must hold: 127.0.0.1/32"), "{said}");
    assert_eq!(served.report().ignored, 1, "the doctor's message is no question");
    assert_eq!(served.report().rejected.len(), 0);
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_token() {
    let served = Setup::new().serve();
    let said = Installation::new(&url(&served, "127.0.0.1"), TOKEN).examine(&[]);
    assert!(has(&said, "warning", "unknown authority") && said.contains("`fridge cert`"), "{said}");
    assert!(has(&said, "warning", "link-untrusted"), "{said}");
    assert!(has(&said, "warning", "no token was sent"), "{said}");
    assert!(has(&said, "warning", "link-unproven"), "{said}");
    let report = served.report();
    assert_eq!((report.asked, report.ignored, report.rejected.len()), (0, 0, 0));
}

#[test]
fn a_stranger_at_the_configured_address_never_sees_the_token() {
    // For the right name, for another name that an authority signed, and one that has expired.
    for (names, years, vouched) in [
        (["127.0.0.1"], (2020, 2090), false),
        (["fridge.example.org"], (2020, 2090), true),
        (["127.0.0.1"], (2020, 2021), true),
    ] {
        let served = served_with(&names, years);
        let ca = served.certificate.to_str().unwrap().to_owned();
        let more = if vouched { vec!["--ca", ca.as_str()] } else { Vec::new() };
        // It knows the token, so that it would count it.
        let said = Installation::new(&url(&served, "127.0.0.1"), TOKEN).examine(&more);
        assert!(has(&said, "warning", "no token was sent"), "{said}");
        let report = served.report();
        assert_eq!((report.asked, report.ignored, report.rejected.len()), (0, 0, 0), "{names:?} {years:?}");
    }
}

#[test]
fn the_gateways_own_certificate_needs_no_authority() {
    let served = Setup::new().serve();
    let installation = Installation::new(&url(&served, "127.0.0.1"), TOKEN);
    let state = installation.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::copy(&served.certificate, state.join("certificate.pem")).unwrap();
    let said = installation.examine(&[]);
    assert!(has(&said, "ok", "answers in") && !said.contains("no token was sent"), "{said}");
    assert_eq!(served.report().ignored, 1);
}

#[test]
fn a_name_that_is_not_in_the_certificate() {
    let served = served_with(&["fridge.example.org"], (2020, 2090));
    let said = Installation::new(&url(&served, "127.0.0.1"), TOKEN).examine(&[]);
    assert!(has(&said, "fault", "is not for 127.0.0.1, but for fridge.example.org"), "{said}");
    assert!(has(&said, "fault", "link-certificate-name"), "{said}");
}

#[test]
fn an_expired_certificate() {
    let served = served_with(&["127.0.0.1"], (2020, 2021));
    let said = Installation::new(&url(&served, "127.0.0.1"), TOKEN).examine(&[]);
    assert!(has(&said, "fault", "is expired"), "{said}");
    assert!(has(&said, "fault", "link-certificate-dates"), "{said}");
}

#[test]
fn a_closed_port() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = Installation::new(&format!("https://{free}"), TOKEN).examine(&[]);
    assert!(has(&said, "fault", "nothing answers on"), "{said}");
    assert!(has(&said, "fault", "link-unreachable"), "{said}");
}

#[test]
fn a_handshake_that_takes_longer_than_three_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = Installation::new(&format!("https://{}", silent.local_addr().unwrap()), TOKEN).examine(&[]);
    assert!(has(&said, "fault", "longer than 3 s"), "{said}");
}

#[test]
fn what_listens_there_is_no_gateway() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let speaking = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let _sent = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n");
    });
    let said = Installation::new(&format!("https://{address}"), TOKEN).examine(&[]);
    assert!(has(&said, "fault", "no TLS handshake"), "{said}");
    assert!(has(&said, "fault", "link-no-gateway"), "{said}");
    speaking.join().unwrap();
}

#[test]
fn a_token_that_the_gateway_does_not_know_and_none_at_all() {
    let served = Setup::new().serve();
    let ca = ["--ca", served.certificate.to_str().unwrap()];
    let said = Installation::new(&url(&served, "127.0.0.1"), "wrongwrongwrongwrongwrong1").examine(&ca);
    assert!(has(&said, "fault", "rejects the configured token"), "{said}");
    assert!(has(&said, "fault", "link-token-rejected"), "{said}");

    let mut setup = Setup::new();
    setup.config.hooks.clear();
    let served = setup.serve();
    let ca = ["--ca", served.certificate.to_str().unwrap()];
    let said = Installation::new(&url(&served, "127.0.0.1"), "").examine(&ca);
    assert!(has(&said, "fault", "has no token configured"), "{said}");
    assert!(has(&said, "fault", "link-no-token"), "{said}");
}

#[test]
fn the_last_rejections_are_explained_with_the_end_of_a_wrong_token_only() {
    let demo = Demo::start(&[]);
    let quiet = String::from_utf8(doctor(&demo, &[]).stdout).unwrap();
    assert!(has(&quiet, "warning", "no question since the start"), "{quiet}");
    assert!(
        String::from_utf8(doctor(&demo, &["--last"]).stdout).unwrap().contains("Nothing was turned away")
    );

    let mut client = Client::connect(&demo);
    client.post_form("/webhook", &[("text", "fridge"), ("token", TOKEN)]);
    client
        .send(b"POST /webhook HTTP/1.1\r\nHost: f\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
    client.ask("fridge dance");
    let last = String::from_utf8(doctor(&demo, &["--last"]).stdout).unwrap();
    let lines: Vec<&str> = last.lines().collect();
    let line = |word: &str| lines.iter().find(|line| line.contains(word)).copied().unwrap_or_default();
    assert!(line("content type").contains("127.0.0.1"), "{last}");
    assert!(lines[0].contains("not understood") && lines[1].contains("content type"), "{last}");
    assert!(
        lines[2].contains("a token that ends in uf8a") && !last.contains(TOKEN) && !last.contains("dance"),
        "{last}"
    );
    let wrong = doctor(&demo, &[]);
    assert!(has(&String::from_utf8(wrong.stdout).unwrap(), "warning", "1 rejected: wrong token"));
}

#[test]
fn a_wrong_path_a_wrong_method_too_long_a_header_and_a_foreign_button_are_counted_and_explained() {
    let demo = Demo::start(&[]);
    let long = format!("GET /health HTTP/1.1\r\nHost: f\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let button = "{\"channel_id\":\"c\",\"context\":{}}";
    let press = format!(
        "POST /action HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{button}",
        button.len()
    );
    for (request, status) in [
        ("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 0\r\n\r\n", 404),
        ("GET /webhook HTTP/1.1\r\nHost: f\r\n\r\n", 405),
        (&long, 431),
        (&press, 200),
    ] {
        let answer = Client::connect(&demo).send(request.as_bytes());
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let last = String::from_utf8(doctor(&demo, &["--last"]).stdout).unwrap();
    for explained in ["Mattermost asks on /webhook", "POST", "header", "button"] {
        let line = last.lines().find(|line| line.contains(explained));
        assert!(line.is_some_and(|line| line.contains("127.0.0.1")), "{explained}: {last}");
    }
}

#[test]
#[ignore = "needs root, to become somebody else; .ci/run runs it"]
fn somebody_elses_refusals_are_not_shown_to_everybody() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let demo = Demo::start(&[]);
    let folder = demo.certificate.parent().unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.join("fridge");
    copy_program(&program);
    let ask = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).args(["--socket", demo.socket.to_str().unwrap()]).uid(65_534).gid(65_534);
        command.output().unwrap()
    };
    let last = ask(&["doctor", "--last"]);
    assert!(String::from_utf8(last.stderr).unwrap().contains("sudo fridge doctor --last"));
    assert!(ask(&["status"]).status.success(), "anybody on the machine may ask how the fridges are");
}

#[test]
#[ignore = "needs root, to become somebody else; .ci/run runs it"]
fn whoever_owns_the_socket_does_not_choose_which_files_root_reads() {
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    let program = folder.path().join("fridge");
    copy_program(&program);
    let mut command = Command::new(program);
    command.uid(65_534).gid(65_534).env("TMPDIR", folder.path());
    let demo = Demo::start_command(command, &[]);
    let said = String::from_utf8(doctor(&demo, &[]).stdout).unwrap();
    assert!(has(&said, "warning", "user 65534 runs what answers"), "{said}");
    assert!(!said.contains(demo.certificate.to_str().unwrap()), "{said}");
    assert!(has(&said, "warning", "gateway-of-another"), "{said}");
}

#[test]
fn a_certificate_made_by_the_gateway_covers_what_it_is_asked_by() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate::ensure(folder.path()).unwrap();
    let said = certificate::describe(&files.certificate).unwrap();
    assert!(said.covers("localhost") && said.covers("127.0.0.1"));
    let path: PathBuf = files.certificate;
    assert!(Path::new(&path).exists());
}

#[test]
fn an_address_that_may_not_ask() {
    let mut setup = Setup::new();
    setup.config.allow = vec!["192.0.2.0/24".parse().unwrap()];
    let served = setup.serve();
    let ca = ["--ca", served.certificate.to_str().unwrap()];
    let said = Installation::new(&url(&served, "127.0.0.1"), TOKEN).examine(&ca);
    assert!(has(&said, "warning", "link-not-allowed"), "{said}");
}

#[test]
fn without_a_gateway_the_configuration_the_port_and_the_certificate_are_looked_at() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let installation = Installation::new("https://127.0.0.1:1", TOKEN);
    let file = installation.folder.path().join("fridge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string())).unwrap();
    let state = installation.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("certificate.pem"), "no certificate").unwrap();
    let said = installation.examine(&[]);
    for (level, id) in [
        ("warning", "gateway-not-running"),
        ("warning", "configuration-warning"),
        ("fault", "port-taken"),
        ("fault", "certificate-unreadable"),
    ] {
        assert!(has(&said, level, id), "{id} in {said}");
    }
    assert!(
        has(&installation.examine(&["--gpio"]), "fault", "gpio-unusable")
            || Path::new("/dev/gpiochip0").exists()
    );
    std::fs::write(&file, "[[bus]]\n").unwrap();
    assert!(has(&installation.examine(&[]), "fault", "configuration-wrong"));
}

#[test]
fn a_gateway_of_another_version_is_told() {
    use std::io::{BufRead, BufReader, Write};
    let installation = Installation::new("https://127.0.0.1:1", TOKEN);
    let other = std::os::unix::net::UnixListener::bind(installation.folder.path().join("none")).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"{\"version\":\"9.9.9\"}\n").unwrap();
    });
    let said = installation.examine(&[]);
    assert!(has(&said, "fault", "gateway-version"), "{said}");
    answering.join().unwrap();
}

#[test]
fn whoever_refuses_our_certificate_is_told_and_whoever_speaks_no_tls() {
    let demo = Demo::start(&[]);
    let mut stranger =
        Client::trusting(demo.address, rustls::RootCertStore::empty(), &[&rustls::version::TLS13]);
    stranger.try_handshake().unwrap_err();
    let mut plain = std::net::TcpStream::connect(demo.address).unwrap();
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _closed = std::io::Read::read(&mut plain, &mut [0; 100]);
    let deadline = std::time::Instant::now() + gateway::PATIENCE;
    loop {
        let said = String::from_utf8(doctor(&demo, &[]).stdout).unwrap();
        if has(&said, "warning", "127.0.0.1 refused our certificate once")
            && said.contains("`fridge cert` prints what it has to trust")
            && has(&said, "warning", "certificate-refused")
            && has(&said, "warning", "turned-away")
        {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{said}");
    }
    let last = String::from_utf8(doctor(&demo, &["--last"]).stdout).unwrap();
    assert!(last.contains("127.0.0.1, certificate refused: it does not trust"), "{last}");
    // A question that came in since shows that Mattermost does trust it.
    let mut client = Client::connect(&demo);
    loop {
        client.ask("fridge");
        let said = String::from_utf8(doctor(&demo, &[]).stdout).unwrap();
        if !said.contains("certificate-refused") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{said}");
    }
}
