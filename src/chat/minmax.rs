//! `minmax`: the lowest and highest values of today, of yesterday, or of the last 24 hours.

use std::time::Duration;

use jiff::Timestamp;

use super::data::ExtremesRow;
use super::{Answer, Data, View, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::Fridge;
use crate::history::MINUTES;
use crate::reading::Celsius;
use crate::text::{self, minmax};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A time over which lowest and highest values are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Today,
    Yesterday,
    Last24Hours,
}

impl Period {
    /// The period of a word.
    fn of(word: &str) -> Option<Period> {
        match word.to_lowercase().as_str() {
            "today" => Some(Period::Today),
            "yesterday" => Some(Period::Yesterday),
            "24h" | "day" => Some(Period::Last24Hours),
            _ => None,
        }
    }

    /// Since when its values count, and whether that is later than it began: nothing is known from before the start.
    fn since(self, view: &View<'_>) -> (Timestamp, bool) {
        let now = view.snapshot.local(&view.now);
        let midnight = |date: Option<jiff::civil::Date>| {
            let midnight = date.and_then(|date| date.to_zoned_datetime(now.time_zone().clone()).ok());
            midnight.map_or(view.now.wall, |midnight| midnight.timestamp())
        };
        let begins = match self {
            Period::Today => midnight(Some(now.date())),
            Period::Yesterday => midnight(now.date().yesterday().ok()),
            Period::Last24Hours => view.now.wall.checked_sub(DAY).unwrap_or(view.now.wall),
        };
        let started = view.snapshot.started.wall;
        (begins.max(started), started > begins)
    }

    fn headline(self) -> &'static str {
        match self {
            Period::Today => minmax::TODAY,
            Period::Yesterday => minmax::YESTERDAY,
            Period::Last24Hours => minmax::LAST_24_HOURS,
        }
    }
}

/// The extremes of the fridges that are meant, in the order of the configuration. The period may stand
/// at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let (rest, last) = typed.rsplit_once(' ').unwrap_or(("", typed));
    let (typed, period) = match Period::of(last) {
        Some(period) => (rest, period),
        None => (typed, Period::Today),
    };
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let (since, is_cut) = period.since(view);
    let row = |fridge: &&Fridge| row(fridge, period, since, view);
    let rows: Vec<ExtremesRow> = fridges.iter().map(row).collect();
    if rows.is_empty() {
        return Answer::new(doc(Text::sentence(text::NO_FRIDGES), view), Data::Extremes(rows));
    }
    let value = |celsius: Option<Celsius>| match celsius {
        Some(celsius) => Text::from(text::temperature(celsius, view.units)),
        None => text::NO_VALUES.into(),
    };
    let columns = [(text::FRIDGE, false), (minmax::LOWEST, true), (minmax::HIGHEST, true)];
    let mut table = Table::new(columns, text::more);
    for row in &rows {
        table.push([Text::name(&row.name), value(row.min), value(row.max)]);
    }
    let doc = doc(period.headline(), view).with(Block::Table(table));
    let doc = if is_cut {
        let since = view.snapshot.local(&view.snapshot.started).datetime();
        doc.with(Block::Line(
            text::minmax::counted_since(since, view.snapshot.local(&view.now).date()).into(),
        ))
    } else {
        doc
    };
    Answer::new(doc, Data::Extremes(rows))
}

fn row(fridge: &Fridge, period: Period, since: Timestamp, view: &View<'_>) -> ExtremesRow {
    let state = view.snapshot.probe(fridge.probe).map(|(_, state)| state);
    let today = view.snapshot.local(&view.now).date();
    let days = || state.into_iter().flat_map(|state| [state.day, state.day_before]).flatten();
    let extremes = match period {
        Period::Today => days().find(|day| day.date == today).map(|day| (day.min, day.max)),
        Period::Yesterday => days()
            .find(|day| day.date.tomorrow().is_ok_and(|next| next == today))
            .map(|day| (day.min, day.max)),
        Period::Last24Hours => {
            let minutes = view.history.minutes(fridge.probe, &view.now, MINUTES);
            let known = minutes.into_iter().flatten().map(|minute| (minute.min, minute.max));
            known.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        }
    };
    let (min, max) = (extremes.map(|(min, _)| min), extremes.map(|(_, max)| max));
    ExtremesRow { name: fridge.name.clone(), min, max, since }
}
