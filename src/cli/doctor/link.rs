//! The link: whether Mattermost's server would get through to the gateway. Goes to `url` as its client
//! does (HTTP/1.1, no ALPN, TLS 1.2 and 1.3, three seconds for each step) and judges what it sees as Go
//! would.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};

use super::Findings;
use crate::https::{Config, certificate, tls};

const ABOUT: &str = "link";
/// Mattermost's limits for connecting and for the handshake.
const STEP: Duration = Duration::from_secs(3);
/// Where Debian's and Ubuntu's programs, Go's among them, find the authorities they trust.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Goes to the configured `url` and tells what Mattermost would meet. `ca` holds the authorities to trust
/// beside this system's.
pub fn examine(config: &Config, ca: Option<&Path>, findings: &mut Findings) {
    let Some(url) = &config.url else {
        findings.ok(ABOUT, "not tried, because no `url` is configured; with it, answers have buttons, too");
        return;
    };
    let Some((host, port)) = host_and_port(url) else {
        findings.fault(ABOUT, format!("`{url}` names no host"), "url = \"https://192.168.1.50:4443\"");
        return;
    };
    tell_mattermost(&host, findings);
    let stream = match connect(&host, port) {
        Ok(stream) => stream,
        Err(error) => {
            let cure = "does the gateway run, does it listen on that address, and does no firewall stand between? `fridge doctor` on the machine itself";
            findings.fault(ABOUT, format!("nobody answers on {url}: {error}"), cure);
            return;
        }
    };
    let visit = match visit(stream, &host, &question(config)) {
        Ok(visit) => visit,
        Err(Broken::Handshake(reason)) => {
            findings.fault(
                ABOUT,
                format!("no TLS handshake with {url}: {reason}"),
                "is it the gateway that listens there? Mattermost waits 3 s and no longer",
            );
            return;
        }
        Err(Broken::Request(reason)) => {
            findings.fault(
                ABOUT,
                format!("no answer from {url}: {reason}"),
                "is it the gateway that listens there?",
            );
            return;
        }
    };
    judge(url, &host, &visit, ca, findings);
}

/// What has to stand in Mattermost's settings.
fn tell_mattermost(host: &str, findings: &mut Findings) {
    let entry = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => host.to_owned(),
    };
    findings.ok(ABOUT, format!("Mattermost's AllowedUntrustedInternalConnections must hold: {entry}"));
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("https://")?.split('/').next()?;
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, STEP) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A message without words, as Mattermost sends a post that holds only a file: answered, and no question.
fn question(config: &Config) -> String {
    let token = config.hooks.first().map_or("", |hook| hook.token.expose());
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("text", "")
        .append_pair("token", token)
        .finish();
    format!(
        "POST /webhook HTTP/1.1\r\nHost: fridge\r\nUser-Agent: Mattermost-Bot/1.1\r\nContent-Length: {}\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What was seen on a visit.
struct Visit {
    chain: Vec<CertificateDer<'static>>,
    status: u16,
    took: Duration,
}

/// Where a visit broke off.
enum Broken {
    Handshake(String),
    Request(String),
}

fn visit(mut socket: TcpStream, host: &str, request: &str) -> Result<Visit, Broken> {
    let handshake = |error: &dyn std::fmt::Display| Broken::Handshake(error.to_string());
    let began = Instant::now();
    let limit = |socket: &TcpStream| {
        socket.set_read_timeout(Some(STEP)).and_then(|()| socket.set_write_timeout(Some(STEP)))
    };
    limit(&socket).map_err(|error| handshake(&error))?;
    let witness = Arc::new(Witness { provider: Arc::new(default_provider()), chain: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| handshake(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| handshake(&error))?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| handshake(&error))?;
    while tls.is_handshaking() {
        if began.elapsed() > STEP {
            return Err(handshake(&"it takes longer than 3 s"));
        }
        tls.complete_io(&mut socket).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                handshake(&"it takes longer than 3 s")
            }
            _ => handshake(&error),
        })?;
    }
    let mut stream = StreamOwned::new(tls, socket);
    let asked = |error: std::io::Error| Broken::Request(error.to_string());
    stream.write_all(request.as_bytes()).map_err(asked)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).map_err(asked)?;
    let status =
        std::str::from_utf8(&answer).ok().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.parse().ok());
    let status = status.ok_or_else(|| Broken::Request(String::from("what answers speaks no HTTP/1.1")))?;
    let chain = witness.chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Visit { chain, status, took: began.elapsed() })
}

fn judge(url: &str, host: &str, visit: &Visit, ca: Option<&Path>, findings: &mut Findings) {
    match visit.status {
        200 => findings.ok(ABOUT, format!("{url} answers in {} ms", visit.took.as_millis())),
        401 => findings.fault(ABOUT, format!("{url} refuses the configured token"), "another gateway answers there, or one with an older configuration: `sudo systemctl restart fridge`"),
        503 => findings.fault(ABOUT, format!("{url} has no token configured and refuses every question"), "a [[hook]] with the token that Mattermost shows"),
        403 => findings.warning(ABOUT, format!("{url} does not let this machine ask"), "add it to `allow` to try from here; Mattermost's server must be in there"),
        other => findings.fault(ABOUT, format!("{url} answers with status {other}"), "is it the gateway that listens there?"),
    }
    let Some(leaf) = visit.chain.first() else { return };
    match certificate::describe_der(leaf) {
        Err(reason) => findings.fault(
            ABOUT,
            format!("its certificate cannot be understood: {reason}"),
            "make another: docs/chat.md",
        ),
        Ok(said) => {
            if !said.covers(host) {
                let holds = if said.names.is_empty() {
                    String::from("no name at all")
                } else {
                    said.names.join(", ")
                };
                findings.fault(
                    ABOUT,
                    format!("its certificate is not for {host}, but for {holds}"),
                    "another `url`, or a certificate with that name",
                );
            }
            let now = Timestamp::now();
            if now > said.not_after || now < said.not_before {
                findings.fault(
                    ABOUT,
                    "its certificate is expired, or not valid yet",
                    "put another in its place; is this machine's clock right? `timedatectl`",
                );
            }
        }
    }
    match trust(&visit.chain, host, ca) {
        Ok(()) => findings.ok(ABOUT, "its certificate is trusted by this machine's authorities"),
        Err(reason) => findings.warning(
            ABOUT,
            format!("this machine's authorities do not vouch for its certificate ({reason}); Mattermost's server needs it among its own"),
            "`fridge cert` tells how to put it there; `fridge doctor --ca FILE` tries with that file",
        ),
    }
}

/// Whether a Go client with this system's authorities, or those in `ca`, would trust the chain. Go takes a
/// certificate that is itself among the authorities for trusted, one that could sign others included.
fn trust(chain: &[CertificateDer<'static>], host: &str, ca: Option<&Path>) -> Result<(), String> {
    let system = std::env::var_os("SSL_CERT_FILE").map_or_else(|| PathBuf::from(SYSTEM_ROOTS), PathBuf::from);
    let mut trusted = Vec::new();
    if fs::exists(&system).unwrap_or(false) {
        trusted.extend(tls::certificates(&system).map_err(|error| error.to_string())?);
    }
    if let Some(ca) = ca {
        trusted.extend(tls::certificates(ca).map_err(|error| error.to_string())?);
    }
    let (leaf, intermediates) = chain.split_first().ok_or("it showed none")?;
    if trusted.contains(leaf) {
        return Ok(());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()))
        .build()
        .map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    match verifier.verify_server_cert(leaf, intermediates, &name, &[], UnixTime::now()) {
        // The name and the dates have their own lines.
        Ok(_)
        | Err(rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName
            | rustls::CertificateError::NotValidForNameContext { .. }
            | rustls::CertificateError::Expired
            | rustls::CertificateError::ExpiredContext { .. },
        )) => Ok(()),
        Err(_) => Err(String::from("unknown authority")),
    }
}

/// Lets every certificate pass and keeps it, to be judged afterwards: a doctor who stopped at the first
/// fault could not tell the others. Used for no answer that anybody reads.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
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
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port() {
        let parse = |url| host_and_port(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(parse("https://192.168.1.50:4443").as_deref(), Some("192.168.1.50 4443"));
        assert_eq!(parse("https://fridge.lan/x").as_deref(), Some("fridge.lan 443"));
        assert_eq!(parse("https://[fd00::2]:4443").as_deref(), Some("fd00::2 4443"));
        assert_eq!(parse("https://[fd00::2]").as_deref(), Some("fd00::2 443"));
        assert_eq!(parse("http://fridge.lan"), None);
        assert_eq!(parse("https://fridge.lan:port"), None);
    }
}
