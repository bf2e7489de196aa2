//! The configuration read again while the gateway answers: over real connections, which stay.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

mod gateway;
mod supervisor;
use gateway::{Client, PATIENCE, TOKEN};
use supervisor::{Service, Supervisor, configuration, socket_and_configuration};

const COLD: &str = "limits = { max = -50 }";
const WARM: &str = "limits = { max = 50 }";

fn listens(socket: &TcpListener) -> String {
    format!("{:?}", socket.local_addr().unwrap().to_string())
}

/// Has it read the configuration again, and returns what it then says of itself.
fn reload(service: &Service, supervisor: &Supervisor) -> String {
    service.signal("HUP");
    let reloading = supervisor.wait_for("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    supervisor.wait_for("READY=1")
}

/// Waits until the log has these words: it is written by a thread of its own.
fn until_logged(service: &Service, words: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    while !words.iter().all(|word| service.log().contains(word)) {
        assert!(Instant::now() < deadline, "{words:?}: {}", service.log());
    }
}

fn about(supervisor: &Supervisor, words: &[&str]) -> serde_json::Value {
    let asked = Command::new(env!("CARGO_BIN_EXE_fridge"))
        .arg("ask")
        .args(words)
        .args(["--json", "--socket"])
        .arg(supervisor.path("fridge.sock"))
        .output()
        .unwrap();
    serde_json::from_slice(&asked.stdout).unwrap_or_else(|_| panic!("{asked:?}"))
}

#[test]
fn limits_tokens_and_names_change_in_the_next_answer_of_the_same_connection() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listens(&socket);
    let supervisor = Supervisor::new(&configuration(&listen, "", WARM));
    let service = supervisor.start(&socket, &[]);
    let mut client = service.connect();
    client.ask_until("fridge status", |text| text.contains("in range"));
    let sweeps_before = about(&supervisor, &["probes"]);

    supervisor.write(&configuration(&listen, "name = \"Cellar\"", COLD));
    let ready = reload(&service, &supervisor);
    assert!(ready.contains("STATUS=answering on"), "{ready}");
    // The same bus: it has a value already, and no first sweep is waited for.
    let text = client.ask("fridge status");
    assert!(text.contains("Cellar: 1 of 1 needs a look") && text.contains("limit \u{2212}50"), "{text}");
    let id = "28-000000000001";
    assert!(
        sweeps_before.to_string().contains(id) && about(&supervisor, &["probes"]).to_string().contains(id)
    );

    let other = "i8ge9icprrz8ppjsg7ncawuf8a";
    supervisor.write(&configuration(&listen, "", WARM).replace(TOKEN, other));
    reload(&service, &supervisor);
    assert_eq!(client.post_form("/webhook", &[("text", "fridge"), ("token", TOKEN)]).status, 401);
    let answer = client.post_form("/webhook", &[("text", "fridge"), ("token", other)]);
    assert!(answer.status == 200 && answer.body.contains("in range"), "{answer:?}");
}

#[test]
fn a_bad_file_changes_nothing_and_every_problem_is_told() {
    let (socket, good) = socket_and_configuration("");
    let supervisor = Supervisor::new(&good);
    let service = supervisor.start(&socket, &[]);
    let mut client = service.connect();
    client.ask_until("fridge status", |text| text.contains("in range"));

    supervisor.write(&good.replace("kind = \"simulated\"", "kind = \"simulatd\"").replace("28-", "frost-"));
    let ready = reload(&service, &supervisor);
    assert!(ready.contains("STATUS=reload failed, still using the previous configuration"), "{ready}");
    assert!(client.ask("fridge status").contains("in range"));
    until_logged(&service, &["simulatd", "frost-"]);

    // Well-formed, and not to be had: an address that belongs to somebody else, a certificate that is not there.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let both = format!("[{}, {}]", listens(&socket), listens(&taken));
    let pair = "certificate = \"none.pem\"\nkey = \"none.key\"";
    for (bad, expected) in [
        (configuration(&both, "", COLD), "the port is in use"),
        (configuration(&listens(&socket), pair, COLD), "none.pem"),
    ] {
        supervisor.write(&bad);
        let ready = reload(&service, &supervisor);
        assert!(ready.contains("reload failed"), "{ready}");
        until_logged(&service, &[expected]);
        assert!(client.ask("fridge status").contains("in range"));
        assert!(service.connect().ask("fridge status").contains("in range"), "it still lets people in");
    }
    supervisor.write(&good);
    assert!(reload(&service, &supervisor).contains("STATUS=answering on"));
}

#[test]
fn addresses_come_and_go_and_those_between_stay() {
    let (socket, first) = socket_and_configuration("");
    let supervisor = Supervisor::new(&first);
    let service = supervisor.start(&socket, &[]);
    let certificate = supervisor.path("state").join("certificate.pem");
    let mut kept = service.connect();
    kept.ask("fridge help");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    supervisor.write(&configuration(&format!("[{}, \"{free}\"]", listens(&socket)), "", ""));
    let ready = reload(&service, &supervisor);
    assert!(ready.contains(&format!("https://{free}")), "{ready}");
    assert!(Client::to(free, &certificate).ask("fridge help").contains("status"));
    let port = service.address.port();

    // The old address and a wildcard of the same port cannot both listen: one goes, and then the other comes.
    drop(socket);
    supervisor.write(&configuration(&format!("\"0.0.0.0:{port}\""), "", ""));
    service.signal("HUP");
    let removed = supervisor.wait_for("FDSTOREREMOVE=1");
    assert!(removed.contains("FDNAME=https-127.0.0.1_"), "{removed}");
    let ready = supervisor.wait_for("READY=1");
    assert!(ready.contains(&format!("https://0.0.0.0:{port}")), "{ready}");
    assert!(service.connect().ask("fridge help").contains("status"));
    assert!(TcpStream::connect(free).is_err(), "nobody listens there any more");
    assert!(kept.ask("fridge help").contains("status"), "a connection outlives its door");
}

#[test]
fn buses_that_do_not_change_go_on_and_the_others_are_exchanged_with_what_is_known() {
    let (socket, first) = socket_and_configuration("");
    let listen = listens(&socket);
    let owserver = |name: &str, port: u16| {
        format!("[[bus]]\nkind = \"owserver\"\nname = \"{name}\"\naddress = \"127.0.0.1:{port}\"\n")
    };
    let second = owserver("other", 1);
    let supervisor = Supervisor::new(&format!("{first}{second}"));
    let service = supervisor.start(&socket, &[]);
    let mut client = service.connect();
    client.ask_until("fridge status", |text| text.contains("in range"));
    let since = |row: &serde_json::Value| row["extremes"][0]["min"].clone();
    let before = about(&supervisor, &["minmax", "24h"]);
    assert!(!since(&before).is_null(), "{before}");

    // The bus gets another period: it is another bus under the same name, and what its probe said stays.
    let changed = configuration(&listen, "", "").replace("\"1s\"", "\"900ms\"");
    supervisor.write(&format!("{changed}{}", owserver("third", 2)));
    reload(&service, &supervisor);
    let text = client.ask("fridge status");
    assert!(text.contains("in range") && !text.contains("started"), "{text}");
    let after = about(&supervisor, &["minmax", "24h"]);
    assert!(!since(&after).is_null(), "{after}");
    let buses = about(&supervisor, &["about"]);
    let names: Vec<&str> =
        buses["about"]["buses"].as_array().unwrap().iter().map(|bus| bus["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bus 1", "third"], "{buses}");
    let deadline = Instant::now() + PATIENCE;
    while about(&supervisor, &["about"])["about"]["buses"][0]["fresh"] != true {
        assert!(Instant::now() < deadline, "the bus that came is never measured");
    }
    // Two of its questions of one connection and a few of the shell: none was lost in the exchange.
    assert!(about(&supervisor, &["about"])["about"]["asked"].as_u64().unwrap() > 4);
}

#[test]
fn a_missing_token_file_refuses_its_hook_and_no_other() {
    let (socket, first) = socket_and_configuration("");
    let credentials = "[[hook]]\nname = \"bar\"\ntoken_file = \"bar-token\"\n";
    let supervisor = Supervisor::new(&format!("{first}{credentials}"));
    let folder = supervisor.path("credentials");
    std::fs::create_dir(&folder).unwrap();
    let service = supervisor.start(&socket, &[("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())]);
    let mut client = service.connect();
    assert!(client.ask("fridge help").contains("status"));
    until_logged(&service, &["every question of the hook `bar` is rejected"]);
    let other = "i8ge9icprrz8ppjsg7ncawuf8a";
    let mut status = || client.post_form("/webhook", &[("text", "fridge"), ("token", other)]).status;
    assert_eq!(status(), 401);

    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    write(&folder.join("bar-token"), "\n");
    reload(&service, &supervisor);
    assert_eq!(status(), 401);
    until_logged(&service, &["is empty"]);
    write(&folder.join("bar-token"), &format!("{other}\n"));
    reload(&service, &supervisor);
    assert_eq!(status(), 200);
}

#[test]
fn a_refused_change_of_address_leaves_a_socket_with_systemd_that_listens() {
    let (socket, first) = socket_and_configuration("");
    let supervisor = Supervisor::new(&first);
    let service = supervisor.start(&socket, &[]);
    let port = service.address.port();
    // Somebody else has that port on another address: the wildcard cannot be had, and the old socket was closed for it.
    let _other = TcpListener::bind(("127.0.0.2", port)).unwrap();
    drop(socket);
    supervisor.write(&configuration(&format!("\"0.0.0.0:{port}\""), "", ""));
    service.signal("HUP");
    let removed = supervisor.wait_for("FDSTOREREMOVE=1");
    assert!(removed.contains("FDNAME=https-127.0.0.1_"), "{removed}");
    let kept = supervisor.wait_for("FDSTORE=1\nFDNAME=https-127.0.0.1_");
    assert!(kept.contains(&port.to_string()), "{kept}");
    assert!(supervisor.wait_for("READY=1").contains("reload failed"));
    assert!(service.connect().ask("fridge help").contains("status"));
}
