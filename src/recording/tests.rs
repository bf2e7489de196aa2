//! Logs as people have them.

use std::fs;

use super::*;

fn read(text: &str, unit: Option<Unit>) -> Result<Recording, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    fs::write(&path, text).unwrap();
    Recording::read(&path, unit)
}

fn value(degrees: f64) -> Played {
    Played::Value(Celsius::from_degrees(degrees).unwrap())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn times_and_values_of_every_shape() {
    let text = "timestamp,value\n2026-01-01 00:00:00,4.5\n\n# a notice\n2026-01-01T00:01:00,-3.06\n2026-01-01T01:02:00+01:00,85.0\n";
    let recording = read(text, None).unwrap();
    let points: Vec<_> = recording.points.iter().map(|point| (point.at.as_secs(), point.value)).collect();
    assert_eq!(points, [(0, value(4.5)), (60, value(-3.0625)), (120, Played::PowerOnReset)]);

    let kernel = read("2017-06-30_15:20:02 27812\n2017-06-30_15:30:02 85000\n", None).unwrap();
    assert_eq!(kernel.points[0].value, value(27.8125));
    assert_eq!(kernel.points[1], Point { at: seconds(600), value: Played::PowerOnReset });

    let seconds_and_fahrenheit = read("1767225600 41\n1767225660.5 50\n", Some(Unit::Fahrenheit)).unwrap();
    assert_eq!(
        seconds_and_fahrenheit.points[1],
        Point { at: Duration::from_millis(60_500), value: value(10.0) }
    );
}

#[test]
fn a_broken_line_is_named() {
    for (text, line, reason) in [
        ("2026-01-01 00:00:00,4.5\nyesterday,5.0\n", 2, "`yesterday` is not a time"),
        ("2026-01-01 00:00:00,warm\n", 1, "`warm` is not a number"),
        ("2026-01-01 00:00:00,4.5\n2026-01-01 00:00:00,-\n", 2, "`-` is not a number"),
        ("4.5\n", 1, "a time and a value were expected"),
        ("2025-02-22 15:07:03,22,21\n", 1, "3 columns, and two were expected"),
        ("2026-01-01 00:00:00,\n", 1, "there is no value"),
        ("2026-01-02 00:00:00,4.5\n2026-01-01 00:00:00,4.5\n", 2, "before that of the line above"),
        ("2026-01-01 00:00:00,70.5\n2026-01-01 00:00:00,200.0\n", 2, "is the unit right?"),
        ("2026-01-01 00:00:00,NaN\n", 1, "outside what a probe can read"),
    ] {
        match read(text, None) {
            Err(Error::Line { line: at, reason: said, .. }) => {
                assert_eq!(at, line, "{said}");
                assert!(said.contains(reason), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(read("timestamp,value\n", None), Err(Error::Empty(_))));
    assert!(matches!(Recording::read(Path::new("/nowhere"), None), Err(Error::Unreadable { .. })));
}

#[test]
fn columns_quotes_units_and_encodings_of_many_programs() {
    let first = |text: &str| read(text, None).unwrap().points[0].value;
    for text in [
        "2026-01-01 00:00:00;4.5\n",
        "2026-01-01 00:00:00;4,5\n",
        "\"2026-01-01 00:00:00\",\"4.5\"\n",
        "2026-01-01 00:00:00\t4.5\n",
        "2026-01-01 00:00:00,4.5 °C\n",
        "2026-01-01 00:00:00 4.5°C\n",
        "2026-01-01 00:00:00,40.1 °F\n",
        "2026-01-01 00:00:00,4.5,\n",
        "\u{feff}2026-01-01 00:00:00,4.5\n",
        "202601010000 4.5\n",
    ] {
        assert_eq!(first(text), value(4.5), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.csv");
    fs::write(&path, b"2026-01-01 00:00:00;4,5 \xB0C\n").unwrap();
    assert_eq!(Recording::read(&path, None).unwrap().points[0].value, value(4.5));
    fs::write(&path, b"\xFF\xFE2\x000\x00").unwrap();
    assert!(Recording::read(&path, None).unwrap_err().to_string().contains("iconv -f UTF-16"));
    assert_eq!(read("202511042110 4.5\n", None).unwrap().began.to_string(), "2025-11-04T21:10:00Z");
}

#[test]
fn whole_numbers_are_degrees_unless_they_are_too_large_for_that() {
    let first = |text: &str| {
        let recording = read(text, None).unwrap();
        (recording.points[0].value, recording.understood.unit)
    };
    assert_eq!(first("2018-04-02 17:32:04,69\n"), (value(69.0), Unit::Celsius));
    assert_eq!(first("2018-04-02 17:32:04,4187\n"), (value(4.1875), Unit::MilliCelsius));
}

#[test]
fn a_few_broken_lines_are_passed_over_and_counted_and_a_gap_plays_as_no_answer() {
    let mut text = String::from("time,value\n");
    for minute in 0..60 {
        // The machine was off for half an hour.
        let at = minute * 60 + if minute >= 30 { 1_800 } else { 0 };
        text += &format!("{},{}.5\n", 1_767_225_600 + at, minute % 10);
    }
    text += "time,value\n17672\u{0}\u{0}garbled\n1767232800,\n1767232860,4.";
    text += "\n17672";
    let recording = read(&text, None).unwrap();
    assert_eq!((recording.points.len(), recording.understood.passed_over), (61, 3));
    assert_eq!(recording.understood.first_passed_over.as_ref().unwrap().0, 63);
    assert_eq!(recording.understood.longest_gap, seconds(1_920));
    assert_eq!(recording.at(seconds(29 * 60 + 30)), value(9.5));
    assert_eq!(recording.at(seconds(31 * 60)), Played::Nothing);
    assert_eq!(recording.at(seconds(60 * 60)), value(0.5));
}

#[test]
fn it_plays_the_newest_point_and_begins_anew_after_the_last_ones_interval() {
    let recording = read("0 1.0\n60 2.0\n120 3.0\n", None).unwrap();
    for (elapsed, degrees) in [(0, 1.0), (59, 1.0), (60, 2.0), (120, 3.0), (179, 3.0), (180, 1.0), (240, 2.0)]
    {
        assert_eq!(recording.at(seconds(elapsed)), value(degrees), "{elapsed} s");
    }
    let single = read("0 1.5\n", None).unwrap();
    assert_eq!(single.at(seconds(1_000_000)), value(1.5));
}

#[test]
fn real_recordings_load_with_every_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let kernel = Recording::read(&folder.join("etinkers_ds18b20_10min_2017.log"), None).unwrap();
    assert_eq!(kernel.points.len(), 3_435);
    let resets = kernel.points.iter().filter(|point| point.value == Played::PowerOnReset).count();
    assert_eq!(resets, 334);
    let office = folder.join("nab_ambient_temperature_system_failure.csv");
    assert_eq!(Recording::read(&office, Some(Unit::Fahrenheit)).unwrap().points.len(), 7_267);
}

#[test]
fn a_time_without_a_zone_is_by_the_clock_on_the_wall_and_the_hour_that_comes_twice_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    // Berlin on the last Sunday of October 2025: from 03:00 back to 02:00.
    let log = "2025-10-26 01:30:00,4.0\n2025-10-26 02:00:00,4.1\n2025-10-26 02:30:00,4.2\n\
               2025-10-26 02:00:00,4.3\n2025-10-26 02:30:00,4.4\n2025-10-26 03:00:00,4.5\n";
    std::fs::write(&path, log).unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let recording = Recording::read_of(&path, None, None, &zone).unwrap();
    assert_eq!(recording.began, "2025-10-25T23:30:00Z".parse().unwrap());
    let minutes: Vec<u64> = recording.points.iter().map(|point| point.at.as_secs() / 60).collect();
    assert_eq!((minutes, recording.understood.passed_over), (vec![0, 30, 60, 90, 120, 150], 0));
    // An hour a line shows the same time twice; a minute back is a clock that was set, and costs its line alone.
    std::fs::write(&path, "2025-10-26 01:00:00,4.0\n2025-10-26 02:00:00,4.1\n2025-10-26 02:00:00,4.2\n2025-10-26 03:00:00,4.3\n").unwrap();
    let recording = Recording::read_of(&path, None, None, &zone).unwrap();
    let minutes: Vec<u64> = recording.points.iter().map(|point| point.at.as_secs() / 60).collect();
    assert_eq!(minutes, [0, 60, 120, 180]);
    let mut log = String::new();
    for minute in [0, 10, 9, 20, 30, 40, 50, 0, 10, 20, 30, 40, 50] {
        log.push_str(&format!("2025-10-26 02:{minute:02}:00,4.0\n"));
    }
    std::fs::write(&path, log).unwrap();
    let recording = Recording::read_of(&path, None, None, &zone).unwrap();
    let minutes: Vec<u64> = recording.points.iter().map(|point| point.at.as_secs() / 60).collect();
    assert_eq!(minutes, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
    // In spring an hour is not there, and whoever names it means the one behind.
    std::fs::write(&path, "2025-03-30 01:30:00,4.0\n2025-03-30 02:30:00,4.1\n2025-03-30 03:30:00,4.2\n")
        .unwrap();
    let recording = Recording::read_of(&path, None, None, &zone).unwrap();
    let minutes: Vec<u64> = recording.points.iter().map(|point| point.at.as_secs() / 60).collect();
    assert_eq!(minutes, [0, 60, 60]);
}
