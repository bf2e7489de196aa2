//! Where the files are: the configuration, the state and the socket. The environment is an argument,
//! so the rules can be tested.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use super::diagnostics::Problems;

/// What looks a variable of the environment up.
pub type Environment<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// The process's own environment.
pub fn environment(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

const CONFIGURATION: &str = "fridge.toml";
const SOCKET: &str = "fridge.sock";

/// The configuration's file: the one given, else in systemd's `$CONFIGURATION_DIRECTORY`, else
/// `/etc/fridge/fridge.toml` where that is there, else the user's own.
///
/// # Errors
/// Where none was given and none is there: where it was looked for, and how to begin.
pub fn configuration(given: Option<&Path>, environment: &Environment<'_>) -> Result<PathBuf, Problems> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if let Some(folder) = environment("CONFIGURATION_DIRECTORY") {
        return Ok(PathBuf::from(folder).join(CONFIGURATION));
    }
    let system = Path::new("/etc/fridge").join(CONFIGURATION);
    let own = user_folders().map(|folders| folders.config_dir().join(CONFIGURATION));
    let candidates: Vec<PathBuf> = std::iter::once(system.clone()).chain(own).collect();
    match candidates.iter().find(|path| path.exists()) {
        Some(path) => Ok(path.clone()),
        None => {
            let tried: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
            let text = format!(
                "there is no configuration (looked for {}): write one with `fridge init`, name one with --config, or try `fridge demo`, which needs none",
                tried.join(" and ")
            );
            Err(Problems::of_file(&system, text))
        }
    }
}

/// Where a new configuration is written: the file given, else in systemd's `$CONFIGURATION_DIRECTORY`, else
/// the service's, for root and where it is there, else the user's own.
pub fn new_configuration(given: Option<&Path>, is_root: bool, environment: &Environment<'_>) -> PathBuf {
    let system = Path::new("/etc/fridge").join(CONFIGURATION);
    match (configuration(given, environment), user_folders()) {
        (Ok(path), _) => path,
        (Err(_), Some(folders)) if !is_root => folders.config_dir().join(CONFIGURATION),
        (Err(_), _) => system,
    }
}

/// The state folder: the one given, else systemd's `$STATE_DIRECTORY`, else `/var/lib/fridge` where
/// that is there, else the user's own.
pub fn state(given: Option<&Path>, environment: &Environment<'_>) -> PathBuf {
    let system = PathBuf::from("/var/lib/fridge");
    given
        .map(Path::to_owned)
        .or_else(|| environment("STATE_DIRECTORY").map(PathBuf::from))
        .or_else(|| system.exists().then(|| system.clone()))
        .or_else(|| user_folders().map(|folders| folders.data_local_dir().to_owned()))
        .unwrap_or(system)
}

/// The socket that the gateway opens: the one given, else in systemd's `$RUNTIME_DIRECTORY`, else in
/// the user's runtime folder; `None` where there is no such folder.
pub fn server_socket(given: Option<&Path>, environment: &Environment<'_>) -> Option<PathBuf> {
    given
        .map(Path::to_owned)
        .or_else(|| environment("RUNTIME_DIRECTORY").map(|folder| PathBuf::from(folder).join(SOCKET)))
        .or_else(user_socket)
}

/// The sockets on which a client looks for a gateway, in this order: only the one given, else the
/// service's, then the user's own.
pub fn client_sockets(given: Option<&Path>, state: &Path) -> Vec<PathBuf> {
    match given {
        Some(given) => vec![given.to_owned()],
        None => std::iter::once(PathBuf::from("/run/fridge").join(SOCKET))
            .chain(user_socket())
            .chain([state.join(SOCKET)])
            .collect(),
    }
}

/// The credential of systemd that stands for `file`, a path relative to the configuration's folder. The unit
/// hands over the folder `tokens` as a whole, and systemd joins the names of a path with `_`.
pub fn credential(file: &str, environment: &Environment<'_>) -> Option<PathBuf> {
    Some(PathBuf::from(environment("CREDENTIALS_DIRECTORY")?).join(file.replace('/', "_")))
}

fn user_folders() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "fridge")
}

fn user_socket() -> Option<PathBuf> {
    BaseDirs::new()?.runtime_dir().map(|folder| folder.join(SOCKET))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn systemd(name: &str) -> Option<OsString> {
        match name {
            "CONFIGURATION_DIRECTORY" => Some("/etc/fridge-2".into()),
            "STATE_DIRECTORY" => Some("/var/lib/fridge-2".into()),
            "RUNTIME_DIRECTORY" => Some("/run/fridge-2".into()),
            "CREDENTIALS_DIRECTORY" => Some("/run/credentials/fridge-2.service".into()),
            _ => None,
        }
    }

    #[test]
    fn what_is_given_wins_then_what_systemd_says() {
        let given = Some(Path::new("/given"));
        assert_eq!(configuration(given, &systemd).unwrap(), Path::new("/given"));
        assert_eq!(state(given, &systemd), Path::new("/given"));
        assert_eq!(server_socket(given, &systemd).unwrap(), Path::new("/given"));
        assert_eq!(client_sockets(given, Path::new("/state")), [Path::new("/given")]);

        assert_eq!(configuration(None, &systemd).unwrap(), Path::new("/etc/fridge-2/fridge.toml"));
        assert_eq!(new_configuration(None, true, &systemd), Path::new("/etc/fridge-2/fridge.toml"));
        assert_eq!(state(None, &systemd), Path::new("/var/lib/fridge-2"));
        assert_eq!(server_socket(None, &systemd).unwrap(), Path::new("/run/fridge-2/fridge.sock"));
    }

    #[test]
    fn a_file_in_a_folder_is_the_credential_that_systemd_makes_of_it() {
        let path = credential("tokens/kitchen", &systemd).unwrap();
        assert_eq!(path, Path::new("/run/credentials/fridge-2.service/tokens_kitchen"));
        assert_eq!(credential("tokens/kitchen", &|_| None), None);
    }

    #[test]
    fn a_client_looks_at_the_service_first_and_at_the_state_folder_last() {
        let sockets = client_sockets(None, Path::new("/state"));
        assert_eq!(sockets.first().unwrap(), Path::new("/run/fridge/fridge.sock"));
        assert_eq!(sockets.last().unwrap(), Path::new("/state/fridge.sock"));
    }
}
