//! `since`: since when a fridge has been outside its limits.

use super::data::SinceRow;
use super::{Answer, Data, Severity, View, asked, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::{Excursion, Fridge, Limits};
use crate::history::{Beyond, PastError, beyond_since};
use crate::reading::Reading;
use crate::text::{self, past};

/// Longer ago than this, the newest reading says nothing about now.
const RECENT_S: i64 = 15 * 60;

/// Since when the fridge that is meant has been outside its limits; of several, those that are.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let found = asked::of_past(view, |past| {
        let of = |fridge: &&Fridge| match fridge.site {
            Some(_) => Ok(heard(fridge, view)),
            None => beyond_since(past, &fridge.id, &fridge.limits, view.now.wall),
        };
        fridges.iter().map(of).collect::<Result<Vec<_>, PastError>>()
    });
    let found = match found {
        Ok(found) => found,
        Err(why) => return asked::unreadable(&why, view),
    };
    let rows: Vec<SinceRow> = fridges
        .iter()
        .zip(&found)
        .map(|(fridge, beyond)| SinceRow { name: fridge.name.clone(), beyond: *beyond })
        .collect();
    let doc = match (&fridges[..], &found[..]) {
        ([], _) => doc(Text::sentence(text::NO_FRIDGES), view),
        ([only], [found]) => {
            doc(Text::name(&only.name).and(": ").and(words(only, found.as_ref(), view)), view)
        }
        _ if fridges
            .iter()
            .zip(&found)
            .all(|(fridge, found)| found.is_none() && unknown(fridge, view).is_none()) =>
        {
            doc(past::NONE_OUTSIDE, view)
        }
        _ => {
            let mut table = Table::new([(text::FRIDGE, false), (past::SINCE, false)], text::more);
            for (fridge, beyond) in fridges.iter().zip(&found) {
                if beyond.is_some() || unknown(fridge, view).is_some() {
                    table.push([Text::name(&fridge.name), words(fridge, beyond.as_ref(), view).into()]);
                }
            }
            doc(past::SINCE, view).with(Block::Table(table))
        }
    };
    let severity = if found.iter().any(Option::is_some) { Severity::Critical } else { Severity::Info };
    Answer { severity, ..Answer::new(doc, Data::Since(rows)) }
}

/// The same of a fridge whose record is another gateway's, as far as it was heard here.
fn heard(fridge: &Fridge, view: &View<'_>) -> Option<Beyond> {
    let Excursion { side, since, peak, newest } = *view.snapshot.excursions.get(&fridge.probe)?;
    Some(Beyond { side, since: since.wall, peak, newest: newest.wall, at_least: true })
}

fn words(fridge: &Fridge, beyond: Option<&Beyond>, view: &View<'_>) -> String {
    let Some(Beyond { side, since, peak, newest, at_least }) = beyond else {
        return match unknown(fridge, view) {
            _ if fridge.limits == Limits::default() => past::NO_LIMITS.to_owned(),
            Some(why) => why,
            None => past::WITHIN.to_owned(),
        };
    };
    let today = view.snapshot.local(&view.now).date();
    let moment = |at| past::moment(view.snapshot.local_at(at).datetime(), today);
    let sentence = past::beyond(*side, &fridge.limits, &moment(*since), *at_least, *peak, view.units);
    let is_old = view.now.wall.duration_since(*newest).as_secs() > RECENT_S;
    if is_old { past::last_read(&sentence, &moment(*newest)) } else { sentence }
}

/// Why nobody knows whether a fridge is within its limits now.
fn unknown(fridge: &Fridge, view: &View<'_>) -> Option<String> {
    match view.snapshot.reading(fridge.probe, &view.now) {
        Reading::Fresh { .. } => None,
        _ if fridge.out_of_service => None,
        reading => Some(text::reading(&reading, view.units)),
    }
}
