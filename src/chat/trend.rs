//! `trend`: how fast the fridges change, in degrees per hour over the last 60 minutes.

use std::time::Duration;

use super::data::TrendRow;
use super::{Answer, Data, View, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::Fridge;
use crate::history::Minute;
use crate::text::{self, trend};

/// Over how many minutes a trend is taken.
const MINUTES: usize = 60;
/// A change that is slower, in K per hour, is the compressor's cycle as well as not …
const LEAST_PER_HOUR: f64 = 1.0;
/// … and what is further off than this may be another compressor cycle, too.
const FAR_OFF: Duration = Duration::from_secs(2 * 3_600);
/// Over fewer minutes than this between the first and the last value, the compressor's cycle would be the trend. With a
/// long period fewer fit into the time.
const FEWEST_MINUTES: usize = 50;

/// The trend of the fridges that are meant, the fastest first.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let mut rows: Vec<TrendRow> = fridges.iter().map(|fridge| row(fridge, view)).collect();
    let speed = |row: &TrendRow| row.celsius_per_hour.map_or(-1.0, f64::abs);
    rows.sort_by(|one, other| speed(other).total_cmp(&speed(one)));
    let doc = match &rows[..] {
        [] => doc(Text::sentence(text::NO_FRIDGES), view),
        [only] if only.celsius_per_hour.is_none() => {
            doc(trend::of_none(&only.name, only.minutes, needed(fridges[0], view)), view)
        }
        [only] => doc(trend::of_one(&only.name, &words(only, view), only.minutes), view),
        [fastest, ..] => {
            let line = match fastest.celsius_per_hour {
                Some(_) => trend::of_many(&fastest.name, &words(fastest, view)),
                None => trend::NO_TRENDS.into(),
            };
            let columns = [(text::FRIDGE, false), (trend::TREND, true), (trend::OVER, true)];
            let mut table = Table::new(columns, text::more);
            for row in &rows {
                let minutes = trend::minutes(row.minutes);
                table.push([Text::name(&row.name), words(row, view).into(), minutes.into()]);
            }
            doc(line, view).with(Block::Table(table))
        }
    };
    Answer::new(doc, Data::Trends(rows))
}

fn words(row: &TrendRow, view: &View<'_>) -> String {
    row.celsius_per_hour.map_or_else(|| trend::NO_TREND.to_owned(), |speed| trend::trend(speed, view.units))
}

fn row(fridge: &Fridge, view: &View<'_>) -> TrendRow {
    let minutes = view.history.minutes(fridge.probe, &view.now, MINUTES);
    let (speed, minutes) = slope(&minutes, needed(fridge, view));
    TrendRow { name: fridge.name.clone(), celsius_per_hour: speed.map(|speed| speed * 60.0), minutes }
}

/// When the fridge is at a limit if it goes on as in the last hour; `None` where that is far off, or it is steady.
pub fn time_to_limit(fridge: &Fridge, view: &View<'_>) -> Option<Duration> {
    let minutes = view.history.minutes(fridge.probe, &view.now, MINUTES);
    let per_minute = slope(&minutes, needed(fridge, view)).0?;
    if per_minute.abs() * 60.0 < LEAST_PER_HOUR {
        return None;
    }
    let limit = if per_minute > 0.0 { fridge.limits.max } else { fridge.limits.min }?;
    let newest = minutes.iter().rev().flatten().next()?.middle();
    let minutes = (limit.degrees() - newest) / per_minute;
    let time = Duration::try_from_secs_f64(minutes * 60.0).ok()?;
    (time <= FAR_OFF).then_some(time)
}

/// How many minutes a fridge's trend needs.
fn needed(fridge: &Fridge, view: &View<'_>) -> usize {
    let period = view.snapshot.probe(fridge.probe).map_or(Duration::ZERO, |(bus, _)| bus.period);
    let minutes = period.as_secs().div_ceil(60) as usize;
    // Two periods may stick out at the ends, and one reading is no trend.
    FEWEST_MINUTES.min(MINUTES.saturating_sub(2 * minutes + 1)).max(1)
}

/// The slope of the line of least squares through the minutes' middles, in degrees per minute, and the
/// minutes from the first value to the last.
fn slope(minutes: &[Option<Minute>], needed: usize) -> (Option<f64>, usize) {
    let points: Vec<(f64, f64)> = minutes
        .iter()
        .enumerate()
        .filter_map(|(index, minute)| minute.map(|minute| (index as f64, minute.middle())))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return (None, 0) };
    let span = (last.0 - first.0) as usize;
    if span < needed {
        return (None, span);
    }
    let count = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (Some(covariance / variance), span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Celsius;

    fn minutes(values: &[Option<f64>]) -> Vec<Option<Minute>> {
        let minute = |degrees| {
            let celsius = Celsius::from_degrees(degrees).unwrap();
            Minute { min: celsius, max: celsius }
        };
        values.iter().map(|value| value.map(minute)).collect()
    }

    #[test]
    fn a_straight_line_has_its_slope_whatever_is_missing() {
        let line: Vec<_> =
            (0..60).map(|minute| (minute % 7 != 3).then_some(4.0 + 0.0625 * f64::from(minute))).collect();
        let (speed, span) = slope(&minutes(&line), FEWEST_MINUTES);
        assert!((speed.unwrap() - 0.0625).abs() < 1e-9);
        assert_eq!(span, 58, "the last minute is one of those that are missing");
    }

    #[test]
    fn too_few_minutes_have_none() {
        assert_eq!(slope(&[], FEWEST_MINUTES), (None, 0));
        assert_eq!(
            slope(&minutes(&[None, Some(4.0), Some(5.0), None, Some(6.0)]), FEWEST_MINUTES),
            (None, 3)
        );
    }
}
