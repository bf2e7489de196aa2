//! `[[hook]]`: who may ask, and with which token.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use toml::Spanned;

use super::{Check, file, places};
use crate::https;
use crate::secret::Secret;

/// Tokens shorter than this can be guessed. Mattermost's have 26 letters.
const SHORTEST_TOKEN: usize = 16;

impl Check<'_> {
    pub(super) fn hooks(&mut self, hooks: Vec<Spanned<file::Hook>>) -> Vec<https::Hook> {
        let mut checked: Vec<https::Hook> = Vec::new();
        for (index, hook) in hooks.into_iter().enumerate() {
            let (span, hook) = (hook.span(), hook.into_inner());
            let name = hook.name.map_or_else(|| format!("hook {}", index + 1), |name| self.name(name));
            let (span, token) = match (hook.token, hook.token_file) {
                (Some(token), None) => (token.span(), Some(token.into_inner())),
                (None, Some(file)) => (file.span(), self.token_file(&file)),
                (Some(_), Some(file)) => {
                    self.problems.at(&file.span(), "a hook has `token` or `token_file`, not both");
                    continue;
                }
                (None, None) => {
                    self.problems.at(
                        &span,
                        "a hook needs the `token` that Mattermost shows, or a `token_file` that holds it",
                    );
                    continue;
                }
            };
            let Some(token) = token.map(|token| token.trim().to_owned()) else { continue };
            if token.contains(char::is_whitespace) {
                self.problems.at(&span, "the token holds blanks: copy the 26 letters that Mattermost shows, once the hook is saved");
            } else if token.chars().count() < SHORTEST_TOKEN {
                self.problems.at(&span, format!("the token is too short to be safe: Mattermost's have 26 letters, and {SHORTEST_TOKEN} are the least"));
            } else if checked.iter().any(|other| other.token.matches(&token)) {
                self.problems
                    .at(&span, "another hook has the same token: each of Mattermost's hooks has its own");
            }
            checked.push(https::Hook { name, token: Secret::new(token) });
        }
        checked
    }

    /// The token in a file: beside the configuration, or among systemd's credentials.
    fn token_file(&mut self, file: &Spanned<String>) -> Option<String> {
        let credentials = places::environment("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let places = credentials.iter().map(PathBuf::as_path).chain([self.folder]);
        let paths: Vec<PathBuf> = places.map(|place| place.join(file.get_ref())).collect();
        let path = paths.iter().find(|path| path.exists()).or(paths.last())?;
        match fs::read_to_string(path) {
            Ok(token) => Some(token),
            Err(error) => {
                let cure = match error.kind() {
                    ErrorKind::PermissionDenied => ": let the gateway's user read it",
                    _ => "",
                };
                self.problems
                    .at(&file.span(), format!("cannot read the token in {}: {error}{cure}", path.display()));
                None
            }
        }
    }
}
