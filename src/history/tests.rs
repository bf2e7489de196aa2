//! What was measured, from the recorder's hand to the disk and back, with clocks that a test sets.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::alarm::Side;
use crate::reading::{Celsius, Clock, Fault};
use crate::store::{HistoryFile, Table};
use std::sync::Arc;

const PROBE: ProbeId = ProbeId::new(0x28, 1);
const OTHER: ProbeId = ProbeId::new(0x28, 2);
/// 2026-11-27 00:00 UTC.
const MIDNIGHT: i64 = 1_795_737_600;

fn celsius(degrees: f64) -> Celsius {
    Celsius::from_degrees(degrees).unwrap()
}

fn milk() -> Fridge {
    Fridge::new("Milk", PROBE, Limits { min: None, max: Some(celsius(5.0)) })
}

/// A history, the thread that writes it turned by hand, and both clocks.
struct Bench {
    folder: Arc<tempfile::TempDir>,
    history: Arc<History>,
    keeper: Keeper,
    now: Arc<Mutex<Stamp>>,
}

impl Bench {
    fn new(second: i64) -> Bench {
        Bench::in_folder(Arc::new(tempfile::tempdir().unwrap()), second)
    }

    fn in_folder(folder: Arc<tempfile::TempDir>, second: i64) -> Bench {
        let wall = Timestamp::from_second(second).unwrap();
        let now = Arc::new(Mutex::new(Stamp { mono: Duration::from_secs(9 * 86_400), wall }));
        let history = Arc::new(History::default());
        history.set_fridges(&[milk()]);
        let keeper = Keeper::new(Arc::clone(&history), folder.path(), clock(&now));
        Bench { folder, history, keeper, now }
    }

    fn restarted(self, second: i64) -> Bench {
        Bench::in_folder(Arc::clone(&self.folder), second)
    }

    fn now(&self) -> Stamp {
        *self.now.lock().unwrap()
    }

    /// Both clocks go on, with a sweep every ten seconds.
    fn run(&mut self, seconds: u64, sample: impl Fn(u64) -> Sample, is_urgent: bool) {
        for passed in (0..seconds).step_by(10) {
            self.history.add(self.now(), &[(PROBE, sample(passed))], is_urgent);
            self.pass(10);
            self.keeper.turn(self.now(), false);
        }
    }

    fn pass(&self, seconds: u64) {
        let mut now = self.now.lock().unwrap();
        now.mono += Duration::from_secs(seconds);
        now.wall += Duration::from_secs(seconds);
    }

    fn set_wall(&self, by: i64) {
        let mut now = self.now.lock().unwrap();
        now.wall = Timestamp::from_second(now.wall.as_second() + by).unwrap();
    }

    fn flush(&mut self) {
        self.keeper.turn(self.now(), true);
    }

    fn past(&self) -> Kept {
        Kept::new(self.folder.path(), Some(Arc::clone(&self.history) as _), clock(&self.now))
    }

    fn readings(&self) -> Vec<(i64, Sample)> {
        let mut all = Vec::new();
        let end = Timestamp::from_second(4_000_000_000).unwrap();
        self.past()
            .readings(&["milk"], Timestamp::UNIX_EPOCH, end, &mut |seen| {
                all.push((seen.at.as_millisecond(), seen.sample));
                true
            })
            .unwrap();
        all
    }

    /// What is on the disk alone.
    fn rows(&self) -> Vec<(i64, usize)> {
        let file = HistoryFile::open_to_read(self.folder.path()).unwrap();
        let mut rows = Vec::new();
        if let Some(file) = file {
            let damaged = file.blocks(Table::Raw, 0, i64::MAX, |begins, block| {
                rows.push((begins, block.samples().count()));
                true
            });
            assert_eq!(damaged.unwrap(), 0);
        }
        rows
    }
}

fn clock(now: &Arc<Mutex<Stamp>>) -> Clock {
    let now = Arc::clone(now);
    Arc::new(move || *now.lock().unwrap())
}

#[test]
fn a_block_is_written_once_when_it_is_complete_and_all_of_it_at_the_end() {
    let mut bench = Bench::new(MIDNIGHT);
    bench.run(290, |_| Ok(celsius(4.0)), false);
    assert_eq!(bench.rows(), []);
    bench.run(20, |_| Ok(celsius(4.0)), false);
    assert_eq!(bench.rows(), [(MIDNIGHT, 30)]);
    assert_eq!(bench.readings().len(), 31, "what waits belongs to the past as well");
    bench.flush();
    assert_eq!(bench.rows(), [(MIDNIGHT, 30), (MIDNIGHT + 300, 1)]);
    // The next run of the program goes on in the same block.
    let mut bench = bench.restarted(MIDNIGHT + 320);
    bench.run(300, |_| Err(Fault::Crc), false);
    assert_eq!(bench.rows()[..2], [(MIDNIGHT, 30), (MIDNIGHT + 300, 29)]);
    assert_eq!(bench.readings().len(), 30 + 1 + 30);
}

#[test]
fn while_a_fridge_is_outside_its_limits_no_more_than_a_minute_can_be_lost() {
    let mut bench = Bench::new(MIDNIGHT);
    bench.run(10, |_| Ok(celsius(4.0)), false);
    bench.run(130, |_| Ok(celsius(9.0)), true);
    let kept: usize = bench.rows().iter().map(|(_, count)| count).sum();
    assert!(kept >= 8, "{kept} of 14");
    bench.run(600, |_| Ok(celsius(9.0)), true);
    bench.flush();
    let all = bench.readings();
    assert_eq!(all.len(), 74, "each once, however often its block was written");
    let aggregates = extremes(&bench.past(), &["milk"], Timestamp::UNIX_EPOCH, bench.now().wall).unwrap();
    assert_eq!(aggregates[0].readings, 74);
    assert_eq!((aggregates[0].min(), aggregates[0].max()), (Some(celsius(4.0)), Some(celsius(9.0))));
}

#[test]
fn whatever_the_wall_clock_does_each_reading_is_there_once() {
    for step in [3_600, -3_600, 86_400 * 365, -86_400 * 365] {
        let mut bench = Bench::new(MIDNIGHT + 1_800);
        let read = |passed: u64| Ok(Celsius::from_sixteenths(passed as i16));
        bench.run(1_000, read, false);
        bench.set_wall(step);
        bench.run(1_000, |passed| read(1_000 + passed), false);
        bench.set_wall(-step);
        bench.run(1_000, |passed| read(passed + 2_000 - 2_000 * u64::from(passed > 0)), true);
        bench.flush();
        let all = bench.readings();
        assert_eq!(all.len(), 300, "step {step}");
        // What was not on the disk yet when the clock was set has the time of the clock after it.
        let bench = bench.restarted(MIDNIGHT + 10_000);
        assert_eq!(bench.readings().len(), 300, "step {step}");
    }
}

#[test]
fn a_clock_without_a_battery_dates_its_first_readings_once_it_is_set() {
    let mut bench = Bench::new(1_000_000);
    bench.run(60, |_| Ok(celsius(4.0)), false);
    bench.set_wall(MIDNIGHT - 1_000_000);
    bench.run(600, |_| Ok(celsius(4.0)), false);
    bench.flush();
    let all = bench.readings();
    assert_eq!(all.len(), 66);
    assert!(all.iter().all(|(at, _)| *at >= (MIDNIGHT - 10) * 1_000), "{:?}", all[0]);
}

#[test]
fn after_a_restart_today_means_today_and_an_excursion_began_when_it_did() {
    let mut bench = Bench::new(MIDNIGHT + 3_600);
    bench.run(1_800, |passed| Ok(celsius(if passed == 600 { 2.0 } else { 4.0 })), false);
    let left = bench.now().wall;
    bench.run(1_200, |_| Ok(celsius(8.0)), true);
    bench.flush();
    let end = bench.now().wall.as_second();
    let mut bench = bench.restarted(end + 60);
    assert!(bench.keeper.restore(&TimeZone::UTC, bench.now()).is_none(), "nothing is open yet");
    bench.keeper.turn(bench.now(), false);
    let restored = bench.keeper.restore(&TimeZone::UTC, bench.now()).unwrap();
    let [(probe, of_milk)] = &restored.probes[..] else { panic!("{restored:?}") };
    assert_eq!(*probe, PROBE);
    let (_, (min, max, _)) = of_milk.days.iter().next().unwrap();
    assert_eq!((*min, *max), (celsius(2.0), celsius(8.0)));
    let (since, side, peak, _) = of_milk.outside.unwrap();
    assert_eq!((since, side, peak), (left, Side::Above, celsius(8.0)));
    let minutes = bench.history.minutes(PROBE, &bench.now(), MINUTES);
    assert_eq!(minutes.iter().flatten().count(), 50);
}

#[test]
fn a_replaced_probe_goes_on_in_the_same_line_and_another_fridges_readings_are_another() {
    let mut bench = Bench::new(MIDNIGHT);
    bench.run(300, |_| Ok(celsius(4.0)), false);
    let cream = Fridge { probe: PROBE, ..Fridge::new("Cream", PROBE, Limits::default()) };
    bench.history.set_fridges(&[Fridge { probe: OTHER, ..milk() }, cream]);
    for _ in 0..30 {
        let samples = [(PROBE, Ok(celsius(-9.0))), (OTHER, Ok(celsius(5.0)))];
        bench.history.add(bench.now(), &samples, false);
        bench.pass(10);
    }
    bench.flush();
    let of = |fridge: &str| {
        let found = extremes(&bench.past(), &[fridge], Timestamp::UNIX_EPOCH, bench.now().wall).unwrap();
        (found[0].readings, found[0].min(), found[0].max())
    };
    assert_eq!(of("milk"), (60, Some(celsius(4.0)), Some(celsius(5.0))));
    assert_eq!(of("cream"), (30, Some(celsius(-9.0)), Some(celsius(-9.0))));
    assert_eq!(of("nobody"), (0, None, None));
}

#[test]
fn since_when_looks_back_as_far_as_it_must() {
    let mut bench = Bench::new(MIDNIGHT);
    let since =
        |bench: &Bench| beyond_since(&bench.past(), "milk", &milk().limits, bench.now().wall).unwrap();
    assert_eq!(since(&bench), None);
    bench.run(100, |_| Ok(celsius(8.0)), false);
    let first = since(&bench).unwrap();
    assert!(first.at_least && first.since.as_second() == MIDNIGHT, "{first:?}");
    bench.run(900, |_| Ok(celsius(4.0)), false);
    assert_eq!(since(&bench), None, "within its limits now");
    let left = bench.now().wall;
    bench.run(7_200, |passed| Ok(celsius(if passed == 500 { 9.5 } else { 6.0 })), true);
    let beyond = since(&bench).unwrap();
    assert_eq!((beyond.since, beyond.at_least, beyond.peak), (left, false, celsius(9.5)));
    // A gap: nobody knows what was in it.
    bench.flush();
    bench.pass(3_600);
    let back = bench.now().wall;
    bench.run(60, |_| Ok(celsius(6.0)), true);
    let beyond = since(&bench).unwrap();
    assert!(beyond.at_least && beyond.since == back, "{beyond:?}");
}

#[test]
fn what_is_too_old_goes_after_a_day_of_a_steady_clock_and_little_at_a_time() {
    let mut bench = Bench::new(MIDNIGHT - 40 * 86_400);
    for _ in 0..40 * 24 {
        bench.history.add(bench.now(), &[(PROBE, Ok(celsius(4.0)))], false);
        bench.pass(3_600);
        bench.keeper.turn(bench.now(), false);
    }
    bench.flush();
    let first = |bench: &Bench| bench.rows().first().map(|(begins, _)| *begins).unwrap();
    let age = |bench: &Bench| (bench.now().wall.as_second() - first(bench)) / 86_400;
    assert!((30..=32).contains(&age(&bench)), "{} days", age(&bench));
    // A clock that is a year ahead for an afternoon takes nothing with it.
    let before = bench.rows().len();
    bench.set_wall(365 * 86_400);
    bench.run(20 * 3_600, |_| Ok(celsius(4.0)), false);
    assert!(bench.rows().len() >= before);
    // The buckets are still there.
    let sums = extremes(&bench.past(), &["milk"], Timestamp::UNIX_EPOCH, bench.now().wall).unwrap();
    assert_eq!(sums[0].readings as usize, 40 * 24 + 20 * 360);
}

#[test]
fn a_disk_that_takes_nothing_is_told_once_and_loses_nothing_that_fits_in_memory() {
    let mut bench = Bench::new(MIDNIGHT);
    bench.run(300, |_| Ok(celsius(4.0)), false);
    // Whoever holds the file keeps everybody else from writing.
    let holder = rusqlite::Connection::open(bench.folder.path().join("history.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    bench.run(310, |_| Ok(celsius(5.0)), false);
    let disk = bench.history.disk();
    assert!(disk.failing.is_some_and(|(_, why)| why.contains("locked")));
    holder.execute_batch("ROLLBACK").unwrap();
    bench.run(300, |_| Ok(celsius(6.0)), false);
    bench.flush();
    assert_eq!((bench.history.disk().failing, bench.readings().len()), (None, 91));
}

#[test]
fn more_than_there_is_room_for_is_lost_from_its_oldest_end_and_counted() {
    let bench = Bench::new(MIDNIGHT);
    // A sweep of one fridge counts as 26 of 300,000.
    for _ in 0..300_000 / 26 + 100 {
        bench.history.add(bench.now(), &[(PROBE, Ok(celsius(4.0)))], false);
        bench.pass(10);
    }
    assert_eq!(bench.history.disk().lost, 100);
    // Twice in a second is once.
    bench.history.add(bench.now(), &[(PROBE, Ok(celsius(4.0)))], false);
    bench.history.add(bench.now(), &[(PROBE, Ok(celsius(4.0)))], false);
    assert_eq!(bench.history.disk().lost, 101);
}

#[test]
fn a_damaged_file_is_set_aside_and_what_can_be_read_of_it_is_brought_over() {
    use std::os::unix::fs::FileExt;
    let mut bench = Bench::new(MIDNIGHT);
    bench.run(86_400 / 2, |passed| Ok(Celsius::from_sixteenths((passed % 500) as i16)), false);
    bench.flush();
    let before = bench.readings();
    let path = bench.folder.path().join("history.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let bench = bench.restarted(MIDNIGHT + 86_400 / 2);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    file.write_all_at(&[0; 4_096], 4_096 * (pages - 1)).unwrap();
    let mut bench = bench;
    bench.run(20, |_| Ok(celsius(4.0)), false);
    bench.keeper.wait_for_salvage();
    bench.flush();
    let after = bench.readings();
    let disk = bench.history.disk();
    assert!(disk.damage.clone().is_some_and(|damage| damage.contains("were brought over")), "{disk:?}");
    let lost = before.iter().filter(|reading| !after.contains(reading)).count();
    // A page holds some forty blocks of a single fridge.
    assert!(lost > 0 && lost <= 60 * 30, "{lost} of {} lost", before.len());
    let made_up = after.iter().filter(|reading| !before.contains(reading)).count();
    assert_eq!(made_up, 2, "the two of after the damage");
}

#[test]
fn a_file_that_is_being_begun_is_nothing_yet() {
    let folder = tempfile::tempdir().unwrap();
    let begun = rusqlite::Connection::open(folder.path().join("history.db")).unwrap();
    begun.pragma_update(None, "journal_mode", "WAL").unwrap();
    assert!(HistoryFile::open_to_read(folder.path()).unwrap().is_none());
}
