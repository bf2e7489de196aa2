//! A bucket: what five minutes of a fridge's readings come to. It is kept for years, long after the readings are gone.
//!
//! ```text
//! version 1                                                            u8
//! fridges                                                              u16
//!   series                                                             u16
//!   lowest, highest, in 1/16 °C; mean in 1/256 °C                      i16, i16, i16
//!   readings, faults                                                   u16, u16
//!   the commonest fault's number, or 0                                 u8
//! CRC-32 as of a block                                                 u32
//! ```

use std::collections::BTreeMap;

use super::block::{self, Block, Damage, Series};
use crate::reading::{Celsius, Fault, Sample};

const VERSION: u8 = 1;
/// So many bytes are a fridge's bucket.
const BUCKET_BYTES: usize = 13;

/// What the readings of some time come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// The lowest and the highest reading; `None` where there is none.
    pub span: Option<(Celsius, Celsius)>,
    /// The mean of the readings in 1/256 °C, each counted once; 0 where there is none.
    pub mean_256ths: i16,
    /// How many readings there are.
    pub readings: u32,
    /// How often there was a fault in place of one.
    pub faults: u32,
    /// The commonest of those.
    pub fault: Option<Fault>,
}

impl Aggregate {
    /// Of no reading.
    pub const EMPTY: Aggregate =
        Aggregate { span: None, mean_256ths: 0, readings: 0, faults: 0, fault: None };

    /// The mean in °C.
    pub fn mean(&self) -> Option<f64> {
        self.span.map(|_| f64::from(self.mean_256ths) / 256.0)
    }

    /// The lowest reading.
    pub fn min(&self) -> Option<Celsius> {
        self.span.map(|(min, _)| min)
    }

    /// The highest reading.
    pub fn max(&self) -> Option<Celsius> {
        self.span.map(|(_, max)| max)
    }
}

/// Adds readings up.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    span: Option<(Celsius, Celsius)>,
    /// Of the readings, in 1/256 °C.
    sum: i64,
    readings: u32,
    faults: BTreeMap<Fault, u32>,
}

impl Sum {
    /// Takes one reading in.
    pub fn add(&mut self, sample: Sample) {
        match sample {
            Ok(celsius) => {
                self.widen(celsius, celsius);
                self.sum += i64::from(celsius.sixteenths()) * 16;
                self.readings += 1;
            }
            Err(fault) => *self.faults.entry(fault).or_default() += 1,
        }
    }

    /// Takes in what other readings come to.
    pub fn add_all(&mut self, other: &Aggregate) {
        if let Some((min, max)) = other.span {
            self.widen(min, max);
        }
        self.sum += i64::from(other.mean_256ths) * i64::from(other.readings);
        self.readings += other.readings;
        if let Some(fault) = other.fault {
            *self.faults.entry(fault).or_default() += other.faults;
        }
    }

    fn widen(&mut self, min: Celsius, max: Celsius) {
        self.span = Some(match self.span {
            None => (min, max),
            Some((low, high)) => (low.min(min), high.max(max)),
        });
    }

    /// What they come to.
    pub fn aggregate(&self) -> Aggregate {
        let mean = (self.sum as f64 / f64::from(self.readings.max(1))).round();
        Aggregate {
            span: self.span,
            mean_256ths: mean as i16,
            readings: self.readings,
            faults: self.faults.values().sum(),
            fault: self.faults.iter().max_by_key(|(_, count)| **count).map(|(fault, _)| *fault),
        }
    }
}

/// What the readings of a block come to, for each of its fridges.
pub fn of(block: &Block) -> BTreeMap<Series, Aggregate> {
    let mut sums: BTreeMap<Series, Sum> = BTreeMap::new();
    for (series, _, _, sample) in block.samples() {
        sums.entry(series).or_default().add(sample);
    }
    sums.into_iter().map(|(series, sum)| (series, sum.aggregate())).collect()
}

/// The bytes of the buckets of the block that begins then.
pub fn encode(begins: i64, buckets: &BTreeMap<Series, Aggregate>) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    block::put_u16(&mut bytes, buckets.len());
    for (series, bucket) in buckets {
        // An empty span is one whose lowest is above its highest.
        let (min, max) = bucket.span.unwrap_or((Celsius::MAX, Celsius::MIN));
        bytes.extend(series.to_le_bytes());
        bytes.extend(min.sixteenths().to_le_bytes());
        bytes.extend(max.sixteenths().to_le_bytes());
        bytes.extend(bucket.mean_256ths.to_le_bytes());
        block::put_u16(&mut bytes, bucket.readings as usize);
        block::put_u16(&mut bytes, bucket.faults as usize);
        bytes.push(bucket.fault.map_or(0, block::code_of));
    }
    block::seal(begins, bytes)
}

/// Shows each fridge's bucket of the bytes of the block that begins then.
///
/// # Errors
/// [`Damage`]
pub fn decode(begins: i64, bytes: &[u8], mut each: impl FnMut(Series, Aggregate)) -> Result<(), Damage> {
    decode_of(begins, bytes, |_| true, &mut each)
}

/// The same of some fridges: what is said of the others is passed over, which costs a fraction.
///
/// # Errors
/// [`Damage`].
pub fn decode_of(
    begins: i64,
    bytes: &[u8],
    is_wanted: impl Fn(Series) -> bool,
    mut each: impl FnMut(Series, Aggregate),
) -> Result<(), Damage> {
    let mut rest = block::unseal(begins, bytes)?;
    let rest = &mut rest;
    if block::take::<1>(rest)? != [VERSION] {
        return Err(Damage::Version);
    }
    let length = usize::from(block::take_u16(rest)?) * BUCKET_BYTES;
    if rest.len() != length {
        return Err(Damage::Version);
    }
    for bucket in rest.chunks_exact(BUCKET_BYTES) {
        let &[a, b, ref behind @ ..] = bucket else { return Err(Damage::Version) };
        let series = Series::from_le_bytes([a, b]);
        if !is_wanted(series) {
            continue;
        }
        let rest = &mut &*behind;
        let (min, max) = (block::take_i16(rest)?, block::take_i16(rest)?);
        let mean_256ths = block::take_i16(rest)?;
        let (readings, faults) = (block::take_u16(rest)?.into(), block::take_u16(rest)?.into());
        let [code] = block::take::<1>(rest)?;
        let (min, max) = (Celsius::from_sixteenths(min), Celsius::from_sixteenths(max));
        let span = (min <= max && (Celsius::MIN..=Celsius::MAX).contains(&min) && max <= Celsius::MAX)
            .then_some((min, max));
        let fault = (code != 0).then(|| block::fault_of(code));
        each(series, Aggregate { span, mean_256ths, readings, faults, fault });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::ProbeId;
    use crate::store::block::Sweep;

    fn decoded(begins: i64, bytes: &[u8]) -> Result<BTreeMap<Series, Aggregate>, Damage> {
        let mut buckets = BTreeMap::new();
        decode(begins, bytes, |series, bucket| {
            buckets.insert(series, bucket);
        })?;
        Ok(buckets)
    }

    #[test]
    fn buckets_are_what_the_readings_come_to_and_come_back() {
        let mut block = Block::default();
        let members = [(3, ProbeId::new(0x28, 1)), (4, ProbeId::new(0x28, 2)), (5, ProbeId::new(0x28, 3))];
        let celsius = |sixteenths| Some(Ok(Celsius::from_sixteenths(sixteenths)));
        let rows = [
            [celsius(64), Some(Err(Fault::Crc)), None],
            [celsius(65), Some(Err(Fault::NoAnswer)), None],
            [celsius(-880), Some(Err(Fault::Crc)), None],
            [Some(Err(Fault::Crc)), celsius(2_000), None],
        ];
        for (index, samples) in rows.into_iter().enumerate() {
            block.add(&members, Sweep { offset_ms: index as u32 * 10_000, samples: samples.to_vec() });
        }
        let buckets = of(&block);
        let span = |min, max| Some((Celsius::from_sixteenths(min), Celsius::from_sixteenths(max)));
        // (64 + 65 − 880) / 3 sixteenths, to the nearest 1/256.
        let cold = Aggregate {
            span: span(-880, 65),
            mean_256ths: -4005,
            readings: 3,
            faults: 1,
            fault: Some(Fault::Crc),
        };
        let warm = Aggregate {
            span: span(2_000, 2_000),
            mean_256ths: 32_000,
            readings: 1,
            faults: 3,
            fault: Some(Fault::Crc),
        };
        assert_eq!(buckets, BTreeMap::from([(3, cold), (4, warm)]));
        let bytes = encode(300, &buckets);
        assert_eq!(decoded(300, &bytes), Ok(buckets));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decoded(300, &flipped), Err(Damage::Checksum), "bit {bit}");
        }
    }

    #[test]
    fn sums_of_buckets_are_the_sums_of_their_readings() {
        let (mut one, mut both) = (Sum::default(), Sum::default());
        let mut halves = [Sum::default(), Sum::default()];
        for number in 0..100_i16 {
            let sample = Ok(Celsius::from_sixteenths(number * 16));
            one.add(sample);
            halves[usize::from(number >= 40)].add(sample);
        }
        for half in &halves {
            both.add_all(&half.aggregate());
        }
        assert_eq!(one.aggregate(), both.aggregate());
        assert_eq!(Sum::default().aggregate(), Aggregate::EMPTY);
    }
}
