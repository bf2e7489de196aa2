//! `about`: the gateway itself.

use super::data::{About, AboutBus};
use super::{Answer, Data, View, doc};
use crate::doc::{Block, Table, Text};
use crate::text::about::{self, BUS, PROBES, STATE};
use crate::text::{fault, more};

/// Version, up since, buses.
pub fn answer(view: &View<'_>) -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    let up = view.now.since(&view.snapshot.started);
    let mut table = Table::new([(BUS, false), (PROBES, true), (STATE, false)], more);
    let mut buses = Vec::new();
    for bus in &view.snapshot.buses {
        let (age, fresh) = (bus.last_sweep.map(|at| view.now.since(&at)), bus.is_fresh(&view.now));
        let why = bus.fault.as_ref().map(|(why, _)| fault(why.fault));
        table.push([
            Text::name(&bus.name),
            bus.probes.len().to_string().into(),
            about::bus_state(age, fresh, why).into(),
        ]);
        let last_sweep_age_s = age.map(|age| age.as_secs());
        buses.push(AboutBus { name: bus.name.clone(), probes: bus.probes.len(), last_sweep_age_s, fresh });
    }
    let doc = doc(about::about(version, up, view.asked), view).with(Block::Table(table));
    Answer::new(doc, Data::About(About { version, up_s: up.as_secs(), asked: view.asked, buses }))
}
