//! A listening socket, bound here or inherited from systemd, which kept it while the program restarted.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::connection_limits::{ConnectionLimiter, ConnectionPermit};
use super::service::Peer;

/// Connections that the system holds until they are accepted. The kernel has a cap of its own
/// (net.core.somaxconn).
const BACKLOG: i32 = 1024;

/// Bytes of a connection's send and receive buffers: the longest answer leaves in two.
const BUFFER: usize = 32 * 1024;
/// From an accept that failed for want of means to the next one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// The next connection that gets a permit; one that gets none is closed at once, which its sender sees sooner
/// than silence.
pub async fn accept(
    listener: &TcpListener,
    limiter: &Arc<ConnectionLimiter>,
) -> (TcpStream, Peer, ConnectionPermit) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                if let Some(permit) = limiter.try_acquire(peer) {
                    return (stream, Peer(peer.ip()), permit);
                }
            }
            // The peer has gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of file descriptors or of memory: another connection makes room, and asking again at
                // once would spin.
                limiter.accept_failed(&error);
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Where to listen. Two that are equal are the same socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether an IPv6 address leaves the IPv4 port of the same number to somebody else.
    only_v6: bool,
}

/// The sockets for all of these addresses. `[::]` takes the IPv4 port of the same number too: not where the
/// list gives that one to somebody else, or the two could not stand in one list.
pub fn listen_addrs(all: &[SocketAddr]) -> Vec<ListenAddr> {
    let has_v4 = |port| all.iter().any(|other| other.is_ipv4() && other.port() == port);
    let listen_addr = |address: &SocketAddr| ListenAddr {
        address: *address,
        only_v6: address.is_ipv6() && has_v4(address.port()),
    };
    all.iter().map(listen_addr).collect()
}

/// A listening socket, and the task that accepts from it.
pub struct Listener {
    /// Where it was to listen.
    pub at: ListenAddr,
    socket: Arc<TcpListener>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// Takes the socket from `inherited`, or binds one. Nothing is accepted yet.
    pub fn bind(at: ListenAddr, inherited: &mut Vec<std::net::TcpListener>) -> io::Result<Listener> {
        let known = inherited.iter().position(|socket| at.is_met_by(socket));
        let socket = match known {
            Some(index) => Socket::from(inherited.swap_remove(index)),
            None => at.bind()?,
        };
        socket.set_nonblocking(true)?;
        // What a peer sends without being read, or is sent without reading, is the kernel's memory: a connection
        // inherits these. The kernel doubles them.
        socket.set_send_buffer_size(BUFFER)?;
        socket.set_recv_buffer_size(BUFFER)?;
        // Also for one that is taken over: whoever kept it may have given it a shorter backlog.
        socket.listen(BACKLOG)?;
        let listener = Arc::new(TcpListener::from_std(socket.into())?);
        Ok(Listener { at, socket: listener, accepting: None })
    }

    /// Its address, with its real port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Name under which systemd's FD store keeps the socket; unique per address and `IPV6_V6ONLY`.
    pub fn name(&self) -> String {
        let only_v6 = if self.at.only_v6 { "-v6" } else { "" };
        let address = self.address().unwrap_or(self.at.address);
        format!("https-{address}{only_v6}").replace(':', "_")
    }

    /// The socket, to be kept.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Starts the task that `accept` makes.
    pub fn start_accepting<T>(&mut self, accept: impl FnOnce(Arc<TcpListener>) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.accepting = Some(tokio::spawn(accept(Arc::clone(&self.socket))));
    }

    /// Stops accepting but leaves the socket open: connections in the backlog are served by the next process
    /// if systemd holds the socket.
    pub async fn stop_accepting(self) {
        if let Some(accepting) = self.accepting {
            accepting.abort();
            // It carries nothing but the news that it was ended.
            drop(accepting.await);
        }
    }

    /// Closes it for good, wherever a copy of it is kept: so that its port is free at once.
    pub async fn shutdown(self) {
        // Of a socket that listens this fails only if it does so no more.
        drop(SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Both));
        self.stop_accepting().await;
    }
}

impl ListenAddr {
    fn is_met_by(&self, socket: &std::net::TcpListener) -> bool {
        let same = socket.local_addr().is_ok_and(|address| address == self.address);
        same && (self.address.is_ipv4()
            || SockRef::from(socket).only_v6().is_ok_and(|only_v6| only_v6 == self.only_v6))
    }

    fn bind(&self) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, Some(Protocol::TCP))?;
        if self.address.is_ipv6() {
            socket.set_only_v6(self.only_v6)?;
        }
        // Restarting must not wait for the last connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.bind(&self.address.into())?;
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_socket_is_taken_over_by_its_address_and_no_other() {
        let (one, other) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), "127.0.0.1:0");
        let address = one.local_addr().unwrap();
        let mut inherited = vec![std::net::TcpListener::bind(other).unwrap(), one];
        let listener = Listener::bind(listen_addrs(&[address])[0], &mut inherited).unwrap();
        assert_eq!((listener.address().unwrap(), inherited.len()), (address, 1));
        assert_eq!(listener.name(), format!("https-127.0.0.1_{}", address.port()));
        drop(Listener::bind(listen_addrs(&addresses(&[other]))[0], &mut inherited).unwrap());
        assert_eq!(inherited.len(), 1, "port 0 wants a free one");
    }

    #[tokio::test]
    async fn the_port_of_a_listener_that_was_shut_down_is_free_although_somebody_keeps_its_socket() {
        let mut nothing = Vec::new();
        let listener = Listener::bind(listen_addrs(&addresses(&["127.0.0.1:0"]))[0], &mut nothing).unwrap();
        let address = listener.address().unwrap();
        let kept = listener.socket().try_clone_to_owned().unwrap();
        let [again] = listen_addrs(&[address])[..] else { panic!("one address") };
        assert!(Listener::bind(again, &mut nothing).is_err());
        listener.shutdown().await;
        drop(Listener::bind(again, &mut nothing).unwrap());
        drop(kept);
    }

    #[test]
    fn a_wildcard_that_changes_what_it_takes_is_another_listener() {
        let alone = listen_addrs(&addresses(&["[::]:4443"]))[0];
        let beside = listen_addrs(&addresses(&["[::]:4443", "0.0.0.0:4443"]))[0];
        assert_ne!(alone, beside);
        assert_eq!(alone, listen_addrs(&addresses(&["[::]:4443", "0.0.0.0:4444"]))[0]);
    }
}
