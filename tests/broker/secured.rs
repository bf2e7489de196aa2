//! A broker as docs/fleet.md describes it: with TLS, passwords and rights.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Broker;

/// A certificate for this machine that nobody else signed, and its key, in a folder.
pub fn certificate(folder: &Path, name: &str, last_year: i32) {
    let mut params = rcgen::CertificateParams::new(vec![String::from("localhost")]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// The piece of docs/fleet.md of that name.
pub fn documented(name: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.md")).unwrap();
    let (_, behind) = page.split_once(&format!("<!-- block: {name} -->")).expect("it is there");
    behind.split("```").nth(1).and_then(|block| block.split_once('\n')).expect("a block").1.to_owned()
}

/// A broker as docs/fleet.md has it: TLS, passwords, and rights for each gateway.
pub fn documented_broker(last_year: i32) -> Broker {
    Broker::start_with(
        |folder, _| {
            if last_year > 2050 {
                let mut command = Command::new("sh");
                command.args(["-c", &documented("broker-certificate")]);
                let made =
                    command.env("NAME", "localhost").current_dir(folder).stderr(Stdio::null()).status();
                assert!(made.unwrap().success(), "openssl");
            } else {
                certificate(folder, "broker", last_year);
            }
            let place = |name: &str| folder.join(name).display().to_string();
            std::fs::write(place("acl"), documented("acl")).unwrap();
            for user in ["kitchen", "bar", "north", "south", "head-office", "homeassistant", "dashboard"] {
                let made = std::fs::exists(place("passwords")).unwrap();
                let mut command = Command::new("mosquitto_passwd");
                command.args(["-b"]).args((!made).then_some("-c")).arg(place("passwords"));
                assert!(command.args([user, &format!("{user}'s")]).status().unwrap().success());
            }
            let conf = documented("mosquitto");
            let lines = conf.lines().filter(|line| !line.starts_with("listener"));
            let config: String = lines.flat_map(|line| [line, "\n"]).collect();
            config.replace("/etc/mosquitto/fridge/", &place(""))
        },
        &["-u", "dashboard", "-P", "dashboard's", "--cafile", "FOLDER/broker.pem"],
    )
}

pub fn secure_section(broker: &Broker, user: &str, gateway: &str, rest: &str) -> String {
    format!(
        "[mqtt]\nbroker = \"mqtts://localhost:{}\"\ngateway = \"{gateway}\"\nuser = \"{user}\"\npassword = \"{user}'s\"\n{rest}",
        broker.port
    )
}
