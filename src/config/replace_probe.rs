//! Another probe in a fridge: the configuration's file with one ROM code exchanged.

use std::path::Path;

use toml::de::DeTable;

use super::edit::{self, EditError};
use super::section::Section;
use super::{Config, schema};
use crate::fridge::names;
use crate::reading::{ProbeId, ProbeIdError};

/// What was done.
#[derive(Debug)]
pub struct Replaced {
    /// The fridge's whole name.
    pub fridge: String,
    /// The probe that hung in it.
    pub before: ProbeId,
    /// The line that was changed, from 1.
    pub line: usize,
    /// Whether the fridge has a calibration, which was the old probe's.
    pub is_calibrated: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or what it would become.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// No fridge has such a name.
    #[error("there is no fridge with that name{}; there are: {all}", .nearest.as_ref().map(|name| format!(", did you mean {name}?")).unwrap_or_default())]
    Unknown {
        /// One that may be meant.
        nearest: Option<String>,
        /// All of them.
        all: String,
    },
    /// Several fridges have that in their names.
    #[error("which one do you mean: {0}?")]
    Ambiguous(String),
    /// It is the one that is there already.
    #[error("{probe} is in {fridge} already: nothing to change")]
    Same {
        /// The probe.
        probe: ProbeId,
        /// Where it is.
        fridge: String,
    },
    /// It is in another fridge.
    #[error(
        "{probe} is in {fridge}, and a probe can be in one fridge only: give that one another probe first"
    )]
    Taken {
        /// The probe.
        probe: ProbeId,
        /// Where it is.
        fridge: String,
    },
    /// No probe is written so.
    #[error("`{0}` is not a ROM code: {1}; `fridge probes` lists those that are there")]
    NoProbe(String, ProbeIdError),
}

/// Puts `probe` into the fridge that `name`, or a part of its name, selects.
///
/// # Errors
/// [`Error`]; the file is then as it was.
pub fn replace(path: &Path, name: &str, probe: &str) -> Result<Replaced, Error> {
    let config = Config::load(path).map_err(EditError::from)?;
    // What was checked, and not what somebody has written since.
    let source = config.source.expose();
    let new: ProbeId = probe.parse().map_err(|error| Error::NoProbe(probe.to_owned(), error))?;
    let fridge = &config.site.fridges[index(&config, name)?];
    if let Some(holder) = config.site.fridges.iter().find(|other| other.probe == new) {
        let (probe, fridge_name) = (new, holder.name.clone());
        return Err(match holder.probe == fridge.probe {
            true => Error::Same { probe, fridge: fridge_name },
            false => Error::Taken { probe, fridge: fridge_name },
        });
    }
    let table = DeTable::parse(source).map_err(|_| edit::unparsed(path))?;
    let file = schema::File::of(Section(table.get_ref()));
    let is_it = |table: &&schema::Fridge| table.probe.get_ref().parse() == Ok(fridge.probe);
    let table = file.fridge.iter().map(toml::Spanned::get_ref).find(is_it);
    let Some(span) = table.map(|table| table.probe.span()) else {
        return Err(edit::unparsed(path).into());
    };
    let line = source[..span.start].matches('\n').count() + 1;
    let text = format!("{}\"{new}\"{}", &source[..span.start], &source[span.end..]);
    edit::exchange(path, source, &text)?;
    Ok(Replaced {
        fridge: fridge.name.clone(),
        before: fridge.probe,
        line,
        is_calibrated: fridge.calibration.is_some(),
    })
}

/// The fridge that is meant: by its whole name, or by a part that no other has.
fn index(config: &Config, name: &str) -> Result<usize, Error> {
    let fridge_names = || config.site.fridges.iter().map(|fridge| fridge.name.as_str());
    if let Some(exact) = names::exact(name, fridge_names()) {
        return Ok(exact);
    }
    match names::containing(name, fridge_names())[..] {
        [only] => Ok(only),
        [] => Err(Error::Unknown {
            nearest: names::nearest(name, fridge_names()).map(str::to_owned),
            all: fridge_names().collect::<Vec<_>>().join(", "),
        }),
        ref several => {
            let several: Vec<_> =
                several.iter().map(|&index| config.site.fridges[index].name.as_str()).collect();
            Err(Error::Ambiguous(several.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::PathBuf;

    use super::*;

    const TEXT: &str = "# the cafe's\n[[bus]]\nkind = \"kernel\"\n\n[[fridge]]\nname = \"Milk\"     # left of the door\nprobe = '28-000000000001'  # new in May\n\n[[fridge]]\nname = \"Milk shakes\"\nprobe = \"28-000000000002\"\ncalibration = { offset = 0.5 }\n";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn one_identity_is_exchanged_and_every_other_byte_stays() {
        let (folder, path) = file(TEXT);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let done = replace(&path, "milk", "28-0316A2790A1B").unwrap();
        assert_eq!((done.fridge.as_str(), done.line, done.is_calibrated), ("Milk", 7, false));
        assert_eq!(done.before.to_string(), "28-000000000001");
        let wanted = TEXT.replace("'28-000000000001'", "\"28-0316a2790a1b\"");
        assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&path, "shakes", "28-000000000009").unwrap().is_calibrated);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (folder, path) = file(TEXT);
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, "milk", "28-0316a2790a1b").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&path).unwrap().contains("28-0316a2790a1b"));
    }

    #[test]
    fn of_many_at_once_each_leaves_a_whole_file_and_nothing_else() {
        let (folder, path) = file(TEXT);
        std::thread::scope(|scope| {
            for number in 1..=8 {
                let path = &path;
                scope.spawn(move || {
                    for round in 0..20 {
                        let probe = format!("28-0000000000{number}{}", round % 2);
                        // Somebody else's may have come in between, and then it is that one's.
                        let replaced = replace(path, "milk shakes", &probe);
                        if let Err(error) = replaced {
                            let said = error.to_string();
                            assert!(said.contains("already") || said.contains("changed meanwhile"), "{said}");
                        }
                    }
                });
            }
        });
        assert!(crate::config::Config::load(&path).is_ok());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_mistake_changes_nothing_and_says_what_to_do() {
        let (_folder, path) = file(TEXT);
        for (name, probe, said) in [
            ("mlik", "28-000000000009", "did you mean Milk?; there are: Milk, Milk shakes"),
            ("mil", "28-000000000009", "which one do you mean: Milk, Milk shakes?"),
            ("milk", "28-9", "`28-9` is not a ROM code"),
            ("milk", "28-000000000001", "is in Milk already"),
            ("milk", "28-000000000002", "is in Milk shakes"),
            ("", "28-000000000009", "there is no fridge with that name"),
        ] {
            let error = replace(&path, name, probe).unwrap_err().to_string();
            assert!(error.contains(said), "{name} {probe}: {error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
        let (_folder, broken) = file("[[bus]]\nkind = \"kernle\"\n");
        assert!(matches!(
            replace(&broken, "milk", "28-000000000009"),
            Err(Error::Edit(EditError::Problems(_)))
        ));
    }
}
