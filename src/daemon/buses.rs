//! The buses that are polled, and what they are polled into. The configuration goes in, at the start and
//! whenever it is read again; a bus that it does not change keeps its thread.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use tracing::{info, warn};

use crate::bus;
use crate::cache::Cache;
use crate::chat::english;
use crate::config::{Bus, Config};
use crate::fridge::Calibration;
use crate::history::History;
use crate::poll::trust::Calibrations;
use crate::poll::{self, Outcome, Polled, Poller};
use crate::reading::{Clock, ProbeId, Sample};

/// How long the sweeps in progress are waited for: a hundred probes take two seconds, and a bus that hangs
/// must keep neither the gateway from ending nor another bus from beginning.
const PATIENCE: Duration = Duration::from_secs(5);

/// The fridges' names by their probes, for the log.
type Names = Arc<RwLock<HashMap<ProbeId, String>>>;

/// The running buses.
pub struct Buses {
    clock: Clock,
    cache: Arc<Cache>,
    history: Arc<History>,
    calibrations: Arc<Calibrations>,
    names: Names,
    running: Vec<Running>,
}

struct Running {
    bus: Bus,
    /// Its number in the cache.
    number: usize,
    /// `None` where the system gave it no thread.
    poller: Option<Poller>,
}

impl Buses {
    /// None yet.
    pub fn new(clock: Clock) -> Buses {
        Buses {
            cache: Arc::new(Cache::new([], clock(), TimeZone::system())),
            clock,
            history: Arc::default(),
            calibrations: Arc::default(),
            names: Names::default(),
            running: Vec::new(),
        }
    }

    /// What is known of the probes.
    pub fn cache(&self) -> Arc<Cache> {
        Arc::clone(&self.cache)
    }

    /// The last 24 hours of the probes.
    pub fn history(&self) -> Arc<History> {
        Arc::clone(&self.history)
    }

    /// Polls the buses of this configuration from now on. Those that it does not change go on; those that
    /// it changes or leaves out end after the sweep they are in, before new ones begin, because both may be
    /// on the same wire.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub async fn exchange(&mut self, config: &Config) -> io::Result<()> {
        self.calibrations.exchange(calibrations(config));
        *self.names.write().unwrap_or_else(PoisonError::into_inner) =
            config.fridges.iter().map(|fridge| (fridge.probe, fridge.name.clone())).collect();
        let mut before = std::mem::take(&mut self.running);
        let mut stays = |bus: &Bus| {
            let index = before.iter().position(|running| running.bus == *bus && running.poller.is_some())?;
            Some(before.swap_remove(index))
        };
        let wanted: Vec<_> = config.buses.iter().map(|bus| (stays(bus), bus)).collect();
        let described = wanted.iter().map(|(stays, bus)| {
            let number = stays.as_ref().map(|running| running.number);
            (number, (bus.name.clone(), bus.config.is_simulated(), bus.period))
        });
        let numbers = self.cache.exchange(described, (self.clock)());
        stop(before).await;
        for (number, (stays, bus)) in numbers.into_iter().zip(wanted) {
            let running = match stays {
                Some(running) => running,
                None => {
                    let poller = poll::start(self.polled(bus, number), &self.clock)?;
                    Running { bus: bus.clone(), number, poller: Some(poller) }
                }
            };
            self.running.push(running);
        }
        Ok(())
    }

    /// Ends them all after the sweeps they are in.
    pub async fn stop(self) {
        stop(self.running).await;
    }

    /// A bus as its thread wants it, writing into the cache.
    fn polled(&self, bus: &Bus, number: usize) -> Polled {
        let (cache, history, names) =
            (Arc::clone(&self.cache), Arc::clone(&self.history), Arc::clone(&self.names));
        let (config, name) = (bus.config.clone(), bus.name.clone());
        Polled {
            name: bus.name.clone(),
            period: bus.period,
            open: Box::new(move || bus::open(&config)),
            calibrations: Arc::clone(&self.calibrations),
            report: Box::new(move |outcome| match outcome {
                Outcome::Sweep { at, took, judged } => {
                    for sampled in &judged.probes {
                        if let Ok(celsius) = sampled.sample {
                            history.add(sampled.probe, &at, celsius);
                        }
                    }
                    cache.remark(number, judged.remarks);
                    for (probe, sample) in cache.record(number, at, took, judged.probes) {
                        log_change(&name, probe, &names, sample);
                    }
                }
                Outcome::Failed { at, error } => cache.record_failure(number, at, &error),
            }),
        }
    }
}

async fn stop(running: Vec<Running>) {
    let pollers: Vec<Poller> = running.into_iter().filter_map(|running| running.poller).collect();
    if pollers.is_empty() {
        return;
    }
    let all_ended = tokio::task::spawn_blocking(move || poll::stop(pollers, PATIENCE)).await;
    if !matches!(all_ended, Ok(true)) {
        warn!("a bus is still in its sweep; going on without it");
    }
}

/// How the probe in each fridge is corrected.
pub fn calibrations(config: &Config) -> HashMap<ProbeId, Calibration> {
    config.fridges.iter().filter_map(|fridge| Some((fridge.probe, fridge.calibration?))).collect()
}

/// One line for a probe that is new, has another fault than before, or has none any more.
fn log_change(bus: &str, probe: ProbeId, names: &Names, sample: Sample) {
    let names = names.read().unwrap_or_else(PoisonError::into_inner);
    let fridge = names.get(&probe).map_or("-", String::as_str);
    match sample {
        Ok(celsius) => info!(bus, %probe, fridge, "reads {:.1} °C", celsius.degrees()),
        Err(fault) => warn!(bus, %probe, fridge, "{}", english::fault(fault)),
    }
}
