//! `trend`: how fast the fridges change, in degrees per hour over the last 60 minutes.

use serde::Serialize;

use super::markdown::{Table, escape};
use super::{Data, Mood, Said, View, english, headline, selection};
use crate::fridge::Fridge;
use crate::history::Minute;

/// Over how many minutes a trend is taken.
const MINUTES: usize = 60;
/// Over fewer minutes than this between the first and the last value, noise would be the trend.
const FEWEST_MINUTES: usize = 5;

/// How fast one fridge changes.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// Degrees Celsius per hour; `None` where there are too few values.
    pub celsius_per_hour: Option<f64>,
    /// Over how many minutes.
    pub minutes: usize,
}

/// The trend of the fridges that are meant, the fastest first.
pub fn answer(typed: &str, view: &View<'_>) -> Said {
    let fridges = match selection::clear(typed, view) {
        Ok(fridges) => fridges,
        Err(said) => return said,
    };
    let mut rows: Vec<Row> = fridges.iter().map(|fridge| row(fridge, view)).collect();
    let speed = |row: &Row| row.celsius_per_hour.map_or(-1.0, f64::abs);
    rows.sort_by(|one, other| speed(other).total_cmp(&speed(one)));
    let text = match &rows[..] {
        [] => headline(english::NO_FRIDGES, view),
        [only] => {
            headline(&english::trend_of_one(&escape(&only.name), &words(only, view), only.minutes), view)
        }
        [fastest, ..] => {
            let line = match fastest.celsius_per_hour {
                Some(_) => english::trend_of_many(&escape(&fastest.name), &words(fastest, view)),
                None => english::NO_TRENDS.to_owned(),
            };
            let mut table = Table::new([english::FRIDGE, english::TREND, english::OVER], [false, true, true]);
            for row in &rows {
                table.push([escape(&row.name), words(row, view), english::minutes(row.minutes)]);
            }
            table.below(headline(&line, view), english::more)
        }
    };
    (text, Mood::Neutral, Data::Trends(rows))
}

fn words(row: &Row, view: &View<'_>) -> String {
    row.celsius_per_hour
        .map_or_else(|| english::NO_TREND.to_owned(), |speed| english::trend(speed, view.units))
}

fn row(fridge: &Fridge, view: &View<'_>) -> Row {
    let minutes = view.gateway.history.minutes(fridge.probe, &view.now, MINUTES);
    let (speed, minutes) = slope(&minutes);
    Row { name: fridge.name.clone(), celsius_per_hour: speed.map(|speed| speed * 60.0), minutes }
}

/// The slope of the line of least squares through the minutes' middles, in degrees per minute, and the
/// minutes from the first value to the last.
fn slope(minutes: &[Option<Minute>]) -> (Option<f64>, usize) {
    let points: Vec<(f64, f64)> = minutes
        .iter()
        .enumerate()
        .filter_map(|(index, minute)| minute.map(|minute| (index as f64, minute.middle())))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return (None, 0) };
    let span = (last.0 - first.0) as usize;
    if span < FEWEST_MINUTES {
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
        let (speed, span) = slope(&minutes(&line));
        assert!((speed.unwrap() - 0.0625).abs() < 1e-9);
        assert_eq!(span, 58, "the last minute is one of those that are missing");
    }

    #[test]
    fn too_few_minutes_have_none() {
        assert_eq!(slope(&[]), (None, 0));
        assert_eq!(slope(&minutes(&[None, Some(4.0), Some(5.0), None, Some(6.0)])), (None, 3));
    }
}
