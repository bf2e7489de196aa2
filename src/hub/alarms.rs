//! The open alarms of other gateways, from what these retain at the broker.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::clock_offset::ClockOffset;
use super::message::{self, Unfit};
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
    /// A gateway has these open alarms now. Returns whether all of them can be shown.
    pub fn set(&mut self, site: &str, mut alarms: SiteAlarms) -> bool {
        let told = alarms.alarms.len();
        let others: usize = self
            .sites
            .iter()
            .filter(|(other, _)| *other != site)
            .map(|(_, alarms)| alarms.alarms.len())
            .sum();
        alarms.alarms.truncate(MOST_OF_ONE.min(MOST.saturating_sub(others)));
        let is_whole = alarms.alarms.len() == told;
        self.sites.insert(site.to_owned(), alarms);
        self.changed.insert(site.to_owned());
        is_whole
    }

    /// Nobody knows any more whether a gateway's alarms are still open.
    pub fn doubt(&mut self, site: &str) {
        if let Some(alarms) = self.sites.get_mut(site).filter(|alarms| alarms.at.is_some()) {
            alarms.at = None;
            self.changed.insert(site.to_owned());
        }
    }

    /// A gateway has none that could be shown.
    pub fn forget(&mut self, site: &str) {
        if self.sites.remove(site).is_some() {
            self.changed.insert(site.to_owned());
        }
    }

    /// What has changed since the last time.
    pub fn take_changes(&mut self) -> Vec<(String, SiteAlarms)> {
        let now = |site: String| {
            let alarms = self.sites.get(&site).cloned().unwrap_or_default();
            (site, alarms)
        };
        std::mem::take(&mut self.changed).into_iter().map(now).collect()
    }
}

/// The open alarms of a gateway, which people call `name`, from its message.
///
/// # Errors
/// [`Unfit`]
pub fn read(
    message: message::Alarms,
    (site, name): (&str, &str),
    offset: &ClockOffset,
    is_retained: bool,
    now: Stamp,
) -> Result<SiteAlarms, Unfit> {
    // Its clock may show another day, but how long ago something was there is the same here.
    let is_apart = !is_retained && ClockOffset::is_apart(message.t, now);
    let shift = if is_apart { now.wall.duration_since(message.t) } else { SignedDuration::ZERO };
    let alarm = |row| alarm(row, (site, name), shift).ok_or(Unfit::Foreign);
    let alarms = message.alarms.into_iter().map(alarm).collect::<Result<_, _>>()?;
    // What a broker has retained may be over.
    let at = if is_retained { None } else { offset.here(message.t, now) };
    Ok(SiteAlarms { alarms, at })
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
