//! What a certificate says, and why a client would reject it.

use std::net::IpAddr;
use std::path::Path;

use data_encoding::HEXUPPER;
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::Error;
use crate::https::tls;

/// id-kp-serverAuth and anyExtendedKeyUsage (RFC 5280, 4.2.1.12).
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const ANY_PURPOSE: &str = "2.5.29.37.0";
/// rsaEncryption (RFC 8017, appendix A.1).
const RSA: &str = "1.2.840.113549.1.1.1";
/// The longest RSA key in bits with which a Raspberry Pi signs fast enough.
const SLOW_ABOVE: usize = 2_048;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The names and addresses it is valid for (its subject alternative names).
    pub names: Vec<String>,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` writes it.
    pub fingerprint: String,
    /// Since when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Whether it may sign others. `openssl req -x509` makes such ones; some clients reject them as
    /// a server's.
    pub is_ca: bool,
    /// Whether it is self-signed.
    pub self_signed: bool,
    /// Whether it may be a server's: it names no purpose of its key, or this one among them.
    pub is_for_servers: bool,
    /// How long its key is in bits, where that is an RSA key.
    pub rsa_bits: Option<usize>,
}

/// Why a client rejects a certificate, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertIssue {
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub cure: &'static str,
}

impl Description {
    /// Why a verifying client would reject it at `now`. It is served all the same: a client may be told not
    /// to verify, and a clock may be wrong.
    pub fn issues(&self, now: Timestamp) -> Vec<CertIssue> {
        let mut issues = Vec::new();
        let mut add = |what: String, cure| issues.push(CertIssue { what, cure });
        if now > self.not_after {
            let what = format!("it expired on {}", self.not_after.strftime("%Y-%m-%d"));
            add(what, "replace it; the new one is read without a restart");
        }
        if now < self.not_before {
            let what = format!("it is not valid before {}", self.not_before.strftime("%Y-%m-%d"));
            add(what, "is this machine's clock right? `timedatectl`");
        }
        if self.names.is_empty() {
            add(
                String::from(
                    "it has no subjectAltName: Mattermost says \"certificate relies on legacy Common Name field, use SANs instead\"",
                ),
                "make another with -addext 'subjectAltName=DNS:…,IP:…'",
            );
        }
        if !self.is_for_servers {
            add(
                String::from("its key is for other purposes than a server's (extendedKeyUsage)"),
                "make another with -addext extendedKeyUsage=serverAuth",
            );
        }
        issues
    }
}

/// What the first certificate of a PEM file says.
///
/// # Errors
/// [`Error::Read`] and [`Error::NotX509`].
pub fn describe(path: &Path) -> Result<Description, Error> {
    let chain = tls::certificates(path)?;
    let der = chain.first().ok_or_else(|| tls::Error::NoCertificate(path.to_owned()))?;
    describe_der(der).map_err(|reason| Error::NotX509 { path: path.to_owned(), reason })
}

/// What a certificate says that came over the wire.
///
/// # Errors
/// Why it is no X.509.
pub fn describe_der(der: &[u8]) -> Result<Description, String> {
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    let certificate = certificate.tbs_certificate();
    let names = certificate.get_extension::<SubjectAltName>().map_err(|error| error.to_string())?;
    let constraints = certificate.get_extension::<BasicConstraints>().map_err(|error| error.to_string())?;
    let purposes = certificate.get_extension::<ExtendedKeyUsage>().map_err(|error| error.to_string())?;
    let time = |time: &x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    let validity = certificate.validity();
    Ok(Description {
        rsa_bits: rsa_bits(certificate.subject_public_key_info()),
        names: names.map_or_else(Vec::new, |(_, names)| names.0.iter().filter_map(name).collect()),
        fingerprint: fingerprint(der),
        not_before: time(&validity.not_before),
        not_after: time(&validity.not_after),
        is_ca: constraints.is_some_and(|(_, constraints)| constraints.ca),
        self_signed: certificate.issuer() == certificate.subject(),
        is_for_servers: purposes.is_none_or(|(_, purposes)| {
            purposes
                .0
                .iter()
                .any(|purpose| [SERVER_AUTH, ANY_PURPOSE].contains(&purpose.to_string().as_str()))
        }),
    })
}

/// The length of an RSA key's modulus (RSAPublicKey: RFC 8017, appendix A.1.1).
fn rsa_bits(key: &SubjectPublicKeyInfoOwned) -> Option<usize> {
    if key.algorithm.oid.to_string() != RSA {
        return None;
    }
    let mut reader = SliceReader::new(key.subject_public_key.raw_bytes()).ok()?;
    let modulus = reader.sequence(|numbers: &mut SliceReader<'_>| {
        let modulus = UintRef::decode(numbers)?;
        let unused = modulus.as_bytes().first().map_or(0, |first| first.leading_zeros() as usize);
        UintRef::decode(numbers).map(|_exponent| modulus.as_bytes().len() * 8 - unused)
    });
    modulus.ok()
}

impl Description {
    /// Whether each handshake with it takes a Raspberry Pi long: signing with 4,096 bits takes a hundred times as long
    /// as with ECDSA P-256.
    pub fn is_slow(&self) -> bool {
        self.rsa_bits.is_some_and(|bits| bits > SLOW_ABOVE)
    }

    /// Whether it is valid for a host name or an address, as Go sees it: by its subject alternative names
    /// alone, a `*` standing for one label.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        self.names.iter().map(|name| name.to_lowercase()).any(|name| {
            let wild = name.strip_prefix("*.").zip(host.split_once('.'));
            name == host || wild.is_some_and(|(domain, (_, rest))| domain == rest)
        })
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        // An address is matched with addresses alone: written as a name it is good for nothing.
        GeneralName::DnsName(name) if name.as_str().parse::<IpAddr>().is_ok() => Some(format!("DNS:{name}")),
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let bytes: Vec<String> = digest.as_ref().iter().map(|byte| HEXUPPER.encode(&[*byte])).collect();
    bytes.join(":")
}
