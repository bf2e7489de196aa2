//! `/alarms`: those that are open, and those of the last thirty days.

use std::time::Duration;

use maud::{Markup, html};

use super::layout::{Page, Place, Refresh, time};
use super::{Visit, act, overview};
use crate::alarm::{Alarm, Kind};
use crate::api::encoded;
use crate::chat::Chat;
use crate::doc::html as of_doc;
use crate::doc::html::printable;
use crate::history::{Period, period};
use crate::reading::Celsius;
use crate::text::{self, alarm as words, page};

/// So far back they are listed.
const BACK: Duration = Duration::from_secs(30 * 86_400);
/// So many are listed; the newest.
const MOST_LISTED: usize = 200;

/// The page.
pub async fn page(visit: &Visit<'_>) -> Markup {
    let chat = visit.chat;
    let gateway = chat.gateway();
    let now = gateway.now().wall;
    let from = now.checked_sub(BACK).unwrap_or(now);
    let period = Period { from, to: now, name: String::new(), kind: period::Kind::Other };
    let records = gateway.look_at_past(move |gateway| gateway.records(&period)).await;
    // What is open is in memory, and stands here whatever the disk does.
    let past_alarms = super::read(records).map(|(alarms, _)| alarms);
    let snapshot = gateway.snapshot();
    let open: Vec<&Alarm> = snapshot.open_alarms().collect();
    let over: Vec<&Alarm> =
        past_alarms.iter().flatten().rev().filter(|alarm| alarm.cleared.is_some()).collect();
    let content = html! {
        h1 { (page::OPEN_ALARMS) }
        @if open.is_empty() { p { (page::NO_OPEN_ALARMS) } } @else {
            ul.events.open {
                @for alarm in &open {
                    li {
                        a href={ "/fridges/" (encoded(&alarm.fridge)) } { (of_doc::line(&overview::line(alarm, chat))) }
                        @if let Some(form) = act::acknowledging(visit, alarm) { (form) }
                    }
                }
            }
            @if visit.acting().is_none() {
                @let is_way_in = visit.has_users && visit.session.is_none();
                p { (super::sentence(if is_way_in { page::ACKNOWLEDGE_HERE } else { page::ACKNOWLEDGE })) }
            }
        }
        h2 { (page::PAST_ALARMS) }
        @if let Err(failure) = &past_alarms { p { (failure.sentence) } } @else if over.is_empty() { p { (page::NO_PAST_ALARMS) } } @else {
            ul.events { @for alarm in over.iter().take(MOST_LISTED) { li { (line(chat, alarm, true)) } } }
            @if over.len() > MOST_LISTED { p { (text::more(over.len() - MOST_LISTED, 0)) } }
        }
    };
    let page =
        Page { visit, title: page::ALARMS, place: Place::Alarms, is_wall: false, refresh: Refresh::Minute };
    page.document(&content)
}

/// An alarm with its story in a line; with its fridge where others are beside it.
pub fn line(chat: &Chat, alarm: &Alarm, with_name: bool) -> Markup {
    let units = chat.gateway().units();
    let peak = alarm.cleared.and_then(|end| end.peak).or(alarm.peak).and_then(Celsius::from_degrees);
    let extreme = if alarm.kind == Kind::TooCold { page::LOWEST } else { page::HIGHEST };
    html! {
        (time(chat, alarm.raised)) " "
        @if with_name { a href={ "/fridges/" (encoded(&alarm.fridge)) } { bdi { (printable(&alarm.name)) } } ": " }
        @if alarm.drill { (page::DRILL) " " }
        strong { (words::kind(alarm.kind)) } " (" (alarm.reference()) ")"
        @if let Some(peak) = peak { ", " (extreme) " " (text::temperature(peak, units)) }
        @match &alarm.acknowledged {
            Some(by) => {
                ", " (page::ACKNOWLEDGED_BY) " " bdi { (printable(by.by.as_deref().unwrap_or(text::report::SOMEBODY))) }
                " " (time(chat, by.at))
                @if let Some(cause) = &by.cause { ": " q { bdi { (printable(cause)) } } }
            },
            None => { ", " (page::NOT_ACKNOWLEDGED) },
        }
        @match alarm.cleared {
            Some(end) => { ", " (page::OVER) " " (time(chat, end.at)) },
            None => { ", " (page::STILL_OPEN) },
        }
    }
}
