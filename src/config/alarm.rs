//! `preset` and `alarm` of a fridge: its rules, from a preset or from its limits, with the numbers that the owner
//! chose instead.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Time;
use strum::VariantNames;
use toml::Spanned;

use super::{Check, diagnostics, schema};
use crate::alarm::{Condition, Defrost, Exposure, Preset, Rule, RuleName, Rules, Side, Urgency};
use crate::fridge::Limits;
use crate::reading::Celsius;

/// Whatever takes longer than this is no alarm.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Whatever is warm for longer is not defrosting.
const LONGEST_DEFROST: Duration = Duration::from_secs(4 * 3_600);

impl Check<'_> {
    pub(super) fn rules(
        &mut self,
        preset: Option<Spanned<String>>,
        limits: &Limits,
        alarm: Option<Spanned<schema::Alarm>>,
    ) -> Rules {
        let preset = preset.and_then(|preset| self.preset(&preset));
        let mut rules = match preset {
            Some(preset) => preset.rules(),
            None => Rules::of_limits(limits.min, limits.max),
        };
        rules.set_limit(Side::Above, limits.max);
        rules.set_limit(Side::Below, limits.min);
        if let Some(alarm) = alarm {
            let span = alarm.span();
            self.override_rules(&mut rules, alarm.into_inner());
            if !rules.are_in_order() {
                self.problems.at(
                    &span,
                    "each rule lies beyond the one before it: `limits`, then `escalation`, then `gross`",
                );
            }
        } else if let (false, Some(preset)) = (rules.are_in_order(), preset) {
            self.problems.of_file(format!(
                "the `limits` of a fridge lie beyond what its preset `{preset}` escalates at: give it an `escalation` and a `gross` of its own, such as alarm = {{ escalation = {{ limit = 14, after = \"30min\" }} }}",
            ));
        }
        rules
    }

    fn preset(&mut self, preset: &Spanned<String>) -> Option<Preset> {
        // Why it does not parse is always the same: there is no preset of that name.
        let known = preset.get_ref().parse().ok();
        if known.is_none() {
            let sentence = format!("`{}` is not a preset", preset.get_ref());
            let text = diagnostics::unknown_word(&sentence, preset.get_ref(), Preset::VARIANTS);
            self.problems.at(&preset.span(), text);
        }
        known
    }

    fn override_rules(&mut self, rules: &mut Rules, alarm: schema::Alarm) {
        if let Some(lag) = alarm.lag {
            let lag = self.length(&lag);
            for rule in &mut rules.temperature {
                if let Condition::ProductLag(time_constant) = &mut rule.condition {
                    *time_constant = lag;
                }
            }
        }
        let points = [
            (alarm.escalation, RuleName::Escalation, Urgency::Urgent, Side::Above),
            (alarm.gross, RuleName::Gross, Urgency::Urgent, Side::Above),
            (alarm.low, RuleName::Delay, Urgency::Warning, Side::Below),
            (alarm.low_escalation, RuleName::Escalation, Urgency::Urgent, Side::Below),
        ];
        for (point, name, urgency, side) in points {
            if let Some(point) = point
                && let Some((limit, after)) = self.point(point)
            {
                rules.set(Rule::delay(name, urgency, side, limit, after));
            }
        }
        if let Some(silent) = alarm.silent {
            rules.silent_after = self.length(&silent);
        }
        if let Some(stuck) = alarm.stuck {
            rules.stuck_after = self.length(&stuck);
        }
        if let Some(unanswered) = alarm.unanswered {
            rules.unanswered_after = self.length(&unanswered);
        }
        if let Some(exposure) = alarm.exposure {
            rules.exposure = self.exposure(exposure);
        }
        rules.defrosts = alarm.defrost.iter().filter_map(|defrost| self.defrost(defrost)).collect();
    }

    fn point(&mut self, point: Spanned<schema::AlarmPoint>) -> Option<(Celsius, Duration)> {
        let (span, point) = (point.span(), point.into_inner());
        let limit = self.celsius(&span, point.limit.0)?;
        Some((limit, self.length(&point.after)))
    }

    fn exposure(&mut self, exposure: Spanned<schema::Exposure>) -> Option<Exposure> {
        let (span, exposure) = (exposure.span(), exposure.into_inner());
        let (budget, window) = (self.length(&exposure.budget), self.length(&exposure.window));
        if budget > window {
            self.problems.at(&span, "`budget` is at most as long as `window`");
        }
        let min = exposure.min.and_then(|min| self.celsius(&span, min.0));
        let max = exposure.max.and_then(|max| self.celsius(&span, max.0));
        Some(Exposure { min, max, budget, window })
    }

    fn defrost(&mut self, defrost: &schema::Defrost) -> Option<Defrost> {
        let at = defrost.at.get_ref().trim().parse::<Time>();
        if at.is_err() {
            let text = format!("`{}` is not a time of the day, such as \"02:30\"", defrost.at.get_ref());
            self.problems.at(&defrost.at.span(), text);
        }
        let length = self.length(&defrost.length);
        if length > LONGEST_DEFROST {
            self.problems.at(&defrost.length.span(), "a defrost takes at most 4 hours");
        }
        Some(Defrost { at: at.ok()?, length })
    }

    fn celsius(&mut self, span: &std::ops::Range<usize>, degrees: f64) -> Option<Celsius> {
        let celsius = Celsius::from_degrees(degrees);
        if celsius.is_none() {
            self.problems.at(span, "a limit lies between -55 and 125 °C: no probe reads beyond");
        }
        celsius
    }

    fn length(&mut self, text: &Spanned<String>) -> Duration {
        let length =
            text.get_ref().trim().parse().ok().and_then(|length: SignedDuration| length.try_into().ok());
        match length {
            Some(length) if (Duration::from_secs(1)..=LONGEST).contains(&length) => length,
            _ => {
                let problem = format!(
                    "`{}` is not a length of time from 1s to 168h, such as \"30min\"",
                    text.get_ref()
                );
                self.problems.at(&text.span(), problem);
                LONGEST
            }
        }
    }
}
