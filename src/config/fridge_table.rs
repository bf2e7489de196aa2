//! `[[fridge]]`: what people call it, which probe hangs in it, and what it may have.

use std::collections::HashMap;

use toml::Spanned;

use super::{Check, file};
use crate::fridge::{Fridge, Limits};
use crate::reading::{Celsius, ProbeId};

impl Check<'_> {
    pub(super) fn fridges(&mut self, fridges: Vec<Spanned<file::Fridge>>) -> Vec<Fridge> {
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut probes: HashMap<ProbeId, usize> = HashMap::new();
        let mut checked = Vec::new();
        for fridge in fridges {
            let fridge = fridge.into_inner();
            let (name_span, probe_span) = (fridge.name.span(), fridge.probe.span());
            let name = self.name(fridge.name);
            let line = self.problems.line(&name_span);
            if let Some(other) = names.insert(name.to_lowercase(), line) {
                self.problems.at(
                    &name_span,
                    format!("the fridge in line {other} has the same name: nobody could ask for this one"),
                );
            }
            let group = fridge.group.map(|group| self.name(group));
            let limits = fridge.limits.map_or_else(Limits::default, |limits| self.limits(limits));
            let probe: ProbeId = match fridge.probe.get_ref().parse() {
                Ok(probe) => probe,
                Err(error) => {
                    self.problems
                        .at(&probe_span, format!("`{}` is no probe: {error}", fridge.probe.get_ref()));
                    continue;
                }
            };
            let line = self.problems.line(&probe_span);
            if let Some(other) = probes.insert(probe, line) {
                self.problems.at(
                    &probe_span,
                    format!(
                        "line {other} puts the probe {probe} into another fridge: it can hang in one only"
                    ),
                );
            }
            checked.push(Fridge { name, group, probe, limits, out_of_service: fridge.out_of_service });
        }
        checked
    }

    fn limits(&mut self, limits: Spanned<file::Limits>) -> Limits {
        let (span, file::Limits { min, max }) = (limits.span(), limits.into_inner());
        let mut celsius = |degrees: Option<f64>| {
            let celsius = Celsius::from_degrees(degrees?);
            if celsius.is_none() {
                self.problems.at(&span, "a limit lies between -55 and 125 °C: no probe reads beyond");
            }
            celsius
        };
        let limits = Limits { min: celsius(min), max: celsius(max) };
        if let (Some(min), Some(max)) = (limits.min, limits.max)
            && min >= max
        {
            self.problems.at(&span, "`min` must be below `max`: these limits are upside down");
        }
        limits
    }
}
