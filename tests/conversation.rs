//! The conversation with Mattermost on its wire: slash commands, buttons, and that every answer of ours is
//! one that Mattermost shows.

use base64ish::decode;
use fridge::alarm::{Alarm, Kind, RuleName, Urgency};
use fridge::chat::Scope;
use fridge::mattermost::Placement;
use fridge::mattermost::button_token::Signer;
use fridge::reading::{Celsius, Fault, Sample};
use proptest::prelude::*;
use serde_json::{Value, json};
use strum::VariantArray;

mod gateway;
mod mattermost;
mod served;
use gateway::{Answer, Client};
use mattermost::Outcome;
use served::{OTHER_TOKEN, Served, Setup, fridge};

const FORM: &str = "application/x-www-form-urlencoded";
const SLASH_TOKEN: &str = "qf3ogw1ch3apooqzdd15eyqhka";
const CHANNEL: &str = "49f31c1kgykncmer74bgremcyo";

/// Base64, for the one file that needs it.
mod base64ish {
    pub fn decode(text: &str) -> Vec<u8> {
        let value = |letter: u8| match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
        let mut bytes = Vec::new();
        for group in letters.chunks(4) {
            let bits = group.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(value(*letter)));
            let bits = bits << (6 * (4 - group.len()));
            bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
        }
        bytes
    }
}

fn vector(file: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/mattermost");
    std::fs::read(folder.join(file)).unwrap()
}

fn connect(served: &Served) -> Client {
    Client::to(served.address, &served.certificate)
}

fn send(client: &mut Client, line: &str, headers: &str, body: &[u8]) -> Answer {
    let mut request =
        format!("{line} HTTP/1.1\r\nHost: fridge\r\nContent-Length: {}\r\n{headers}\r\n", body.len())
            .into_bytes();
    request.extend_from_slice(body);
    client.send(&request)
}

fn post(client: &mut Client, path: &str, content_type: &str, body: &[u8]) -> Answer {
    send(client, &format!("POST {path}"), &format!("Content-Type: {content_type}\r\n"), body)
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// A server with buttons, whose first hook is the slash command of the vectors.
fn setup() -> Setup {
    let mut setup = Setup::new();
    setup.config.hooks[0].token = fridge::secret::Secret::new(SLASH_TOKEN);
    setup.config.url = Some(String::from("https://fridge.example.org:4443"));
    setup
}

fn ask(client: &mut Client, text: &str) -> Answer {
    let form = [("token", OTHER_TOKEN), ("text", text), ("trigger_word", "fridge"), ("channel_id", CHANNEL)];
    let answer = client.post_form("/webhook", &form);
    assert_eq!(mattermost::outgoing(answer.body.as_bytes()), Outcome::Posted, "{answer:?}");
    answer
}

#[test]
fn the_checker_judges_every_response_case_as_mattermost_does() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("responses.json")).unwrap();
    let mut seen = 0;
    for case in &cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let long = |length: usize| {
            let mut body = b"{\"text\":\"".to_vec();
            body.resize(length - 2, b'x');
            [body, b"\"}".to_vec()].concat()
        };
        let body = match text("name") {
            "exactly 1 MiB" => long(1 << 20),
            "1 MiB + 1" => long((1 << 20) + 1),
            _ => decode(text("body_base64")),
        };
        let outcome = match text("endpoint") {
            "outgoing" => mattermost::outgoing(&body),
            "slash" => mattermost::slash(status, text("content_type"), &body),
            "action" => mattermost::action(status, &body),
            other => panic!("{other}"),
        };
        let expected = match text("outcome") {
            "posted" => Outcome::Posted,
            "ephemeral" => Outcome::Ephemeral,
            "accepted" => Outcome::Accepted,
            "silent" => Outcome::Silent,
            "rejected" => Outcome::Rejected,
            "panic" => Outcome::Panic,
            other => panic!("{other}"),
        };
        assert_eq!(outcome, expected, "{} / {}", text("endpoint"), text("name"));
        seen += 1;
    }
    assert!(seen >= 50, "{seen}");
}

#[test]
fn every_slash_vector_is_answered() {
    let served = setup().serve();
    let mut client = connect(&served);
    let index: Vec<Value> = serde_json::from_slice(&vector("index.json")).unwrap();
    let mut seen = 0;
    for case in index.iter().filter(|case| case["Kind"] == "slash") {
        let name = case["Name"].as_str().unwrap();
        let body = vector(case["File"].as_str().unwrap());
        let authorization = format!("Authorization: {}\r\n", case["Auth"].as_str().unwrap());
        let answer = if name.contains("get") {
            let line = format!("GET /command?{}", String::from_utf8(body).unwrap());
            send(&mut client, &line, &authorization, b"")
        } else {
            send(&mut client, "POST /command", &format!("{authorization}Content-Type: {FORM}\r\n"), &body)
        };
        let content_type = answer.header("content-type").unwrap().to_owned();
        assert_eq!(
            mattermost::slash(answer.status, &content_type, answer.body.as_bytes()),
            Outcome::Ephemeral,
            "{name}"
        );
        let body = parsed(&answer);
        assert_eq!(body["skip_slack_parsing"], true, "{name}");
        let text = body["text"].as_str().unwrap();
        assert!(!text.starts_with("fridge") && mattermost::reads_as_written(text), "{name}: {text}");
        // v09 asks "@bob top ~kitchen ~town-square": none of ours, and nobody is called.
        assert_eq!(text.contains("| Milk "), !name.contains("mentions"), "{name}: {text}");
        assert!(!text.contains("bob"), "{name}: {text}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_command_behind_a_wide_blank_is_understood() {
    let served = setup().serve();
    // U+3000 was cut after its first byte: the rest is no UTF-8.
    let body = format!("token={SLASH_TOKEN}&text=%80%80status+milk+");
    let answer = post(&mut connect(&served), "/command", FORM, body.as_bytes());
    assert!(parsed(&answer)["text"].as_str().unwrap().contains(" Milk: 4.2\u{a0}°C"), "{answer:?}");
}

#[test]
fn the_token_of_a_command_may_stand_in_the_header_alone() {
    let served = setup().serve();
    let mut client = connect(&served);
    let form = format!("Content-Type: {FORM}\r\n");
    let with = |token: &str| format!("{form}Authorization: Token {token}\r\n");
    assert_eq!(send(&mut client, "POST /command", &with(SLASH_TOKEN), b"text=status").status, 200);
    assert_eq!(send(&mut client, "POST /command", &with("wrong"), b"text=status").status, 401);
    assert_eq!(send(&mut client, "POST /command", &form, b"text=status").status, 401);
    // An outgoing OAuth connection replaces the header; the body still has the token.
    let bearer = format!("{form}Authorization: Bearer abc\r\n");
    let body = format!("token={SLASH_TOKEN}&text=status");
    assert_eq!(send(&mut client, "POST /command", &bearer, body.as_bytes()).status, 200);
}

#[test]
fn share_and_the_setting_show_an_answer_to_everybody() {
    let mut setup = setup();
    setup.config.hooks[1].in_channel = true;
    let served = setup.serve();
    let mut client = connect(&served);
    let mut kind = |token: &str, text: &str| {
        let answer = post(&mut client, "/command", FORM, format!("token={token}&text={text}").as_bytes());
        parsed(&answer)["response_type"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(SLASH_TOKEN, "status"), "ephemeral");
    assert_eq!(kind(SLASH_TOKEN, "status+share"), "in_channel");
    assert_eq!(kind(OTHER_TOKEN, "status"), "in_channel");
}

#[test]
fn the_hooks_own_look_is_in_every_answer() {
    let mut setup = setup();
    let hook = &mut setup.config.hooks[1];
    hook.response = Placement::Comment;
    hook.username = Some(String::from("Fridges"));
    hook.icon_url = Some(String::from("https://example.org/fridge.png"));
    setup.name = Some(String::from("Kitchen Pi"));
    let served = setup.serve();
    let body = parsed(&ask(&mut connect(&served), "fridge status"));
    assert_eq!(body["response_type"], "comment");
    assert_eq!(
        (&body["username"], &body["icon_url"]),
        (&json!("Fridges"), &json!("https://example.org/fridge.png"))
    );
    assert!(
        body["text"]
            .as_str()
            .unwrap()
            .starts_with(":white_check_mark: Kitchen Pi: The only fridge is in range")
    );
    assert!(!body["text"].as_str().unwrap().contains("://"), "no links in texts");
}

#[test]
fn bad_requests_to_command_and_action_are_refused_in_words() {
    let served = setup().serve();
    let mut client = connect(&served);
    let json = "application/json";
    for (path, content_type, body, status) in [
        ("/command", FORM, "text=status&token=wrong", 401),
        ("/command", "text/plain", "text=status", 415),
        ("/command", json, "{", 400),
        ("/command", json, "[]", 400),
        ("/command", json, "{\"text\":1}", 400),
        ("/action", FORM, "a=b", 415),
        ("/action", json, "{", 400),
        ("/action", json, "[]", 400),
    ] {
        let answer = post(&mut client, path, content_type, body.as_bytes());
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(parsed(&answer)["error"].is_string() && parsed(&answer).get("text").is_none(), "{answer:?}");
    }
    for (method, path, allow) in [("PUT", "/command", "GET, POST"), ("GET", "/action", "POST")] {
        let answer = send(&mut client, &format!("{method} {path}"), "", b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)));
    }
    for path in ["/command", "/action"] {
        let answer = post(&mut connect(&served), path, json, &vec![b'x'; 256 * 1024 + 1]);
        assert_eq!(answer.status, 413, "{path}");
    }
    let unknown = post(&mut client, "/command", FORM, format!("token={SLASH_TOKEN}&text=dance").as_bytes());
    assert!(parsed(&unknown)["text"].as_str().unwrap().contains("`fridge help`"));
}

#[test]
fn without_a_configured_token_a_command_is_refused_too() {
    let mut setup = setup();
    setup.config.hooks.clear();
    let served = setup.serve();
    let form = format!("token={SLASH_TOKEN}&text=status");
    let answer = post(&mut connect(&served), "/command", FORM, form.as_bytes());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(parsed(&answer)["error"].as_str().unwrap().contains("[[hook]]"));
}

#[test]
fn who_is_not_in_allow_may_not_ask() {
    for (allow, status) in [("127.0.0.1/32", 200), ("192.168.1.10/32", 403)] {
        let mut setup = setup();
        setup.config.allow = vec![allow.parse().unwrap()];
        let served = setup.serve();
        let mut client = connect(&served);
        let form = format!("token={OTHER_TOKEN}&text=fridge");
        for path in ["/webhook", "/command"] {
            assert_eq!(post(&mut client, path, FORM, form.as_bytes()).status, status, "{path}");
        }
        let action = post(&mut connect(&served), "/action", "application/json", b"{}");
        assert_eq!(action.status, status, "{action:?}");
        assert_eq!(send(&mut client, "GET /health", "", b"").status, 200, "whoever watches may look");
    }
}

/// The buttons below an answer: each one's id and its context.
fn buttons(answer: &Value) -> Vec<(String, Value)> {
    let actions = answer["attachments"][0]["actions"].as_array().cloned().unwrap_or_default();
    actions
        .iter()
        .map(|action| {
            assert_eq!(action["integration"]["url"], "https://fridge.example.org:4443/action");
            (action["id"].as_str().unwrap().to_owned(), action["integration"]["context"].clone())
        })
        .collect()
}

fn press(client: &mut Client, channel: &str, context: &Value) -> Value {
    let body =
        json!({ "user_id": "u", "channel_id": channel, "type": "button", "context": context }).to_string();
    let answer = post(client, "/action", "application/json", body.as_bytes());
    assert_eq!(mattermost::action(answer.status, answer.body.as_bytes()), Outcome::Accepted, "{answer:?}");
    parsed(&answer)
}

#[test]
fn refresh_makes_the_post_anew_and_details_tell_one_fridge_to_the_presser() {
    let served = setup().serve();
    let mut client = connect(&served);
    let answer = parsed(&ask(&mut client, "fridge status"));
    let buttons_of = buttons(&answer);
    let [(refresh, refresh_context), (details, details_context)] = &buttons_of[..] else {
        panic!("{answer}")
    };
    assert_eq!((refresh.as_str(), details.as_str()), ("refresh", "details"));
    let menu = &answer["attachments"][0]["actions"][1]["options"];
    assert_eq!(menu, &json!([{ "text": "Milk", "value": "28-000000000001" }]));

    // Pressed twice at once, each on a connection of its own as Mattermost does.
    std::thread::scope(|scope| {
        let presses =
            [(); 2].map(|()| scope.spawn(|| press(&mut connect(&served), CHANNEL, refresh_context)));
        for pressed in presses {
            assert!(pressed.join().unwrap()["update"]["message"].as_str().unwrap().contains("| Milk "));
        }
    });
    // And again, with the buttons that came back.
    for _ in 0..2 {
        let pressed = press(&mut connect(&served), CHANNEL, refresh_context);
        assert!(pressed["update"]["message"].as_str().unwrap().contains("| Milk "), "{pressed}");
        let again = buttons(&pressed["update"]["props"]);
        assert_eq!(again.len(), 2, "the look is kept: {pressed}");
        assert!(press(&mut connect(&served), CHANNEL, &again[0].1)["update"].is_object());
    }
    let mut chosen = details_context.clone();
    chosen["selected_option"] = json!("28-000000000001");
    let pressed = press(&mut connect(&served), CHANNEL, &chosen);
    assert!(pressed["ephemeral_text"].as_str().unwrap().contains("Milk: 4.2\u{a0}°C"), "{pressed}");
    assert!(pressed.get("update").is_none());
}

#[test]
fn a_context_that_does_not_hold_is_refused_to_the_presser() {
    let mut setup = setup();
    setup.fridges.push((fridge(2, "Secret"), Ok(Celsius::from_sixteenths(64))));
    setup.config.hooks[1].scope = Scope::only(["milk"]);
    let served = setup.serve();
    let mut client = connect(&served);
    let answer = parsed(&ask(&mut client, "fridge status"));
    let [refresh, details] = &buttons(&answer)[..] else { panic!("{answer}") };
    let refused = |channel: &str, context: &Value, why: &str| {
        let pressed = press(&mut connect(&served), channel, context);
        assert!(
            pressed["ephemeral_text"].as_str().is_some_and(|text| text.contains(why)),
            "{why}: {pressed}"
        );
        assert!(pressed.get("update").is_none(), "{pressed}");
    };
    let changed = |key: &str, value: Value| {
        let mut context = refresh.1.clone();
        context[key] = value;
        context
    };
    refused("another", &refresh.1, "another channel");
    refused(CHANNEL, &Value::Null, "not made by this gateway");
    refused(CHANNEL, &json!({}), "not made by this gateway");
    refused(CHANNEL, &json!({ "action": "refresh" }), "not made by this gateway");
    for (key, value) in [
        ("argument", json!("status secret")),
        ("hook", json!("kitchen")),
        ("channel", json!("other")),
        ("expires", json!(99_999_999_999_i64)),
        ("signature", json!("00")),
        ("signature", json!("zz")),
        ("action", json!("details")),
    ] {
        refused(CHANNEL, &changed(key, value), "not made by this gateway");
    }
    for gone in ["28-000000000002", "28-00000000ffff", "", "status"] {
        let mut context = details.1.clone();
        context["selected_option"] = json!(gone);
        refused(CHANNEL, &context, "no longer configured, or not visible in this channel");
    }
    assert!(served.rejected("button") >= 11);

    // Another gateway's key: what it signed is foreign here.
    let other = self::setup().serve();
    let foreign = parsed(&ask(&mut connect(&other), "fridge status"));
    refused(CHANNEL, &buttons(&foreign)[0].1, "not made by this gateway");
}

#[test]
fn a_button_is_its_hooks_whatever_becomes_of_the_others_and_ends_with_its_token() {
    let mut setup = setup();
    setup.fridges.push((fridge(2, "Secret"), Ok(Celsius::from_sixteenths(64))));
    // None has a name of its own; the second may see one fridge, the first another.
    for (hook, (name, sees)) in setup.config.hooks.iter_mut().zip([("hook 1", "secret"), ("hook 2", "milk")])
    {
        (hook.name, hook.scope) = (name.into(), Scope::only([sees]));
    }
    let served = setup.serve();
    let answer = parsed(&ask(&mut connect(&served), "fridge status"));
    let [refresh, _] = &buttons(&answer)[..] else { panic!("{answer}") };
    let pressed = || press(&mut connect(&served), CHANNEL, &refresh.1);
    served.reload(|config| config.hooks.reverse());
    assert!(pressed()["update"]["message"].as_str().unwrap().contains("Milk"), "{}", pressed());
    served.reload(|config| {
        config.hooks.remove(0);
        config.hooks[0].name = "hook 1".into();
    });
    assert!(pressed()["update"]["message"].as_str().unwrap().contains("Milk"), "{}", pressed());
    let refused = "no longer configured";
    served.reload(|config| config.hooks.truncate(1));
    assert!(pressed()["ephemeral_text"].as_str().unwrap().to_lowercase().contains(refused), "{}", pressed());
    served.reload(|config| config.hooks[1].token = fridge::secret::Secret::new("zzzzzzzzzzzzzzzzzzzzzzzzzz"));
    assert!(pressed()["ephemeral_text"].as_str().unwrap().to_lowercase().contains(refused), "{}", pressed());
}

#[test]
fn a_button_is_refused_once_its_day_is_over() {
    let served = setup().serve();
    let mut client = connect(&served);
    let answer = parsed(&ask(&mut client, "fridge status"));
    let context = buttons(&answer)[0].1.clone();
    let expires = context["expires"].as_i64().unwrap();
    assert_eq!(expires, 24 * 3_600, "the clock of this server stands at 1970");
    served.set_wall(expires + 1);
    let pressed = press(&mut connect(&served), CHANNEL, &context);
    assert!(pressed["ephemeral_text"].as_str().unwrap().contains("more than a day old"), "{pressed}");
}

#[test]
fn a_button_below_an_alarm_is_refused_once_its_month_is_over() {
    let served = setup().serve();
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Warning);
    let alarm = Alarm::new(41, ("milk", "Milk"), what, epoch, epoch);
    let signer = Signer::ensure(served.folder.path()).unwrap();
    let context = serde_json::to_value(signer.sign_alarm("acknowledge", &alarm, epoch)).unwrap();
    let said = || {
        let pressed = press(&mut connect(&served), CHANNEL, &context);
        pressed["ephemeral_text"].as_str().unwrap().to_owned()
    };
    served.set_wall(29 * 86_400);
    assert!(said().contains("This alarm is over"), "{}", said());
    served.set_wall(30 * 86_400 + 1);
    assert!(said().contains("This button is too old"), "{}", said());
}

#[test]
fn the_action_vectors_carry_foreign_signatures_and_are_refused() {
    let served = setup().serve();
    for file in ["v12-action-button.body", "v13-action-select.body"] {
        let answer = post(&mut connect(&served), "/action", "application/json", &vector(file));
        assert_eq!(mattermost::action(answer.status, answer.body.as_bytes()), Outcome::Accepted, "{file}");
        assert!(parsed(&answer)["ephemeral_text"].as_str().unwrap().contains("not made by this gateway"));
    }
    assert_eq!(served.rejected("button"), 2);
}

#[test]
fn a_thousand_fridges_with_names_of_one_letter_and_a_name_of_200_fit() {
    let mut setup = setup();
    setup.fridges = (0..1_000)
        .map(|number| {
            let name = char::from_u32(0x4E00 + number as u32).unwrap().to_string();
            (fridge(number, &name), Ok(Celsius::from_sixteenths(64)))
        })
        .collect();
    setup.fridges.push((fridge(5_000, &"|*_`~#@".repeat(28)), Err(Fault::Crc)));
    let served = setup.serve();
    let mut client = connect(&served);
    for words in ["status", "probes", "trend", "minmax", "history", "worst", "status 一"] {
        let text = parsed(&ask(&mut client, &format!("fridge {words}")))["text"].as_str().unwrap().to_owned();
        assert!(mattermost::reads_as_written(&text), "{words}: {} characters", text.chars().count());
    }
}

fn any_sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        (-880_i16..=2_000).prop_map(|sixteenths| Ok(Celsius::from_sixteenths(sixteenths))),
        (0..Fault::VARIANTS.len()).prop_map(|index| Err(Fault::VARIANTS[index])),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z ]{1,20}",
        "\\PC{1,200}",
        "(<!channel>|<!here>|@all|@here|\\||`|\\*|_|~|#|<|>|\\[x\\]\\(y\\)|in F|share|:tada:){1,12}",
    ]
    .prop_filter("not blank", |name| !name.trim().is_empty() && name.chars().count() <= 200)
}

fn any_question() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(String::from("MARKER")),
        prop::sample::select(vec![
            "status",
            "worst",
            "trend",
            "minmax",
            "history",
            "probes",
            "about",
            "help",
            "in",
            "f",
            "share",
            "yesterday"
        ])
        .prop_map(str::to_owned),
        any_name(),
    ];
    prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

/// What somebody typed is not repeated, but for a plain word or a date that was not understood.
fn is_repeated_as_a_plain_word_alone(body: &str, marker: &str) -> bool {
    let is_plain = marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-:./".contains(&byte));
    let elsewhere = match is_plain {
        true => body.replace(&format!("I don't understand “{marker}”"), ""),
        false => body.to_owned(),
    };
    !elsewhere.contains(marker)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_names_the_readings_and_the_question_the_answer_is_shown_as_written(
        name in prop::option::of(any_name()),
        fridges in prop::collection::vec((any_name(), any_sample()), 0..12),
        questions in prop::collection::vec(any_question(), 12),
        marker in "@?[a-z]{12}",
        age in 0_u64..60,
    ) {
        let mut setup = setup();
        setup.name = name;
        setup.age = age;
        setup.fridges = fridges
            .into_iter()
            .enumerate()
            .map(|(number, (name, sample))| (fridge(number as u64, &name), sample))
            .collect();
        let served = setup.serve();
        let mut client = connect(&served);
        for question in questions {
            let question = question.replace("MARKER", &marker);
            let answer = ask(&mut client, &format!("fridge {question}"));
            let body = parsed(&answer);
            prop_assert!(mattermost::reads_as_written(body["text"].as_str().unwrap()), "{answer:?}");
            prop_assert!(is_repeated_as_a_plain_word_alone(&answer.body, &marker), "{answer:?}");
            let form = [("token", OTHER_TOKEN), ("text", question.as_str()), ("channel_id", CHANNEL)];
            let answer = client.post_form("/command", &form);
            let outcome = mattermost::slash(answer.status, answer.header("content-type").unwrap(), answer.body.as_bytes());
            prop_assert!(matches!(outcome, Outcome::Posted | Outcome::Ephemeral), "{answer:?}");
            prop_assert!(is_repeated_as_a_plain_word_alone(&answer.body, &marker), "{answer:?}");
            for (id, context) in buttons(&body) {
                let pressed = press(&mut connect(&served), CHANNEL, &context);
                prop_assert_eq!(pressed.get("update").is_some(), id == "refresh");
            }
        }
    }
}

#[test]
fn a_command_on_the_webhooks_path_and_a_webhook_on_the_commands_are_told_where_they_belong() {
    let served = setup().serve();
    let form = |path: &str, more: &str| {
        let body = format!("token={SLASH_TOKEN}&text=fridge&{more}");
        post(&mut connect(&served), path, FORM, body.as_bytes())
    };
    let command = form("/webhook", "command=%2Ffridge&response_url=x");
    assert_eq!(parsed(&command)["response_type"], "ephemeral", "{command:?}");
    assert!(
        parsed(&command)["text"].as_str().unwrap().contains("change it to end in /command"),
        "{command:?}"
    );
    let webhook = form("/command", "trigger_word=fridge&post_id=p1");
    assert!(
        parsed(&webhook)["text"].as_str().unwrap().contains("change it to end in /webhook"),
        "{webhook:?}"
    );
    assert_eq!(served.rejected("exchanged URL"), 2);
}

#[test]
fn below_an_answer_that_only_its_asker_sees_nothing_stands_that_would_update_it() {
    let served = setup().serve();
    let ask = |words: &str| {
        let body = format!("token={SLASH_TOKEN}&command=%2Ffridge&text={words}&channel_id={CHANNEL}");
        let answer = post(&mut connect(&served), "/command", FORM, body.as_bytes());
        parsed(&answer)
    };
    let ids = |answer: &serde_json::Value| -> Vec<String> {
        buttons(answer).iter().map(|(id, _)| id.clone()).collect()
    };
    let private = ask("status");
    assert_eq!(
        (&private["response_type"], ids(&private)),
        (&json!("ephemeral"), vec![String::from("details")])
    );
    let shared = ask("status+share");
    assert_eq!(shared["response_type"], "in_channel");
    assert_eq!(ids(&shared), ["refresh", "details"]);
}
