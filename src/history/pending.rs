//! What was measured and is not on the disk yet. Its moments are those of the clock that never steps until it is written:
//! a Raspberry Pi has no battery clock, and what was read before its wall clock was set is dated by the clock after it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::reading::{ProbeId, Sample, Stamp};
use crate::store::block::{BLOCK_SECONDS, Block, Series, Sweep};

/// So much waits at most, in values of four bytes: what twenty fridges read at 10 s in 18 hours.
const MOST_VALUES: usize = 300_000;
/// A block has at most so many values: those of a thousand fridges at 10 s.
const VALUES_OF_BLOCK: u64 = 32_768;
/// Sweeps that follow one another faster than this are not all kept, in milliseconds.
const SHORTEST_STEP_MS: u64 = 1_000;

/// What waits for the disk.
#[derive(Debug, Default)]
pub struct Pending {
    /// The ids of all fridges that were ever watched; sweeps name them by their places.
    fridges: Vec<String>,
    by_probe: HashMap<ProbeId, Series>,
    sweeps: VecDeque<Waiting>,
    values: usize,
    lost: u64,
    is_urgent: bool,
}

#[derive(Debug)]
struct Waiting {
    at: Stamp,
    /// Its time in milliseconds since 1970, once it was written or may have been: from then on it has this one.
    dated: Option<i64>,
    members: Arc<[(Series, ProbeId)]>,
    samples: Box<[Option<Sample>]>,
}

impl Waiting {
    fn milliseconds(&self, now: &Stamp) -> i64 {
        self.dated.unwrap_or_else(|| now.at_mono(self.at.mono).wall.as_millisecond())
    }

    fn begins(&self, now: &Stamp) -> i64 {
        self.milliseconds(now).div_euclid(BLOCK_SECONDS * 1_000) * BLOCK_SECONDS
    }

    fn put(&self, now: &Stamp, blocks: &mut BTreeMap<i64, Block>) {
        let begins = self.begins(now);
        // Less than the length of a block.
        let offset_ms = (self.milliseconds(now) - begins * 1_000) as u32;
        let sweep = Sweep { offset_ms, samples: self.samples.to_vec() };
        blocks.entry(begins).or_default().add(&self.members, sweep);
    }
}

impl Pending {
    /// From now on readings of these probes are those of these fridges.
    pub fn set_fridges<'a>(&mut self, fridges: impl Iterator<Item = (&'a str, ProbeId)>) {
        self.by_probe.clear();
        for (id, probe) in fridges {
            let known = self.fridges.iter().position(|known| known == id);
            let place = known.unwrap_or_else(|| {
                self.fridges.push(id.to_owned());
                self.fridges.len() - 1
            });
            if let Ok(place) = Series::try_from(place) {
                self.by_probe.insert(probe, place);
            }
        }
    }

    /// The ids of the fridges, at the places by which blocks name them.
    pub fn fridges(&self) -> &[String] {
        &self.fridges
    }

    /// Takes one sweep in.
    pub fn add(&mut self, at: Stamp, samples: &[(ProbeId, Sample)], is_urgent: bool) {
        self.is_urgent = is_urgent;
        let mut of_fridges: Vec<((Series, ProbeId), Option<Sample>)> = samples
            .iter()
            .filter_map(|&(probe, sample)| Some(((*self.by_probe.get(&probe)?, probe), Some(sample))))
            .collect();
        if of_fridges.is_empty() {
            return;
        }
        of_fridges.sort_unstable_by_key(|(member, _)| *member);
        let (members, samples): (Vec<_>, Vec<_>) = of_fridges.into_iter().unzip();
        let before = self.sweeps.iter().rev().find(|sweep| *sweep.members == members[..]);
        if before.is_some_and(|before| at.since(&before.at).as_millis() < step_ms(members.len()).into()) {
            return;
        }
        let members = before.map_or_else(|| members.into(), |before| Arc::clone(&before.members));
        self.values += weight(samples.len());
        self.sweeps.push_back(Waiting { at, dated: None, members, samples: samples.into() });
        while self.values > MOST_VALUES {
            let Some(oldest) = self.sweeps.pop_front() else { break };
            self.values -= weight(oldest.samples.len());
            self.lost += if oldest.dated.is_some() { 0 } else { oldest.samples.len() as u64 };
        }
    }

    /// How many readings were lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether a fridge is outside its limits.
    pub fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// Whether a block is complete: nothing more will come of it.
    pub fn has_complete(&self, now: &Stamp) -> bool {
        let present = crate::store::block_of(now.wall.as_second());
        self.sweeps.front().is_some_and(|oldest| oldest.begins(now) != present)
    }

    /// The blocks that are complete, or, with `all`, every one. What is in them is dated now.
    pub fn blocks(&mut self, now: &Stamp, all: bool) -> BTreeMap<i64, Block> {
        let present = crate::store::block_of(now.wall.as_second());
        let mut blocks = BTreeMap::new();
        for sweep in &mut self.sweeps {
            if all || sweep.begins(now) != present {
                sweep.put(now, &mut blocks);
                sweep.dated = Some(sweep.milliseconds(now));
            }
        }
        blocks
    }

    /// Those blocks are on the disk now. What may still be written again stays, because a row is written as a whole.
    pub fn written(&mut self, blocks: &BTreeMap<i64, Block>, now: &Stamp) {
        let values = &mut self.values;
        self.sweeps.retain(|sweep| {
            let is_written = sweep.dated.is_some() && blocks.contains_key(&sweep.begins(now));
            *values -= if is_written { weight(sweep.samples.len()) } else { 0 };
            !is_written
        });
    }

    /// What is on no disk yet, as blocks.
    pub fn unwritten(&self, now: &Stamp) -> BTreeMap<i64, Block> {
        let mut blocks = BTreeMap::new();
        for sweep in &self.sweeps {
            sweep.put(now, &mut blocks);
        }
        blocks
    }
}

/// What a sweep of so many fridges takes of the room: a value has four bytes, and the sweep itself a hundred.
fn weight(fridges: usize) -> usize {
    fridges + 25
}

/// Sweeps of so many fridges are kept this far apart, in milliseconds.
fn step_ms(fridges: usize) -> u64 {
    SHORTEST_STEP_MS.max(fridges as u64 * BLOCK_SECONDS as u64 * 1_000 / VALUES_OF_BLOCK)
}
