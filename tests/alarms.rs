//! Alarms through the real program: raised by a sweep, told to a receiver, taken on by a button and by words, kept over
//! a restart, and over.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

mod gateway;
mod receiver;
mod serve;
use receiver::{Receiver, Reply, always_ok};
use serve::{Service, WARM_FREEZER, stdout};

/// One fridge that is too warm from the first sweep on, and urgent a second later.
fn warm_fridge(notify: &str) -> String {
    format!(
        "url = \"https://127.0.0.1:4443\"
[[hook]]
name = \"kitchen\"
token = \"{}\"
{WARM_FREEZER}[[fridge]]
name = \"Milk\"
probe = \"28-000000000001\"
limits = {{ max = 8 }}
{notify}",
        gateway::TOKEN
    )
}

fn mattermost(url: &str, more: &str) -> String {
    format!("[[notify]]\nkind = \"mattermost\"\nurl = \"{url}/hooks/abcdefghijklmnopqrstuvwxyz\"\n{more}")
}

fn text(message: &Value) -> &str {
    message["text"].as_str().unwrap_or_default()
}

#[test]
fn an_alarm_is_told_taken_on_by_a_button_and_kept_over_a_restart() {
    // Two failures first: the message still comes, once.
    let receiver = Receiver::start(
        Box::new(|post| match post {
            0 => Reply::Status(500, ""),
            1 => Reply::Status(429, "Retry-After: 1\r\n"),
            2 => Reply::CutOff,
            _ => Reply::Status(200, ""),
        }),
        None,
    );
    let notify = mattermost(&format!("http://{}", receiver.address), "mention = \"@channel\"\n");
    let service = Service::start(&warm_fridge(&notify));
    let told = receiver.until(|message| text(message).contains("Freezer"));
    assert!(text(&told).starts_with("@channel :rotating_light: Freezer (#1) is too warm"), "{told:#}");
    assert_eq!(told["priority"]["priority"], "urgent");
    let attachment = &told["attachments"][0];
    assert_eq!(attachment["color"], "danger");
    assert_eq!((receiver.messages().len(), receiver.posts()), (1, 4));

    let actions = attachment["actions"].as_array().unwrap();
    let names: Vec<_> = actions.iter().map(|action| action["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["I'm on it", "Delivery", "Defrost", "Snooze 1 h"]);
    let press = |service: &Service, context: &Value| -> Value {
        let body = json!({
            "user_id": "u1", "user_name": "anna", "channel_id": "c1", "post_id": "p1", "context": context,
        });
        let report = service.json(&["ask", "about"]);
        assert!(report["about"].is_object(), "{report}");
        let certificate = service.folder.path().join("state/certificate.pem");
        let mut client = gateway::Client::to(service.address(), &certificate);
        let answer = client.send(&receiver::post_json(service.address(), "/action", &body.to_string()));
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    };
    let mut forged = actions[1]["integration"]["context"].clone();
    forged["argument"] = json!("2");
    assert!(
        press(&service, &forged)["ephemeral_text"].as_str().unwrap().contains("not made by this gateway")
    );
    let pressed = press(&service, &actions[1]["integration"]["context"]);
    let post = pressed["update"]["message"].as_str().unwrap();
    assert!(post.contains("Freezer (#1): too warm for"), "{post}");
    assert!(post.contains("acknowledged by anna: delivery"), "{post}");
    assert_eq!(pressed["update"]["props"]["attachments"], json!([]));
    // Somebody else presses another button of the same post: the first one stays the record.
    let again = press(&service, &actions[0]["integration"]["context"]);
    assert!(again["update"]["message"].as_str().unwrap().contains("by anna: delivery"), "{again}");

    // The plug is pulled; the next start knows all of that, and says nothing twice.
    let service = service.killed_and_started();
    let alarms = service.until(&["ask", "alarms"], |answer| answer["alarms"][0]["number"] == 1);
    assert_eq!(alarms["alarms"][0]["acknowledged_by"], "anna");
    assert_eq!(alarms["alarms"][0]["cause"], "delivery");
    assert_eq!(receiver.messages().len(), 1);

    // With another limit it is over, and that is told.
    let config = std::fs::read_to_string(service.config()).unwrap();
    let config = config.replace("max = -18", "max = 6").replace("limit = -17.5", "limit = 7");
    std::fs::write(service.config(), config).unwrap();
    service.hang_up();
    let over = receiver.until(|message| text(message).contains("is no longer too warm"));
    assert!(over["attachments"][0]["actions"].is_null(), "{over:#}");
    let late = press(&service, &actions[0]["integration"]["context"]);
    assert!(late["ephemeral_text"].as_str().unwrap().contains("This alarm is over"), "{late}");
}

#[test]
fn words_take_alarms_on_and_make_them_quiet() {
    let receiver = Receiver::start(always_ok(), None);
    let notify = format!("[[notify]]\nkind = \"http\"\nurl = \"http://{}/any\"\n", receiver.address);
    let service = Service::start(&warm_fridge(&notify));
    let told = receiver.until(|message| message["topic"] == "raised");
    assert_eq!(told["alarms"][0]["number"], 1);
    assert_eq!(told["alarms"][0]["kind"], "too_warm");
    assert!(told["id"].is_i64() && told["simulated"] == true, "{told:#}");
    let ask = |words: &str| stdout(&service.run(&["ask", words]));
    for words in ["status", "status freezer"] {
        let status = ask(words);
        assert!(status.contains("Freezer: too warm since ") && status.contains(", urgent, #1"), "{status}");
    }
    assert!(!ask("status milk").contains("#1"), "{}", ask("status milk"));
    assert!(ask("alarms").contains("Freezer"), "{}", ask("alarms"));
    for (words, said) in [
        ("ack #999", "No open alarm matches"),
        ("ack milk", "No open alarm matches"),
        ("snooze milk", "How long?"),
        ("snooze milk 2x", "How long?"),
        ("snooze milk 168h", "How long?"),
        ("defrost", "Which fridge?"),
        ("snooze milkk 2h", "Milk"),
        ("ack freezer the door was open", "Acknowledged: Freezer (#1). Cause: the door was open"),
        ("snooze freezer 2h", "Freezer: no new alarm is told for 2 h"),
        ("defrost freezer 45m", "Freezer: for 45 min it may be too warm"),
    ] {
        assert!(ask(words).contains(said), "{words}: {}", ask(words));
    }
    let alarms = service.json(&["ask", "alarms"]);
    assert_eq!(alarms["alarms"][0]["cause"], "the door was open");
    let certificate = service.folder.path().join("state/certificate.pem");
    let health =
        gateway::Client::to(service.address(), &certificate).send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(health.body.contains("\"open_alarms\":1"), "{health:?}");
}

#[test]
fn the_demo_raises_an_alarm_that_can_be_acknowledged() {
    let receiver = Receiver::start(always_ok(), None);
    let url = format!("http://{}/hooks/abcdefghijklmnopqrstuvwxyz", receiver.address);
    let demo = gateway::Demo::start(&["--speed", "300", "--notify", &url]);
    let told = receiver.until(|message| text(message).contains("Freezer 1"));
    assert!(text(&told).contains("(simulated)"), "{told:#}");
    let mut client = gateway::Client::connect(&demo);
    client.ask_until("fridge ack freezer 1 its seal is broken", |text| {
        text.contains("Acknowledged: Freezer 1")
    });
    client.ask_until("fridge alarms", |text| text.contains("its seal is broken"));
}

#[test]
fn only_those_who_are_named_may_act_and_a_drill_goes_the_whole_way() {
    let receiver = Receiver::start(always_ok(), None);
    let url = format!("http://{}", receiver.address);
    let config = warm_fridge(&mattermost(&url, "")).replace("[[bus]]", "may_act = [\"Anna\"]\n[[bus]]");
    let service = Service::start(&config);
    let certificate = service.folder.path().join("state/certificate.pem");
    let ask = |user: &str, words: &str| {
        let mut client = gateway::Client::to(service.address(), &certificate);
        let form = format!(
            "token={}&user_id=u&user_name={user}&channel_id=c&trigger_word=fridge&text=fridge+{}",
            gateway::TOKEN,
            words.replace(' ', "+").replace('#', "%23")
        );
        let request = format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = client.send(request.as_bytes());
        serde_json::from_str::<Value>(&answer.body).unwrap()["text"].as_str().unwrap().to_owned()
    };
    let refused = ask("ben", "drill milk");
    assert!(refused.contains("You may ask here, but not act"), "{refused}");
    assert!(ask("ben", "status").contains("Milk"));
    assert!(ask("anna", "drill").contains("Which fridge?"));
    assert!(ask("anna", "drill milk").contains("Drill: an alarm is made up for Milk"));
    let told = receiver.until(|message| text(message).contains("Drill: Milk"));
    let actions = told["attachments"][0]["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 1, "a drill has no delivery, and snoozes nothing: {told:#}");
    assert!(ask("anna", "drill milk").contains("open already"));
    // The message is here a moment before the gateway knows that it is.
    let deadline = std::time::Instant::now() + serve::PATIENCE;
    while let listed = ask("ben", "alarms")
        && !listed.contains("drill, nothing is wrong; told within")
    {
        assert!(std::time::Instant::now() < deadline, "{listed}");
    }

    // Its button, pressed by one who may not and by one who may.
    let press = |user: &str| -> Value {
        let context = &actions[0]["integration"]["context"];
        let body = json!({ "user_id": "u", "user_name": user, "channel_id": "c", "context": context });
        let mut client = gateway::Client::to(service.address(), &certificate);
        let answer = client.send(&receiver::post_json(service.address(), "/action", &body.to_string()));
        serde_json::from_str(&answer.body).unwrap()
    };
    assert!(press("ben")["ephemeral_text"].as_str().unwrap().contains("not act"), "{}", press("ben"));
    let taken = press("anna");
    let post = taken["update"]["message"].as_str().unwrap();
    assert!(
        post.contains("drill, nothing is wrong") && post.contains("acknowledged by anna after"),
        "{post}"
    );
    let over = receiver.until(|message| text(message).contains("is over"));
    assert!(text(&over).contains("Drill: Milk (#"), "{over:#}");
    assert!(!ask("ben", "alarms").contains("Milk"));
}

#[test]
fn each_format_is_what_its_receiver_takes_and_the_doctor_tries_them() {
    let receiver = Receiver::start(always_ok(), None);
    let at = receiver.address;
    let notify = format!(
        "[[notify]]\nname = \"phones\"\nkind = \"http\"\nformat = \"ntfy\"\nurl = \"http://{at}/push/kitchen\"\n\
         [[notify]]\nname = \"on call\"\nkind = \"http\"\nformat = \"alertmanager\"\nurl = \"http://{at}/api/v2/alerts\"\n"
    );
    let service = Service::start(&warm_fridge(&notify));
    let ntfy = receiver.until(|message| message["topic"] == "kitchen");
    assert_eq!(ntfy["priority"], 5, "{ntfy:#}");
    assert!(ntfy["title"].as_str().unwrap().starts_with("Freezer (#1) is too warm"), "{ntfy:#}");
    let alerts = receiver.until(|message| message[0]["labels"]["alertname"] == "FridgeTooWarm");
    let urgent = &alerts.as_array().unwrap()[1];
    assert_eq!(urgent["labels"]["severity"], "critical", "{alerts:#}");
    assert_eq!((&urgent["labels"]["fridge"], &urgent["labels"]["number"]), (&json!("freezer"), &json!("1")));
    assert!(urgent["endsAt"].as_str().unwrap() > urgent["startsAt"].as_str().unwrap());

    service.until(&["ask", "alarms"], |answer| answer["alarms"][0]["number"] == 1);
    let doctor = stdout(&service.run(&["doctor"]));
    assert!(doctor.contains("alarms: phones: reached "), "{doctor}");
    assert!(!doctor.contains("test has arrived"), "{doctor}");
    let doctor = stdout(&service.run(&["doctor", "--send"]));
    assert!(doctor.contains("alarms: on call: the test has arrived"), "{doctor}");
    let test =
        receiver.until(|message| message["title"].as_str().is_some_and(|it| it.contains("This is a test")));
    assert_eq!(test["priority"], 3);
}

#[test]
fn a_receiver_that_refuses_is_told_of_once_and_no_secret_is_logged() {
    let receiver = Receiver::start(Box::new(|_| Reply::Status(403, "")), None);
    let service = Service::start(&warm_fridge(&mattermost(&format!("http://{}", receiver.address), "")));
    let line = service.until_logged("a message was refused");
    assert!(line.contains("403") && line.contains("locked to another channel"), "{line}");
    assert!(!line.contains("hooks") && !line.contains("s3cret"), "{line}");
    assert_eq!(receiver.posts(), 1);
}

#[test]
fn a_hook_takes_on_no_alarm_of_a_fridge_that_it_may_not_see() {
    let receiver = Receiver::start(always_ok(), None);
    let other =
        "[[hook]]\nname = \"bar\"\ntoken = \"another-token-of-26-letters\"\nfridges = [\"Milk\"]\n[[bus]]";
    let config = warm_fridge(&mattermost(&format!("http://{}", receiver.address), ""));
    let service = Service::start(&config.replace("[[bus]]", other));
    receiver.until(|message| text(message).contains("Freezer (#1)"));
    let certificate = service.folder.path().join("state/certificate.pem");
    let ask = |token: &str, words: &str| {
        let mut client = gateway::Client::to(service.address(), &certificate);
        client.post_form("/webhook", &[("token", token), ("trigger_word", "fridge"), ("text", words)]).body
    };
    for words in ["fridge ack #1", "fridge ack freezer", "fridge ack", "fridge alarms"] {
        let answer = ask("another-token-of-26-letters", words);
        assert!(answer.contains("o open alarm"), "{words}: {answer}");
        assert!(!answer.contains("Freezer"), "{words}: {answer}");
    }
    assert!(ask(gateway::TOKEN, "fridge ack #1").contains("Acknowledged: Freezer"));
}

#[test]
fn after_a_long_time_off_one_message_says_how_warm_each_fridge_became() {
    let receiver = Receiver::start(always_ok(), None);
    let notify = format!("[[notify]]\nkind = \"http\"\nurl = \"http://{}/any\"\n", receiver.address);
    let service = Service::start(&warm_fridge(&notify));
    receiver.until(|message| message["topic"] == "raised");
    let database = service.folder.path().join("state/simulated/records.db");
    // As if it had ended four hours ago, when the freezer was cold.
    let service = service.killed_and_started_after(|| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        let at = jiff::Timestamp::now() - Duration::from_secs(4 * 3_600);
        let alive =
            json!({ "at": at, "was_ended": true, "readings": { "freezer": -20 * 16, "milk": 4 * 16 } });
        let sql = "INSERT OR REPLACE INTO alive VALUES (1, ?1)";
        connection.execute(sql, [alive.to_string()]).unwrap();
    });
    let told = receiver.until(|message| message["topic"] == "outage");
    let said = text(&told);
    assert!(said.starts_with("The gateway was off for 4 h; 1 fridge passed a limit, by estimate"), "{said}");
    assert!(said.contains("Freezer: at most \u{2212}1") && said.contains("above \u{2212}18.0 °C"), "{said}");
    assert!(said.contains("Milk: at most") && said.contains("within its limit of 8.0 °C"), "{said}");
    assert!((14_400..14_500).contains(&told["outage"]["off_s"].as_u64().unwrap()), "{told:#}");
    drop(service);
}

#[test]
fn what_becomes_urgent_or_is_unanswered_is_told_and_told_again() {
    let receiver = Receiver::start(always_ok(), None);
    let url = format!("http://{}", receiver.address);
    let notify = mattermost(&url, "mention = \"@channel\"\n")
        + &format!(
            "[[notify]]\nname = \"on call\"\nkind = \"http\"\nurgent_only = true\nurl = \"{url}/any\"\n"
        );
    // A warning after a second, urgent two seconds later, unanswered after four.
    let rules = "limits = { max = -30 }\nalarm = { lag = \"1s\", escalation = { limit = -17.5, after = \"3s\" }, unanswered = \"5s\" }";
    let config = warm_fridge(&notify);
    let (before, after) = config.split_once("limits = { max = -18 }").unwrap();
    let after = after.split_once('\n').unwrap().1.split_once('\n').unwrap().1;
    let service = Service::start(&format!("{before}{rules}\n{after}"));
    let post = |holds: &dyn Fn(&str) -> bool| {
        receiver.until(|message| message["attachments"].is_array() && holds(text(message)))
    };
    let raised = post(&|said| said.ends_with("Freezer (#1) is too warm (simulated)"));
    assert!(text(&raised).starts_with(":warning:"), "{raised:#}");
    let urgent = post(&|said| said.contains("is too warm: now urgent"));
    assert!(text(&urgent).starts_with("@channel :rotating_light:"), "{urgent:#}");
    let unanswered = post(&|said| said.contains("nobody has acknowledged it"));
    assert_eq!(unanswered["priority"]["priority"], "urgent");
    post(&|said| said.contains("is still too warm"));
    // Who is on call has heard of all but the warning.
    receiver.until(|message| message["topic"] == "reminder");
    let topics = receiver
        .messages()
        .iter()
        .filter_map(|it| it["topic"].as_str().map(str::to_owned))
        .collect::<Vec<_>>();
    assert_eq!(topics, ["escalated", "unanswered", "reminder"]);
    drop(service);
}

#[test]
fn what_is_refused_for_ever_is_given_up_and_what_comes_after_it_arrives() {
    for status in [400, 404, 501] {
        let receiver = Receiver::start(
            Box::new(move |post| Reply::Status(if post == 0 { status } else { 200 }, "")),
            None,
        );
        let service = Service::start(&warm_fridge(&mattermost(&format!("http://{}", receiver.address), "")));
        let line = service.until_logged("a message was refused");
        assert!(line.contains(&status.to_string()) && !line.contains("s3cret"), "{line}");
        let acknowledged = stdout(&service.run(&["ask", "drill", "milk"]));
        assert!(acknowledged.contains("Drill"), "{acknowledged}");
        receiver.until(|message| text(message).contains("Drill: Milk"));
        let doctor = stdout(&service.run(&["doctor"]));
        assert!(doctor.contains("alarms: mattermost 127.0.0.1: reached"), "{doctor}");
        assert!(!doctor.contains("hooks/"), "{doctor}");
    }
}

#[test]
fn a_receiver_that_was_away_gets_what_waited_once_it_is_back() {
    let receiver = Receiver::start(always_ok(), None);
    let address = receiver.address;
    receiver.stop();
    let service = Service::start(&warm_fridge(&mattermost(&format!("http://{address}"), "")));
    service.until_logged("cannot be delivered yet");
    let doctor = stdout(&service.run(&["doctor"]));
    assert!(doctor.contains("cannot connect") && doctor.contains("waiting"), "{doctor}");
    let target = "\n[[notify]]\nkind = \"http\"\nname = \"new\"\nurl = \"http://127.0.0.1:1/\"\n";
    let config = std::fs::read_to_string(service.config()).unwrap();
    std::fs::write(service.config(), config + target).unwrap();
    let found = service.json(&["doctor", "--send"]);
    let ids: Vec<&str> = found.as_array().unwrap().iter().filter_map(|it| it["id"].as_str()).collect();
    for id in ["notify-failing", "notify-test", "notify-unused"] {
        assert!(ids.contains(&id), "{id} in {found:#}");
    }
    // Also over a restart of ours.
    let service = service.killed_and_started();
    let receiver = Receiver::start_at(address, always_ok(), None);
    receiver.until(|message| text(message).contains("Freezer"));
    receiver.stop();
    assert!(service.run(&["ask", "drill", "milk"]).status.success());
    service.until_logged("cannot be delivered yet");
    let receiver = Receiver::start_at(address, always_ok(), None);
    receiver.until(|message| text(message).contains("Drill: Milk"));
    service.until_logged("delivery works again");
}

#[test]
fn records_that_are_damaged_or_cannot_be_written_keep_no_alarm_back() {
    let receiver = Receiver::start(always_ok(), None);
    let notify = mattermost(&format!("http://{}", receiver.address), "");
    let service = Service::start(&warm_fridge(&notify));
    receiver.until(|message| text(message).contains("Freezer (#1)"));
    let database = service.folder.path().join("state/simulated/records.db");
    let service = service.killed_and_started_after(|| {
        for ending in ["", "-wal", "-shm"] {
            std::fs::write(format!("{}{ending}", database.display()), "not a database".repeat(1_000))
                .unwrap();
        }
    });
    service.until(&["ask", "alarms"], |answer| answer["alarms"][0].is_object());
    let aside = std::fs::read_dir(service.folder.path().join("state/simulated")).unwrap();
    let aside = aside.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("db.bad-"));
    assert!(aside.count() >= 1);

    // A folder in its place cannot be opened at all.
    let service = service.killed_and_started_after(|| {
        for ending in ["", "-wal", "-shm"] {
            let _gone = std::fs::remove_file(format!("{}{ending}", database.display()));
        }
        std::fs::create_dir(&database).unwrap();
    });
    service.until(&["ask", "alarms"], |answer| answer["alarms"][0].is_object());
    let refused = stdout(&service.run(&["ask", "ack", "freezer"]));
    assert!(refused.contains("the disk did not take this"), "{refused}");
}

#[test]
fn a_message_goes_only_to_a_certificate_that_is_trusted() {
    let authority = rcgen::generate_simple_self_signed(vec![String::from("127.0.0.1")]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(authority.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![authority.cert.der().clone()], key)
        .unwrap();
    let receiver = Receiver::start(always_ok(), Some(Arc::new(tls)));
    let url = format!("https://{}", receiver.address);
    let service =
        Service::start(&warm_fridge(&mattermost(&url, "ca = \"authority.pem\"\n")).replace("ca =", "# ca ="));
    service.until_logged("cannot be delivered yet");
    assert!(receiver.messages().is_empty());
    std::fs::write(service.folder.path().join("authority.pem"), authority.cert.pem()).unwrap();
    let config = std::fs::read_to_string(service.config()).unwrap().replace("# ca =", "ca =");
    std::fs::write(service.config(), config).unwrap();
    service.hang_up();
    // What waited for the target arrives there by its new configuration.
    receiver.until(|message| text(message).contains("Freezer"));
}

/// Two fridges whose logs begin anew with each start: one warm first, one cold first.
const ALTERNATING: &str = "
[[bus]]
kind = \"simulated\"
period = \"100ms\"
replay = \"warm_first.csv\"
[[bus]]
kind = \"simulated\"
period = \"100ms\"
probes = 2
replay = \"cold_first.csv\"
[[fridge]]
name = \"Milk\"
probe = \"28-000000000001\"
limits = { max = 8 }
alarm = { gross = { limit = 10, after = \"1s\" } }
[[fridge]]
name = \"Meat\"
probe = \"28-000000000002\"
limits = { max = 8 }
alarm = { gross = { limit = 10, after = \"1s\" } }
";

#[test]
fn whenever_it_is_killed_every_alarm_arrives_in_its_order_and_none_is_invented() {
    // A third of the posts fail.
    let receiver = Receiver::start(
        Box::new(|post| if post % 3 == 1 { Reply::Status(500, "") } else { Reply::Status(200, "") }),
        None,
    );
    let folder = tempfile::tempdir().unwrap();
    let log = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let logs = [
        log("warm_first.csv", "0 20.0\n2.6 4.0\n5.2 20.0\n"),
        log("cold_first.csv", "0 4.0\n0.9 20.0\n5.0 4.0\n"),
    ];
    let kills = std::env::var("KILLS").map_or(20, |kills| kills.parse().unwrap());
    let url = format!("http://{}/any", receiver.address);
    let notify = format!("[[notify]]\nname = \"any\"\nkind = \"http\"\nurl = \"{url}\"\n");
    let mut service = Service::start_beside(&format!("{ALTERNATING}{notify}"), &[&logs[0], &logs[1]]);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..kills {
        // Not a wait for a condition: the moment is the test.
        std::thread::sleep(std::time::Duration::from_millis(random.u64(0..4_500)));
        service = service.killed_and_started();
    }
    // Every alarm in the records that has ended was told, and everything that was told is in the records.
    service.until(&["ask", "alarms"], |answer| answer["alarms"].is_array());
    let database = service.folder.path().join("state/simulated/records.db");
    let rows = |sql: &str| -> Vec<Value> {
        let connection = rusqlite::Connection::open(&database).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect()
    };
    let deadline = std::time::Instant::now() + serve::PATIENCE;
    let ended: Vec<u64> = loop {
        let alarms = rows("SELECT json FROM alarm ORDER BY number");
        let ended: Vec<u64> = alarms
            .iter()
            .filter(|alarm| alarm["ended"] == true)
            .map(|alarm| alarm["number"].as_u64().unwrap())
            .collect();
        let told: Vec<u64> = told(&receiver, "cleared");
        if ended.len() >= 3 && ended.iter().all(|number| told.contains(number)) {
            break ended;
        }
        assert!(std::time::Instant::now() < deadline, "ended {ended:?}, told {told:?}");
        std::thread::yield_now();
    };
    // In this order: an alarm may be raised in between.
    let messages = receiver.messages();
    let highest = rows("SELECT json FROM alarm ORDER BY number").len() as u64;
    let ids: Vec<i64> = messages.iter().map(|message| message["id"].as_i64().unwrap()).collect();
    let mut repeated = 0;
    for pair in ids.windows(2) {
        assert!(pair[1] >= pair[0], "out of order: {ids:?}");
        repeated += usize::from(pair[0] == pair[1]);
    }
    let invented = messages.iter().flat_map(|message| message["alarms"].as_array().unwrap()).find(|alarm| {
        let number = alarm["number"].as_u64().unwrap();
        number == 0 || number > highest
    });
    assert!(invented.is_none(), "{invented:?}");
    println!(
        "{kills} kills, {} alarms ended, {} messages, {repeated} of them repeated",
        ended.len(),
        messages.len()
    );
}

fn told(receiver: &Receiver, topic: &str) -> Vec<u64> {
    let messages = receiver.messages();
    let of_topic = messages.iter().filter(|message| message["topic"] == topic);
    let alarms = of_topic.flat_map(|message| message["alarms"].as_array().unwrap());
    alarms.map(|alarm| alarm["number"].as_u64().unwrap()).collect()
}

#[test]
fn the_documented_page_names_every_word() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alarms.md")).unwrap();
    for word in ["fridge alarms", "fridge ack", "fridge snooze", "fridge defrost", "I'm on it", "[[notify]]"]
    {
        assert!(page.contains(word), "{word}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_fridge")).args(["rules", "--help"]).output().unwrap();
    assert!(help.status.success());
}
