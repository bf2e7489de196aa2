//! What is told, when, and what is not.

use super::*;
use crate::alarm::RuleName;

fn at(minutes: u64) -> Stamp {
    let mono = Duration::from_secs(minutes * 60);
    Stamp { mono, wall: Timestamp::UNIX_EPOCH + mono }
}

fn raised(minutes: u64, urgency: Urgency) -> Event {
    let (kind, rule) = (Kind::TooWarm, RuleName::ProductLag);
    Event::Raised { kind, rule, urgency, at: at(minutes), since: at(minutes) }
}

fn cleared(minutes: u64) -> Event {
    Event::Cleared { kind: Kind::TooWarm, at: at(minutes), peak: None, outside: Duration::ZERO }
}

fn said(alarms: &mut ActiveAlarms, minutes: u64) -> Vec<(Topic, Vec<u64>)> {
    let (messages, changed) = alarms.messages(at(minutes));
    assert_eq!(changed.len(), messages.iter().flat_map(|message| &message.alarms).count());
    let of = |message: Message| (message.topic, message.alarms.iter().map(|alarm| alarm.number).collect());
    messages.into_iter().map(of).collect()
}

fn by_anna() -> Acknowledgement {
    Acknowledgement { by: Some("anna".into()), at: Timestamp::UNIX_EPOCH, cause: None }
}

#[test]
fn an_alarm_is_told_called_for_repeated_and_ended() {
    let mut alarms = ActiveAlarms::default();
    let milk = ("milk", "Milk");
    alarms.take(milk, raised(0, Urgency::Warning), at(0));
    let all: Vec<_> = (0..24 * 60)
        .flat_map(|minute| said(&mut alarms, minute).into_iter().map(move |it| (minute, it.0)))
        .collect();
    let expected = [
        (0, Topic::Raised),
        (30, Topic::Unanswered),
        (60, Topic::Reminder),
        (180, Topic::Reminder),
        (420, Topic::Reminder),
        (900, Topic::Reminder),
    ];
    assert_eq!(all, expected);
    let with_cause = Acknowledgement { cause: Some("door was open".into()), ..by_anna() };
    alarms.acknowledge(&[1], &with_cause);
    let by_ben = Acknowledgement { by: Some("ben".into()), ..by_anna() };
    let [again] = &alarms.acknowledge(&[1, 99], &by_ben)[..] else { panic!("one is open") };
    let expected = Acknowledgement { cause: with_cause.cause, ..by_ben };
    assert_eq!(again.acknowledged.as_ref(), Some(&expected), "the cause stays");
    assert!((24 * 60..72 * 60).all(|minute| said(&mut alarms, minute).is_empty()));
    alarms.take(milk, cleared(72 * 60), at(72 * 60));
    assert_eq!(said(&mut alarms, 72 * 60), [(Topic::Cleared, vec![1])]);
    assert_eq!(alarms.open().count(), 0);
}

#[test]
fn many_at_once_are_one_message_and_later_ones_wait_for_company() {
    let mut alarms = ActiveAlarms::default();
    for number in 0..20 {
        let id = format!("f{number}");
        alarms.take((&id, &id), raised(0, Urgency::Warning), at(0));
    }
    assert_eq!(said(&mut alarms, 0), [(Topic::Raised, (1..=20).collect())]);
    alarms.take(("a", "a"), raised(1, Urgency::Warning), at(1));
    alarms.take(("b", "b"), raised(3, Urgency::Warning), at(3));
    assert!((1..5).all(|minute| said(&mut alarms, minute).is_empty()));
    assert_eq!(said(&mut alarms, 5), [(Topic::Raised, vec![21, 22])]);
    // An urgent one waits a minute at the most.
    alarms.take(("c", "c"), raised(6, Urgency::Urgent), at(6));
    assert_eq!(said(&mut alarms, 6), [(Topic::Raised, vec![23])]);
}

#[test]
fn what_is_over_before_it_was_told_is_told_once_at_its_end() {
    let mut alarms = ActiveAlarms::default();
    alarms.take(("a", "a"), raised(0, Urgency::Warning), at(0));
    assert_eq!(said(&mut alarms, 0).len(), 1);
    alarms.take(("b", "b"), raised(1, Urgency::Warning), at(1));
    alarms.take(("b", "b"), cleared(2), at(2));
    assert_eq!(said(&mut alarms, 2), [(Topic::Cleared, vec![2])]);
}

#[test]
fn a_snoozed_fridge_is_told_of_afterwards_and_a_defrosting_one_only_where_it_is_urgent() {
    let mut alarms = ActiveAlarms::default();
    let quiet = |warmth_only, minutes| Quiet { until: at(minutes).wall, warmth_only, by: None };
    alarms.silence("a", quiet(false, 60));
    alarms.silence("b", quiet(true, 60));
    for fridge in ["a", "b"] {
        alarms.take((fridge, fridge), raised(0, Urgency::Warning), at(0));
    }
    assert!(said(&mut alarms, 1).is_empty());
    let event = Event::Escalated { kind: Kind::TooWarm, rule: RuleName::Gross, at: at(2) };
    alarms.take(("a", "a"), event, at(2));
    alarms.take(("b", "b"), event, at(2));
    assert_eq!(said(&mut alarms, 2), [(Topic::Raised, vec![2])]);
    assert!(said(&mut alarms, 59).iter().all(|(_, numbers)| !numbers.contains(&1)));
    assert!(said(&mut alarms, 60).contains(&(Topic::Raised, vec![1])));
    // What is over within the time was never worth a word.
    alarms.silence("c", quiet(false, 120));
    alarms.take(("c", "c"), raised(61, Urgency::Warning), at(61));
    let record = alarms.take(("c", "c"), cleared(62), at(62)).unwrap();
    assert!(record.ended && !record.announced, "{record:?}");
    assert!(said(&mut alarms, 90).iter().all(|(_, numbers)| !numbers.contains(&3)));
}

#[test]
fn a_restart_goes_on_and_a_fridge_that_is_no_more_ends_its_alarms() {
    let mut alarms = ActiveAlarms::default();
    let told = alarms.take(("a", "a"), raised(0, Urgency::Warning), at(0)).unwrap();
    let untold = alarms.take(("b", "b"), raised(0, Urgency::Warning), at(0)).unwrap();
    let over =
        Alarm { number: 3, cleared: Some(Clearance::new(at(1).wall, None, Duration::ZERO)), ..told.clone() };
    let kept = vec![Alarm { announced: true, ..told }, untold, over];
    let mut resumed = ActiveAlarms::resume(kept, BTreeMap::new(), 3, at(10));
    assert_eq!(said(&mut resumed, 10), [(Topic::Raised, vec![2]), (Topic::Cleared, vec![3])]);
    let next = resumed.take(("c", "c"), raised(11, Urgency::Warning), at(11)).unwrap();
    assert_eq!(next.number, 4);
    let ended = resumed.forget(|fridge| fridge == "b", at(12));
    assert_eq!(ended.iter().map(|alarm| alarm.number).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(ended.iter().map(|alarm| alarm.ended).collect::<Vec<_>>(), [false, true]);
    assert!(ended.iter().all(|alarm| alarm.cleared.unwrap().is_unwatched));
    assert_eq!(
        said(&mut resumed, 16),
        [(Topic::Cleared, vec![1])],
        "whoever was told of it hears that it is over"
    );
    assert_eq!(resumed.open().count(), 1);
}

#[test]
fn a_kitchen_without_power_is_a_handful_of_messages() {
    let mut alarms = ActiveAlarms::default();
    let mut told = Vec::new();
    for minute in 0..180 {
        // Twenty fridges pass their limits between the 40th and the 116th minute.
        if (40..120).contains(&minute) && minute % 4 == 0 {
            let id = format!("f{minute}");
            alarms.take((&id, &id), raised(minute, Urgency::Warning), at(minute));
        }
        let of_topic = said(&mut alarms, minute).into_iter().filter(|it| it.0 == Topic::Raised);
        told.extend(of_topic.map(|(_, numbers)| (minute, numbers.len())));
    }
    assert_eq!(told.iter().map(|it| it.1).sum::<usize>(), 20, "{told:?}");
    assert!(told.len() <= 6, "{told:?}");
}
