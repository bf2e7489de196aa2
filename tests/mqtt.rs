//! A real broker: what a foreign subscriber sees of a gateway, what is sent afterwards, and what goes wrong.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

mod broker;
mod serve;
use broker::{Broker, Seen};
use serve::{Service, WARM_FREEZER, stdout};

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
    let readings = all.until(is("fridge/kitchen/readings")).json;
    assert_eq!((&readings["late"], &readings["readings"][0]["id"]), (&false.into(), &"freezer".into()));
    assert!(readings["readings"][0]["celsius"].is_number() && readings["readings"][0]["t"].is_string());
    let next = all.until(is("fridge/kitchen/readings")).json;
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
    let service = gateway(
        &broker,
        &format!("{FRIDGES}{}", "[[fridge]]\nname = \"Nobody\"\nprobe = \"28-0000000000ff\"\n"),
    );
    let mut seen = all.all_until(is("fridge/kitchen/readings"));
    for _ in 0..3 {
        broker.kill();
        service.until_logged("trying again");
        // Without a broker everything goes on.
        let before = service.json(&["ask", "minmax"]);
        service.until(&["ask", "minmax"], |now| now["at"] != before["at"]);
        broker.start_again();
        seen.extend(all.all_until(|seen| seen.json["late"] == true));
        seen.extend(all.all_until(is("fridge/kitchen/readings")));
    }
    end(service);
    seen.extend(all.all_until(|seen| seen.json["status"] == "offline"));
    for (id, mut times) in read(&seen) {
        times.sort();
        times.dedup();
        let times: Vec<jiff::Timestamp> = times.iter().map(|t| t.parse().unwrap()).collect();
        let steps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]).unsigned_abs());
        for step in steps.filter(|step| *step > Duration::from_millis(500)) {
            assert!(
                step < Duration::from_millis(3_500),
                "{id}: {step:?} between two readings of 2 s: {times:?}"
            );
        }
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
    service.until_logged("trying again");
    let service = service.killed_and_started();
    broker.start_again();
    let late = all.until(|seen| seen.json["late"] == true).json;
    assert_ne!(late["boot"], first["boot"]);
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
    while !is_gone() {}

    // Another name keeps the entity; a removed fridge goes.
    let config = std::fs::read_to_string(service.config()).unwrap();
    let milk = config.find("[[fridge]]").unwrap()..config.rfind("[[fridge]]").unwrap();
    let config = config.replace(&config[milk], "").replace("Käse/Brot", "Cheese");
    std::fs::write(service.config(), config).unwrap();
    service.hang_up();
    let renamed =
        all.until(|seen| seen.topic == place && seen.json["device"]["name"] == "Cheese (simulated)");
    assert_eq!(renamed.json["unique_id"], told["unique_id"]);
    while broker.kept("homeassistant/#").iter().any(|topic| topic.contains("milk")) {}
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
    while !broker.kept("#").is_empty() {}
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn of_two_gateways_with_one_name_the_second_publishes_nothing_and_says_so() {
    let broker = Broker::start();
    let first = gateway(&broker, FRIDGES);
    let status = broker.until_kept("fridge/kitchen/status", |it| it["status"] == "online");
    let second = gateway(&broker, FRIDGES);
    let said = second.until_logged("another gateway publishes as `kitchen`");
    assert!(said.contains("give one of them another name"), "{said}");
    let report = stdout(&second.run(&["doctor"]));
    assert!(report.contains("another gateway publishes as `kitchen`"), "{report}");
    let still = broker.until_kept("fridge/kitchen/status", |_| true);
    assert_eq!((&still["status"], &still["instance"]), (&"online".into(), &status["instance"]));
    drop(first);
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
    assert_eq!(messages.until(|seen| seen.json["topic"] != "raised").json["topic"], "test");
}

/// A broker that knows MQTT 3.1.1 only: it turns version 5 away and hands anything else on to that port.
fn older_broker(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 512];
            let length = client.read(&mut head).unwrap();
            let name = head[..length].windows(4).position(|bytes| bytes == b"MQTT");
            if name.map(|at| head[at + 4]) != Some(4) {
                client.write_all(&[0x20, 2, 0, 1]).unwrap();
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
    while broker.kept("fridge/kitchen/fridges/+").len() != 2 {}
    drop(service);
}
