//! Counts, fridges without limits, and those outside theirs.

use super::*;

#[test]
fn those_of_many_that_are_meant_are_counted_with_the_one_that_is_out_of_service() {
    let mut fridges = cafe();
    fridges[2].out_of_service = true;
    let kitchen = Kitchen::new(fridges);
    kitchen.well(10);
    let text = kitchen.ask(11, "status freezer");
    assert!(text.starts_with("1 of 2 in range, oldest reading 1 s ago; 1 out of service\n"), "{text}");
}

#[test]
fn a_fridge_without_limits_is_never_called_in_range() {
    let kitchen = Kitchen::new(vec![fridge(0, "Milk", None, Some(5.0)), fridge(1, "Bar", None, None)]);
    kitchen.sweep(10, &[Ok(degrees(4.0)), Ok(degrees(24.8))]);
    let reply = kitchen.reply(stamp(11), "status");
    assert!(
        reply.text.starts_with("1 of 2 in range, oldest reading 1 s ago; 1 without limits\n"),
        "{}",
        reply.text
    );
    assert_eq!(reply.severity, Severity::Info, "no green tick");
    assert!(kitchen.ask(11, "status bar").starts_with("Bar: 24.8 °C, no limits set\n"));
    let alone = Kitchen::new(vec![fridge(0, "Bar", None, None)]);
    alone.well(10);
    assert_eq!(alone.verdict(11), "No limits set, oldest reading 1 s ago");
}

#[test]
fn a_fridge_outside_its_limits_says_since_when_and_how_far() {
    let kitchen = Kitchen::new(cafe());
    let milk = |at: u64, value: f64| {
        let mut samples = WELL.map(|value| Ok(degrees(value)));
        samples[0] = Ok(degrees(value));
        kitchen.sweep(at, &samples);
    };
    milk(10, 4.0);
    for (at, value) in [(60, 6.0), (300, 9.0), (780, 7.0)] {
        milk(at, value);
    }
    let reply = kitchen.reply(stamp(781), "status milk");
    let said = "| Outside its limits | too warm for 12 min (since 00:01), highest 9.0 °C |";
    let text: String = reply.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(said), "{text}");
    let json = serde_json::to_value(&*reply).unwrap();
    let outside = &json["fridges"][0]["outside"];
    assert_eq!(
        (&outside["since"], &outside["peak"]),
        (&"2026-01-01T00:01:00Z".into(), &9.0.into()),
        "{outside}"
    );
    milk(790, 4.0);
    assert!(!kitchen.ask(791, "status milk").contains("Outside"));
}

#[test]
fn the_slip_of_a_groups_name_is_the_group_and_a_literal_part_of_a_name_is_no_slip() {
    let mut fridges = vec![
        fridge(0, "Kitchen freezer", None, Some(-15.0)),
        fridge(1, "Milk", None, Some(5.0)),
        fridge(2, "Bar", None, Some(5.0)),
    ];
    for index in [0, 1] {
        fridges[index].group = Some(String::from("Kitchen"));
    }
    fridges[2].group = Some(String::from("Milky"));
    let kitchen = Kitchen::new(fridges);
    kitchen.sweep(10, &[Ok(degrees(-18.0)), Ok(degrees(4.0)), Ok(degrees(4.0))]);
    assert!(kitchen.ask(11, "status kitchn").starts_with("All 2 in range"));
    assert!(
        kitchen.ask(11, "status KITCHEN").starts_with("All 2 in range"),
        "a group's name before a part of a name"
    );
    assert!(kitchen.ask(11, "status milk").starts_with("Milk: 4.0"), "a part of a name is no slip");
}

#[test]
fn out_of_service_is_shown_so_and_never_counted() {
    let mut fridges = cafe();
    fridges[2].out_of_service = true;
    let kitchen = Kitchen::new(fridges);
    let mut samples = WELL.map(|value| Ok(degrees(value)));
    samples[2] = Err(Fault::NoAnswer);
    kitchen.sweep(10, &samples);
    let text = kitchen.ask(11, "status");
    assert!(text.starts_with("5 of 6 in range, oldest reading 1 s ago; 1 out of service\n"), "{text}");
    assert!(text.lines().last().unwrap().contains("out of service"));
}
