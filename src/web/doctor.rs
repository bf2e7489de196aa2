//! `/doctor`: what `fridge doctor` finds, for who is logged in.

use std::pin::Pin;
use std::sync::Arc;

use maud::{Markup, html};
use serde::Deserialize;

use super::Visit;
use super::layout::{Page, Place, Refresh};
use crate::text::page;

/// One thing that was looked at, as `fridge doctor --json` has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    /// How it is: `ok`, `warning` or `fault`.
    pub level: String,
    /// What is wrong, in a word that stays.
    pub id: Option<String>,
    /// What was looked at.
    pub about: String,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// Looks at everything; `None` where that cannot be done.
pub type Examine = dyn Fn() -> Pin<Box<dyn Future<Output = Option<Arc<[Finding]>>> + Send>> + Send + Sync;

/// The page: what is wrong first.
pub fn page(visit: &Visit<'_>, findings: Option<&[Finding]>) -> Markup {
    let rank = |finding: &&Finding| match finding.level.as_str() {
        "fault" => 0,
        "warning" => 1,
        _ => 2,
    };
    let mut sorted: Vec<&Finding> = findings.unwrap_or_default().iter().collect();
    sorted.sort_by_key(rank);
    let content = html! {
        h1 { (page::DOCTOR) }
        @if findings.is_none() { p { (super::sentence(page::NO_DOCTOR)) } }
        ul.findings {
            @for Finding { level, id, about, text, cure } in sorted {
                li data-level=(level) {
                    strong { (level) } " " (about) ": " (super::sentence(text))
                    @if let Some(id) = id { " " small { (id) } }
                    @if let Some(cure) = cure { p { "→ " (super::sentence(cure)) } }
                }
            }
        }
    };
    let page =
        Page { visit, title: page::DOCTOR, place: Place::Other, is_wall: false, refresh: Refresh::Never };
    page.document(&content)
}
