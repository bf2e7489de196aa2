//! A block: the readings of five minutes, as a row of `history.db` holds them. Bytes go in and out; whatever was changed
//! in them is noticed by their checksum.
//!
//! ```text
//! version 1                                                    u8
//! groups                                                       u16   readings that were made together, of one bus
//!   fridges                                                    u16
//!     series, first seven bytes of the probe's ROM code        u16, [u8; 7]
//!   sweeps                                                     u16
//!     milliseconds since the sweep before, or since the begin  u16   65,535: a u32 follows
//!   for each fridge, for each sweep
//!     what it reads more than in the sweep before              i8    in 1/16 °C; −128: an i16 follows, the value itself
//! CRC-32 of the begin (seconds since 1970, i64) and all before u32
//! ```
//! A value is 1/16 °C; −32,768 is nothing, and up to −32,513 are faults. Most readings take one byte, so that four blocks fit
//! into a page of the file: what a card writes is pages.
//! All numbers are little-endian. A fault's number never changes its meaning.

use crate::reading::{Celsius, Fault, ProbeId, Sample};

/// How long a block is, in seconds; each begins at a multiple of it since 1970.
pub const BLOCK_SECONDS: i64 = 300;

const VERSION: u8 = 1;
/// There is no reading of that fridge in that sweep.
const NOTHING: i16 = i16::MIN;

/// A group has at most so many sweeps.
const MOST_SWEEPS: usize = 60_000;
/// Stands for a time that is too long for its place.
const FAR: u16 = u16::MAX;
/// Stands for a value that is too far from the one before.
const ANEW: i8 = i8::MIN;

/// The number by which `history.db` knows a fridge.
pub type Series = u16;

/// The readings of five minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Readings that were made together.
    pub groups: Vec<Group>,
}

/// Sweeps of one bus, as long as its probes were in the same fridges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The fridges and the probes in them.
    pub members: Vec<(Series, ProbeId)>,
    /// The sweeps.
    pub sweeps: Vec<Sweep>,
}

/// One sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// When it began, in milliseconds since the begin of the block.
    pub offset_ms: u32,
    /// What it says of each member of its group.
    pub samples: Vec<Option<Sample>>,
}

/// Why the bytes of a row are not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The checksum does not fit.
    #[error("its checksum does not fit")]
    Checksum,
    /// The checksum fits, and the content is of no version that is known here.
    #[error("it was written by another version")]
    Version,
}

impl Block {
    /// The bytes of the block that begins then.
    pub fn encode(&self, begins: i64) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        put_u16(&mut bytes, self.groups.len());
        for group in &self.groups {
            put_u16(&mut bytes, group.members.len());
            for (series, probe) in &group.members {
                bytes.extend(series.to_le_bytes());
                bytes.extend(probe.rom_without_crc());
            }
            put_u16(&mut bytes, group.sweeps.len());
            let mut before = 0;
            for Sweep { offset_ms, .. } in &group.sweeps {
                let passed = offset_ms.saturating_sub(before);
                match u16::try_from(passed).ok().filter(|passed| *passed != FAR) {
                    Some(passed) => bytes.extend(passed.to_le_bytes()),
                    None => {
                        bytes.extend(FAR.to_le_bytes());
                        bytes.extend(passed.to_le_bytes());
                    }
                }
                before = *offset_ms;
            }
            for member in 0..group.members.len() {
                let mut before = 0_i16;
                for sweep in &group.sweeps {
                    let number = number_of(sweep.samples.get(member).copied().flatten());
                    match i8::try_from(i32::from(number) - i32::from(before)) {
                        Ok(more) if more != ANEW => bytes.extend(more.to_le_bytes()),
                        _ => {
                            bytes.extend(ANEW.to_le_bytes());
                            bytes.extend(number.to_le_bytes());
                        }
                    }
                    before = number;
                }
            }
        }
        seal(begins, bytes)
    }

    /// The block that begins then, of its bytes.
    ///
    /// # Errors
    /// [`Damage`]
    pub fn decode(begins: i64, bytes: &[u8]) -> Result<Block, Damage> {
        let mut rest = unseal(begins, bytes)?;
        let rest = &mut rest;
        if take::<1>(rest)? != [VERSION] {
            return Err(Damage::Version);
        }
        let mut groups = Vec::new();
        for _ in 0..take_u16(rest)? {
            let mut members = Vec::new();
            for _ in 0..take_u16(rest)? {
                let series = take_u16(rest)?;
                let [family, a, b, c, d, e, f] = take::<7>(rest)?;
                members.push((series, ProbeId::from_rom([family, a, b, c, d, e, f, 0])));
            }
            let mut sweeps: Vec<Sweep> = Vec::new();
            for _ in 0..take_u16(rest)? {
                let passed = match take_u16(rest)? {
                    FAR => u32::from_le_bytes(take(rest)?),
                    passed => passed.into(),
                };
                let before = sweeps.last().map_or(0, |sweep| sweep.offset_ms);
                let offset_ms = before.checked_add(passed).ok_or(Damage::Version)?;
                sweeps.push(Sweep { offset_ms, samples: Vec::with_capacity(members.len()) });
            }
            for _ in &members {
                let mut before = 0_i16;
                for sweep in &mut sweeps {
                    before = match i8::from_le_bytes(take(rest)?) {
                        ANEW => take_i16(rest)?,
                        more => before.checked_add(more.into()).ok_or(Damage::Version)?,
                    };
                    sweep.samples.push(sample_of(before));
                }
            }
            groups.push(Group { members, sweeps });
        }
        if rest.is_empty() { Ok(Block { groups }) } else { Err(Damage::Version) }
    }

    /// Takes in a sweep. One that is there already is not taken twice.
    pub fn add(&mut self, members: &[(Series, ProbeId)], sweep: Sweep) {
        // A group that is full is followed by another of the same fridges.
        let has_room = |group: &&mut Group| group.members == members && group.sweeps.len() < MOST_SWEEPS;
        let group = match self.groups.iter_mut().find(has_room) {
            Some(group) => group,
            None => {
                self.groups.push(Group { members: members.to_vec(), sweeps: Vec::new() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
        };
        // Most come in their order.
        let at = group.sweeps.partition_point(|other| other.offset_ms <= sweep.offset_ms);
        let same = group.sweeps[..at].iter().rev().take_while(|other| other.offset_ms == sweep.offset_ms);
        if !same.into_iter().any(|other| *other == sweep) {
            group.sweeps.insert(at, sweep);
        }
    }

    /// Takes in all of another block that begins at the same time.
    pub fn merge(&mut self, other: Block) {
        for group in other.groups {
            for sweep in group.sweeps {
                self.add(&group.members, sweep);
            }
        }
    }

    /// Every reading of it: its fridge, its probe, its time in milliseconds since the begin of the block; each fridge's in
    /// the order of their times within a group.
    pub fn samples(&self) -> impl Iterator<Item = (Series, ProbeId, u32, Sample)> {
        self.groups.iter().flat_map(|group| {
            group.sweeps.iter().flat_map(|sweep| {
                let members = group.members.iter().zip(&sweep.samples);
                members.filter_map(|(&(series, probe), sample)| {
                    sample.map(|sample| (series, probe, sweep.offset_ms, sample))
                })
            })
        })
    }
}

/// The number that stands for a fault in a file. It never changes.
pub fn code_of(fault: Fault) -> u8 {
    match fault {
        Fault::Pending => 1,
        Fault::NoAnswer => 2,
        Fault::Absent => 3,
        Fault::NoDriver => 4,
        Fault::Shorted => 5,
        Fault::Crc => 6,
        Fault::Late => 7,
        Fault::PowerOnReset => 8,
        Fault::PowerFail => 9,
        Fault::OutOfRange => 10,
        Fault::Implausible => 11,
        Fault::Bus => 12,
    }
}

/// The fault of a number; a number of a later version is a fault, too.
pub fn fault_of(code: u8) -> Fault {
    use strum::VariantArray;
    Fault::VARIANTS.iter().copied().find(|fault| code_of(*fault) == code).unwrap_or(Fault::Implausible)
}

fn number_of(sample: Option<Sample>) -> i16 {
    match sample {
        None => NOTHING,
        Some(Ok(celsius)) => celsius.sixteenths(),
        Some(Err(fault)) => NOTHING + i16::from(code_of(fault)),
    }
}

fn sample_of(number: i16) -> Option<Sample> {
    match number {
        NOTHING => None,
        // What no probe can say is no temperature, whatever the checksum says.
        number => Some(match u8::try_from(i32::from(number) - i32::from(NOTHING)) {
            Ok(code) => Err(fault_of(code)),
            Err(_) => Celsius::from_degrees(f64::from(number) / 16.0).ok_or(Fault::OutOfRange),
        }),
    }
}

/// The checksum of a fridge's number.
pub(super) fn series_sum(number: Series, fridge: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(fridge.as_bytes());
    hasher.finalize()
}

/// The bytes with their checksum behind them.
pub(super) fn seal(begins: i64, mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(begins, &bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// The bytes without the checksum behind them, where it fits.
pub(super) fn unseal(begins: i64, bytes: &[u8]) -> Result<&[u8], Damage> {
    let (content, sum) = bytes.split_last_chunk::<4>().ok_or(Damage::Checksum)?;
    if checksum(begins, content) == u32::from_le_bytes(*sum) { Ok(content) } else { Err(Damage::Checksum) }
}

fn checksum(begins: i64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&begins.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// A count. What has more than this is no block of five minutes.
pub(super) fn put_u16(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
}

pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damage> {
    let (first, behind) = rest.split_first_chunk::<N>().ok_or(Damage::Version)?;
    *rest = behind;
    Ok(*first)
}

pub(super) fn take_u16(rest: &mut &[u8]) -> Result<u16, Damage> {
    take(rest).map(u16::from_le_bytes)
}

pub(super) fn take_i16(rest: &mut &[u8]) -> Result<i16, Damage> {
    take(rest).map(i16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    const PROBE: ProbeId = ProbeId::new(0x28, 0x1234);
    const BEGINS: i64 = 1_767_225_600;

    fn sweep(offset_ms: u32, samples: &[Option<Sample>]) -> Sweep {
        Sweep { offset_ms, samples: samples.to_vec() }
    }

    fn block() -> Block {
        let mut block = Block::default();
        let celsius = |sixteenths| Some(Ok(Celsius::from_sixteenths(sixteenths)));
        for (index, fault) in Fault::VARIANTS.iter().enumerate() {
            let at = index as u32 * 10_000;
            block.add(&[(1, PROBE), (2, ProbeId::new(0x28, 7))], sweep(at, &[Some(Err(*fault)), None]));
        }
        for (index, sixteenths) in (-880..=2_000).enumerate() {
            block.add(&[(9, PROBE)], sweep(index as u32, &[celsius(sixteenths)]));
        }
        block
    }

    #[test]
    fn every_temperature_and_every_fault_comes_back() {
        let block = block();
        assert_eq!(Block::decode(BEGINS, &block.encode(BEGINS)), Ok(block.clone()));
        assert_eq!(block.samples().count(), Fault::VARIANTS.len() + 2_881);
        assert_eq!(Block::decode(BEGINS, &Block::default().encode(BEGINS)), Ok(Block::default()));
    }

    #[test]
    fn what_is_taken_in_twice_is_there_once_and_in_order() {
        let mut twice = Block::default();
        for offset in [20, 10, 30, 10, 20] {
            twice.add(&[(1, PROBE)], sweep(offset, &[Some(Ok(Celsius::from_sixteenths(offset as i16)))]));
        }
        twice.merge(twice.clone());
        let offsets: Vec<u32> = twice.samples().map(|(_, _, offset, _)| offset).collect();
        assert_eq!(offsets, [10, 20, 30]);
        // Two readings of one moment: the clock went back between them.
        twice.add(&[(1, PROBE)], sweep(10, &[Some(Ok(Celsius::from_sixteenths(99)))]));
        assert_eq!(twice.samples().count(), 4);
    }

    #[test]
    fn every_flipped_bit_another_begin_and_every_cut_is_noticed() {
        let mut small = Block::default();
        small.add(&[(1, PROBE)], sweep(10, &[Some(Ok(Celsius::from_sixteenths(64)))]));
        let bytes = small.encode(BEGINS);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Block::decode(BEGINS, &flipped), Err(Damage::Checksum), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Block::decode(BEGINS, &bytes[..length]), Err(Damage::Checksum), "{length} bytes");
        }
        assert_eq!(Block::decode(BEGINS + BLOCK_SECONDS, &bytes), Err(Damage::Checksum));
        // Zeros have a checksum of zeros in some formats.
        assert!(Block::decode(BEGINS, &vec![0; bytes.len()]).is_err());
    }

    #[test]
    fn any_times_and_values_come_back_and_a_cafes_block_is_small() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let members: Vec<(Series, ProbeId)> =
                (0..random.u16(1..5)).map(|number| (number, ProbeId::new(0x28, number.into()))).collect();
            let mut block = Block::default();
            for _ in 0..random.usize(0..40) {
                let sample = |random: &mut fastrand::Rng| match random.u8(0..10) {
                    0 => None,
                    1 => Some(Err(*random.choice(Fault::VARIANTS).unwrap())),
                    2 => Some(Ok(Celsius::from_sixteenths(random.i16(-880..=2_000)))),
                    _ => Some(Ok(Celsius::from_sixteenths(random.i16(60..70)))),
                };
                let samples = members.iter().map(|_| sample(&mut random)).collect();
                let longest = if random.bool() { 300_000 } else { 5_000 };
                block.add(&members, Sweep { offset_ms: random.u32(0..longest), samples });
            }
            assert_eq!(Block::decode(BEGINS, &block.encode(BEGINS)), Ok(block));
        }
        let mut cafe = Block::default();
        let members: Vec<(Series, ProbeId)> = (0..20).map(|it| (it, ProbeId::new(0x28, it.into()))).collect();
        for index in 0..30 {
            let samples = (0..20).map(|it| Some(Ok(Celsius::from_sixteenths(64 + index + it)))).collect();
            cafe.add(&members, Sweep { offset_ms: index as u32 * 10_000, samples });
        }
        let bytes = cafe.encode(BEGINS).len();
        assert!(bytes < 4_096 / 4, "{bytes} bytes: four blocks in a page");
    }

    #[test]
    fn what_another_version_wrote_is_refused_and_no_content_makes_it_panic() {
        assert_eq!(Block::decode(BEGINS, &seal(BEGINS, vec![2, 0, 0])), Err(Damage::Version));
        let good = block().encode(BEGINS);
        let content = &good[..good.len() - 4];
        for length in 0..content.len().min(600) {
            let cut = seal(BEGINS, content[..length].to_vec());
            assert_eq!(Block::decode(BEGINS, &cut), Err(Damage::Version), "{length} bytes");
        }
    }
}
