//! A gateway that shows what others publish, over a real broker: within one sweep, for as long as it is fresh, and nothing
//! that is forged or foreign.

use serde_json::{Value, json};

mod broker;
mod serve;
use broker::Broker;
use broker::secured::{documented, documented_broker, secure_section};
use serve::{Service, WARM_FREEZER, row, stdout};

/// The broker for a gateway of that name.
fn at(broker: &Broker, gateway: &str) -> String {
    broker.section().replace("gateway = \"kitchen\"", &format!("gateway = \"{gateway}\""))
}

/// A gateway with a fridge and a cheese counter, which are read every two seconds.
fn site(broker: &Broker, gateway: &str) -> Service {
    Service::start(&format!(
        "name = \"{gateway} Street\"\n{}
[[bus]]
kind = \"simulated\"
period = \"2s\"
probes = 2
[[fridge]]
name = \"Milk\"
probe = \"28-000000000001\"
group = \"Dairy\"
limits = {{ max = 9 }}
[[fridge]]
name = \"Käse\"
id = \"cheese\"
probe = \"28-000000000002\"
",
        at(broker, gateway)
    ))
}

/// A gateway without a wire, which shows others.
fn hub(broker: &Broker, sites: &str) -> Service {
    Service::start(&format!("{}\n[[bus]]\nkind = \"mqtt\"\n{sites}", at(broker, "head-office")))
}

fn fridges(answer: &Value) -> Vec<(String, bool)> {
    let rows = answer["fridges"].as_array().cloned().unwrap_or_default();
    let mut all: Vec<(String, bool)> =
        rows.iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row["celsius"].is_number())).collect();
    all.sort();
    all
}

fn all_fresh(ids: &[&str]) -> impl Fn(&Value) -> bool {
    let wanted: Vec<(String, bool)> = ids.iter().map(|id| ((*id).to_owned(), true)).collect();
    move |answer| fridges(answer) == wanted
}

const ALL: [&str; 4] = ["north.cheese", "north.milk", "south.cheese", "south.milk"];

#[test]
#[ignore = "needs Debian's mosquitto"]
fn the_fridges_of_two_gateways_are_shown_while_they_are_fresh() {
    let broker = Broker::start();
    let (north, south) = (site(&broker, "north"), site(&broker, "south"));
    let hub = hub(&broker, "");
    let answer = hub.until(&["status"], all_fresh(&ALL));
    let milk = row(&answer["fridges"], "id", "north.milk");
    assert_eq!((&milk["name"], &milk["site"]), (&"north Street Milk".into(), &"north".into()));
    assert_eq!((&milk["group"], &milk["limits"]["max"]), (&"Dairy".into(), &9.0.into()));
    let there = north.json(&["status", "milk"]);
    assert_eq!(there["fridges"][0]["verdict"], milk["verdict"]);

    assert!(hub.json(&["status"])["simulated"] == true, "as they are");
    let about = hub.json(&["ask", "about"]);
    let listed = row(&about["about"]["gateways"], "site", "north");
    assert_eq!((&listed["fridges"], &listed["with_value"]), (&2.into(), &2.into()), "{about}");
    assert!(about["text"].as_str().unwrap().contains("last reading"), "{about}");

    // Since when one is outside its limits is known as far as it was heard.
    let text = std::fs::read_to_string(north.config()).unwrap();
    std::fs::write(north.config(), text.replace("max = 9", "max = -5")).unwrap();
    north.hang_up();
    hub.until(&["ask", "since", "site:north"], |answer| answer["since"][1]["beyond"]["side"] == "above");

    // By gateway, by group, by a part of the name.
    assert!(all_fresh(&["south.cheese", "south.milk"])(&hub.json(&["status", "site:south"])));
    assert!(all_fresh(&["north.milk", "south.milk"])(&hub.json(&["status", "group:dairy"])));
    assert!(all_fresh(&["north.cheese"])(&hub.json(&["status", "site:north kase"])));
    assert!(hub.json(&["status", "site:west"])["unknown"].is_object());
    let asked = |words: &str| stdout(&hub.run(&["ask", words]));
    // What its own gateway watches is silenced from here only where that one allows it, and never all at once.
    let refused = asked("snooze site:north milk 2h");
    assert!(refused.contains("north does not accept this from here. Add \"head-office\""), "{refused}");
    assert!(asked("snooze 2h").contains("This gateway has none of its own"));
    assert!(asked("calibrate site:north milk ice").contains("A probe is calibrated through its own gateway"));
    assert!(asked("drill site:north milk").contains("Type this in the channel of that gateway"));
    assert!(asked("rules site:north milk").contains("watched under the rules of its own gateway, north"));
    hub.until(&["ask", "alarms"], |answer| answer["alarms"][0]["id"] == "north.milk");
    assert!(asked("report site:north").contains("the record of that fridge is on its own gateway"));
    assert!(asked("since site:south milk").contains("within its limits"));
    // And none of it is published once more.
    broker.until_kept("fridge/head-office/status", |it| it["fridges"] == 0);
    assert!(!broker.kept("fridge/#").iter().any(|topic| topic.starts_with("fridge/head-office/fridges/")));

    // A gateway that dies shows nothing old as live, and the other goes on.
    let folder = south.killed_and_started_after(|| {
        hub.until(&["status"], |answer| {
            fridges(answer)
                == [
                    ("north.cheese".to_owned(), true),
                    ("north.milk".to_owned(), true),
                    ("south.cheese".to_owned(), false),
                    ("south.milk".to_owned(), false),
                ]
        });
    });
    hub.until(&["status"], all_fresh(&ALL));
    drop(folder);
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn only_those_that_are_meant_are_shown_and_a_reload_changes_that() {
    let broker = Broker::start();
    let (_north, _south) = (site(&broker, "north"), site(&broker, "south"));
    let hub = hub(&broker, "sites = [\"north\"]\n");
    hub.until(&["status"], all_fresh(&ALL[..2]));
    let both = std::fs::read_to_string(hub.config()).unwrap().replace("[\"north\"]", "[\"south\"]");
    std::fs::write(hub.config(), both).unwrap();
    hub.hang_up();
    hub.until(&["status"], all_fresh(&ALL[2..]));
    let report = hub.json(&["doctor"]).to_string();
    assert!(report.contains("gateways at 127.0.0.1"), "{report}");
}

#[test]
#[ignore = "needs Debian's mosquitto"]
fn a_broker_that_dies_and_rubbish_that_it_retains_show_nothing_wrong() {
    let mut broker = Broker::start();
    let _north = site(&broker, "north");
    let state = |id: &str, celsius: f64| {
        json!({
            "schema": 1, "gateway": "ghost", "t": "2026-01-01T00:00:00Z", "simulated": false, "id": id, "name": "Ghost",
            "group": null, "limits": { "min": null, "max": null }, "verdict": "no_limits", "celsius": celsius,
            "fault": null, "read": "2026-01-01T00:00:00Z", "stale_after_s": 1_000_000_000,
        })
    };
    // Retained by whoever was there a year ago: it is known, and never shown as live.
    broker.publish("fridge/ghost/fridges/ghost", &state("ghost", 4.0).to_string(), true);
    broker.publish("fridge/ghost/fridges/other", &state("ghost", 4.0).to_string(), true);
    broker.publish("fridge/north/fridges/rubbish", "21.5", true);
    broker.publish("fridge/north/fridges/newer", &json!({ "schema": 2, "id": "newer" }).to_string(), true);
    broker.publish("fridge/NORTH/fridges/milk", &state("milk", 99.0).to_string(), true);
    broker.publish("fridge/north/readings", "{", false);
    let hub = hub(&broker, "");
    // And as a bridge hands on what another broker retains: as if it were said now, and again.
    for _ in 0..2 {
        hub.until(&["status"], |answer| !answer["fridges"].as_array().unwrap().is_empty());
        broker.publish("fridge/ghost/fridges/ghost", &state("ghost", 4.0).to_string(), false);
    }
    let of = |answer: &Value| fridges(answer);
    let wanted = [
        ("ghost.ghost".to_owned(), false),
        ("north.cheese".to_owned(), true),
        ("north.milk".to_owned(), true),
    ];
    hub.until(&["status"], |answer| of(answer) == wanted);
    broker.kill();
    hub.until(&["status"], |answer| of(answer).iter().all(|(_, fresh)| !fresh));
    broker.start_again();
    hub.until(&["status"], |answer| of(answer).iter().filter(|(_, fresh)| *fresh).count() == 2);
    let ghost = stdout(&hub.run(&["status", "ghost"]));
    assert!(!ghost.contains("4.0 °C"), "{ghost}");
}

#[test]
#[ignore = "needs Debian's mosquitto and openssl"]
fn an_alarm_is_acknowledged_where_it_is_watched_over_tls_by_whom_it_lets() {
    let broker = documented_broker(2099);
    let ca = format!("ca = \"{}\"\n", broker.file("broker.pem").display());
    let as_user = |name: &str, rest: &str| secure_section(&broker, name, name, &format!("{ca}{rest}"));
    let north =
        Service::start(&format!("{}{WARM_FREEZER}", as_user("north", "acts_from = [\"head-office\"]\n")));
    let south = Service::start(&format!("{}{WARM_FREEZER}", as_user("south", "acts_from = [\"north\"]\n")));
    let hub = Service::start(&format!("{}[[bus]]\nkind = \"mqtt\"\n", as_user("head-office", "")));
    let both = |answer: &Value| {
        let of = |row: &Value| (row["site"].clone(), row["number"].clone(), row["urgency"].clone());
        let rows = answer["alarms"].as_array().cloned().unwrap_or_default();
        let wanted = ["north", "south"].map(|site| (site.into(), 1.into(), "urgent".into()));
        rows.iter().map(of).collect::<Vec<_>>() == wanted
    };
    let alarms = hub.until(&["ask", "alarms"], both);
    assert_eq!(alarms["alarms"][0]["id"], "north.freezer");
    hub.until(&["status"], all_fresh(&["north.freezer", "south.freezer"]));
    let status = stdout(&hub.run(&["status"]));
    assert!(status.contains("north Freezer: too warm since") && status.contains("north#1"), "{status}");

    // Numbers are each gateway's own, and none of them is this one's.
    let asked = |words: &str| stdout(&hub.run(&["ask", words]));
    assert!(asked("ack #1").contains("No open alarm matches that"), "it has no alarms of its own");
    let acknowledged = asked("ack north#1 the door stood open");
    assert!(acknowledged.contains("Acknowledged: north Freezer (north#1)"), "{acknowledged}");
    let there = north.json(&["ask", "alarms"]);
    assert_eq!(
        (&there["alarms"][0]["acknowledged_by"], &there["alarms"][0]["cause"]),
        (&"head-office".into(), &"the door stood open".into())
    );
    hub.until(&["ask", "alarms"], |answer| {
        answer["alarms"][0]["cause"] == "the door stood open" && answer["alarms"][0]["confirmed"] == true
    });
    let report = stdout(&north.run(&["ask", "report freezer today"]));
    assert!(report.contains("Alarms") && report.contains('1'), "{report}");

    // The south listens to the north alone, which is not this gateway, and nothing is done there.
    let refused = asked("ack south#1");
    assert!(refused.contains("south does not accept this from here"), "{refused}");
    assert!(south.json(&["ask", "alarms"])["alarms"][0]["acknowledged"].is_null());
    // Nor through whom the broker's rights do not let, whatever they write.
    let forged = json!({
        "schema": 1, "t": jiff::Timestamp::now().to_string(), "id": "1", "by": "eve", "act": "acknowledge", "numbers": [1],
    });
    broker.publish("fridge/south/acts/north", &forged.to_string(), false);

    let snoozed = asked("snooze site:north 2h");
    assert!(snoozed.contains("no new alarm is told for 2 h"), "{snoozed}");
    assert!(stdout(&north.run(&["ask", "alarms"])).contains("snoozed until"));
    assert!(south.json(&["ask", "alarms"])["alarms"][0]["acknowledged"].is_null(), "the forged one");

    // Of a gateway that is gone nobody knows whether its alarm is over, and nothing is done there.
    drop(north);
    let open = hub.until(&["ask", "alarms"], |answer| answer["alarms"][0]["confirmed"] == false);
    assert_eq!(open["alarms"][0]["site"], "north", "it is not forgotten");
    let alarms = asked("alarms");
    assert!(alarms.contains("and may be over by now") && alarms.contains("the alarms at north"), "{alarms}");
    let refused = asked("ack north#1");
    assert!(refused.contains("because it cannot be reached"), "{refused}");
}

#[test]
#[ignore = "needs Debian's mosquitto and openssl"]
fn a_kitchens_own_broker_passes_everything_on_over_a_bridge_and_goes_on_without_it() {
    let mut central = documented_broker(2099);
    let kitchen = Broker::start_with(
        |_, _| {
            let bridge = documented("bridge")
                .replace("broker.example.org:8883", &format!("localhost:{}", central.port))
                .replace(
                    "/etc/mosquitto/fridge/central.pem",
                    &central.file("broker.pem").display().to_string(),
                )
                .replace("remote_password …", "remote_password north's");
            format!("allow_anonymous true\n{bridge}restart_timeout 1\n")
        },
        &[],
    );
    let north =
        Service::start(&format!("{}acts_from = [\"head-office\"]\n{WARM_FREEZER}", at(&kitchen, "north")));
    let ca = format!("ca = \"{}\"\n", central.file("broker.pem").display());
    let section = secure_section(&central, "head-office", "head-office", &ca);
    let hub = Service::start(&format!("{section}[[bus]]\nkind = \"mqtt\"\n"));
    hub.until(&["status"], all_fresh(&["north.freezer"]));
    hub.until(&["ask", "alarms"], |answer| answer["alarms"][0]["urgency"] == "urgent");
    let acknowledged = stdout(&hub.run(&["ask", "ack north#1 on its way"]));
    assert!(acknowledged.contains("Acknowledged: north Freezer (north#1)"), "{acknowledged}");
    assert_eq!(north.json(&["ask", "alarms"])["alarms"][0]["cause"], "on its way");

    // Without the central broker the kitchen sees all of it as before, and the office nothing that is old.
    central.kill();
    hub.until(&["status"], |answer| fridges(answer) == [("north.freezer".to_owned(), false)]);
    kitchen.subscribe("fridge/north/readings").until(|seen| seen.json["late"] == false);
    assert!(all_fresh(&["freezer"])(&north.json(&["status"])));
    central.start_again();
    hub.until(&["status"], all_fresh(&["north.freezer"]));
}

#[test]
#[ignore = "needs Debian's mosquitto and openssl"]
fn a_broker_whose_certificate_is_over_or_who_does_not_know_this_gateway_is_not_believed() {
    let (expired, broker) = (documented_broker(2021), documented_broker(2099));
    let ca = |broker: &Broker| format!("ca = \"{}\"\n", broker.file("broker.pem").display());
    let good = secure_section(&broker, "head-office", "head-office", &ca(&broker));
    for (section, reason) in [
        (secure_section(&expired, "head-office", "head-office", &ca(&expired)), "expired"),
        (good.replace("head-office's", "bar's"), "are `user` and `password` right?"),
    ] {
        let hub = Service::start(&format!("{section}[[bus]]\nkind = \"mqtt\"\n"));
        hub.until(&["doctor"], |report| {
            let report = report.to_string();
            report.contains("gateways at localhost") && report.contains(reason)
        });
        assert!(fridges(&hub.json(&["status"])).is_empty());
    }
}
