//! What one gateway has read and is on no disk yet, in blocks of five minutes.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::reading::{ProbeId, Sample};
use crate::store::block::{BLOCK_SECONDS, Block, Series, Sweep};

/// Two readings of a fridge that are less apart than this, in milliseconds, are the same one: a clock that is slowly being
/// corrected moves between sending and storing.
pub const SAME_MS: i64 = 500;
/// The time after the end of a block, in seconds, during which more of it may come.
const COMPLETE_AFTER: i64 = 90;
/// The largest number of values in a block: those of a thousand fridges that are read every 2.5 s. A gateway keeps fewer itself.
const MOST_OF_BLOCK: usize = 120_000;
/// Nobody knows here which probe is in a fridge of another gateway.
const NO_PROBE: ProbeId = ProbeId::new(0, 0);

/// What one gateway has read.
#[derive(Debug, Default)]
pub struct SiteBlocks {
    /// The ids of the fridges, at the places by which blocks name them.
    fridges: Vec<String>,
    places: HashMap<String, Series>,
    /// When each of them was read, in milliseconds since 1970, in order, as far as it is on no disk yet.
    times: Vec<Vec<i64>>,
    blocks: BTreeMap<i64, Block>,
    /// What is being written at this moment.
    writing: BTreeMap<i64, Block>,
    /// How many values wait, in each block and in all.
    weights: BTreeMap<i64, usize>,
    values: usize,
}

/// When the block begins in which that moment lies, in seconds, and the moment's distance from it, in milliseconds.
fn place_of(milliseconds: i64) -> (i64, u32) {
    let length = BLOCK_SECONDS * 1_000;
    // Less than the length of a block.
    (milliseconds.div_euclid(length) * BLOCK_SECONDS, milliseconds.rem_euclid(length) as u32)
}

impl SiteBlocks {
    /// The ids of the fridges, at the places by which blocks name them.
    pub fn fridges(&self) -> &[String] {
        &self.fridges
    }

    /// How many values wait.
    pub fn values(&self) -> usize {
        self.values
    }

    /// When the first block begins that is on no disk yet.
    pub fn begins(&self) -> Option<Timestamp> {
        let begins = self.blocks.keys().chain(self.writing.keys()).min()?;
        Timestamp::from_second(*begins).ok()
    }

    /// Takes in what was read at one moment, without what is there already; of fridges that are new, up to `most` in all.
    pub fn add<'a>(&mut self, at: Timestamp, samples: impl Iterator<Item = (&'a str, Sample)>, most: usize) {
        let milliseconds = at.as_millisecond();
        let (begins, offset_ms) = place_of(milliseconds);
        let room = MOST_OF_BLOCK.saturating_sub(self.weights.get(&begins).copied().unwrap_or_default());
        let mut new: Vec<(Series, Sample)> = Vec::new();
        for (id, sample) in samples {
            if new.len() < room
                && let Some(series) = self.place(id, most)
                && self.is_new(series, milliseconds)
            {
                new.push((series, sample));
            }
        }
        if new.is_empty() {
            return;
        }
        new.sort_unstable_by_key(|(series, _)| *series);
        let members: Vec<(Series, ProbeId)> = new.iter().map(|(series, _)| (*series, NO_PROBE)).collect();
        let samples = new.iter().map(|(_, sample)| Some(*sample)).collect();
        self.blocks.entry(begins).or_default().add(&members, Sweep { offset_ms, samples });
        *self.weights.entry(begins).or_default() += new.len();
        self.values += new.len();
    }

    fn place(&mut self, id: &str, most: usize) -> Option<Series> {
        if let Some(series) = self.places.get(id) {
            return Some(*series);
        }
        let series =
            Series::try_from(self.fridges.len()).ok().filter(|series| usize::from(*series) < most)?;
        self.places.insert(id.to_owned(), series);
        self.fridges.push(id.to_owned());
        self.times.push(Vec::new());
        Some(series)
    }

    /// Whether that fridge was not read then yet, and notes that it was.
    fn is_new(&mut self, series: Series, milliseconds: i64) -> bool {
        let times = &mut self.times[usize::from(series)];
        let at = times.partition_point(|other| *other <= milliseconds - SAME_MS);
        let is_new = times.get(at).is_none_or(|other| *other >= milliseconds + SAME_MS);
        if is_new {
            // Most come in their order.
            times.insert(at, milliseconds);
        }
        is_new
    }

    /// The blocks that are to be written now: those to which nothing will be added any more, or all of them.
    pub fn begin_writing(&mut self, now: Timestamp, all: bool) -> BTreeMap<i64, Block> {
        let end = now.as_second() - BLOCK_SECONDS - COMPLETE_AFTER;
        let rest = if all { BTreeMap::new() } else { self.blocks.split_off(&(end + 1)) };
        self.writing = std::mem::replace(&mut self.blocks, rest);
        self.writing.clone()
    }

    /// They are on the disk, or are to be written again.
    pub fn end_writing(&mut self, is_written: bool) {
        let written = std::mem::take(&mut self.writing);
        if !is_written {
            for (begins, block) in written {
                self.blocks.entry(begins).or_default().merge(block);
            }
            return;
        }
        let is_kept = |at: &i64| {
            let begins = place_of(*at).0;
            !written.contains_key(&begins) || self.blocks.contains_key(&begins)
        };
        self.times.iter_mut().for_each(|times| times.retain(is_kept));
        for (begins, block) in &written {
            let values = block.samples().count();
            self.values = self.values.saturating_sub(values);
            match self.weights.get_mut(begins) {
                Some(weight) if *weight > values => *weight -= values,
                _ => drop(self.weights.remove(begins)),
            }
        }
    }

    /// All of it that is on no disk yet, with the ids by which it names fridges.
    pub fn unwritten(&self) -> (Vec<String>, BTreeMap<i64, Block>) {
        let mut all = self.blocks.clone();
        for (begins, block) in &self.writing {
            all.entry(*begins).or_default().merge(block.clone());
        }
        (self.fridges.clone(), all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Celsius, Fault};

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn celsius(sixteenths: i16) -> Sample {
        Ok(Celsius::from_sixteenths(sixteenths))
    }

    fn add(blocks: &mut SiteBlocks, id: &str, offset: i64) {
        blocks.add(at(offset), std::iter::once((id, celsius(64))), 9);
    }

    fn all(blocks: &SiteBlocks) -> Vec<(String, i64, Sample)> {
        let (fridges, unwritten) = blocks.unwritten();
        let mut all: Vec<_> = unwritten
            .iter()
            .flat_map(|(begins, block)| block.samples().map(move |sample| (*begins, sample)))
            .map(|(begins, (series, _, offset_ms, sample))| {
                let at = begins * 1_000 + i64::from(offset_ms) - 1_800_000_000_000;
                (fridges[usize::from(series)].clone(), at, sample)
            })
            .collect();
        all.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        all
    }

    #[test]
    fn what_comes_twice_is_there_once_whatever_the_order() {
        let mut blocks = SiteBlocks::default();
        for offset in [0, 10_000, 20_000, 10_003, 19_700, 10_000, 299_900, 300_200, 600_000, 299_900, 300_600]
        {
            add(&mut blocks, "milk", offset);
            blocks.add(at(offset), [("meat", Err(Fault::Crc)), ("milk", celsius(64))].into_iter(), 9);
        }
        let milk: Vec<i64> = all(&blocks).iter().filter(|it| it.0 == "milk").map(|it| it.1).collect();
        assert_eq!(milk, [0, 10_000, 20_000, 299_900, 300_600, 600_000]);
        assert_eq!(all(&blocks).len(), blocks.values());
        let block = &blocks.blocks[&1_800_000_000];
        assert_eq!(Block::decode(0, &block.encode(0)).as_ref(), Ok(block));
    }

    #[test]
    fn what_is_being_written_is_still_known_and_comes_back_where_it_is_not() {
        let mut blocks = SiteBlocks::default();
        for offset in (0..700_000).step_by(10_000) {
            add(&mut blocks, "milk", offset);
        }
        let before = all(&blocks);
        assert_eq!(blocks.begin_writing(at(389_000), false).len(), 0, "it may not be complete");
        blocks.end_writing(true);
        assert_eq!(blocks.begin_writing(at(390_000), false).len(), 1);
        add(&mut blocks, "milk", 100_000);
        assert_eq!(all(&blocks), before);
        blocks.end_writing(false);
        assert_eq!(all(&blocks), before);
        assert_eq!(blocks.begin_writing(at(700_000), true).len(), 3);
        blocks.end_writing(true);
        assert_eq!((blocks.values(), blocks.begins(), all(&blocks).len()), (0, None, 0));
    }

    #[test]
    fn what_is_read_by_several_buses_takes_no_room_for_what_was_not() {
        let mut blocks = SiteBlocks::default();
        for step in 0..30 {
            for bus in 0..10 {
                let ids: Vec<String> = (0..11).map(|probe| format!("{bus}-{probe}")).collect();
                blocks.add(
                    at(step * 10_000 + bus * 700),
                    ids.iter().map(|id| (id.as_str(), celsius(64))),
                    999,
                );
            }
        }
        assert_eq!(blocks.values(), 30 * 110);
        let bytes = blocks.blocks[&1_800_000_000].encode(0).len();
        assert!(bytes < 3 * blocks.values(), "{bytes}");
    }

    #[test]
    fn a_gateway_that_floods_it_fills_no_memory_and_what_is_known_of_it_goes_on() {
        let mut blocks = SiteBlocks::default();
        for step in 0..400 {
            let ids: Vec<String> = (0..800).map(|id| id.to_string()).collect();
            blocks.add(at(step * 600), ids.iter().map(|id| (id.as_str(), celsius(1))), 500);
        }
        assert_eq!((blocks.values(), blocks.fridges().len()), (MOST_OF_BLOCK, 500));
        let before = blocks.values();
        blocks.add(at(400_000), [("900", celsius(1)), ("7", celsius(1))].into_iter(), 500);
        assert_eq!(blocks.values(), before + 1, "in the next block, and not of another fridge");
        blocks.begin_writing(at(1_000_000), false);
        blocks.end_writing(true);
        assert_eq!((blocks.values(), blocks.times.iter().flatten().count(), blocks.weights.len()), (0, 0, 0));
    }
}
