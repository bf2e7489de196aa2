//! The certificate and key from their PEM files, or what is wrong with these and the cure. The only user of
//! `rustls-pemfile`, which is named by the product's owner and no longer maintained (RUSTSEC-2025-0134).

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tracing::warn;
use x509_cert::der::Decode;
use x509_cert::{Certificate, Version};

use super::Files;
use crate::regular_file;

/// The first byte of a sequence in DER.
const DER_SEQUENCE: u8 = 0x30;

/// Why a certificate and key cannot be served; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}: {error}{}", path.display(), cure_of(error))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate: it must have a line BEGIN CERTIFICATE (PEM)", .0.display())]
    NoCertificate(PathBuf),
    /// The file holds no private key.
    #[error("{} holds no private key: it must have a line BEGIN PRIVATE KEY (PEM)", .0.display())]
    NoKey(PathBuf),
    /// The key needs a pass phrase.
    #[error("the key in {} is encrypted, and nobody is there to type its pass phrase when the machine starts: write one without, with `openssl pkey -in {} -out key.pem`", .0.display(), .0.display())]
    Encrypted(PathBuf),
    /// The file holds something else, and a command makes of it what is needed.
    #[error("{} {found}: {cure}", path.display())]
    WrongForm {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: &'static str,
        /// What to do.
        cure: String,
    },
    /// The file's PEM is broken.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        reason: String,
    },
    /// The certificate is of an older X.509 than version 3, as `openssl x509 -req` makes them.
    #[error("{} holds a certificate of X.509 version 1, which cannot hold the names that clients look for: make one with `openssl req -x509 -addext 'subjectAltName=DNS:…,IP:…'`", .0.display())]
    NotVersion3(PathBuf),
    /// The key is of a kind that TLS cannot use.
    #[error("the key in {} cannot be used: make an ECDSA P-256 or an RSA key of at least 2048 bits ({reason})", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the TLS library says.
        reason: String,
    },
    /// The key is another certificate's.
    #[error("the key in {} does not fit the certificate in {}: they must have been made together", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

fn cure_of(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "; let the gateway's user read it: `chgrp fridge FILE && chmod 640 FILE`"
        }
        ErrorKind::NotFound => "; `certificate` and `key` in the configuration say where they are",
        _ => "",
    }
}

/// Reads both files.
///
/// # Errors
/// [`Error`].
pub fn read(files: &Files) -> Result<CertifiedKey, Error> {
    let mut chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let key = any_supported_type(&key)
        .map_err(|error| Error::Unusable { path: files.key.clone(), reason: error.to_string() })?;
    // The server's own comes first (RFC 8446, 4.4.2), in whatever order the authority sent them.
    let fits = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], Arc::clone(&key)).keys_match().is_ok()
    };
    if let Some(own) = chain.iter().position(fits).filter(|own| *own > 0) {
        chain[..=own].rotate_right(1);
    }
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(Error::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() })
        }
        Err(rustls::Error::InconsistentKeys(_)) | Ok(()) => Ok(certified),
        Err(_) if is_old(&certified) => Err(Error::NotVersion3(files.certificate.clone())),
        Err(error) => Err(Error::Damaged { path: files.certificate.clone(), reason: error.to_string() }),
    }
}

/// Whether it is sound, and of a version from before certificates had names (RFC 5280, 4.1.2.1).
fn is_old(certified: &CertifiedKey) -> bool {
    let certificate = certified.end_entity_cert().ok().and_then(|der| Certificate::from_der(der).ok());
    certificate.is_some_and(|certificate| certificate.tbs_certificate().version() != Version::V3)
}

/// The certificates of a PEM file, the server's own first.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Damaged`] and [`Error::NoCertificate`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = bytes(path)?;
    let chain: Vec<_> = rustls_pemfile::certs(&mut pem.as_slice())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    if chain.is_empty() {
        return Err(other_form(path, &pem).unwrap_or_else(|| Error::NoCertificate(path.to_owned())));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let pem = bytes(path)?;
    let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & 0o007 != 0 {
        warn!("every user of this machine can read the key {0}: `chmod o= {0}`", path.display());
    }
    // Both forms of encrypted keys say so, and the older one looks damaged to who reads on.
    if String::from_utf8_lossy(&pem).contains("ENCRYPTED") {
        return Err(Error::Encrypted(path.to_owned()));
    }
    match rustls_pemfile::private_key(&mut pem.as_slice()) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(other_form(path, &pem).unwrap_or_else(|| Error::NoKey(path.to_owned()))),
        Err(error) => Err(Error::Damaged { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// What a file holds in which no PEM of the wanted kind was found, where that can be seen.
fn other_form(path: &Path, bytes: &[u8]) -> Option<Error> {
    let text = String::from_utf8_lossy(bytes);
    let shown = path.display();
    let (found, cure) = if text
        .lines()
        .any(|line| line.starts_with([' ', '\t']) && line.contains("-----BEGIN "))
    {
        ("is indented", format!("sed -i 's/^[[:blank:]]*//' {shown}"))
    } else if text.contains("-----BEGIN CERTIFICATE REQUEST")
        || text.contains("-----BEGIN NEW CERTIFICATE REQUEST")
    {
        (
            "holds a request for a certificate (CSR)",
            format!(
                "an authority has to sign it; or sign it yourself: openssl req -x509 -days 3650 -key KEY -in {shown} -addext subjectAltName=IP:192.168.1.50 -out certificate.pem"
            ),
        )
    } else if text.contains("-----BEGIN PKCS7") {
        ("holds PKCS #7", format!("openssl pkcs7 -print_certs -in {shown} -out certificate.pem"))
    } else if Certificate::from_der(bytes).is_ok() {
        ("holds a certificate in DER", format!("openssl x509 -inform der -in {shown} -out certificate.pem"))
    } else if is_pkcs12(bytes) {
        (
            "holds PKCS #12",
            format!(
                "openssl pkcs12 -nodes -in {shown} -out both.pem; then name both.pem as `certificate` and as `key`"
            ),
        )
    } else if bytes.first() == Some(&DER_SEQUENCE) && PrivateKeyDer::try_from(bytes.to_vec()).is_ok() {
        ("holds a key in DER", format!("openssl pkey -inform der -in {shown} -out key.pem"))
    } else {
        return None;
    };
    Some(Error::WrongForm { path: path.to_owned(), found, cure })
}

/// Whether bytes begin as a PFX does: a sequence whose first member is the version 3 (RFC 7292, 4).
fn is_pkcs12(bytes: &[u8]) -> bool {
    let length = match bytes {
        [DER_SEQUENCE, length @ 0x80..=0x84, ..] => usize::from(length & 0x7F),
        [DER_SEQUENCE, ..] => 0,
        _ => return false,
    };
    bytes.get(2 + length..).is_some_and(|rest| rest.starts_with(&[0x02, 0x01, 0x03]))
}

/// What a file holds, but for a byte order mark.
fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::Unreadable { path: path.to_owned(), error };
    let mut bytes = regular_file::bytes(path).map_err(failed)?;
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    Ok(bytes)
}
