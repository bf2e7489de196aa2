//! `minmax`: the lowest and highest values of today, of yesterday, or of the last 24 hours.

use serde::Serialize;

use super::english::{self, Period};
use super::markdown::{Table, escape};
use super::{Data, Mood, Said, View, headline, selection};
use crate::fridge::Fridge;
use crate::history::MINUTES;
use crate::reading::Celsius;

/// The extremes of one fridge.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// The lowest value in °C; `None` where there is none in that time.
    pub min: Option<Celsius>,
    /// The highest value in °C.
    pub max: Option<Celsius>,
}

/// The extremes of the fridges that are meant, in the order of the configuration. The period may stand
/// at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Said {
    let (typed, period) = match typed.rsplit_once(' ').unwrap_or(("", typed)) {
        (rest, last) if Period::of(last).is_some() => (rest, Period::of(last).unwrap_or_default()),
        _ => (typed, Period::default()),
    };
    let fridges = match selection::clear(typed, view) {
        Ok(fridges) => fridges,
        Err(said) => return said,
    };
    let rows: Vec<Row> = fridges.iter().map(|fridge| row(fridge, period, view)).collect();
    let said = |celsius: Option<Celsius>| {
        celsius.map_or_else(
            || english::NO_VALUES.to_owned(),
            |celsius| english::temperature(celsius, view.units),
        )
    };
    let mut table = Table::new([english::FRIDGE, english::LOWEST, english::HIGHEST], [false, true, true]);
    for row in &rows {
        table.push([escape(&row.name), said(row.min), said(row.max)]);
    }
    let text = if rows.is_empty() {
        headline(english::NO_FRIDGES, view)
    } else {
        table.below(headline(english::extremes_of(period), view), english::more)
    };
    (text, Mood::Neutral, Data::Extremes(rows))
}

fn row(fridge: &Fridge, period: Period, view: &View<'_>) -> Row {
    let state = view.snapshot.probe(fridge.probe).map(|(_, state)| state);
    let today = view.gateway.cache.local(&view.now).date();
    let days = || state.into_iter().flat_map(|state| [state.day, state.day_before]).flatten();
    let extremes = match period {
        Period::Today => days().find(|day| day.date == today).map(|day| (day.min, day.max)),
        Period::Yesterday => days()
            .find(|day| day.date.tomorrow().is_ok_and(|next| next == today))
            .map(|day| (day.min, day.max)),
        Period::Last24Hours => {
            let minutes = view.gateway.history.minutes(fridge.probe, &view.now, MINUTES);
            let known = minutes.into_iter().flatten().map(|minute| (minute.min, minute.max));
            known.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        }
    };
    Row { name: fridge.name.clone(), min: extremes.map(|(min, _)| min), max: extremes.map(|(_, max)| max) }
}
