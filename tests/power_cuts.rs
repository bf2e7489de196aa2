//! What an SD card bears and what a pulled plug leaves: the records on a file system of their own, on a block device in
//! memory. A cut is ext4's own shutdown call without a last flush of its journal: whatever was not synced is gone.
//! `scripts/test-power-cuts` runs it as root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fridge::alarm::{Alarm, Kind, Message, Preset, RuleName, Topic, Urgency};
use fridge::fridge::{Fridge, Limits};
use fridge::history::{History, Keeper};
use fridge::reading::{Celsius, ProbeId, Sample, Sampled, Stamp};
use fridge::recorder::{Act, By, Input, Recipient, Recorder, Writer};
use fridge::state::BusInfo;
use fridge::store::block::{Block, Sweep};
use fridge::store::{Entry, HistoryFile, Records, Table};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An ext4 on a block device of its own; gone when dropped.
struct Disk {
    device: String,
    mounted: tempfile::TempDir,
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

impl Disk {
    fn new() -> Disk {
        let number = std::fs::read_to_string("/sys/class/zram-control/hot_add").expect("root, and zram");
        let device = format!("zram{}", number.trim());
        std::fs::write(format!("/sys/block/{device}/disksize"), "256M").expect("a size");
        let disk = Disk { device, mounted: tempfile::tempdir().expect("a folder") };
        let options = "lazy_itable_init=0,lazy_journal_init=0";
        run("mkfs.ext4", &["-q", "-J", "size=16", "-E", options, &disk.node()]);
        disk.mount();
        disk
    }

    fn node(&self) -> String {
        format!("/dev/{}", self.device)
    }

    fn path(&self) -> &Path {
        self.mounted.path()
    }

    fn mount(&self) {
        run("mount", &["-o", "noatime", &self.node(), self.path().to_str().unwrap()]);
    }

    fn unmount(&self) {
        run("umount", &[self.path().to_str().unwrap()]);
    }

    /// Pulls the plug: EXT4_IOC_SHUTDOWN, _IOR('X', 125, u32), without a flush of the journal (2).
    fn cut(&self) {
        let call = "import fcntl, os, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, b'\\x02\\0\\0\\0')";
        run("python3", &["-c", call, self.path().to_str().unwrap()]);
    }

    /// Bytes that the device has taken.
    fn written(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/sys/block/{}/stat", self.device)).expect("counters");
        stat.split_whitespace().nth(6).and_then(|sectors| sectors.parse::<u64>().ok()).expect("sectors") * 512
    }

    /// Has everything written that the kernel holds back, as it does by itself after some seconds.
    fn sync(&self) {
        run("sync", &["-f", self.path().to_str().unwrap()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that failed may have left it unmounted.
        let _unmounted = Command::new("umount").arg(self.path()).output();
        let number = self.device.trim_start_matches("zram");
        let _removed = std::fs::write("/sys/class/zram-control/hot_remove", number);
    }
}

fn alarm(number: u64) -> Alarm {
    let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Warning);
    let at = Timestamp::from_second(number as i64).unwrap();
    Alarm { announced: true, ..Alarm::new(number, ("milk", "Milk"), what, at, at) }
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_pulled_plug_loses_no_record_that_was_acknowledged() {
    let cuts: u64 = std::env::var("CUTS").map_or(40, |cuts| cuts.parse().unwrap());
    let disk = Disk::new();
    let mut random = fastrand::Rng::with_seed(11);
    let (mut total, mut one_more) = (0, 0);
    for cut in 0..cuts {
        let folder: PathBuf = disk.path().join(format!("cut-{cut}"));
        std::fs::create_dir(&folder).unwrap();
        let (mut records, _) = Records::open(&folder, Timestamp::now()).unwrap();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let writes = Arc::clone(&acknowledged);
        let writer = std::thread::spawn(move || {
            for number in 1.. {
                let message = Message::new(Topic::Raised, Timestamp::UNIX_EPOCH, vec![alarm(number)]);
                let entries =
                    [Entry::Alarm(alarm(number)), Entry::Message { target: "chat".into(), message }];
                if records.keep(&entries).is_err() {
                    return;
                }
                writes.store(number, Ordering::SeqCst);
            }
        });
        // Not a wait for a condition: the moment is the test.
        std::thread::sleep(Duration::from_millis(random.u64(20..600)));
        disk.cut();
        writer.join().unwrap();
        disk.unmount();
        disk.mount();

        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let (records, set_aside) = Records::open(&folder, Timestamp::now()).unwrap();
        let kept = records.kept().unwrap();
        assert!(set_aside.is_none() && kept.unreadable == 0, "cut {cut}: {set_aside:?}");
        let numbers: Vec<u64> = kept.alarms.iter().map(|alarm| alarm.number).collect();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "cut {cut}: a gap");
        assert!(kept.alarms.iter().all(|kept| *kept == alarm(kept.number)), "cut {cut}: altered");
        let all = numbers.len() as u64;
        assert!((acknowledged..=acknowledged + 1).contains(&all), "cut {cut}: {acknowledged} against {all}");
        assert_eq!(kept.outbox.len() as u64, all, "cut {cut}: an alarm without its message");
        total += acknowledged;
        one_more += all - acknowledged;
        drop(records);
        std::fs::remove_dir_all(&folder).unwrap();
    }
    assert!(total > cuts, "nothing was written");
    println!(
        "{cuts} power cuts, {total} acknowledged transactions, 0 lost; {one_more} unacknowledged were there"
    );
}

/// A day of twenty fridges that are read every 10 s, with so many alarms; returns the bytes that the device took.
fn day(alarms: u64) -> u64 {
    let disk = Disk::new();
    let now = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&now);
    let at = |seconds: u64| Stamp {
        mono: Duration::from_secs(seconds),
        wall: Timestamp::UNIX_EPOCH + Duration::from_secs(seconds),
    };
    let clock = Arc::new(move || {
        let seconds = seen.load(Ordering::SeqCst);
        Stamp {
            mono: Duration::from_secs(seconds),
            wall: Timestamp::UNIX_EPOCH + Duration::from_secs(seconds),
        }
    });
    let (records, _) = Records::open(disk.path(), Timestamp::UNIX_EPOCH).unwrap();
    let (parcels, mut delivered) = tokio::sync::mpsc::unbounded_channel();
    let mut writer = Writer::new(Recorder::new(at(0), TimeZone::UTC), clock).with_records(
        Some(records),
        Duration::ZERO,
        parcels,
    );
    let info = BusInfo { name: "bus".into(), simulated: false, period: Duration::from_secs(10) };
    writer.write(Input::Buses { buses: vec![(None, info)], corrections: Default::default() });
    let bus = writer.keys()[0];
    let fridge = |number| Fridge {
        rules: Preset::Fridge.rules(),
        ..Fridge::new(format!("Fridge {number}"), ProbeId::new(0x28, number), Limits::default())
    };
    writer.write(Input::Fridges((0..20).map(fridge).collect()));
    writer.write(Input::Targets(vec![Recipient { target: "chat".into(), urgent_only: false }]));
    disk.sync();
    let before = disk.written();
    for seconds in (0..24 * 3_600).step_by(10) {
        now.store(seconds, Ordering::SeqCst);
        // A compressor's cycle; and one fridge after another warm for an hour.
        let swing = if seconds % 2_400 < 1_200 { seconds % 2_400 } else { 2_400 - seconds % 2_400 };
        let warm = (seconds % 4_000 < 3_600).then_some(seconds / 4_000).filter(|number| *number < alarms);
        let probe = |number| {
            let sixteenths = if warm == Some(number) { 12 * 16 } else { 48 + (swing / 40) as i16 };
            Sampled::from((ProbeId::new(0x28, number), Ok(Celsius::from_sixteenths(sixteenths))))
        };
        let (took, probes) = (Duration::from_secs(1), (0..20).map(probe).collect());
        writer.write(Input::Sweep { bus, at: at(seconds), took, probes, notices: Vec::new() });
        writer.write(Input::Tick);
        while let Ok(parcel) = delivered.try_recv() {
            let alarms: Vec<u64> = parcel.message.alarms.iter().map(|alarm| alarm.number).collect();
            writer.write(Input::Delivered { id: parcel.id, alarms: alarms.clone() });
            let act = Act::Acknowledge { numbers: alarms, cause: Some("door".into()) };
            writer.write(Input::Act { act, by: By { user: Some("anna".into()), ..By::default() } });
        }
        if seconds % 30 == 0 {
            disk.sync();
        }
    }
    let written = disk.written() - before;
    drop(writer);
    written
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_quiet_day_writes_less_than_a_megabyte() {
    let bytes = day(0);
    println!("a quiet day of 20 fridges: {bytes} bytes on the device");
    assert!(bytes < 1_000_000, "{bytes}");
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_day_with_twenty_alarms_writes_little_more() {
    let bytes = day(20);
    println!("a day with 20 alarms: {bytes} bytes on the device");
    assert!(bytes < 20_000_000, "{bytes}");
}

/// The readings of twenty fridges on a day of theirs: compressors of their own cycles, and some noise.
fn reading(fridge: u64, second: u64, random: &mut fastrand::Rng) -> Celsius {
    let cycle = libm::sin(second as f64 / (1_500.0 + 90.0 * fridge as f64));
    let base = if fridge.is_multiple_of(3) { -18.0 } else { 4.0 };
    Celsius::from_degrees(base + cycle + f64::from(random.i8(-1..=1)) / 32.0).unwrap()
}

/// Has a day of twenty fridges that are read every 10 s written by `write`, after `warm` hours before it; returns the bytes
/// that the device took on that day. What the kernel holds back is written every 30 s, as it does by itself.
fn history_day(disk: &Disk, warm: u64, mut write: impl FnMut(u64, &[(ProbeId, Celsius)])) -> u64 {
    let mut random = fastrand::Rng::with_seed(15);
    let mut before = 0;
    for second in (0..(warm + 24) * 3_600).step_by(10) {
        if second == warm * 3_600 {
            disk.sync();
            before = disk.written();
        }
        let readings: Vec<(ProbeId, Celsius)> = (0..20)
            .map(|fridge| (ProbeId::new(0x28, fridge), reading(fridge, second, &mut random)))
            .collect();
        write(second, &readings);
        if second % 30 == 0 {
            disk.sync();
        }
    }
    disk.sync();
    disk.written() - before
}

/// So many days of readings that end then. With thirty-one, what is too old goes as fast as new ones come, as in every month
/// but the first.
fn fill(disk: &Disk, fridges: &[Fridge], days: i64, end: i64) {
    let mut random = fastrand::Rng::with_seed(17);
    let (mut file, _) = HistoryFile::open(disk.path(), Timestamp::UNIX_EPOCH).unwrap();
    let ids: Vec<String> = fridges.iter().map(|fridge| fridge.id.clone()).collect();
    let members: Vec<(u16, ProbeId)> = (0..20).map(|it| (it, ProbeId::new(0x28, it.into()))).collect();
    let begin = end - days * 86_400;
    let mut blocks = std::collections::BTreeMap::new();
    for second in (0..days * 86_400).step_by(10) {
        let begins = (begin + second).div_euclid(300) * 300;
        if blocks.len() >= 300 && !blocks.contains_key(&begins) {
            file.keep(Table::Raw, &ids, &std::mem::take(&mut blocks)).unwrap();
        }
        let read = |fridge| Some(Ok(reading(fridge, second as u64, &mut random)));
        let samples = (0..20).map(read).collect();
        let offset_ms = ((begin + second - begins) * 1_000) as u32;
        let block: &mut Block = blocks.entry(begins).or_default();
        block.add(&members, Sweep { offset_ms, samples });
    }
    file.keep(Table::Raw, &ids, &blocks).unwrap();
    for day in file.touched().unwrap() {
        file.settle(day).unwrap();
        file.sealed(&[day]).unwrap();
    }
}

/// The history, behind hours in which its log has grown to its size.
fn day_of_history(disk: &Disk, days: i64, warm: u64) -> u64 {
    const BEGIN: i64 = 1_795_737_600;
    let at = |second: u64| Stamp {
        mono: Duration::from_secs(1_000_000 + second),
        wall: Timestamp::from_second(BEGIN + second as i64).unwrap(),
    };
    let now = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&now);
    let history = Arc::new(History::default());
    let fridges: Vec<Fridge> = (0..20)
        .map(|fridge| Fridge::new(format!("Fridge {fridge}"), ProbeId::new(0x28, fridge), Limits::default()))
        .collect();
    history.set_fridges(&fridges);
    fill(disk, &fridges, days, BEGIN);
    // As the gateway holds it open: seals go there.
    let _records = Records::open(disk.path(), Timestamp::UNIX_EPOCH).unwrap();
    let clock = Arc::new(move || at(seen.load(Ordering::SeqCst)));
    let mut keeper = Keeper::new(Arc::clone(&history), disk.path(), clock);
    history_day(disk, warm, |second, readings| {
        now.store(second, Ordering::SeqCst);
        let samples: Vec<(ProbeId, Sample)> =
            readings.iter().map(|(probe, celsius)| (*probe, Ok(*celsius))).collect();
        history.add(at(second), &samples, false);
        keeper.turn(at(second), false);
    })
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_day_of_history_writes_little() {
    let bytes = day_of_history(&Disk::new(), 31, 48);
    println!(
        "a day of the history of 20 fridges, in its second month: {:.1} MB on the device",
        bytes as f64 / 1e6
    );
    // A plain file of 256 KiB, 16 KiB of it written over and synced as often, takes 9.4 MB on the same device.
    assert!(bytes <= 12_000_000, "{bytes}");
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_day_of_history_while_the_file_grows_writes_no_more() {
    let bytes = day_of_history(&Disk::new(), 3, 48);
    println!(
        "a day of the history of 20 fridges, in its first month: {:.1} MB on the device",
        bytes as f64 / 1e6
    );
    assert!(bytes <= 12_000_000, "{bytes}");
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_row_for_each_reading_would_write_much_more() {
    let disk = Disk::new();
    let mut file = rusqlite::Connection::open(disk.path().join("rows.db")).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.pragma_update(None, "synchronous", "FULL").unwrap();
    let table = "CREATE TABLE reading (probe INTEGER, t INTEGER, celsius REAL); CREATE INDEX by_probe ON reading (probe, t)";
    file.execute_batch(table).unwrap();
    let bytes = history_day(&disk, 0, |second, readings| {
        let transaction = file.transaction().unwrap();
        for (index, (_, celsius)) in readings.iter().enumerate() {
            let values = (index as i64, second as i64, celsius.degrees());
            transaction.execute("INSERT INTO reading VALUES (?1, ?2, ?3)", values).unwrap();
        }
        transaction.commit().unwrap();
    });
    println!(
        "the same day with a row for each reading and a commit for each sweep: {:.0} MB",
        bytes as f64 / 1e6
    );
    assert!(bytes > 100_000_000, "{bytes}: the comparison is worth nothing");
}

#[test]
#[ignore = "root, and a block device: scripts/test-power-cuts"]
fn a_pulled_plug_loses_no_block_that_was_written_and_alters_none() {
    let cuts: u64 = std::env::var("CUTS").map_or(40, |cuts| cuts.parse().unwrap());
    let disk = Disk::new();
    let mut random = fastrand::Rng::with_seed(16);
    let mut total = 0;
    for cut in 0..cuts {
        let folder: PathBuf = disk.path().join(format!("history-{cut}"));
        std::fs::create_dir(&folder).unwrap();
        let (mut file, _) = HistoryFile::open(&folder, Timestamp::now()).unwrap();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let writes = Arc::clone(&acknowledged);
        let writer = std::thread::spawn(move || {
            for block in 1_u64.. {
                let blocks = std::collections::BTreeMap::from([(block as i64 * 300, block_of(block))]);
                if file.keep(Table::Raw, &[String::from("milk")], &blocks).is_err() {
                    return;
                }
                writes.store(block, Ordering::SeqCst);
            }
        });
        // Not a wait for a condition: the moment is the test.
        std::thread::sleep(Duration::from_millis(random.u64(20..600)));
        disk.cut();
        writer.join().unwrap();
        disk.unmount();
        disk.mount();

        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let (file, set_aside) = HistoryFile::open(&folder, Timestamp::now()).unwrap();
        assert!(set_aside.is_none(), "cut {cut}: {set_aside:?}");
        let mut next = 1;
        let damaged = file.blocks(Table::Raw, 0, i64::MAX, |begins, mut block| {
            assert_eq!(begins, next as i64 * 300, "cut {cut}: a gap");
            // The file's number of the only fridge is 1, and its place in the list 0.
            block.groups[0].members[0].0 = 0;
            assert_eq!(block, block_of(next), "cut {cut}: altered");
            next += 1;
            true
        });
        assert_eq!(damaged.unwrap(), 0, "cut {cut}");
        let all = next - 1;
        assert!((acknowledged..=acknowledged + 1).contains(&all), "cut {cut}: {acknowledged} against {all}");
        total += acknowledged;
        drop(file);
        std::fs::remove_dir_all(&folder).unwrap();
    }
    println!("{cuts} power cuts, {total} blocks of history, none lost, none altered");
    assert!(total > cuts, "nothing was written");
}

fn block_of(number: u64) -> Block {
    let mut block = Block::default();
    for sweep in 0..30 {
        let celsius = Celsius::from_sixteenths(((number * 7 + sweep) % 1_000) as i16);
        let sweep = Sweep { offset_ms: sweep as u32 * 10_000, samples: vec![Some(Ok(celsius))] };
        block.add(&[(0, ProbeId::new(0x28, 1))], sweep);
    }
    block
}
