//! The gateway's own certificate: made where none is configured, and renewed on demand.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};

use super::tls::{self, Files};
use crate::atomic_file::{self, Unfinished};
use crate::host;

mod description;

pub use description::{CertIssue, Description, describe, describe_der};

/// A certificate that we make is valid for ten years: nobody is there to renew one that works.
const YEARS: i16 = 10;
/// It is valid from this day on. A Raspberry Pi has no battery clock: a start of today would be a
/// start in the future for a client whose clock is behind.
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
    #[error("cannot write {}: {error}; {}", path.display(), atomic_file::cure_of(error, "the state folder must belong to the gateway's user, or choose another with --state"))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate is there without its key.
    #[error("{} is there without {}: put the key back, or remove the certificate and a new pair is made", present.display(), missing.display())]
    IncompletePair {
        /// The certificate's file.
        present: PathBuf,
        /// The key's file, which is missing.
        missing: PathBuf,
    },
    /// The library could not make one.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// Where our own pair is, in the state folder.
pub fn own_files(state: &Path) -> Files {
    Files { certificate: state.join("certificate.pem"), key: state.join("key.pem") }
}

/// The pair in the state folder; makes one where there is none, and never replaces one.
///
/// # Errors
/// [`Error::IncompletePair`], [`Error::Unwritable`], [`Error::Make`].
pub fn ensure(state: &Path) -> Result<Files, Error> {
    let files = own_files(state);
    match (files.certificate.exists(), files.key.exists()) {
        (true, true) => {
            finish_renewal(&files)?;
            Ok(files)
        }
        (false, false) => {
            make(&files, &host::names())?;
            Ok(files)
        }
        (true, false) => Err(Error::IncompletePair { present: files.certificate, missing: files.key }),
        (false, true) => {
            // The plug was pulled between the two writes of a first start: no certificate was ever
            // served with that key, so nobody trusts it.
            fs::remove_file(&files.key)
                .map_err(|error| Error::Unwritable { path: files.key.clone(), error })?;
            make(&files, &host::names())?;
            Ok(files)
        }
    }
}

/// The pair in the state folder that [`ensure`] would take as it is; `None` where it would make one.
///
/// # Errors
/// [`Error::IncompletePair`].
pub fn found(state: &Path) -> Result<Option<Files>, Error> {
    let files = own_files(state);
    match (files.certificate.exists(), files.key.exists()) {
        // A renewal that was cut short is finished at the start.
        (true, true) => Ok(Some(files).filter(|files| !unfinished(&files.certificate).exists())),
        (true, false) => Err(Error::IncompletePair { present: files.certificate, missing: files.key }),
        (false, _) => Ok(None),
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
        let created = atomic_file::create(&unfinished(path), path);
        created.map_err(|error| Error::Unwritable { path: path.clone(), error })?;
    }
    Ok(())
}

/// Replaces the pair that is there. The old one stays beside it, as `*.old`, then `*.old-2`; a gateway
/// that runs takes the new one by itself. A plug that is pulled between the two files is made up for by
/// [`ensure`].
///
/// # Errors
/// [`Error::Unwritable`] and [`Error::Make`].
pub fn renew(files: &Files, names: &[String]) -> Result<(), Error> {
    write_unfinished(files, names)?;
    // Somebody may still trust any of those that were served before.
    let endings = std::iter::once(String::from("old")).chain((2_u32..).map(|number| format!("old-{number}")));
    let is_free = |ending: &String| {
        [&files.key, &files.certificate]
            .iter()
            .all(|path| fs::symlink_metadata(beside(path, ending)).is_err())
    };
    let free = endings.into_iter().find(is_free).unwrap_or_default();
    for path in [&files.key, &files.certificate] {
        let failed = |error| Error::Unwritable { path: path.clone(), error };
        fs::hard_link(path, beside(path, &free)).map_err(failed)?;
    }
    for path in [&files.key, &files.certificate] {
        let replaced = atomic_file::replace(&unfinished(path), path);
        replaced.map_err(|error| Error::Unwritable { path: path.clone(), error })?;
    }
    Ok(())
}

/// Puts a new certificate beside the key that is there already.
fn finish_renewal(files: &Files) -> Result<(), Error> {
    let new = Files { certificate: unfinished(&files.certificate), key: files.key.clone() };
    let is_torn = new.certificate.exists()
        && matches!(tls::CertifiedPair::read(files.clone()), Err(tls::Error::Mismatch { .. }))
        && tls::CertifiedPair::read(new.clone()).is_ok();
    if is_torn {
        atomic_file::replace(&new.certificate, &files.certificate)
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
    write_new(&files.key, &key.serialize_pem(), 0o600)?;
    write_new(&files.certificate, &certificate.pem(), 0o644)
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

/// Writes a file beside where it is to be. It belongs to whom its folder belongs: root makes it for the gateway's
/// user.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let written = || -> std::io::Result<()> {
        let mut file = Unfinished::named(unfinished(path), path, mode)?;
        let folder = fs::metadata(path.parent().unwrap_or(path))?;
        match fchown(file.file(), Some(folder.uid()), Some(folder.gid())) {
            // Only root may give a file away; a user's own file needs no other owner.
            Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
        file.write(text.as_bytes())?;
        file.keep();
        Ok(())
    };
    written().map_err(|error| Error::Unwritable { path: path.to_owned(), error })
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
        let description = describe(&files.certificate).unwrap();
        assert!(!description.is_ca && description.self_signed);
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(description.names.iter().any(|said| said == name), "{:?}", description.names);
        }
        let now = Timestamp::now();
        assert!(description.not_before < now);
        let years = (description.not_after.as_second() - now.as_second()) as f64 / (365.25 * 86_400.0);
        assert!((9.9..10.1).contains(&years), "{years}");
        assert_eq!(description.fingerprint.len(), 32 * 3 - 1);
        tls::CertifiedPair::read(files).unwrap();
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
        assert!(matches!(error, Error::IncompletePair { .. }), "{error}");
    }

    #[test]
    fn a_renewed_pair_fits_and_each_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        let first = describe(&files.certificate).unwrap().fingerprint;
        let mut served = vec![first];
        for _ in 0..3 {
            renew(&files, &[String::from("fridge.lan")]).unwrap();
            served.push(describe(&files.certificate).unwrap().fingerprint);
        }
        assert!(describe(&files.certificate).unwrap().covers("fridge.lan"));
        for (ending, fingerprint) in ["old", "old-2", "old-3"].iter().zip(&served) {
            let old =
                Files { certificate: beside(&files.certificate, ending), key: beside(&files.key, ending) };
            assert_eq!(describe(&old.certificate).unwrap().fingerprint, *fingerprint, "{ending}");
            tls::CertifiedPair::read(old).unwrap();
        }
        tls::CertifiedPair::read(files).unwrap();
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
        tls::CertifiedPair::read(again).unwrap();
    }

    #[test]
    fn a_plug_pulled_between_the_two_files_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure(folder.path()).unwrap();
        fs::remove_file(&files.certificate).unwrap();
        let again = ensure(folder.path()).unwrap();
        tls::CertifiedPair::read(again).unwrap();
    }

    #[test]
    fn a_certificate_covers_its_names_and_one_label_of_a_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificate: folder.path().join("c"), key: folder.path().join("k") };
        make(&files, &["Fridge.lan", "*.example.org", "192.168.1.50"].map(String::from)).unwrap();
        let description = describe(&files.certificate).unwrap();
        for host in ["fridge.lan", "FRIDGE.LAN", "pi.example.org", "192.168.1.50"] {
            assert!(description.covers(host), "{host}");
        }
        for host in ["example.org", "a.b.example.org", "lan", "192.168.1.5"] {
            assert!(!description.covers(host), "{host}");
        }
        // An address that is written as a name, as some write it.
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::DnsName("192.168.1.50".try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        let as_name = describe(&files.certificate).unwrap();
        assert_eq!(as_name.names, ["DNS:192.168.1.50"]);
        assert!(!as_name.covers("192.168.1.50"));
    }

    #[test]
    fn a_clock_before_the_first_day_still_gives_ten_years() {
        assert_eq!(last_day(Timestamp::UNIX_EPOCH), jiff::civil::date(2030, 1, 1));
    }
}
