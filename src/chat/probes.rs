//! `probes`: what hangs on the buses, each probe with the fridge it is in, what is noteworthy about it, and
//! what the counters point at.

use serde::Serialize;

use super::markdown::{Table, escape};
use super::{Data, Mood, Said, View, english, headline};
use crate::cache::BusState;
use crate::reading::{Celsius, Counts, Fault, ProbeId, Reading, Remark};
use english::Pattern;

/// From so many errors of one kind on, and where they come in more than one of [`SWEEPS_AN_ERROR`] sweeps,
/// they are no accident.
const ERRORS: u64 = 5;
const SWEEPS_AN_ERROR: u64 = 20;
/// More remarks than these fill a phone; the rest is counted.
const REMARKS: usize = 20;

/// What hangs on the buses.
#[derive(Clone, Debug, Serialize)]
pub struct Inventory {
    /// Every probe that a bus has shown since the start, then those that only the configuration names.
    pub probes: Vec<Row>,
    /// The buses, in the order of the configuration; none for whoever may not see everything.
    pub buses: Vec<Bus>,
}

/// What is known of one probe.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The probe.
    pub probe: ProbeId,
    /// The bus that saw it; `None` for a probe that the configuration names and no bus has seen.
    pub bus: Option<String>,
    /// The fridge it is in, if the configuration says so.
    pub fridge: Option<String>,
    /// Its temperature in °C; `None` unless it is fresh.
    pub celsius: Option<Celsius>,
    /// The same before its fridge's calibration, where there is one.
    pub raw_celsius: Option<Celsius>,
    /// Why there is none.
    pub fault: Option<Fault>,
    /// How often each fault was seen since the start.
    pub faults: std::collections::BTreeMap<Fault, u64>,
    /// What went wrong on the way to its values since the start, retries that ended well included.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub remarks: Vec<Remark>,
}

/// What is known of one bus.
#[derive(Clone, Debug, Serialize)]
pub struct Bus {
    /// Its name.
    pub name: String,
    /// How many sweeps measured it since the start.
    pub sweeps: u64,
    /// The sum of its probes' counts.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub remarks: Vec<Remark>,
}

/// The inventory. Who may not see everything sees the probes in the fridges that they may see.
pub fn answer(view: &View<'_>) -> Said {
    let mut rows: Vec<Row> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    for bus in &view.snapshot.buses {
        let seen = bus.probes.keys().filter(|id| view.everything || fridge_of(**id, view).is_some());
        rows.extend(seen.map(|id| row(*id, Some(bus), view)));
        if view.everything {
            let name = escape(&bus.name);
            notes.extend(bus.remarks.iter().map(|remark| format!("{name}: {}", english::remark(remark))));
            notes.extend(patterns(bus));
        }
    }
    let absent = view.fridges.iter().filter(|fridge| view.snapshot.probe(fridge.probe).is_none());
    rows.extend(absent.map(|fridge| row(fridge.probe, None, view)));
    for row in &rows {
        let said = row.remarks.iter().map(|remark| format!("`{}`: {}", row.probe, english::remark(remark)));
        notes.extend(said);
    }

    let seen = rows.iter().filter(|row| row.bus.is_some()).count();
    let unnamed = rows.iter().filter(|row| row.fridge.is_none()).count();
    let line = match seen {
        0 => headline(english::NO_PROBES, view),
        _ => headline(&english::probes(seen, view.snapshot.buses.len(), unnamed), view),
    };
    let mut table = Table::new([english::PROBE, english::FRIDGE, english::NOW], [false, false, true]);
    for row in &rows {
        let now = english::reading(&view.snapshot.reading(row.probe, &view.now), view.units);
        let fridge = row.fridge.as_deref().map_or_else(|| english::UNNAMED.to_owned(), escape);
        table.push([format!("`{}`", row.probe), fridge, now]);
    }
    let notes = listed(&notes);
    let text = match (rows.is_empty(), notes.is_empty()) {
        (true, true) => line,
        (true, false) => format!("{line}\n\n{notes}"),
        (false, _) => table.between(line, &notes, english::more),
    };
    let buses = view.snapshot.buses.iter().filter(|_| view.everything).map(|bus| Bus {
        name: bus.name.clone(),
        sweeps: bus.sweeps,
        counts: sum(bus),
        remarks: bus.remarks.clone(),
    });
    let inventory = Inventory { buses: buses.collect(), probes: rows };
    (text, Mood::Neutral, Data::Inventory(inventory))
}

fn fridge_of<'a>(id: ProbeId, view: &'a View<'_>) -> Option<&'a str> {
    view.fridges.iter().find(|fridge| fridge.probe == id).map(|fridge| fridge.name.as_str())
}

fn row(probe: ProbeId, bus: Option<&BusState>, view: &View<'_>) -> Row {
    let (celsius, fault) = match view.snapshot.reading(probe, &view.now) {
        Reading::Fresh { celsius, .. } => (Some(celsius), None),
        Reading::Stale { .. } => (None, None),
        Reading::Fault { fault, .. } => (None, Some(fault)),
    };
    let state = bus.and_then(|bus| bus.probes.get(&probe));
    Row {
        probe,
        bus: bus.map(|bus| bus.name.clone()),
        fridge: fridge_of(probe, view).map(str::to_owned),
        celsius,
        raw_celsius: celsius.and_then(|_| state?.raw),
        fault,
        faults: state.map(|state| state.faults.clone()).unwrap_or_default(),
        counts: state.map(|state| state.counts).unwrap_or_default(),
        remarks: state.map(|state| state.remarks.clone()).unwrap_or_default(),
    }
}

fn sum(bus: &BusState) -> Counts {
    bus.probes.values().fold(Counts::default(), |mut sum, probe| {
        sum += probe.counts;
        sum
    })
}

/// What the counters of a bus point at, a sentence each.
fn patterns(bus: &BusState) -> Vec<String> {
    let is_many = |count: u64| count >= ERRORS && count * SWEEPS_AN_ERROR >= bus.sweeps;
    let say = |pattern: &Pattern, count| english::pattern(pattern, count, bus.sweeps, &bus.name);
    let all = sum(bus);
    let mut said = Vec::new();
    if is_many(all.crc) {
        // Nine in ten of one probe, where there are others.
        let of_one = bus.probes.iter().find(|(_, probe)| probe.counts.crc * 10 >= all.crc * 9);
        let pattern = match of_one.filter(|_| bus.probes.len() > 1) {
            Some((id, _)) => Pattern::GarbledByOne(*id),
            None => Pattern::Garbled { probes: bus.probes.len() },
        };
        said.push(say(&pattern, all.crc));
    }
    if is_many(all.late) {
        said.push(say(&Pattern::Late, all.late));
    }
    // One that does not answer at all has a fault already; this is about those that do at times.
    let at_times =
        bus.probes.iter().filter(|(_, probe)| is_many(probe.counts.no_answer) && probe.newest.is_ok());
    said.extend(at_times.map(|(id, probe)| say(&Pattern::Silent(*id), probe.counts.no_answer)));
    let mut reset = bus.probes.iter().filter(|(_, probe)| probe.counts.resets > 0);
    match (reset.next(), reset.next()) {
        (Some((id, probe)), None) if is_many(probe.counts.resets) => {
            said.push(say(&Pattern::Reset(*id), probe.counts.resets));
        }
        (Some(_), Some(_)) if is_many(all.resets) => said.push(say(&Pattern::Resets, all.resets)),
        _ => {}
    }
    said
}

/// The remarks as a list, as many as are read.
fn listed(notes: &[String]) -> String {
    let mut lines: Vec<String> = notes.iter().take(REMARKS).map(|note| format!("- {note}")).collect();
    if notes.len() > REMARKS {
        lines.push(english::more_remarks(notes.len() - REMARKS));
    }
    lines.join("\n")
}
