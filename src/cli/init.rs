//! `fridge init`: the first configuration, of the probes on this machine. Detects what it can, never overwrites
//! anybody's edits, and ends with what is to be typed into Mattermost.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, chown, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::{FileOptions, terminal};
use crate::atomic_file::Unfinished;
use crate::config::{Config, paths};
use crate::host;
use crate::https::certificate;

mod scan;
mod template;

use scan::Scanned;

/// The configuration as the package ships it: untouched, it counts as none.
const SHIPPED: &str = include_str!("../../systemd/fridge.toml");
const SERVICE_STATE: &str = "/var/lib/fridge";

/// The options of `init`.
#[derive(Args)]
pub struct Options {}

/// Scans the machine for buses, writes the configuration and the certificate, and prints the next steps.
pub fn run(_options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let path = paths::new_configuration(files.config.as_deref(), host::is_root(), &paths::environment);
    let before = what_is_there(&path)?;
    terminal::print("Scanning for 1-Wire buses…\n")?;
    let found = scan::scan(&scan::candidates(Path::new("/")));
    let address = host::own_address();
    let configuration = template::configuration(&found, address.as_deref());
    write(&path, &configuration, before)?;
    let state = state_folder(files, &path)?;
    let certificate = certificate::ensure(&state)?;
    let description = certificate::describe(&certificate.certificate)?;
    let option = |name: &str, path: &Option<PathBuf>| {
        path.as_ref().map(|path| format!(" {name} {}", path.display())).unwrap_or_default()
    };
    let options = option("--config", &files.config) + &option("--state", &files.state);
    let next = template::Next {
        path: &path,
        found: &found,
        address: address.as_deref(),
        certificate: &certificate.certificate,
        fingerprint: &description.fingerprint,
        is_service: is_service(&path),
        options: &options,
    };
    terminal::print(&next.to_string())
}

/// What stands in the way of a new configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Shipped,
}

fn what_is_there(path: &Path) -> anyhow::Result<Before> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Before::Nothing),
        Ok(text) if text == SHIPPED => Ok(Before::Shipped),
        Ok(_) => bail!(
            "{0} exists already, and nothing was changed. `fridge check` reads it, `fridge probes` lists what is on the buses. To start over, move it away: mv {0} {0}.old",
            path.display()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot read {}; try sudo", path.display())),
    }
}

/// Writes it under a temporary name, checks it like any other, and renames it.
fn write(path: &Path, text: &str, before: Before) -> anyhow::Result<()> {
    let failed =
        || format!("cannot write {}; try sudo, or choose another path with --config", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(failed)?;
    let mut file = Unfinished::beside(path, 0o640).with_context(failed)?;
    if let Some(group) = host::group_id(Path::new("/"), host::SERVICE).filter(|_| host::is_root()) {
        fchown(file.file(), None, Some(group)).with_context(failed)?;
    }
    file.write(text.as_bytes()).with_context(failed)?;
    Config::load(file.path()).context("a bug: what `fridge init` writes must be OK")?;
    match before {
        Before::Shipped => file.replace(),
        // Fails where somebody else has written one meanwhile.
        Before::Nothing => file.create(),
    }
    .with_context(failed)
}

/// The state folder. The service's own is made here where it has never started, and belongs to its user.
fn state_folder(files: &FileOptions, configuration: &Path) -> anyhow::Result<PathBuf> {
    let service = Path::new(SERVICE_STATE);
    let is_given = files.state.is_some() || paths::environment("STATE_DIRECTORY").is_some();
    if !is_given && host::is_root() && is_service(configuration) && !service.exists() {
        fs::DirBuilder::new().mode(0o750).create(service).context("cannot make the state folder")?;
        if let (Some(user), Some(group)) =
            (host::user_id(Path::new("/"), host::SERVICE), host::group_id(Path::new("/"), host::SERVICE))
        {
            chown(service, Some(user), Some(group)).context("cannot give the service its state folder")?;
        }
    }
    let state = files.state();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(&state)
        .with_context(|| format!("cannot make the state folder {}", state.display()))?;
    Ok(state)
}

fn is_service(configuration: &Path) -> bool {
    configuration.starts_with("/etc/fridge")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::reading::{Celsius, Fault};

    fn found() -> Vec<Scanned> {
        let kernel = crate::bus::Config::Kernel(crate::bus::kernel::Config::default());
        let probes = vec![
            ("28-0316a2790a1b".parse().unwrap(), Ok(Celsius::from_sixteenths(67))),
            ("28-0316a2790a1c".parse().unwrap(), Err(Fault::NoAnswer)),
        ];
        vec![Scanned { bus: kernel, probes }]
    }

    #[test]
    fn what_was_found_is_written_named_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/fridge.toml");
        write(&path, &template::configuration(&found(), Some("192.0.2.7")), what_is_there(&path).unwrap())
            .unwrap();
        let written = fs::read_to_string(&path).unwrap();
        for part in ["name = \"Fridge 2\"", "28-0316a2790a1c", "reads 4.2 °C now", "no answer from the probe"]
        {
            assert!(written.contains(part), "`{part}` is not in {written}");
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let config = Config::load(&path).unwrap();
        assert_eq!((config.site.fridges.len(), config.buses.len(), config.mattermost.hooks.len()), (2, 1, 0));
        assert_eq!(config.mattermost.url.as_deref(), Some("https://192.0.2.7:4443"));
    }

    #[test]
    fn without_probes_there_is_an_example_and_the_bus() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        write(&path, &template::configuration(&[], None), Before::Nothing).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!((config.site.fridges.len(), config.buses.len()), (0, 1));
        assert!(fs::read_to_string(&path).unwrap().contains("\n#[[fridge]]\n"));
    }

    #[test]
    fn the_untouched_shipped_file_alone_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        assert_eq!(what_is_there(&path).unwrap(), Before::Nothing);
        fs::write(&path, SHIPPED).unwrap();
        assert_eq!(what_is_there(&path).unwrap(), Before::Shipped);
        write(&path, &template::configuration(&found(), None), Before::Shipped).unwrap();
        let error = what_is_there(&path).unwrap_err().to_string();
        assert!(error.contains("nothing was changed") && error.contains(".old"), "{error}");
        let written = fs::read(&path).unwrap();
        assert!(write(&path, "", Before::Shipped).is_err(), "a file with no bus is not in order");
        let other = template::configuration(&[], None);
        assert!(write(&path, &other, Before::Nothing).is_err(), "somebody was faster");
        assert_eq!(fs::read(&path).unwrap(), written);
    }

    #[test]
    fn the_shipped_file_is_in_order_and_warns_of_what_is_missing() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/fridge.toml");
        let config = Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!((config.warnings.len(), config.buses.len()), (2, 1), "{:?}", config.warnings);
    }

    #[test]
    fn the_way_on_names_this_machine_and_what_mattermost_wants() {
        let found = found();
        let mut next = template::Next {
            path: Path::new("/etc/fridge/fridge.toml"),
            found: &found,
            address: Some("192.0.2.7"),
            certificate: Path::new("/var/lib/fridge/certificate.pem"),
            fingerprint: "AA:BB",
            is_service: true,
            options: "",
        };
        let description = next.to_string();
        for part in [
            "2 probes",
            "https://192.0.2.7:4443/webhook",
            "192.0.2.7/32",
            "Trigger Words: fridge",
            "systemctl reload fridge",
            "AA:BB",
        ] {
            assert!(description.contains(part), "`{part}` is not in {description}");
        }
        next.found = &[];
        let description = next.to_string();
        assert!(description.contains("dtoverlay=w1-gpio") && description.contains("4.7 kΩ"), "{description}");
    }
}
