//! `GET /health`: whether the readings are fresh, for monitoring. It needs no token,
//! so it names no fridge.

use hyper::StatusCode;
use serde::Serialize;

use crate::chat::Scope;
use crate::gateway::Gateway;
use crate::https::response::{WholeResponse, json};

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    simulated: bool,
    version: &'static str,
    up_s: u64,
    token_configured: bool,
    open_alarms: usize,
    buses: Vec<Bus<'a>>,
}

#[derive(Serialize)]
struct Bus<'a> {
    name: &'a str,
    fresh: bool,
    last_sweep_age_s: Option<u64>,
    probes: usize,
}

/// 200 while every bus's readings are fresh, else 503.
pub fn answer(gateway: &Gateway, token_configured: bool) -> WholeResponse {
    let view = gateway.view(&Scope::everything());
    let buses: Vec<Bus<'_>> = view
        .snapshot
        .buses
        .iter()
        .map(|bus| Bus {
            name: &bus.name,
            fresh: bus.is_fresh(&view.now),
            last_sweep_age_s: bus.last_sweep.map(|at| view.now.since(&at).as_secs()),
            probes: bus.probes.len(),
        })
        .collect();
    let fresh = buses.iter().all(|bus| bus.fresh);
    let (status, word) =
        if fresh { (StatusCode::OK, "fresh") } else { (StatusCode::SERVICE_UNAVAILABLE, "stale") };
    json(
        status,
        &Health {
            status: word,
            simulated: view.snapshot.is_simulated(),
            version: env!("CARGO_PKG_VERSION"),
            up_s: view.now.since(&view.snapshot.started).as_secs(),
            token_configured,
            open_alarms: view.snapshot.alarms.len(),
            buses,
        },
    )
}
