//! The rules of one fridge: which limits, for how long, and how urgent.

use std::time::Duration;

use super::{Defrost, Exposure, Kind, Preset, RuleName, Side, Urgency};
use crate::reading::Celsius;

/// Where a fridge has limits and no preset, its product lags this far behind the air.
const TIME_CONSTANT: Duration = Duration::from_secs(60 * 60);
/// The same where it is colder than [`FREEZER`]: there the air is warm for long at each defrost.
const FREEZER_TIME_CONSTANT: Duration = Duration::from_secs(120 * 60);
/// A fridge that may have at most this is a freezer: −5 °C.
const FREEZER: Celsius = Celsius::from_sixteenths(-5 * 16);
/// A probe is not silent before this, however short the period is.
const SILENT_AFTER: Duration = Duration::from_secs(5 * 60);
/// A probe is stuck after this long.
pub const STUCK_AFTER: Duration = Duration::from_secs(6 * 3_600);

/// An alarm that nobody acknowledges for this long is unanswered: others are called.
pub const UNANSWERED_AFTER: Duration = Duration::from_secs(30 * 60);

/// What is watched in one fridge.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The preset that they come from.
    pub preset: Option<Preset>,
    /// The rules about its temperature.
    pub temperature: Vec<Rule>,
    /// No reading for this long, or three periods where that is longer, is an alarm.
    pub silent_after: Duration,
    /// The same reading for this long is an alarm.
    pub stuck_after: Duration,
    /// How long it may be outside which limits.
    pub exposure: Option<Exposure>,
    /// When warmth is expected each day.
    pub defrosts: Vec<Defrost>,
    /// An alarm that nobody acknowledges for this long is unanswered.
    pub unanswered_after: Duration,
}

/// One rule about a fridge's temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Which of a fridge's rules it is.
    pub name: RuleName,
    /// Which side of the range it watches.
    pub side: Side,
    /// How soon a person should act.
    pub urgency: Urgency,
    /// The limit.
    pub limit: Celsius,
    /// What has to be beyond the limit.
    pub condition: Condition,
}

/// What has to be beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The product's estimated temperature, which follows the air with this time constant.
    ProductLag(Duration),
    /// Every reading for this long.
    Delay(Duration),
}

impl Rule {
    /// The product's estimated temperature is beyond the limit.
    pub fn product_lag(side: Side, limit: Celsius, time_constant: Duration) -> Rule {
        let condition = Condition::ProductLag(time_constant);
        Rule { name: RuleName::ProductLag, side, urgency: Urgency::Warning, limit, condition }
    }

    /// Every reading was beyond the limit for that long.
    pub fn delay(name: RuleName, urgency: Urgency, side: Side, limit: Celsius, after: Duration) -> Rule {
        Rule { name, side, urgency, limit, condition: Condition::Delay(after) }
    }

    /// What it raises.
    pub fn kind(&self) -> Kind {
        match self.side {
            Side::Above => Kind::TooWarm,
            Side::Below => Kind::TooCold,
        }
    }
}

impl Default for Rules {
    /// Only the probe is watched.
    fn default() -> Self {
        Rules {
            preset: None,
            temperature: Vec::new(),
            silent_after: SILENT_AFTER,
            stuck_after: STUCK_AFTER,
            exposure: None,
            defrosts: Vec::new(),
            unanswered_after: UNANSWERED_AFTER,
        }
    }
}

impl Rules {
    /// The rules of a fridge for which only limits are given: the product must not pass them.
    pub fn of_limits(min: Option<Celsius>, max: Option<Celsius>) -> Rules {
        let is_freezer = max.is_some_and(|max| max <= FREEZER);
        let time_constant = if is_freezer { FREEZER_TIME_CONSTANT } else { TIME_CONSTANT };
        let above = max.map(|max| Rule::product_lag(Side::Above, max, time_constant));
        let below = min.map(|min| Rule::product_lag(Side::Below, min, time_constant));
        Rules { temperature: above.into_iter().chain(below).collect(), ..Rules::default() }
    }

    /// Has a side's first rule watch that limit. A side without a rule gets one.
    pub fn set_limit(&mut self, side: Side, limit: Option<Celsius>) {
        let Some(limit) = limit else { return };
        match self.temperature.iter_mut().find(|rule| rule.side == side) {
            Some(first) => first.limit = limit,
            None => self.temperature.push(Rule::product_lag(side, limit, TIME_CONSTANT)),
        }
    }

    /// Has that rule in place of the one of its name and side, or adds it.
    pub fn set(&mut self, rule: Rule) {
        match self.temperature.iter_mut().find(|old| old.name == rule.name && old.side == rule.side) {
            Some(old) => *old = rule,
            None => self.temperature.push(rule),
        }
    }

    /// Whether each rule of a side lies further out than the one before it.
    pub fn are_in_order(&self) -> bool {
        [Side::Above, Side::Below].iter().all(|side| {
            let limits: Vec<_> =
                self.temperature.iter().filter(|rule| rule.side == *side).map(|rule| rule.limit).collect();
            limits.windows(2).all(|pair| side.is_further(pair[1], pair[0]))
        })
    }

    /// The limit at which a side's excursion begins: that of the first rule that watches it.
    pub fn limit(&self, side: Side) -> Option<Celsius> {
        self.temperature.iter().find(|rule| rule.side == side).map(|rule| rule.limit)
    }
}
