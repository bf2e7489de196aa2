//! `status`: how the fridges are, the worst first; or one of them in detail.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::civil::Date;

use super::data::{FridgeRow, FridgeRows};
use super::selection::{self, Selection};
use super::{Answer, Data, Severity, View, alarms, doc, trend};
use crate::doc::{Block, Doc, Row, Table, Text};
use crate::fridge::{Excursion, Fridge, Verdict};
use crate::reading::{ProbeId, Reading};
use crate::state::{BusState, ProbeState};
use crate::text::status::{self, Summary};
use crate::text::{self, Units};

/// How many of the fridges that need a look the headline names: it is a phone's notification.
const NAMED_IN_HEADLINE: usize = 3;

/// So many fridges are listed.
const MOST_LISTED: usize = 1_000;

/// How one fridge is, and the reading behind that.
struct Judged<'a> {
    fridge: &'a Fridge,
    verdict: Verdict,
    reading: Reading,
}

/// All fridges where nothing was typed; else the one that is meant in detail, or the several as a table.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let selected = selection::resolve(typed, view);
    if view.fridges.is_empty() {
        return Answer::new(
            doc(Text::sentence(text::NO_FRIDGES), view),
            Data::Fridges(FridgeRows::default()),
        );
    }
    let again = again(typed, &selected, view);
    let answer = match selected {
        Selection::All(fridges) | Selection::Group(fridges) => overview(&fridges, view),
        Selection::One(fridge) => detail(fridge, view),
        Selection::Several(fridges) => {
            let answer = overview(&fridges, view);
            let doc = answer.doc.with(Block::Line(status::MORE_OF_THE_NAME.into()));
            Answer { doc, ..answer }
        }
        Selection::None(nearest) => selection::unknown(nearest, view),
    };
    Answer { again, ..answer }
}

/// The question that repeats the answer; `None` where the asker named several parts.
fn again(typed: &str, selected: &Selection<'_>, view: &View<'_>) -> Option<String> {
    let units = match view.units {
        units if units == view.site_units => "",
        Units::Celsius => " in C",
        Units::Fahrenheit => " in F",
    };
    match selected {
        Selection::All(_) => Some(format!("status{units}")),
        Selection::One(fridge) => Some(format!("status {}{units}", fridge.probe)),
        Selection::Group(fridges) => {
            let first = fridges.first()?;
            let site = first.site.as_deref().filter(|_| selection::has_site(typed));
            let of_site =
                |fridges: &[&Fridge]| fridges.iter().filter(|fridge| fridge.site.as_deref() == site).count();
            match site {
                Some(site) if of_site(fridges) == of_site(&view.fridges) => {
                    Some(format!("status site:{site}{units}"))
                }
                Some(site) => Some(format!("status site:{site} {}{units}", first.group.as_ref()?)),
                None => Some(format!("status {}{units}", first.group.as_ref()?)),
            }
        }
        Selection::Several(_) | Selection::None(_) => None,
    }
}

/// The fridge that needs a look most; where none does, the one nearest to a limit.
pub fn worst(view: &View<'_>) -> Answer {
    let in_service = view.fridges.iter().filter(|fridge| !fridge.out_of_service);
    let worst = in_service.min_by_key(|fridge| {
        let judged = judge(fridge, view);
        (judged.verdict, Reverse(badness(&judged)), slack(&judged))
    });
    match worst {
        Some(fridge) => detail(fridge, view),
        None => Answer { again: None, ..answer("", view) },
    }
}

fn overview(fridges: &[&Fridge], view: &View<'_>) -> Answer {
    let mut all: Vec<Judged<'_>> = fridges.iter().map(|fridge| judge(fridge, view)).collect();
    all.sort_by_cached_key(|it| (it.verdict, Reverse(badness(it))));

    let needing = || all.iter().filter(|it| it.verdict.needs_a_look());
    let count = |verdict| all.iter().filter(|it| it.verdict == verdict).count();
    let out_of_service = count(Verdict::OutOfService);
    let summary = Summary {
        counted: all.len() - out_of_service,
        needing: needing().count(),
        first: needing().take(NAMED_IN_HEADLINE).map(|it| in_few_words(it, view)).collect(),
        pending: count(Verdict::Pending),
        without_limits: count(Verdict::NoLimits),
        out_of_service,
        is_only: all.len() == 1 && view.fridges.len() == 1,
        oldest: all.iter().filter_map(fresh_age).max(),
        up: view.now.since(&view.snapshot.started),
    };
    let columns = [(text::FRIDGE, false), (text::NOW, true), (status::LIMITS, false)];
    let mut table = Table::new(columns, status::left_out);
    table.rows = all
        .iter()
        .take(MOST_LISTED)
        .map(|it| Row {
            cells: vec![
                Text::name(&it.fridge.name),
                cell(it, view),
                text::limits(&it.fridge.limits, view.units).into(),
            ],
            needs_a_look: it.verdict.needs_a_look(),
        })
        .collect();
    let unlisted = all.len().saturating_sub(MOST_LISTED);
    let unlisted_needing = needing().count().saturating_sub(MOST_LISTED);
    let open = alarms::of(fridges, view);
    let doc = doc(summary.line(), view);
    let doc = if open.is_empty() { doc } else { doc.with(Block::List(open)) };
    let doc = doc.with(Block::Table(table));
    let doc = match unlisted {
        0 => doc,
        _ => doc.with(Block::Line(status::unlisted(unlisted, unlisted_needing).into())),
    };
    // They are sorted, the worst first.
    let severity = Severity::of(all.first().map(|it| it.verdict));
    let rows = FridgeRows::new(all.iter().map(|it| it.fridge), view);
    Answer { severity, ..Answer::new(doc, Data::Fridges(rows)) }
}

fn detail(fridge: &Fridge, view: &View<'_>) -> Answer {
    let judged = judge(fridge, view);
    let row = &FridgeRow::new(fridge, &view.snapshot, &view.now);
    let known = view.snapshot.probe(fridge.probe);
    let name = Text::name(&row.name);
    let line = match row.verdict {
        Verdict::InRange => {
            name.and(": ").and(cell(&judged, view)).and(", ").and(status::verdict(row.verdict))
        }
        Verdict::NoLimits => {
            name.and(": ").and(cell(&judged, view)).and(", ").and(status::verdict(row.verdict))
        }
        Verdict::OutOfService => name.and(": ").and(status::verdict(row.verdict)),
        _ => in_few_words(&judged, view),
    };
    let mut table = Table::new([("", false), ("", false)], text::more);
    let mut line_of = |head: &'static str, value: Text| table.push([head.into(), value]);
    line_of(text::NOW, now_and_age(&judged, view));
    line_of(status::LIMITS, text::limits(&row.limits, view.units).into());
    if let (Verdict::Warm | Verdict::Cold, Some(excursion)) = (row.verdict, excursion(fridge, view)) {
        line_of(status::OUTSIDE, outside(excursion, view).into());
    }
    if let Some(day) = row.today {
        let since = view.snapshot.local(&day.since).time();
        line_of(status::TODAY, status::today(&day, since, view.units).into());
    }
    if let (Verdict::InRange, Some(time)) = (row.verdict, trend::time_to_limit(fridge, view)) {
        line_of(status::AT_THIS_RATE, status::time_to_limit(time).into());
    }
    if let Some(used) = &row.exposure {
        line_of(status::TIME_OUTSIDE, text::exposure::within(used, view.units).into());
    }
    if let Some((_, state)) = known {
        line_of(status::LAST_FAULT, last_fault(state, view));
    }
    if let (Some(celsius), Some(age)) = (row.last_good, row.last_good_age_s) {
        line_of(status::LAST_GOOD, status::old(celsius, Duration::from_secs(age), view.units));
    }
    line_of(text::PROBE, probe_and_bus(fridge.probe, known));
    if let Some(group) = &fridge.group {
        line_of(status::GROUP, Text::name(group));
    }
    let open = alarms::of(&[fridge], view);
    let doc: Doc = doc(line, view);
    let doc = if open.is_empty() { doc } else { doc.with(Block::List(open)) };
    let doc = doc.with(Block::Table(table));
    let severity = Severity::of(Some(row.verdict));
    Answer { severity, ..Answer::new(doc, Data::Fridges(FridgeRows::new([fridge], view))) }
}

fn judge<'a>(fridge: &'a Fridge, view: &View<'_>) -> Judged<'a> {
    let reading = view.snapshot.reading(fridge.probe, &view.now);
    Judged { fridge, verdict: fridge.judge(&reading), reading }
}

/// The day on which is asked, where the gateway is.
fn today(view: &View<'_>) -> Date {
    view.snapshot.local(&view.now).date()
}

/// How far a fridge is outside its limits, in sixteenths of a degree; for one without a value, for
/// how many seconds. It orders fridges of one verdict.
fn badness(it: &Judged<'_>) -> u64 {
    let limits = &it.fridge.limits;
    match (it.reading, it.verdict) {
        (Reading::Fresh { celsius, .. }, Verdict::Warm) => {
            limits.max.map_or(0, |max| celsius.distance(max).into())
        }
        (Reading::Fresh { celsius, .. }, Verdict::Cold) => {
            limits.min.map_or(0, |min| celsius.distance(min).into())
        }
        (Reading::Fresh { .. }, _) => 0,
        (Reading::Stale { age, .. }, _) => age.as_secs(),
        (Reading::Fault { lasts, .. }, _) => lasts.as_secs(),
    }
}

/// How far a fridge in range is from its nearer limit, in sixteenths of a degree.
fn slack(it: &Judged<'_>) -> u16 {
    let limits = [it.fridge.limits.min, it.fridge.limits.max].into_iter().flatten();
    let nearest = match it.reading {
        Reading::Fresh { celsius, .. } => limits.map(|limit| celsius.distance(limit)).min(),
        _ => None,
    };
    nearest.unwrap_or(u16::MAX)
}

fn fresh_age(it: &Judged<'_>) -> Option<Duration> {
    match it.reading {
        Reading::Fresh { age, .. } if it.verdict != Verdict::OutOfService => Some(age),
        _ => None,
    }
}

/// The time outside its limits in which a fridge is.
fn excursion<'a>(fridge: &Fridge, view: &'a View<'_>) -> Option<&'a Excursion> {
    view.snapshot.excursions.get(&fridge.probe).filter(|_| !fridge.out_of_service)
}

/// "too warm for 12 min (since 09:12), highest 9.0 °C"
fn outside(excursion: &Excursion, view: &View<'_>) -> String {
    let since = view.snapshot.local(&excursion.since).datetime();
    let since = text::clock(since, today(view));
    status::excursion(excursion, view.now.since(&excursion.since), &since, view.units)
}

/// "Freezer 1 −11.2 °C (limit −15 °C)", "Milk: no answer from the probe for 3 min".
fn in_few_words(it: &Judged<'_>, view: &View<'_>) -> Text {
    let name = Text::name(&it.fridge.name);
    match (it.reading, text::crossed(&it.fridge.limits, it.verdict, view.units)) {
        (Reading::Fresh { celsius, .. }, Some(limit)) => {
            name.and(format!(" {} ({limit})", text::temperature(celsius, view.units)))
        }
        _ => name.and(format!(": {}", text::reading(&it.reading, view.units))),
    }
}

/// The middle column. Only a fridge that is out of limits is set off: the eye goes there first.
fn cell(it: &Judged<'_>, view: &View<'_>) -> Text {
    let value = text::reading(&it.reading, view.units);
    match it.verdict {
        Verdict::OutOfService => status::verdict(it.verdict).into(),
        Verdict::Warm | Verdict::Cold => Text::strong(value),
        _ => value.into(),
    }
}

fn now_and_age(it: &Judged<'_>, view: &View<'_>) -> Text {
    let now = match it.reading {
        Reading::Fresh { celsius, age } => status::with_age(celsius, age, view.units),
        other => text::reading(&other, view.units),
    };
    match it.verdict {
        Verdict::OutOfService => format!("{now} ({})", status::verdict(it.verdict)).into(),
        _ => now.into(),
    }
}

fn last_fault(state: &ProbeState, view: &View<'_>) -> Text {
    match state.last_fault {
        None => status::NO_FAULT.into(),
        Some((fault, _, last)) => {
            let times = state.faults.values().sum();
            status::last_fault(fault, view.now.since(&last), times).into()
        }
    }
}

fn probe_and_bus(probe: ProbeId, known: Option<(&BusState, &ProbeState)>) -> Text {
    // The number of another gateway's probe says nothing to anybody.
    if let (Some(_), Some((site, _))) = (probe.site(), known) {
        return Text::name(&site.name);
    }
    let probe = Text::code(probe.to_string());
    match known {
        Some((bus, _)) => probe.and(", ").and(Text::name(&bus.name)),
        None => probe,
    }
}
