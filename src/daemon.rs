//! The running gateway: wires the configuration's parts together, reads the clocks, exchanges the parts
//! on SIGHUP, and ends them all on SIGTERM. Goes in: a [`Config`] and the places of its files. Comes out: a
//! served port.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::chat::{Gateway, Scope};
use crate::config::Config;
use crate::https;
use crate::reading::{Clock, Stamp};
use crate::socket::{self, Asker, Question};
use crate::systemd;

mod buses;
mod report;
mod watchdog;

use buses::Buses;
pub use buses::calibrations;
pub use report::{BusReport, Report};

const NOT_FOR_EVERYBODY: &str =
    r#"{"error":"only root and the group fridge may see what was refused: sudo fridge doctor --last"}"#;

/// What a hang-up (SIGHUP) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// To read the configuration again, as for every service.
    Reload,
    /// The end: the terminal has gone.
    End,
}

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
    /// The socket belongs to another gateway, or the file to somebody else.
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
pub async fn run(
    config: Config,
    places: &Places,
    on_hang_up: HangUp,
    ready: impl FnOnce(&Running),
) -> Result<(), Error> {
    let (mut terminate, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    info!(version = env!("CARGO_PKG_VERSION"), configuration = %config.path.display(), "starting");
    for warning in &config.warnings {
        warn!("{warning}");
    }
    make_folder(&places.state)?;

    let clock = clock();
    let (mut store, inherited) = systemd::Store::inherited();
    let mut parts = Parts { buses: Buses::new(Arc::clone(&clock)), clock, asked: Arc::default() };
    let gateway = parts.gateway(&config);
    let mut server = https::Server::bind(config.https.clone(), gateway, &places.state, inherited).await?;
    let socket = match socket::Server::bind(&places.socket) {
        Ok(socket) => Some(Arc::new(socket)),
        Err(error @ (socket::Error::Taken(_) | socket::Error::NotASocket(_))) => return Err(error.into()),
        Err(error) => {
            warn!("{error}; `fridge status` in the shell will not reach this gateway");
            None
        }
    };
    parts.buses.exchange(&config).await?;
    server.open();

    let handle = server.handle();
    let running = Running {
        addresses: handle.addresses(),
        certificate: handle.certificate(),
        socket: socket.as_ref().map(|socket| socket.path().to_owned()),
    };
    if let Some(socket) = socket {
        let answer = answers(handle.clone(), config.path.clone());
        tokio::spawn(async move { socket.run(answer).await });
    }
    for address in &running.addresses {
        info!("answering on https://{address}");
    }
    store.keep(server.sockets());
    systemd::ready(&status(&config, &running.addresses));
    let watchdog = watchdog::start(handle)?;
    ready(&running);

    loop {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: ending"),
            _ = interrupt.recv() => info!("Ctrl-C: ending"),
            _ = hang_up.recv() => match on_hang_up {
                HangUp::End => info!("SIGHUP: ending"),
                HangUp::Reload => {
                    info!("SIGHUP: reading the configuration again");
                    systemd::reloading();
                    let status = reload(&config.path, &mut server, &mut parts).await;
                    store.keep(server.sockets());
                    systemd::ready(&status);
                    continue;
                }
            },
        }
        break;
    }
    systemd::stopping();
    drop(watchdog);
    server.end().await;
    parts.buses.stop().await;
    info!("ended");
    Ok(())
}

/// What stays while configurations come and go.
struct Parts {
    buses: Buses,
    clock: Clock,
    asked: Arc<AtomicU64>,
}

impl Parts {
    /// What answers by this configuration, of what all of them share.
    fn gateway(&self, config: &Config) -> Arc<Gateway> {
        Arc::new(Gateway {
            name: config.name.clone(),
            fridges: config.fridges.clone(),
            units: config.units,
            cache: self.buses.cache(),
            history: self.buses.history(),
            clock: Arc::clone(&self.clock),
            asked: Arc::clone(&self.asked),
            reuse: Default::default(),
        })
    }
}

/// Reads the configuration again and serves by it; where anything is wrong with it, all of that is logged
/// and everything stays as it is. Returns one line about it.
async fn reload(path: &Path, server: &mut https::Server, parts: &mut Parts) -> String {
    let file = path.to_owned();
    // In a thread of its own: nobody's answer waits for a file.
    let loaded = tokio::task::spawn_blocking(move || Config::load(&file)).await;
    let problems = match loaded {
        Ok(Ok(config)) => match adopt(&config, server, parts).await {
            Ok(()) => {
                info!("serving by the new configuration");
                return status(&config, &server.handle().addresses());
            }
            Err(error) => error.to_string(),
        },
        Ok(Err(problems)) => problems.to_string(),
        Err(failed) => format!("a bug: {failed}"),
    };
    for problem in problems.lines() {
        error!("{problem}");
    }
    error!(
        "the new configuration is not taken; the one before it stays: mend it, `fridge check`, reload again"
    );
    format!("the new configuration is not taken, the one before it stays: {problems}")
}

async fn adopt(config: &Config, server: &mut https::Server, parts: &mut Parts) -> Result<(), https::Error> {
    server.reload(config.https.clone(), parts.gateway(config)).await?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    if let Err(error) = parts.buses.exchange(config).await {
        // What answers goes on; the bus without a thread grows old, and everybody can see its age.
        error!("the system gives no thread for a bus: {error}");
    }
    Ok(())
}

/// What `systemctl status` shows.
fn status(config: &Config, addresses: &[std::net::SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("https://{address}")).collect();
    let token = if config.https.hooks.is_empty() { "; no token yet: every question is refused" } else { "" };
    format!("answering on {}; fridges: {}{token}", addresses.join(", "), config.fridges.len())
}

/// What the machine's own users get to know over the socket.
fn answers(handle: https::Handle, configuration: PathBuf) -> Arc<socket::Answer> {
    let answer = move |question, asker: Asker| match question {
        #[cfg(feature = "test-deadlock")]
        Question::Ask(words) if words == "deadlock" && asker.privileged => {
            handle.gateway().reuse.lock_for_ever();
            Ok(String::from("{}"))
        }
        Question::Ask(words) => {
            serde_json::to_string(&*handle.gateway().answer(&words, &Scope::everything()))
        }
        Question::Report => serde_json::to_string(&report::report(&handle, &configuration)),
        Question::LastRefusals if asker.privileged => {
            let now = (handle.gateway().clock)();
            serde_json::to_string(&handle.statistics().last_refusals(&now))
        }
        Question::LastRefusals => Ok(NOT_FOR_EVERYBODY.to_owned()),
    };
    Arc::new(move |question, asker| {
        answer(question, asker).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    })
}

fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|error| Error::State { path: path.to_owned(), error })
}
