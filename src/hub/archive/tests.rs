//! What is kept of other gateways, over restarts and whatever comes twice.

use serde_json::json;

use super::*;
use crate::hub::PastOfAll;
use crate::reading::{Celsius, Sample};
use crate::store::{HISTORY, HistoryFile};

/// 2027-01-15 08:00:00 UTC, and so many seconds.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn now(seconds: i64) -> Stamp {
    Stamp { mono: Duration::from_secs(1_000_000 + seconds as u64), wall: at(seconds) }
}

fn reading(id: &str, seconds: i64, celsius: f64) -> Reading {
    serde_json::from_value(json!({ "id": id, "t": at(seconds), "celsius": celsius })).unwrap()
}

fn archive(folder: &Path, seconds: i64) -> Arc<Archive> {
    let archive = Archive::new(folder, Arc::default(), Arc::new(move || now(seconds)));
    let text = std::fs::read_to_string(folder.join(FOLDER).join(COMPLETE)).unwrap_or_default();
    archive.waiting().complete_to = serde_json::from_str(&text).unwrap_or_default();
    Arc::new(archive)
}

fn write(archive: &Archive, seconds: i64, all: bool) {
    archive.write(now(seconds), all).unwrap();
}

fn known(archive: &Arc<Archive>, gateway: &str, ids: &[&str]) -> Vec<(usize, i64, Sample)> {
    let mut all = Vec::new();
    let past = archive.past(gateway);
    past.readings(ids, at(-1_000_000), at(1_000_000), &mut |seen| {
        all.push((seen.fridge, seen.at.as_second() - 1_800_000_000, seen.sample));
        true
    })
    .unwrap();
    all
}

#[test]
fn what_a_gateway_reads_is_kept_in_a_file_of_its_own_once_and_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hour: Vec<Reading> = (0..360).map(|step| reading("milk", step * 10, 4.0)).collect();
    let first = archive(folder.path(), 3_600);
    assert!(first.add("north", &hour, now(3_600)));
    assert!(first.add("south", &hour[..5], now(3_600)));
    first.set_complete_to("north", at(3_590));
    write(&first, 3_600, false);
    assert_eq!(known(&first, "north", &["milk"]).len(), 360, "the last blocks wait");
    assert_eq!(known(&first, "south", &["milk"]).len(), 5);
    drop(first);
    // A pulled plug: what was not on the disk is gone, and known to be.
    let second = archive(folder.path(), 3_600);
    let kept = known(&second, "north", &["milk"]).len();
    assert_eq!((kept, second.complete_to("north")), (330, Some(at(3_300))));
    // All of it comes again, a little beside its moments, and is there once.
    let shifted = |it: &Reading| {
        let t = it.t.checked_add(SignedDuration::from_millis(7)).unwrap();
        let mut again = reading(&it.id, 0, 4.0);
        again.t = t;
        again
    };
    let again: Vec<Reading> = hour.iter().map(shifted).collect();
    assert!(second.add("north", &again, now(3_600)));
    write(&second, 3_600, true);
    assert_eq!(known(&second, "north", &["milk"]).len(), 360);
    let file = HistoryFile::open_to_read(&folder.path().join("sites/north")).unwrap().unwrap();
    let mut buckets = 0;
    file.buckets(
        1_800_000_000,
        1_800_003_600,
        false,
        |_| true,
        |_, _, bucket| {
            buckets += bucket.readings;
            true
        },
    )
    .unwrap();
    assert_eq!(buckets, 360, "none is counted twice");
    assert_eq!(second.waiting().values, 0);
}

#[test]
fn fridges_of_several_gateways_are_asked_for_together_and_each_gets_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), 600);
    archive.add("north", &[reading("milk", 10, 4.0), reading("meat", 10, 2.0)], now(600));
    archive.add("south", &[reading("milk", 20, 5.0)], now(600));
    write(&archive, 600, true);
    archive.add("south", &[reading("milk", 30, 6.0)], now(600));
    let own = Kept::new(folder.path(), Some(Arc::new(History::default())), Arc::new(|| now(600)));
    let past = PastOfAll::new(own, Arc::clone(&archive));
    assert_eq!(past.fridges().unwrap(), ["north.meat", "north.milk", "south.milk"]);
    assert_eq!(past.extent().unwrap(), Some((at(0), at(300))));
    let asked = ["south.milk", "north.meat", "west.milk"];
    let mut all = Vec::new();
    past.readings(&asked, at(0), at(600), &mut |seen| {
        all.push((seen.fridge, seen.sample.unwrap().degrees()));
        true
    })
    .unwrap();
    assert_eq!(all, [(1, 2.0), (0, 5.0), (0, 6.0)]);
    let mut sums = [0; 3];
    past.buckets(&asked, at(0), at(600), false, &mut |fridge, _, bucket| {
        sums[fridge] += bucket.readings;
        true
    })
    .unwrap();
    assert_eq!(sums, [2, 1, 0]);
    let mut shown = 0;
    past.readings(&asked, at(0), at(600), &mut |_| {
        shown += 1;
        false
    })
    .unwrap();
    assert_eq!(shown, 1, "until it is enough");
}

#[test]
fn simulated_readings_are_apart_and_those_of_another_time_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), 600);
    archive.set_simulated("north", true);
    archive.add("north", &[reading("milk", 10, 4.0)], now(600));
    archive.set_simulated("north", false);
    archive.add("north", &[reading("milk", 20, 5.0), reading("milk", 1_000, 5.0)], now(600));
    archive.add("north", &[reading("milk", -9 * 86_400, 5.0), reading("a b", 30, 5.0)], now(600));
    write(&archive, 600, true);
    assert_eq!(known(&archive, "north", &["milk"]), [(0, 20, Ok(Celsius::from_sixteenths(80)))]);
    archive.set_simulated("north", true);
    assert_eq!(known(&archive, "north", &["milk"]), [(0, 10, Ok(Celsius::from_sixteenths(64)))]);
    assert_eq!(archive.gateways(), BTreeSet::from([String::from("north")]));
}

#[test]
fn a_damaged_file_is_set_aside_and_one_that_takes_nothing_keeps_no_other_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sites/north").join(HISTORY);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, vec![7; 8_192]).unwrap();
    std::fs::write(folder.path().join("sites/bar"), "no folder").unwrap();
    let archive = archive(folder.path(), 600);
    for gateway in ["bar", "north", "south"] {
        archive.add(gateway, &[reading("milk", 10, 4.0)], now(600));
        archive.set_complete_to(gateway, at(500));
    }
    assert!(archive.write(now(600), true).unwrap_err().contains("sites/bar"));
    assert_eq!(archive.waiting().values, 1, "it waits");
    for gateway in ["north", "south"] {
        assert_eq!(known(&archive, gateway, &["milk"]).len(), 1);
    }
    // What was in a damaged one is to be asked for again.
    assert_eq!(archive.take_lost(), BTreeSet::from([String::from("north")]));
    assert_eq!((archive.complete_to("north"), archive.complete_to("south")), (None, Some(at(500))));
    std::fs::remove_file(folder.path().join("sites/bar")).unwrap();
    write(&archive, 600, true);
    assert_eq!((known(&archive, "bar", &["milk"]).len(), archive.waiting().values), (1, 0));
}

#[test]
fn a_fridge_of_this_gateways_own_may_have_a_dot_in_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), 600);
    archive.add("nr", &[reading("4", 10, 4.0)], now(600));
    let block = {
        let mut blocks = SiteBlocks::default();
        blocks.add(at(20), [("nr.3", Ok(Celsius::from_sixteenths(16)))].into_iter(), 9);
        blocks.begin_writing(at(600), true)
    };
    let mut file = HistoryFile::open_sound(folder.path()).unwrap();
    file.keep(crate::store::Table::Raw, &[String::from("nr.3")], &block).unwrap();
    let past = PastOfAll::new(Kept::new(folder.path(), None, Arc::new(|| now(600))), Arc::clone(&archive));
    let mut all = Vec::new();
    past.readings(&["nr.3", "nr.4", "no.5"], at(0), at(600), &mut |seen| {
        all.push((seen.fridge, seen.sample.unwrap().degrees()));
        true
    })
    .unwrap();
    assert_eq!(all, [(0, 1.0), (1, 4.0)]);
    assert!(past.is_of_other("nr.4") && !past.is_of_other("nr.3") && !past.is_of_other("no.5"));
}

#[test]
fn the_last_day_is_put_back_into_memory_when_a_fridge_is_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let history = Arc::new(History::default());
    let archive = Archive::new(folder.path(), Arc::clone(&history), Arc::new(|| now(600)));
    let archive = Arc::new(archive);
    archive.add("north", &[reading("milk", 10, 4.0), reading("milk", -90_000, 9.0)], now(600));
    write(&archive, 600, true);
    let probe = ProbeId::remote(3, 4);
    archive.restore([(String::from("north"), String::from("milk"), probe)]);
    archive.read_back(now(600));
    let minutes = history.minutes(probe, &now(600), crate::history::MINUTES);
    assert_eq!(minutes.iter().flatten().count(), 1);
}

#[test]
fn a_broker_that_floods_it_fills_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), 600);
    archive.waiting().values = MOST_VALUES - 1;
    assert!(!archive.add("north", &[reading("milk", 10, 4.0), reading("milk", 20, 4.0)], now(600)));
    archive.waiting().values = 0;
    for id in 0..3 * MOST_FRIDGES {
        archive.add("north", &[reading(&format!("milk-{id}"), 10, 4.0)], now(600));
    }
    assert_eq!(archive.waiting().values, MOST_FRIDGES);
    archive.add("north", &[reading("milk-7", 20, 4.0)], now(600));
    assert_eq!(archive.waiting().values, MOST_FRIDGES + 1, "what is known goes on");
}
