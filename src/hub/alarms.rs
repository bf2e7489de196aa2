//! The open alarms of other gateways, from what these retain at the broker.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::clock_offset::ClockOffset;
use super::message::{self, Row};
use crate::alarm::{Acknowledgement, Alarm};
use crate::chat::data::AlarmRow;
use crate::reading::Stamp;
use crate::state::SiteAlarms;
use crate::text;

/// So many alarms of one gateway are shown …
const MOST_OF_ONE: usize = 250;
/// … and so many of all: names and causes have up to 200 characters each.
const MOST: usize = 10_000;

/// What each gateway told last, and what of that is not handed over yet.
#[derive(Debug, Default)]
pub struct Alarms {
    sites: BTreeMap<String, SiteAlarms>,
    changed: BTreeSet<String>,
}

impl Alarms {
    /// A gateway has these open alarms now. Returns whether all of them can be shown; else the most urgent and newest are.
    pub fn set(&mut self, site: &str, mut told: SiteAlarms) -> bool {
        let others: usize =
            self.sites.iter().filter(|(other, _)| *other != site).map(|(_, told)| told.alarms.len()).sum();
        let room = MOST_OF_ONE.min(MOST.saturating_sub(others));
        let is_whole = told.alarms.len() <= room;
        if !is_whole {
            told.alarms.sort_by_key(|alarm| Reverse((alarm.urgency, alarm.raised)));
            told.alarms.truncate(room);
            told.alarms.sort_by_key(|alarm| alarm.raised);
            told.at = None;
        }
        self.sites.insert(site.to_owned(), told);
        self.changed.insert(site.to_owned());
        is_whole
    }

    /// Nobody knows any more whether a gateway's alarms are still open.
    pub fn doubt(&mut self, site: &str) {
        if let Some(told) = self.sites.get_mut(site).filter(|told| told.at.is_some()) {
            told.at = None;
            self.changed.insert(site.to_owned());
        }
    }

    /// The gateway is not followed any more.
    pub fn forget(&mut self, site: &str) {
        // What it told is not shown any more, either.
        drop(self.sites.remove(site));
        self.changed.remove(site);
    }

    /// All of it is handed over again: something may have been lost.
    pub fn repeat(&mut self) {
        self.changed = self.sites.keys().cloned().collect();
    }

    /// What has changed since the last time.
    pub fn take_changes(&mut self) -> Vec<(String, SiteAlarms)> {
        let now = |site: String| Some((site.clone(), self.sites.get(&site)?.clone()));
        std::mem::take(&mut self.changed).into_iter().filter_map(now).collect()
    }
}

/// The open alarms of a gateway, which people call `name`, from its message. Returns whether all of them were understood.
pub fn read(
    message: message::Alarms,
    (site, name): (&str, &str),
    offset: &ClockOffset,
    is_retained: bool,
    now: Stamp,
) -> (SiteAlarms, bool) {
    // Its clock may show another day, but how long ago something was there is the same here.
    let is_apart = !is_retained && ClockOffset::is_apart(message.t, now);
    let shift = if is_apart { now.wall.duration_since(message.t) } else { SignedDuration::ZERO };
    let told = message.alarms.len();
    let known = |row| match row {
        Row::Known(row) => alarm(*row, (site, name), shift),
        Row::Other(_) => None,
    };
    let alarms: Vec<Alarm> = message.alarms.into_iter().filter_map(known).collect();
    let is_whole = alarms.len() == told;
    // Also of what a broker has retained, as soon as the pace of the others shows how far the clocks are apart.
    let at = offset.here(message.t, now).filter(|_| is_whole);
    (SiteAlarms { alarms, at }, is_whole)
}

fn alarm(row: AlarmRow, (site, name): (&str, &str), shift: SignedDuration) -> Option<Alarm> {
    let here = |at: Timestamp| at.checked_add(shift).unwrap_or(at);
    let text = |text: Option<String>| text.as_deref().and_then(message::name).map(str::to_owned);
    let fridge = format!("{site}.{}", message::id(&row.id)?);
    let name = text::of_site(name, message::name(&row.name)?);
    let (by, cause) = (text(row.acknowledged_by), text(row.cause));
    let kind = (row.kind, row.rule, row.urgency);
    let degrees = |degrees: Option<f64>| degrees.filter(|degrees| degrees.is_finite());
    Some(Alarm {
        site: Some(site.to_owned()),
        drill: row.drill,
        peak: degrees(row.peak),
        limit: degrees(row.limit),
        acknowledged: row.acknowledged.map(|at| Acknowledgement { by, at: here(at), cause }),
        announced: true,
        ..Alarm::new(row.number, (&fridge, &name), kind, here(row.since), here(row.raised))
    })
}
