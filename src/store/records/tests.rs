//! What is kept over a restart, and what damage does to it.

use std::time::Duration;

use super::*;
use crate::alarm::{Kind, RuleName, Topic, Urgency};

fn alarm(number: u64) -> Alarm {
    let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Warning);
    let epoch = Timestamp::UNIX_EPOCH;
    Alarm { announced: true, ..Alarm::new(number, ("milk", "Milk"), what, epoch, epoch) }
}

fn message(number: u64) -> Message {
    Message::new(Topic::Raised, Timestamp::UNIX_EPOCH, vec![alarm(number)])
}

#[test]
fn what_is_kept_is_there_after_a_restart_and_what_is_delivered_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(set_aside, None);
    let to = |target: &str, number| Entry::Message { target: target.into(), message: message(number) };
    let quiet = Quiet { until: Timestamp::UNIX_EPOCH, warmth_only: true, by: None };
    let memory = Memory { stuck: Some((64, Duration::from_secs(5), false)), ..Memory::default() };
    let readings = BTreeMap::from([(String::from("milk"), 64)]);
    let alive = Alive { was_ended: true, readings, ..Alive::default() };
    let over = Alarm { number: 40, ended: true, ..alarm(40) };
    let ids = records
        .keep(&[
            Entry::Alarm(over),
            Entry::Alarm(alarm(41)),
            to("chat", 41),
            to("mail", 41),
            Entry::Memory("milk".into(), memory.clone()),
            Entry::Quiet("milk".into(), quiet.clone()),
            Entry::Alive(alive.clone()),
            Entry::Deed {
                at: Timestamp::UNIX_EPOCH,
                who: Some("anna".into()),
                what: "acknowledged #41".into(),
            },
        ])
        .unwrap();
    assert_eq!(ids.len(), 2);
    records.keep(&[Entry::Delivered(ids[0])]).unwrap();
    drop(records);

    let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let kept = records.kept().unwrap();
    assert_eq!(set_aside, None);
    assert_eq!((kept.alarms, kept.last_number), (vec![alarm(41)], 41));
    assert_eq!(kept.outbox, [(ids[1], String::from("mail"), message(41))]);
    assert_eq!(kept.memories["milk"], memory);
    assert_eq!(kept.quiet["milk"], quiet);
    assert_eq!(kept.alive, Some(alive));
    assert_eq!(kept.unreadable, 0);
}

#[test]
fn a_damaged_file_is_set_aside_and_a_newer_one_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    std::fs::write(&path, "this was a database once, before the card failed".repeat(100)).unwrap();
    let (mut records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let set_aside = set_aside.unwrap();
    assert!(std::fs::read_to_string(&set_aside.path).unwrap().starts_with("this was"), "{set_aside:?}");
    records.keep(&[Entry::Alarm(alarm(1))]).unwrap();
    records.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(records);
    let newer = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(newer.to_string().contains("later version"), "{newer}");
    assert!(path.exists());
}

#[test]
fn a_file_of_an_older_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let older = Connection::open(folder.path().join(FILE)).unwrap();
    older.execute_batch(STEPS[0]).unwrap();
    older.execute_batch(STEPS[1]).unwrap();
    older.pragma_update(None, "user_version", 2).unwrap();
    let json = json(&alarm(7));
    older.execute("INSERT INTO alarm VALUES (7, 1, ?1)", [&json]).unwrap();
    older.execute("INSERT INTO alarm VALUES (8, 0, 'not a json')", []).unwrap();
    let at = Timestamp::UNIX_EPOCH.to_string();
    older.execute("INSERT INTO deed (at, who, what) VALUES (?1, 'anna', 'drill milk')", [at]).unwrap();
    drop(older);
    let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((set_aside, records.kept().unwrap().alarms), (None, vec![alarm(7)]));
    let until = Timestamp::from_second(1_000).unwrap();
    let (alarms, deeds) = Records::between(folder.path(), Timestamp::UNIX_EPOCH, until).unwrap();
    assert_eq!(alarms, [alarm(7)]);
    let deed = Deed { at: Timestamp::UNIX_EPOCH, who: Some("anna".into()), what: "drill milk".into() };
    assert_eq!(deeds, [deed]);
    let logged: String = records
        .connection
        .query_row("SELECT json FROM log ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(logged, format!("{{\"alarm\":{json}}}"), "as it is written today");
}

#[test]
fn a_page_of_zeros_is_noticed() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let (mut records, _) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let alarms: Vec<_> = (1..500).map(|number| Entry::Alarm(alarm(number))).collect();
    records.keep(&alarms).unwrap();
    records.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(records);
    let path = folder.path().join("records.db");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    assert!(pages > 8, "{pages}");
    file.write_all_at(&[0; 4096], 4096 * (pages / 2)).unwrap();
    let (records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert!(set_aside.is_some());
    assert!(records.kept().unwrap().alarms.is_empty());
}

#[test]
fn the_log_has_its_room_from_the_start_and_the_file_no_empty_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let log = || std::fs::metadata(folder.path().join("records.db-wal")).unwrap().len();
    let room = log();
    assert!(room >= 4_096 * 64, "{room}");
    let empty: i64 = records.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0)).unwrap();
    let tables: i64 = records
        .connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'room'", [], |row| row.get(0))
        .unwrap();
    assert_eq!((empty, tables, records.connection.is_autocommit()), (0, 0, true));
    drop(records);
    let (_records, set_aside) = Records::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((set_aside, log()), (None, room), "it is given once");
}
