//! `about`: the gateway itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::data::{About, AboutBus, AboutGateway};
use super::{Answer, Data, View, doc};
use crate::doc::{Block, Table, Text};
use crate::reading::Reading;
use crate::state::BusState;
use crate::text::about::{self, BUS, FRIDGES, GATEWAY, PROBES, STATE};
use crate::text::{fault, more};

/// Version, up since, buses.
pub fn answer(view: &View<'_>) -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    let up = view.now.since(&view.snapshot.started);
    let mut table = Table::new([(BUS, false), (PROBES, true), (STATE, false)], more);
    let mut buses = Vec::new();
    // Who may not see everything learns of the buses of what they may see, and of no other probe.
    let seen = |bus: &BusState| match view.everything {
        true => bus.probes.len(),
        false => view.fridges.iter().filter(|fridge| bus.probes.contains_key(&fridge.probe)).count(),
    };
    for bus in view.snapshot.buses.iter().filter(|bus| view.everything || seen(bus) > 0) {
        let probes = seen(bus);
        let (age, fresh) = (bus.last_sweep.map(|at| view.now.since(&at)), bus.is_fresh(&view.now));
        let why = bus.fault.as_ref().map(|(why, _)| fault(why.fault));
        table.push([
            Text::name(&bus.name),
            probes.to_string().into(),
            about::bus_state(age, fresh, why).into(),
        ]);
        let last_sweep_age_s = age.map(|age| age.as_secs());
        buses.push(AboutBus { name: bus.name.clone(), probes, last_sweep_age_s, fresh });
    }
    let gateways = gateways(view);
    let asked = view.everything.then_some(view.asked);
    let mut doc = doc(about::about(version, up, asked), view);
    // A gateway without a wire of its own has no buses to list.
    if !buses.is_empty() || gateways.is_empty() {
        doc = doc.with(Block::Table(table));
    }
    if !gateways.is_empty() {
        let mut table = Table::new([(GATEWAY, false), (FRIDGES, true), (STATE, false)], more);
        for gateway in &gateways {
            let age = gateway.last_reading_age_s.map(Duration::from_secs);
            let state = about::gateway_state(gateway.with_value, gateway.fridges, age);
            table.push([Text::name(&gateway.site), gateway.fridges.to_string().into(), state.into()]);
        }
        doc = doc.with(Block::Table(table));
    }
    if view.is_last_good {
        doc = doc.with(Block::Line(about::LAST_GOOD.into()));
    }
    let last_good_configuration = view.is_last_good;
    Answer::new(
        doc,
        Data::About(About { version, up_s: up.as_secs(), asked, last_good_configuration, buses, gateways }),
    )
}

/// The other gateways whose fridges the asker may see; those with the fewest fresh readings first.
fn gateways(view: &View<'_>) -> Vec<AboutGateway> {
    let mut all: BTreeMap<&str, AboutGateway> = BTreeMap::new();
    for fridge in &view.fridges {
        let Some(site) = fridge.site.as_deref() else { continue };
        let gateway = all.entry(site).or_insert_with(|| AboutGateway {
            site: site.to_owned(),
            fridges: 0,
            with_value: 0,
            last_reading_age_s: None,
        });
        gateway.fridges += 1;
        gateway.with_value +=
            usize::from(matches!(view.snapshot.reading(fridge.probe, &view.now), Reading::Fresh { .. }));
        let last = view.snapshot.probe(fridge.probe).map(|(_, probe)| view.now.since(&probe.at).as_secs());
        gateway.last_reading_age_s = match (gateway.last_reading_age_s, last) {
            (Some(before), Some(last)) => Some(before.min(last)),
            (before, last) => before.or(last),
        };
    }
    let mut all: Vec<AboutGateway> = all.into_values().collect();
    all.sort_by_key(|gateway| gateway.with_value * 1_000 / gateway.fridges);
    all
}
