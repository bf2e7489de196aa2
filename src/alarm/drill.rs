//! A drill: what a fridge's rules make of an excursion that is made up, so that people see an alarm, and act, while
//! nothing is at stake.

use std::time::Duration;

use jiff::Timestamp;

use super::{Event, Monitor, Observation, Rules, Side};
use crate::reading::{Celsius, Stamp};

/// The made-up fridge is this far within its limit first, then as far beyond it, in sixteenths.
const STEP: i16 = 4 * 16;
/// It is read this often.
const PERIOD: Duration = Duration::from_secs(60);
/// No rule takes longer.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The alarm that those rules raise when the air goes beyond the first limit and stays there; `None` where no rule
/// watches a limit. No time passes for it: the moments of the event are made up, too.
pub fn drill(rules: &Rules) -> Option<Event> {
    let side = [Side::Above, Side::Below].into_iter().find(|side| rules.limit(*side).is_some())?;
    let limit = rules.limit(side)?.sixteenths();
    let out = if side == Side::Above { STEP } else { -STEP };
    let mut at = Stamp { mono: LONGEST, wall: Timestamp::UNIX_EPOCH };
    let mut monitor = Monitor::new(rules, PERIOD, at);
    monitor.step(at, Observation::Reading(Celsius::from_sixteenths(limit.saturating_sub(out))));
    // Not the same to the last bit, which would be another alarm.
    for beyond in (0..LONGEST.as_secs() / PERIOD.as_secs()).map(|minute| out + (minute % 2) as i16) {
        at = at.at_mono(at.mono + PERIOD);
        let events =
            monitor.step(at, Observation::Reading(Celsius::from_sixteenths(limit.saturating_add(beyond))));
        let raised = events.into_iter().find(|event| matches!(event, Event::Raised { .. }));
        if raised.is_some() {
            return raised;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::alarm::{Kind, Preset};

    #[test]
    fn every_presets_rules_raise_an_alarm_and_no_rules_none() {
        for preset in <Preset as VariantArray>::VARIANTS {
            let raised = drill(&preset.rules());
            assert!(
                matches!(raised, Some(Event::Raised { kind: Kind::TooWarm, .. })),
                "{preset}: {raised:?}"
            );
        }
        assert_eq!(drill(&Rules::default()), None);
        let only_low = Rules::of_limits(Celsius::from_degrees(2.0), None);
        assert!(matches!(drill(&only_low), Some(Event::Raised { kind: Kind::TooCold, .. })));
    }
}
