//! The measurements of the ice point that were asked for, a fridge's newest each. They are in memory only: one that a
//! restart ends is asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alarm::GatewayNotice;
use crate::fridge::ice_point::{Outcome, offset};
use crate::fridge::{Calibration, Fridge, IcePoint};
use crate::reading::{ProbeId, Sampled, Stamp};
use crate::store::Entry;

/// The measurements, by the ids of the fridges.
#[derive(Debug, Default)]
pub struct IcePoints {
    /// The fridges by their ids.
    fridges: BTreeMap<String, Known>,
    points: Arc<BTreeMap<String, IcePoint>>,
}

/// What matters of a fridge.
#[derive(Debug)]
struct Known {
    name: String,
    probe: ProbeId,
    calibration: Option<Calibration>,
}

/// What the end of measurements brings: what is told, and what is kept.
pub type Ended = Vec<(GatewayNotice, Entry)>;

impl IcePoints {
    /// What is known of them.
    pub fn known(&self) -> Arc<BTreeMap<String, IcePoint>> {
        Arc::clone(&self.points)
    }

    /// From now on there are these fridges. What was measured of a probe that is in none of them any more says nothing, and
    /// neither does what was measured before its fridge got another calibration.
    pub fn set_fridges(&mut self, fridges: &[Fridge]) {
        let known = |Fridge { id, name, probe, calibration, .. }: &Fridge| {
            (id.clone(), Known { name: name.clone(), probe: *probe, calibration: calibration.clone() })
        };
        let before = std::mem::replace(&mut self.fridges, fridges.iter().map(known).collect());
        let calibration = |fridges: &BTreeMap<String, Known>, id: &str| {
            fridges.get(id).and_then(|fridge| fridge.calibration.clone())
        };
        let fridges = &self.fridges;
        let says_something = |id: &String, point: &mut IcePoint| {
            let is_there = fridges.get(id).is_some_and(|fridge| fridge.probe == point.probe);
            is_there && (point.outcome.is_none() || calibration(&before, id) == calibration(fridges, id))
        };
        Arc::make_mut(&mut self.points).retain(says_something);
    }

    /// Begins to measure in these fridges, but for those in which that has begun.
    pub fn begin(&mut self, fridges: &[String], by: Option<&String>, now: Stamp) {
        for id in fridges {
            let is_measuring = self.points.get(id).is_some_and(|point| point.outcome.is_none());
            if let Some(fridge) = self.fridges.get(id).filter(|_| !is_measuring) {
                let point = IcePoint::begin(fridge.probe, by.cloned(), now);
                Arc::make_mut(&mut self.points).insert(id.clone(), point);
            }
        }
    }

    /// Takes in a sweep, corrected or not.
    pub fn sweep(&mut self, at: Stamp, probes: &[Sampled], now: Stamp) -> Ended {
        self.each_open(now, |point| {
            let sampled = probes.iter().find(|sampled| sampled.probe == point.probe)?;
            let shown = sampled.raw.or(sampled.sample.ok())?;
            Some(point.read(shown, at))
        })
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Stamp) -> Ended {
        self.each_open(now, |point| Some(point.tick(now)))
    }

    /// Does something with each that has not ended, and returns those that it has ended.
    fn each_open(&mut self, now: Stamp, step: impl Fn(&mut IcePoint) -> Option<bool>) -> Ended {
        if self.points.values().all(|point| point.outcome.is_some()) {
            return Ended::new();
        }
        let mut ended = Ended::new();
        for (id, point) in Arc::make_mut(&mut self.points) {
            if point.outcome.is_none() && step(point) == Some(true) {
                let name = self.fridges.get(id).map_or(id, |fridge| &fridge.name);
                ended.push((notice(name, point), deed(id, point, now)));
            }
        }
        ended
    }
}

fn notice(name: &str, point: &IcePoint) -> GatewayNotice {
    let fridge = name.to_owned();
    match point.outcome {
        Some(Outcome::Measured { shows, .. }) => {
            GatewayNotice::IcePoint { fridge, shows, offset: offset(shows) }
        }
        _ => GatewayNotice::NoIcePoint {
            fridge,
            newest: point.newest().map(|newest| newest.degrees()),
            has_come: point.needed().is_some(),
        },
    }
}

fn deed(id: &str, point: &IcePoint, now: Stamp) -> Entry {
    let what = match point.outcome {
        Some(Outcome::Measured { shows, .. }) => format!("ice point {:?} {shows:.2} °C", [id]),
        _ => format!("ice point {:?} not measured", [id]),
    };
    Entry::Deed { at: now.wall, who: point.by.clone(), what }
}
