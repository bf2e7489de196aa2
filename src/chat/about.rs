//! `about`: the gateway itself.

use super::data::{About, AboutBus};
use super::{Answer, Data, View, doc};
use crate::doc::{Block, Table, Text};
use crate::state::BusState;
use crate::text::about::{self, BUS, PROBES, STATE};
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
    let asked = view.everything.then_some(view.asked);
    let mut doc = doc(about::about(version, up, asked), view).with(Block::Table(table));
    if view.is_last_good {
        doc = doc.with(Block::Line(about::LAST_GOOD.into()));
    }
    let last_good_configuration = view.is_last_good;
    Answer::new(
        doc,
        Data::About(About { version, up_s: up.as_secs(), asked, last_good_configuration, buses }),
    )
}
