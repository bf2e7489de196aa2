//! `fridge probes`: what hangs on the buses. The running gateway knows; where none runs, the buses
//! of the configuration are opened and swept once.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use jiff::tz::TimeZone;

use super::{FileOptions, ask, terminal};
use crate::bus;
use crate::cache::Cache;
use crate::chat::{Gateway, Scope};
use crate::config::Config;
use crate::daemon;
use crate::history::History;
use crate::poll::trust::{Calibrations, Trust};
use crate::socket::{self, Question};

/// What `probes` may be told.
#[derive(Args)]
pub struct Options {
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Asks the running gateway, or sweeps the buses itself.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let answer = match socket::ask(&files.sockets(), &Question::Ask(String::from("probes"))) {
        Err(socket::Error::NotRunning(_)) => {
            let config = files.load()?;
            if !options.json {
                terminal::print(&format!(
                    "No gateway runs: measuring the buses of {} once.\n",
                    config.path.display()
                ))?;
            }
            serde_json::to_value(&*sweep_once(config).answer("probes", &Scope::everything()))?
        }
        answer => answer?,
    };
    ask::show(&answer, options.json)
}

/// A gateway that has measured every bus once. A bus that cannot be measured is in the answer as
/// its fault, with its reason on the standard error.
fn sweep_once(config: Config) -> Gateway {
    let clock = daemon::clock();
    let buses = config.buses.iter().map(|bus| (bus.name.clone(), bus.config.is_simulated(), bus.period));
    let cache = Cache::new(buses, clock(), TimeZone::system());
    let calibrations = Arc::new(Calibrations::new(daemon::calibrations(&config)));
    for (index, entry) in config.buses.iter().enumerate() {
        let (at, began) = (clock(), Instant::now());
        let mut trust = Trust::new(Arc::clone(&calibrations));
        match bus::open(&entry.config).and_then(|mut bus| trust.measure(bus.as_mut())) {
            Ok(judged) => {
                cache.remark(index, judged.remarks);
                drop(cache.record(index, at, began.elapsed(), judged.probes));
            }
            Err(error) => {
                terminal::error(&anyhow::anyhow!("{}: {error}", entry.name));
                cache.record_failure(index, at, &error);
            }
        }
    }
    Gateway {
        name: config.name,
        fridges: config.fridges,
        units: config.units,
        cache: Arc::new(cache),
        history: Arc::new(History::default()),
        clock,
        asked: Default::default(),
        reuse: Default::default(),
    }
}
