//! What all pages have: the head, the way to the others, and how old what they show is.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::form::csrf;
use super::{Visit, asset, icon};
use crate::api::site;
use crate::chat::Chat;
use crate::doc::html::printable;
use crate::text::{login, page};

/// The pages, as the navigation lists them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All fridges.
    Overview,
    /// Alarms, open and past.
    Alarms,
    /// The gateway itself.
    About,
    /// The way in.
    Login,
    /// Any other.
    Other,
}

/// A page with that in it.
pub struct Page<'a> {
    /// Who looks.
    pub visit: &'a Visit<'a>,
    /// What its tab is called.
    pub title: &'a str,
    /// Where it is.
    pub place: Place,
    /// Whether it is for a wall: large, and without the way to others.
    pub is_wall: bool,
    /// How it stays up to date.
    pub refresh: Refresh,
}

/// How a page stays up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// By the stream of what changes.
    Live,
    /// It is loaded again every minute.
    Minute,
    /// It does not: it may be the answer to a form, which a reload would send again.
    Never,
}

impl Page<'_> {
    /// The document.
    pub fn document(&self, content: &Markup) -> Markup {
        let gateway = self.visit.chat.gateway();
        let name = printable(gateway.name().unwrap_or(page::NO_NAME));
        let is_simulated = gateway.snapshot().is_simulated();
        let now = gateway.now();
        let is_live = self.refresh == Refresh::Live;
        let clock = gateway.snapshot().local(&now).strftime("%H:%M:%S").to_string();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="same-origin";
                    title { (self.title) " · " (name) }
                    link rel="icon" type="image/svg+xml" href=(asset::ICON.path());
                    link rel="stylesheet" href=(asset::STYLE.path());
                    script src=(asset::SCRIPT.path()) defer {}
                    @if is_live { noscript { meta http-equiv="refresh" content="30"; } }
                }
                body.wall[self.is_wall] data-live[is_live] data-minute[self.refresh == Refresh::Minute] data-site=(site(self.visit.chat)) {
                    (icon::symbols())
                    a.skip href="#content" { (page::SKIP) }
                    header {
                        a.home href="/" { (name) }
                        @if !self.is_wall { (self.navigation()) (self.session()) }
                        p.live {
                            span.dot aria-hidden="true" {}
                            span #live role="status" { (page::as_of(&clock)) }
                        }
                    }
                    @if is_simulated { p.simulated { (page::SIMULATED) } }
                    @if is_live {
                        p.lost #lost role="alert" hidden { (page::LOST) " " span #lost-since {} }
                        noscript { p.lost { (page::WITHOUT_SCRIPT) } }
                    }
                    main #content { (content) }
                    @if !self.is_wall { footer { p { (page::MADE) " " (env!("CARGO_PKG_VERSION")) } } }
                }
            }
        }
    }

    /// Who is logged in, and the way out; or the way in.
    fn session(&self) -> Markup {
        let Visit { session, has_users, here, .. } = self.visit;
        html! {
            @if let Some(session) = session {
                form.session method="post" action="/logout" {
                    (csrf(session))
                    bdi { (printable(&session.user)) }
                    button { (login::LOG_OUT) }
                }
            } @else if *has_users && self.place != Place::Login {
                @let next = form_urlencoded::byte_serialize(here.as_bytes()).collect::<String>();
                a.session href={ "/login?next=" (next) } rel="nofollow" { (login::LOG_IN) }
            }
        }
    }

    fn navigation(&self) -> Markup {
        let here = |place: Place| (place == self.place).then_some("page");
        html! {
            nav aria-label=(page::PAGES) {
                a href="/" aria-current=[here(Place::Overview)] { (page::FRIDGES) }
                a href="/alarms" aria-current=[here(Place::Alarms)] { (page::ALARMS) }
                a href="/about" aria-current=[here(Place::About)] { (page::ABOUT) }
            }
        }
    }
}

/// A page that says what is wrong.
pub fn failure(visit: &Visit<'_>, sentence: &str) -> Markup {
    let page =
        Page { visit, title: page::FAILED, place: Place::Other, is_wall: false, refresh: Refresh::Never };
    page.document(
        &html! { h1 { (page::FAILED) } p { (super::sentence(sentence)) } p { a href="/" { (page::BACK) } } },
    )
}

/// A moment as the clock on the wall shows it, for people and for programs.
pub fn time(chat: &Chat, at: Timestamp) -> Markup {
    let local = chat.gateway().snapshot().local_at(at);
    html! { time datetime=(at.to_string()) { (local.strftime("%Y-%m-%d %H:%M").to_string()) } }
}
