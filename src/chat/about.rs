//! `about`: the gateway itself.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::markdown::{POST_CHARACTERS, Table, escape};
use super::{Data, Mood, Said, View, english, headline};

/// The gateway itself.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The version that runs.
    pub version: &'static str,
    /// Seconds since its start.
    pub up_s: u64,
    /// How many questions it has answered.
    pub asked: u64,
    /// The buses.
    pub buses: Vec<Bus>,
}

/// One bus.
#[derive(Clone, Debug, Serialize)]
pub struct Bus {
    /// Its name.
    pub name: String,
    /// How many probes it has shown since the start.
    pub probes: usize,
    /// Seconds since its last sweep that measured anything.
    pub last_sweep_age_s: Option<u64>,
    /// Whether its newest sweep is young enough to stand for the present.
    pub fresh: bool,
}

/// Version, up since, buses.
pub fn answer(view: &View<'_>) -> Said {
    let version = env!("CARGO_PKG_VERSION");
    let up = view.now.since(&view.snapshot.started);
    let asked = view.gateway.asked.load(Ordering::Relaxed);
    let mut text = headline(&english::about(version, up, asked), view);
    let mut table = Table::new([english::BUS, english::PROBES, english::STATE], [false, true, false]);
    let mut buses = Vec::new();
    for bus in &view.snapshot.buses {
        let (age, fresh) = (bus.last_sweep.map(|at| view.now.since(&at)), bus.is_fresh(&view.now));
        let trouble = bus.trouble.as_ref().map(|(error, _)| english::fault(error.fault));
        table.push([
            escape(&bus.name),
            bus.probes.len().to_string(),
            english::bus_state(age, fresh, trouble),
        ]);
        let last_sweep_age_s = age.map(|age| age.as_secs());
        buses.push(Bus { name: bus.name.clone(), probes: bus.probes.len(), last_sweep_age_s, fresh });
    }
    text.push_str("\n\n");
    text.push_str(&table.render(POST_CHARACTERS - text.chars().count()).0);
    (text, Mood::Neutral, Data::About(About { version, up_s: up.as_secs(), asked, buses }))
}
