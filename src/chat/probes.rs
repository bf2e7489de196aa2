//! `probes`: what is on the buses, each probe with the fridge it is in, what is noteworthy about it, and what the
//! counters point at.

use super::data::{BusRow, Inventory, ProbeRow};
use super::{Answer, Data, View, doc};
use crate::doc::{Block, Table, Text};
use crate::reading::{Counts, ProbeId, Reading};
use crate::state::BusState;
use crate::text::probes::{self, Pattern};
use crate::text::{self, notices};

/// From so many errors of one kind on, and where they come in more than one of [`SWEEPS_AN_ERROR`] sweeps,
/// they are no accident.
const ERRORS: u64 = 5;
const SWEEPS_AN_ERROR: u64 = 20;
/// More notices than these fill a phone; the rest is counted.
const NOTICES: usize = 20;

/// The inventory. Who may not see everything sees the probes in the fridges that they may see.
pub fn answer(view: &View<'_>) -> Answer {
    let mut rows: Vec<ProbeRow> = Vec::new();
    let mut noteworthy: Vec<Text> = Vec::new();
    for bus in &view.snapshot.buses {
        let seen = bus.probes.keys().filter(|id| view.everything || fridge_of(**id, view).is_some());
        rows.extend(seen.map(|id| row(*id, Some(bus), view)));
        if view.everything {
            let name = || Text::name(&bus.name).and(": ");
            noteworthy.extend(
                bus.fault.as_ref().map(|(fault, since)| {
                    name().and(probes::bus_fault(&fault.detail, view.now.since(since)))
                }),
            );
            noteworthy.extend(bus.notices.iter().map(|notice| name().and(notices::notice(notice))));
            noteworthy.extend(patterns(bus));
        }
    }
    let own = view.fridges.iter().filter(|fridge| fridge.site.is_none());
    let absent = own.filter(|fridge| view.snapshot.probe(fridge.probe).is_none());
    rows.extend(absent.map(|fridge| row(fridge.probe, None, view)));
    for row in &rows {
        let probe = || Text::code(row.probe.to_string()).and(": ");
        noteworthy.extend(row.notices.iter().map(|notice| probe().and(notices::notice(notice))));
    }

    let seen = rows.iter().filter(|row| row.bus.is_some()).count();
    // Who may not see everything learns of no other bus; the only one is no secret.
    let is_only = view.snapshot.buses.len() == 1;
    let seen_buses = |bus: &&BusState| {
        view.everything || is_only || bus.probes.keys().any(|id| fridge_of(*id, view).is_some())
    };
    let buses: Vec<&BusState> = view.snapshot.buses.iter().map(|bus| &**bus).filter(seen_buses).collect();
    let unnamed = rows.iter().filter(|row| row.fridge.is_none()).count();
    let line = match seen {
        0 if buses.iter().any(|bus| bus.fault.is_some()) => String::from(probes::NO_BUS),
        0 => String::from(probes::NO_PROBES),
        _ => probes::probes(seen, buses.len(), unnamed),
    };
    let mut doc = doc(line, view);
    if !rows.is_empty() {
        let columns = [(text::PROBE, false), (text::FRIDGE, false), (text::NOW, true)];
        let mut table = Table::new(columns, text::more);
        for row in &rows {
            let now = text::reading(&view.snapshot.reading(row.probe, &view.now), view.units);
            let fridge = row.fridge.as_deref().map_or_else(|| probes::UNNAMED.into(), Text::name);
            table.push([Text::code(row.probe.to_string()), fridge, now.into()]);
        }
        doc = doc.with(Block::Table(table));
    }
    if !noteworthy.is_empty() {
        let left_out = noteworthy.len().saturating_sub(NOTICES);
        noteworthy.truncate(NOTICES);
        doc = doc.with(Block::List(noteworthy));
        if left_out > 0 {
            doc = doc.with(Block::Line(probes::more_notices(left_out).into()));
        }
    }
    let buses = view.snapshot.buses.iter().filter(|_| view.everything).map(|bus| BusRow {
        name: bus.name.clone(),
        sweeps: bus.sweeps,
        counts: sum(bus),
        notices: bus.notices.clone(),
    });
    let inventory = Inventory { buses: buses.collect(), probes: rows };
    Answer::new(doc, Data::Inventory(inventory))
}

fn fridge_of<'a>(id: ProbeId, view: &'a View<'_>) -> Option<&'a str> {
    view.fridges.iter().find(|fridge| fridge.probe == id).map(|fridge| fridge.name.as_str())
}

fn row(probe: ProbeId, bus: Option<&BusState>, view: &View<'_>) -> ProbeRow {
    let (celsius, fault) = match view.snapshot.reading(probe, &view.now) {
        Reading::Fresh { celsius, .. } => (Some(celsius), None),
        Reading::Stale { .. } => (None, None),
        Reading::Fault { fault, .. } => (None, Some(fault)),
    };
    let state = bus.and_then(|bus| bus.probes.get(&probe));
    ProbeRow {
        probe,
        bus: bus.map(|bus| bus.name.clone()),
        fridge: fridge_of(probe, view).map(str::to_owned),
        celsius,
        raw_celsius: celsius.and_then(|_| state?.raw),
        fault,
        faults: state.map(|state| state.faults.clone()).unwrap_or_default(),
        counts: state.map(|state| state.counts).unwrap_or_default(),
        notices: state.map(|state| state.notices.clone()).unwrap_or_default(),
    }
}

fn sum(bus: &BusState) -> Counts {
    bus.probes.values().fold(Counts::default(), |mut sum, probe| {
        sum += probe.counts;
        sum
    })
}

/// What the counters of a bus point at, a sentence each.
fn patterns(bus: &BusState) -> Vec<Text> {
    let is_many = |count: u64| count >= ERRORS && count * SWEEPS_AN_ERROR >= bus.sweeps;
    let say = |pattern: &Pattern, count| probes::pattern(pattern, count, bus.sweeps, &bus.name);
    let all = sum(bus);
    let mut patterns = Vec::new();
    if is_many(all.crc) {
        // Nine in ten of one probe, where there are others.
        let of_one = bus.probes.iter().find(|(_, probe)| probe.counts.crc * 10 >= all.crc * 9);
        let pattern = match of_one.filter(|_| bus.probes.len() > 1) {
            Some((id, _)) => Pattern::GarbledByOne(*id),
            None => Pattern::Garbled { probes: bus.probes.len() },
        };
        patterns.push(say(&pattern, all.crc));
    }
    if is_many(all.late) {
        patterns.push(say(&Pattern::Late, all.late));
    }
    // One that does not answer at all has a fault already; this is about those that do at times.
    let at_times =
        bus.probes.iter().filter(|(_, probe)| is_many(probe.counts.no_answer) && probe.newest.is_ok());
    patterns.extend(at_times.map(|(id, probe)| say(&Pattern::Silent(*id), probe.counts.no_answer)));
    let mut reset = bus.probes.iter().filter(|(_, probe)| probe.counts.resets > 0);
    match (reset.next(), reset.next()) {
        (Some((id, probe)), None) if is_many(probe.counts.resets) => {
            patterns.push(say(&Pattern::Reset(*id), probe.counts.resets));
        }
        (Some(_), Some(_)) if is_many(all.resets) => patterns.push(say(&Pattern::Resets, all.resets)),
        _ => {}
    }
    patterns
}
