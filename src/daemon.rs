//! The running gateway: wires its parts together by a [`Config`], reads the clocks, takes a new configuration on
//! SIGHUP, and ends on SIGTERM.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::alarm::GatewayNotice;
use crate::api::Feed;
use crate::auth::Auth;
use crate::chat::Chat;
use crate::config::Config;
use crate::gateway::{Elsewhere, Gateway};
use crate::history::{Keeper, Kept, Reported};
use crate::hub::{Archive, Hub, PastOfAll};
use crate::mattermost::Mattermost;
use crate::mattermost::button_token::Signer;
use crate::notify::{self, DeliveryStatuses, Notifier};
use crate::reading::{Clock, Stamp};
use crate::recorder::{Input, Recorder, Writer};
use crate::socket;
use crate::store::{Records, SetAside};
use crate::web::Web;
use crate::{host, https, systemd};

mod examination;
mod notices;
mod parts;
mod routes;
mod shell;
mod status;
mod supervisor;
mod watchdog;

use notices::Notices;
use parts::{Parts, status};
use routes::Routes;
pub use status::{BusReport, HistoryReport, Report};
use supervisor::Supervisor;

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
    /// Nobody can be told of alarms.
    #[error(transparent)]
    Notify(#[from] notify::Error),
    /// The system gives no threads or signals.
    #[error("the operating system refused a thread, a signal handler or a timer: {0}")]
    System(#[from] std::io::Error),
}

/// The clock that never steps begins this long before the start, so that what was kept over a restart has its moment
/// on it.
const BEFORE_START: Duration = Duration::from_secs(8 * 24 * 3_600);

/// A disk gets so long to take the newest readings at the end: the unit's `TimeoutStopSec` is 20 s for all of it.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// What the recorder does not take at once is tried again after so long.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The machine's clocks. The one that never steps goes on while the machine sleeps, so that what was read before is old
/// when it wakes.
pub fn clock() -> Clock {
    let started = host::uptime();
    Arc::new(move || Stamp {
        mono: BEFORE_START + host::uptime().saturating_sub(started),
        wall: Timestamp::now(),
    })
}

/// Runs the gateway until SIGTERM or Ctrl-C, then ends it gracefully: no new questions, those in
/// status are answered, the sweeps in status end with the line released. `ready` is called once,
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
    let databases = config.databases(&paths.state);
    make_folder(&databases)?;

    let clock = clock();
    let (parcels, outbox) = tokio::sync::mpsc::unbounded_channel();
    let (zone, warning) = host::time_zone();
    if let Some(warning) = warning {
        warn!("{warning}");
    }
    let writer = Writer::new(Recorder::new(clock(), zone), Arc::clone(&clock));
    let writer = writer.with_records(open_records(&databases, &clock), host::uptime(), parcels);
    let (state, history) = (writer.state(), writer.history());
    let recorder = writer.start()?;
    let keeper = Keeper::new(Arc::clone(&history), &databases, Arc::clone(&clock));
    history.set_config(config.history);
    let reporting = recorder.clone();
    keeper.start(host::time_zone().0, move |reported| match reported {
        Reported::Restored(restored) => reporting.report(Input::Restored(restored)),
        Reported::Sealed(seal) => {
            reporting.report(Input::Notice(GatewayNotice::Sealed { day: seal.day, hash: seal.hash }));
        }
    })?;
    let past = Kept::new(&databases, Some(Arc::clone(&history) as _), Arc::clone(&clock));
    let archive = Arc::new(Archive::new(&databases, Arc::clone(&history), Arc::clone(&clock)));
    archive.set_retention(config.history.retention);
    let past = PastOfAll::new(past, Arc::clone(&archive));
    let (elsewhere, wanted) = Elsewhere::new();
    let gateway = Gateway::new(config.site.clone(), state, Arc::clone(&history), Arc::clone(&clock))
        .with_recorder(recorder.clone())
        .with_elsewhere(elsewhere)
        .with_past(Arc::new(past));
    let signer = Signer::ensure(&paths.state).unwrap_or_else(|error| {
        warn!("{error}; until then buttons work only until the next restart");
        Signer::ephemeral()
    });
    let signer = Arc::new(signer);
    let chat = Arc::new(Chat::new(gateway.clone()));
    let transport = Arc::new(https::stats::Stats::default());
    let mattermost =
        Mattermost::new(config.mattermost.clone(), chat, Arc::clone(&signer), Arc::clone(&transport));
    let mattermost = Arc::new(mattermost);
    let (mut store, inherited) = systemd::FdStore::inherited();
    let statuses = DeliveryStatuses::default();
    let feed = Feed::new({
        let mattermost = Arc::clone(&mattermost);
        move || mattermost.chat()
    });
    let metrics = routes::metrics(&transport, &mattermost, &statuses);
    let auth = Arc::new(Auth::new(config.auth.clone()));
    let web = Web { auth, examine: examination::examine(&config.path, paths) };
    let routes = Routes::new(Arc::clone(&mattermost), Arc::clone(&feed), metrics, web, config.page.clone());
    let routes = Arc::new(routes);
    let service = Arc::clone(&routes) as _;
    let mut server =
        https::Server::bind(config.https.clone(), service, transport, &paths.state, inherited).await?;
    let socket = match socket::Server::bind(&paths.socket) {
        Ok(socket) => Some(Arc::new(socket)),
        Err(error @ (socket::Error::Taken(_) | socket::Error::NotASocket(_))) => return Err(error.into()),
        Err(error) => {
            warn!("{error}; `fridge status` in the shell will not reach this gateway");
            None
        }
    };
    // Between these two nothing waits: a message that comes before its target is given up.
    let sources = notify::mqtt::Sources {
        chat: {
            let mattermost = Arc::clone(&mattermost);
            Arc::new(move || mattermost.chat())
        },
        recorder: recorder.clone(),
        state: paths.state.clone(),
    };
    let notifier = Notifier::new(outbox, sources, statuses.clone());
    let mut notices = Notices { notifier, recorder: recorder.clone(), signer, clock: Arc::clone(&clock) };
    notices.tell(&config)?;
    let mut hub = Hub::new(recorder.clone(), Arc::clone(&clock), statuses.clone(), wanted, archive);
    hub.set_config(config.hub.as_ref());
    let mut sites = hub.known();
    let mut supervisor = Supervisor::new(clock, recorder.clone());
    supervisor.reconcile(&config.buses, &config.site.fridges).await?;
    tokio::spawn(feed.run());
    tokio::spawn(Arc::clone(&routes).expire_sessions());
    server.open();

    let handle = server.handle();
    let running = Running {
        addresses: handle.addresses(),
        certificate: handle.certificate(),
        socket: socket.as_ref().map(|socket| socket.path().to_owned()),
    };
    if let Some(socket) = socket {
        let answer = shell::answers(shell::Shell {
            server: handle.clone(),
            mattermost: Arc::clone(&mattermost),
            statuses,
            configuration: config.path.clone(),
        });
        tokio::spawn(async move { socket.run(answer).await });
    }
    for address in &running.addresses {
        info!("answering on https://{address}");
    }
    store.keep(server.sockets());
    systemd::ready(&status(&config, &running.addresses));
    let watchdog = watchdog::start(handle, Arc::clone(&mattermost))?;
    let state = paths.state.clone();
    let is_all_simulated = config.is_all_simulated();
    let mut parts = Parts {
        gateway,
        mattermost,
        routes,
        server,
        supervisor,
        notices,
        hub,
        config,
        state,
        is_all_simulated,
    };
    parts.keep_as_good();
    ready(&running);

    loop {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: ending"),
            _ = interrupt.recv() => info!("Ctrl-C: ending"),
            // It lives as long as the parts do.
            Ok(()) = sites.changed() => {
                let known = Arc::clone(&sites.borrow_and_update());
                if !parts.show_sites(&known) {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                    sites.mark_changed();
                }
                continue;
            }
            _ = hang_up.recv() => match on_hang_up {
                HangUp::End => info!("SIGHUP: ending"),
                HangUp::Reload => {
                    info!("SIGHUP: reading the configuration again");
                    systemd::reloading();
                    let status = tokio::select! {
                        status = parts.reload() => Some(status),
                        _ = terminate.recv() => None,
                        _ = interrupt.recv() => None,
                    };
                    if let Some(status) = status {
                        store.keep(parts.server.sockets());
                        systemd::ready(&status);
                        continue;
                    }
                    info!("ending, without the new configuration");
                }
            },
        }
        break;
    }
    systemd::stopping();
    drop(watchdog);
    parts.server.end().await;
    parts.supervisor.stop().await;
    parts.notices.notifier.end().await;
    recorder.end().await;
    let gateway = parts.gateway.clone();
    let flushed = tokio::task::spawn_blocking(move || gateway.flush(LAST_FLUSH)).await;
    if !flushed.unwrap_or_default() {
        warn!("the newest readings are not on the disk");
    }
    info!("ended");
    Ok(())
}

/// Opens the records; where that fails, alarms go on from memory.
fn open_records(state: &Path, clock: &Clock) -> Option<Records> {
    match Records::open(state, clock().wall) {
        Ok((records, None)) => Some(records),
        Ok((records, Some(SetAside { path, reason }))) => {
            error!(
                "the records were damaged ({reason}): they are set aside as {}, and new ones begun",
                path.display()
            );
            Some(records)
        }
        Err(error) => {
            error!("alarms go on from memory, and are lost at a restart: {error}");
            None
        }
    }
}

fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|error| Error::State { path: path.to_owned(), error })
}
