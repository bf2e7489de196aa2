//! The commands about the past, on a state folder with a past that is made up: export, import, report, verify, backup and
//! restore, each as people call it.

mod past;

use fridge::store::seal::Seals;
use fridge::store::{Entry, HistoryFile, Records};
use jiff::Timestamp;
use past::{Archive, BEGIN, sample};

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + second).unwrap()
}

/// Seals every day that is over by then.
fn seal(archive: &Archive, second: i64) {
    let (mut history, _) = HistoryFile::open(archive.path(), at(second)).unwrap();
    Seals::open(archive.path()).unwrap().seal(&mut history, at(second)).unwrap();
}

fn records(archive: &Archive) -> Records {
    Records::open(archive.path(), at(0)).unwrap().0
}

#[test]
fn each_reading_is_exported_as_it_was_with_its_zone_and_its_fault() {
    let archive = Archive::new(3, 2 * 3_600, 10);
    let csv = archive.printed(&["export", "--from", "2026-03-01"]);
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("time,fridge,probe,celsius,fault"));
    let mut count = 0;
    for (index, line) in lines.enumerate() {
        let (second, fridge) = ((index / 3) as i64 * 10, index % 3);
        let [time, name, probe, celsius, fault] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(time.parse::<Timestamp>().unwrap(), at(second), "{line}");
        assert!(time.ends_with("+00:00"), "{line}");
        assert_eq!(
            (name, probe),
            (format!("Fridge {fridge}").as_str(), format!("28-{:012x}", fridge + 1).as_str())
        );
        match sample(fridge, second) {
            Ok(expected) => assert_eq!((celsius.parse(), fault), (Ok(expected.degrees()), ""), "{line}"),
            Err(_) => assert_eq!((celsius, fault), ("", "crc"), "{line}"),
        }
        count += 1;
    }
    assert_eq!(count, 3 * 720);
    let json = archive.printed(&[
        "export",
        "fridge 1",
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-01 00:01",
        "--format",
        "jsonl",
    ]);
    assert_eq!(json.lines().count(), 6, "{json}");
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["fridge"], &first["fault"]), (&"Fridge 1".into(), &serde_json::Value::Null));
    let hours = archive.printed(&["export", "fridge 2", "--from", "2026-03-01", "--step", "1h"]);
    assert_eq!(hours.lines().count(), 3, "{hours}");
    let wrong = archive.run(&["export", "--from", "next week"]);
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("`next week` is not a time; write one such as"),
        "{wrong:?}"
    );
}

#[test]
fn what_is_exported_is_read_back_by_whatif() {
    let archive = Archive::new(2, 26 * 3_600, 60);
    let csv = archive.path().join("log.csv");
    std::fs::write(&csv, archive.printed(&["export", "fridge 0", "--from", "2026-03-01"])).unwrap();
    let file = csv.to_str().unwrap();
    let told = archive.printed(&["whatif", "--file", file, "max", "6", "for", "10m"]);
    assert!(told.contains("2 alarms") || told.contains("1 alarm"), "{told}");
    std::fs::write(&csv, archive.printed(&["export", "--from", "2026-03-01"])).unwrap();
    let several = archive.run(&["whatif", "--file", file, "max", "6", "for", "10m"]);
    assert!(
        String::from_utf8_lossy(&several.stderr).contains("several fridges: Fridge 0, Fridge 1"),
        "{several:?}"
    );
    let one = archive.printed(&["whatif", "fridge 1", "--file", file]);
    assert!(one.contains("alarm"), "{one}");
}

#[test]
fn a_log_of_another_system_is_imported_exported_and_imported_again() {
    let archive = Archive::new(2, 600, 10);
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/etinkers_ds18b20_10min_2017.log");
    let said = archive.printed(&["import", log, "--fridge", "fridge 1", "--zone", "Asia/Singapore"]);
    assert!(said.starts_with("3435 readings are in the history of Fridge 1, marked as imported."), "{said}");
    let first = archive.printed(&["export", "fridge 1", "--to", "2017"]);
    assert_eq!(first.lines().count(), 3_436);
    // The first line of the log, 15:20:02 in Singapore.
    assert_eq!(first.lines().nth(1), Some("2017-06-30T07:20:02+00:00,Fridge 1,,27.8125,"));
    assert_eq!(first.matches(",power_on_reset").count(), 334);
    let csv = archive.path().join("first.csv");
    std::fs::write(&csv, &first).unwrap();
    let other = Archive::new(2, 600, 10);
    other.printed(&["import", csv.to_str().unwrap()]);
    assert_eq!(other.printed(&["export", "fridge 1", "--to", "2017"]), first);
    // The same twice is there once.
    other.printed(&["import", csv.to_str().unwrap()]);
    assert_eq!(other.printed(&["export", "fridge 1", "--to", "2017"]), first);
    let json = other.printed(&["export", "fridge 1", "--to", "2017", "--format", "jsonl"]);
    assert!(json.lines().all(|line| line.contains("\"imported\":true")));
    let unnamed = archive.run(&["import", log]);
    assert!(
        String::from_utf8_lossy(&unnamed.stderr).contains("which fridge is it about? --fridge milk"),
        "{unnamed:?}"
    );
}

/// The recording is of twenty-four days: over and over, until ninety are full.
#[test]
fn ninety_days_of_a_log_are_the_same_after_another_import() {
    let archive = Archive::new(2, 600, 10);
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/etinkers_ds18b20_10min_2017.log");
    let log = std::fs::read_to_string(log).unwrap();
    let recorded: Vec<(jiff::civil::DateTime, &str)> = log
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(time, value)| (jiff::civil::DateTime::strptime("%Y-%m-%d_%H:%M:%S", time).unwrap(), value))
        .collect();
    let begin = recorded[0].0;
    let mut days = String::new();
    let mut lines = 0;
    for round in 0..4 {
        for (time, value) in &recorded {
            let time = *time + jiff::Span::new().days(24 * round);
            if time < begin + jiff::Span::new().days(90) {
                days.push_str(&format!("{} {value}\n", time.strftime("%Y-%m-%d_%H:%M:%S")));
                lines += 1;
            }
        }
    }
    let file = archive.path().join("ninety-days.log");
    std::fs::write(&file, days).unwrap();
    let said = archive.printed(&["import", file.to_str().unwrap(), "--fridge", "fridge 1"]);
    assert!(said.starts_with(&format!("{lines} readings are in the history of Fridge 1")), "{said}");
    let first = archive.printed(&["export", "fridge 1", "--to", "2017"]);
    assert_eq!(first.lines().count(), lines + 1);
    // Each as it is in the log, to a sixteenth of a degree; 85 °C is a probe that lost its power.
    for (exported, (_, value)) in first.lines().skip(1).zip(recorded.iter().cycle()) {
        let fields: Vec<&str> = exported.split(',').collect();
        let read = value.parse::<f64>().unwrap() / 1_000.0;
        match fields[4] {
            "" => {
                assert!((fields[3].parse::<f64>().unwrap() - read).abs() <= 1.0 / 32.0, "{exported} {value}")
            }
            fault => assert_eq!((fault, *value), ("power_on_reset", "85000"), "{exported}"),
        }
    }
    let csv = archive.path().join("first.csv");
    std::fs::write(&csv, &first).unwrap();
    let other = Archive::new(2, 600, 10);
    other.printed(&["import", csv.to_str().unwrap()]);
    assert_eq!(other.printed(&["export", "fridge 1", "--to", "2017"]), first);
    println!("{lines} lines of ninety days: equal");
}

#[test]
fn a_day_that_was_changed_afterwards_is_found_whatever_was_changed() {
    let archive = Archive::new(4, 6 * DAY, 60);
    let mut records = records(&archive);
    let deed = |second: i64| Entry::Deed {
        at: at(second),
        who: Some("anna".into()),
        what: "acknowledge [41]: door".into(),
    };
    let alarm = || {
        use fridge::alarm::{Alarm, Kind, RuleName, Urgency};
        let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Warning);
        Alarm::new(41, ("fridge-1", "Fridge 1"), what, at(3_600), at(3_600))
    };
    records.keep(&[Entry::Alarm(alarm()), deed(4_000)]).unwrap();
    for day in 1..=6 {
        seal(&archive, day * DAY + 7_200);
        records.keep(&[deed(day * DAY + 8_000)]).unwrap();
    }
    let verify = || archive.run(&["verify"]);
    let sound = verify();
    assert!(sound.status.success(), "{sound:?}");
    let said = String::from_utf8(sound.stdout).unwrap();
    assert!(said.starts_with("Everything fits: 6 days, 2026-03-01 to 2026-03-06."), "{said}");
    let change = |file: &str, sql: &str| {
        let changed = Archive { folder: tempfile::tempdir().unwrap() };
        std::fs::copy(archive.config(), changed.config()).unwrap();
        for name in ["history.db", "records.db"] {
            fridge::store::copy(&archive.path().join(name), &changed.path().join(name)).unwrap();
        }
        rusqlite::Connection::open(changed.path().join(file)).unwrap().execute_batch(sql).unwrap();
        let output = changed.run(&["verify"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let within = format!("t = {}", BEGIN + 2 * DAY + 600);
    for (file, sql, expected) in [
        (
            "history.db",
            format!("UPDATE raw SET b = (SELECT b FROM raw WHERE t = {}) WHERE {within}", BEGIN + 300),
            "2026-03-03",
        ),
        (
            "history.db",
            format!("DELETE FROM raw WHERE t >= {} AND t < {}", BEGIN + 2 * DAY, BEGIN + 3 * DAY),
            "2026-03-03",
        ),
        ("history.db", format!("DELETE FROM bucket WHERE {within}"), "2026-03-03"),
        ("history.db", String::from("UPDATE series SET fridge = 'fridge-9' WHERE number = 2"), "2026-03-01"),
        ("history.db", format!("UPDATE raw SET t = -t WHERE {within}"), "2026-03-03"),
        (
            "records.db",
            String::from("UPDATE log SET json = replace(json, 'door', 'dour') WHERE id = 3"),
            "2026-03-02",
        ),
        (
            "records.db",
            String::from("UPDATE alarm SET json = replace(json, 'Fridge 1', 'Fridge 2')"),
            "alarm #41",
        ),
        ("records.db", String::from("DELETE FROM alarm"), "alarm #41"),
        ("records.db", String::from("DELETE FROM seal"), "2026-03-01"),
        ("records.db", String::from("DELETE FROM seal WHERE number = 6"), "2026-03-06"),
        ("records.db", String::from("DELETE FROM log WHERE id = 1"), "2026-03-01"),
        ("history.db", String::from("UPDATE kept SET raw_from = 9000000000; DELETE FROM raw"), "2026-03-06"),
        ("records.db", String::from("DELETE FROM seal WHERE number = 3"), "2026-03-04"),
        (
            "records.db",
            String::from(
                "UPDATE seal SET number = 7 WHERE number = 3; UPDATE seal SET number = 3 WHERE number = 4; UPDATE seal SET number = 4 WHERE number = 7",
            ),
            "seal 3 cannot be read",
        ),
        (
            "records.db",
            String::from("UPDATE seal SET json = replace(json, '2026-03-04', '2026-03-14')"),
            "2026-03-14",
        ),
    ] {
        let (status, said) = change(file, &sql);
        assert_eq!(status, Some(1), "{sql}: {said}");
        assert!(said.starts_with("Something was changed.") && said.contains(expected), "{sql}: {said}");
    }
    assert!(verify().status.success());
    // What comes late is sealed again, and said.
    let (mut history, _) = HistoryFile::open(archive.path(), at(0)).unwrap();
    let late = std::collections::BTreeMap::from([(
        BEGIN + DAY + 300,
        fridge::store::block::Block {
            groups: vec![fridge::store::block::Group {
                members: vec![(0, fridge::reading::ProbeId::new(0x28, 99))],
                sweeps: vec![fridge::store::block::Sweep { offset_ms: 5, samples: vec![Some(sample(0, 0))] }],
            }],
        },
    )]);
    history.keep(fridge::store::Table::Raw, &[String::from("fridge-0")], &late).unwrap();
    let late = archive.run(&["verify"]);
    let said = String::from_utf8(late.stdout).unwrap();
    assert!(late.status.code() == Some(1) && !said.contains("Everything fits"), "{said}");
    assert!(said.contains("2026-03-02 has changed since it was sealed"), "{said}");
    seal(&archive, 7 * DAY);
    let said = archive.printed(&["verify"]);
    assert!(said.contains("2026-03-02 was sealed again at 2026-03-08"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&archive.printed(&["verify", "--json"])).unwrap();
    assert_eq!((&json["fits"], &json["seals"]), (&true.into(), &7.into()));
}

#[test]
fn a_thousand_changes_are_all_found() {
    let archive = Archive::new(4, 3 * DAY, 60);
    let mut records = records(&archive);
    for number in 0..30 {
        let what = format!("acknowledge [{number}]: door");
        records.keep(&[Entry::Deed { at: at(number * 8_000), who: None, what }]).unwrap();
    }
    seal(&archive, 3 * DAY + 7_200);
    drop(records);
    let mut random = fastrand::Rng::with_seed(12);
    let open = |file: &str| rusqlite::Connection::open(archive.path().join(file)).unwrap();
    let (history, records) = (open("history.db"), open("records.db"));
    let days = (jiff::civil::Date::MIN, jiff::civil::Date::MAX);
    let findings =
        || fridge::store::seal::verify(archive.path(), days, |_| ()).unwrap().unwrap().findings.len();
    assert_eq!(findings(), 0);
    for number in 0..1_000 {
        let (connection, table, column) = match number % 4 {
            0 | 1 => (&history, "raw", "b"),
            2 => (&history, "bucket", "b"),
            _ => (&records, "log", "json"),
        };
        let key = if column == "b" { "t" } else { "id" };
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        let chosen = random.i64(0..rows);
        let select = format!("SELECT {key}, CAST({column} AS BLOB) FROM {table} LIMIT 1 OFFSET {chosen}");
        let (row, before): (i64, Vec<u8>) =
            connection.query_row(&select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut changed = before.clone();
        let byte = random.usize(0..changed.len());
        // A text stays one.
        changed[byte] ^= if column == "b" { 1 << random.u8(0..8) } else { 1 };
        let cast = if column == "b" { "?1" } else { "CAST(?1 AS TEXT)" };
        let update = format!("UPDATE {table} SET {column} = {cast} WHERE {key} = ?2");
        connection.execute(&update, rusqlite::params![changed, row]).unwrap();
        assert!(findings() > 0, "change {number}: {table}, row {row}, byte {byte}");
        connection.execute(&update, rusqlite::params![before, row]).unwrap();
    }
    assert_eq!(findings(), 0);
}

#[test]
fn what_is_backed_up_is_restored_on_an_empty_machine_and_overwrites_nothing() {
    let archive = Archive::new(2, 7_200, 10);
    drop(records(&archive));
    let secret = "abcdefghijklmnopqrstuvwxyz";
    let config = std::fs::read_to_string(archive.config()).unwrap();
    std::fs::write(archive.config(), format!("{config}[[hook]]\ntoken = \"{secret}\"\n")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fridge.tar");
    let file = file.to_str().unwrap();
    let said = archive.printed(&["backup", file]);
    assert!(said.contains("3 files, read back and found sound; without tokens and keys"), "{said}");
    assert!(!String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains(secret));
    let again = archive.run(&["backup", file]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists: choose another name"), "{again:?}");
    let onto_itself = archive.run(&["restore", file]);
    assert!(
        String::from_utf8_lossy(&onto_itself.stderr).contains("nothing is overwritten"),
        "{onto_itself:?}"
    );

    let empty = Archive { folder: tempfile::tempdir().unwrap() };
    let said = empty.printed(&["restore", file]);
    assert!(said.contains("Restored 3 files") && said.contains("enter them in"), "{said}");
    let restored = std::fs::read_to_string(empty.config()).unwrap();
    assert!(restored.contains("token = \"removed\""), "{restored}");
    std::fs::write(empty.config(), restored.replace("removed", secret)).unwrap();
    let all = |archive: &Archive| archive.printed(&["export", "--from", "2026-03-01"]);
    assert!(all(&archive) == all(&empty), "what is exported differs");

    let whole = folder.path().join("whole.tar");
    archive.printed(&["backup", whole.to_str().unwrap(), "--secrets"]);
    let other = Archive { folder: tempfile::tempdir().unwrap() };
    other.printed(&["restore", whole.to_str().unwrap()]);
    assert!(std::fs::read_to_string(other.config()).unwrap().contains(secret));

    // Each byte of it is looked at.
    let good = std::fs::read(file).unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let mut refused = 0;
    for _ in 0..40 {
        let mut bad = good.clone();
        let byte = random.usize(0..bad.len() - 2_048);
        bad[byte] ^= 0x40;
        std::fs::write(file, bad).unwrap();
        refused += usize::from(!archive.run(&["restore", file, "--check"]).status.success());
    }
    // The rest of a tar block behind a file belongs to nothing.
    assert!(refused >= 35, "{refused} of 40");
    let mut cut = good.clone();
    cut.truncate(good.len() / 2);
    std::fs::write(file, cut).unwrap();
    assert!(!archive.run(&["restore", file, "--check"]).status.success());
    let nowhere = folder.path().join("not a tar");
    std::fs::write(&nowhere, "hello").unwrap();
    let told = archive.run(&["restore", nowhere.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("not a backup of fridge"), "{told:?}");
}

#[test]
fn a_folder_that_is_added_to_each_day_keeps_the_newest_fourteen() {
    let archive = Archive::new(1, 600, 10);
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=20 {
        std::fs::write(folder.path().join(format!("fridge-2025-01-{day:02}.tar")), "old").unwrap();
    }
    std::fs::write(folder.path().join("mine.tar"), "mine").unwrap();
    archive.printed(&["backup", "--to", folder.path().to_str().unwrap()]);
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 15, "{names:?}");
    assert!(
        names.contains(&String::from("mine.tar")) && names.contains(&String::from("fridge-2025-01-08.tar")),
        "{names:?}"
    );
}

/// Holds a report against what another program computes from the same readings.
fn compare(archive: &Archive, fridge: &str, kind: &str, time: &str, limits: (f64, f64)) {
    let csv = archive.path().join("log.csv");
    std::fs::write(&csv, archive.printed(&["export", fridge, "--from", time, "--to", time])).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/past/figures.py");
    let output = std::process::Command::new("python3")
        .arg(script)
        .arg(&csv)
        .args([limits.0.to_string(), limits.1.to_string()])
        .output()
        .expect("python3");
    assert!(output.status.success(), "{output:?}");
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let json = archive.printed(&["report", fridge, kind, time, "--json"]);
    let report = serde_json::from_str::<serde_json::Value>(&json).unwrap()["reports"][0].clone();
    println!("{fridge}, {time}: {figures}");

    let near = |name: &str| {
        let (one, other) = (report[name].as_f64().unwrap(), figures[name].as_f64().unwrap());
        assert!((one - other).abs() <= 0.01, "{time}: {name}: {one} instead of {other}");
    };
    ["min", "max", "mean"].iter().for_each(|name| near(name));
    assert_eq!(report["readings"], figures["readings"], "{fridge} {time}");
    let minutes = report["minutes_above"].as_f64().unwrap() + report["minutes_below"].as_f64().unwrap();
    assert!((minutes - figures["minutes_outside"].as_f64().unwrap()).abs() <= 2.0, "{report} {figures}");
    assert_eq!(
        report["excursions"].as_array().unwrap().len() as u64,
        figures["excursions"].as_u64().unwrap()
    );
    // The pharmacopoeia names a day of a refrigerator, and a month of a controlled room temperature.
    if (kind == "--day") == (limits == (2.0, 8.0)) {
        near("mean_kinetic");
    } else {
        assert!(report["mean_kinetic"].is_null(), "{report}");
    }
}

#[test]
fn a_report_says_what_another_program_computes_from_the_same_readings() {
    let archive = Archive::new(3, 31 * DAY, 60);
    for (fridge, kind, time) in [
        ("fridge 0", "--day", "2026-03-14"),
        ("fridge 1", "--day", "2026-03-02"),
        ("fridge 0", "--month", "march 2026"),
    ] {
        compare(&archive, fridge, kind, time, (2.0, 8.0));
    }
    let html = archive.printed(&["report", "--all", "--day", "2026-03-14"]);
    assert_eq!(html.matches("<section>").count(), 3);
    assert!(html.contains("<svg") && html.contains("Mean kinetic temperature by USP"), "{}", html.len());
}

#[test]
fn a_report_of_a_recorded_month_says_what_another_program_computes() {
    let archive = Archive::new(2, 600, 10);
    archive.set_limits(15, 30);
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/nab_machine_temperature_2014-01.csv");
    let output = archive.run(&["import", log, "--fridge", "fridge 0", "--unit", "f"]);
    let understood = String::from_utf8(output.stderr).unwrap();
    assert!(
        understood.contains("8929 points over 30 days")
            && understood.contains("in °F; the longest gap is 5 min")
            && understood
                .contains("11 lines passed over (line 1766: its time is before that of the line above)"),
        "{understood}"
    );
    let said = String::from_utf8(output.stdout).unwrap();
    // The log has an hour twice, at which no clock was set back: eleven lines are before the one above and passed over.
    assert!(said.starts_with("8929 readings are in the history of Fridge 0"), "{said}");
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/etinkers_ds18b20_10min_2017.log");
    archive.printed(&["import", log, "--fridge", "fridge 1"]);
    compare(&archive, "fridge 0", "--month", "january 2014", (15.0, 30.0));
    for day in 2..=31 {
        compare(&archive, "fridge 0", "--day", &format!("2014-01-{day:02}"), (15.0, 30.0));
    }
    compare(&archive, "fridge 1", "--month", "july 2017", (15.0, 30.0));
    compare(&archive, "fridge 1", "--day", "2017-07-12", (15.0, 30.0));
}

#[test]
fn advice_needs_a_week_and_names_the_usual_defrost() {
    let now = Timestamp::now().as_second();
    let archive = Archive::new(1, 600, 60);
    let said = archive.printed(&["advise"]);
    assert!(said.contains("Fridge 0: readings of 0.0 days, and 7 are needed.") || now < BEGIN, "{said}");
}
