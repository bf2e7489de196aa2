//! `calibrate`: how probes are corrected, and the measurement of their ice point.

use super::data::{CalibrationRow, IcePointRow};
use super::selection::{self, Selection};
use super::{Answer, Data, View, doc};
use crate::doc::{Block, Doc, Text};
use crate::fridge::{Correction, Fridge, IcePoint, ice_point, names};
use crate::gateway::Wanted;
use crate::recorder::Act;
use crate::text::{self, calibrate};

/// Begins to measure where `ice` stands behind the fridges, and says else how they are corrected.
pub fn answer(words: &str, view: &View<'_>) -> Answer {
    let (before, last) = words.rsplit_once(' ').unwrap_or(("", words));
    // A fridge may be called "Dry ice".
    let is_name = names::exact(words, view.fridges.iter().map(|fridge| fridge.name.as_str())).is_some();
    if names::fold(last) == "ice" && !is_name {
        return begin(before, view);
    }
    let fridges = match selection::resolve(words, view) {
        Selection::Several(fridges) | Selection::All(fridges) | Selection::Group(fridges) => fridges,
        Selection::One(fridge) => vec![fridge],
        Selection::None(_) if last.starts_with(|it: char| it.is_ascii_digit() || it == '-') => {
            return selection::mistake(calibrate::ONLY_ICE, view);
        }
        Selection::None(nearest) => return selection::unknown(nearest, view),
    };
    let doc = match &fridges[..] {
        [] => doc(Text::sentence(text::NO_FRIDGES), view),
        [only] => of_one(only, view),
        several => {
            let lines = several.iter().map(|fridge| {
                let line = calibrate::of_fridge(&fridge.name, fridge.calibration.as_ref());
                match view.snapshot.ice_points.get(&fridge.id) {
                    Some(point) => line.and("; ").and(progress(point, view)),
                    None => line,
                }
            });
            doc(calibrate::of_many(several.len()), view).with(Block::List(lines.collect()))
        }
    };
    Answer::new(doc, Data::Calibrations(fridges.into_iter().map(|fridge| row(fridge, view)).collect()))
}

/// Begins to measure in the fridges that are meant; nothing typed means none of them.
fn begin(typed: &str, view: &View<'_>) -> Answer {
    if typed.trim().is_empty() {
        return selection::mistake(calibrate::WHICH, view);
    }
    let fridges = match selection::resolve_own(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    if fridges.iter().any(|fridge| fridge.site.is_some()) {
        return selection::mistake(calibrate::ELSEWHERE, view);
    }
    let has_points = |fridge: &&&Fridge| {
        let correction = fridge.calibration.as_ref().map(|calibration| calibration.correction);
        matches!(correction, Some(Correction::TwoPoints(_)))
    };
    if let Some(fridge) = fridges.iter().find(has_points) {
        let line = calibrate::has_points(&fridge.name);
        let error = crate::doc::terminal::line(&line);
        return Answer::new(doc(line, view), Data::Error(error));
    }
    let doc = doc(calibrate::begun(fridges.iter().map(|fridge| fridge.name.as_str())), view)
        .with(Block::Line(calibrate::HOW.into()))
        .with(Block::Line(calibrate::meanwhile(Act::CALIBRATING)));
    let acts = Wanted::about(fridges.iter().copied(), |fridges| Act::Calibrate { fridges });
    let rows = fridges.into_iter().map(|fridge| CalibrationRow { ice_point: None, ..row(fridge, view) });
    Answer { acts, ..Answer::new(doc, Data::Calibrations(rows.collect())) }
}

fn of_one(fridge: &Fridge, view: &View<'_>) -> Doc {
    let doc = doc(calibrate::of_fridge(&fridge.name, fridge.calibration.as_ref()), view);
    let Some(point) = view.snapshot.ice_points.get(&fridge.id) else { return doc };
    let doc = doc.with(Block::Line(progress(point, view)));
    match point.outcome {
        None => doc.with(Block::Line(calibrate::HOW.into())),
        Some(ice_point::Outcome::Measured { at, .. }) => doc
            .with(Block::Line(calibrate::by(point.by.as_deref(), view.now.since(&at))))
            .with(Block::Line(Text::sentence(calibrate::WRITE))),
        Some(ice_point::Outcome::Failed) => doc,
    }
}

fn progress(point: &IcePoint, view: &View<'_>) -> Text {
    let newest = point.newest().map(|newest| newest.degrees());
    match point.outcome {
        None => {
            let steady = point.needed().map(|needed| (point.steady(), needed));
            calibrate::measuring(newest, steady, view.now.since(&point.began))
        }
        Some(ice_point::Outcome::Measured { shows, .. }) => {
            calibrate::measured(shows, ice_point::offset(shows))
        }
        Some(ice_point::Outcome::Failed) => calibrate::failed(newest, point.needed().is_some()),
    }
}

fn row(fridge: &Fridge, view: &View<'_>) -> CalibrationRow {
    let point = view.snapshot.ice_points.get(&fridge.id);
    CalibrationRow::new(fridge, point.map(IcePointRow::from))
}
