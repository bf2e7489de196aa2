//! `/`: all fridges, the worst first, and the open alarms.

use std::collections::HashMap;

use maud::{Markup, html};

use super::layout::{Page, Place, Refresh};
use super::{Visit, icon, spark};
use crate::alarm::Alarm;
use crate::api::{FridgeItem, all, encoded, items, rows};
use crate::chat::{Chat, Scope, alarm_line};
use crate::doc::html as of_doc;
use crate::doc::html::printable;
use crate::fridge::Fridge;
use crate::text::{self, page};

/// The page; `?wall` is for a screen on a wall.
pub fn page(visit: &Visit<'_>, query: &str) -> Markup {
    let chat = visit.chat;
    let is_wall = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "wall");
    let reply = all(chat);
    let gateway = chat.gateway();
    let view = gateway.view(&Scope::everything());
    let open: Vec<&Alarm> = view.snapshot.open_alarms().collect();
    let by_id: HashMap<&str, &Fridge> =
        view.fridges.iter().map(|fridge| (fridge.id.as_str(), *fridge)).collect();
    let content = html! {
        h1 #headline data-severity=(severity(reply.severity)) { (page::headline(rows(&reply).iter().map(|row| row.verdict))) }
        section #alarms aria-label=(page::OPEN_ALARMS) hidden[open.is_empty()] {
            ul {
                @for alarm in &open {
                    li { a href="/alarms" { (of_doc::line(&line(alarm, chat))) } }
                }
            }
        }
        @if view.fridges.is_empty() { p { (of_doc::line(&crate::doc::Text::sentence(text::NO_FRIDGES))) } }
        ol #fridges {
            @for item in items(&reply, view.units) {
                (card(&item, by_id.get(item.row.id.as_str()).map(|fridge| spark::line(fridge, &view)), view.units))
            }
        }
    };
    let page = Page { visit, title: page::FRIDGES, place: Place::Overview, is_wall, refresh: Refresh::Live };
    page.document(&content)
}

/// A fridge in the list.
fn card(item: &FridgeItem<'_>, spark: Option<Markup>, units: text::Units) -> Markup {
    let row = item.row;
    html! {
        li data-id=(row.id) data-icon=(icon::name(row.verdict)) {
            a href={ "/fridges/" (encoded(&row.id)) } {
                span.name {
                    bdi { (printable(&row.name)) }
                    @if let Some(group) = &row.group { " " small { bdi { (printable(group)) } } }
                }
                span.state { (icon::of(row.verdict)) " " span.words { (item.state) } }
                (value(item))
                span.limits { (page::limits(&row.limits, units)) }
                (age(item))
                @if let Some(spark) = spark { (spark) }
            }
        }
    }
}

/// The value, large; or in its place why there is none.
pub fn value(item: &FridgeItem<'_>) -> Markup {
    let is_value = item.row.celsius.is_some();
    html! { span.value.is-none[!is_value] { (item.shown) } }
}

/// How old the value is.
pub fn age(item: &FridgeItem<'_>) -> Markup {
    html! {
        span.age data-age=[item.row.age_s] {
            @match (item.row.age_s, &item.note) {
                (Some(age_s), _) => (page::read_ago(age_s)),
                (None, Some(note)) => (note),
                (None, None) => "",
            }
        }
    }
}

/// An open alarm in a line.
pub fn line(alarm: &Alarm, chat: &Chat) -> crate::doc::Text {
    let gateway = chat.gateway();
    alarm_line(alarm, &gateway.snapshot(), &gateway.now(), gateway.units())
}

/// The severity as the style knows it.
fn severity(severity: crate::chat::Severity) -> String {
    format!("{severity:?}").to_lowercase()
}
