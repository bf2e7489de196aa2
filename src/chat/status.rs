//! `status`: how the fridges are, the worst first; or one of them in detail.

use std::cmp::Reverse;
use std::time::Duration;

use serde::Serialize;

use super::english::{self, Summary};
use super::markdown::{POST_CHARACTERS, Table, escape};
use super::{Data, View, headline, names};
use crate::cache::{BusState, Day, ProbeState};
use crate::fridge::{Fridge, Limits, Verdict};
use crate::reading::{Celsius, Fault, ProbeId, Reading};

/// How many of the fridges that need a look the verdict line names: it is a phone's notification.
const NAMED_IN_VERDICT: usize = 3;
/// Room kept below a table for the line that counts what was left out.
const CLOSING_ROOM: usize = 120;

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

/// Whether the words name a fridge, or a part of one's name.
pub fn names_a_fridge(words: &str, view: &View<'_>) -> bool {
    !names::matching(words, view.fridges.iter().map(|fridge| fridge.name.as_str())).is_empty()
}

/// All fridges where `typed` is empty; else the ones whose names it is a part of: a single one in
/// detail, several as a table.
pub fn answer(typed: &str, view: &View<'_>) -> (String, Data) {
    if view.fridges.is_empty() {
        return (headline(english::NO_FRIDGES, view), Data::Fridges(Vec::new()));
    }
    let typed = typed.trim();
    if typed.is_empty() {
        return overview(view.fridges.iter(), view);
    }
    let fridge_names = || view.fridges.iter().map(|fridge| fridge.name.as_str());
    let matching = names::matching(typed, fridge_names());
    match matching[..] {
        [] => {
            let nearest = names::nearest(typed, fridge_names());
            let text = english::unknown_fridge(nearest.map(escape).as_deref(), &some_names(view));
            (text, Data::Unknown { nearest: nearest.map(str::to_owned) })
        }
        [only] => detail(&view.fridges[only], view),
        _ => overview(matching.iter().map(|&index| &view.fridges[index]), view),
    }
}

/// The first fridges' names, as many as a line holds.
fn some_names(view: &View<'_>) -> String {
    const SHOWN: usize = 12;
    let mut some: Vec<String> = view.fridges.iter().take(SHOWN).map(|fridge| escape(&fridge.name)).collect();
    if view.fridges.len() > SHOWN {
        some.push(String::from("…"));
    }
    some.join(", ")
}

fn overview<'a>(fridges: impl Iterator<Item = &'a Fridge>, view: &View<'_>) -> (String, Data) {
    let mut rows: Vec<Row> = fridges.map(|fridge| row(fridge, view)).collect();
    rows.sort_by_key(|row| (row.verdict, Reverse(badness(row))));

    let needing: Vec<&Row> = rows.iter().filter(|row| row.verdict.needs_a_look()).collect();
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let out_of_service = count(Verdict::OutOfService);
    let summary = Summary {
        counted: rows.len() - out_of_service,
        needing: needing.len(),
        first: &needing.iter().take(NAMED_IN_VERDICT).map(|row| in_few_words(row)).collect::<Vec<_>>(),
        pending: count(Verdict::Pending),
        out_of_service,
        oldest: rows.iter().filter_map(fresh_age).max(),
        up: view.now.since(&view.snapshot.started),
    };
    let mut text = headline(&summary.line(), view);
    text.push_str("\n\n");

    let mut table = Table::new(["Fridge", "Now", "Limits"], [false, true, false]);
    for row in &rows {
        table.push([escape(&row.name), cell(row), english::limits(&row.limits)]);
    }
    let (table, shown) = table.render(POST_CHARACTERS.saturating_sub(text.chars().count() + CLOSING_ROOM));
    text.push_str(&table);
    if let [_, ..] = rows[shown..] {
        let needing = rows[shown..].iter().filter(|row| row.verdict.needs_a_look()).count();
        text.push_str(&format!("\n\n{}", english::left_out(rows.len() - shown, needing)));
    }
    (text, Data::Fridges(rows))
}

fn detail(fridge: &Fridge, view: &View<'_>) -> (String, Data) {
    let row = row(fridge, view);
    let known = view.snapshot.probe(fridge.probe);
    let line = match row.verdict {
        Verdict::InRange => {
            format!("{}: {}, {}", escape(&row.name), cell(&row), english::verdict(row.verdict))
        }
        Verdict::OutOfService => format!("{}: {}", escape(&row.name), english::verdict(row.verdict)),
        _ => in_few_words(&row),
    };
    let mut text = headline(&line, view);
    text.push_str("\n\n");
    let mut table = Table::new(["", ""], [false, false]);
    let mut line = |head: &str, value: String| table.push([head.to_owned(), value]);
    line(english::NOW, now_and_age(&row));
    line(english::LIMITS, english::limits(&row.limits));
    if let Some(day) = row.today {
        let since = view.cache.local(&day.since).time();
        line(english::TODAY, english::today(&day, since));
    }
    if let Some((_, state)) = known {
        line(english::LAST_FAULT, last_fault(state, view));
    }
    if let (Some(celsius), Some(age)) = (row.last_good, row.last_good_age_s) {
        line(english::LAST_GOOD, english::old(celsius, Duration::from_secs(age)));
    }
    line(english::PROBE, probe_and_bus(fridge.probe, known));
    if let Some(group) = &fridge.group {
        line(english::GROUP, escape(group));
    }
    let (table, _) = table.render(POST_CHARACTERS.saturating_sub(text.chars().count()));
    text.push_str(&table);
    (text, Data::Fridges(vec![row]))
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
    let today = view.cache.local(&view.now).date();
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

fn fresh_age(row: &Row) -> Option<Duration> {
    match row.reading {
        Reading::Fresh { age, .. } if row.verdict != Verdict::OutOfService => Some(age),
        _ => None,
    }
}

/// "Freezer 1 −11.2 °C (limit −15 °C)", "Milk: no answer from the probe for 3 min".
fn in_few_words(row: &Row) -> String {
    let name = escape(&row.name);
    match (row.reading, english::crossed(&row.limits, row.verdict)) {
        (Reading::Fresh { celsius, .. }, Some(limit)) => {
            format!("{name} {} ({limit})", english::temperature(celsius))
        }
        _ => format!("{name}: {}", value(row)),
    }
}

fn value(row: &Row) -> String {
    match row.reading {
        Reading::Fresh { celsius, .. } => english::temperature(celsius),
        Reading::Stale { age, .. } => english::stale(age),
        Reading::Fault { fault, lasts } => english::without_value(fault, lasts),
    }
}

/// The middle column. Only a fridge that is out of limits is set in bold: the eye goes there first.
fn cell(row: &Row) -> String {
    match row.verdict {
        Verdict::OutOfService => english::verdict(row.verdict).to_owned(),
        Verdict::Warm | Verdict::Cold => format!("**{}**", value(row)),
        _ => value(row),
    }
}

fn now_and_age(row: &Row) -> String {
    let now = match row.reading {
        Reading::Fresh { celsius, age } => english::with_age(celsius, age),
        _ => value(row),
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
