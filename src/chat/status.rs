//! `status`: how the fridges are, the worst first; or one of them in detail.

use std::cmp::Reverse;
use std::time::Duration;

use serde::Serialize;

use super::english::{self, Summary};
use super::markdown::{POST_CHARACTERS, Table, escape};
use super::selection::{self, Selection};
use super::{Data, Mood, Said, Units, View, headline};
use crate::cache::{BusState, Day, ProbeState};
use crate::fridge::{Fridge, Limits, Verdict};
use crate::reading::{Celsius, Fault, ProbeId, Reading};

/// How many of the fridges that need a look the verdict line names: it is a phone's notification.
const NAMED_IN_VERDICT: usize = 3;

/// How one fridge is.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// Which others it belongs with.
    pub group: Option<String>,
    /// The probe in it.
    pub probe: ProbeId,
    /// How it is.
    pub verdict: Verdict,
    /// Its temperature in °C; `None` unless it is fresh.
    pub celsius: Option<Celsius>,
    /// The age of that temperature in seconds.
    pub age_s: Option<u64>,
    /// Why there is none.
    pub fault: Option<Fault>,
    /// For how many seconds there has been none.
    pub lasts_s: Option<u64>,
    /// What it may have.
    pub limits: Limits,
    /// The last good value in °C, where it is not the present one.
    pub last_good: Option<Celsius>,
    /// The age of the last good value in seconds.
    pub last_good_age_s: Option<u64>,
    /// The lowest and highest value of today.
    pub today: Option<Day>,
    #[serde(skip)]
    reading: Reading,
}

/// All fridges where nothing was typed; else the one that is meant in detail, or the several as a table.
pub fn answer(typed: &str, view: &View<'_>) -> Said {
    match selection::select(typed, view) {
        _ if view.fridges.is_empty() => {
            (headline(english::NO_FRIDGES, view), Mood::Neutral, Data::Fridges(Vec::new()))
        }
        Selection::All(fridges) | Selection::Group(fridges) => overview(&fridges, view),
        Selection::One(fridge) => detail(fridge, view),
        Selection::Several(fridges) => {
            let (text, mood, data) = overview(&fridges, view);
            (format!("{text}\n\n{}", english::MORE_OF_THE_NAME), mood, data)
        }
        Selection::None(nearest) => selection::unknown(nearest, view),
    }
}

/// The question that makes the answer to `typed` anew; `None` where several parts of names did.
pub fn again(typed: &str, view: &View<'_>) -> Option<String> {
    let units = match view.units {
        units if units == view.gateway.units => "",
        Units::Celsius => " in C",
        Units::Fahrenheit => " in F",
    };
    match selection::select(typed, view) {
        Selection::All(_) => Some(format!("status{units}")),
        Selection::One(fridge) => Some(format!("status {}{units}", fridge.probe)),
        Selection::Group(fridges) => Some(format!("status {}{units}", fridges.first()?.group.as_ref()?)),
        Selection::Several(_) | Selection::None(_) => None,
    }
}

/// The fridge that needs a look most; where none does, the one nearest to a limit.
pub fn worst(view: &View<'_>) -> Said {
    let in_service = view.fridges.iter().filter(|fridge| !fridge.out_of_service);
    let worst = in_service.min_by_key(|fridge| {
        let row = row(fridge, view);
        (row.verdict, Reverse(badness(&row)), slack(&row))
    });
    match worst {
        Some(fridge) => detail(fridge, view),
        None => answer("", view),
    }
}

fn overview(fridges: &[&Fridge], view: &View<'_>) -> Said {
    let mut rows: Vec<Row> = fridges.iter().map(|fridge| row(fridge, view)).collect();
    rows.sort_by_key(|row| (row.verdict, Reverse(badness(row))));

    let needing: Vec<&Row> = rows.iter().filter(|row| row.verdict.needs_a_look()).collect();
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let out_of_service = count(Verdict::OutOfService);
    let summary = Summary {
        counted: rows.len() - out_of_service,
        needing: needing.len(),
        first: &needing.iter().take(NAMED_IN_VERDICT).map(|row| in_few_words(row, view)).collect::<Vec<_>>(),
        pending: count(Verdict::Pending),
        out_of_service,
        oldest: rows.iter().filter_map(fresh_age).max(),
        up: view.now.since(&view.snapshot.started),
    };
    let mut table = Table::new([english::FRIDGE, english::NOW, english::LIMITS], [false, true, false]);
    for row in &rows {
        table.push([escape(&row.name), cell(row, view), english::limits(&row.limits, view.units)]);
    }
    let text = table.below(headline(&summary.line(), view), |left_out| {
        let last = &rows[rows.len() - left_out..];
        english::left_out(left_out, last.iter().filter(|row| row.verdict.needs_a_look()).count())
    });
    (text, mood(&rows), Data::Fridges(rows))
}

/// The mood of the worst of these rows, which are sorted.
fn mood(rows: &[Row]) -> Mood {
    Mood::of(rows.first().map(|row| row.verdict))
}

fn detail(fridge: &Fridge, view: &View<'_>) -> Said {
    let row = row(fridge, view);
    let known = view.snapshot.probe(fridge.probe);
    let name = escape(&row.name);
    let line = match row.verdict {
        Verdict::InRange => format!("{name}: {}, {}", cell(&row, view), english::verdict(row.verdict)),
        Verdict::OutOfService => format!("{name}: {}", english::verdict(row.verdict)),
        _ => in_few_words(&row, view),
    };
    let mut text = headline(&line, view);
    text.push_str("\n\n");
    let mut table = Table::new(["", ""], [false, false]);
    let mut line = |head: &str, value: String| table.push([head.to_owned(), value]);
    line(english::NOW, now_and_age(&row, view));
    line(english::LIMITS, english::limits(&row.limits, view.units));
    if let Some(day) = row.today {
        let since = view.gateway.cache.local(&day.since).time();
        line(english::TODAY, english::today(&day, since, view.units));
    }
    if let Some((_, state)) = known {
        line(english::LAST_FAULT, last_fault(state, view));
    }
    if let (Some(celsius), Some(age)) = (row.last_good, row.last_good_age_s) {
        line(english::LAST_GOOD, english::old(celsius, Duration::from_secs(age), view.units));
    }
    line(english::PROBE, probe_and_bus(fridge.probe, known));
    if let Some(group) = &fridge.group {
        line(english::GROUP, escape(group));
    }
    let (table, _) = table.render(POST_CHARACTERS.saturating_sub(text.chars().count()));
    text.push_str(&table);
    (text, Mood::of(Some(row.verdict)), Data::Fridges(vec![row]))
}

fn row(fridge: &Fridge, view: &View<'_>) -> Row {
    let reading = view.snapshot.reading(fridge.probe, &view.now);
    let state = view.snapshot.probe(fridge.probe).map(|(_, state)| state);
    let (celsius, age, fault, lasts) = match reading {
        Reading::Fresh { celsius, age } => (Some(celsius), Some(age), None, None),
        Reading::Stale { age, .. } => (None, None, None, Some(age)),
        Reading::Fault { fault, lasts } => (None, None, Some(fault), Some(lasts)),
    };
    let last_good = state.and_then(|state| state.last_good).filter(|_| celsius.is_none());
    let today = view.gateway.cache.local(&view.now).date();
    Row {
        name: fridge.name.clone(),
        group: fridge.group.clone(),
        probe: fridge.probe,
        verdict: fridge.judge(&reading),
        celsius,
        age_s: age.map(|age| age.as_secs()),
        fault,
        lasts_s: lasts.map(|lasts| lasts.as_secs()),
        limits: fridge.limits,
        last_good: last_good.map(|(celsius, _)| celsius),
        last_good_age_s: last_good.map(|(_, at)| view.now.since(&at).as_secs()),
        today: state.and_then(|state| state.day).filter(|day| day.date == today),
        reading,
    }
}

/// How far a fridge is outside its limits, in sixteenths of a degree; for one without a value, for
/// how many seconds. It orders fridges of one verdict.
fn badness(row: &Row) -> u64 {
    match (row.celsius, row.verdict) {
        (Some(celsius), Verdict::Warm) => row.limits.max.map_or(0, |max| celsius.distance(max).into()),
        (Some(celsius), Verdict::Cold) => row.limits.min.map_or(0, |min| celsius.distance(min).into()),
        _ => row.lasts_s.unwrap_or(0),
    }
}

/// How far a fridge in range is from its nearer limit, in sixteenths of a degree.
fn slack(row: &Row) -> u16 {
    let limits = [row.limits.min, row.limits.max].into_iter().flatten();
    row.celsius.and_then(|celsius| limits.map(|limit| celsius.distance(limit)).min()).unwrap_or(u16::MAX)
}

fn fresh_age(row: &Row) -> Option<Duration> {
    match row.reading {
        Reading::Fresh { age, .. } if row.verdict != Verdict::OutOfService => Some(age),
        _ => None,
    }
}

/// "Freezer 1 −11.2 °C (limit −15 °C)", "Milk: no answer from the probe for 3 min".
fn in_few_words(row: &Row, view: &View<'_>) -> String {
    let name = escape(&row.name);
    match (row.reading, english::crossed(&row.limits, row.verdict, view.units)) {
        (Reading::Fresh { celsius, .. }, Some(limit)) => {
            format!("{name} {} ({limit})", english::temperature(celsius, view.units))
        }
        _ => format!("{name}: {}", english::reading(&row.reading, view.units)),
    }
}

/// The middle column. Only a fridge that is out of limits is set in bold: the eye goes there first.
fn cell(row: &Row, view: &View<'_>) -> String {
    let value = english::reading(&row.reading, view.units);
    match row.verdict {
        Verdict::OutOfService => english::verdict(row.verdict).to_owned(),
        Verdict::Warm | Verdict::Cold => format!("**{value}**"),
        _ => value,
    }
}

fn now_and_age(row: &Row, view: &View<'_>) -> String {
    let now = match row.reading {
        Reading::Fresh { celsius, age } => english::with_age(celsius, age, view.units),
        other => english::reading(&other, view.units),
    };
    match row.verdict {
        Verdict::OutOfService => format!("{now} ({})", english::verdict(row.verdict)),
        _ => now,
    }
}

fn last_fault(state: &ProbeState, view: &View<'_>) -> String {
    match state.last_fault {
        None => english::NO_FAULT.to_owned(),
        Some((fault, _, last)) => {
            let times = state.faults.values().sum();
            english::last_fault(fault, view.now.since(&last), times)
        }
    }
}

fn probe_and_bus(probe: ProbeId, known: Option<(&BusState, &ProbeState)>) -> String {
    match known {
        Some((bus, _)) => format!("`{probe}`, {}", escape(&bus.name)),
        None => format!("`{probe}`"),
    }
}
