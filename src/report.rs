//! The report of a fridge: what an inspector asks for of a day, a week or a month. It is made of the past, of the alarms and
//! of what people did; [`html`] prints it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::alarm::{Alarm, Side};
use crate::fridge::Fridge;
use crate::history::{Past, PastError, Period};
use crate::reading::Celsius;
use crate::store::block::BLOCK_SECONDS;
use crate::store::bucket::{Aggregate, Sum};
use crate::store::{Deed, block_of};

pub mod html;
mod kinetic;

pub use kinetic::{mean_kinetic, window};

/// A time without readings that is longer than this is a gap.
const GAP: Duration = Duration::from_secs(15 * 60);
/// A reading holds until the next one, and for no longer than this.
const LONGEST_HOLD: Duration = Duration::from_secs(10 * 60);
/// The chart has so many points at most.
const POINTS: usize = 288;
/// So many excursions, gaps and alarms are listed; the others are counted.
const LISTED: usize = 40;

/// The report of one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What people call it.
    pub name: String,
    /// The begin of the time.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// What the time is called.
    pub period: String,
    /// The lowest reading in °C.
    pub min: Option<Celsius>,
    /// The highest reading in °C.
    pub max: Option<Celsius>,
    /// The mean of the readings in °C.
    pub mean: Option<f64>,
    /// The mean kinetic temperature in °C, where the pharmacopoeia names one for such a fridge and time.
    pub mean_kinetic: Option<f64>,
    /// How many readings there are.
    pub readings: u32,
    /// For how many minutes there was none.
    pub minutes_unknown: u64,
    /// For how many minutes it was above its upper limit.
    pub minutes_above: u64,
    /// For how many minutes it was below its lower limit.
    pub minutes_below: u64,
    /// Whether these are counted by each reading; else by five minutes, each in which a reading was outside.
    pub is_exact: bool,
    /// The times outside its limits, the earliest first.
    pub excursions: Vec<Outside>,
    /// The times without readings.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Its alarms of that time.
    #[serde(skip)]
    pub alarms: Vec<Alarm>,
    /// What people did about it.
    #[serde(skip)]
    pub deeds: Vec<Deed>,
    /// The mean, lowest and highest reading of equal steps, for the chart.
    #[serde(skip)]
    pub points: Vec<(Timestamp, Aggregate)>,
    /// How long one of these steps is, in seconds.
    #[serde(skip)]
    pub step_s: i64,
    /// The fridge as it is configured.
    #[serde(skip)]
    pub fridge: Fridge,
}

/// One time outside the limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outside {
    /// On which side.
    pub side: Side,
    /// The first reading outside.
    pub from: Timestamp,
    /// The first reading within the limits again, or the last before a gap.
    pub to: Timestamp,
    /// Its furthest reading in °C.
    pub peak: Celsius,
}

impl Report {
    /// What is known of that fridge in that time.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn of(
        past: &dyn Past,
        fridge: &Fridge,
        period: &Period,
        alarms: &[Alarm],
        deeds: &[Deed],
    ) -> Result<Report, PastError> {
        // What five minutes come to begins at theirs.
        let from = Timestamp::from_second(block_of(period.from.as_second())).unwrap_or(period.from);
        let period = &Period { from, ..period.clone() };
        let mut gathered = Gathered::new(fridge, period);
        let step_s = gathered.step;
        past.buckets(&[&fridge.id], period.from, period.to, false, &mut |_, at, bucket| {
            gathered.add(at, &bucket);
            true
        })?;
        let Gathered { sum, means, mut coarse, gaps, points, known, .. } = gathered.finish();
        let total = sum.aggregate();
        let mut exact = Outsides::default();
        let (mut count, mut imported) = (0, 0);
        past.readings(&[&fridge.id], period.from, period.to, &mut |seen| {
            if let Ok(celsius) = seen.sample {
                imported += u32::from(seen.imported);
                exact.add(fridge, seen.at, celsius);
                count += 1;
            }
            true
        })?;
        // Where each reading is there still, times are exact; but not where an imported log tells of the same time as the
        // probe, of which only what five minutes came to may be left.
        let is_exact =
            (imported == 0 && count >= total.readings) || (imported == count && count == total.readings);
        if is_exact {
            coarse = exact;
        }
        let Outsides { above, below, excursions, .. } = coarse;
        let length = period.to.duration_since(period.from).unsigned_abs();
        let is_of_fridge = |alarm: &&Alarm| alarm.fridge == fridge.id;
        let alarms: Vec<Alarm> = alarms.iter().filter(is_of_fridge).cloned().collect();
        Ok(Report {
            name: fridge.name.clone(),
            from: period.from,
            to: period.to,
            period: period.name.clone(),
            min: total.min(),
            max: total.max(),
            mean: total.mean(),
            mean_kinetic: window(fridge, length).and_then(|_| mean_kinetic(&means)),
            readings: total.readings,
            minutes_unknown: (length.as_secs() / 60).saturating_sub(known * BLOCK_SECONDS as u64 / 60),
            minutes_above: above.as_secs().div_ceil(60),
            minutes_below: below.as_secs().div_ceil(60),
            is_exact,
            excursions,
            gaps,
            deeds: deeds.iter().filter(|deed| deed.is_about(&fridge.id, &alarms)).cloned().collect(),
            alarms,
            step_s,
            points: points.into_iter().map(|(at, sum)| (at, sum.aggregate())).collect(),
            fridge: fridge.clone(),
        })
    }

    /// The excursions that are listed, and how many are not.
    pub fn listed<T>(all: &[T]) -> (&[T], usize) {
        let listed = all.len().min(LISTED);
        (&all[..listed], all.len() - listed)
    }
}

/// Adds the five minutes of a period up.
struct Gathered<'a> {
    fridge: &'a Fridge,
    period: &'a Period,
    sum: Sum,
    /// The mean of each five minutes in °C.
    means: Vec<f64>,
    coarse: Outsides,
    gaps: Vec<(Timestamp, Timestamp)>,
    points: Vec<(Timestamp, Sum)>,
    step: i64,
    /// How many five minutes have readings, and the last of those.
    known: u64,
    last: Option<Timestamp>,
}

impl<'a> Gathered<'a> {
    fn new(fridge: &'a Fridge, period: &'a Period) -> Self {
        let length = period.to.as_second() - period.from.as_second();
        let step = (length / POINTS as i64 / BLOCK_SECONDS + 1) * BLOCK_SECONDS;
        Gathered {
            fridge,
            period,
            sum: Sum::default(),
            means: Vec::new(),
            coarse: Outsides::default(),
            gaps: Vec::new(),
            points: Vec::new(),
            step: if length <= POINTS as i64 * BLOCK_SECONDS { BLOCK_SECONDS } else { step },
            known: 0,
            last: None,
        }
    }

    fn add(&mut self, at: Timestamp, bucket: &Aggregate) {
        let Some((min, max)) = bucket.span else { return };
        self.gap_until(at);
        // The same five minutes may come in two parts.
        let is_same = self.last == Some(at);
        self.sum.add_all(bucket);
        self.means.extend(bucket.mean());
        self.known += u64::from(!is_same);
        let length = if is_same { Duration::ZERO } else { Duration::from_secs(BLOCK_SECONDS as u64) };
        for (side, peak) in [(Side::Above, max), (Side::Below, min)] {
            if self.fridge.limits.beyond(peak) == Some(side) {
                self.coarse.goes_on(side, at, after(at), peak, length);
            }
        }
        let begin = at.as_second() - (at.as_second() - self.period.from.as_second()).rem_euclid(self.step);
        let begin = Timestamp::from_second(begin).unwrap_or(at);
        match self.points.last_mut() {
            Some((last, sum)) if *last == begin => sum.add_all(bucket),
            _ => {
                let mut sum = Sum::default();
                sum.add_all(bucket);
                self.points.push((begin, sum));
            }
        }
        self.last = Some(at);
    }

    /// Nothing was read between the last five minutes with readings and this moment.
    fn gap_until(&mut self, at: Timestamp) {
        let from = self.last.map_or(self.period.from, after);
        if at.duration_since(from).unsigned_abs() >= GAP && at > from {
            self.gaps.push((from, at));
        }
    }

    fn finish(mut self) -> Self {
        self.gap_until(self.period.to);
        self
    }
}

/// The end of the five minutes that begin then.
fn after(at: Timestamp) -> Timestamp {
    at.checked_add(Duration::from_secs(BLOCK_SECONDS as u64)).unwrap_or(at)
}

/// The times outside the limits.
#[derive(Debug, Default)]
struct Outsides {
    above: Duration,
    below: Duration,
    excursions: Vec<Outside>,
    before: Option<(Timestamp, Option<Side>)>,
}

impl Outsides {
    /// Takes in a reading: until the next one, it holds.
    fn add(&mut self, fridge: &Fridge, at: Timestamp, celsius: Celsius) {
        let side = fridge.limits.beyond(celsius);
        let before = self.before.replace((at, side));
        let goes_on = before.filter(|(last, _)| at.duration_since(*last).unsigned_abs() <= LONGEST_HOLD);
        if let Some((last, Some(before))) = goes_on {
            let length = at.duration_since(last).unsigned_abs();
            if let Some(excursion) = self.excursions.iter_mut().rev().find(|it| it.side == before) {
                excursion.to = at;
            }
            *self.sum(before) += length;
        }
        let Some(side) = side else { return };
        match (goes_on, self.excursions.iter_mut().rev().find(|it| it.side == side)) {
            (Some((_, Some(before))), Some(excursion)) if before == side => excursion.reach(celsius),
            _ => self.excursions.push(Outside { side, from: at, to: at, peak: celsius }),
        }
    }

    /// Takes in a time with a reading outside, which goes on with the one before or begins another.
    fn goes_on(&mut self, side: Side, from: Timestamp, to: Timestamp, peak: Celsius, length: Duration) {
        *self.sum(side) += length;
        match self.excursions.iter_mut().rev().find(|it| it.side == side) {
            Some(excursion) if from <= excursion.to => {
                excursion.to = to;
                excursion.reach(peak);
            }
            _ => self.excursions.push(Outside { side, from, to, peak }),
        }
    }

    fn sum(&mut self, side: Side) -> &mut Duration {
        match side {
            Side::Above => &mut self.above,
            Side::Below => &mut self.below,
        }
    }
}

impl Outside {
    fn reach(&mut self, celsius: Celsius) {
        self.peak = match self.side {
            Side::Above => self.peak.max(celsius),
            Side::Below => self.peak.min(celsius),
        };
    }
}
