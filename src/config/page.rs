//! `[page]`: who may look.

use hyper::Uri;
use toml::Spanned;

use super::{Check, schema};
use crate::web::Config;

impl Check<'_> {
    /// Who may look; `can_log_in` says whether there is anybody who could.
    pub(super) fn page(&mut self, page: Option<schema::Page>, can_log_in: bool) -> Config {
        let usual = Config::default();
        let Some(page) = page else { return usual };
        let allow = match page.allow {
            Some(allow) => self.allow(Some(allow)),
            None => usual.allow,
        };
        if page.enabled && allow.is_empty() {
            self.warnings.push(String::from(
                "`allow` in [page] is an empty list: nobody may look at the page; write enabled = false where that is meant",
            ));
        }
        if page.enabled && page.login && !can_log_in {
            self.warnings.push(String::from(
                "`login` in [page] is true, and there is neither a [[user]] nor a [[client]]: nobody may look at the page; `fridge user add` makes a user",
            ));
        }
        let origins = page.origins.into_iter().flatten().map(|origin| self.origin(origin)).collect();
        Config { enabled: page.enabled, allow, login: page.login, origins }
    }

    /// A web site as browsers name it: its scheme, its host, and its port where that is not the usual one.
    fn origin(&mut self, origin: Spanned<String>) -> String {
        let text = origin.get_ref();
        let is_origin = text.split_once("://").is_some_and(|(scheme, host)| {
            ["https", "http"].contains(&scheme)
                && !host.is_empty()
                && !host.contains(['/', '?', '#', '@', '*'])
                && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some())
        });
        if !is_origin {
            self.problems.at(
                &origin.span(),
                "an origin is a web site without a path, as browsers name it: \"https://board.example.org\"",
            );
        }
        origin.into_inner().to_ascii_lowercase()
    }
}
