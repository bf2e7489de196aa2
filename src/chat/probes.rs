//! `probes`: what hangs on the buses, each probe with the fridge it is in.

use serde::Serialize;

use super::markdown::{POST_CHARACTERS, Table, escape};
use super::{Data, View, english, headline};
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

/// Every probe that a bus has shown since the start, then those that only the configuration names.
pub fn answer(view: &View<'_>) -> (String, Data) {
    let fridge_of = |id: ProbeId| view.fridges.iter().find(|fridge| fridge.probe == id);
    let mut rows: Vec<Row> = Vec::new();
    for bus in &view.snapshot.buses {
        rows.extend(
            bus.probes
                .keys()
                .map(|&id| row(id, Some(&bus.name), view, fridge_of(id).map(|fridge| fridge.name.as_str()))),
        );
    }
    let absent = view.fridges.iter().filter(|fridge| view.snapshot.probe(fridge.probe).is_none());
    rows.extend(absent.map(|fridge| row(fridge.probe, None, view, Some(&fridge.name))));

    let seen = rows.iter().filter(|row| row.bus.is_some()).count();
    if seen == 0 {
        return (headline(english::NO_PROBES, view), Data::Probes(rows));
    }
    let unnamed = rows.iter().filter(|row| row.fridge.is_none()).count();
    let mut text = headline(&english::probes(seen, view.snapshot.buses.len(), unnamed), view);
    let mut table = Table::new(["Probe", "Fridge", "Now"], [false, false, true]);
    for row in &rows {
        let now = match view.snapshot.reading(row.probe, &view.now) {
            Reading::Fresh { celsius, .. } => english::temperature(celsius),
            Reading::Stale { age, .. } => english::stale(age),
            Reading::Fault { fault, lasts } => english::without_value(fault, lasts),
        };
        let fridge = row.fridge.as_deref().map_or_else(|| english::UNNAMED.to_owned(), escape);
        table.push([format!("`{}`", row.probe), fridge, now]);
    }
    text.push_str("\n\n");
    let (table, shown) = table.render(POST_CHARACTERS - text.chars().count() - 200);
    text.push_str(&table);
    if shown < rows.len() {
        text.push_str(&format!("\n\n{}", english::more_probes(rows.len() - shown)));
    }
    (text, Data::Probes(rows))
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
