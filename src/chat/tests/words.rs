//! The other words, the units, groups, scopes and severities; and when a reply is reused.

use super::*;

/// A kitchen whose milk warms by a degree an hour and whose other fridges stay as they are, for `hours`.
fn warming(hours: u64) -> Kitchen {
    let kitchen = Kitchen::new(cafe());
    for minute in 0..hours * 60 {
        let mut values = WELL;
        values[0] = 2.0 + minute as f64 / 60.0;
        kitchen.sweep(minute * 60 + 10, &values.map(|value| Ok(degrees(value))));
    }
    kitchen
}

#[test]
fn trend_tells_degrees_per_hour_and_over_which_time() {
    let kitchen = warming(2);
    let now = 2 * 3_600 - 30;
    assert_eq!(kitchen.ask(now, "trend milk"), "Milk: +1.0 °C per hour, over the last 58 min");
    assert_eq!(kitchen.ask(now, "trend milk in F"), "Milk: +1.8 °F per hour, over the last 58 min");
    let all = kitchen.ask(now, "trend");
    assert!(all.starts_with("Fastest: Milk, +1.0 °C per hour\n\n| Fridge "), "{all}");
    assert_eq!(all.matches(" steady ").count(), 5);
    assert_eq!(
        kitchen.ask(25 * 60, "trend milk"),
        "Milk: not enough readings for a trend yet (25 of 50 min); a compressor's cycle can take most of an hour"
    );
    assert!(kitchen.ask(25 * 60, "trend").starts_with("Not enough readings yet for a trend\n"));
    assert!(kitchen.ask(now + 86_400, "trend milk").contains("not enough readings for a trend yet"));
    assert!(kitchen.ask(now + 86_400, "trend").starts_with("Not enough readings yet for a trend\n"));
}

#[test]
fn minmax_knows_today_yesterday_and_the_last_24_hours() {
    let kitchen = warming(36);
    let now = 36 * 3_600 - 30;
    let milk = |words: &str| {
        let text = kitchen.ask(now, words);
        text.lines().find(|line| line.contains("Milk")).unwrap().replace(' ', "")
    };
    assert_eq!(milk("minmax milk"), "|Milk|26.0°C|38.0°C|");
    assert_eq!(milk("minmax milk yesterday"), "|Milk|2.0°C|26.0°C|");
    assert_eq!(milk("minmax milk 24h"), "|Milk|14.0°C|38.0°C|");
    assert!(kitchen.ask(now, "minmax").starts_with("Lowest and highest today\n"));
    assert!(!kitchen.ask(now, "minmax milk 24h").contains("Counted since"));
    let young = kitchen.ask(3_600, "minmax milk 24h");
    assert!(young.ends_with("Counted since 00:00, when the gateway was started."), "{young}");
    // Started at 06:00: what the morning was is not known.
    let start = 6 * 3_600;
    let of_day = Kitchen::started(start, Site { fridges: cafe(), ..Site::default() }, false);
    of_day.well(start + 10);
    let today = of_day.ask(start + 60, "minmax");
    assert!(today.ends_with("Counted since 06:00, when the gateway was started."), "{today}");
    let row = serde_json::to_value(&*of_day.reply(stamp(start + 60), "minmax")).unwrap();
    assert_eq!(row["extremes"][0]["since"], "2026-01-01T06:00:00Z", "{row}");
    assert!(kitchen.ask(now, "minmax yesterday").contains("| Freezer 2 "));
    assert!(kitchen.ask(now + 10 * 86_400, "minmax milk yesterday").contains("no readings"));
}

#[test]
fn history_draws_a_day_as_a_line() {
    let kitchen = warming(24);
    let now = 24 * 3_600 - 30;
    let text = kitchen.ask(now, "history milk");
    let line = text.lines().find(|line| line.starts_with('`')).unwrap();
    assert_eq!(line.chars().count(), 48 + 2);
    assert!(line.starts_with("`▁▁▁") && line.ends_with("██`"), "{line}");
    assert!(
        text.ends_with("2.0 to 26.0 °C, 14.0 °C on average; one block per half hour, newest on the right"),
        "{text}"
    );
    assert!(kitchen.ask(now, "history").contains("| Freezer 1 "));
    assert!(Kitchen::new(cafe()).ask(1, "history milk").contains("no readings"));
}

#[test]
fn worst_is_what_needs_a_look_most_or_is_nearest_to_its_limit() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert!(kitchen.ask(11, "worst").starts_with("Milk: 4.2 °C, in range"), "0.8 °C below its limit");
    let mut samples = WELL.map(|value| Ok(degrees(value)));
    samples[1] = Err(Fault::Crc);
    samples[3] = Ok(degrees(-10.0));
    kitchen.sweep(20, &samples);
    assert!(kitchen.ask(21, "worst").starts_with("Freezer 2 −10.0 °C (limit −15 °C)"));
}

#[test]
fn about_tells_the_gateway_itself() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    kitchen.ask(11, "status");
    let text = kitchen.ask(7_300, "about");
    assert!(
        text.starts_with(concat!(
            "fridge ",
            env!("CARGO_PKG_VERSION"),
            ", up for 2 h, 2 questions answered\n"
        )),
        "{text}"
    );
    assert!(text.contains("| bus 1 |      6 | no sweep for 2 h |"), "{text}");
}

#[test]
fn fahrenheit_by_setting_and_by_asking() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let text = kitchen.ask(11, "status freezer 1 in F");
    assert!(text.starts_with("Freezer 1: −2.2 °F, in range") && text.contains("max 5 °F"), "{text}");
    let units = Units::Fahrenheit;
    let kitchen = Kitchen::of(Site { units, fridges: cafe(), ..Site::default() }, false);
    kitchen.well(10);
    assert!(kitchen.ask(11, "status milk").starts_with("Milk: 39.5 °F"));
    assert!(kitchen.ask(11, "status milk in c").starts_with("Milk: 4.2 °C"));
    assert!(kitchen.ask(11, "status").contains("| 32 to 41 °F"));
}

#[test]
fn the_name_of_a_group_lists_its_fridges() {
    let mut fridges = cafe();
    fridges[2].group = Some(String::from("Käller"));
    fridges[3].group = Some(String::from("Käller"));
    let kitchen = Kitchen::new(fridges);
    kitchen.well(10);
    let text = kitchen.ask(11, "status kaller");
    assert!(text.starts_with("All 2 in range") && !text.contains("Milk"), "{text}");
    assert_eq!(kitchen.reply(stamp(11), "kaller").again.as_deref(), Some("status Käller"));
}

#[test]
fn another_fridges_number_is_never_an_answer() {
    let kitchen = Kitchen::new(vec![
        fridge(0, "Freezer 1", None, Some(-15.0)),
        fridge(1, "Freezer 12", None, Some(-15.0)),
        fridge(2, "Milk", None, Some(5.0)),
    ]);
    kitchen.sweep(0, &[-19.6, -18.0, 4.0].map(|value| Ok(degrees(value))));
    for command in ["status", "trend", "minmax", "history", "since", "report", "rules"] {
        for name in ["freezer 2", "freezer 3", "freezer 11", "freezer 21", "2"] {
            let text = kitchen.ask(5, &format!("{command} {name}"));
            assert!(text.starts_with("No fridge has that name."), "{command} {name}: {text}");
        }
    }
    for words in ["snooze freezer 2 1h", "drill freezer 2", "defrost freezer 2 30m"] {
        assert!(
            kitchen.ask(5, words).starts_with("No fridge has that name."),
            "{words}: {}",
            kitchen.ask(5, words)
        );
    }
    assert!(kitchen.ask(5, "status freezer 1").contains("\u{2212}19.6"));
    assert_eq!(kitchen.ask(5, "status freezer 2"), "No fridge has that name. Did you mean Freezer 1?");
}

#[test]
fn a_scope_hides_everything_else() {
    let mut fridges = cafe();
    fridges[2].group = Some(String::from("Cellar"));
    let kitchen = Kitchen::new(fridges);
    kitchen.well(10);
    let scope = Scope::only(["cellar", "MILK"]);
    for words in
        ["status", "trend", "minmax", "history", "probes", "worst", "help", "status drinks", "status drinsk"]
    {
        let text = kitchen.reply_to(stamp(11), words, &scope).text.clone();
        assert!(!text.contains("Drinks") && !text.contains("Vegetables"), "{words}: {text}");
    }
    assert!(kitchen.reply_to(stamp(11), "status", &scope).text.starts_with("All 2 in range"));
    assert!(kitchen.reply_to(stamp(11), "probes", &scope).text.starts_with("2 probes on 1 bus"));
}

#[test]
fn who_may_see_some_fridges_learns_nothing_of_another_bus() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let info = BusInfo { name: String::from("cellar"), simulated: false, period: PERIOD };
    {
        let mut writer = kitchen.writer.lock().unwrap();
        let known = writer.keys()[0];
        let first = BusInfo { name: String::from("bus 1"), simulated: false, period: PERIOD };
        let buses = vec![(Some(known), first), (None, info)];
        writer.write(Input::Buses { buses, corrections: HashMap::new() });
        let (bus, fault) = (writer.keys()[1], BusFault { fault: Fault::Bus, detail: "unplugged".into() });
        writer.write(Input::Failed { bus, at: stamp(10), fault });
    }
    let everything = kitchen.reply(stamp(11), "probes").text.clone();
    assert!(everything.starts_with("6 probes on 2 buses") && everything.contains("cellar"), "{everything}");
    let some = |words: &str| kitchen.reply_to(stamp(11), words, &Scope::only(["Milk"])).text.clone();
    assert!(some("probes").starts_with("1 probe on 1 bus"), "{}", some("probes"));
    for words in ["probes", "about", "worst", "status"] {
        assert!(
            !some(words).contains("cellar") && !some(words).contains("unplugged"),
            "{words}: {}",
            some(words)
        );
    }
    let nothing = kitchen.reply_to(stamp(11), "probes", &Scope::only(["nothing"])).text.clone();
    assert!(!nothing.contains("bus is") && !nothing.contains("working"), "{nothing}");
}

#[test]
fn the_severity_is_that_of_the_worst() {
    let kitchen = Kitchen::new(cafe());
    let severity = |at, words| kitchen.reply(stamp(at), words).severity;
    assert_eq!(severity(1, "status"), Severity::Pending);
    kitchen.well(10);
    assert_eq!(severity(11, "status"), Severity::Ok);
    assert_eq!(severity(60, "status"), Severity::Warning);
    assert_eq!(severity(11, "help"), Severity::Info);
    let mut samples = WELL.map(|value| Ok(degrees(value)));
    samples[0] = Ok(degrees(9.0));
    samples[1] = Err(Fault::Crc);
    kitchen.sweep(20, &samples);
    assert_eq!(severity(21, "status"), Severity::Critical);
    assert_eq!(severity(21, "status creme"), Severity::Warning);
}

#[test]
fn the_question_of_a_refresh_holds_none_of_the_askers_words() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let again = |words: &str| kitchen.reply(stamp(11), words).again.clone();
    assert_eq!(again("").as_deref(), Some("status"));
    assert_eq!(again("mlik in f").as_deref(), Some("status 28-000000000000 in F"));
    assert_eq!(again("status freezer"), None);
    assert_eq!(again("trend"), None);
    assert_eq!(again("nonsense"), None);
}

#[test]
fn an_answer_is_reused_only_where_it_would_be_made_the_same() {
    let moment = |milliseconds: u64| {
        let mono = Duration::from_millis(1_000_000 + milliseconds);
        Stamp { mono, wall: Timestamp::from_millisecond(1_767_225_590_000 + milliseconds as i64).unwrap() }
    };
    let kitchen = Kitchen::new(cafe());
    let sweep = |at: u64, milk: Sample| {
        let mut samples = WELL.map(|value| Ok(degrees(value)));
        samples[0] = milk;
        kitchen.sweep_at(moment(at), &samples);
    };
    // All but the moment of the answer.
    let json = |reply: &Reply| {
        let mut json = serde_json::to_value(reply).unwrap();
        json.as_object_mut().unwrap().remove("at");
        json
    };
    let anew = |words: &str| {
        let view = kitchen.chat.gateway().view(&Scope::everything());
        json(&Reply::new(answer(&Request::parse(words), &view), &view, false))
    };
    let mut asked = 0;
    // Sweeps at odd fractions of a second, then none until all is stale, over a midnight at 10 s.
    for (from, milk) in [(1_234, Ok(degrees(4.0))), (4_777, Err(Fault::Crc)), (8_001, Ok(degrees(5.5)))] {
        sweep(from, milk);
        let until = if from == 8_001 { 45_000 } else { from + 3_000 };
        for at in (from..until).step_by(37) {
            for words in ["status", "status milk"] {
                let reply = kitchen.reply(moment(at), words);
                assert_eq!(json(&reply), anew(words), "{at} ms");
            }
            // The same again, a moment later: this is the one that may be reused.
            let reply = kitchen.reply(moment(at + 13), "status milk");
            assert_eq!(json(&reply), anew("status milk"), "{at} ms");
            asked += 1;
        }
    }
    assert!(asked > 500);
    let first = kitchen.reply(moment(44_950), "status");
    assert!(Arc::ptr_eq(&first, &kitchen.reply(moment(44_951), "status")), "within the same second");
    assert!(!Arc::ptr_eq(&first, &kitchen.reply(moment(44_951), "status milk")), "another question");
}

#[test]
fn the_documentation_lists_every_word_as_help_does() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/chat.md");
    let documentation = std::fs::read_to_string(path).unwrap().replace("\\|", "|");
    for command in Command::VARIANTS {
        let row = format!("| `fridge {}` |", command.help().usage);
        assert!(documentation.contains(&row), "docs/chat.md has no row {row}");
    }
}

#[test]
fn who_may_see_some_fridges_learns_of_their_buses_and_of_no_other_probe() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let about = |scope: &Scope| serde_json::to_value(&*kitchen.reply_to(stamp(11), "about", scope)).unwrap();
    let all = about(&Scope::everything());
    assert_eq!((&all["about"]["buses"][0]["probes"], all["about"]["asked"].is_u64()), (&6.into(), true));
    let some = about(&Scope::only(["Milk"]));
    assert_eq!(
        (&some["about"]["buses"][0]["probes"], &some["about"]["asked"]),
        (&1.into(), &serde_json::Value::Null)
    );
    assert!(!some["text"].as_str().unwrap().contains("question"), "{some}");
    let none = about(&Scope::only(["nothing"]));
    assert_eq!(none["about"]["buses"], serde_json::json!([]), "{none}");
}
