//! The running gateway: wires the configuration's parts together, reads the clocks, and ends them
//! all on a signal. Goes in: a [`Config`] and the places of its files. Comes out: a served port.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::bus;
use crate::cache::Cache;
use crate::chat::{Gateway, Scope, english};
use crate::config::Config;
use crate::history::History;
use crate::https;
use crate::poll::trust::Calibrations;
use crate::poll::{self, Outcome, Polled};
use crate::reading::{Clock, ProbeId, Sample, Stamp};
use crate::socket::{self, Asker, Question};

/// How long the end waits for the sweeps in progress: a hundred probes take two seconds, and a bus
/// that hangs must not keep the gateway from ending.
const END_PATIENCE: Duration = Duration::from_secs(5);

const NOT_FOR_EVERYBODY: &str =
    r#"{"error":"only root and the group fridge may see what was refused: sudo fridge doctor --last"}"#;

/// Where the gateway keeps and offers what is not configuration.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of the certificate and its key.
    pub state: PathBuf,
    /// The socket's file.
    pub socket: PathBuf,
}

/// What is known once the gateway answers.
#[derive(Clone, Debug)]
pub struct Running {
    /// The addresses on which it listens, with the ports it got where port 0 was asked for.
    pub addresses: Vec<std::net::SocketAddr>,
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The socket's file, if it could be opened.
    pub socket: Option<PathBuf>,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port or the certificate.
    #[error(transparent)]
    Https(#[from] https::Error),
    /// The socket belongs to another gateway.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}: {error}; say another with --state", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system gives no threads or signals.
    #[error("the system refuses what every program needs: {0}")]
    System(#[from] std::io::Error),
}

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

/// The machine's clocks.
pub fn clock() -> Clock {
    let started = Instant::now();
    Arc::new(move || Stamp { mono: started.elapsed(), wall: Timestamp::now() })
}

/// Runs the gateway until SIGTERM or Ctrl-C, then ends it gracefully: no new questions, those in
/// progress are answered, the sweeps in progress end with the line released. `ready` is called once,
/// when the port is open.
///
/// # Errors
/// What keeps it from starting; nothing that happens later ends it.
pub async fn run(config: Config, places: &Places, ready: impl FnOnce(&Running)) -> Result<(), Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    info!(version = env!("CARGO_PKG_VERSION"), configuration = %config.path.display(), "starting");
    for warning in &config.warnings {
        warn!("{warning}");
    }
    make_folder(&places.state)?;

    let clock = clock();
    let buses = config.buses.iter().map(|bus| (bus.name.clone(), bus.config.is_simulated(), bus.period));
    let cache = Arc::new(Cache::new(buses, clock(), TimeZone::system()));
    let history = Arc::new(History::default());
    let gateway = Arc::new(Gateway {
        name: config.name.clone(),
        fridges: config.fridges.clone(),
        units: config.units,
        cache: Arc::clone(&cache),
        history: Arc::clone(&history),
        clock: Arc::clone(&clock),
        asked: AtomicU64::new(0),
        reuse: Default::default(),
    });

    let hooks = config.https.hooks.len();
    let server = https::Server::bind(config.https.clone(), Arc::clone(&gateway), &places.state).await?;
    let socket = match socket::Server::bind(&places.socket) {
        Ok(socket) => Some(Arc::new(socket)),
        Err(error @ socket::Error::Taken(_)) => return Err(error.into()),
        Err(error) => {
            warn!("{error}; `fridge status` in the shell will not reach this gateway");
            None
        }
    };
    let pollers = poll::start(polled(&config, &cache, &history), &clock)?;

    let running = Running {
        addresses: server.addresses(),
        certificate: server.certificate().to_owned(),
        socket: socket.as_ref().map(|socket| socket.path().to_owned()),
    };
    if let Some(socket) = socket.clone() {
        let (running, configuration) = (running.clone(), config.path.clone());
        let (gateway, statistics) = (Arc::clone(&gateway), server.statistics());
        let answer = move |question, asker: Asker| match question {
            Question::Ask(words) => serde_json::to_string(&*gateway.answer(&words, &Scope::everything())),
            Question::Report => {
                serde_json::to_string(&report(&gateway, &running, &configuration, hooks, &statistics))
            }
            Question::LastRefusals if asker.privileged => {
                serde_json::to_string(&statistics.last_refusals(&(gateway.clock)()))
            }
            Question::LastRefusals => Ok(NOT_FOR_EVERYBODY.to_owned()),
        };
        tokio::spawn(async move {
            let answer = move |question, asker| {
                answer(question, asker).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
            };
            socket.run(Arc::new(answer)).await;
        });
    }
    for address in &running.addresses {
        info!("answering on https://{address}");
    }
    ready(&running);

    server
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => info!("SIGTERM: ending"),
                _ = interrupt.recv() => info!("Ctrl-C: ending"),
            }
        })
        .await;
    let all_ended = tokio::task::spawn_blocking(move || pollers.stop(END_PATIENCE)).await;
    if !matches!(all_ended, Ok(true)) {
        warn!("a bus is still in its sweep; ending without it");
    }
    info!("ended");
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|error| Error::State { path: path.to_owned(), error })
}

/// The buses as the poll threads want them, each writing into the cache.
fn polled(config: &Config, cache: &Arc<Cache>, history: &Arc<History>) -> Vec<Polled> {
    let fridge_of: Arc<HashMap<ProbeId, String>> =
        Arc::new(config.fridges.iter().map(|fridge| (fridge.probe, fridge.name.clone())).collect());
    let calibrations = calibrations(config);
    let entries = config.buses.iter().enumerate();
    entries
        .map(|(index, entry)| {
            let (cache, history, fridge_of) =
                (Arc::clone(cache), Arc::clone(history), Arc::clone(&fridge_of));
            let (bus_config, name) = (entry.config.clone(), entry.name.clone());
            Polled {
                name: entry.name.clone(),
                period: entry.period,
                open: Box::new(move || bus::open(&bus_config)),
                calibrations: Arc::clone(&calibrations),
                report: Box::new(move |outcome| match outcome {
                    Outcome::Sweep { at, took, judged } => {
                        for sampled in &judged.probes {
                            if let Ok(celsius) = sampled.sample {
                                history.add(sampled.probe, &at, celsius);
                            }
                        }
                        cache.remark(index, judged.remarks);
                        for (probe, sample) in cache.record(index, at, took, judged.probes) {
                            log_change(&name, probe, fridge_of.get(&probe), sample);
                        }
                    }
                    Outcome::Failed { at, error } => cache.record_failure(index, at, &error),
                }),
            }
        })
        .collect()
}

/// How the probe in each fridge is corrected.
pub fn calibrations(config: &Config) -> Calibrations {
    let fridges = config.fridges.iter();
    Arc::new(fridges.filter_map(|fridge| Some((fridge.probe, fridge.calibration?))).collect())
}

/// One line for a probe that is new, has another fault than before, or has none any more.
fn log_change(bus: &str, probe: ProbeId, fridge: Option<&String>, sample: Sample) {
    let fridge = fridge.map_or("-", String::as_str);
    match sample {
        Ok(celsius) => info!(bus, %probe, fridge, "reads {:.1} °C", celsius.degrees()),
        Err(fault) => warn!(bus, %probe, fridge, "{}", english::fault(fault)),
    }
}

fn report(
    gateway: &Gateway,
    running: &Running,
    configuration: &Path,
    hooks: usize,
    statistics: &https::Statistics,
) -> Report {
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
        certificate: running.certificate.clone(),
        addresses: running.addresses.clone(),
        hooks,
        buses: buses.collect(),
        questions: statistics.report(&view.now),
    }
}
