//! The door: opens the listening sockets, and lets connections in as far as there are places, in all
//! and for each address.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::warn;

use super::Limits;

/// Connections that the system holds until they are accepted. The kernel has a cap of its own
/// (net.core.somaxconn).
const BACKLOG: i32 = 1024;

/// Opens one of `all` addresses. `[::]` takes the IPv4 port of the same number too, on most systems:
/// not where the list gives that one to somebody else, or the two could not stand in one list.
pub fn open(address: SocketAddr, all: &[SocketAddr]) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && all.iter().any(|other| other.is_ipv4() && other.port() == address.port()) {
        socket.set_only_v6(true)?;
    }
    // Restarting must not wait for the last connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// From an accept that failed for want of means to the next one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// From one line in the log about that to the next: places that come and go would fill it.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(60);

/// Keeps the caps on connections, in all and from one address. Those in `allow` have places of their
/// own, as many again in all, so that nobody can keep the chat server out.
pub struct Doorman {
    allow: Vec<IpNet>,
    places: Arc<Semaphore>,
    places_for_allowed: Arc<Semaphore>,
    per_address: usize,
    inside: Mutex<HashMap<IpAddr, usize>>,
    complained: Mutex<Option<Instant>>,
}

impl Doorman {
    /// A doorman who has let in nobody yet.
    pub fn new(limits: &Limits, allow: Vec<IpNet>) -> Self {
        Doorman {
            allow,
            places: Arc::new(Semaphore::new(limits.connections)),
            places_for_allowed: Arc::new(Semaphore::new(limits.connections)),
            per_address: limits.connections_per_address,
            inside: Mutex::default(),
            complained: Mutex::default(),
        }
    }

    /// The next connection for which there is a place; one for which there is none is closed at once,
    /// which its sender sees sooner than silence.
    pub async fn admit(self: &Arc<Self>, listener: &TcpListener) -> (TcpStream, IpAddr, Place) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let peer = peer.ip().to_canonical();
                    if let Some(place) = self.place(peer) {
                        return (stream, peer, place);
                    }
                }
                // The peer has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of file descriptors or of memory: asking again at once would spin.
                    self.complain(&error);
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn complain(&self, error: &io::Error) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_AGAIN) {
            warn!("nobody can be let in just now: {error}");
            *complained = Some(Instant::now());
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
pub struct Place {
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
