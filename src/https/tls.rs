//! TLS: the certificate that is served, read again whenever its files change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

mod pem;

pub use pem::{Error, certificates};

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
    pub fn stamp(&self) -> FileStamp {
        FileStamp([&self.certificate, &self.key].map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        }))
    }
}

/// The certificate that is being served, exchanged for the new one when its files change.
#[derive(Debug)]
pub struct CertResolver {
    served: ArcSwap<CertifiedPair>,
}

/// A certificate and key as they were read.
#[derive(Debug)]
pub struct CertifiedPair {
    /// Where they were read from.
    pub files: Files,
    /// The [`Files::stamp`] of what was read.
    pub stamp: FileStamp,
    key: Arc<CertifiedKey>,
}

impl CertifiedPair {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, and the cure.
    pub fn read(files: Files) -> Result<CertifiedPair, Error> {
        // Before the files are read: a change in between is then seen as one.
        let stamp = files.stamp();
        let key = Arc::new(pem::read(&files)?);
        Ok(CertifiedPair { files, stamp, key })
    }

    /// The certificate with its key.
    pub fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }
}

impl CertResolver {
    /// Serves that one.
    pub fn new(pair: CertifiedPair) -> Self {
        CertResolver { served: ArcSwap::from_pointee(pair) }
    }

    /// What is served.
    pub fn pair(&self) -> Arc<CertifiedPair> {
        self.served.load_full()
    }

    /// From now on serves that one. Connections that are open keep what they have.
    pub fn replace(&self, pair: CertifiedPair) {
        self.served.store(Arc::new(pair));
    }

    /// Reads the same files again; where the new pair cannot be served, the old one stays.
    pub fn reload(&self) {
        let files = self.pair().files.clone();
        match CertifiedPair::read(files) {
            Ok(pair) => {
                info!("serving the new certificate in {}", pair.files.certificate.display());
                self.replace(pair);
            }
            Err(error) => warn!("{error}; still using the previous certificate"),
        }
    }
}

/// See [`Files::stamp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp([Option<(SystemTime, u64)>; 2]);

impl ResolvesServerCert for CertResolver {
    /// One certificate for everybody: Mattermost sends no server name for an address.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.load().key))
    }
}

/// TLS 1.2 and 1.3 with that certificate. No session tickets: Mattermost never resumes a session.
pub fn server_config(current: Arc<CertResolver>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring provides both versions")
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.send_tls13_tickets = 0;
    config
}
