//! The record of one alarm: from its raising to its end, with who did what about it. Moments are those of the wall
//! clock, because a record outlives the process.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, RuleName, Urgency};

/// One alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its number on the gateway that watches the fridge. Never used twice there.
    pub number: u64,
    /// The name in topics of the gateway that watches the fridge; `None` for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The id of the fridge.
    pub fridge: String,
    /// The fridge's name when it was raised.
    pub name: String,
    /// What it is about.
    pub kind: Kind,
    /// The rule that raised it.
    pub rule: RuleName,
    /// How urgent it has become.
    pub urgency: Urgency,
    /// Since when the fridge has been beyond its limit, or its probe silent or stuck.
    pub since: Timestamp,
    /// When it was raised.
    pub raised: Timestamp,
    /// Whether it is a drill.
    #[serde(default)]
    pub drill: bool,
    /// The furthest reading so far in °C; `None` of a silent or stuck probe.
    #[serde(default)]
    pub peak: Option<f64>,
    /// The limit at which its side begins, in °C; `None` of a silent or stuck probe.
    #[serde(default)]
    pub limit: Option<f64>,
    /// How much of the fridge's budget of time outside is used.
    #[serde(default)]
    pub exposure: Option<UsedBudget>,
    /// When the first target took a message about it.
    #[serde(default)]
    pub delivered: Option<Timestamp>,
    /// Who has taken it on.
    pub acknowledged: Option<Acknowledgement>,
    /// Whether it was announced; one that is over before that is only recorded.
    pub announced: bool,
    /// Whether it was announced as urgent.
    #[serde(default)]
    pub announced_urgent: bool,
    /// When nobody had acknowledged it for so long that others were called.
    pub unanswered: Option<Timestamp>,
    /// Its end.
    pub cleared: Option<Clearance>,
    /// Whether its end was told, or need not be: nothing more comes of it.
    #[serde(default)]
    pub ended: bool,
}

/// How much of a budget of time outside is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsedBudget {
    /// Colder than this is outside, in °C.
    pub min: Option<f64>,
    /// Warmer than this is outside, in °C.
    pub max: Option<f64>,
    /// For how many seconds it was outside …
    pub outside_s: u64,
    /// … of so many that it may be …
    pub budget_s: u64,
    /// … within so many.
    pub window_s: u64,
}

/// Somebody has taken an alarm on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who; `None` where the name is not known.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The cause in their words.
    pub cause: Option<String>,
}

/// The end of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clearance {
    /// When.
    pub at: Timestamp,
    /// The furthest reading in °C; `None` of a silent or stuck probe.
    pub peak: Option<f64>,
    /// For how many seconds it was beyond its limit.
    pub outside_s: u64,
    /// Whether it ended because nobody watches the fridge any more.
    #[serde(default)]
    pub is_unwatched: bool,
}

impl Clearance {
    /// The end of what was found to be over.
    pub fn new(at: Timestamp, peak: Option<f64>, outside: Duration) -> Clearance {
        Clearance { at, peak, outside_s: outside.as_secs(), is_unwatched: false }
    }
}

impl Alarm {
    /// An alarm that was raised just now, in the fridge of that id and name.
    pub fn new(
        number: u64,
        (fridge, name): (&str, &str),
        (kind, rule, urgency): (Kind, RuleName, Urgency),
        since: Timestamp,
        raised: Timestamp,
    ) -> Alarm {
        Alarm {
            number,
            site: None,
            fridge: fridge.to_owned(),
            name: name.to_owned(),
            kind,
            rule,
            urgency,
            since,
            raised,
            drill: false,
            peak: None,
            limit: None,
            exposure: None,
            delivered: None,
            acknowledged: None,
            announced: false,
            announced_urgent: false,
            unanswered: None,
            cleared: None,
            ended: false,
        }
    }

    /// What people call it: "#41", and of another gateway "north#41".
    pub fn reference(&self) -> String {
        format!("{}#{}", self.site.as_deref().unwrap_or_default(), self.number)
    }

    /// Whether an address means it: by its number alone, and of another gateway by its whole reference.
    pub fn is_called(&self, text: &str) -> bool {
        self.reference().trim_start_matches('#') == text
    }

    /// How long what it is about has lasted, or did.
    pub fn lasts(&self, now: Timestamp) -> Duration {
        let end = self.cleared.map_or(now, |cleared| cleared.at);
        end.duration_since(self.since).try_into().unwrap_or_default()
    }
}
