//! All listening sockets of the server. On a reload those that stay are not touched, new ones are opened, and
//! where one cannot be opened everything stays as it was.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use tracing::{info, warn};

use super::Error;
use super::connection::{self, Shared};
use super::connection_limits::ConnectionLimiter;
use super::listener::{self, ListenAddr, Listener, listen_addrs};

/// After so many connections the others have a turn: those that had to make room give their descriptors back then.
const AT_ONCE: usize = 16;

/// The listening sockets, and what accepted connections are given.
pub struct Listeners {
    open: Vec<Listener>,
    is_accepting: bool,
    limiter: Arc<ConnectionLimiter>,
    shared: Arc<Shared>,
}

impl Listeners {
    /// Listens on these addresses, with the sockets of `inherited` where they fit. Nothing is accepted yet.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub fn bind(
        addresses: &[SocketAddr],
        mut inherited: Vec<TcpListener>,
        limiter: Arc<ConnectionLimiter>,
        shared: Shared,
    ) -> Result<Listeners, Error> {
        let open = listen_addrs(addresses).into_iter().map(|at| bind(at, &mut inherited));
        Ok(Listeners {
            open: open.collect::<Result<_, _>>()?,
            is_accepting: false,
            limiter,
            shared: Arc::new(shared),
        })
    }

    /// The addresses, with their real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().filter_map(|listener| listener.address().ok()).collect()
    }

    /// The sockets by their names, to be kept by somebody while the program restarts.
    pub fn sockets(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>)> {
        self.open.iter().map(|listener| (listener.name(), listener.socket()))
    }

    /// Starts accepting.
    pub fn start_accepting(&mut self) {
        self.is_accepting = true;
        for listener in &mut self.open {
            start(listener, &self.limiter, &self.shared);
        }
    }

    /// Stops accepting, and leaves the sockets open.
    pub async fn stop_accepting(self) {
        for listener in self.open {
            listener.stop_accepting().await;
        }
    }

    /// Opens the sockets that are new and closes those that are no longer wanted; the others stay untouched.
    ///
    /// # Errors
    /// [`Error::Listen`]; the old sockets are open again then.
    pub async fn move_to(&mut self, addresses: &[SocketAddr]) -> Result<(), Error> {
        let wanted = listen_addrs(addresses);
        let (stay, mut go): (Vec<Listener>, Vec<Listener>) =
            std::mem::take(&mut self.open).into_iter().partition(|listener| wanted.contains(&listener.at));
        let new = wanted.into_iter().filter(|at| stay.iter().all(|listener| listener.at != *at));
        let (mut opened, mut closed, mut refused) = (Vec::new(), Vec::new(), None);
        for at in new {
            let mut listener = bind(at, &mut Vec::new());
            if listener.is_err() {
                // Two sockets cannot listen on one port of overlapping addresses: the old one goes first.
                let port = at.address.port();
                let (same, others) = go.into_iter().partition(|old| old.at.address.port() == port);
                go = others;
                for old in same {
                    closed.push(old.at);
                    old.shutdown().await;
                }
                listener = bind(at, &mut Vec::new());
            }
            match listener {
                Ok(listener) => opened.push(listener),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        self.open = stay;
        if refused.is_some() {
            for listener in opened.drain(..) {
                listener.shutdown().await;
            }
            self.open.append(&mut go);
            for at in closed {
                match bind(at, &mut Vec::new()) {
                    Ok(listener) => opened.push(listener),
                    Err(error) => warn!("{error}"),
                }
            }
        }
        for mut listener in opened {
            if self.is_accepting {
                start(&mut listener, &self.limiter, &self.shared);
            }
            info!("answering on https://{}", listener.address().unwrap_or(listener.at.address));
            self.open.push(listener);
        }
        for listener in go {
            info!("no longer answering on https://{}", listener.address().unwrap_or(listener.at.address));
            listener.shutdown().await;
        }
        refused.map_or(Ok(()), Err)
    }
}

fn bind(at: ListenAddr, inherited: &mut Vec<TcpListener>) -> Result<Listener, Error> {
    let failed = |error: io::Error| Error::Listen { address: at.address, error };
    Listener::bind(at, inherited).map_err(failed)
}

fn start(listener: &mut Listener, limiter: &Arc<ConnectionLimiter>, shared: &Arc<Shared>) {
    let (limiter, shared) = (Arc::clone(limiter), Arc::clone(shared));
    listener.start_accepting(|socket| async move {
        loop {
            for _ in 0..AT_ONCE {
                let (stream, peer, permit) = listener::accept(&socket, &limiter).await;
                tokio::spawn(connection::serve(stream, peer, permit, Arc::clone(&shared)));
            }
            tokio::task::yield_now().await;
        }
    });
}
