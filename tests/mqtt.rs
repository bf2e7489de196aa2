//! A real broker: what a foreign subscriber sees of a gateway, what is sent afterwards, and what goes wrong.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

mod broker;
mod receiver;
mod serve;
use broker::secured::{certificate, documented_broker, secure_section};
use broker::{Broker, Seen};
use receiver::{Receiver, always_ok};
use serve::{Service, WARM_FREEZER, stdout};

/// A gateway that dies is told after three minutes.
const SILENCE: Duration = Duration::from_secs(240);

/// Two fridges that are read every two seconds.
const FRIDGES: &str = "[[bus]]
kind = \"simulated\"
period = \"2s\"
probes = 2
[[fridge]]
name = \"Milk\"
probe = \"28-000000000001\"
limits = { max = 9 }
[[fridge]]
name = \"Käse/Brot\"
id = \"cheese\"
probe = \"28-000000000002\"
group = \"Cellar\"
";

fn gateway(broker: &Broker, rest: &str) -> Service {
    Service::start(&format!("name = \"Kitchen Pi\"\n{}{rest}", broker.section()))
}

fn is(topic: &'static str) -> impl Fn(&Seen) -> bool {
    move |seen| seen.topic == topic
}

/// What the doctor says of the broker, once that is as wanted. The log may have said it before it says that the gateway
/// answers.
fn failing(service: &Service, wanted: impl Fn(&str) -> bool) -> String {
    let said = |report: &Value| {
        let findings = report.as_array().into_iter().flatten();
        let finding = findings.into_iter().find(|finding| finding["id"] == "mqtt-failing");
        finding.map(|finding| text(&finding["text"]).to_owned())
    };
    let deadline = Instant::now() + broker::PATIENCE;
    loop {
        match said(&service.json(&["doctor"])) {
            Some(said) if wanted(&said) => return said,
            other => assert!(Instant::now() < deadline, "still: {other:?}"),
        }
    }
}

/// Waits until that holds.
fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + broker::PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not hold");
    }
}

/// Ends it as `systemctl stop` does.
fn end(mut service: Service) {
    let pid = service.child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    assert!(service.child.wait().unwrap().success());
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn a_foreign_subscriber_sees_fridges_readings_alarms_and_the_end() {
    let broker = Broker::start();
    let service = gateway(&broker, WARM_FREEZER);
    let state = broker.until_kept("fridge/kitchen/fridges/freezer", |it| it["verdict"] == "warm");
    assert_eq!(
        (&state["schema"], &state["gateway"], &state["name"]),
        (&1.into(), &"kitchen".into(), &"Freezer".into())
    );
    assert_eq!((&state["state"], &state["simulated"]), (&"too warm".into(), &true.into()));
    assert!(state["celsius"].as_f64().unwrap() > -18.0 && state["read"].is_string(), "{state:#}");
    let status = broker.until_kept("fridge/kitchen/status", |it| it["status"] == "online");
    assert_eq!((&status["name"], &status["fridges"]), (&"Kitchen Pi".into(), &1.into()));
    assert_eq!(status["boot"], state["boot"]);

    let all = broker.subscribe("fridge/kitchen/#");
    let is_live = |seen: &Seen| seen.topic == "fridge/kitchen/readings" && seen.json["late"] == false;
    let readings = all.until(is_live).json;
    assert_eq!((&readings["late"], &readings["readings"][0]["id"]), (&false.into(), &"freezer".into()));
    assert!(readings["readings"][0]["celsius"].is_number() && readings["readings"][0]["t"].is_string());
    let next = all.until(is_live).json;
    assert!(next["sequence"].as_u64() > readings["sequence"].as_u64());

    let open = broker.until_kept("fridge/kitchen/alarms", |it| it["alarms"][0]["number"] == 1);
    assert_eq!(open["alarms"][0]["id"], "freezer");
    broker.until_kept("fridge/kitchen/fridges/freezer", |it| it["alarm"] == true);
    stdout(&service.run(&["ask", "ack", "1", "door", "was", "open"]));
    let acknowledged = all
        .until(|seen| seen.topic == "fridge/kitchen/alarm" && seen.json["alarm"]["acknowledged"].is_object());
    assert_eq!(acknowledged.json["alarm"]["acknowledged"]["cause"], "door was open");

    end(service);
    let last = all.until(|seen| seen.json["status"] == "offline");
    assert_eq!(last.topic, "fridge/kitchen/status");
    assert!(!broker.kept("fridge/kitchen/#").is_empty());
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn a_gateway_that_dies_is_offline_by_its_will() {
    let broker = Broker::start();
    let mut service = gateway(&broker, FRIDGES);
    let statuses = broker.subscribe("fridge/kitchen/status");
    statuses.until(|seen| seen.json["status"] == "online");
    service.child.kill().unwrap();
    statuses.until(|seen| seen.json["status"] == "offline");
}

/// When each fridge was read, by what came.
fn read(seen: &[Seen]) -> BTreeMap<String, Vec<String>> {
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in seen.iter().filter(|seen| seen.topic.ends_with("/readings")) {
        for reading in message.json["readings"].as_array().unwrap() {
            let text = |name: &str| reading[name].as_str().unwrap().to_owned();
            read.entry(text("id")).or_default().push(text("t"));
        }
    }
    read
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn what_a_broker_that_is_killed_misses_is_sent_afterwards_and_nothing_is_lost() {
    let mut broker = Broker::start();
    let all = broker.subscribe_for_good("fridge/kitchen/#");
    let service = gateway(&broker, FRIDGES);
    let mut seen = all.all_until(is("fridge/kitchen/readings"));
    for _ in 0..3 {
        broker.kill();
        // Without a broker everything goes on.
        let newest =
            |answer: &Value| answer["fridges"][0]["today"].is_object() && answer["fridges"][0]["age_s"] == 0;
        service.until(&["status"], |answer| !newest(answer));
        service.until(&["status"], newest);
        let again = jiff::Timestamp::now();
        broker.start_again();
        for is_late in [true, false] {
            seen.extend(all.all_until(|seen| {
                let is_new =
                    || seen.json["t"].as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().unwrap() > again);
                seen.topic.ends_with("/readings") && seen.json["late"] == is_late && is_new()
            }));
        }
    }
    let state = service.folder.path().join("state");
    let measured = service.command(&["export", "milk"]).arg("--state").arg(state).output().unwrap();
    end(service);
    seen.extend(all.all_until(|seen| seen.json["status"] == "offline"));
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let milk: Vec<jiff::Timestamp> = read(&seen)["milk"].iter().map(|t| moment(t)).collect();
    let csv = stdout(&measured);
    let kept: Vec<jiff::Timestamp> =
        csv.lines().filter_map(|line| line.split(',').find_map(|field| field.parse().ok())).collect();
    assert!(kept.len() >= 4, "{csv}");
    for at in kept {
        let nearest = milk.iter().map(|it| it.duration_since(at).unsigned_abs()).min().unwrap();
        assert!(nearest < Duration::from_millis(500), "{at} was lost: {milk:?}");
    }
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn what_happened_while_the_gateway_was_away_from_the_broker_is_marked_late_over_a_restart() {
    let mut broker = Broker::start();
    let all = broker.subscribe_for_good("fridge/kitchen/#");
    let service = gateway(&broker, FRIDGES);
    let first = all.until(is("fridge/kitchen/readings")).json;
    broker.kill();
    let service = service.killed_and_started();
    service.until(&["status"], |answer| answer["fridges"][0]["celsius"].is_number());
    broker.start_again();
    // The first one, too, sent what it had read before it was connected.
    let is_late = |seen: &Seen| seen.topic.ends_with("/readings") && seen.json["late"] == true;
    let late = all.until(|seen| is_late(seen) && seen.json["boot"] != first["boot"]).json;
    assert!(!late["readings"].as_array().unwrap().is_empty());
    drop(service);
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn home_assistant_is_told_what_there_is_and_what_is_gone() {
    let broker = Broker::start();
    // Of a fridge that was removed while the gateway was off.
    broker.publish("homeassistant/sensor/fridge_kitchen/fridge-gone_temperature/config", "{}", true);
    broker.publish("fridge/kitchen/fridges/gone", "{}", true);
    let service = gateway(&broker, FRIDGES);
    let all = broker.subscribe("homeassistant/#");
    let place = "homeassistant/sensor/fridge_kitchen/fridge-cheese_temperature/config";
    let told = all.until(|seen| seen.topic == place).json;
    assert_eq!(told["unique_id"], "fridge_kitchen_fridge-cheese_temperature");
    assert_eq!((&told["device_class"], &told["unit_of_measurement"]), (&"temperature".into(), &"°C".into()));
    assert_eq!(told["device"]["name"], "Käse/Brot (simulated)");
    assert_eq!(told["device"]["suggested_area"], "Cellar");
    let is_gone = || {
        let kept = [broker.kept("homeassistant/#"), broker.kept("fridge/kitchen/fridges/#")].concat();
        !kept.iter().any(|topic| topic.contains("gone"))
    };
    until(is_gone);

    // Another name keeps the entity; a removed fridge goes.
    let config = std::fs::read_to_string(service.config()).unwrap();
    let milk = config.find("[[fridge]]").unwrap()..config.rfind("[[fridge]]").unwrap();
    let config = config.replace(&config[milk], "").replace("Käse/Brot", "Cheese");
    std::fs::write(service.config(), config).unwrap();
    service.hang_up();
    let renamed =
        all.until(|seen| seen.topic == place && seen.json["device"]["name"] == "Cheese (simulated)");
    assert_eq!(renamed.json["unique_id"], told["unique_id"]);
    until(|| !broker.kept("homeassistant/#").iter().any(|topic| topic.contains("milk")));
    assert!(broker.kept("fridge/kitchen/fridges/#").iter().all(|topic| topic.ends_with("/cheese")));

    // It has started again.
    let live = broker.subscribe(place);
    live.until(|seen| seen.is_retained);
    broker.publish("homeassistant/status", "online", false);
    live.until(|seen| !seen.is_retained);

    // Without a broker nothing of it stays.
    let config = std::fs::read_to_string(service.config()).unwrap();
    std::fs::write(service.config(), config.replace(&broker.section(), "")).unwrap();
    service.hang_up();
    until(|| broker.kept("#").is_empty());
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn of_two_gateways_with_one_name_the_second_publishes_nothing_and_says_so() {
    let broker = Broker::start();
    let first = gateway(&broker, FRIDGES);
    let status = broker.until_kept("fridge/kitchen/status", |it| it["status"] == "online");
    let second = gateway(&broker, FRIDGES);
    let said = failing(&second, |said| said.contains("another gateway already publishes as `kitchen`"));
    assert!(said.contains("give one of the two another `gateway`"), "{said}");
    let still = broker.until_kept("fridge/kitchen/status", |_| true);
    assert_eq!((&still["status"], &still["instance"]), (&"online".into(), &status["instance"]));
    drop(first);
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn for_minutes_a_gateway_from_a_copy_of_a_card_listens_and_then_publishes_nothing() {
    let broker = Broker::start();
    let first = gateway(&broker, FRIDGES);
    let statuses = broker.subscribe("fridge/kitchen/status");
    statuses.until(|seen| seen.json["status"] == "online");
    until(|| first.folder.path().join("state/mqtt.json").exists());
    let copy = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").arg("-a").args([first.folder.path().join("."), copy.path().into()]).status();
    assert!(copied.unwrap().success());
    std::fs::remove_file(copy.path().join("fridge.sock")).unwrap();
    let copy = Service::start_in(copy);
    // It listens for a minute before it publishes anything, and hears the other one.
    failing(&copy, |said| said.contains("another gateway already publishes as `kitchen`"));
    let all = statuses.waiting();
    let boots: std::collections::BTreeSet<String> =
        all.iter().map(|seen| text(&seen.json["boot"]).to_owned()).collect();
    assert!(boots.len() <= 1, "{all:#?}");
    drop((first, copy));
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn messages_about_alarms_wait_for_the_broker_and_come_once() {
    let mut broker = Broker::start();
    let messages = broker.subscribe_for_good("fridge/kitchen/messages");
    broker.kill();
    let told = "[[notify]]\nkind = \"mqtt\"\n";
    let service = gateway(&broker, &format!("{WARM_FREEZER}{told}"));
    service.until(&["ask", "alarms"], |answer| answer["alarms"][0]["number"] == 1);
    broker.start_again();
    let raised = messages.until(|seen| seen.json["topic"] == "raised").json;
    assert_eq!(raised["alarms"][0]["fridge"], "freezer");
    assert!(raised["text"].as_str().unwrap().contains("too warm"), "{raised:#}");
    let doctor = stdout(&service.run(&["doctor", "--send"]));
    assert!(doctor.contains("mqtt: the test has arrived"), "{doctor}");
    let later = messages.all_until(|seen| seen.json["topic"] == "test");
    assert!(later.iter().all(|seen| seen.json["topic"] != "raised"), "once: {later:#?}");
}

#[test]
#[ignore = "needs Debian's mosquitto, and five minutes"]
fn minutes_of_silence_of_a_gateway_are_told_by_one_of_the_others() {
    let broker = Broker::start();
    let (receiver, other_receiver) = (Receiver::start(always_ok(), None), Receiver::start(always_ok(), None));
    let start = |name: &str, receiver: &Receiver| {
        let target = format!("[[notify]]\nkind = \"http\"\nurl = \"http://{}/\"\n", receiver.address);
        let section = broker.section().replace("\"kitchen\"", &format!("\"{name}\""));
        Service::start(&format!("{section}{FRIDGES}{target}"))
    };
    let (bar, cellar) = (start("bar", &receiver), start("cellar", &other_receiver));
    let kitchen = gateway(&broker, FRIDGES);
    for name in ["fridge/bar/status", "fridge/cellar/status", "fridge/kitchen/status"] {
        broker.until_kept(name, |it| it["status"] == "online");
    }
    let kitchen = kitchen.killed_and_started_after(|| {
        let told = receiver.until_within(SILENCE, |message| message["topic"] == "gateway");
        assert_eq!(told["notice"]["neighbour_silent"]["gateway"], "Kitchen Pi");
    });
    let told = receiver.until(|message| message["notice"]["neighbour_back"].is_object());
    assert!(told["text"].as_str().unwrap().contains("is back"), "{told:#}");
    assert!(other_receiver.messages().is_empty(), "one of them speaks");
    drop((bar, cellar, kitchen));
}

/// A broker that knows MQTT 3.1.1 only: it turns version 5 away and hands anything else on to that port.
fn older_broker(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let (mut head, mut length) = ([0; 512], 0);
            // The name of the protocol and its version stand in the first twelve bytes.
            while length < 12 {
                match client.read(&mut head[length..]) {
                    Ok(read @ 1..) => length += read,
                    _ => break,
                }
            }
            let name = head[..length].windows(4).position(|bytes| bytes == b"MQTT");
            if name.map(|at| head[at + 4]) != Some(4) {
                // The gateway may have gone already.
                let _answered = client.write_all(&[0x20, 2, 0, 1]);
                continue;
            }
            let mut broker = TcpStream::connect(("127.0.0.1", port)).unwrap();
            broker.write_all(&head[..length]).unwrap();
            let (mut from, mut to) = (broker.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                // Either may end it.
                let _copied = std::io::copy(&mut from, &mut to);
                let _closed = to.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _copied = std::io::copy(&mut client, &mut broker);
                let _closed = broker.shutdown(Shutdown::Both);
            });
        }
    });
    address.port()
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn a_broker_that_knows_mqtt_3_1_1_only_is_spoken_to_so() {
    let broker = Broker::start();
    let port = older_broker(broker.port);
    let section = broker.section().replace(&broker.port.to_string(), &port.to_string());
    let service = Service::start(&format!("{section}{FRIDGES}"));
    broker.until_kept("fridge/kitchen/fridges/milk", |it| it["verdict"] == "in_range");
    end(service);
    broker.until_kept("fridge/kitchen/status", |it| it["status"] == "offline");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn what_is_retained_and_no_json_of_ours_does_no_harm() {
    let broker = Broker::start();
    for payload in ["", "rubbish", "{\"status\":\"online\"}", "[1]", "{\"status\":1,\"instance\":2}"] {
        broker.publish("fridge/kitchen/status", payload, true);
    }
    broker.publish("fridge/kitchen/fridges/x", &"y".repeat(100_000), true);
    broker.publish("fridge/kitchen/fridges/\u{1F9CA}", "", true);
    let service = gateway(&broker, FRIDGES);
    let state = broker.until_kept("fridge/kitchen/fridges/milk", |it| it["verdict"] == "in_range");
    assert_eq!(text(&state["name"]), "Milk");
    until(|| broker.kept("fridge/kitchen/fridges/+").len() == 2);
    drop(service);
}

fn is_of_kitchen(seen: &Seen) -> bool {
    seen.topic.starts_with("fridge/kitchen/")
}

#[test]
#[ignore = "needs Debian's mosquitto and openssl"]
fn with_tls_and_rights_each_gateway_publishes_below_its_own_name_only() {
    let broker = documented_broker(2099);
    let ca = format!("ca = \"{}\"\n", broker.file("broker.pem").display());
    let kitchen = Service::start(&format!("{}{FRIDGES}", secure_section(&broker, "kitchen", "kitchen", &ca)));
    broker.until_kept("fridge/kitchen/fridges/milk", |it| it["verdict"] == "in_range");

    // The bar's user may not publish as the kitchen.
    let bar = Service::start(&format!("{}{FRIDGES}", secure_section(&broker, "bar", "cellar", &ca)));
    failing(&bar, |said| said.contains("not authorized") || said.contains("broke off"));
    // What was retained comes first.
    let seen = broker.subscribe("fridge/#").all_until(|seen| !seen.is_retained && is_of_kitchen(seen));
    assert!(seen.iter().all(is_of_kitchen), "{seen:#?}");
    drop((kitchen, bar));
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn what_is_wrong_with_a_connection_is_told_by_the_doctor() {
    let (broker, expired) = (documented_broker(2099), documented_broker(2021));
    let ca = |broker: &Broker| format!("ca = \"{}\"\n", broker.file("broker.pem").display());
    // Nobody listens at this port, which needs root.
    let nobody = 1;
    let good = secure_section(&broker, "kitchen", "kitchen", &ca(&broker));
    for (section, reason) in [
        (secure_section(&broker, "kitchen", "kitchen", ""), "invalid peer certificate"),
        (secure_section(&expired, "kitchen", "kitchen", &ca(&expired)), "expired"),
        (good.replace("password = \"kitchen's", "password = \"bar's"), "are `user` and `password` right?"),
        (good.replace(&broker.port.to_string(), &nobody.to_string()), "Connection refused"),
        (format!("[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\n", broker.port), "hangs up"),
    ] {
        let service = Service::start(&format!("{section}{FRIDGES}"));
        let said =
            failing(&service, |said| said.contains(reason) || reason == "hangs up" && said.contains("MQTT"));
        assert!(!said.contains("kitchen's") && !said.contains("bar's"), "a password: {said}");
    }
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn a_certificate_of_the_gateways_own_stands_for_a_password() {
    let broker = Broker::start_with(
        |folder, _| {
            certificate(folder, "broker", 2099);
            certificate(folder, "kitchen", 2099);
            let place = |name: &str| folder.join(name).display().to_string();
            format!(
                "allow_anonymous false\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\nuse_identity_as_username true\n",
                place("broker.pem"),
                place("broker.key"),
                place("kitchen.pem")
            )
        },
        &["--cafile", "FOLDER/broker.pem", "--cert", "FOLDER/kitchen.pem", "--key", "FOLDER/kitchen.key"],
    );
    let file = |name: &str| broker.file(name).display().to_string();
    let service = Service::start(&format!(
        "[mqtt]\nbroker = \"mqtts://localhost:{}\"\ngateway = \"kitchen\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n{FRIDGES}",
        broker.port,
        file("broker.pem"),
        file("kitchen.pem"),
        file("kitchen.key")
    ));
    broker.until_kept("fridge/kitchen/fridges/milk", |it| it["verdict"] == "in_range");
    drop(service);
}

/// A broker that takes whoever comes, and then sends that; it never reads more.
fn hostile_broker(sends: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut client in listener.incoming().map_while(Result::ok) {
            // CONNACK of MQTT 5: taken, no properties. The gateway may have gone already.
            let _sent = client.write_all(&[0x20, 3, 0, 0, 0]).and_then(|()| sends(&mut client));
            held.push(client);
        }
    });
    port
}

#[test]
fn whatever_a_broker_sends_the_gateway_answers_holds_little_and_ends_in_time() {
    type Sends = Box<dyn Fn(&mut TcpStream) -> std::io::Result<()> + Send>;
    let publish = |length: &[u8]| [&[0x30_u8][..], length, &[0, 1, b'a']].concat();
    let huge = publish(&[0xff, 0xff, 0xff, 0x7f]);
    let properties = {
        // A message of 200 kB that is nothing but properties.
        let property = [0x26, 0, 1, b'k', 0, 1, b'v'];
        let list = property.repeat(28_000);
        let length = |mut value: usize| {
            let mut bytes = Vec::new();
            while value >= 128 {
                bytes.push(value as u8 | 128);
                value /= 128;
            }
            bytes.push(value as u8);
            bytes
        };
        let body = [&[0, 1, b'a'][..], &length(list.len()), &list].concat();
        [&[0x30][..], &length(body.len()), &body].concat()
    };
    let flood = [0x30, 5, 0, 1, b'a', 0, b'x'];
    let sends: [Sends; 6] = [
        Box::new(|_| Ok(())),
        Box::new(move |client| client.write_all(&huge).and_then(|()| client.write_all(&vec![0; 4 << 20]))),
        Box::new(move |client| (0..50).try_for_each(|_| client.write_all(&properties))),
        Box::new(move |client| (0..200).try_for_each(|_| client.write_all(&flood.repeat(1_000)))),
        Box::new(|client| {
            let mut dice = fastrand::Rng::with_seed(7);
            (0..100).try_for_each(|_| client.write_all(&(0..1_000).map(|_| dice.u8(..)).collect::<Vec<u8>>()))
        }),
        Box::new(|client| {
            client.write_all(&[0x90, 4, 0, 1, 0, 0x87]).and_then(|()| client.write_all(&[0xE0, 2, 0x8E, 0]))
        }),
    ];
    for (number, sends) in sends.into_iter().enumerate() {
        let section = format!("[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\n", hostile_broker(sends));
        let service = Service::start(&format!("{section}{FRIDGES}"));
        service.until(&["status"], |answer| {
            answer["fridges"][0]["verdict"] == "in_range" || answer["fridges"][0]["verdict"] == "no_limits"
        });
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        println!("{number}: {} MiB at the most", peak / 1024);
        assert!(peak < 100 * 1024, "{number}: {peak} KiB");
        end(service);
    }
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn what_is_sent_afterwards_is_sent_once() {
    let broker = Broker::start();
    let all = broker.subscribe("fridge/kitchen/readings");
    let _service = gateway(&broker, &FRIDGES.replace("2s", "200ms"));
    let live = Cell::new(0);
    let seen = all.all_until(|seen| {
        live.update(|live| live + usize::from(seen.json["late"] == false));
        live.get() == 50
    });
    let late = seen.iter().filter(|seen| seen.json["late"] == true).count();
    assert!(late <= 2, "{late} messages beside 50 that are live");
}
