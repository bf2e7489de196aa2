//! Certificates as people bring them: made by openssl as the tutorials say, RSA, without names, with a
//! key that does not fit; and exchanged while the gateway runs.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fridge::https::certificate::{self, describe};
use fridge::https::tls::Files;

mod gateway;
mod serve;
mod served;
use gateway::{Client, PATIENCE, copy_program};
use serve::Service;
use served::{Served, Setup};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `openssl req -nodes -new -x509` makes, with more arguments.
fn make(folder: &Path, name: &str, more: &str) -> Files {
    let line =
        format!("req -nodes -new -x509 -days 365 -subj /CN=fridge -keyout {name}.key -out {name}.pem {more}");
    openssl(folder, line.trim_end());
    Files { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
}

/// A pair of our own making, which needs no other program.
fn pair(folder: &Path, name: &str) -> Files {
    let files =
        Files { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
    certificate::make(&files, &[String::from("127.0.0.1")]).unwrap();
    files
}

fn serve(files: Files) -> Result<Served, String> {
    let mut setup = Setup::new();
    setup.https.certificate = Some(files);
    setup.https.limits.certificate_check = Duration::from_millis(20);
    setup.try_serve().map_err(|error| error.to_string())
}

fn reason(files: Files) -> String {
    serve(files).err().expect("it cannot be served")
}

/// Whether curl, which verifies names as Mattermost does, gets through with that certificate.
fn is_served_to_curl(served: &Served, certificate: &Path) -> bool {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "10", "--cacert"])
        .arg(certificate)
        .args(["--connect-to", &format!("::{}", served.address), "https://fridge.test/health"])
        .output()
        .expect("curl runs");
    String::from_utf8_lossy(&output.stdout).contains("\"status\"")
}

#[test]
#[ignore = "needs openssl and curl; .ci/run runs it"]
fn what_openssl_makes_is_served_whatever_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let names = "-addext subjectAltName=DNS:fridge.test";
    for (name, more) in [
        ("rsa", "-newkey rsa:2048"),
        ("p256", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"),
        ("p384", "-newkey ec -pkeyopt ec_paramgen_curve:secp384r1"),
        ("ed25519", "-newkey ed25519"),
    ] {
        let files = make(folder.path(), name, &format!("{more} {names}"));
        let said = describe(&files.certificate).unwrap();
        assert!(said.is_ca && said.self_signed, "openssl's are CA certificates");
        assert_eq!(said.names, ["fridge.test"]);
        let served = serve(files.clone()).unwrap();
        assert!(is_served_to_curl(&served, &files.certificate), "{name}");
    }
}

#[test]
#[ignore = "needs openssl and curl; .ci/run runs it"]
fn the_older_forms_of_keys_and_one_file_for_both_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let rsa = make(folder.path(), "rsa", "-newkey rsa:2048");
    openssl(folder.path(), "rsa -in rsa.key -traditional -out pkcs1.key");
    let ec = make(folder.path(), "ec", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1");
    openssl(folder.path(), "ec -in ec.key -out sec1.key");
    for (certificate, key, begin) in [
        (&rsa.certificate, "pkcs1.key", "BEGIN RSA PRIVATE KEY"),
        (&ec.certificate, "sec1.key", "BEGIN EC PRIVATE KEY"),
    ] {
        let key = folder.path().join(key);
        assert!(std::fs::read_to_string(&key).unwrap().contains(begin));
        serve(Files { certificate: certificate.clone(), key }).unwrap();
    }
    let both = folder.path().join("both.pem");
    let text = [&rsa.certificate, &rsa.key].map(|path| std::fs::read_to_string(path).unwrap()).concat();
    std::fs::write(&both, text).unwrap();
    serve(Files { certificate: both.clone(), key: both }).unwrap();
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn one_without_names_is_served_and_the_log_says_what_mattermost_will_say() {
    let folder = tempfile::tempdir().unwrap();
    let files = make(folder.path(), "bare", "-newkey rsa:2048");
    assert!(describe(&files.certificate).unwrap().names.is_empty());
    let config = folder.path().join("fridge.toml");
    let text = "listen = \"127.0.0.1:0\"\ncertificate = \"bare.pem\"\nkey = \"bare.key\"\n[[bus]]\nkind = \"simulated\"\n";
    std::fs::write(&config, text).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_fridge"));
    serve.arg("serve").arg("--config").arg(&config).arg("--state").arg(folder.path());
    let mut child = serve.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let until_it_answers: Vec<String> =
        log.by_ref().take_while(|line| !line.contains("answering on")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let warnings = until_it_answers.iter().filter(|line| line.contains("use SANs instead")).count();
    assert_eq!(warnings, 1, "{until_it_answers:#?}");
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn one_of_version_1_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), "req -nodes -new -newkey rsa:2048 -subj /CN=fridge -keyout old.key -out old.csr");
    openssl(folder.path(), "x509 -req -in old.csr -signkey old.key -out old.pem");
    let files = Files { certificate: folder.path().join("old.pem"), key: folder.path().join("old.key") };
    let reason = reason(files);
    assert!(reason.contains("version 1") && reason.contains("subjectAltName"), "{reason}");
}

#[test]
fn what_a_client_will_object_to_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let said = describe(&pair(folder.path(), "one").certificate).unwrap();
    let issues = |now| said.issues(now).into_iter().map(|one| one.what).collect::<Vec<_>>();
    let second = jiff::SignedDuration::from_secs(1);
    assert!(issues(said.not_before).is_empty() && issues(said.not_after).is_empty());
    assert_eq!(issues(said.not_before - second), ["it is not valid before 2020-01-01"]);
    assert!(matches!(issues(said.not_after + second).as_slice(), [one] if one.starts_with("it expired on")));
}

#[test]
fn files_that_change_between_the_first_look_and_the_first_connection_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (files, other) = (pair(folder.path(), "one"), pair(folder.path(), "other"));
    let mut setup = Setup::new();
    setup.https.certificate = Some(files.clone());
    setup.https.limits.certificate_check = Duration::from_millis(20);
    let (from, to) = (other.clone(), files);
    setup.before_serving = Box::new(move || {
        std::fs::copy(&from.certificate, &to.certificate).unwrap();
        std::fs::copy(&from.key, &to.key).unwrap();
    });
    let served = setup.serve();
    let deadline = Instant::now() + PATIENCE;
    while !Client::is_served(served.address, &other.certificate) {
        assert!(Instant::now() < deadline, "the new pair is never served");
    }
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn an_encrypted_key_says_how_to_write_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let one = make(folder.path(), "one", "-newkey rsa:2048");
    openssl(folder.path(), "pkey -in one.key -aes256 -passout pass:secret -out pkcs8.key");
    openssl(folder.path(), "rsa -in one.key -traditional -aes256 -passout pass:secret -out pkcs1.key");
    for name in ["pkcs8.key", "pkcs1.key"] {
        let reason = reason(Files { certificate: one.certificate.clone(), key: folder.path().join(name) });
        assert!(reason.contains("encrypted") && reason.contains("openssl pkey -in"), "{reason}");
    }
}

#[test]
fn what_cannot_be_served_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let one = pair(folder.path(), "one");
    let two = pair(folder.path(), "two");
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("damaged"), "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")
        .unwrap();

    let with = |certificate: &PathBuf, key: PathBuf| Files { certificate: certificate.clone(), key };
    for (files, expected) in [
        (with(&one.certificate, two.key.clone()), "does not fit the certificate"),
        (with(&path("none.pem"), one.key.clone()), "none.pem"),
        (with(&path("empty"), one.key.clone()), "holds no certificate"),
        (with(&path("damaged"), one.key.clone()), "damaged"),
        (with(&one.certificate, path("empty")), "holds no private key"),
        (with(&one.certificate, one.certificate.clone()), "holds no private key"),
        (with(&one.certificate, path("none.key")), "none.key"),
    ] {
        let reason = reason(files);
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn an_unreadable_key_says_who_must_be_able_to_read_it() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let files = pair(folder.path(), "one");
    let config = folder.path().join("fridge.toml");
    let text = "listen = \"127.0.0.1:0\"\ncertificate = \"one.pem\"\nkey = \"one.key\"\n[[bus]]\nkind = \"simulated\"\n";
    std::fs::write(&config, text).unwrap();
    let program = folder.path().join("fridge");
    copy_program(&program);
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    set(folder.path(), 0o755);
    set(&program, 0o755);
    set(&config, 0o644);
    set(&files.key, 0o000);
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    set(&state, 0o777);

    let mut serve = Command::new(&program);
    serve.arg("serve").arg("--config").arg(&config).arg("--state").arg(&state);
    // Root reads everything, so root becomes somebody else.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        serve.uid(NOBODY).gid(NOBODY);
    }
    let output = serve.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{error}");
    assert!(error.contains("one.key") && error.contains("let the gateway's user read it"), "{error}");
}

#[test]
fn new_files_are_served_without_a_restart_and_a_half_written_pair_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = pair(folder.path(), "first");
    let second = pair(folder.path(), "second");
    let files =
        Files { certificate: folder.path().join("served.pem"), key: folder.path().join("served.key") };
    let put = |pair: &Files| {
        std::fs::copy(&pair.certificate, &files.certificate).unwrap();
        std::fs::copy(&pair.key, &files.key).unwrap();
    };
    put(&first);
    let served = serve(files.clone()).unwrap();
    let trusts = |certificate: &Path| Client::is_served(served.address, certificate);
    assert!(trusts(&first.certificate) && !trusts(&second.certificate));

    // The certificate alone does not fit the key that is still there: the old pair stays.
    std::fs::copy(&second.certificate, &files.certificate).unwrap();
    for _ in 0..20 {
        assert!(trusts(&first.certificate));
    }
    put(&second);
    let deadline = Instant::now() + PATIENCE;
    while !trusts(&second.certificate) {
        assert!(Instant::now() < deadline, "the new pair is never served");
    }
    assert!(!trusts(&first.certificate));
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn how_long_an_rsa_key_is_is_known() {
    let folder = tempfile::tempdir().unwrap();
    for (key, bits, is_slow) in [
        ("rsa:2048", Some(2_048), false),
        ("rsa:4096", Some(4_096), true),
        ("ec -pkeyopt ec_paramgen_curve:P-256", None, false),
    ] {
        let files = make(folder.path(), "key", &format!("-newkey {key}"));
        let said = describe(&files.certificate).unwrap();
        assert_eq!((said.rsa_bits, said.is_slow()), (bits, is_slow), "{key}");
    }
}

/// A folder on which a file system hangs, as one of a network's does whose server has gone: whoever looks waits. It is
/// let go when dropped.
struct Hung(std::process::Child, std::path::PathBuf);

impl Hung {
    fn over(folder: &Path) -> Hung {
        // Nobody ever answers what the kernel asks of a file system in user space.
        let script = "exec 3<>/dev/fuse
            mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung \"$1\" || exit
            echo mounted
            exec sleep infinity";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut said)
            .unwrap();
        assert_eq!(said, "mounted\n");
        Hung(child, folder.to_owned())
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // The last descriptor of it ends the connection, and whoever waits gets an error.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
        let _unmounted = Command::new("umount").arg("-l").arg(&self.1).status();
    }
}

#[test]
#[ignore = "needs root and FUSE; .ci/run runs it"]
fn a_certificate_on_a_file_system_that_hangs_keeps_nobody_waiting() {
    if !Path::new("/dev/fuse").exists() {
        println!("no FUSE here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = pair(folder.path(), "one");
    let config = format!(
        "certificate = \"{}\"\nkey = \"{}\"\n[[bus]]\nkind = \"simulated\"\n\
         [[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\nlimits = {{ max = 20 }}\n",
        files.certificate.display(),
        files.key.display()
    );
    // What is trusted is somewhere else, for whoever asks.
    let elsewhere = tempfile::tempdir().unwrap();
    let trusted = elsewhere.path().join("one.pem");
    std::fs::copy(&files.certificate, &trusted).unwrap();
    let mut service = Service::start(&config);
    let is_well = |answer: &serde_json::Value| answer["fridges"][0]["verdict"] == "in_range";
    service.until(&["status"], is_well);
    let hung = Hung::over(folder.path());
    let pid = service.child.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status().unwrap();
    signal("-HUP");
    service.until_logged("it cannot be read in time");
    assert!(is_well(&service.json(&["status"])));
    assert!(Client::is_served(service.address(), &trusted));
    signal("-TERM");
    let deadline = Instant::now() + PATIENCE;
    while service.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it does not end");
    }
    drop(hung);
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn what_is_no_pem_is_named_with_the_command_that_makes_one_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let files = make(path, "one", "-newkey rsa:2048 -addext subjectAltName=IP:127.0.0.1");
    openssl(path, "x509 -in one.pem -outform der -out der.pem");
    openssl(path, "pkcs12 -export -in one.pem -inkey one.key -passout pass: -out p12.pem");
    openssl(path, "req -new -key one.key -subj /CN=fridge -out csr.pem");
    openssl(path, "pkey -in one.key -outform der -out der.key");
    openssl(path, "crl2pkcs7 -nocrl -certfile one.pem -out p7.pem");
    let pem = std::fs::read_to_string(&files.certificate).unwrap();
    let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    std::fs::write(path.join("indented.pem"), indented).unwrap();
    for (name, found, cure) in [
        ("der.pem", "a certificate in DER", "x509 -inform der"),
        ("p12.pem", "PKCS #12", "pkcs12 -nodes"),
        ("csr.pem", "a request for a certificate", "authority"),
        ("p7.pem", "PKCS #7", "pkcs7 -print_certs"),
        ("indented.pem", "indented", "sed -i"),
    ] {
        let said = reason(Files { certificate: path.join(name), ..files.clone() });
        assert!(said.contains(found) && said.contains(cure), "{name}: {said}");
    }
    let said = reason(Files { key: path.join("der.key"), ..files.clone() });
    assert!(said.contains("a key in DER") && said.contains("pkey -inform der"), "{said}");
    // A byte order mark, as an editor of Windows leaves it, is passed over.
    std::fs::write(path.join("bom.pem"), format!("\u{feff}{pem}")).unwrap();
    serve(Files { certificate: path.join("bom.pem"), ..files }).unwrap();
}

#[test]
#[ignore = "needs openssl; .ci/run runs it"]
fn a_chain_in_the_wrong_order_is_served_in_the_right_one_and_a_foreign_purpose_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let ca = make(path, "ca", "-newkey rsa:2048");
    openssl(
        path,
        "req -nodes -new -newkey rsa:2048 -subj /CN=leaf -addext subjectAltName=DNS:fridge.test -keyout leaf.key -out leaf.csr",
    );
    openssl(
        path,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -out leaf.pem",
    );
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let chain = path.join("chain.pem");
    std::fs::write(&chain, read(&ca.certificate) + &read(&path.join("leaf.pem"))).unwrap();
    let served = serve(Files { certificate: chain, key: path.join("leaf.key") }).unwrap();
    assert!(is_served_to_curl(&served, &ca.certificate));
    let foreign = make(
        path,
        "foreign",
        "-newkey rsa:2048 -addext subjectAltName=DNS:fridge.test -addext extendedKeyUsage=clientAuth",
    );
    let issues = describe(&foreign.certificate).unwrap().issues(jiff::Timestamp::now());
    assert!(issues.iter().any(|issue| issue.what.contains("extendedKeyUsage")), "{issues:?}");
}
