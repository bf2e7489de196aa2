//! Liveness self-check: `GET /health` over a real TLS connection to one of our own listeners, pinned to our
//! own certificate. Any HTTP response passes. Not counted as a question, and exempt from the connection
//! limits.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, Socket, Type};

use super::client::{self, Trust};
use super::connection_limits::ConnectionLimiter;
use super::tls;

const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: fridge\r\nConnection: close\r\n\r\n";

/// Checks the first of `addresses` that this machine has at present: one that went with its network is no
/// fault of ours. Blocking; connecting, handshake and request have `limit` each.
///
/// # Errors
/// Why there was no response.
pub fn check(
    addresses: &[SocketAddr],
    resolver: &tls::CertResolver,
    limiter: &ConnectionLimiter,
    limit: Duration,
) -> Result<(), String> {
    for address in addresses {
        let Some((socket, from)) = socket(*address).map_err(|error| format!("no socket: {error}"))? else {
            continue;
        };
        limiter.expect_self_check(from);
        let before = resolver.pair();
        return match request(socket, reached(*address), &before, limit) {
            // The certificate may have been exchanged meanwhile: then the next check will succeed.
            Err(_) if !Arc::ptr_eq(&before, &resolver.pair()) => Ok(()),
            checked => checked.map_err(|error| format!("no answer on https://{address}: {error}")),
        };
    }
    Ok(())
}

fn request(
    socket: Socket,
    address: SocketAddr,
    own: &tls::CertifiedPair,
    limit: Duration,
) -> Result<(), String> {
    let own = own.certificate().ok_or("there is no certificate")?.clone();
    socket.connect_timeout(&address.into(), limit).map_err(|error| error.to_string())?;
    let (socket, name) = (TcpStream::from(socket), ServerName::from(address.ip()));
    client::visit(socket, name, Trust::Exactly(own), REQUEST, limit)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// An address at which a wildcard is reached.
fn reached(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// A socket that will come from a known port; `None` where the machine does not have that address now.
fn socket(address: SocketAddr) -> std::io::Result<Option<(Socket, SocketAddr)>> {
    let mut from = reached(address);
    from.set_port(0);
    let socket = Socket::new(Domain::for_address(from), Type::STREAM, Some(Protocol::TCP))?;
    match socket.bind(&from.into()) {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => return Ok(None),
        bound => bound?,
    }
    Ok(socket.local_addr()?.as_socket().map(|from| (socket, from)))
}
