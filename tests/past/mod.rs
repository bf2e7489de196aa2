//! A state folder with a past that a test makes up, and the configuration beside it.

#![allow(dead_code)] // Each test program uses its own part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fridge::reading::{Celsius, Fault, ProbeId, Sample};
use fridge::store::block::{Block, Sweep};
use fridge::store::{HistoryFile, Table};
use jiff::Timestamp;

/// The first moment of what is made up: 2026-03-01 00:00 UTC.
pub const BEGIN: i64 = 1_772_323_200;

/// What a made-up fridge reads at a second since the begin: a compressor's cycle, a defrost a day, and now and then a fault.
pub fn sample(fridge: usize, second: i64) -> Sample {
    let base = [4.0, 5.0, -19.0, 3.0][fridge % 4];
    let minute = second as f64 / 60.0;
    let cycle = libm::sin(minute / 25.0 + fridge as f64) * 0.8;
    let into_day = second.rem_euclid(86_400);
    let defrost = if (0..2_400).contains(&(into_day - 3_600 * (1 + fridge as i64 % 20))) { 3.0 } else { 0.0 };
    if (second / 10 + 37 * fridge as i64) % 997 == 0 {
        return Err(Fault::Crc);
    }
    Ok(Celsius::from_degrees(base + cycle + defrost).unwrap())
}

/// A state folder with the readings of `fridges` fridges, one every `step` seconds for so many seconds.
pub struct Archive {
    pub folder: tempfile::TempDir,
}

impl Archive {
    pub fn new(fridges: usize, seconds: i64, step: i64) -> Archive {
        let archive = Archive { folder: tempfile::tempdir().unwrap() };
        archive.configure(fridges);
        let ids: Vec<String> = (0..fridges).map(|fridge| format!("fridge-{fridge}")).collect();
        let members: Vec<(u16, ProbeId)> =
            (0..fridges).map(|fridge| (fridge as u16, ProbeId::new(0x28, fridge as u64 + 1))).collect();
        let (mut file, _) = HistoryFile::open(archive.path(), Timestamp::UNIX_EPOCH).unwrap();
        let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
        for second in (0..seconds).step_by(step as usize) {
            let begins = fridge::store::block_of(BEGIN + second);
            if blocks.len() >= 500 && !blocks.contains_key(&begins) {
                file.keep(Table::Raw, &ids, &std::mem::take(&mut blocks)).unwrap();
            }
            let offset_ms = ((BEGIN + second - begins) * 1_000) as u32;
            let samples = (0..fridges).map(|fridge| Some(sample(fridge, second))).collect();
            blocks.entry(begins).or_default().add(&members, Sweep { offset_ms, samples });
        }
        file.keep(Table::Raw, &ids, &blocks).unwrap();
        // Whatever reads the file alone sees all of it.
        let connection = rusqlite::Connection::open(archive.path().join("history.db")).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        archive
    }

    fn configure(&self, fridges: usize) {
        let mut config = String::from("listen = \"127.0.0.1:0\"\n[[bus]]\nkind = \"kernel\"\n");
        for fridge in 0..fridges {
            let probe = ProbeId::new(0x28, fridge as u64 + 1);
            config.push_str(&format!(
                "[[fridge]]\nid = \"fridge-{fridge}\"\nname = \"Fridge {fridge}\"\nprobe = \"{probe}\"\nlimits = {{ min = 2, max = 8 }}\n"
            ));
        }
        std::fs::write(self.config(), config).unwrap();
    }

    /// Has all fridges have these limits, in degrees Celsius, and not 2 and 8.
    pub fn set_limits(&self, min: i32, max: i32) {
        let config = std::fs::read_to_string(self.config()).unwrap();
        let limits = format!("limits = {{ min = {min}, max = {max} }}");
        std::fs::write(self.config(), config.replace("limits = { min = 2, max = 8 }", &limits)).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("fridge.toml")
    }

    /// Runs the program on the folder, in UTC.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_fridge"))
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .arg("--state")
            .arg(self.path())
            .arg("--socket")
            .arg(self.path().join("nobody.sock"))
            .env("TZ", "UTC")
            .output()
            .unwrap()
    }

    /// What it prints; it must not fail.
    pub fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Archive {
    /// Buckets of so many days since that second, and each reading of the last 30.
    pub fn years(fridges: usize, days: i64, began: i64) -> Archive {
        let archive = Archive { folder: tempfile::tempdir().unwrap() };
        archive.configure(fridges);
        let ids: Vec<String> = (0..fridges).map(|fridge| format!("fridge-{fridge}")).collect();
        let members: Vec<(u16, ProbeId)> =
            (0..fridges).map(|fridge| (fridge as u16, ProbeId::new(0x28, fridge as u64 + 1))).collect();
        let (mut file, _) = HistoryFile::open(archive.path(), Timestamp::UNIX_EPOCH).unwrap();
        let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
        for begin in (0..days * 86_400).step_by(300) {
            // The older ones are a reading each, which is as good for their buckets.
            let step = if begin >= (days - 30) * 86_400 { 10 } else { 300 };
            for second in (begin..begin + 300).step_by(step) {
                let samples = (0..fridges).map(|fridge| Some(sample(fridge, second))).collect();
                let offset_ms = ((second - begin) * 1_000) as u32;
                blocks.entry(began + begin).or_default().add(&members, Sweep { offset_ms, samples });
            }
            if blocks.len() >= 2_000 {
                file.keep(Table::Raw, &ids, &std::mem::take(&mut blocks)).unwrap();
            }
        }
        file.keep(Table::Raw, &ids, &blocks).unwrap();
        // All days but the last are over.
        for day in
            file.touched().unwrap().into_iter().filter(|day| *day < fridge::store::day_of(began) + days - 1)
        {
            file.settle(day).unwrap();
            file.sealed(&[day]).unwrap();
        }
        drop(file);
        let connection = rusqlite::Connection::open(archive.path().join("history.db")).unwrap();
        let old = began + (days - 30) * 86_400;
        connection.execute("DELETE FROM raw WHERE t < ?1", [old]).unwrap();
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").ok();
        archive
    }
}
