//! What is known of one probe.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::reading::{Celsius, Counts, Fault, Notice, Sample, Sampled, Stamp};

/// What is known of one probe.
#[derive(Clone, Debug)]
pub struct ProbeState {
    /// What the newest sweep brought.
    pub newest: Sample,
    /// When the newest sweep began.
    pub at: Stamp,
    /// When it was first seen.
    pub first: Stamp,
    /// Since when the newest sample's kind holds: the first of these faults in a row, or the first
    /// good value after a fault.
    pub since: Stamp,
    /// The last good value and when its sweep began.
    pub last_good: Option<(Celsius, Stamp)>,
    /// The last fault, when it began, and when it was last seen.
    pub last_fault: Option<(Fault, Stamp, Stamp)>,
    /// The lowest and highest value of the day of the last good value.
    pub day: Option<Day>,
    /// Those of the day before that one.
    pub day_before: Option<Day>,
    /// The age beyond which its reading is stale, where that is not its bus's.
    pub stale_after: Option<Duration>,
    /// The newest good value before its fridge's calibration, where there is one.
    pub raw: Option<Celsius>,
    /// What went wrong on the way to its values since the start.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub notices: Vec<Notice>,
    /// How often each fault was seen since the start.
    pub faults: BTreeMap<Fault, u64>,
}

/// The lowest and highest value of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Day {
    /// The day, in the machine's time zone.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// The lowest value.
    pub min: Celsius,
    /// The highest value.
    pub max: Celsius,
    /// When the first of these values was read: after a restart the day counts from here.
    #[serde(skip)]
    pub since: Stamp,
}

impl ProbeState {
    /// A probe of which this is the first sample.
    pub(super) fn new(first: Sample, at: Stamp) -> Self {
        ProbeState {
            newest: first,
            at,
            first: at,
            since: at,
            last_good: None,
            last_fault: None,
            day: None,
            day_before: None,
            stale_after: None,
            raw: None,
            counts: Counts::default(),
            notices: Vec::new(),
            faults: BTreeMap::new(),
        }
    }

    /// Takes in what was kept of a day: today's, or the day's before.
    pub(super) fn restore(&mut self, kept: Day, today: Date) {
        let is_before = |date: Date, next: Date| date.tomorrow().is_ok_and(|tomorrow| tomorrow == next);
        let merged = |known: Day| Day {
            min: known.min.min(kept.min),
            max: known.max.max(kept.max),
            since: if kept.since.wall < known.since.wall { kept.since } else { known.since },
            ..known
        };
        if kept.date == today {
            if let Some(day) = self.day.filter(|day| is_before(day.date, today)) {
                self.day_before = Some(day);
            }
            self.day = Some(self.day.filter(|day| day.date == today).map_or(kept, merged));
        } else if is_before(kept.date, today) {
            match self.day {
                // Nothing was read today yet: it is the newest day of all.
                None => self.day = Some(kept),
                Some(day) if day.date == kept.date => self.day = Some(merged(day)),
                Some(_) => {
                    let known = self.day_before.filter(|day| day.date == kept.date);
                    self.day_before = Some(known.map_or(kept, merged));
                }
            }
        }
    }

    /// Takes in what stands beside the newest sample.
    pub(super) fn update_details(&mut self, sampled: Sampled) {
        self.counts += sampled.counts;
        if sampled.sample.is_ok() {
            self.raw = sampled.raw;
        }
        // A probe that gave no answer keeps its previous notices.
        if sampled.sample.is_ok() || !sampled.notices.is_empty() {
            self.notices = sampled.notices;
        }
    }

    /// Takes in the newest sample; returns whether it is another fault than before, or none any more.
    pub(super) fn update(&mut self, sample: Sample, at: Stamp, zone: &TimeZone) -> bool {
        let changed = self.newest.map(drop) != sample.map(drop);
        if changed {
            self.since = at;
        }
        self.newest = sample;
        self.at = at;
        match sample {
            Ok(celsius) => {
                self.last_good = Some((celsius, at));
                let date = at.wall.to_zoned_datetime(zone.clone()).date();
                let day = match self.day {
                    Some(day) if day.date == date => {
                        Day { min: day.min.min(celsius), max: day.max.max(celsius), ..day }
                    }
                    before => {
                        self.day_before =
                            before.filter(|day| day.date.tomorrow().is_ok_and(|next| next == date));
                        Day { date, min: celsius, max: celsius, since: at }
                    }
                };
                self.day = Some(day);
            }
            Err(fault) => {
                *self.faults.entry(fault).or_default() += 1;
                self.last_fault = Some((fault, self.since, at));
            }
        }
        changed
    }
}
