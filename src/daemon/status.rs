//! The status of the running gateway, as `fridge doctor` learns it over the socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chat::Scope;
use crate::fridge::Verdict;
use crate::gateway::View;
use crate::history::Disk;
use crate::host;
use crate::https::{self, TurnedAway};
use crate::mattermost::{self, Mattermost};
use crate::notify::{DeliveryStatus, DeliveryStatuses};
use crate::reading::Stamp;
use crate::socket::Peer;
use crate::text;

/// What the doctor learns from the running gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version that runs, which may be older than the one that is installed.
    pub version: String,
    /// Seconds since its start.
    pub up_s: u64,
    /// Whether its values come from no real probe.
    pub simulated: bool,
    /// The configuration that it read.
    pub configuration: PathBuf,
    /// Whether it runs on the last good one, because that has errors.
    pub is_last_good: bool,
    /// The certificate that it shows.
    pub certificate: PathBuf,
    /// What is wrong with its time zone.
    pub time_zone: Option<String>,
    /// The addresses on which it listens.
    pub addresses: Vec<std::net::SocketAddr>,
    /// How many hooks may ask it.
    pub hooks: usize,
    /// The buses.
    pub buses: Vec<BusReport>,
    /// The fridges in service that have no value, each with the reason.
    pub fridges_without_value: Vec<String>,
    /// What was asked.
    pub questions: mattermost::Report,
    /// What came over HTTPS and what was turned away.
    pub transport: https::stats::Report,
    /// What was turned away lately; without addresses and explanations where the asker may not know them.
    pub turned_away: Vec<TurnedAway>,
    /// How the delivery to those who are told of alarms goes, by their names.
    pub targets: BTreeMap<String, DeliveryStatus>,
    /// How the disk takes what is measured.
    pub history: HistoryReport,
}

/// How the disk takes what is measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HistoryReport {
    /// Since how many seconds nothing could be written, and what the system said.
    pub failing: Option<(u64, String)>,
    /// For how many seconds the present write has been under way.
    pub writing_s: Option<u64>,
    /// How many readings were lost, because more of them waited than there is room for.
    pub lost: u64,
    /// What happened to a damaged file.
    pub damage: Option<String>,
}

impl HistoryReport {
    fn of(disk: Disk, now: &Stamp) -> HistoryReport {
        HistoryReport {
            failing: disk.failing.map(|(since, why)| (now.since(&since).as_secs(), why)),
            writing_s: disk.writing_since.map(|since| now.mono.saturating_sub(since).as_secs()),
            lost: disk.lost,
            damage: disk.damage,
        }
    }
}

/// One bus, as the doctor sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BusReport {
    /// Its name.
    pub name: String,
    /// Whether its newest sweep is young enough to stand for the present.
    pub fresh: bool,
    /// Seconds since the newest sweep that measured anything.
    pub age_s: Option<u64>,
    /// How many probes it has shown since the start.
    pub probes: usize,
    /// Why it cannot be measured.
    pub fault: Option<String>,
}

/// "Milk: no answer from the probe for 3 min"
fn without_value(view: &View<'_>) -> Vec<String> {
    let in_service = view.fridges.iter().filter(|fridge| !fridge.out_of_service);
    let readings = in_service.map(|fridge| (fridge, view.snapshot.reading(fridge.probe, &view.now)));
    let without = readings
        .filter(|(fridge, reading)| matches!(fridge.judge(reading), Verdict::NoAnswer | Verdict::Stale));
    without
        .map(|(fridge, reading)| format!("{}: {}", fridge.name, text::reading(&reading, view.units)))
        .collect()
}

/// How the gateway is now.
pub fn report(
    server: &https::Handle,
    mattermost: &Mattermost,
    statuses: &DeliveryStatuses,
    configuration: &Path,
    asker: Peer,
) -> Report {
    let mut turned_away = server.stats().turned_away();
    if !asker.privileged {
        for entry in &mut turned_away {
            // The end of somebody's token, and addresses, stand there.
            (entry.peer, entry.explanation) = (None, String::new());
        }
    }
    let chat = mattermost.chat();
    let view = chat.gateway().view(&Scope::everything());
    let buses = view.snapshot.buses.iter().map(|bus| BusReport {
        name: bus.name.clone(),
        fresh: bus.is_fresh(&view.now),
        age_s: bus.last_sweep.map(|at| view.now.since(&at).as_secs()),
        probes: bus.probes.len(),
        fault: bus.fault.as_ref().map(|(fault, _)| fault.detail.clone()),
    });
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        up_s: view.now.since(&view.snapshot.started).as_secs(),
        simulated: view.snapshot.is_simulated(),
        configuration: configuration.to_owned(),
        is_last_good: view.is_last_good,
        certificate: server.certificate(),
        time_zone: host::time_zone().1,
        addresses: server.addresses(),
        hooks: mattermost.hooks(),
        buses: buses.collect(),
        fridges_without_value: without_value(&view),
        questions: mattermost.stats().report(&view.now),
        transport: server.stats().report(),
        turned_away,
        targets: statuses.all(),
        history: HistoryReport::of(chat.gateway().disk(), &view.now),
    }
}
