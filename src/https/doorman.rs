//! The doorman: lets connections in as far as there are places, in all and for each address.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::warn;

use super::Limits;
use super::reception::Present;

/// From an accept that failed for want of means to the next one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// From one line in the log about that to the next: places that come and go would fill it.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(60);

/// Keeps the caps on connections, in all and from one address. Those in `allow` have places of their
/// own, as many again in all, so that nobody can keep the chat server out; and the gateway itself, which
/// asks whether it still answers, needs none.
pub struct Doorman {
    present: Arc<Present>,
    places: Arc<Semaphore>,
    places_for_allowed: Arc<Semaphore>,
    per_address: usize,
    inside: Mutex<HashMap<IpAddr, usize>>,
    complained: Mutex<Option<Instant>>,
    ourselves: Mutex<Option<SocketAddr>>,
}

impl Doorman {
    /// A doorman who has let in nobody yet.
    pub fn new(limits: &Limits, present: Arc<Present>) -> Self {
        Doorman {
            present,
            places: Arc::new(Semaphore::new(limits.connections)),
            places_for_allowed: Arc::new(Semaphore::new(limits.connections)),
            per_address: limits.connections_per_address,
            inside: Mutex::default(),
            complained: Mutex::default(),
            ourselves: Mutex::default(),
        }
    }

    /// The gateway's own next connection comes from there.
    pub fn expect_ourselves(&self, from: SocketAddr) {
        *self.ourselves.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
    }

    /// The next connection for which there is a place; one for which there is none is closed at once,
    /// which its sender sees sooner than silence.
    pub async fn admit(self: &Arc<Self>, listener: &TcpListener) -> (TcpStream, IpAddr, Place) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    if let Some(place) = self.place(peer) {
                        return (stream, peer.ip(), place);
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
    fn place(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip();
        let ourselves = *self.ourselves.lock().unwrap_or_else(PoisonError::into_inner) == Some(peer);
        if ourselves {
            return Some(Place { taken: None });
        }
        let allowed = self.present.get().names(address);
        let places = if allowed { &self.places_for_allowed } else { &self.places };
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = inside.entry(address).or_insert(0);
        if !allowed && *connections >= self.per_address {
            return None;
        }
        *connections += 1;
        Some(Place { taken: Some(Taken { doorman: Arc::clone(self), address, _permit: permit }) })
    }
}

/// One connection's place; free again when dropped. The gateway's own takes none.
pub struct Place {
    #[expect(dead_code, reason = "it is held, and freed when dropped")]
    taken: Option<Taken>,
}

struct Taken {
    doorman: Arc<Doorman>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Taken {
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
