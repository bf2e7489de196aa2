//! The buses of a configuration, opened by a command itself because no gateway runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;

use crate::bus::{self, Bus};
use crate::cache::Cache;
use crate::chat::Gateway;
use crate::cli::terminal;
use crate::config::Config;
use crate::daemon;
use crate::history::History;
use crate::poll::trust::{Calibrations, Trust};

/// The buses, and the gateway that answers from their sweeps.
pub struct OpenBuses {
    /// The configuration's file.
    pub path: PathBuf,
    gateway: Gateway,
    buses: Vec<OpenBus>,
}

struct OpenBus {
    name: String,
    config: bus::Config,
    open: Option<Box<dyn Bus>>,
    trust: Trust,
    /// What was said last of why it cannot be measured.
    said: Option<String>,
}

impl OpenBuses {
    /// The buses of that configuration, each opened with its first sweep.
    pub fn new(config: Config) -> Self {
        let clock = daemon::clock();
        let calibrations = Arc::new(Calibrations::new(daemon::calibrations(&config)));
        let kept = config.buses.iter().map(|bus| (bus.name.clone(), bus.config.is_simulated(), bus.period));
        let cache = Cache::new(kept, clock(), TimeZone::system());
        let buses = config.buses.into_iter().map(|bus| OpenBus {
            name: bus.name,
            config: bus.config,
            open: None,
            trust: Trust::new(Arc::clone(&calibrations)),
            said: None,
        });
        OpenBuses {
            path: config.path,
            buses: buses.collect(),
            gateway: Gateway {
                name: config.name,
                fridges: config.fridges,
                units: config.units,
                cache: Arc::new(cache),
                history: Arc::new(History::default()),
                clock,
                asked: Default::default(),
                reuse: Default::default(),
            },
        }
    }

    /// Measures every bus once. One that cannot be measured is in the answer as its fault, with its reason,
    /// once, on the standard error.
    pub fn sweep(&mut self) -> &Gateway {
        for (index, bus) in self.buses.iter_mut().enumerate() {
            let (at, began) = ((self.gateway.clock)(), Instant::now());
            let opened = match &mut bus.open {
                Some(open) => Ok(open),
                none => bus::open(&bus.config).map(|opened| none.insert(opened)),
            };
            match opened.and_then(|open| bus.trust.measure(open.as_mut())) {
                Ok(judged) => {
                    self.gateway.cache.remark(index, judged.remarks);
                    drop(self.gateway.cache.record(index, at, began.elapsed(), judged.probes));
                    bus.said = None;
                }
                Err(error) => {
                    if bus.said.as_ref() != Some(&error.detail) {
                        terminal::error(&anyhow::anyhow!("{}: {error}", bus.name));
                        bus.said = Some(error.detail.clone());
                    }
                    self.gateway.cache.record_failure(index, at, &error);
                }
            }
        }
        &self.gateway
    }
}
