//! The gateway's own certificate: making one where none is configured, and telling what one says.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use super::tls::{self, Files};

/// A certificate that we make holds for ten years: nobody is there to renew one that works.
const YEARS: i16 = 10;
/// It holds from this day on. A Raspberry Pi has no battery clock: a start of today would be a
/// start in the future for whoever looks while one of the clocks is behind.
const FIRST_DAY: (i16, i8, i8) = (2020, 1, 1);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One cannot be read.
    #[error(transparent)]
    Read(#[from] tls::Error),
    /// It is not X.509.
    #[error("the certificate in {} cannot be understood: {reason}", path.display())]
    NotX509 {
        /// The file.
        path: PathBuf,
        /// Where the reading stopped.
        reason: String,
    },
    /// One cannot be written.
    #[error("cannot write {}: {error}; the state folder must belong to the gateway's user, or say another with --state", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate is there without its key.
    #[error("{} is there without {}: put the key back, or remove the certificate and a new pair is made", present.display(), missing.display())]
    Half {
        /// The certificate's file.
        present: PathBuf,
        /// The key's file, which is missing.
        missing: PathBuf,
    },
    /// The library could not make one.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The names and addresses it holds for (its subject alternative names).
    pub names: Vec<String>,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` writes it.
    pub fingerprint: String,
    /// Since when it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
    /// Whether it may sign others. `openssl req -x509` makes such ones; some clients refuse them as
    /// a server's.
    pub is_ca: bool,
    /// Whether it was signed by its own key.
    pub self_signed: bool,
}

/// Why a client refuses a certificate, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub cure: &'static str,
}

impl Description {
    /// What Mattermost's client, or any other that looks, holds against it at the moment `now`. It is
    /// served all the same: a client may be told not to look, and a clock may be wrong.
    pub fn objections(&self, now: Timestamp) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |what: String, cure| objections.push(Objection { what, cure });
        if now > self.not_after {
            let what = format!("it ended on {}", self.not_after.strftime("%Y-%m-%d"));
            object(what, "put another in its place; it is read without a restart");
        }
        if now < self.not_before {
            let what = format!("it begins on {} only", self.not_before.strftime("%Y-%m-%d"));
            object(what, "is this machine's clock right? `timedatectl`");
        }
        if self.names.is_empty() {
            object(
                String::from(
                    "it holds for no name: Mattermost says \"certificate relies on legacy Common Name field, use SANs instead\"",
                ),
                "make it anew with -addext 'subjectAltName=DNS:…,IP:…'",
            );
        }
        objections
    }
}

/// Where our own pair is, in the state folder.
pub fn own_files(state: &Path) -> Files {
    Files { certificate: state.join("certificate.pem"), key: state.join("key.pem") }
}

/// The pair in the state folder; makes one where there is none, and never replaces one.
///
/// # Errors
/// [`Error::Half`], [`Error::Unwritable`], [`Error::Make`].
pub fn ensure(state: &Path) -> Result<Files, Error> {
    let files = own_files(state);
    match (files.certificate.exists(), files.key.exists()) {
        (true, true) => {
            finish_renewal(&files)?;
            Ok(files)
        }
        (false, false) => {
            make(&files, &names_of_this_machine())?;
            Ok(files)
        }
        (true, false) => Err(Error::Half { present: files.certificate, missing: files.key }),
        (false, true) => {
            // The plug was pulled between the two writes of a first start: no certificate was ever
            // served with that key, so nobody trusts it.
            fs::remove_file(&files.key)
                .map_err(|error| Error::Unwritable { path: files.key.clone(), error })?;
            make(&files, &names_of_this_machine())?;
            Ok(files)
        }
    }
}

/// Makes a self-signed ECDSA P-256 certificate for a server of these names, and writes both files.
/// Each appears whole or not at all, the key first: a pulled plug leaves a half that
/// [`ensure`] names, never a certificate with another key.
///
/// # Errors
/// [`Error::Unwritable`], also where a file is there already, and [`Error::Make`].
pub fn make(files: &Files, names: &[String]) -> Result<(), Error> {
    write_unfinished(files, names)?;
    for path in [&files.key, &files.certificate] {
        // A hard link fails where the name is taken; a rename would replace what is there.
        let linked = fs::hard_link(unfinished(path), path).and_then(|()| fs::remove_file(unfinished(path)));
        linked.map_err(|error| Error::Unwritable { path: path.clone(), error })?;
    }
    Ok(())
}

/// Makes another pair in the place of one that is there. The old one stays beside it, as `*.old`; a gateway
/// that runs takes the new one by itself. A plug that is pulled between the two files is made up for by
/// [`ensure`].
///
/// # Errors
/// [`Error::Unwritable`] and [`Error::Make`].
pub fn renew(files: &Files, names: &[String]) -> Result<(), Error> {
    write_unfinished(files, names)?;
    for path in [&files.key, &files.certificate] {
        let failed = |error| Error::Unwritable { path: path.clone(), error };
        let old = beside(path, "old");
        remove(&old).and_then(|()| fs::hard_link(path, &old)).map_err(failed)?;
    }
    for path in [&files.key, &files.certificate] {
        let replaced = fs::rename(unfinished(path), path);
        replaced.map_err(|error| Error::Unwritable { path: path.clone(), error })?;
    }
    Ok(())
}

/// Puts a new certificate in its place whose key is there already.
fn finish_renewal(files: &Files) -> Result<(), Error> {
    let new = Files { certificate: unfinished(&files.certificate), key: files.key.clone() };
    let is_torn = new.certificate.exists()
        && matches!(tls::Loaded::read(files.clone()), Err(tls::Error::Mismatch { .. }))
        && tls::Loaded::read(new.clone()).is_ok();
    if is_torn {
        fs::rename(&new.certificate, &files.certificate)
            .map_err(|error| Error::Unwritable { path: files.certificate.clone(), error })?;
    }
    Ok(())
}

/// Writes a new pair beside where it is to be.
fn write_unfinished(files: &Files, names: &[String]) -> Result<(), Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    let common_name = names.first().map_or("fridge", String::as_str);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (year, month, day) = FIRST_DAY;
    params.not_before = rcgen::date_time_ymd(year.into(), month.unsigned_abs(), day.unsigned_abs());
    let last = last_day(Timestamp::now());
    params.not_after =
        rcgen::date_time_ymd(last.year().into(), last.month().unsigned_abs(), last.day().unsigned_abs());
    let certificate = params.self_signed(&key)?;
    write_new(&unfinished(&files.key), &key.serialize_pem(), 0o600)?;
    write_new(&unfinished(&files.certificate), &certificate.pem(), 0o644)
}

/// Ten years from today, or from our first day where the clock stands before that.
fn last_day(now: Timestamp) -> Date {
    let (year, month, day) = FIRST_DAY;
    let first = jiff::civil::date(year, month, day);
    let today = now.to_zoned_datetime(TimeZone::UTC).date().max(first);
    today.saturating_add(YEARS.years())
}

fn unfinished(path: &Path) -> PathBuf {
    beside(path, "new")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that belongs to whom its folder belongs: root makes it for the gateway's user.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let written = || -> std::io::Result<()> {
        remove(path)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        let folder = fs::metadata(path.parent().unwrap_or(path))?;
        match fchown(&file, Some(folder.uid()), Some(folder.gid())) {
            // Nobody but root may give a file away; whoever makes it for himself need not.
            Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
    };
    written().map_err(|error| Error::Unwritable { path: path.to_owned(), error })
}

/// The names under which this machine may be asked: its host name, that with `.local`, `localhost`,
/// and every address that stays: no link-local ones, and none that IPv6 makes for privacy.
pub fn names_of_this_machine() -> Vec<String> {
    let mut names = Vec::new();
    // The first is not to be seen where the service runs with few rights.
    let host =
        ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|file| fs::read_to_string(file).ok());
    if let Some(host) = host {
        let host = host.trim().to_lowercase();
        if !host.is_empty() && host.is_ascii() {
            let local = format!("{}.local", host.split('.').next().unwrap_or(&host));
            names.extend([host, local]);
        }
    }
    names.push(String::from("localhost"));
    names.extend(stable_addresses().iter().map(IpAddr::to_string));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The addresses of this machine that stay, its loopback ones included.
pub fn stable_addresses() -> Vec<IpAddr> {
    let passing = passing_ipv6(&fs::read_to_string("/proc/net/if_inet6").unwrap_or_default());
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|address| match address {
            IpAddr::V4(address) => !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local() && !passing.contains(address),
        })
        .chain([IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()])
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The addresses that the kernel marks as temporary, deprecated or not usable yet: the fifth column
/// of /proc/net/if_inet6 holds the flags (linux/if_addr.h).
fn passing_ipv6(table: &str) -> BTreeSet<Ipv6Addr> {
    const TEMPORARY: u32 = 0x01;
    const DAD_FAILED: u32 = 0x08;
    const DEPRECATED: u32 = 0x20;
    const TENTATIVE: u32 = 0x40;
    table
        .lines()
        .filter_map(|line| {
            let mut columns = line.split_whitespace();
            let address = u128::from_str_radix(columns.next()?, 16).ok()?;
            let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
            let passing = flags & (TEMPORARY | DAD_FAILED | DEPRECATED | TENTATIVE) != 0;
            passing.then_some(Ipv6Addr::from(address))
        })
        .collect()
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
    let time = |time: &x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    let validity = certificate.validity();
    Ok(Description {
        names: names.map_or_else(Vec::new, |(_, names)| names.0.iter().filter_map(name).collect()),
        fingerprint: fingerprint(der),
        not_before: time(&validity.not_before),
        not_after: time(&validity.not_after),
        is_ca: constraints.is_some_and(|(_, constraints)| constraints.ca),
        self_signed: certificate.issuer() == certificate.subject(),
    })
}

impl Description {
    /// Whether it holds for a host name or an address, as Go sees it: by its subject alternative names
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
    let bytes: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_certificate_says_what_it_should_and_its_key_is_ours_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let said = describe(&files.certificate).unwrap();
        assert!(!said.is_ca && said.self_signed);
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(said.names.iter().any(|said| said == name), "{:?}", said.names);
        }
        let now = Timestamp::now();
        assert!(said.not_before < now);
        let years = (said.not_after.as_second() - now.as_second()) as f64 / (365.25 * 86_400.0);
        assert!((9.9..10.1).contains(&years), "{years}");
        assert_eq!(said.fingerprint.len(), 32 * 3 - 1);
        tls::Loaded::read(files).unwrap();
    }

    #[test]
    fn nothing_that_is_there_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        let before = fs::read(&files.certificate).unwrap();
        assert_eq!(ensure(folder.path()).unwrap(), files);
        assert!(make(&files, &[String::from("other")]).is_err());
        assert_eq!(fs::read(&files.certificate).unwrap(), before);
        fs::remove_file(&files.key).unwrap();
        let error = ensure(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Half { .. }), "{error}");
    }

    #[test]
    fn a_renewed_pair_fits_and_the_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        let first = describe(&files.certificate).unwrap().fingerprint;
        for _ in 0..2 {
            renew(&files, &[String::from("fridge.lan")]).unwrap();
        }
        let old = Files {
            certificate: folder.path().join("certificate.pem.old"),
            key: folder.path().join("key.pem.old"),
        };
        let now = describe(&files.certificate).unwrap();
        let before = describe(&old.certificate).unwrap();
        assert!(
            now.covers("fridge.lan") && now.fingerprint != before.fingerprint && before.fingerprint != first
        );
        tls::Loaded::read(old).unwrap();
        tls::Loaded::read(files).unwrap();
    }

    #[test]
    fn a_plug_pulled_in_the_middle_of_a_renewal_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        write_unfinished(&files, &[String::from("fridge.lan")]).unwrap();
        assert!(!describe(&ensure(folder.path()).unwrap().certificate).unwrap().covers("fridge.lan"));
        fs::rename(unfinished(&files.key), &files.key).unwrap();
        let again = ensure(folder.path()).unwrap();
        assert!(describe(&again.certificate).unwrap().covers("fridge.lan"));
        tls::Loaded::read(again).unwrap();
    }

    #[test]
    fn a_plug_pulled_between_the_two_files_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        fs::remove_file(&files.certificate).unwrap();
        let again = ensure(folder.path()).unwrap();
        tls::Loaded::read(again).unwrap();
    }

    #[test]
    fn a_certificate_covers_its_names_and_one_label_of_a_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificate: folder.path().join("c"), key: folder.path().join("k") };
        make(&files, &["Fridge.lan", "*.example.org", "192.168.1.50"].map(String::from)).unwrap();
        let said = describe(&files.certificate).unwrap();
        for host in ["fridge.lan", "FRIDGE.LAN", "pi.example.org", "192.168.1.50"] {
            assert!(said.covers(host), "{host}");
        }
        for host in ["example.org", "a.b.example.org", "lan", "192.168.1.5"] {
            assert!(!said.covers(host), "{host}");
        }
    }

    #[test]
    fn a_clock_before_the_first_day_still_gives_ten_years() {
        assert_eq!(last_day(Timestamp::UNIX_EPOCH), jiff::civil::date(2030, 1, 1));
    }

    #[test]
    fn temporary_and_deprecated_addresses_are_told_by_their_flags() {
        let table = "fd000000000000000000000000000001 02 40 00 80     eth0\n\
                     fd0000000000000000000000000000ff 02 40 00 01     eth0\n\
                     fd0000000000000000000000000000fe 02 40 00 20     eth0\nnonsense\n";
        let passing: Vec<String> = passing_ipv6(table).iter().map(Ipv6Addr::to_string).collect();
        assert_eq!(passing, ["fd00::fe", "fd00::ff"]);
    }
}
