//! What a killed process and a damaged file leave of the history. A process that is killed is this test itself, started once
//! more to write and nothing else.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fridge::fridge::{Fridge, Limits};
use fridge::history::{History, Keeper, Kept, Past, Point, extremes, series};
use fridge::reading::{Celsius, Clock, ProbeId, Sample, Stamp};
use fridge::store::bucket::{self, Aggregate, Sum};
use fridge::store::{HistoryFile, Table, salvage};
use jiff::Timestamp;

mod past;

use past::{Archive, BEGIN, sample};

const FRIDGES: usize = 20;
const STEP: u64 = 10;

fn fridges() -> Vec<Fridge> {
    let fridge = |number: usize| {
        Fridge::new(format!("fridge-{number}"), ProbeId::new(0x28, number as u64 + 1), Limits::default())
    };
    (0..FRIDGES).map(fridge).collect()
}

/// Writes sweep after sweep as fast as it goes, every minute a row as in an alarm, and says how far it is on the disk.
#[test]
#[ignore = "run by the test below, and killed by it"]
fn writes_until_it_is_killed() {
    let folder = std::env::var("FRIDGE_KILLED_FOLDER").expect("the test below names one");
    let start: u64 = std::env::var("FRIDGE_KILLED_START").unwrap().parse().unwrap();
    let now = Arc::new(Mutex::new(stamp(start)));
    let clock: Clock = {
        let now = Arc::clone(&now);
        Arc::new(move || *now.lock().unwrap())
    };
    let history = Arc::new(History::default());
    history.set_fridges(&fridges());
    let mut keeper = Keeper::new(Arc::clone(&history), Path::new(&folder), clock);
    for sweep in 0_u64.. {
        let at = start + sweep * STEP;
        let samples: Vec<(ProbeId, Sample)> = (0..FRIDGES)
            .map(|number| (ProbeId::new(0x28, number as u64 + 1), sample(number, at as i64)))
            .collect();
        history.add(stamp(at), &samples, sweep % 100 >= 50);
        *now.lock().unwrap() = stamp(at + STEP);
        keeper.turn(stamp(at + STEP), false);
        println!("at {}", at + STEP);
    }
}

fn stamp(second: u64) -> Stamp {
    Stamp {
        mono: Duration::from_secs(1_000_000 + second),
        wall: Timestamp::from_second(BEGIN + second as i64).unwrap(),
    }
}

#[test]
fn a_killed_process_loses_no_more_than_a_block_and_alters_nothing() {
    use std::io::{BufRead, BufReader};
    let kills: u64 = std::env::var("KILLS").map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(13);
    let mut start = 0;
    let (mut longest, mut in_alarm) = (0, 0);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env("FRIDGE_KILLED_FOLDER", folder.path())
            .env("FRIDGE_KILLED_START", start.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let wanted = start + STEP * random.u64(40..400);
        let mut reached = start;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while reached < wanted
            && let Some(Ok(line)) = lines.next()
        {
            reached = line.strip_prefix("at ").and_then(|at| at.parse().ok()).unwrap_or(reached);
        }
        child.kill().unwrap();
        // What it still said before it was dead.
        for line in lines.map_while(Result::ok) {
            reached = line.strip_prefix("at ").and_then(|at| at.parse().ok()).unwrap_or(reached);
        }
        child.wait().unwrap();
        assert!(reached >= wanted, "it was killed, and did not end by itself");

        let (file, set_aside) = HistoryFile::open(folder.path(), Timestamp::now()).unwrap();
        assert_eq!(set_aside, None, "kill {kill}");
        let series: BTreeMap<u16, usize> = file
            .series()
            .unwrap()
            .into_iter()
            .map(|(id, number)| (number, id.trim_start_matches("fridge-").parse().unwrap()))
            .collect();
        let mut seen = BTreeMap::new();
        let damaged = file.blocks(Table::Raw, 0, i64::MAX, |begins, block| {
            for (number, probe, offset_ms, read) in block.samples() {
                let (second, fridge) = (begins - BEGIN + i64::from(offset_ms) / 1_000, series[&number]);
                assert_eq!(read, sample(fridge, second), "kill {kill}: altered");
                assert_eq!(probe, ProbeId::new(0x28, fridge as u64 + 1), "kill {kill}: another's");
                *seen.entry(second as u64).or_insert(0) += 1;
            }
            true
        });
        assert_eq!(damaged.unwrap(), 0);
        assert!(seen.values().all(|count| *count == FRIDGES), "kill {kill}: a sweep twice, or half of one");
        let newest = *seen.keys().next_back().unwrap();
        let lost = reached.saturating_sub(newest + STEP);
        longest = longest.max(lost);
        assert!(lost <= 300 + 2 * STEP, "kill {kill}: {lost} s lost");
        // The second half of every hundred sweeps is an alarm; a minute into it, no more than that is lost.
        if (reached - start) / STEP % 100 >= 58 {
            assert!(lost <= 60 + 2 * STEP, "kill {kill}: {lost} s lost in an alarm");
            in_alarm += 1;
        }
        // Two of the days are written down, the others are computed.
        let mut file = file;
        for day in file.touched().unwrap().into_iter().take(2) {
            file.settle(day).unwrap();
            file.sealed(&[day]).unwrap();
        }
        let mut buckets = BTreeMap::new();
        file.buckets(
            0,
            i64::MAX,
            false,
            |_| true,
            |begins, number, bucket| {
                buckets.insert((begins, number), bucket);
                true
            },
        )
        .unwrap();
        let mut again = BTreeMap::new();
        file.blocks(Table::Raw, 0, i64::MAX, |begins, block| {
            again.extend(bucket::of(&block).into_iter().map(|(number, bucket)| ((begins, number), bucket)));
            true
        })
        .unwrap();
        assert!(buckets == again, "kill {kill}: buckets are not what their readings come to");
        start = reached + 600 - reached % 300;
    }
    assert!(in_alarm > 0, "none was killed in an alarm");
    println!(
        "{kills} kills, {in_alarm} in an alarm: at most {longest} s lost, nothing altered, nothing twice"
    );
}

/// What is found in a damaged copy of a file, and what salvage brings over of it.
struct Outcome {
    noticed: bool,
    passed_as_good: usize,
    got_back: f64,
}

fn damage(
    archive: &Archive,
    readings: &BTreeMap<(i64, u16), i16>,
    harm: impl Fn(&std::fs::File, u64),
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    std::fs::copy(archive.path().join("history.db"), &path).unwrap();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    harm(&file, length);
    drop(file);
    let now = Timestamp::now();
    let mut noticed = false;
    if let Ok((_, Some(aside))) = HistoryFile::open(folder.path(), now) {
        noticed = true;
        salvage(&aside.path, folder.path(), now).unwrap();
    }
    let (file, _) = HistoryFile::open(folder.path(), now).unwrap();
    let names: BTreeMap<u16, u16> = file
        .series()
        .unwrap()
        .into_iter()
        .filter_map(|(id, number)| Some((number, id.strip_prefix("fridge-")?.parse().ok()?)))
        .collect();
    let (mut passed_as_good, mut good) = (0, 0);
    let damaged = file.blocks(Table::Raw, 0, i64::MAX, |begins, block| {
        for (number, _, offset_ms, read) in block.samples() {
            let Some(fridge) = names.get(&number) else { continue };
            let at = begins + i64::from(offset_ms) / 1_000;
            let is = read.map_or(i16::MIN, Celsius::sixteenths);
            match readings.get(&(at, *fridge)) {
                Some(expected) if *expected == is => good += 1,
                _ => passed_as_good += 1,
            }
        }
        true
    });
    noticed |= damaged.is_err() || damaged.is_ok_and(|damaged| damaged > 0);
    Outcome { noticed, passed_as_good, got_back: f64::from(good) / readings.len() as f64 }
}

#[test]
fn no_damaged_row_is_passed_as_good_and_the_others_are_got_back() {
    let archive = Archive::new(8, 20 * 86_400, 60);
    let mut readings = BTreeMap::new();
    for second in (0..20 * 86_400).step_by(60) {
        for fridge in 0..8_u16 {
            let read = sample(fridge.into(), second).map_or(i16::MIN, Celsius::sixteenths);
            readings.insert((BEGIN + second, fridge), read);
        }
    }
    let trials: usize = std::env::var("DAMAGES").map_or(12, |trials| trials.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(14);
    let pages = std::fs::metadata(archive.path().join("history.db")).unwrap().len() / 4_096;
    println!("a file of {pages} pages; one of them is zeroed, or its last 1 to 40 cut off");
    for kind in ["bit flipped", "page zeroed", "end cut off"] {
        let (mut noticed, mut passed, mut worst, mut sum) = (0, 0, 1.0_f64, 0.0);
        for _ in 0..trials {
            let chosen = random.u64(0..u64::MAX);
            let outcome = damage(&archive, &readings, |file, length| match kind {
                "bit flipped" => {
                    // Behind the header's page, which is SQLite's own business.
                    let at = 4_096 + chosen % (length - 4_096);
                    let mut byte = [0];
                    file.read_exact_at(&mut byte, at).unwrap();
                    file.write_all_at(&[byte[0] ^ (1 << (chosen >> 56 & 7))], at).unwrap();
                }
                "page zeroed" => {
                    let page = 1 + chosen % (length / 4_096 - 1);
                    file.write_all_at(&[0; 4_096], page * 4_096).unwrap();
                }
                _ => file.set_len(length - 4_096 * (1 + chosen % 40)).unwrap(),
            });
            noticed += usize::from(outcome.noticed);
            passed += outcome.passed_as_good;
            worst = worst.min(outcome.got_back);
            sum += outcome.got_back;
        }
        println!(
            "{kind}: noticed {noticed} of {trials}, passed as good {passed}, got back {:.2} % on average, {:.2} % at worst",
            100.0 * sum / trials as f64,
            100.0 * worst
        );
        assert_eq!(passed, 0, "{kind}");
    }
}

#[test]
#[ignore = "takes minutes: scripts/test-everything"]
fn three_years_of_twenty_fridges_are_asked_quickly() {
    let days: i64 = 3 * 365;
    let archive = Archive::years(FRIDGES, days, BEGIN);
    let now = stamp((days * 86_400) as u64);
    let clock: Clock = Arc::new(move || now);
    let past = Kept::new(archive.path(), None, clock);
    let ids: Vec<String> = (0..FRIDGES).map(|number| format!("fridge-{number}")).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let size = std::fs::metadata(archive.path().join("history.db")).unwrap().len();
    println!("{days} days of {FRIDGES} fridges: {:.1} MB", size as f64 / 1e6);
    let ago = |days: i64| Timestamp::from_second(now.wall.as_second() - days * 86_400).unwrap();
    let timed = |what: &str, work: &dyn Fn()| {
        // The first has the file's pages to find.
        let times: Vec<Duration> = (0..5)
            .map(|_| {
                let began = std::time::Instant::now();
                work();
                began.elapsed()
            })
            .collect();
        println!(
            "{what}: {:.1} ms, then {:.1} ms",
            times[0].as_secs_f64() * 1e3,
            times.iter().min().unwrap().as_secs_f64() * 1e3
        );
    };
    timed("history of a fridge, 7 days", &|| {
        let points = series(&past, &all[..1], ago(7), now.wall, Duration::from_secs(4 * 3_600)).unwrap();
        assert!(points[0].iter().filter(|point: &&Point| point.aggregate != Aggregate::EMPTY).count() > 40);
    });
    timed("minmax of all fridges, a month", &|| {
        assert!(extremes(&past, &all, ago(30), now.wall).unwrap().iter().all(|sum| sum.readings > 1_000));
    });
    timed("a year of a fridge", &|| {
        series(&past, &all[..1], ago(365), now.wall, Duration::from_secs(86_400)).unwrap();
    });
    timed("since when", &|| {
        let limits = Limits { min: None, max: Celsius::from_degrees(-30.0) };
        let beyond = fridge::history::beyond_since(&past, "fridge-0", &limits, now.wall).unwrap();
        assert!(beyond.is_some());
    });
    let mut sum = Sum::default();
    past.buckets(&all[..1], ago(1), now.wall, false, &mut |_, _, bucket| {
        sum.add_all(&bucket);
        true
    })
    .unwrap();
    assert!(sum.aggregate().readings > 200);
}
