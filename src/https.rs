//! The HTTPS server: listening, limits, draining. Questions come in here, answers go out; what is
//! asked on which path stands in the files beside this one.
//!
//! warp's filters answer, as a service behind an accept loop of our own: warp's own server knows no
//! TLS, no time limits, no caps and no header limits.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use crate::chat::{Gateway, Scope};
use crate::secret::Secret;

mod action;
pub mod certificate;
mod command;
mod connection;
mod health;
mod message;
mod post;
mod reception;
mod refusals;
mod routes;
mod signature;
mod stream;
pub mod tls;
mod webhook;

pub use refusals::{Remembered, Report, Statistics};

/// What the server serves, and to whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its key; `None` for one of our own in the state folder.
    pub certificate: Option<tls::Files>,
    /// Who may ask.
    pub hooks: Vec<Hook>,
    /// A question begins with one of these words.
    pub trigger_words: Vec<String>,
    /// The gateway as Mattermost reaches it, without a slash at the end; without it there are no
    /// buttons.
    pub url: Option<String>,
    /// From where one may ask; empty for anywhere. The caps on connections do not hold for them.
    pub allow: Vec<IpNet>,
    /// How much, how many and how long.
    pub limits: Limits,
}

/// One outgoing webhook or slash command of Mattermost.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What people call it, for the doctor and the log.
    pub name: String,
    /// What it proves itself with.
    pub token: Secret,
    /// Where the answer to an outgoing webhook appears.
    pub response: Placement,
    /// Whether everybody in the channel sees the answer to a slash command.
    pub in_channel: bool,
    /// Another name for the answer's author, where Mattermost allows that.
    pub username: Option<String>,
    /// Another picture for the answer's author, where Mattermost allows that.
    pub icon_url: Option<String>,
    /// Which fridges it may see.
    pub scope: Scope,
}

/// Where the answer to an outgoing webhook appears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// As a post in the channel.
    #[default]
    Post,
    /// As a comment on the question. A question that stands in a thread itself gets no answer at all
    /// then: Mattermost refuses a comment on a comment, and tells nobody.
    Comment,
}

/// How much, how many and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, in all. An idle one costs about 20 kB.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// For the TLS handshake. Mattermost gives up after 3 s.
    pub handshake: Duration,
    /// From the handshake to the end of the first request's header.
    pub first_request: Duration,
    /// From one answer to the end of the next request's header. Longer than the 90 s after which
    /// Mattermost's client closes an idle connection: were we first, a question sent at that moment
    /// would be lost without a trace.
    pub idle: Duration,
    /// For a request's body.
    pub body: Duration,
    /// Bytes of a request's body. Mattermost's longest message makes a form of 200 kB.
    pub body_bytes: usize,
    /// Bytes of a request's header.
    pub header_bytes: usize,
    /// Lines of a request's header.
    pub header_lines: usize,
    /// For an answer to leave. One that has room in the system's buffers leaves at once; this is for a
    /// peer that asks and asks and reads nothing.
    pub answer: Duration,
    /// From our end of a connection to the peer's, in which what it still sends is thrown away.
    pub linger: Duration,
    /// For the requests in progress when the server ends.
    pub drain: Duration,
    /// How often the certificate's files are looked at.
    pub certificate_check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            connections_per_address: 64,
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            body: Duration::from_secs(5),
            body_bytes: 256 * 1024,
            header_bytes: 16 * 1024,
            header_lines: 64,
            answer: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(3),
            certificate_check: Duration::from_secs(2),
        }
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}{}", cure_of(*address, error))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate's files are wrong.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// There is no certificate, and none can be made.
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
    /// There is no key for the buttons, and none can be made.
    #[error(transparent)]
    Key(#[from] signature::KeyError),
}

fn cure_of(address: SocketAddr, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "; the port is in use: stop what uses it (`ss -ltnp sport = :{}` shows it) or say another with `listen`",
            address.port()
        ),
        ErrorKind::PermissionDenied => {
            String::from("; ports below 1024 are for root: say one above with `listen`")
        }
        ErrorKind::AddrNotAvailable => String::from(
            "; this machine has no such address: say one of its own, or 0.0.0.0 for all, with `listen`",
        ),
        _ => String::new(),
    }
}

/// The server, listening and not yet accepting.
pub struct Server {
    listeners: Vec<TcpListener>,
    current: Arc<tls::Current>,
    statistics: Arc<Statistics>,
    routes: routes::Routes,
    allow: Vec<IpNet>,
    limits: Limits,
}

impl Server {
    /// Opens the ports and loads the certificate; makes one in `state` where none is configured and
    /// none is there.
    ///
    /// # Errors
    /// What is wrong with the address or the certificate, and the cure.
    pub async fn bind(config: Config, gateway: Arc<Gateway>, state: &Path) -> Result<Server, Error> {
        let files = match config.certificate {
            Some(files) => files,
            None => certificate::ensure(state)?,
        };
        let current = Arc::new(tls::Current::load(files)?);
        let mut listeners = Vec::new();
        for address in config.listen {
            let listener =
                TcpListener::bind(address).await.map_err(|error| Error::Listen { address, error })?;
            listeners.push(listener);
        }
        let statistics = Arc::new(Statistics::default());
        let routes = routes::routes(reception::Reception {
            hooks: config.hooks,
            trigger_words: config.trigger_words,
            url: config.url,
            allow: config.allow.clone(),
            key: signature::Key::ensure(state)?,
            gateway,
            statistics: Arc::clone(&statistics),
        });
        Ok(Server { listeners, current, statistics, routes, allow: config.allow, limits: config.limits })
    }

    /// The addresses that it listens on, with their real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The certificate's file.
    pub fn certificate(&self) -> &Path {
        &self.current.files().certificate
    }

    /// What is asked, counted as it happens.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// Serves until `shutdown`, then accepts nobody more, answers what is in progress, and closes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let graceful = Arc::new(GracefulShutdown::new());
        let doorman = Arc::new(Doorman::new(&self.limits, self.allow));
        let acceptor = TlsAcceptor::from(Arc::new(tls::server_config(Arc::clone(&self.current))));
        let mut tasks = JoinSet::new();
        tasks.spawn(watch_certificate(Arc::clone(&self.current), self.limits.certificate_check));
        for listener in self.listeners {
            let (doorman, acceptor, limits) = (Arc::clone(&doorman), acceptor.clone(), self.limits.clone());
            let (routes, graceful) = (self.routes.clone(), Arc::clone(&graceful));
            tasks.spawn(async move {
                loop {
                    let (stream, peer, place) = admit(&listener, &doorman).await;
                    let connection = connection::serve(
                        stream,
                        routes::Peer(peer),
                        acceptor.clone(),
                        routes.clone(),
                        limits.clone(),
                        graceful.watcher(),
                    );
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
            });
        }
        shutdown.await;
        tasks.shutdown().await;
        let graceful = Arc::into_inner(graceful).expect("the tasks that shared it have ended");
        if tokio::time::timeout(self.limits.drain, graceful.shutdown()).await.is_err() {
            warn!("some connections did not end in time; closing them");
        }
    }
}

/// Looks at the certificate's files now and then; reads them again once they have changed and have
/// then stayed the same from one look to the next, because certificate and key are two files.
async fn watch_certificate(current: Arc<tls::Current>, every: Duration) {
    let mut loaded = current.mark();
    let mut last = loaded.clone();
    loop {
        tokio::time::sleep(every).await;
        let mark = current.mark();
        if mark != loaded && mark == last {
            current.reload();
            loaded = mark.clone();
        }
        last = mark;
    }
}

/// Keeps the caps on connections, in all and from one address. Those in `allow` have places of their
/// own, as many again in all, so that nobody can keep the chat server out.
struct Doorman {
    allow: Vec<IpNet>,
    places: Arc<Semaphore>,
    places_for_allowed: Arc<Semaphore>,
    per_address: usize,
    inside: Mutex<HashMap<IpAddr, usize>>,
}

impl Doorman {
    fn new(limits: &Limits, allow: Vec<IpNet>) -> Self {
        Doorman {
            allow,
            places: Arc::new(Semaphore::new(limits.connections)),
            places_for_allowed: Arc::new(Semaphore::new(limits.connections)),
            per_address: limits.connections_per_address,
            inside: Mutex::default(),
        }
    }

    /// A place for one more connection from that address; `None` where there is none.
    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let allowed = self.allow.iter().any(|net| net.contains(&address));
        let places = if allowed { &self.places_for_allowed } else { &self.places };
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = inside.entry(address).or_insert(0);
        if !allowed && *connections >= self.per_address {
            return None;
        }
        *connections += 1;
        Some(Place { doorman: Arc::clone(self), address, _permit: permit })
    }
}

/// One connection's place; free again when dropped.
struct Place {
    doorman: Arc<Doorman>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.doorman.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = inside.get_mut(&self.address) {
            *connections -= 1;
            if *connections == 0 {
                inside.remove(&self.address);
            }
        }
    }
}

/// The next connection for which there is a place; one for which there is none is closed at once, which
/// its sender sees sooner than silence.
async fn admit(listener: &TcpListener, doorman: &Arc<Doorman>) -> (TcpStream, IpAddr, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = peer.ip().to_canonical();
                if let Some(place) = doorman.place(peer) {
                    return (stream, peer, place);
                }
            }
            Err(error) => {
                // Out of file descriptors, or a peer that has gone already; asking again at once
                // would spin on the former.
                warn!("nobody can be let in just now: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}
