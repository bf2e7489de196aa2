//! `history`: the last 24 hours, or another time, as a line of block characters, with its figures.

use std::time::Duration;

use super::data::{HistoryRow, SeriesRow};
use super::{Answer, Data, View, asked, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::Fridge;
use crate::history::{MINUTES, Minute, Period, Point, period, series};
use crate::reading::Celsius;
use crate::store::bucket::{Aggregate, Sum};
use crate::text::{self, history, past};

/// The blocks, from the lowest to the highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there was no reading.
const GAP: char = '·';
/// How many blocks a single fridge's line has, and each of several: a phone shows 48 in a line.
const MARKS: usize = 48;
const MARKS_IN_TABLE: usize = 24;

/// The last 24 hours of the fridges that are meant, or another time that stands at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let (typed, period) = asked::about(typed, view);
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    if let Some(period) = period.filter(|period| period.kind != period::Kind::LastDay && !fridges.is_empty())
    {
        return of_period(&fridges, &period, view);
    }
    let days: Vec<(HistoryRow, Vec<Option<Minute>>)> =
        fridges.iter().map(|fridge| day_of(fridge, view)).collect();
    let doc = match &days[..] {
        [] => doc(Text::sentence(text::NO_FRIDGES), view),
        [(only, minutes)] => {
            let figures = match (only.min, only.max, mean(minutes)) {
                (Some(min), Some(max), Some(mean)) => history::figures(min, max, mean, view.units),
                _ => text::NO_VALUES.to_owned(),
            };
            doc(history::of_one(&only.name, MINUTES / 60), view)
                .with(Block::Line(Text::code(blocks(minutes, MARKS))))
                .with(Block::Line(figures.into()))
        }
        _ => {
            let columns = [(text::FRIDGE, false), (history::DAY_AS_LINE, false), (history::SPAN, true)];
            let mut table = Table::new(columns, text::more);
            for (row, minutes) in &days {
                let span = match (row.min, row.max) {
                    (Some(min), Some(max)) => text::span(min, max, view.units),
                    _ => text::NO_VALUES.to_owned(),
                };
                let line = Text::code(blocks(minutes, MARKS_IN_TABLE));
                table.push([Text::name(&row.name), line, span.into()]);
            }
            doc(history::OF_MANY, view).with(Block::Table(table))
        }
    };
    Answer::new(doc, Data::Histories(days.into_iter().map(|(row, _)| row).collect()))
}

/// A time in the past of these fridges, from the disk.
pub fn of_period(fridges: &[&Fridge], period: &Period, view: &View<'_>) -> Answer {
    let ids = asked::ids(fridges);
    let marks = if fridges.len() == 1 { MARKS } else { MARKS_IN_TABLE };
    let step = step_of(period, marks);
    let found = asked::of_past(view, |past| series(past, &ids, period.from, period.to, step));
    let points = match found {
        Ok(found) => found,
        Err(why) => return asked::unreadable(&why, view),
    };
    let sum = |points: &Vec<Point>| {
        let mut sum = Sum::default();
        points.iter().for_each(|point| sum.add_all(&point.aggregate));
        sum.aggregate()
    };
    let sums: Vec<Aggregate> = points.iter().map(sum).collect();
    let means = |points: &[Point]| points.iter().map(|point| point.aggregate.mean()).collect();
    let rows: Vec<SeriesRow> = fridges
        .iter()
        .zip(points.iter().zip(&sums))
        .map(|(fridge, (points, sum))| SeriesRow {
            name: fridge.name.clone(),
            from: period.from,
            to: period.to,
            step_s: step.as_secs(),
            means: means(points),
            min: sum.min(),
            max: sum.max(),
            mean: sum.mean(),
        })
        .collect();
    let doc = match &rows[..] {
        [only] => {
            let figures = match (only.min, only.max, only.mean) {
                (Some(min), Some(max), Some(mean)) => past::figures(min, max, mean, step, view.units),
                _ => text::NO_VALUES.to_owned(),
            };
            doc(past::of_one(&only.name, &period.name), view)
                .with(Block::Line(Text::code(blocks_of(&only.means))))
                .with(Block::Line(figures.into()))
        }
        _ => {
            let columns = [(text::FRIDGE, false), ("", false), (history::SPAN, true)];
            let mut table = Table::new(columns, text::more);
            for row in &rows {
                let span = match (row.min, row.max) {
                    (Some(min), Some(max)) => text::span(min, max, view.units),
                    _ => text::NO_VALUES.to_owned(),
                };
                table.push([Text::name(&row.name), Text::code(blocks_of(&row.means)), span.into()]);
            }
            doc(past::of_many(&period.name, step), view).with(Block::Table(table))
        }
    };
    Answer::new(doc, Data::Series(rows))
}

/// The step in which that time is drawn with so many marks: one that a person would choose.
fn step_of(period: &Period, marks: usize) -> Duration {
    const STEPS_MIN: [u64; 12] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1_440];
    let length = period.to.duration_since(period.from).unsigned_abs();
    let least = length.div_f64(marks as f64);
    let usual = STEPS_MIN.map(|minutes| Duration::from_secs(minutes * 60));
    let days = least.as_secs().div_ceil(86_400);
    usual.into_iter().find(|step| *step >= least).unwrap_or(Duration::from_secs(days * 86_400))
}

fn day_of(fridge: &Fridge, view: &View<'_>) -> (HistoryRow, Vec<Option<Minute>>) {
    let minutes = view.history.minutes(fridge.probe, &view.now, MINUTES);
    let known = || minutes.iter().flatten();
    let row = HistoryRow {
        name: fridge.name.clone(),
        half_hours: middles(&minutes, MARKS),
        min: known().map(|minute| minute.min).min(),
        max: known().map(|minute| minute.max).max(),
    };
    (row, minutes)
}

/// The middles of equal parts of the time, each the mean of its minutes.
fn middles(minutes: &[Option<Minute>], parts: usize) -> Vec<Option<f64>> {
    minutes.chunks(minutes.len().div_ceil(parts).max(1)).map(mean_degrees).collect()
}

fn mean_degrees(minutes: &[Option<Minute>]) -> Option<f64> {
    let known: Vec<f64> = minutes.iter().flatten().map(Minute::middle).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

fn mean(minutes: &[Option<Minute>]) -> Option<Celsius> {
    mean_degrees(minutes).and_then(Celsius::from_degrees)
}

/// A line of blocks, the lowest value as the lowest block. Less than a degree of change is drawn as if
/// it were one, so that noise does not look like a mountain.
fn blocks(minutes: &[Option<Minute>], count: usize) -> String {
    blocks_of(&middles(minutes, count))
}

fn blocks_of(middles: &[Option<f64>]) -> String {
    let known = || middles.iter().copied().flatten();
    let (low, high) = (known().fold(f64::MAX, f64::min), known().fold(f64::MIN, f64::max));
    let height = (high - low).max(1.0);
    let block = |degrees: f64| {
        let step = ((degrees - low) / height * (BLOCKS.len() - 1) as f64).round();
        BLOCKS[(step as usize).min(BLOCKS.len() - 1)]
    };
    middles.iter().map(|middle| middle.map_or(GAP, block)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_over_a_day_is_a_staircase_and_a_gap_a_dot() {
        let minutes: Vec<Option<Minute>> = (0..MINUTES)
            .map(|minute| {
                let celsius = Celsius::from_degrees(minute as f64 / 180.0).unwrap();
                (minute >= 180).then_some(Minute { min: celsius, max: celsius })
            })
            .collect();
        assert_eq!(blocks(&minutes, 8), "·▁▂▃▄▆▇█");
        assert_eq!(blocks(&vec![None; MINUTES], 4), "····");
    }

    #[test]
    fn a_steady_fridge_is_a_flat_line() {
        let celsius = Celsius::from_sixteenths(64);
        let minute = Some(Minute { min: celsius, max: Celsius::from_sixteenths(65) });
        assert_eq!(blocks(&vec![minute; MINUTES], 24), "▁".repeat(24));
    }
}
