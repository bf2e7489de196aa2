//! When calibrations are a year old: their fridges are named once, in the morning of that day, or when the gateway is
//! there again after it.

use jiff::civil::{Date, time};
use jiff::{Timestamp, ZonedDateTime};

use crate::alarm::GatewayNotice;
use crate::fridge::Fridge;

/// People are told at this hour.
const MORNING: i8 = 9;

/// The calibrations' dates.
#[derive(Debug, Default)]
pub struct CalibrationDates {
    /// The names of fridges, and when their calibrations are due.
    due: Option<Vec<(String, Date)>>,
    /// Up to then it has been told.
    told: Option<Timestamp>,
}

impl CalibrationDates {
    /// Goes on after a gateway that was alive then: what has become due since is told.
    pub fn resume(alive: Option<Timestamp>) -> CalibrationDates {
        CalibrationDates { due: None, told: alive }
    }

    /// From now on there are these fridges.
    pub fn set_fridges(&mut self, fridges: &[Fridge]) {
        let due = |fridge: &Fridge| Some((fridge.name.clone(), fridge.calibration.as_ref()?.due()?));
        let in_service = fridges.iter().filter(|fridge| !fridge.out_of_service);
        self.due = Some(in_service.filter_map(due).collect());
    }

    /// Time has passed, on the clock of the place.
    pub fn tick(&mut self, local: &ZonedDateTime) -> Option<GatewayNotice> {
        // Before the configuration is known nothing is.
        let all = self.due.as_ref()?;
        let now = local.timestamp();
        let told = self.told.replace(now)?;
        let is_due = |date: &Date| {
            let morning =
                date.to_datetime(time(MORNING, 0, 0, 0)).to_zoned_datetime(local.time_zone().clone());
            morning.is_ok_and(|morning| morning.timestamp() > told && morning.timestamp() <= now)
        };
        let due = all.iter().filter(|(_, date)| is_due(date));
        let fridges: Vec<String> = due.map(|(name, _)| name.clone()).collect();
        (!fridges.is_empty()).then_some(GatewayNotice::CalibrationDue { fridges })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::fridge::{Calibration, Correction, Limits};
    use crate::reading::ProbeId;

    fn fridges() -> Vec<Fridge> {
        let calibrated = |name: &str, number, date| Fridge {
            calibration: Some(Calibration { date, ..Calibration::undated(Correction::Offset(0.1)) }),
            ..Fridge::new(name, ProbeId::new(0x28, number), Limits::default())
        };
        let march = Some(date(2026, 3, 14));
        let broken = Fridge { out_of_service: true, ..calibrated("Broken", 4, march) };
        vec![calibrated("Milk", 1, march), calibrated("Meat", 2, march), calibrated("Bar", 3, None), broken]
    }

    fn told(dates: &mut CalibrationDates, local: &str) -> Option<Vec<String>> {
        match dates.tick(&local.parse().unwrap())? {
            GatewayNotice::CalibrationDue { fridges } => Some(fridges),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_is_named_once_in_the_morning_of_its_day() {
        let mut dates = CalibrationDates::resume(None);
        dates.set_fridges(&fridges());
        assert_eq!(told(&mut dates, "2027-03-14T08:00+01:00[Europe/Berlin]"), None);
        assert_eq!(told(&mut dates, "2027-03-14T08:59+01:00[Europe/Berlin]"), None);
        let both = Some(vec!["Milk".into(), "Meat".into()]);
        assert_eq!(told(&mut dates, "2027-03-14T09:00+01:00[Europe/Berlin]"), both);
        assert_eq!(told(&mut dates, "2027-03-14T09:00:30+01:00[Europe/Berlin]"), None);
        // A clock that was set back, and on again.
        assert_eq!(told(&mut dates, "2026-03-14T08:00+01:00[Europe/Berlin]"), None);
        assert_eq!(told(&mut dates, "2027-03-14T09:01+01:00[Europe/Berlin]"), both);
    }

    #[test]
    fn one_that_became_due_while_the_gateway_was_off_is_named_at_its_return() {
        let off = "2027-03-13T20:00Z".parse().unwrap();
        for (alive, is_told) in
            [(Some(off), true), (Some("2027-03-14T10:00Z".parse().unwrap()), false), (None, false)]
        {
            let mut dates = CalibrationDates::resume(alive);
            dates.set_fridges(&fridges());
            assert_eq!(told(&mut dates, "2027-03-20T12:00+00:00[UTC]").is_some(), is_told, "{alive:?}");
        }
    }
}
