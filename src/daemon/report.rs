//! What the doctor learns from the running gateway.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chat::Scope;
use crate::https;

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
    /// The certificate that it shows.
    pub certificate: PathBuf,
    /// The addresses on which it listens.
    pub addresses: Vec<std::net::SocketAddr>,
    /// How many hooks may ask it.
    pub hooks: usize,
    /// The buses.
    pub buses: Vec<BusReport>,
    /// What was asked over HTTPS.
    pub questions: https::Report,
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
    pub trouble: Option<String>,
}

/// How the gateway is now.
pub fn report(handle: &https::Handle, configuration: &Path) -> Report {
    let gateway = handle.gateway();
    let view = gateway.view(&Scope::everything());
    let buses = view.snapshot.buses.iter().map(|bus| BusReport {
        name: bus.name.clone(),
        fresh: bus.is_fresh(&view.now),
        age_s: bus.last_sweep.map(|at| view.now.since(&at).as_secs()),
        probes: bus.probes.len(),
        trouble: bus.trouble.as_ref().map(|(error, _)| error.detail.clone()),
    });
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        up_s: view.now.since(&view.snapshot.started).as_secs(),
        simulated: view.snapshot.is_simulated(),
        configuration: configuration.to_owned(),
        certificate: handle.certificate(),
        addresses: handle.addresses(),
        hooks: handle.hooks(),
        buses: buses.collect(),
        questions: handle.statistics().report(&view.now),
    }
}
