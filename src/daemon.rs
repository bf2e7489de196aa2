//! The running gateway: wires its parts together by a [`Config`], reads the clocks, takes a new configuration on
//! SIGHUP, and ends on SIGTERM.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::chat::{Asker, Chat, Rights};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::mattermost::Mattermost;
use crate::mattermost::button_token::{self, Signer};
use crate::reading::{Clock, Stamp};
use crate::recorder::{Recorder, Writer};
use crate::socket::{self, Peer, Question};
use crate::{https, systemd};

mod status;
mod supervisor;
mod watchdog;

pub use status::{BusReport, Report};
use supervisor::Supervisor;

const NOT_FOR_EVERYBODY: &str =
    r#"{"error":"only root and the group fridge may see what was rejected: sudo fridge doctor --last"}"#;

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
pub struct Paths {
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
    /// There is no key for the buttons, and none can be made.
    #[error(transparent)]
    Key(#[from] button_token::Error),
    /// The socket belongs to another gateway, or the file to somebody else.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}: {error}; choose another with --state", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system gives no threads or signals.
    #[error("the operating system refused a thread, a signal handler or a timer: {0}")]
    System(#[from] std::io::Error),
}

/// The clock that never steps begins this long before the start, so that what was kept over a restart has its moment
/// on it.
const BEFORE_START: Duration = Duration::from_secs(8 * 24 * 3_600);

/// The machine's clocks.
pub fn clock() -> Clock {
    let started = Instant::now();
    Arc::new(move || Stamp { mono: BEFORE_START + started.elapsed(), wall: Timestamp::now() })
}

/// Runs the gateway until SIGTERM or Ctrl-C, then ends it gracefully: no new questions, those in
/// progress are answered, the sweeps in progress end with the line released. `ready` is called once,
/// when the port is open.
///
/// # Errors
/// What keeps it from starting; nothing that happens later ends it.
pub async fn run(
    config: Config,
    paths: &Paths,
    on_hang_up: HangUp,
    ready: impl FnOnce(&Running),
) -> Result<(), Error> {
    let (mut terminate, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    info!(version = env!("CARGO_PKG_VERSION"), configuration = %config.path.display(), "starting");
    for warning in &config.warnings {
        warn!("{warning}");
    }
    make_folder(&paths.state)?;

    let clock = clock();
    let writer = Writer::new(Recorder::new(clock(), TimeZone::system()), Arc::clone(&clock));
    let (state, history) = (writer.state(), writer.history());
    let recorder = writer.start()?;
    let gateway =
        Gateway::new(config.site.clone(), state, history, Arc::clone(&clock)).with_recorder(recorder.clone());
    let signer = Signer::ensure(&paths.state)?;
    let chat = Arc::new(Chat::new(gateway.clone()));
    let mattermost = Arc::new(Mattermost::new(config.mattermost.clone(), chat, signer));
    let (mut store, inherited) = systemd::FdStore::inherited();
    let service = Arc::clone(&mattermost) as _;
    let mut server = https::Server::bind(config.https.clone(), service, &paths.state, inherited).await?;
    let socket = match socket::Server::bind(&paths.socket) {
        Ok(socket) => Some(Arc::new(socket)),
        Err(error @ (socket::Error::Taken(_) | socket::Error::NotASocket(_))) => return Err(error.into()),
        Err(error) => {
            warn!("{error}; `fridge status` in the shell will not reach this gateway");
            None
        }
    };
    let mut supervisor = Supervisor::new(clock, recorder);
    supervisor.reconcile(&config).await?;
    server.open();

    let handle = server.handle();
    let running = Running {
        addresses: handle.addresses(),
        certificate: handle.certificate(),
        socket: socket.as_ref().map(|socket| socket.path().to_owned()),
    };
    if let Some(socket) = socket {
        let answer = answers(handle.clone(), Arc::clone(&mattermost), config.path.clone());
        tokio::spawn(async move { socket.run(answer).await });
    }
    for address in &running.addresses {
        info!("answering on https://{address}");
    }
    store.keep(server.sockets());
    systemd::ready(&status(&config, &running.addresses));
    let watchdog = watchdog::start(handle, Arc::clone(&mattermost))?;
    let mut parts = Parts { gateway, mattermost, server, supervisor };
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
                    let status = parts.reload(&config.path).await;
                    store.keep(parts.server.sockets());
                    systemd::ready(&status);
                    continue;
                }
            },
        }
        break;
    }
    systemd::stopping();
    drop(watchdog);
    parts.server.end().await;
    parts.supervisor.stop().await;
    info!("ended");
    Ok(())
}

/// What stays while configurations come and go.
struct Parts {
    gateway: Gateway,
    mattermost: Arc<Mattermost>,
    server: https::Server,
    supervisor: Supervisor,
}

impl Parts {
    /// Reads the configuration again and adopts it; where anything is wrong with it, all of that is logged and
    /// everything stays as it is. Returns one line about it.
    async fn reload(&mut self, path: &Path) -> String {
        let file = path.to_owned();
        // In a thread of its own: no answer waits for a file.
        let loaded = tokio::task::spawn_blocking(move || Config::load(&file)).await;
        let problems = match loaded {
            Ok(Ok(config)) => match self.adopt(&config).await {
                Ok(()) => {
                    info!("new configuration in use");
                    return status(&config, &self.server.handle().addresses());
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
            "reload failed, still using the previous configuration: fix it, run `fridge check`, then reload"
        );
        format!("reload failed, still using the previous configuration: {problems}")
    }

    async fn adopt(&mut self, config: &Config) -> Result<(), https::Error> {
        self.server.reload(&config.https).await?;
        self.gateway = self.gateway.reconfigured(config.site.clone());
        let chat = Arc::new(Chat::new(self.gateway.clone()));
        self.mattermost.reload(config.mattermost.clone(), chat);
        for warning in &config.warnings {
            warn!("{warning}");
        }
        if let Err(error) = self.supervisor.reconcile(config).await {
            // What answers goes on; the bus without a thread grows old, and everybody can see its age.
            error!("cannot start the thread of a bus: {error}");
        }
        Ok(())
    }
}

/// What `systemctl status` shows.
fn status(config: &Config, addresses: &[std::net::SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("https://{address}")).collect();
    let token =
        if config.mattermost.hooks.is_empty() { "; no token yet: every question is rejected" } else { "" };
    format!("answering on {}; fridges: {}{token}", addresses.join(", "), config.site.fridges.len())
}

/// What the machine's own users get to know over the socket.
fn answers(
    server: https::Handle,
    mattermost: Arc<Mattermost>,
    configuration: PathBuf,
) -> Arc<socket::Answer> {
    let answer = move |question, peer: Peer| match question {
        // To see the watchdog bite; a release has no such word.
        #[cfg(debug_assertions)]
        Question::Ask(words) if words == "deadlock" && peer.privileged => {
            mattermost.chat().lock_for_ever();
            Ok(String::from("{}"))
        }
        Question::Ask(words) => {
            let rights = if peer.privileged { Rights::Act } else { Rights::Read };
            serde_json::to_string(&*mattermost.chat().answer(&words, &Asker::local(rights)))
        }
        Question::Readings(id) => serde_json::to_string(&mattermost.chat().gateway().readings(&id)),
        Question::Report => serde_json::to_string(&status::report(&server, &mattermost, &configuration)),
        Question::RecentRejections if peer.privileged => {
            let now = mattermost.chat().gateway().now();
            serde_json::to_string(&mattermost.stats().recent_rejections(&now))
        }
        Question::RecentRejections => Ok(NOT_FOR_EVERYBODY.to_owned()),
    };
    Arc::new(move |question, peer| {
        answer(question, peer).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
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
