//! How a probe is corrected, and the measurement of its ice point.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::fridge::ice_point::{Outcome, offset};
use crate::fridge::{Correction, Fridge, IcePoint};
use crate::reading::ProbeId;

/// How the probe of one fridge is corrected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// What the fridge is known by in records.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its probe.
    pub probe: ProbeId,
    /// So many °C are added.
    pub offset: Option<f64>,
    /// Or two points, each what the probe shows and what it is, in °C.
    pub points: Option<[PointRow; 2]>,
    /// The day on which that was measured.
    pub date: Option<Date>,
    /// Who measured it.
    pub by: Option<String>,
    /// The newest measurement since the start; `None` where nobody asked for one.
    pub ice_point: Option<IcePointRow>,
}

/// One point of a calibration.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct PointRow {
    /// What the probe shows, in °C.
    pub shows: f64,
    /// What it is, in °C.
    pub is: f64,
}

/// The measurement of an ice point.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IcePointRow {
    /// How far it is.
    pub state: IcePointState,
    /// When it began.
    pub began: Timestamp,
    /// Who wanted it, where that is known.
    pub by: Option<String>,
    /// What the probe showed last, uncorrected, in °C.
    pub raw_celsius: Option<f64>,
    /// For how many seconds it has shown the same.
    pub steady_s: u64,
    /// For how many it has to; `None` where it has not come from another temperature yet.
    pub needed_s: Option<u64>,
    /// When it was measured.
    pub measured: Option<Timestamp>,
    /// What the probe showed then, in °C.
    pub shows: Option<f64>,
    /// What corrects that, in °C.
    pub offset: Option<f64>,
}

/// How far the measurement of an ice point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IcePointState {
    /// It goes on.
    Measuring,
    /// The probe was steady near 0 °C.
    Measured,
    /// It was not in time.
    Failed,
}

impl CalibrationRow {
    /// That of a fridge, with that measurement.
    pub fn new(fridge: &Fridge, ice_point: Option<IcePointRow>) -> CalibrationRow {
        let calibration = fridge.calibration.as_ref();
        let (offset, points) = match calibration.map(|calibration| calibration.correction) {
            None => (None, None),
            Some(Correction::Offset(offset)) => (Some(offset), None),
            Some(Correction::TwoPoints(points)) => {
                (None, Some(points.map(|(shows, is)| PointRow { shows, is })))
            }
        };
        CalibrationRow {
            id: fridge.id.clone(),
            name: fridge.name.clone(),
            probe: fridge.probe,
            offset,
            points,
            date: calibration.and_then(|calibration| calibration.date),
            by: calibration.and_then(|calibration| calibration.by.clone()),
            ice_point,
        }
    }
}

impl From<&IcePoint> for IcePointRow {
    fn from(point: &IcePoint) -> IcePointRow {
        let (state, measured) = match point.outcome {
            None => (IcePointState::Measuring, None),
            Some(Outcome::Measured { shows, at }) => (IcePointState::Measured, Some((shows, at.wall))),
            Some(Outcome::Failed) => (IcePointState::Failed, None),
        };
        IcePointRow {
            state,
            began: point.began.wall,
            by: point.by.clone(),
            raw_celsius: point.newest().map(|newest| newest.degrees()),
            steady_s: point.steady().as_secs(),
            needed_s: point.needed().map(|needed| needed.as_secs()),
            measured: measured.map(|(_, at)| at),
            shows: measured.map(|(shows, _)| shows),
            offset: measured.map(|(shows, _)| offset(shows)),
        }
    }
}

impl IcePointRow {
    /// The part of the needed time for which the probe has been steady, from 0 to 1.
    pub fn done(&self) -> f64 {
        self.needed_s.map_or(0.0, |needed| self.steady_s as f64 / needed.max(1) as f64)
    }
}
