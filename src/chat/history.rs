//! `history`: the last 24 hours as a line of block characters, with its figures.

use serde::Serialize;

use super::markdown::{Table, escape};
use super::{Data, Mood, Said, View, english, headline, selection};
use crate::fridge::Fridge;
use crate::history::{MINUTES, Minute};
use crate::reading::Celsius;

/// The blocks, from the lowest to the highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there was no reading.
const GAP: char = '·';
/// How many signs a single fridge's line has, and each of several: a phone shows 48 in a line.
const SIGNS: usize = 48;
const SIGNS_IN_TABLE: usize = 24;

/// The last 24 hours of one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// The middle of each half hour in °C, the oldest first; `None` where there was no reading.
    pub half_hours: Vec<Option<f64>>,
    /// The lowest value in °C.
    pub min: Option<Celsius>,
    /// The highest value in °C.
    pub max: Option<Celsius>,
    #[serde(skip)]
    minutes: Vec<Option<Minute>>,
}

/// The last 24 hours of the fridges that are meant.
pub fn answer(typed: &str, view: &View<'_>) -> Said {
    let fridges = match selection::clear(typed, view) {
        Ok(fridges) => fridges,
        Err(said) => return said,
    };
    let rows: Vec<Row> = fridges.iter().map(|fridge| row(fridge, view)).collect();
    let text = match &rows[..] {
        [] => headline(english::NO_FRIDGES, view),
        [only] => {
            let line = headline(&english::history_of_one(&escape(&only.name), MINUTES / 60), view);
            let figures = match (only.min, only.max, mean(&only.minutes)) {
                (Some(min), Some(max), Some(mean)) => english::history_figures(min, max, mean, view.units),
                _ => english::NO_VALUES.to_owned(),
            };
            format!("{line}\n\n`{}`\n\n{figures}", blocks(&only.minutes, SIGNS))
        }
        _ => {
            let mut table =
                Table::new([english::FRIDGE, english::DAY_AS_LINE, english::SPAN], [false, false, true]);
            for row in &rows {
                let span = match (row.min, row.max) {
                    (Some(min), Some(max)) => english::span(min, max, view.units),
                    _ => english::NO_VALUES.to_owned(),
                };
                table.push([escape(&row.name), format!("`{}`", blocks(&row.minutes, SIGNS_IN_TABLE)), span]);
            }
            table.below(headline(english::HISTORY_OF_MANY, view), english::more)
        }
    };
    (text, Mood::Neutral, Data::Histories(rows))
}

fn row(fridge: &Fridge, view: &View<'_>) -> Row {
    let minutes = view.gateway.history.minutes(fridge.probe, &view.now, MINUTES);
    let known = || minutes.iter().flatten();
    Row {
        name: fridge.name.clone(),
        half_hours: middles(&minutes, SIGNS),
        min: known().map(|minute| minute.min).min(),
        max: known().map(|minute| minute.max).max(),
        minutes,
    }
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
fn blocks(minutes: &[Option<Minute>], signs: usize) -> String {
    let middles = middles(minutes, signs);
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
