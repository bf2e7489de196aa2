//! The server: its doors, the reception behind them, and the certificate, each exchanged on its own when
//! the configuration is read again; and the end, which leaves nobody without an answer.
//!
//! warp's filters answer, as a service behind an accept loop of our own: warp's own server knows no
//! TLS, no time limits, no caps and no header limits.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::connection_limits::ConnectionLimiter;
use super::door::{self, Door, Plan};
use super::reception::{Present, Reception};
use super::{Config, Error, Limits, Statistics, certificate, connection, routes, self_check, signature, tls};
use crate::chat::Gateway;

/// The server. It listens once it is bound, and lets people in once it is open.
pub struct Server {
    handle: Handle,
    doors: Vec<Door>,
    is_open: bool,
    state: PathBuf,
    key: Arc<signature::Key>,
    routes: routes::Routes,
    acceptor: TlsAcceptor,
    limits: Limits,
    ending: watch::Sender<bool>,
    watching: Option<AbortHandle>,
}

/// What others may know of a running server.
#[derive(Clone)]
pub struct Handle {
    present: Arc<Present>,
    statistics: Arc<Statistics>,
    current: Arc<tls::Current>,
    limiter: Arc<ConnectionLimiter>,
    addresses: Arc<RwLock<Vec<SocketAddr>>>,
}

impl Handle {
    /// What answers at present.
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.present.get().gateway)
    }

    /// How many hooks may ask at present.
    pub fn hooks(&self) -> usize {
        self.present.get().hooks.len()
    }

    /// The addresses that it listens on, with their real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.current.loaded().files.certificate.clone()
    }

    /// What is asked, counted as it happens.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// Runs the liveness self-check, each step within `limit`. Blocking.
    ///
    /// # Errors
    /// What kept the answer away.
    pub fn self_check(&self, limit: Duration) -> Result<(), String> {
        self_check::check(&self.addresses(), &self.current, &self.limiter, limit)
    }
}

impl Server {
    /// Opens the ports, or takes over those that are among `inherited`, and loads the certificate; makes one
    /// in `state` where none is configured and none is there.
    ///
    /// # Errors
    /// What is wrong with the address or the certificate, and the cure.
    pub async fn bind(
        config: Config,
        gateway: Arc<Gateway>,
        state: &Path,
        mut inherited: Vec<TcpListener>,
    ) -> Result<Server, Error> {
        let current = Arc::new(tls::Current::new(load(&config, state)?));
        warn_of(&current.loaded().files.certificate);
        let mut doors = Vec::new();
        for plan in door::plan(&config.listen) {
            doors.push(open(plan, &mut inherited)?);
        }
        let key = Arc::new(signature::Key::ensure(state)?);
        let statistics = Arc::new(Statistics::default());
        let limits = config.limits.clone();
        let reception = reception(config, gateway, Arc::clone(&key), Arc::clone(&statistics));
        let present = Arc::new(Present::new(reception));
        let server = Server {
            routes: routes::routes(Arc::clone(&present)),
            acceptor: TlsAcceptor::from(Arc::new(tls::server_config(Arc::clone(&current)))),
            handle: Handle {
                limiter: Arc::new(ConnectionLimiter::new(&limits, Arc::clone(&present))),
                present,
                statistics,
                current,
                addresses: Arc::default(),
            },
            doors,
            is_open: false,
            state: state.to_owned(),
            key,
            limits,
            ending: watch::channel(false).0,
            watching: None,
        };
        server.note_addresses();
        Ok(server)
    }

    /// What others may know of it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Its sockets by their names, to be kept by somebody while the program restarts.
    pub fn sockets(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        self.doors.iter().map(|door| (door.name(), door.socket()))
    }

    /// Lets people in.
    pub fn open(&mut self) {
        self.is_open = true;
        let mut doors = std::mem::take(&mut self.doors);
        doors.iter_mut().for_each(|door| self.admit(door));
        self.doors = doors;
        let current = Arc::clone(&self.handle.current);
        let watching = tokio::spawn(watch_certificate(current, self.limits.certificate_check));
        self.watching = Some(watching.abort_handle());
    }

    /// Serves by another configuration from now on. Connections that are open stay so; an answer that has
    /// begun ends as it began. The limits are those of the start.
    ///
    /// # Errors
    /// What is wrong with the new addresses or the certificate: then everything stays as it was.
    pub async fn reload(&mut self, config: Config, gateway: Arc<Gateway>) -> Result<(), Error> {
        let loaded = load(&config, &self.state)?;
        self.move_to(door::plan(&config.listen)).await?;
        let served = self.handle.current.loaded();
        if loaded.files != served.files || loaded.mark != served.mark {
            info!("serving the certificate in {}", loaded.files.certificate.display());
            warn_of(&loaded.files.certificate);
            self.handle.current.exchange(loaded);
        }
        let (key, statistics) = (Arc::clone(&self.key), Arc::clone(&self.handle.statistics));
        self.handle.present.set(reception(config, gateway, key, statistics));
        Ok(())
    }

    /// Opens the doors that are new and closes those that go; the others stay untouched.
    async fn move_to(&mut self, plans: Vec<Plan>) -> Result<(), Error> {
        let (stay, mut go): (Vec<Door>, Vec<Door>) =
            std::mem::take(&mut self.doors).into_iter().partition(|door| plans.contains(&door.plan));
        let new = plans.into_iter().filter(|plan| stay.iter().all(|door| door.plan != *plan));
        let (mut opened, mut closed, mut refused) = (Vec::new(), Vec::new(), None);
        for plan in new {
            let mut door = open(plan, &mut Vec::new());
            if door.is_err() {
                // Two sockets cannot listen on one port of overlapping addresses: the old one goes first.
                let port = plan.address.port();
                let (same, others) = go.into_iter().partition(|old| old.plan.address.port() == port);
                go = others;
                for old in same {
                    closed.push(old.plan);
                    old.close().await;
                }
                door = open(plan, &mut Vec::new());
            }
            match door {
                Ok(door) => opened.push(door),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        self.doors = stay;
        if refused.is_some() {
            for door in opened.drain(..) {
                door.close().await;
            }
            self.doors.append(&mut go);
            for plan in closed {
                match open(plan, &mut Vec::new()) {
                    Ok(door) => opened.push(door),
                    Err(error) => warn!("{error}"),
                }
            }
        }
        for mut door in opened {
            if self.is_open {
                self.admit(&mut door);
            }
            info!("answering on https://{}", door.address().unwrap_or(door.plan.address));
            self.doors.push(door);
        }
        for door in go {
            info!("no longer answering on https://{}", door.address().unwrap_or(door.plan.address));
            door.close().await;
        }
        self.note_addresses();
        refused.map_or(Ok(()), Err)
    }

    /// Ends: lets nobody in any more, answers what is in progress, and closes.
    pub async fn end(self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
        for door in self.doors {
            door.leave().await;
        }
        self.ending.send_replace(true);
        // Each connection holds a receiver until it has ended.
        if tokio::time::timeout(self.limits.drain, self.ending.closed()).await.is_err() {
            warn!("some requests were not answered in time; ending without them");
        }
    }

    fn note_addresses(&self) {
        let addresses = self.doors.iter().filter_map(|door| door.address().ok()).collect();
        *self.handle.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    fn admit(&self, door: &mut Door) {
        let (limiter, acceptor) = (Arc::clone(&self.handle.limiter), self.acceptor.clone());
        // A sender's clone would keep the end waiting: receivers are made of it while it lives.
        let (limits, routes, ending) = (self.limits.clone(), self.routes.clone(), self.ending.subscribe());
        door.admit(|listener| async move {
            loop {
                let (stream, peer, permit) = door::accept(&listener, &limiter).await;
                let connection = connection::serve(
                    stream,
                    routes::Peer(peer),
                    acceptor.clone(),
                    routes.clone(),
                    limits.clone(),
                    permit,
                    ending.clone(),
                );
                tokio::spawn(connection);
            }
        });
    }
}

fn load(config: &Config, state: &Path) -> Result<tls::Loaded, Error> {
    let files = match &config.certificate {
        Some(files) => files.clone(),
        None => certificate::ensure(state)?,
    };
    Ok(tls::Loaded::read(files)?)
}

fn open(plan: Plan, inherited: &mut Vec<TcpListener>) -> Result<Door, Error> {
    let failed = |error: io::Error| Error::Listen { address: plan.address, error };
    Door::open(plan, inherited).map_err(failed)
}

fn reception(
    config: Config,
    gateway: Arc<Gateway>,
    key: Arc<signature::Key>,
    statistics: Arc<Statistics>,
) -> Reception {
    Reception {
        hooks: config.hooks,
        trigger_words: config.trigger_words,
        url: config.url,
        allow: config.allow,
        key,
        gateway,
        statistics,
    }
}

/// Logs what a client will hold against the certificate in that file.
fn warn_of(path: &Path) {
    // One that cannot be described cannot be loaded either, and has been reported already.
    for objection in certificate::describe(path).iter().flat_map(|said| said.objections(Timestamp::now())) {
        warn!("the certificate in {}: {}; {}", path.display(), objection.what, objection.cure);
    }
}

/// Looks at the certificate's files now and then; reads them again once they have changed and have
/// then stayed the same from one look to the next, because certificate and key are two files.
async fn watch_certificate(current: Arc<tls::Current>, every: Duration) {
    // What was read last, whether it could be served or not.
    let mut tried = current.loaded().mark.clone();
    let mut last = tried.clone();
    loop {
        tokio::time::sleep(every).await;
        let loaded = current.loaded();
        let mark = loaded.files.mark();
        if mark != loaded.mark && mark != tried && mark == last {
            current.reload();
            warn_of(&loaded.files.certificate);
            tried = mark.clone();
        }
        last = mark;
    }
}
