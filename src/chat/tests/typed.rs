//! What people type: parts of names, slips, other words for a command, and what is not understood.

use super::*;

#[test]
fn names_match_by_any_part_and_a_near_miss_is_suggested() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert!(kitchen.ask(11, "status creme").starts_with("Crème fraîche: 3.0 °C"));
    assert!(kitchen.ask(11, "milk").starts_with("Milk: 4.2 °C"), "a name alone will do");
    let freezers = kitchen.ask(11, "status freezer");
    assert!(freezers.starts_with("All 2 in range") && freezers.contains("Freezer 2"), "{freezers}");
    assert!(kitchen.ask(11, "status mlik").starts_with("Milk: 4.2 °C"), "one slip is forgiven");
    assert_eq!(kitchen.ask(11, "status milkx2"), "No fridge has that name. Did you mean Milk?");
    assert!(
        kitchen.ask(11, "status 28-000000000001").starts_with("Crème fraîche: 3.0 °C"),
        "a probe will do"
    );
    for words in ["trend freezer", "history freezer", "minmax freezer", "rules freezer"] {
        let both = kitchen.ask(11, words);
        assert!(both.contains("Freezer 1") && both.contains("Freezer 2"), "{words}: {both}");
    }
    for words in ["snooze freezer 2h", "drill freezer", "drill frezer"] {
        assert!(
            kitchen.ask(11, words).starts_with("Which one do you mean? Freezer 1, Freezer 2."),
            "{words}"
        );
    }
    assert!(kitchen.ask(11, "status aquarium").starts_with("No fridge has that name. There are: Milk, "));
}

#[test]
fn what_people_type_is_understood() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let ask = |words: &str| kitchen.ask(11, words);
    for words in ["status?", "status all", "all", "temp", "temps please", "status\u{200b}", "\u{feff}status"]
    {
        assert!(ask(words).starts_with("All 6 in range"), "{words}: {}", ask(words));
    }
    for words in ["temperature milk", "status milk please", "milk?", "status mi\u{ad}lk"] {
        assert!(ask(words).starts_with("Milk: 4.2 °C"), "{words}: {}", ask(words));
    }
    assert!(ask("help me").starts_with("What you can ask:"));
    assert!(ask("help alert").contains("alarms"));
    for (words, word, hint) in [
        ("minmax tomorrow", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("report milk 2026-02-30", "“2026-02-30”", "`today`, `yesterday`, `7d`"),
        ("report milk 31.12.2025", "“31.12.2025”", "`today`, `yesterday`, `7d`"),
        ("minmax milk todai", "“todai”", "`today`, `yesterday`, `7d`"),
        ("minmax milk 2199-01-01", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("history 24 december 2199", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("report milk for next week", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("history milk in december 2199", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("minmax next dorr", "No fridge has that name", ""),
        ("minmax freezer 1.3", "No fridge has that name", ""),
        ("since milk 7d", "“7d”", "use `history milk 7d`"),
        ("minmax freezer 9", "No fridge has that name", ""),
        ("minmax milk 1.example", "No fridge has that name", ""),
        ("minmax cellar last week", "No fridge has that name", ""),
        ("status in K", "“K”", "`in C` or `in F`"),
        ("status milk in Kelvin", "“Kelvin”", "`in C` or `in F`"),
        ("status ín K", "“K”", "`in C` or `in F`"),
        ("status i\u{301}n\u{200b} K", "“K”", "`in C` or `in F`"),
        ("status freezer in 2", "Did you mean Freezer 2?", "`in C` or `in F`"),
        ("status cellar in @all", "No fridge has that name", "`in C` or `in F`"),
        ("history milk next week", "has not come yet", "`today`, `yesterday`, `7d`"),
        ("history cellar next week", "No fridge has that name", "`today`, `yesterday`, `7d`"),
        ("history milk yesterday", "nothing is kept on a disk", ""),
        ("trend milk 7d", "“7d”", "`trend` covers the last 60 minutes"),
    ] {
        assert!(ask(words).contains(word) && ask(words).contains(hint), "{words}: {}", ask(words));
    }
}

#[test]
fn a_number_belongs_to_a_fridge_where_there_is_one_of_that_name() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    let view = kitchen.chat.gateway.view(&Scope::everything());
    let about = |words: &str| {
        let (fridge, period) = asked::about(words, &view);
        (fridge.to_owned(), period.map(|period| period.name))
    };
    // The kitchen's clock stands at the first of January 2026.
    assert_eq!(about("freezer 2 december"), ("freezer 2".into(), Some("2025-12-01 to 2025-12-31".into())));
    assert_eq!(about("freezer 3 december"), ("freezer".into(), Some("2025-12-03".into())));
    assert_eq!(about("milk last week"), ("milk".into(), Some("2025-12-22 to 2025-12-28".into())));
    assert_eq!(about("2 december"), (String::new(), Some("2025-12-02".into())));
    assert_eq!(about("freezer 1"), ("freezer 1".into(), None));
}

#[test]
fn an_unknown_word_gets_the_nearest_one_and_is_never_repeated() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert!(kitchen.ask(11, "statsu").contains("Did you mean `fridge status`?"));
    let long = "x".repeat(16_383);
    for words in ["@all", "<!channel>", "🧊", long.as_str(), "status @all"] {
        let text = kitchen.ask(11, words);
        assert!(!text.contains("@all") && !text.contains("channel") && !text.contains("xxx"), "{text}");
        assert!(text.chars().count() < 400);
    }
    let help = kitchen.ask(11, "help");
    assert!(Command::VARIANTS.iter().all(|command| help.contains(command.help().usage)), "{help}");
}

#[test]
fn no_words_at_all_ask_for_the_status() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    assert_eq!(kitchen.ask(11, " \n"), kitchen.ask(11, "status"));
}
