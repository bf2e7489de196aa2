//! The shape of `[[fridge]]`, and of what stands in it.

use toml::Spanned;

use crate::config::section::{Degrees, Section};

/// `[[fridge]]`
pub struct Fridge {
    pub id: Option<Spanned<String>>,
    pub name: Spanned<String>,
    pub group: Option<Spanned<String>>,
    pub probe: Spanned<String>,
    pub limits: Option<Spanned<Limits>>,
    pub preset: Option<Spanned<String>>,
    pub alarm: Option<Spanned<Alarm>>,
    pub calibration: Option<Spanned<Calibration>>,
    pub out_of_service: bool,
}

impl Fridge {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Fridge {
        Fridge {
            id: section.text("id"),
            name: section.needed("name"),
            group: section.text("group"),
            probe: section.needed("probe"),
            limits: section.table("limits", Limits::of),
            preset: section.text("preset"),
            alarm: section.table("alarm", Alarm::of),
            calibration: section.table("calibration", Calibration::of),
            out_of_service: section.flag("out_of_service"),
        }
    }
}

/// `limits = { min = 0, max = 5 }`
pub struct Limits {
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
}

impl Limits {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Limits {
        Limits { min: section.degrees("min"), max: section.degrees("max") }
    }
}

/// `alarm = { lag = "60min", escalation = { limit = 10, after = "30min" } }`
pub struct Alarm {
    pub lag: Option<Spanned<String>>,
    pub escalation: Option<Spanned<AlarmPoint>>,
    pub gross: Option<Spanned<AlarmPoint>>,
    pub low: Option<Spanned<AlarmPoint>>,
    pub low_escalation: Option<Spanned<AlarmPoint>>,
    pub silent: Option<Spanned<String>>,
    pub stuck: Option<Spanned<String>>,
    pub exposure: Option<Spanned<Exposure>>,
    pub defrost: Vec<Defrost>,
    pub unanswered: Option<Spanned<String>>,
}

impl Alarm {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Alarm {
        Alarm {
            lag: section.text("lag"),
            escalation: section.table("escalation", AlarmPoint::of),
            gross: section.table("gross", AlarmPoint::of),
            low: section.table("low", AlarmPoint::of),
            low_escalation: section.table("low_escalation", AlarmPoint::of),
            silent: section.text("silent"),
            stuck: section.text("stuck"),
            exposure: section.table("exposure", Exposure::of),
            defrost: section.tables("defrost", Defrost::of).into_iter().map(Spanned::into_inner).collect(),
            unanswered: section.text("unanswered"),
        }
    }
}

/// `defrost = [{ at = "02:00", length = "45min" }]`
pub struct Defrost {
    pub at: Spanned<String>,
    pub length: Spanned<String>,
}

impl Defrost {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Defrost {
        Defrost { at: section.needed("at"), length: section.needed("length") }
    }
}

/// A limit and for how long it has to be passed.
pub struct AlarmPoint {
    pub limit: Degrees,
    pub after: Spanned<String>,
}

impl AlarmPoint {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> AlarmPoint {
        AlarmPoint {
            limit: section.degrees("limit").unwrap_or(Degrees(f64::NAN)),
            after: section.needed("after"),
        }
    }
}

/// `exposure = { max = 8, budget = "4h", window = "24h" }`
pub struct Exposure {
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
    pub budget: Spanned<String>,
    pub window: Spanned<String>,
}

impl Exposure {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Exposure {
        Exposure {
            min: section.degrees("min"),
            max: section.degrees("max"),
            budget: section.needed("budget"),
            window: section.needed("window"),
        }
    }
}

/// `calibration = { offset = -0.5, date = "2026-11-28", by = "anna" }` or `calibration = { points = [{ shows = 0.4, is = 0 }, …] }`
pub struct Calibration {
    pub offset: Option<f64>,
    pub points: Option<Vec<Spanned<Point>>>,
    pub date: Option<Spanned<String>>,
    pub by: Option<Spanned<String>>,
}

impl Calibration {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Calibration {
        Calibration {
            offset: section.number("offset").map(Spanned::into_inner),
            points: section.has("points").then(|| section.tables("points", Point::of)),
            date: section.text("date"),
            by: section.text("by"),
        }
    }
}

/// What a probe shows, and what it is.
pub struct Point {
    pub shows: f64,
    pub is: f64,
}

impl Point {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Point {
        Point {
            shows: section.number("shows").map_or(f64::NAN, Spanned::into_inner),
            is: section.number("is").map_or(f64::NAN, Spanned::into_inner),
        }
    }
}
