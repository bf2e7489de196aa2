//! The server: its listeners and its certificate, each exchanged on its own when the configuration is read
//! again; and the end, which leaves no request without an answer.
//!
//! hyper serves each connection behind an accept loop of our own: no server that comes with a framework has
//! time limits, connection limits and header limits in one.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::body::Budget;
use super::connection::Shared;
use super::connection_limits::ConnectionLimiter;
use super::handshakes::Handshakes;
use super::listeners::Listeners;
use super::service::Service;
use super::stats::Stats;
use super::{Config, Error, Limits, certificate, self_check, tls};

/// For the certificate's files to be read.
const LOADING: Duration = Duration::from_secs(5);

/// The server. It listens once it is bound, and accepts once it is open.
pub struct Server {
    handle: Handle,
    listeners: Listeners,
    state: PathBuf,
    limits: Arc<Limits>,
    ending: watch::Sender<bool>,
    watching: Option<AbortHandle>,
}

/// What others may know of a running server.
#[derive(Clone)]
pub struct Handle {
    stats: Arc<Stats>,
    resolver: Arc<tls::CertResolver>,
    limiter: Arc<ConnectionLimiter>,
    addresses: Arc<ArcSwap<Vec<SocketAddr>>>,
}

impl Handle {
    /// The addresses that it listens on, with their real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.load().to_vec()
    }

    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.resolver.pair().files.certificate.clone()
    }

    /// What came and what was turned away, counted as it happens.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Runs the liveness self-check, each step within `limit`. Blocking.
    ///
    /// # Errors
    /// Why there was no response.
    pub fn self_check(&self, limit: Duration) -> Result<(), String> {
        self_check::check(&self.addresses(), &self.resolver, &self.limiter, limit)
    }
}

impl Server {
    /// Opens the ports, or takes over those that are among `inherited`, and loads the certificate; makes one
    /// in `state` where none is configured and none is there. What happens is counted in `stats`.
    ///
    /// # Errors
    /// What is wrong with the address or the certificate, and the cure.
    pub async fn bind(
        config: Config,
        service: Arc<dyn Service>,
        stats: Arc<Stats>,
        state: &Path,
        inherited: Vec<TcpListener>,
    ) -> Result<Server, Error> {
        let resolver = Arc::new(tls::CertResolver::new(load_aside(config.clone(), state.to_owned()).await?));
        let limits = Arc::new(config.limits);
        let limiter = Arc::new(ConnectionLimiter::new(&limits, config.preferred, Arc::clone(&stats) as _));
        let (ending, ended) = watch::channel(false);
        let shared = Shared {
            handshakes: Arc::new(Handshakes::new(tls::server_config(Arc::clone(&resolver)))),
            service,
            observer: Arc::clone(&stats) as _,
            limits: Arc::clone(&limits),
            bodies: Budget::new(limits.bodies_bytes),
            ending: ended,
        };
        let listeners = Listeners::bind(&config.listen, inherited, Arc::clone(&limiter), shared)?;
        let addresses = Arc::new(ArcSwap::from_pointee(listeners.addresses()));
        let handle = Handle { stats, resolver, limiter, addresses };
        Ok(Server { handle, listeners, state: state.to_owned(), limits, ending, watching: None })
    }

    /// What others may know of it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Its sockets by their names, to be kept by somebody while the program restarts.
    pub fn sockets(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        self.listeners.sockets()
    }

    /// Starts accepting.
    pub fn open(&mut self) {
        self.listeners.start_accepting();
        let resolver = Arc::clone(&self.handle.resolver);
        let watching = tokio::spawn(watch_certificate(resolver, self.limits.certificate_check));
        self.watching = Some(watching.abort_handle());
    }

    /// Serves by another configuration from now on. Connections that are open stay so. The limits are those
    /// of the start.
    ///
    /// # Errors
    /// What is wrong with the new addresses or the certificate: then everything stays as it was.
    pub async fn reload(&mut self, config: &Config) -> Result<(), Error> {
        let pair = load_aside(config.clone(), self.state.clone()).await?;
        let moved = self.listeners.move_to(&config.listen).await;
        self.handle.addresses.store(Arc::new(self.listeners.addresses()));
        moved?;
        let served = self.handle.resolver.pair();
        if pair.files != served.files || pair.stamp != served.stamp {
            info!("serving the certificate in {}", pair.files.certificate.display());
            self.handle.resolver.replace(pair);
        }
        self.handle.limiter.prefer(config.preferred.clone());
        Ok(())
    }

    /// Ends: accepts no more, answers what is in progress, and closes.
    pub async fn end(self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
        self.listeners.stop_accepting().await;
        self.ending.send_replace(true);
        // Each connection holds a receiver until it has ended.
        if tokio::time::timeout(self.limits.drain, self.ending.closed()).await.is_err() {
            warn!("some requests were not answered in time; ending without them");
        }
    }
}

/// The same in a thread of its own, and for so long as a disk may take.
async fn load_aside(config: Config, state: PathBuf) -> Result<tls::CertifiedPair, Error> {
    let path = config.certificate.as_ref().map_or_else(|| state.clone(), |files| files.certificate.clone());
    let loading = tokio::task::spawn_blocking(move || load(&config, &state));
    match tokio::time::timeout(LOADING, loading).await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(_)) | Err(_) => {
            let error = io::Error::new(io::ErrorKind::TimedOut, "it cannot be read in time");
            Err(tls::Error::Unreadable { path, error }.into())
        }
    }
}

/// Reads the pair, and logs why a client would reject it.
fn load(config: &Config, state: &Path) -> Result<tls::CertifiedPair, Error> {
    let files = match &config.certificate {
        Some(files) => files.clone(),
        None => certificate::ensure(state)?,
    };
    let pair = tls::CertifiedPair::read(files)?;
    warn_of(&pair.files.certificate);
    Ok(pair)
}

/// Logs why a client would reject the certificate in that file.
fn warn_of(path: &Path) {
    // One that cannot be described cannot be loaded either, and has been reported already.
    for issue in
        certificate::describe(path).iter().flat_map(|description| description.issues(Timestamp::now()))
    {
        warn!("the certificate in {}: {}; {}", path.display(), issue.what, issue.cure);
    }
}

/// Looks at the certificate's files now and then; reads them again once they have changed and have
/// then stayed the same from one look to the next, because certificate and key are two files. In a thread of its own:
/// a file of a network's that hangs keeps nobody waiting but the next look.
async fn watch_certificate(resolver: Arc<tls::CertResolver>, every: Duration) {
    // What was read last, whether it could be served or not.
    let mut tried = resolver.pair().stamp.clone();
    let mut last = tried.clone();
    loop {
        tokio::time::sleep(every).await;
        let looking = Arc::clone(&resolver);
        let looked = tokio::task::spawn_blocking(move || look(&looking, &tried, last)).await;
        // It neither panics nor is it ended.
        let Ok(after) = looked else { return };
        (tried, last) = after;
    }
}

/// One look; returns what was tried last, and what was seen.
fn look(
    resolver: &tls::CertResolver,
    tried: &tls::FileStamp,
    last: tls::FileStamp,
) -> (tls::FileStamp, tls::FileStamp) {
    let pair = resolver.pair();
    let stamp = pair.files.stamp();
    if stamp != pair.stamp && stamp != *tried && stamp == last {
        resolver.reload();
        warn_of(&pair.files.certificate);
        return (stamp.clone(), stamp);
    }
    (tried.clone(), stamp)
}
