//! `report`: a day, a week or another time of the fridges in figures; the printed one comes from `fridge report` in a shell.

use super::{Answer, Data, View, asked, doc, selection};
use crate::doc::{Block, Table, Text};
use crate::fridge::Fridge;
use crate::history::{PastError, period};
use crate::report::Report;
use crate::text::report as words;
use crate::text::{self, past};

/// The report of the fridges that are meant; of yesterday where no time stands at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let (typed, period) = asked::about(typed, view);
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let now = view.snapshot.local(&view.now);
    let Some(period) = period.or_else(|| period::of("yesterday", &now)) else {
        return asked::unreadable(past::NOTHING_KEPT, view);
    };
    if fridges.is_empty() {
        return Answer::new(doc(Text::sentence(text::NO_FRIDGES), view), Data::Reports(Vec::new()));
    }
    if fridges.iter().any(|fridge| fridge.site.is_some()) {
        return asked::unreadable(past::ELSEWHERE, view);
    }
    let found = asked::of_past(view, |past| {
        let (alarms, deeds) = past.records(&period)?;
        let of = |fridge: &&Fridge| Report::of(past, fridge, &period, &alarms, &deeds);
        fridges.iter().map(of).collect::<Result<Vec<Report>, PastError>>()
    });
    let reports = match found {
        Ok(reports) => reports,
        Err(why) => return asked::unreadable(&why, view),
    };
    let doc = match &reports[..] {
        [only] => {
            let mut table = Table::new([("", false), ("", false)], text::more);
            for (name, value) in figures(only, view) {
                table.push([name.into(), value.into()]);
            }
            doc(past::of_one(&only.name, &period.name), view).with(Block::Table(table))
        }
        _ => {
            let heads = [
                (text::FRIDGE, false),
                (words::OUTSIDE, false),
                (words::LOWEST, true),
                (words::HIGHEST, true),
            ];
            let mut table = Table::new(heads, text::more);
            for report in &reports {
                let celsius = |celsius: Option<_>| {
                    celsius.map_or_else(
                        || text::NO_VALUES.to_owned(),
                        |celsius| text::temperature(celsius, view.units),
                    )
                };
                let outside = words::outside(
                    report.readings,
                    report.minutes_above,
                    report.minutes_below,
                    report.is_exact,
                );
                table.push([
                    Text::name(&report.name),
                    outside.into(),
                    celsius(report.min).into(),
                    celsius(report.max).into(),
                ]);
            }
            doc(past::report_of(&period.name), view).with(Block::Table(table))
        }
    };
    Answer::new(doc, Data::Reports(reports))
}

fn figures(report: &Report, view: &View<'_>) -> Vec<(&'static str, String)> {
    let mean = |degrees: Option<f64>| {
        degrees.map_or_else(|| text::NO_VALUES.to_owned(), |degrees| words::mean(degrees, view.units))
    };
    let span = report
        .min
        .zip(report.max)
        .map_or_else(|| text::NO_VALUES.to_owned(), |(min, max)| text::span(min, max, view.units));
    let unknown = std::time::Duration::from_secs(report.minutes_unknown * 60);
    let unknown = if unknown.is_zero() { words::NONE.to_owned() } else { text::hours_and_minutes(unknown) };
    let mut rows = vec![(text::history::SPAN, span), (words::MEAN, mean(report.mean))];
    rows.extend(report.mean_kinetic.map(|degrees| (words::MEAN_KINETIC, mean(Some(degrees)))));
    rows.extend([
        (words::LIMITS, text::limits(&report.fridge.limits, view.units)),
        (
            words::OUTSIDE,
            words::outside(report.readings, report.minutes_above, report.minutes_below, report.is_exact),
        ),
        (words::UNKNOWN, unknown),
        (words::ALARMS, words::alarms(report.alarms.iter().filter(|alarm| !alarm.drill).count())),
    ]);
    rows
}
