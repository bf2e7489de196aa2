//! Whether calibrations are older than a year.

use jiff::civil::Date;

use super::{Findings, Id};
use crate::fridge::Fridge;
use crate::text;

const ABOUT: &str = "calibration";
const CURE: &str = "sudo fridge calibrate NAME ice; docs/probes.md, \"Calibration\"";

/// Looks at the dates in the configuration.
pub fn examine(fridges: &[Fridge], today: Date, findings: &mut Findings) {
    let dated: Vec<(&Fridge, Date, Date)> = fridges
        .iter()
        .filter(|fridge| !fridge.out_of_service)
        .filter_map(|fridge| {
            let calibration = fridge.calibration.as_ref()?;
            Some((fridge, calibration.date?, calibration.due()?))
        })
        .collect();
    let before = findings.0.len();
    for (fridge, date, due) in &dated {
        let name = &fridge.name;
        if *due <= today {
            findings.warning(
                Id::CalibrationDue,
                ABOUT,
                format!("{name}: measured on {date}, over a year ago"),
                CURE,
            );
        } else if *date > today {
            let cure = "correct its `date`, or the clock";
            findings.warning(
                Id::CalibrationDue,
                ABOUT,
                format!("{name}: dated {date}, which is in the future"),
                cure,
            );
        }
    }
    if findings.0.len() == before
        && let Some(oldest) = dated.iter().map(|(_, date, _)| date).min()
    {
        let fridges = text::count(dated.len(), "fridge");
        findings.ok(ABOUT, format!("{fridges} with a date, the oldest {oldest}"));
    }
}
