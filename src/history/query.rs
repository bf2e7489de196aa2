//! Questions about the past: a series of equal steps, the lowest and highest reading, since when a fridge is beyond a limit.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::past::{Past, PastError};
use crate::alarm::Side;
use crate::fridge::Limits;
use crate::reading::Celsius;
use crate::store::block::BLOCK_SECONDS;
use crate::store::bucket::{Aggregate, Sum};

/// Without a reading for longer than this, nobody knows whether a fridge stayed outside its limits.
const LONGEST_GAP: Duration = Duration::from_secs(10 * 60);

/// Nobody looks back further, in days: a fridge that has been outside for so long has been for at least that.
const LOOKS_BACK: Duration = Duration::from_secs(90 * 86_400);

/// What one step of a series comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it begins.
    pub at: Timestamp,
    /// What its readings come to.
    pub aggregate: Aggregate,
}

/// What that time comes to, for each of the fridges.
///
/// # Errors
/// [`PastError`]
pub fn extremes(
    past: &dyn Past,
    fridges: &[&str],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Aggregate>, PastError> {
    let mut sums = vec![Sum::default(); fridges.len()];
    past.buckets(fridges, from, to, false, &mut |fridge, _, bucket| {
        sums[fridge].add_all(&bucket);
        true
    })?;
    Ok(sums.iter().map(Sum::aggregate).collect())
}

/// That time in steps of that length, for each of the fridges; a step without a reading is empty.
///
/// # Errors
/// [`PastError`]
pub fn series(
    past: &dyn Past,
    fridges: &[&str],
    from: Timestamp,
    to: Timestamp,
    step: Duration,
) -> Result<Vec<Vec<Point>>, PastError> {
    let length = to.as_second().saturating_sub(from.as_second()).max(1);
    let step = i64::try_from(step.as_secs()).unwrap_or(i64::MAX).max(BLOCK_SECONDS);
    let count = (length as u64).div_ceil(step as u64) as usize;
    let mut sums = vec![vec![Sum::default(); count]; fridges.len()];
    past.buckets(fridges, from, to, false, &mut |fridge, at, bucket| {
        let index = (at.as_second().saturating_sub(from.as_second()).max(0) / step) as usize;
        if let Some(sum) = sums[fridge].get_mut(index) {
            sum.add_all(&bucket);
        }
        true
    })?;
    let begin = |index: usize| from.as_second().saturating_add(index as i64 * step);
    let point = |(index, sum): (usize, &Sum)| Point {
        at: Timestamp::from_second(begin(index)).unwrap_or(from),
        aggregate: sum.aggregate(),
    };
    Ok(sums.iter().map(|sums| sums.iter().enumerate().map(point).collect()).collect())
}

/// Since when a fridge has been beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Beyond {
    /// On which side.
    pub side: Side,
    /// The first reading beyond it; where `at_least`, the first that is known.
    pub since: Timestamp,
    /// The furthest reading.
    pub peak: Celsius,
    /// The newest reading.
    pub newest: Timestamp,
    /// Whether nothing is known of the time before.
    pub at_least: bool,
}

/// Since when a fridge has been beyond a limit; `None` where its last reading is not, or there is none.
///
/// It walks back by what five minutes come to, to the last of which a part was within the limits, and only there by each
/// reading: the further back, the cheaper.
///
/// # Errors
/// [`PastError`]
pub fn beyond_since(
    past: &dyn Past,
    fridge: &str,
    limits: &Limits,
    now: Timestamp,
) -> Result<Option<Beyond>, PastError> {
    if *limits == Limits::default() {
        return Ok(None);
    }
    let ahead = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
    let mut side = None;
    let mut within = None;
    let mut newest = None;
    let mut oldest: Option<Timestamp> = None;
    let mut reached: Option<(Celsius, Celsius)> = None;
    let mut gap = false;
    let from = now.checked_sub(LOOKS_BACK).unwrap_or(now);
    past.buckets(&[fridge], from, ahead, true, &mut |_, at, bucket| {
        let Some((min, max)) = bucket.span else { return true };
        let from_next = oldest.map_or(Duration::ZERO, |next| next.duration_since(at).unsigned_abs());
        if from_next > LONGEST_GAP + Duration::from_secs(BLOCK_SECONDS as u64) {
            gap = true;
            return false;
        }
        newest = newest.max(Some(at));
        let side = *side.get_or_insert(match (limits.beyond(max), limits.beyond(min)) {
            (Some(side), _) | (None, Some(side)) => side,
            (None, None) => return false,
        });
        let (lowest, highest) = reached.unwrap_or((min, max));
        reached = Some((lowest.min(min), highest.max(max)));
        oldest = Some(at);
        let is_beyond = match side {
            Side::Above => limits.beyond(min) == Some(side),
            Side::Below => limits.beyond(max) == Some(side),
        };
        if !is_beyond {
            within = Some(at);
        }
        is_beyond
    })?;
    let (Some(side), Some(oldest)) = (side, oldest) else { return Ok(None) };
    // The last reading within the limits, and the first beyond them after it.
    let end = Duration::from_secs(BLOCK_SECONDS as u64);
    let to = oldest.checked_add(end).unwrap_or(oldest);
    let (mut first, mut last, mut last_is_beyond) = (None, None, false);
    past.readings(&[fridge], oldest, ahead.min(to), &mut |seen| {
        if let Ok(celsius) = seen.sample {
            last_is_beyond = limits.beyond(celsius) == Some(side);
            first = if last_is_beyond { first.or(Some(seen.at)) } else { None };
            last = Some(seen.at);
        }
        true
    })?;
    let is_newest_block = newest == Some(oldest);
    if is_newest_block && last.is_some() && !last_is_beyond {
        return Ok(None);
    }
    // Readings may be gone where what five minutes come to is kept.
    let since = first.or(last.map(|_| to)).unwrap_or(if within.is_some() { to } else { oldest });
    let peak = reached.map(|(lowest, highest)| match side {
        Side::Above => highest,
        Side::Below => lowest,
    });
    let newest = newest.unwrap_or(oldest).checked_add(end).unwrap_or(oldest).min(now);
    let Some(peak) = peak else { return Ok(None) };
    Ok(Some(Beyond { side, since, peak, newest, at_least: within.is_none() || gap }))
}
