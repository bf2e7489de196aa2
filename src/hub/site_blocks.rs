//! What one gateway has read and is on no disk yet, in blocks of five minutes.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::reading::{ProbeId, Sample};
use crate::store::block::{BLOCK_SECONDS, Block, Series, Sweep};

/// Two readings of a fridge that are less apart than this, in milliseconds, are the same one: a clock that is being set
/// slowly moves between its sending and its keeping.
pub const SAME_MS: i64 = 500;
/// A block is complete so long after its end, in seconds: until then more of it may come.
const COMPLETE_AFTER: i64 = 90;
/// So many values of a block are kept: those of a thousand fridges at 10 s.
const MOST_OF_BLOCK: usize = 32_768;
/// Nobody knows here which probe is in a fridge of another gateway.
const NO_PROBE: ProbeId = ProbeId::new(0, 0);

/// What one gateway has read.
#[derive(Debug, Default)]
pub struct SiteBlocks {
    /// The ids of the fridges, at the places by which blocks name them.
    fridges: Vec<String>,
    places: HashMap<String, Series>,
    /// The newest reading of each, in milliseconds since 1970.
    newest: Vec<i64>,
    blocks: BTreeMap<i64, Block>,
    /// What is being written at this moment.
    writing: BTreeMap<i64, Block>,
    values: usize,
}

/// When the block begins in which that moment lies, in seconds, and the moment's distance from it, in milliseconds.
pub fn place_of(milliseconds: i64) -> (i64, u32) {
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

    /// Takes a reading in, unless it is there already.
    pub fn add(&mut self, id: &str, at: Timestamp, sample: Sample) {
        let series = match self.places.get(id) {
            Some(series) => *series,
            None => {
                // There are fewer of them than that.
                let Ok(series) = Series::try_from(self.fridges.len()) else { return };
                self.places.insert(id.to_owned(), series);
                self.fridges.push(id.to_owned());
                self.newest.push(i64::MIN);
                series
            }
        };
        let milliseconds = at.as_millisecond();
        let newest = &mut self.newest[usize::from(series)];
        let is_newer = milliseconds >= newest.saturating_add(SAME_MS);
        *newest = milliseconds.max(*newest);
        if !is_newer && self.has(series, milliseconds) {
            return;
        }
        let (begins, offset_ms) = place_of(milliseconds);
        let block = self.blocks.entry(begins).or_default();
        let weight: usize = block.groups.iter().map(|group| group.sweeps.len() * group.members.len()).sum();
        if weight >= MOST_OF_BLOCK {
            return;
        }
        add_to(block, series, offset_ms, sample);
        self.values += 1;
    }

    fn has(&self, series: Series, milliseconds: i64) -> bool {
        let mut around = [place_of(milliseconds - SAME_MS).0, place_of(milliseconds + SAME_MS).0].to_vec();
        around.dedup();
        let blocks = around.iter().flat_map(|begins| {
            let of = |blocks| BTreeMap::get(blocks, begins).map(|block| (*begins, block));
            [of(&self.blocks), of(&self.writing)].into_iter().flatten()
        });
        let mut samples = blocks.flat_map(|(begins, block)| {
            block
                .samples()
                .map(move |(other, _, offset_ms, _)| (other, begins * 1_000 + i64::from(offset_ms)))
        });
        samples.any(|(other, at)| other == series && (at - milliseconds).abs() < SAME_MS)
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
        if is_written {
            let values: usize = written.values().map(|block| block.samples().count()).sum();
            self.values = self.values.saturating_sub(values);
        } else {
            for (begins, block) in written {
                self.blocks.entry(begins).or_default().merge(block);
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

/// Adds a reading to a block: to the sweep of its moment, where the fridge has none in it yet.
fn add_to(block: &mut Block, series: Series, offset_ms: u32, sample: Sample) {
    let member = (series, NO_PROBE);
    let group = match block.groups.first_mut() {
        Some(group) => group,
        None => {
            block.add(&[member], Sweep { offset_ms, samples: vec![Some(sample)] });
            return;
        }
    };
    let place = group.members.iter().position(|other| *other == member).unwrap_or_else(|| {
        group.members.push(member);
        group.sweeps.iter_mut().for_each(|sweep| sweep.samples.push(None));
        group.members.len() - 1
    });
    let at = group.sweeps.partition_point(|sweep| sweep.offset_ms < offset_ms);
    match group.sweeps.get_mut(at) {
        Some(sweep) if sweep.offset_ms == offset_ms => {
            let _before = sweep.samples[place].get_or_insert(sample);
        }
        _ => {
            let mut samples = vec![None; group.members.len()];
            samples[place] = Some(sample);
            group.sweeps.insert(at, Sweep { offset_ms, samples });
        }
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
            blocks.add("milk", at(offset), celsius(64));
            blocks.add("meat", at(offset), Err(Fault::Crc));
        }
        let milk: Vec<i64> = all(&blocks).iter().filter(|it| it.0 == "milk").map(|it| it.1).collect();
        assert_eq!(milk, [0, 10_000, 20_000, 299_900, 300_600, 600_000]);
        assert_eq!(all(&blocks).len(), blocks.values());
        let block = &blocks.blocks[&1_800_000_000];
        assert_eq!((block.groups.len(), block.groups[0].members.len()), (1, 2));
        assert_eq!(Block::decode(0, &block.encode(0)).as_ref(), Ok(block));
    }

    #[test]
    fn what_is_being_written_is_still_known_and_comes_back_where_it_is_not() {
        let mut blocks = SiteBlocks::default();
        for offset in (0..700_000).step_by(10_000) {
            blocks.add("milk", at(offset), celsius(64));
        }
        let before = all(&blocks);
        assert_eq!(blocks.begin_writing(at(389_000), false).len(), 0, "it may not be complete");
        blocks.end_writing(true);
        assert_eq!(blocks.begin_writing(at(390_000), false).len(), 1);
        blocks.add("milk", at(100_000), celsius(65));
        assert_eq!(all(&blocks), before);
        blocks.end_writing(false);
        assert_eq!(all(&blocks), before);
        assert_eq!(blocks.begin_writing(at(700_000), true).len(), 3);
        blocks.end_writing(true);
        assert_eq!((blocks.values(), blocks.begins(), all(&blocks).len()), (0, None, 0));
    }

    #[test]
    fn a_gateway_that_floods_a_block_fills_no_memory() {
        let mut blocks = SiteBlocks::default();
        for reading in 0..200_000 {
            blocks.add(&format!("{}", reading % 500), at(reading / 500 * 600), celsius(1));
        }
        assert!(blocks.values() <= MOST_OF_BLOCK + 500, "{}", blocks.values());
    }
}
