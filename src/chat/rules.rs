//! `rules`: what raises an alarm, for each fridge that is meant.

use super::data::{DefrostRow, ExposureRow, RuleRow, RulesRow};
use super::{Answer, Data, View, doc, selection};
use crate::alarm::{Condition, Rules};
use crate::doc::{Block, Doc, Text};
use crate::fridge::Fridge;
use crate::text::{self, Units, rules};

/// The rules of the fridges that are meant.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let fridges = match selection::resolve_or_explain(typed, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let doc = match &fridges[..] {
        [] => doc(Text::sentence(text::NO_FRIDGES), view),
        [only] => {
            let doc = doc(rules::of_fridge(&only.name, &only.rules), view);
            doc.with(Block::List(sentences(only, view.units)))
        }
        several => several.iter().fold(doc(rules::of_many(several.len()), view), |doc, fridge| {
            doc.with(Block::Line(rules::of_fridge(&fridge.name, &fridge.rules)))
                .with(Block::List(sentences(fridge, view.units)))
        }),
    };
    Answer::new(doc, Data::Rules(fridges.into_iter().map(row).collect()))
}

/// The rules of a preset, or of one fridge, outside any chat.
pub fn of(name: &str, rules: &Rules, units: Units) -> Doc {
    Doc::new(rules::of_fridge(name, rules)).with(Block::List(of_rules(rules, units)))
}

fn sentences(fridge: &Fridge, units: Units) -> Vec<Text> {
    match &fridge.site {
        Some(site) => vec![Text::from(rules::ELSEWHERE).and(Text::name(&**site))],
        None if fridge.out_of_service => vec![rules::OUT_OF_SERVICE.into()],
        None => of_rules(&fridge.rules, units),
    }
}

fn of_rules(rules: &Rules, units: Units) -> Vec<Text> {
    let temperature = rules.temperature.iter().map(|rule| rules::rule(rule, units));
    let probe = [rules::silent(rules.silent_after), rules::stuck(rules.stuck_after)];
    let exposure = rules.exposure.iter().map(|exposure| rules::exposure(exposure, units));
    let source = rules.preset.iter().map(|preset| rules::source(preset.source()));
    let defrosts = rules.defrosts.iter().map(rules::defrost);
    let unanswered = [rules::unanswered(rules.unanswered_after)];
    temperature
        .chain(probe)
        .chain(unanswered)
        .chain(exposure)
        .chain(defrosts)
        .chain(source)
        .map(Text::from)
        .collect()
}

fn row(fridge: &Fridge) -> RulesRow {
    let rules = fridge.rules.temperature.iter().map(|rule| {
        let (lag_s, after_s) = match rule.condition {
            Condition::ProductLag(time_constant) => (Some(time_constant.as_secs()), None),
            Condition::Delay(after) => (None, Some(after.as_secs())),
        };
        RuleRow {
            rule: rule.name,
            kind: rule.kind(),
            urgency: rule.urgency,
            limit: rule.limit,
            lag_s,
            after_s,
        }
    });
    RulesRow {
        id: fridge.id.clone(),
        name: fridge.name.clone(),
        preset: fridge.rules.preset.map(|preset| preset.to_string()),
        rules: rules.collect(),
        silent_after_s: fridge.rules.silent_after.as_secs(),
        stuck_after_s: fridge.rules.stuck_after.as_secs(),
        unanswered_after_s: fridge.rules.unanswered_after.as_secs(),
        defrosts: fridge.rules.defrosts.iter().map(DefrostRow::from).collect(),
        exposure: fridge.rules.exposure.map(|exposure| ExposureRow {
            min: exposure.min,
            max: exposure.max,
            budget_s: exposure.budget.as_secs(),
            window_s: exposure.window.as_secs(),
        }),
    }
}
