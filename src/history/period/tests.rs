//! What can be said of a time.

use jiff::tz::TimeZone;

use super::*;

/// A Friday.
fn now() -> ZonedDateTime {
    zoned("2026-11-27T14:30")
}

fn berlin() -> TimeZone {
    // As TZ strings are written: no database is needed.
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn zoned(at: &str) -> ZonedDateTime {
    at.parse::<DateTime>().unwrap().to_zoned_datetime(berlin()).unwrap()
}

fn shown(at: Timestamp) -> String {
    at.to_zoned_datetime(berlin()).strftime("%F %R").to_string()
}

fn read(words: &str) -> Option<(String, String, String)> {
    let period = of(words, &now())?;
    Some((shown(period.from), shown(period.to), period.name))
}

#[test]
fn what_can_be_said_of_a_time() {
    let end = "2026-11-27 14:30";
    for (words, from, to, name) in [
        ("today", "2026-11-27 00:00", end, "today"),
        ("Yesterday", "2026-11-26 00:00", "2026-11-27 00:00", "yesterday"),
        ("24h", "2026-11-26 14:30", end, "last 24 h"),
        ("day", "2026-11-26 14:30", end, "last 24 h"),
        ("7d", "2026-11-20 14:30", end, "last 7 days"),
        ("last 2 weeks", "2026-11-13 14:30", end, "last 14 days"),
        ("the last 90 min", "2026-11-27 13:00", end, "last 90 min"),
        ("36h", "2026-11-26 02:30", end, "last 36 h"),
        ("this week", "2026-11-23 00:00", end, "2026-11-23 to 2026-11-29"),
        ("last week", "2026-11-16 00:00", "2026-11-23 00:00", "2026-11-16 to 2026-11-22"),
        ("sunday", "2026-11-22 00:00", "2026-11-23 00:00", "Sunday 2026-11-22"),
        ("on Sun", "2026-11-22 00:00", "2026-11-23 00:00", "Sunday 2026-11-22"),
        ("friday", "2026-11-27 00:00", end, "Friday 2026-11-27"),
        ("last friday", "2026-11-20 00:00", "2026-11-21 00:00", "2026-11-20"),
        ("march", "2026-03-01 00:00", "2026-04-01 00:00", "2026-03-01 to 2026-03-31"),
        ("december", "2025-12-01 00:00", "2026-01-01 00:00", "2025-12-01 to 2025-12-31"),
        ("in march 2025", "2025-03-01 00:00", "2025-04-01 00:00", "2025-03-01 to 2025-03-31"),
        ("2025-03", "2025-03-01 00:00", "2025-04-01 00:00", "2025-03-01 to 2025-03-31"),
        ("2026-11-02", "2026-11-02 00:00", "2026-11-03 00:00", "2026-11-02"),
        ("14 march", "2026-03-14 00:00", "2026-03-15 00:00", "2026-03-14"),
        ("march 14th", "2026-03-14 00:00", "2026-03-15 00:00", "2026-03-14"),
        ("dec 24", "2025-12-24 00:00", "2025-12-25 00:00", "2025-12-24"),
        ("24 dec 2024", "2024-12-24 00:00", "2024-12-25 00:00", "2024-12-24"),
        ("last month", "2026-10-01 00:00", "2026-11-01 00:00", "2026-10-01 to 2026-10-31"),
        ("2025", "2025-01-01 00:00", "2026-01-01 00:00", "2025-01-01 to 2025-12-31"),
        ("last year", "2025-01-01 00:00", "2026-01-01 00:00", "2025-01-01 to 2025-12-31"),
        ("since tuesday 02:10", "2026-11-24 02:10", end, "since tuesday 02:10"),
        ("from sunday to tuesday", "2026-11-22 00:00", "2026-11-25 00:00", "sunday to tuesday"),
        (
            "from 2026-11-02 14:00 to 2026-11-03 9:30",
            "2026-11-02 14:00",
            "2026-11-03 09:30",
            "2026-11-02 14:00 to 2026-11-03 9:30",
        ),
        ("between march and april", "2026-03-01 00:00", "2026-05-01 00:00", "march to april"),
        ("from 09:00 to now", "2026-11-27 09:00", end, "09:00 to now"),
    ] {
        assert_eq!(read(words), Some((from.to_owned(), to.to_owned(), name.to_owned())), "{words}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    for words in [
        "",
        "milk",
        "tomorrow",
        "0h",
        "-3d",
        "h",
        "march 32",
        "2026-13-01",
        "25:00",
        "from sunday",
        "from now to sunday",
        "2099-01-01",
        "1999",
        "99999999999h",
        "9000 years",
        "m",
        "last",
        "since",
        "from to",
        "month march",
        "31 february",
    ] {
        assert_eq!(read(words), None, "{words}");
    }
}

#[test]
fn a_period_stands_at_the_end_of_a_question_and_takes_all_the_words_it_can() {
    let at_end = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        at_end(&words, &now()).map(|(period, length)| (words.len() - length, period.name))
    };
    assert_eq!(at_end("milk last week"), Some((1, "2026-11-16 to 2026-11-22".into())));
    assert_eq!(at_end("crème fraîche from sunday to tuesday").unwrap().0, 2);
    assert_eq!(at_end("freezer 2 7d").unwrap().0, 2);
    assert_eq!(at_end("freezer 2"), None);
    assert_eq!(at_end("milk"), None);
}

#[test]
fn days_have_23_and_25_hours_where_the_clock_is_changed() {
    let hours = |words: &str, now: &str| {
        let period = of(words, &zoned(now)).unwrap();
        period.to.duration_since(period.from).as_hours()
    };
    assert_eq!(hours("2026-03-29", "2026-11-27T14:30"), 23);
    assert_eq!(hours("2026-10-25", "2026-11-27T14:30"), 25);
    assert_eq!(hours("yesterday", "2026-03-30T01:00"), 23);
    assert_eq!(hours("24h", "2026-03-30T01:00"), 24);
    assert_eq!(hours("last week", "2026-03-31T01:00"), 7 * 24 - 1);
    // A night that there is not: it begins when it can.
    assert_eq!(hours("today", "2026-03-29T12:00"), 11);
}

#[test]
fn in_another_zone_days_are_cut_elsewhere_and_none_is_lost_or_twice() {
    let moment = now().timestamp();
    for zone in ["EST5EDT,M3.2.0,M11.1.0", "NZST-12NZDT,M9.5.0,M4.1.0/3", "<+0545>-5:45"] {
        let local = moment.to_zoned_datetime(TimeZone::posix(zone).unwrap());
        let [before, yesterday, today] =
            ["last 7 days", "yesterday", "today"].map(|words| of(words, &local).unwrap());
        assert_eq!((yesterday.to, today.to), (today.from, moment), "{zone}");
        assert_eq!(yesterday.to.duration_since(yesterday.from).as_hours(), 24, "{zone}");
        assert!(before.from < yesterday.from && before.to == moment, "{zone}");
        let is_midnight = today.from.to_zoned_datetime(local.time_zone().clone()).time();
        assert_eq!(is_midnight, Time::midnight(), "{zone}");
        // Whatever zone: five minutes never lie across midnight.
        assert_eq!(today.from.as_second() % 300, 0, "{zone}");
    }
}
