//! `[[fridge]]`: its name, its probe and its limits.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use super::{Check, schema, section};
use crate::alarm::Side;
use crate::chat::Request;
use crate::fridge::{Calibration, Correction, Fridge, Limits, names};
use crate::reading::{Celsius, ProbeId};

/// A probe that is further off is broken; clones are off by 3 °C at the most.
const LARGEST_CORRECTION: f64 = 5.0;
/// Two points nearer than this make a line of their own errors: °C.
const LEAST_SPAN: f64 = 5.0;

/// No cold place may be warmer, in °C; what is meant as °F mostly is.
const WARMEST_LIMIT: f64 = 30.0;
/// The longest id.
const LONGEST_ID: usize = 64;

impl Check<'_> {
    pub(super) fn fridges(&mut self, fridges: Vec<Spanned<schema::Fridge>>) -> Vec<Fridge> {
        let mut folded: HashMap<String, usize> = HashMap::new();
        let mut ids: HashMap<String, usize> = HashMap::new();
        let mut probes: HashMap<ProbeId, usize> = HashMap::new();
        let mut checked = Vec::new();
        for fridge in fridges {
            let fridge = fridge.into_inner();
            let (name_span, probe_span) = (fridge.name.span(), fridge.probe.span());
            let name = self.name(fridge.name);
            let line = self.problems.line(&name_span);
            // Whoever asks for it may put a question mark behind it, or "please": what is left must name it.
            let asked = Request::parse(&format!("status {name}")).rest;
            if asked.is_empty() {
                self.problems.at(&name_span, format!("nobody could ask for a fridge called `{name}`"));
            }
            if let Some(other) = folded.insert(names::fold(&asked), line) {
                self.problems.at(
                    &name_span,
                    format!("the fridge in line {other} has the same name, apart from case, accents and ignored trailing punctuation or words: nobody could ask for this one"),
                );
            }
            let group = fridge.group.map(|group| self.name(group));
            let limits = fridge.limits.map_or_else(Limits::default, |limits| self.limits(limits));
            let rules = self.rules(fridge.preset, &limits, fridge.alarm);
            let limits = Limits {
                min: limits.min.or_else(|| rules.limit(Side::Below)),
                max: limits.max.or_else(|| rules.limit(Side::Above)),
            };
            if limits.max.is_some_and(|max| max.degrees() > WARMEST_LIMIT) {
                self.warnings.push(format!(
                    "line {line}: `{name}` may be as warm as {} °C: if that is °F, write it with its unit, such as max = \"41 °F\"",
                    limits.max.map_or(0.0, Celsius::degrees)
                ));
            }
            if limits == Limits::default() && !fridge.out_of_service {
                self.warnings.push(format!(
                    "line {line}: `{name}` has no limits, so it is never too warm: give it `limits = {{ max = 5 }}` or a `preset`"
                ));
            }
            let probe: ProbeId = match fridge.probe.get_ref().parse() {
                Ok(probe) if ProbeId::site(probe).is_none() => probe,
                Ok(_) => {
                    let text = "no probe is of the family 00: that is a wire that floats or touches ground";
                    self.problems.at(&probe_span, text);
                    continue;
                }
                Err(error) => {
                    self.problems
                        .at(&probe_span, format!("`{}` is not a ROM code: {error}", fridge.probe.get_ref()));
                    continue;
                }
            };
            let id = match fridge.id {
                Some(id) => self.id(&id),
                None => Fridge::id_of(&name),
            };
            if let Some(other) = ids.insert(id.clone(), line) {
                self.problems.at(
                    &name_span,
                    format!("the fridge in line {other} has the same id `{id}`: give one of them an `id`"),
                );
            }
            let line = self.problems.line(&probe_span);
            if let Some(other) = probes.insert(probe, line) {
                self.problems.at(
                    &probe_span,
                    format!("line {other} puts the probe {probe} into another fridge: it can be in one only"),
                );
            }
            let calibration = fridge.calibration.and_then(|calibration| self.calibration(calibration));
            checked.push(Fridge {
                id,
                name,
                group,
                probe,
                limits,
                rules,
                calibration,
                out_of_service: fridge.out_of_service,
                site: None,
            });
        }
        checked
    }

    fn id(&mut self, id: &Spanned<String>) -> String {
        let text = id.get_ref();
        let fits = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        if text.is_empty() || text.len() > LONGEST_ID || !text.chars().all(fits) {
            let problem = format!("an id has 1 to {LONGEST_ID} of the characters a to z, 0 to 9 and -");
            self.problems.at(&id.span(), problem);
        }
        text.clone()
    }

    fn calibration(&mut self, calibration: Spanned<schema::Calibration>) -> Option<Calibration> {
        let (span, calibration) = (calibration.span(), calibration.into_inner());
        let schema::Calibration { offset, points, date, by } = calibration;
        let correction = self.correction(&span, offset, points)?;
        let date = date.and_then(|date| {
            // Why it does not parse is always the same: it is no date.
            let parsed = date.get_ref().parse().ok();
            if parsed.is_none() {
                self.problems.at(&date.span(), "a date is written as `2026-03-14`");
            }
            parsed
        });
        Some(Calibration { correction, date, by: by.map(|by| self.name(by)) })
    }

    fn correction(
        &mut self,
        span: &Range<usize>,
        offset: Option<f64>,
        points: Option<Vec<Spanned<schema::Point>>>,
    ) -> Option<Correction> {
        let correction = match (offset, points) {
            (Some(offset), None) => Correction::Offset(offset),
            (None, Some(points)) => {
                let [one, other] = &points[..] else {
                    self.problems.at(span, "`points` has two points: { shows = 0.4, is = 0.0 } and another");
                    return None;
                };
                let (one, other) = (one.get_ref(), other.get_ref());
                if (one.shows - other.shows).abs() < LEAST_SPAN {
                    let text = format!("the two points lie less than {LEAST_SPAN} °C apart: use `offset`");
                    self.problems.at(span, text);
                    return None;
                }
                Correction::TwoPoints([(one.shows, one.is), (other.shows, other.is)])
            }
            _ => {
                self.problems.at(span, "a calibration has either an `offset` or two `points`");
                return None;
            }
        };
        let corrections = match correction {
            Correction::Offset(offset) => vec![offset],
            Correction::TwoPoints(points) => points.map(|(shows, is)| is - shows).to_vec(),
        };
        // Written so that NaN is too large as well.
        if !corrections.iter().all(|degrees| degrees.abs() <= LARGEST_CORRECTION) {
            let text =
                format!("a correction of more than {LARGEST_CORRECTION} °C hides a broken probe: replace it");
            self.problems.at(span, text);
            return None;
        }
        Some(correction)
    }

    fn limits(&mut self, limits: Spanned<schema::Limits>) -> Limits {
        let (span, schema::Limits { min, max }) = (limits.span(), limits.into_inner());
        let mut celsius = |degrees: Option<section::Degrees>| {
            let celsius = Celsius::from_degrees(degrees?.0);
            if celsius.is_none() {
                self.problems.at(&span, "a limit lies between -55 and 125 °C: no probe reads beyond");
            }
            celsius
        };
        let limits = Limits { min: celsius(min), max: celsius(max) };
        if let (Some(min), Some(max)) = (limits.min, limits.max)
            && min >= max
        {
            self.problems.at(&span, "`min` must be below `max`: are these two swapped?");
        }
        limits
    }
}
