//! `[[hook]]`: who may ask, and with which token.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::{Check, diagnostics, paths, schema};
use crate::fridge::{Fridge, names};
use crate::gateway::Scope;
use crate::mattermost::{self, Placement};
use crate::regular_file;
use crate::secret::Secret;

/// Tokens shorter than this can be guessed. Mattermost's have 26 letters.
pub const SHORTEST_TOKEN: usize = 16;

/// What is said of a token that is not as it should be.
pub struct TokenWords<'a> {
    /// "a hook"
    pub whose: &'a str,
    /// Where there is none.
    pub needs: &'a str,
    /// What comes of it where its file is missing or empty …
    pub without_file: &'a str,
    /// … and what to do.
    pub cure: &'a str,
}

/// Whether Mattermost can have made that token (`model.NewId`).
fn is_mattermosts(token: &str) -> bool {
    token.len() == 26 && token.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl Check<'_> {
    pub(super) fn hooks(
        &mut self,
        hooks: Vec<Spanned<schema::Hook>>,
        fridges: &[Fridge],
    ) -> Vec<mattermost::Hook> {
        let mut checked: Vec<mattermost::Hook> = Vec::new();
        for (index, hook) in hooks.into_iter().enumerate() {
            let (span, hook) = (hook.span(), hook.into_inner());
            let name = hook.name.map_or_else(|| format!("hook {}", index + 1), |name| self.name(name));
            let without_file = format!("every question of the hook `{name}` is rejected");
            let words = TokenWords {
                whose: "a hook",
                needs: "a hook needs the `token` that Mattermost shows, or a `token_file` that holds it",
                without_file: &without_file,
                cure: "put the token into it that Mattermost shows",
            };
            let Some((span, token)) = self.token(&span, hook.token, hook.token_file, &words) else {
                continue;
            };
            if token.contains(char::is_whitespace) {
                self.problems.at(&span, "the token has spaces in it: copy the 26 characters that Mattermost shows, once the hook is saved");
            } else if token.chars().count() < SHORTEST_TOKEN {
                self.problems.at(&span, format!("the token is too short to be safe: Mattermost's have 26 characters, and {SHORTEST_TOKEN} are the least"));
            } else if checked.iter().any(|other| other.token.matches(&token)) {
                self.problems
                    .at(&span, "another hook has the same token: each of Mattermost's hooks has its own");
            }
            if !is_mattermosts(&token) {
                self.warnings.push(format!(
                    "the token of the hook `{name}` cannot be one of Mattermost's, which have 26 small letters and digits and nothing else, so its questions will be rejected: copy it once more"
                ));
            }
            if checked.iter().any(|other| other.name == name) {
                self.problems
                    .at(&span, format!("another hook has the name `{name}`: give each a `name` of its own"));
            }
            checked.push(mattermost::Hook {
                name,
                token: Secret::new(token),
                response: hook.response.map_or_else(Placement::default, |response| self.response(&response)),
                in_channel: hook.in_channel,
                username: hook.username.map(|name| self.name(name)),
                icon_url: hook.icon_url.map(|url| self.icon_url(url)),
                scope: hook.fridges.map_or_else(Scope::everything, |names| self.scope(&names, fridges)),
                may_act: hook.may_act.map(|names| self.users(names)),
            });
        }
        checked
    }

    /// The token that stands in the file, or in a file that it names, and where that is said; `None` where there is none.
    pub(super) fn token(
        &mut self,
        span: &Range<usize>,
        token: Option<Spanned<String>>,
        token_file: Option<Spanned<String>>,
        words: &TokenWords<'_>,
    ) -> Option<(Range<usize>, String)> {
        let TokenWords { whose, needs, without_file, cure } = words;
        let (span, token) = match (token, token_file) {
            (Some(token), None) => (token.span(), Some(token.into_inner())),
            (None, Some(file)) => (
                file.span(),
                self.secret_file(&file, |path, state| {
                    format!("{without_file}, because its token_file {path} {state}: {cure}, then reload the gateway; a credential of systemd's needs a restart")
                }),
            ),
            (Some(_), Some(file)) => {
                self.problems.at(&file.span(), format!("{whose} has `token` or `token_file`, not both"));
                return None;
            }
            (None, None) => {
                self.problems.at(span, *needs);
                return None;
            }
        };
        // What cannot be seen came along with a pasted text, or as a file's byte order mark.
        Some((span, names::visible(token?.trim())))
    }

    /// The names of Mattermost's users, without the `@` that people write before them.
    fn users(&mut self, names: Vec<Spanned<String>>) -> Vec<String> {
        let user = |name: Spanned<String>| {
            let text = name.get_ref().trim_start_matches('@');
            let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
            if text.is_empty() || !text.chars().all(fits) {
                self.problems.at(
                    &name.span(),
                    "a user's name in Mattermost has letters, digits, dots, dashes and underscores, such as \"anna\"",
                );
            }
            text.to_owned()
        };
        names.into_iter().map(user).collect()
    }

    fn icon_url(&mut self, url: Spanned<String>) -> String {
        if !["https://", "http://"].iter().any(|scheme| url.get_ref().starts_with(scheme)) {
            self.problems.at(&url.span(), "`icon_url` is a picture on the web: \"https://…\"");
        }
        url.into_inner()
    }

    fn response(&mut self, response: &Spanned<String>) -> Placement {
        match response.get_ref().as_str() {
            "post" => Placement::Post,
            "comment" => Placement::Comment,
            unknown => {
                let text = diagnostics::unknown_word(
                    &format!("`response` cannot be `{unknown}`"),
                    unknown,
                    &["post", "comment"],
                );
                self.problems.at(&response.span(), text);
                Placement::Post
            }
        }
    }

    /// The fridges and groups that a hook may see; each must be there, or it would see nothing and
    /// nobody would know why.
    fn scope(&mut self, names: &[Spanned<String>], fridges: &[Fridge]) -> Scope {
        let known: Vec<&str> = fridges
            .iter()
            .flat_map(|fridge| std::iter::once(&fridge.name).chain(&fridge.group))
            .map(String::as_str)
            .collect();
        for name in names {
            let one = Scope::only([name.get_ref().as_str()]);
            if !fridges.iter().any(|fridge| one.sees(fridge)) {
                let text = diagnostics::unknown_word(
                    &format!("no fridge and no group is named `{}`", name.get_ref()),
                    name.get_ref(),
                    &known,
                );
                self.problems.at(&name.span(), text);
            }
        }
        Scope::only(names.iter().map(|name| name.get_ref().as_str()))
    }

    /// Notes a token in the place of a path or an address: whoever says later that there is no such file would repeat it.
    pub(super) fn no_token(&mut self, setting: &str, value: &Spanned<String>) {
        if is_mattermosts(value.get_ref()) {
            self.problems.at(
                &value.span(),
                format!(
                    "`{setting}` looks like a token of Mattermost's: that belongs to `token` in a [[hook]]"
                ),
            );
        }
    }

    /// The secret in a file: beside the configuration, or among systemd's credentials. A missing or empty file is
    /// not an error but a warning, made of its path and its state.
    pub(super) fn secret_file(
        &mut self,
        file: &Spanned<String>,
        warning: impl FnOnce(&str, &str) -> String,
    ) -> Option<String> {
        let credential = paths::credential(file.get_ref(), &paths::environment);
        let paths: Vec<PathBuf> = credential.into_iter().chain([self.folder.join(file.get_ref())]).collect();
        let path = paths.iter().find(|path| path.exists()).or(paths.last())?;
        let state = match regular_file::text(path) {
            Ok(token) if token.trim().is_empty() => "is empty",
            Ok(token) => return Some(token),
            Err(error) if error.kind() == ErrorKind::NotFound => "is not there",
            Err(error) => {
                let cure = match error.kind() {
                    ErrorKind::PermissionDenied => {
                        ": let the gateway's user read it; the service gets what is in `tokens` when it starts, so `systemctl restart fridge`"
                    }
                    _ => "",
                };
                self.problems
                    .at(&file.span(), format!("cannot read the secret in {}: {error}{cure}", path.display()));
                return None;
            }
        };
        self.warnings.push(warning(&path.display().to_string(), state));
        None
    }
}
