//! `minmax`: the lowest and highest values of today, of yesterday, or of the last 24 hours, from memory; and of any other
//! time, from the disk.

use std::time::Duration;

use jiff::Timestamp;

use super::data::ExtremesRow;
use super::{Answer, Data, View, asked, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::Fridge;
use crate::history::{MINUTES, Period, extremes, period};
use crate::reading::Celsius;
use crate::state::Day;
use crate::text::{self, minmax, past};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A time that is answered from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recent {
    Today,
    Yesterday,
    Last24Hours,
}

impl Recent {
    /// When it begins.
    fn begin(self, view: &View<'_>) -> Timestamp {
        let now = view.snapshot.local(&view.now);
        let midnight = |date: Option<jiff::civil::Date>| {
            let midnight = date.and_then(|date| date.to_zoned_datetime(now.time_zone().clone()).ok());
            midnight.map_or(view.now.wall, |midnight| midnight.timestamp())
        };
        match self {
            Recent::Today => midnight(Some(now.date())),
            Recent::Yesterday => midnight(now.date().yesterday().ok()),
            Recent::Last24Hours => view.now.wall.checked_sub(DAY).unwrap_or(view.now.wall),
        }
    }

    fn headline(self) -> &'static str {
        match self {
            Recent::Today => minmax::TODAY,
            Recent::Yesterday => minmax::YESTERDAY,
            Recent::Last24Hours => minmax::LAST_24_HOURS,
        }
    }
}

/// The extremes of the fridges that are meant, in the order of the configuration. The time may stand at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let (typed, period) = asked::about(typed, view);
    let recent = match period.as_ref().map(|period| period.kind) {
        None | Some(period::Kind::Today) => Some(Recent::Today),
        Some(period::Kind::Yesterday) => Some(Recent::Yesterday),
        Some(period::Kind::LastDay) => Some(Recent::Last24Hours),
        Some(period::Kind::Other) => None,
    };
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    if fridges.is_empty() {
        return Answer::new(doc(Text::sentence(text::NO_FRIDGES), view), Data::Extremes(Vec::new()));
    }
    match (recent, period) {
        (None, Some(period)) => of_period(&fridges, &period, view),
        (recent, _) => of_memory(&fridges, recent.unwrap_or(Recent::Today), view),
    }
}

fn of_memory(fridges: &[&Fridge], recent: Recent, view: &View<'_>) -> Answer {
    let begin = recent.begin(view);
    let started = view.snapshot.started.wall;
    let rows: Vec<ExtremesRow> = fridges.iter().map(|fridge| row(fridge, recent, begin, view)).collect();
    let doc = doc(recent.headline(), view).with(Block::Table(table(&rows, view)));
    // What was kept before the start counts as well; without any, nothing is known from before.
    let doc = if rows.iter().any(|row| row.since > begin && row.since == started) {
        let since = view.snapshot.local(&view.snapshot.started).datetime();
        doc.with(Block::Line(minmax::counted_since(since, view.snapshot.local(&view.now).date()).into()))
    } else {
        doc
    };
    Answer::new(doc, Data::Extremes(rows))
}

fn of_period(fridges: &[&Fridge], period: &Period, view: &View<'_>) -> Answer {
    let ids = asked::ids(fridges);
    let found = asked::of_past(view, |past| extremes(past, &ids, period.from, period.to));
    let found = match found {
        Ok(found) => found,
        Err(why) => return asked::unreadable(&why, view),
    };
    let rows: Vec<ExtremesRow> = fridges
        .iter()
        .zip(&found)
        .map(|(fridge, found)| ExtremesRow {
            name: fridge.name.clone(),
            min: found.min(),
            max: found.max(),
            since: period.from,
            until: Some(period.to),
        })
        .collect();
    let doc = doc(past::extremes_of(&period.name), view).with(Block::Table(table(&rows, view)));
    Answer::new(doc, Data::Extremes(rows))
}

fn table(rows: &[ExtremesRow], view: &View<'_>) -> Table {
    let value = |celsius: Option<Celsius>| match celsius {
        Some(celsius) => Text::from(text::temperature(celsius, view.units)),
        None => text::NO_VALUES.into(),
    };
    let columns = [(text::FRIDGE, false), (minmax::LOWEST, true), (minmax::HIGHEST, true)];
    let mut table = Table::new(columns, text::more);
    for row in rows {
        table.push([Text::name(&row.name), value(row.min), value(row.max)]);
    }
    table
}

fn row(fridge: &Fridge, recent: Recent, begin: Timestamp, view: &View<'_>) -> ExtremesRow {
    let state = view.snapshot.probe(fridge.probe).map(|(_, state)| state);
    let today = view.snapshot.local(&view.now).date();
    let days = || state.into_iter().flat_map(|state| [state.day, state.day_before]).flatten();
    let is_yesterday = |day: &Day| day.date.tomorrow().is_ok_and(|next| next == today);
    let extremes = match recent {
        Recent::Today => days().find(|day| day.date == today).map(|day| (day.min, day.max)),
        Recent::Yesterday => days().find(is_yesterday).map(|day| (day.min, day.max)),
        Recent::Last24Hours => {
            let minutes = view.history.minutes(fridge.probe, &view.now, MINUTES);
            let known = minutes.into_iter().flatten().map(|minute| (minute.min, minute.max));
            known.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        }
    };
    let (min, max) = (extremes.map(|(min, _)| min), extremes.map(|(_, max)| max));
    let started = view.snapshot.started.wall;
    let is_restored = days().any(|day| day.since.wall < started);
    let since = if is_restored { begin } else { begin.max(started) };
    ExtremesRow { name: fridge.name.clone(), min, max, since, until: None }
}
