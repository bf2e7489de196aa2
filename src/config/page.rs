//! `[page]`: who may look.

use super::{Check, schema};
use crate::web::Config;

impl Check<'_> {
    pub(super) fn page(&mut self, page: Option<schema::Page>) -> Config {
        let usual = Config::default();
        let Some(page) = page else { return usual };
        let allow = match page.allow {
            Some(allow) => self.allow(Some(allow)),
            None => usual.allow,
        };
        let enabled = page.enabled.unwrap_or(usual.enabled);
        if enabled && allow.is_empty() {
            self.warnings.push(String::from(
                "`allow` in [page] is an empty list: nobody may look at the page; write enabled = false where that is meant",
            ));
        }
        Config { enabled, allow }
    }
}
