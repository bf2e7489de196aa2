//! `/fridges/ID`: one fridge: how it is, its chart, what happened, and what can be taken from here.

use std::sync::Arc;

use maud::{Markup, PreEscaped, html};
use strum::VariantArray;

use super::layout::{Page, Place, Refresh, time};
use super::{Failure, Visit, act, icon, overview};
use crate::api::{all, encoded, item, rows};
use crate::chat::{Asker, Chat, Reply, Rights};
use crate::doc::html::printable;
use crate::doc::{Block, Doc, html as of_doc};
use crate::fridge::Fridge;
use crate::gateway::{Range, Timeline, Window};
use crate::text::{self, page, report as words};

/// The width and height of the chart in its own units, for a wide screen and for a narrow one: text that is scaled down can
/// no longer be read. The style shows one of them.
const SIZES: [(&str, (f64, f64)); 2] = [("wide", (960.0, 320.0)), ("narrow", (380.0, 260.0))];
/// So many alarms and deeds are listed; the newest.
const MOST_LISTED: usize = 50;

/// The page.
pub async fn page(visit: &Visit<'_>, fridge: &Fridge, range: Range) -> Markup {
    let chat = visit.chat;
    // How it is now stands here whatever the disk does.
    let story = story(chat, fridge, range)
        .await
        .unwrap_or_else(|failure| html! { p { (super::sentence(&failure.sentence)) } });
    let reply = all(chat);
    let row = rows(&reply).iter().find(|row| row.id == fridge.id);
    let units = chat.gateway().units();
    let here = format!("/fridges/{}", encoded(&fridge.id));
    let name = printable(&fridge.name);
    let content = html! {
        p.crumbs { a href="/" { "← " (page::BACK) } }
        h1 { bdi { (name) } @if let Some(group) = &fridge.group { " " small { bdi { (printable(group)) } } } }
        @if let Some(row) = row {
            @let item = item(row, units);
            div.now data-id=(row.id) data-icon=(icon::name(row.verdict)) {
                span.state { (icon::of(row.verdict)) " " span.words { (item.state) } }
                (overview::value(&item))
                span.limits { (page::limits(&row.limits, units)) }
                (overview::age(&item))
            }
        }
        nav.ranges aria-label=(page::RANGE) {
            @for other in Range::VARIANTS {
                a href={ (here) "?range=" (other.name()) } aria-current=[(*other == range).then_some("true")] {
                    (other.name())
                }
            }
        }
        div #story data-source={ (here) "/story?range=" (range.name()) } { (story) }
        @if let Some(forms) = act::quieting(visit, fridge) { (forms) }
        h2 { (page::PAPERS) }
        ul.papers {
            @for (time, name) in page::PAPER_TIMES.iter().filter(|_| fridge.site.is_none()) {
                li { a href={ (here) "/report?time=" (time) } { (name) } }
            }
            li { a href={ (here) "/readings.csv?range=" (range.name()) } { (page::csv(range.name())) } }
        }
    };
    let page = Page { visit, title: &name, place: Place::Other, is_wall: false, refresh: Refresh::Live };
    page.document(&content)
}

/// Until when it is quiet around the fridge, and who said so.
fn quiet(chat: &Chat, fridge: &Fridge) -> Option<Markup> {
    let (now, snapshot) = (chat.gateway().now(), chat.gateway().snapshot());
    let quiet = snapshot.quiet.get(&fridge.id).filter(|quiet| quiet.until > now.wall)?;
    let (until, today) = (snapshot.local_at(quiet.until).datetime(), snapshot.local(&now).date());
    Some(of_doc::line(&text::quiet::line(&fridge.name, quiet, until, today)))
}

/// The chart, and what happened in its time: what the page's script loads again.
pub async fn story(chat: &Arc<Chat>, fridge: &Fridge, range: Range) -> Result<Markup, Failure> {
    let (asked, now) = (fridge.clone(), chat.gateway().now());
    let window = Window::last(range.length(), now.wall);
    let read = chat.gateway().look_at_past(move |gateway| gateway.timeline(&asked, window)).await;
    let timeline = super::read(read)?;
    let gateway = chat.gateway();
    let local = gateway.snapshot().local(&now);
    let chart = |size| timeline.chart(local.time_zone(), gateway.units(), now.wall, size).svg();
    let charts = SIZES.map(|(name, size)| (name, chart(size)));
    // The bare answer about one fridge, by its ROM code: a name may be a part of another's.
    let asker = Asker::local(Rights::Read);
    let details = details(&chat.reply(&format!("status {}", fridge.probe), &asker));
    Ok(html! {
        @if let Some(quiet) = quiet(chat, fridge) { p.quiet { (quiet) } }
        figure tabindex="0" data-readings={ "/api/v1/fridges/" (encoded(&fridge.id)) "/readings" } {
            @if charts[0].1.is_empty() { p.empty { (page::NO_CHART) } } @else {
                @for (name, svg) in charts { div class=(name) { (PreEscaped(svg)) } }
                output #pointed aria-live="polite" {}
                figcaption { (page::chart_as_of(&local.strftime("%H:%M:%S").to_string())) " " (page::POINTER) }
            }
        }
        div.details {
            div { (of_doc::blocks(&details)) }
            div {
                h2 { (page::STORY) }
                @match &fridge.site {
                    Some(site) => p { (page::ELSEWHERE) bdi { (printable(site)) } "." },
                    None => (events(chat, &timeline)),
                }
            }
        }
    })
}

/// The figures of an answer: what is of this moment stands above, and its alarms beside.
fn details(reply: &Reply) -> Doc {
    let mut doc = reply.doc.clone();
    doc.blocks.retain_mut(|block| match block {
        Block::Table(table) => {
            table.rows.retain(|row| row.cells.first() != Some(&text::NOW.into()));
            true
        }
        _ => false,
    });
    doc
}

/// Alarms and what people did, the newest first.
fn events(chat: &Chat, timeline: &Timeline) -> Markup {
    let mut lines: Vec<(jiff::Timestamp, Markup)> = Vec::new();
    for alarm in &timeline.alarms {
        lines.push((alarm.raised, super::alarms::line(chat, alarm, false)));
    }
    for deed in timeline.deeds.iter().filter(|deed| !deed.what.starts_with("acknowledge")) {
        let who = printable(deed.who.as_deref().unwrap_or(words::SOMEBODY));
        lines.push((
            deed.at,
            html! { (time(chat, deed.at)) " " bdi { (who) } ": " bdi { (printable(&deed.what)) } },
        ));
    }
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    html! {
        @if lines.is_empty() { p { (page::NO_STORY) } } @else {
            ul.events { @for (_, line) in lines.iter().take(MOST_LISTED) { li { (line) } } }
            @if lines.len() > MOST_LISTED { p { (words::more(lines.len() - MOST_LISTED)) } }
        }
    }
}
