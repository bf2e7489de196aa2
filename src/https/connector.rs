//! TLS towards others: a server is verified against the machine's certificate authorities and a file of the owner's, and
//! sees a client's certificate where there is one.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::tls::{self, CertifiedPair, Files};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of certificates cannot be read.
    #[error(transparent)]
    File(#[from] tls::Error),
    /// The TLS library takes one of them for none.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// What connects: it trusts the authorities in the file `ca`, too, and shows the certificate of `identity`.
///
/// # Errors
/// [`Error`]
pub fn connector(ca: Option<&Path>, identity: Option<&Files>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    // A machine without any trusts only the owner's file.
    let (_added, _ignored) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in ca.map_or_else(|| Ok(Vec::new()), tls::certificates)? {
        roots.add(certificate)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(files) => {
            let key = CertifiedPair::read(files.clone())?.key();
            config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}
