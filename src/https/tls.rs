//! The certificate and key from PEM files to what rustls serves, and again whenever the files
//! change. The only user of `rustls-pemfile`, which is named by the product's owner and no longer
//! maintained (RUSTSEC-2025-0134).

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};
use x509_cert::der::Decode;
use x509_cert::{Certificate, Version};

/// Where the certificate and its key are. Both may be one file that holds both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate in PEM, and the chain up to its issuer where there is one.
    pub certificate: PathBuf,
    /// Its private key in PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key: PathBuf,
}

impl Files {
    /// When the files were last written, and how long they are: what changes when they do.
    pub fn mark(&self) -> Mark {
        Mark([&self.certificate, &self.key].map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        }))
    }
}

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
    /// The file's PEM is broken.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        reason: String,
    },
    /// The certificate is of an older X.509 than version 3, as `openssl x509 -req` makes them.
    #[error("{} holds a certificate of X.509 version 1, which has no room for names, and clients take none without: make one with `openssl req -x509 -addext 'subjectAltName=DNS:…,IP:…'`", .0.display())]
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
    #[error("the key in {} does not fit the certificate in {}: they must come from one call of openssl or one order", key.display(), certificate.display())]
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
        ErrorKind::NotFound => "; say where it is in the configuration, `certificate` and `key`",
        _ => "",
    }
}

/// The certificate that is being served, exchanged for the new one when its files change.
#[derive(Debug)]
pub struct Current {
    served: RwLock<Arc<Loaded>>,
}

/// A certificate and key as they were read.
#[derive(Debug)]
pub struct Loaded {
    /// Where they were read from.
    pub files: Files,
    /// The [`Files::mark`] of what was read.
    pub mark: Mark,
    key: Arc<CertifiedKey>,
}

impl Loaded {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, and the cure.
    pub fn read(files: Files) -> Result<Loaded, Error> {
        // Before the files are read: a change in between is then seen as one.
        let mark = files.mark();
        let key = Arc::new(read(&files)?);
        Ok(Loaded { files, mark, key })
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }
}

impl Current {
    /// Serves that one.
    pub fn new(loaded: Loaded) -> Self {
        Current { served: RwLock::new(Arc::new(loaded)) }
    }

    /// What is served.
    pub fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on serves that one. Connections that are open keep what they have.
    pub fn exchange(&self, loaded: Loaded) {
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    /// Reads the same files again; where the new pair cannot be served, the old one stays.
    pub fn reload(&self) {
        let files = self.loaded().files.clone();
        match Loaded::read(files) {
            Ok(loaded) => {
                info!("serving the new certificate in {}", loaded.files.certificate.display());
                self.exchange(loaded);
            }
            Err(error) => warn!("{error}; the certificate served so far stays"),
        }
    }
}

/// See [`Files::mark`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark([Option<(SystemTime, u64)>; 2]);

impl ResolvesServerCert for Current {
    /// One certificate for everybody: Mattermost sends no server name for an address.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.loaded().key))
    }
}

/// TLS 1.2 and 1.3 with that certificate. No session tickets: Mattermost never resumes a session.
pub fn server_config(current: Arc<Current>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring provides both versions")
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.send_tls13_tickets = 0;
    config
}

fn read(files: &Files) -> Result<CertifiedKey, Error> {
    let chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let key = any_supported_type(&key)
        .map_err(|error| Error::Unusable { path: files.key.clone(), reason: error.to_string() })?;
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
    if chain.is_empty() { Err(Error::NoCertificate(path.to_owned())) } else { Ok(chain) }
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
        Ok(None) => Err(Error::NoKey(path.to_owned())),
        Err(error) => Err(Error::Damaged { path: path.to_owned(), reason: error.to_string() }),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Unreadable { path: path.to_owned(), error })
}
