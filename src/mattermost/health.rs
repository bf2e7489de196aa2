//! `GET /health`: whether the gateway does its work, for monitors. It needs no token, so it names nothing: numbers only.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use crate::chat::Scope;
use crate::gateway::{Gateway, View};
use crate::https::response::{Answered, WholeResponse, json};
use crate::https::stats::Report;
use crate::reading::Reading;

/// How the gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Everything is measured, and somebody may ask.
    Ok,
    /// It works in part: a bus is not measured, a fridge has no value, or nobody may ask.
    Degraded,
    /// No bus is measured: whatever it answers is old.
    Failed,
}

#[derive(Serialize)]
struct Health {
    status: State,
    simulated: bool,
    version: &'static str,
    up_s: u64,
    token_configured: bool,
    open_alarms: usize,
    fridges: Counts,
    probes: Counts,
    buses: Vec<Bus>,
    /// The other gateways that are shown.
    gateways: Counts,
    history_kept: bool,
    configuration_current: bool,
    turned_away: TurnedAway,
}

/// How much was turned away since the start.
#[derive(Serialize)]
struct TurnedAway {
    connections: u64,
    handshakes: u64,
    requests: u64,
}

/// How many have a fresh value, and how many have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    with_value: usize,
    without_value: usize,
}

#[derive(Serialize)]
struct Bus {
    fresh: bool,
    last_sweep_age_s: Option<u64>,
    probes: usize,
}

impl Counts {
    fn of(readings: impl Iterator<Item = Reading>) -> Counts {
        let mut counts = Counts::default();
        for reading in readings {
            match reading {
                Reading::Fresh { .. } => counts.with_value += 1,
                Reading::Stale { .. } | Reading::Fault { .. } => counts.without_value += 1,
            }
        }
        counts
    }
}

/// 200 while the gateway does its work, if only in part, else 503.
pub fn answer(gateway: &Gateway, token_configured: bool, transport: &Report) -> WholeResponse {
    let view = gateway.view(&Scope::everything());
    let in_service = view.fridges.iter().filter(|fridge| !fridge.out_of_service);
    let fridges = Counts::of(in_service.map(|fridge| view.snapshot.reading(fridge.probe, &view.now)));
    let known = view.snapshot.buses.iter().flat_map(|bus| bus.probes.keys());
    let probes = Counts::of(known.map(|probe| view.snapshot.reading(*probe, &view.now)));
    let is_kept = gateway.disk().failing.is_none();
    let status = state(&view, fridges, token_configured, is_kept);
    let buses = view.snapshot.buses.iter().map(|bus| Bus {
        fresh: bus.is_fresh(&view.now),
        last_sweep_age_s: bus.last_sweep.map(|at| view.now.since(&at).as_secs()),
        probes: bus.probes.len(),
    });
    // One of which no fridge has a fresh value is silent.
    let mut with_value: BTreeMap<&str, bool> = BTreeMap::new();
    for fridge in &view.fridges {
        if let Some(site) = fridge.site.as_deref() {
            let is_fresh = matches!(view.snapshot.reading(fridge.probe, &view.now), Reading::Fresh { .. });
            *with_value.entry(site).or_default() |= is_fresh;
        }
    }
    let heard = with_value.values().filter(|is_heard| **is_heard).count();
    let gateways = Counts { with_value: heard, without_value: with_value.len() - heard };
    let code = if status == State::Failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let health = Health {
        status,
        simulated: view.snapshot.is_simulated(),
        version: env!("CARGO_PKG_VERSION"),
        up_s: view.now.since(&view.snapshot.started).as_secs(),
        token_configured,
        open_alarms: view.snapshot.alarms.iter().filter(|alarm| !alarm.drill).count(),
        fridges,
        probes,
        buses: buses.collect(),
        gateways,
        history_kept: is_kept,
        configuration_current: !view.is_last_good,
        turned_away: TurnedAway {
            connections: transport.refused + transport.evicted,
            handshakes: transport.tls_failed.values().sum(),
            requests: transport.rejected.values().sum(),
        },
    };
    let mut response = json(code, &health);
    response.extensions_mut().insert(Answered);
    response
}

fn state(view: &View<'_>, fridges: Counts, token_configured: bool, is_kept: bool) -> State {
    let fresh = view.snapshot.buses.iter().filter(|bus| bus.is_fresh(&view.now)).count();
    // One without a bus of its own shows what others read.
    let has_own = !view.snapshot.buses.is_empty();
    if fresh == 0 && (has_own || fridges.with_value == 0) {
        State::Failed
    } else if fresh < view.snapshot.buses.len()
        || fridges.without_value > 0
        || !token_configured
        || !is_kept
        || view.is_last_good
    {
        State::Degraded
    } else {
        State::Ok
    }
}
