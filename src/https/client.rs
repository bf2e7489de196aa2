//! A blocking HTTPS client for one request: a connected socket and a request go in; the status, the
//! certificates that were shown and the time it took come out. The self-check and `fridge doctor` use it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// Whom the client talks to.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Only to who shows this certificate, whatever its names and dates.
    Exactly(CertificateDer<'static>),
    /// To anybody, for a look at the certificates. The request must carry no secret.
    Anybody,
}

/// What was seen.
#[derive(Debug)]
pub struct Visit {
    /// The certificates, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The status of the HTTP response.
    pub status: u16,
    /// From the beginning of the handshake to the status.
    pub took: Duration,
}

/// Where it broke off, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Before or in the TLS handshake.
    #[error("{0}")]
    Handshake(String),
    /// Behind it.
    #[error("{0}")]
    Request(String),
}

/// Sends a request of HTTP/1.1 and reads the response's status; handshake and request have `limit` each.
///
/// # Errors
/// [`Error`].
pub fn visit(
    mut socket: TcpStream,
    name: ServerName<'static>,
    trust: Trust,
    request: &[u8],
    limit: Duration,
) -> Result<Visit, Error> {
    let began = Instant::now();
    let reason = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("it takes longer than {} s", limit.as_secs_f32())
        }
        _ => error.to_string(),
    };
    let handshake = |error| Error::Handshake(reason(error));
    let verifier =
        Arc::new(Verifier { trust, provider: Arc::new(default_provider()), chain: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Error::Handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let mut tls =
        ClientConnection::new(Arc::new(config), name).map_err(|error| Error::Handshake(error.to_string()))?;
    while tls.is_handshaking() {
        time_left(&socket, began + limit).and_then(|()| tls.complete_io(&mut socket)).map_err(handshake)?;
    }
    let asking = |error| Error::Request(reason(error));
    time_left(&socket, Instant::now() + limit).map_err(asking)?;
    let mut stream = StreamOwned::new(tls, socket);
    let mut line = [0; 12];
    stream.write_all(request).and_then(|()| stream.read_exact(&mut line)).map_err(asking)?;
    let status =
        std::str::from_utf8(&line).ok().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.parse().ok());
    let status =
        status.ok_or_else(|| Error::Request(String::from("what answers there does not speak HTTP/1.1")))?;
    let chain = verifier.chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Visit { chain, status, took: began.elapsed() })
}

/// The socket's next operation ends at `until`.
fn time_left(socket: &TcpStream, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    socket.set_read_timeout(Some(left)).and_then(|()| socket.set_write_timeout(Some(left)))
}

/// Keeps what is shown, and takes it by [`Trust`]; a handshake must prove that the peer has its key.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(intermediates).map(|der| der.clone().into_owned());
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain.collect();
        match &self.trust {
            Trust::Exactly(expected) if leaf != expected => Err(rustls::Error::General(String::from(
                "another program answers there, with another certificate",
            ))),
            Trust::Exactly(_) | Trust::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, leaf, signed, algorithms)
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
