//! A replay: readings of the past go through the monitor that judges live ones, and what it would have raised comes
//! out.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::interval::Interval;
use super::product_lag::ProductLag;
use super::{Event, Kind, Monitor, Observation, RuleName, Rules, Side, Urgency};
use crate::reading::{Celsius, Stamp};

/// What some rules would have made of some readings.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// How many readings there were.
    pub readings: usize,
    /// The alarms, in the order in which they were raised.
    pub alarms: Vec<Replayed>,
    /// For how many minutes it was beyond the limits.
    #[serde(rename = "minutes_outside", serialize_with = "minutes")]
    pub outside: Duration,
}

/// One alarm of a replay.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// The rule that raised it.
    pub rule: RuleName,
    /// What it was about.
    pub kind: Kind,
    /// How urgent it was in the end.
    pub urgency: Urgency,
    /// When it was raised.
    pub raised: Timestamp,
    /// When it became urgent, where it was not from the start.
    pub escalated: Option<Timestamp>,
    /// When it was over; `None` where it was not by the last reading.
    pub cleared: Option<Timestamp>,
    /// The furthest reading of it; `None` of a silent or stuck probe.
    pub peak: Option<Celsius>,
}

/// Feeds readings, due every `period`, to a monitor.
pub fn replay(
    rules: &Rules,
    period: Duration,
    readings: impl IntoIterator<Item = (Stamp, Celsius)>,
) -> Outcome {
    let mut outcome = Outcome { readings: 0, alarms: Vec::new(), outside: Duration::ZERO };
    let [max, min] = [Side::Above, Side::Below].map(|side| rules.limit(side));
    let is_outside = |celsius| max.is_some_and(|max| celsius > max) || min.is_some_and(|min| celsius < min);
    let mut monitor: Option<Monitor> = None;
    let mut before: Option<(Stamp, Celsius)> = None;
    for (at, celsius) in readings {
        outcome.readings += 1;
        if let Some((from, _)) = before.replace((at, celsius)).filter(|(_, celsius)| is_outside(*celsius)) {
            outcome.outside += Interval::new(at.since(&from), period).counted();
        }
        let monitor = monitor.get_or_insert_with(|| Monitor::new(rules, period, at));
        for event in monitor.step(at, Observation::Reading(celsius)) {
            outcome.take(event);
        }
    }
    if let Some(monitor) = monitor {
        for alarm in outcome.alarms.iter_mut().filter(|alarm| alarm.cleared.is_none()) {
            alarm.peak = monitor.peak(alarm.kind);
        }
    }
    outcome
}

/// How far beyond a limit the product would have been at the most, in kelvin; negative where it stayed within. `None` without
/// readings.
pub fn furthest_lag(
    side: Side,
    limit: Celsius,
    time_constant: Duration,
    period: Duration,
    readings: impl IntoIterator<Item = (Stamp, Celsius)>,
) -> Option<f64> {
    let mut lag = ProductLag::default();
    let mut before: Option<Stamp> = None;
    let mut furthest: Option<f64> = None;
    for (at, celsius) in readings {
        let passed = before.replace(at).map_or(Duration::ZERO, |from| at.since(&from));
        lag.feed(side.excess(celsius.degrees(), limit), Interval::new(passed, period), time_constant);
        furthest = match (furthest, lag.estimate()) {
            (Some(furthest), Some(estimate)) => Some(furthest.max(estimate)),
            (furthest, estimate) => furthest.or(estimate),
        };
    }
    furthest
}

impl Outcome {
    fn take(&mut self, event: Event) {
        match event {
            Event::Raised { kind, rule, urgency, at, .. } => self.alarms.push(Replayed {
                rule,
                kind,
                urgency,
                raised: at.wall,
                escalated: None,
                cleared: None,
                peak: None,
            }),
            Event::Escalated { kind, at, .. } => {
                if let Some(open) = self.open(kind) {
                    (open.escalated, open.urgency) = (Some(at.wall), Urgency::Urgent);
                }
            }
            Event::Cleared { kind, at, peak, .. } => {
                if let Some(open) = self.open(kind) {
                    (open.cleared, open.peak) = (Some(at.wall), peak);
                }
            }
        }
    }

    fn open(&mut self, kind: Kind) -> Option<&mut Replayed> {
        self.alarms.iter_mut().rev().find(|alarm| alarm.kind == kind && alarm.cleared.is_none())
    }
}

fn minutes<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() / 60.0)
}
