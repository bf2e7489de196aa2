//! The question that the gateway asks itself, to learn whether it still answers others: `GET /health` over a
//! real connection to an address of its own, whose certificate must be its own. Whatever is answered will
//! do; it counts as nobody's question and takes nobody's place.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use socket2::{Domain, Protocol, Socket, Type};

use super::doorman::Doorman;
use super::tls;

const QUESTION: &[u8] = b"GET /health HTTP/1.1\r\nHost: fridge\r\nConnection: close\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 ";

/// Asks on the first of `addresses` that this machine has at present: one that went with its network is no
/// fault of ours. Blocking, each step within `limit`.
///
/// # Errors
/// What kept the answer away.
pub fn ask(
    addresses: &[SocketAddr],
    current: &tls::Current,
    doorman: &Doorman,
    limit: Duration,
) -> Result<(), String> {
    for address in addresses {
        let Some((socket, from)) = socket(*address).map_err(|error| format!("no socket: {error}"))? else {
            continue;
        };
        doorman.expect_ourselves(from);
        let before = current.loaded();
        return match talk(socket, reached(*address), &before, limit) {
            // The certificate may have been exchanged meanwhile: then the next question will tell.
            Err(_) if !Arc::ptr_eq(&before, &current.loaded()) => Ok(()),
            answer => answer.map_err(|error| format!("no answer on https://{address}: {error}")),
        };
    }
    Ok(())
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

fn talk(socket: Socket, address: SocketAddr, own: &tls::Loaded, limit: Duration) -> Result<(), String> {
    let own = own.certificate().ok_or("there is no certificate")?.clone();
    let until = Instant::now() + limit;
    let words = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("nothing within {} s", limit.as_secs_f32()),
        _ => error.to_string(),
    };
    socket.connect_timeout(&address.into(), limit).map_err(words)?;
    let mut stream = TcpStream::from(socket);
    let left = |stream: &TcpStream| {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
    };
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { own, provider }))
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while tls.is_handshaking() {
        left(&stream).and_then(|()| tls.complete_io(&mut stream)).map_err(words)?;
    }
    left(&stream).map_err(words)?;
    let mut stream = StreamOwned::new(tls, stream);
    let mut answer = [0; ANSWER.len()];
    stream.write_all(QUESTION).and_then(|()| stream.read_exact(&mut answer)).map_err(words)?;
    if answer == ANSWER { Ok(()) } else { Err(String::from("what answers speaks no HTTP/1.1")) }
}

/// Trusts one certificate. It needs no name and no date: what is asked is whether it is our own.
#[derive(Debug)]
struct Pinned {
    own: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *leaf == self.own {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(String::from(
                "another program answers there, with another certificate",
            )))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General(String::from("TLS 1.3 is asked for, and no other")))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
