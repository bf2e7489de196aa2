//! `probes`: what hangs on the buses, each probe with the fridge it is in.

use serde::Serialize;

use super::markdown::{Table, escape};
use super::{Data, Mood, Said, View, english, headline};
use crate::reading::{Celsius, Fault, ProbeId, Reading};

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
    /// Why there is none.
    pub fault: Option<Fault>,
    /// How often each fault was seen since the start.
    pub faults: std::collections::BTreeMap<Fault, u64>,
}

/// Every probe that a bus has shown since the start, then those that only the configuration names. Who
/// may not see everything sees those in the fridges that they may see.
pub fn answer(view: &View<'_>) -> Said {
    let fridge_of = |id: ProbeId| view.fridges.iter().find(|fridge| fridge.probe == id);
    let mut rows: Vec<Row> = Vec::new();
    for bus in &view.snapshot.buses {
        let fridges = bus.probes.keys().map(|&id| (id, fridge_of(id)));
        let seen = fridges.filter(|(_, fridge)| view.everything || fridge.is_some());
        rows.extend(
            seen.map(|(id, fridge)| {
                row(id, Some(&bus.name), view, fridge.map(|fridge| fridge.name.as_str()))
            }),
        );
    }
    let absent = view.fridges.iter().filter(|fridge| view.snapshot.probe(fridge.probe).is_none());
    rows.extend(absent.map(|fridge| row(fridge.probe, None, view, Some(&fridge.name))));

    let seen = rows.iter().filter(|row| row.bus.is_some()).count();
    if seen == 0 {
        return (headline(english::NO_PROBES, view), Mood::Neutral, Data::Probes(rows));
    }
    let unnamed = rows.iter().filter(|row| row.fridge.is_none()).count();
    let line = headline(&english::probes(seen, view.snapshot.buses.len(), unnamed), view);
    let mut table = Table::new([english::PROBE, english::FRIDGE, english::NOW], [false, false, true]);
    for row in &rows {
        let now = english::reading(&view.snapshot.reading(row.probe, &view.now), view.units);
        let fridge = row.fridge.as_deref().map_or_else(|| english::UNNAMED.to_owned(), escape);
        table.push([format!("`{}`", row.probe), fridge, now]);
    }
    let text = table.below(line, english::more);
    (text, Mood::Neutral, Data::Probes(rows))
}

fn row(probe: ProbeId, bus: Option<&str>, view: &View<'_>, fridge: Option<&str>) -> Row {
    let (celsius, fault) = match view.snapshot.reading(probe, &view.now) {
        Reading::Fresh { celsius, .. } => (Some(celsius), None),
        Reading::Stale { .. } => (None, None),
        Reading::Fault { fault, .. } => (None, Some(fault)),
    };
    let faults = view.snapshot.probe(probe).map(|(_, state)| state.faults.clone()).unwrap_or_default();
    Row { probe, bus: bus.map(str::to_owned), fridge: fridge.map(str::to_owned), celsius, fault, faults }
}
