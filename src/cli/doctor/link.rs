//! The link: whether Mattermost's server would get through to the gateway. Goes to `url` as its client
//! does (HTTP/1.1, no ALPN, TLS 1.2 and 1.3, three seconds for each step) and judges what it sees as Go
//! would.

use std::fs;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Scheme;
use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Findings, Id};
use crate::https::client::{self, Trust, Visit};
use crate::https::{certificate, tls};
use crate::mattermost::Config;

const ABOUT: &str = "link";
/// Mattermost's limits for connecting and for the handshake.
const STEP: Duration = Duration::from_secs(3);
/// Where Debian's and Ubuntu's programs, Go's among them, find the authorities they trust.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The first request, to a peer that is not verified yet: it holds no token.
const LOOK: &[u8] = b"GET /health HTTP/1.1\r\nHost: fridge\r\nConnection: close\r\n\r\n";

/// What is known before the link is tried.
pub struct Seen<'a> {
    /// This gateway's certificate.
    pub own: Option<&'a Path>,
    /// Authorities to trust beside this system's.
    pub ca: Option<&'a Path>,
    /// Whether Mattermost has asked the gateway that runs.
    pub was_asked: bool,
}

/// Goes to the configured `url` and reports what Mattermost would meet.
pub fn examine(config: &Config, seen: &Seen<'_>, findings: &mut Findings) {
    let Some(url) = &config.url else {
        findings.ok(ABOUT, "not tried, because no `url` is configured; with it, answers have buttons, too");
        return;
    };
    // Its check has found a host in it.
    let Some((host, port)) = host_and_port(url) else { return };
    tell_mattermost(&host, findings);
    let stream = match connect(&host, port) {
        Ok(stream) => stream,
        Err(error) => {
            let cure = "is the gateway running, does it listen on that address, and is a firewall blocking it? Run `fridge doctor` on the machine itself";
            findings.fault(Id::LinkUnreachable, ABOUT, format!("nothing answers on {url}: {error}"), cure);
            return;
        }
    };
    let Some(look) = visit(url, stream, &host, Trust::Anybody, LOOK, findings) else { return };
    let Some(leaf) = look.chain.first() else { return };
    let is_valid = judge(&host, leaf, findings);
    let trusted = trust(&look.chain, &host, seen.ca);
    let own = seen.own.and_then(|own| tls::certificates(own).ok());
    let is_own = own.is_some_and(|own| own.first() == Some(leaf));
    match &trusted {
        Ok(()) => findings.ok(ABOUT, "its certificate is trusted by this machine's authorities"),
        Err(_) if is_own && seen.was_asked => findings.ok(
            ABOUT,
            "its certificate is the gateway's own, as expected, and Mattermost's server trusts it: it has asked",
        ),
        Err(reason) => findings.warning(
            Id::LinkUntrusted, ABOUT,
            format!("the certificate authorities of this machine do not verify it ({reason}); Mattermost's server must trust it itself"),
            "`fridge cert` explains how; `fridge doctor --ca FILE` tries with that file",
        ),
    }
    // A token leaves this machine only to who is known: by our own certificate, or by an authority.
    if !(is_own || trusted.is_ok() && is_valid) {
        findings.warning(
            Id::LinkUnproven,
            ABOUT,
            format!(
                "{url} answers in {} ms; no token was sent, because nothing proves which server that is",
                look.took.as_millis()
            ),
            "run `fridge doctor` on the gateway itself, or with --ca FILE that holds its certificate",
        );
        return;
    }
    match connect(&host, port) {
        Ok(stream) => {
            let known = Trust::Exactly(leaf.clone());
            let Some(answer) = visit(url, stream, &host, known, question(config).as_bytes(), findings) else {
                return;
            };
            judge_status(url, &answer, findings);
        }
        Err(error) => {
            findings.fault(
                Id::LinkUnreachable,
                ABOUT,
                format!("nothing answers on {url} any more: {error}"),
                "try again",
            );
        }
    }
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
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS))?;
    // An authority with something behind its `:` that is no port.
    if authority.port_u16().is_none() && authority.as_str() != authority.host() {
        return None;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), authority.port_u16().unwrap_or(443)))
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

/// Goes there; what kept the answer away becomes a finding.
fn visit(
    url: &str,
    stream: TcpStream,
    host: &str,
    trust: Trust,
    request: &[u8],
    findings: &mut Findings,
) -> Option<Visit> {
    let visited = ServerName::try_from(host.to_owned())
        .map_err(|error| client::Error::Handshake(error.to_string()))
        .and_then(|name| client::visit(stream, name, trust, request, STEP));
    match visited {
        Ok(visit) => return Some(visit),
        Err(client::Error::Handshake(reason)) => findings.fault(
            Id::LinkNoGateway,
            ABOUT,
            format!("no TLS handshake with {url}: {reason}"),
            "is it the gateway that listens there? Mattermost waits 3 s and no longer",
        ),
        Err(client::Error::Request(reason)) => findings.fault(
            Id::LinkNoGateway,
            ABOUT,
            format!("no answer from {url}: {reason}"),
            "is it the gateway that listens there?",
        ),
    }
    None
}

fn judge_status(url: &str, visit: &Visit, findings: &mut Findings) {
    match visit.status {
        200 => findings.ok(ABOUT, format!("{url} answers in {} ms", visit.took.as_millis())),
        401 => findings.fault(Id::LinkTokenRejected, ABOUT, format!("{url} rejects the configured token"), "another gateway answers there, or one with an older configuration: `sudo systemctl restart fridge`"),
        503 => findings.fault(Id::LinkNoToken, ABOUT, format!("{url} has no token configured and rejects every question"), "a [[hook]] with the token that Mattermost shows"),
        403 => findings.warning(Id::LinkNotAllowed, ABOUT, format!("{url} rejects this machine's address (not in `allow`)"), "add it to `allow` to try from here; Mattermost's server must be in there"),
        other => findings.fault(Id::LinkNoGateway, ABOUT, format!("{url} answers with status {other}"), "is it the gateway that listens there?"),
    }
}

/// Judges a certificate; returns whether it is valid for that host at this moment.
fn judge(host: &str, leaf: &CertificateDer<'_>, findings: &mut Findings) -> bool {
    let description = match certificate::describe_der(leaf) {
        Ok(description) => description,
        Err(reason) => {
            findings.fault(
                Id::LinkNoGateway,
                ABOUT,
                format!("its certificate cannot be parsed: {reason}"),
                "make another: docs/chat.md",
            );
            return false;
        }
    };
    let covers = description.covers(host);
    if !covers {
        let holds = if description.names.is_empty() {
            String::from("no names")
        } else {
            description.names.join(", ")
        };
        findings.fault(
            Id::LinkCertificateName,
            ABOUT,
            format!("its certificate is not for {host}, but for {holds}"),
            "another `url`, or a certificate with that name",
        );
    }
    let now = Timestamp::now();
    let is_current = description.not_before <= now && now <= description.not_after;
    if !is_current {
        findings.fault(
            Id::LinkCertificateDates,
            ABOUT,
            "its certificate is expired, or not valid yet",
            "replace it; is this machine's clock right? `timedatectl`",
        );
    }
    covers && is_current
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
