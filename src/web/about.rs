//! `/about`: the gateway itself and its buses, as `about` and `probes` say it.

use maud::{Markup, html};

use super::Visit;
use super::layout::{Page, Place, Refresh};
use crate::chat::{Asker, Rights};
use crate::doc::html as of_doc;
use crate::text::page;

/// The page.
pub fn page(visit: &Visit<'_>) -> Markup {
    let chat = visit.chat;
    let asker = Asker::local(Rights::Read);
    let (about, probes) = (chat.reply("about", &asker), chat.reply("probes", &asker));
    let content = html! {
        h1 { (page::ABOUT) }
        p { (of_doc::line(&about.doc.headline)) }
        (of_doc::blocks(&about.doc))
        h2 { (of_doc::line(&probes.doc.headline)) }
        (of_doc::blocks(&probes.doc))
        h2 { (page::FOR_PROGRAMS) }
        ul {
            li { a href="/api/v1/fridges" { "/api/v1/fridges" } " " (page::API) }
            li { a href="/metrics" { "/metrics" } " " (page::METRICS) }
            @if visit.session.is_some() { li { a href="/doctor" { "/doctor" } " " (super::sentence(page::TO_DOCTOR)) } }
            li { a href="/?wall" { "/?wall" } " " (page::WALL) }
        }
    };
    let page =
        Page { visit, title: page::ABOUT, place: Place::About, is_wall: false, refresh: Refresh::Minute };
    page.document(&content)
}
