//! What holds of alarm rules whatever the readings are: nothing is raised before its time, nothing flaps, exposure is
//! the sum of the time outside, how often is read changes nothing, and what is replayed is what was live.

use std::time::Duration;

use fridge::alarm::{
    Event, Exposure, Kind, Memory, Monitor, Observation, Preset, Rule, RuleName, Rules, Side, Urgency, replay,
};
use fridge::reading::{Celsius, Stamp};
use jiff::Timestamp;
use proptest::prelude::*;
use strum::VariantArray;

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: f64 = 5.0;

fn at(seconds: u64) -> Stamp {
    let mono = Duration::from_secs(seconds);
    Stamp { mono, wall: Timestamp::UNIX_EPOCH + mono }
}

fn celsius(degrees: f64) -> Celsius {
    Celsius::from_degrees(degrees).unwrap()
}

fn delay(after: Duration) -> Rules {
    let rule = Rule::delay(RuleName::Delay, Urgency::Warning, Side::Above, celsius(LIMIT), after);
    Rules { temperature: vec![rule], ..Rules::default() }
}

/// Readings that stay around the limit, with gaps: seconds and degrees.
fn readings() -> impl Strategy<Value = Vec<(u64, f64)>> {
    let step = prop_oneof![8 => Just(60_u64), 2 => 1_u64..170, 1 => 181_u64..7_200];
    prop::collection::vec((step, 2.0..8.0_f64), 1..400).prop_map(|steps| {
        let mut now = 0;
        let advance = |(step, degrees)| {
            now += step;
            (now, degrees)
        };
        steps.into_iter().map(advance).collect()
    })
}

fn events(rules: &Rules, readings: &[(u64, f64)]) -> Vec<Event> {
    let mut monitor = Monitor::new(rules, MINUTE, at(readings[0].0));
    let step =
        |&(seconds, degrees): &(u64, f64)| monitor.step(at(seconds), Observation::Reading(celsius(degrees)));
    readings.iter().flat_map(step).collect()
}

proptest! {
    #[test]
    fn nothing_is_raised_before_its_whole_delay(readings in readings(), minutes in 0_u32..40) {
        for event in events(&delay(minutes * MINUTE), &readings) {
            let Event::Raised { kind: Kind::TooWarm, at: raised, .. } = event else { continue };
            // Back from the alarm every reading is beyond the limit, until the time between them is the delay.
            let until = readings.iter().position(|(seconds, _)| at(*seconds) == raised).unwrap();
            let mut held = Duration::ZERO;
            for index in (0..=until).rev() {
                prop_assert!(celsius(readings[index].1) > celsius(LIMIT), "{index} of {until}");
                if held >= minutes * MINUTE {
                    break;
                }
                prop_assert!(index > 0);
                let step = Duration::from_secs(readings[index].0 - readings[index - 1].0);
                held += if step > 3 * MINUTE { Duration::ZERO } else { step };
            }
        }
    }

    #[test]
    fn nothing_flaps_within_the_hysteresis(values in prop::collection::vec(4.51..5.49_f64, 50..300)) {
        for rules in [delay(Duration::ZERO), Rules::of_limits(None, Some(celsius(LIMIT)))] {
            // Warm enough for long enough first.
            let warm = (0..240).map(|_| 9.0);
            let readings: Vec<_> =
                warm.chain(values.clone()).enumerate().map(|(minute, value)| (minute as u64 * 60, value)).collect();
            let events = events(&rules, &readings);
            let about_temperature =
                |event: &&Event| matches!(event, Event::Raised { kind: Kind::TooWarm, .. } | Event::Cleared { .. });
            prop_assert_eq!(events.iter().filter(about_temperature).count(), 1, "{:?}", events);
        }
    }

    #[test]
    fn exposure_is_the_sum_of_the_time_outside(readings in readings(), hours in 1_u64..30) {
        let window = Duration::from_secs(hours * 3_600);
        let exposure = Exposure { min: Some(celsius(3.0)), max: Some(celsius(6.0)), budget: window, window };
        let rules = Rules { exposure: Some(exposure), ..Rules::default() };
        let mut monitor = Monitor::new(&rules, MINUTE, at(readings[0].0));
        for (seconds, degrees) in &readings {
            monitor.step(at(*seconds), Observation::Reading(celsius(*degrees)));
        }
        let now = readings.last().unwrap().0;
        let begin = now.saturating_sub(window.as_secs());
        let counted = |pair: &[(u64, f64)]| {
            let [(from, degrees), (until, _)] = pair else { unreachable!() };
            let is_outside = celsius(*degrees) > celsius(6.0) || celsius(*degrees) < celsius(3.0);
            if is_outside && until - from <= 180 { until.saturating_sub((*from).max(begin)) } else { 0 }
        };
        let sum: u64 = readings.windows(2).map(counted).sum();
        prop_assert_eq!(monitor.exposure(at(now)).unwrap().outside_s, sum);
    }

    /// Levels that last a while, at least 1 K away from every limit of the presets.
    #[test]
    fn how_often_is_read_changes_nothing(
        preset in prop::sample::select(Preset::VARIANTS),
        levels in prop::collection::vec((20_u64..400, -4.0..24.0_f64), 2..12),
    ) {
        let rules = preset.rules();
        let top = rules.limit(Side::Above).unwrap().degrees();
        let is_clear = |degrees: f64| {
            rules.temperature.iter().all(|rule| (rule.limit.degrees() - degrees).abs() >= 1.0)
        };
        let levels: Vec<_> = levels
            .into_iter()
            .map(|(minutes, degrees)| (minutes, top + degrees))
            .filter(|(_, degrees)| is_clear(*degrees) && is_clear(*degrees - 0.6))
            .collect();
        prop_assume!(levels.len() >= 2);
        let total: u64 = levels.iter().map(|(minutes, _)| minutes * 60).sum();
        // A probe is no faster than this: from one level to the next it takes three minutes.
        let level = |seconds: u64, longer: i64| {
            let (mut left, mut before) = (seconds, levels[0].1);
            for (minutes, degrees) in &levels {
                match left.checked_sub((minutes * 60).saturating_add_signed(longer)) {
                    Some(more) => (left, before) = (more, *degrees),
                    None => return before + (degrees - before) * (left.min(180) as f64 / 180.0),
                }
            }
            before
        };
        let read_every = |period: u64, longer: i64| -> Vec<(&'static str, Kind, u64)> {
            let mut monitor = Monitor::new(&rules, Duration::from_secs(period), at(0));
            let mut all = Vec::new();
            for seconds in (0..total).step_by(period as usize) {
                for event in monitor.step(at(seconds), Observation::Reading(celsius(level(seconds, longer)))) {
                    match event {
                        Event::Raised { kind: Kind::ProbeStuck, .. } | Event::Cleared { kind: Kind::ProbeStuck, .. } => {}
                        Event::Raised { kind, at, .. } => all.push(("raised", kind, at.mono.as_secs())),
                        // Where it is raised in the same minute, one of them sees both at once.
                        Event::Escalated { .. } => {}
                        Event::Cleared { kind, at, .. } => all.push(("cleared", kind, at.mono.as_secs())),
                    }
                }
            }
            // What happens in the last minute may be seen by one and not by another.
            all.retain(|(_, _, seconds)| seconds + 120 < total);
            all
        };
        let [often, usual, seldom] = [5, 10, 60].map(|period| read_every(period, 0));
        // Where two minutes more or less decide whether there is an alarm at all, half a minute may, too.
        let is_like = |other: &Vec<(&str, Kind, u64)>| {
            often.len() == other.len() && often.iter().zip(other).all(|(one, other)| one.2.abs_diff(other.2) < 1_800)
        };
        prop_assume!([-120, 120].iter().all(|longer| is_like(&read_every(5, *longer))));
        for other in [&usual, &seldom] {
            prop_assert_eq!(often.len(), other.len(), "{:?} {:?}", often, other);
            for (one, other) in often.iter().zip(other) {
                prop_assert_eq!((one.0, one.1), (other.0, other.1));
                prop_assert!(one.2.abs_diff(other.2) <= 60, "{:?} {:?}", one, other);
            }
        }
    }

    /// Live, time also passes between the readings.
    #[test]
    fn what_is_replayed_is_what_was_live(readings in readings(), preset in prop::sample::select(Preset::VARIANTS)) {
        let rules = preset.rules();
        let top = rules.limit(Side::Above).unwrap().degrees();
        let readings: Vec<_> =
            readings.iter().map(|(seconds, degrees)| (*seconds, top - 3.0 + 2.0 * (degrees - 3.0))).collect();
        let mut monitor = Monitor::new(&rules, MINUTE, at(readings[0].0));
        let mut live = Vec::new();
        let mut now = readings[0].0;
        for (seconds, degrees) in &readings {
            while now + 7 < *seconds {
                now += 7;
                live.extend(monitor.step(at(now), Observation::Nothing));
            }
            now = *seconds;
            live.extend(monitor.step(at(now), Observation::Reading(celsius(*degrees))));
        }
        let outcome = replay(&rules, MINUTE, readings.iter().map(|(seconds, degrees)| (at(*seconds), celsius(*degrees))));
        let raised = |event: &Event| match event {
            Event::Raised { kind, at, .. } => Some((*kind, at.wall)),
            _ => None,
        };
        let live: Vec<_> = live.iter().filter_map(raised).collect();
        let replayed: Vec<_> = outcome.alarms.iter().map(|alarm| (alarm.kind, alarm.raised)).collect();
        prop_assert_eq!(live, replayed);
    }

    #[test]
    fn a_restart_changes_next_to_nothing(readings in readings(), cut in 0_usize..400) {
        let rules = Preset::Fridge.rules();
        let readings: Vec<_> = readings.iter().map(|(seconds, degrees)| (*seconds, 2.0 * degrees)).collect();
        let cut = cut % readings.len();
        let mut monitor = Monitor::new(&rules, MINUTE, at(readings[0].0));
        for (seconds, degrees) in &readings[..cut] {
            monitor.step(at(*seconds), Observation::Reading(celsius(*degrees)));
        }
        let now = at(readings[cut].0);
        let kept = serde_json::to_string(&monitor.memory(now)).unwrap();
        let memory: Memory = serde_json::from_str(&kept).unwrap();
        let resumed = Monitor::resume(&rules, MINUTE, now, &memory);
        prop_assert_eq!(resumed.memory(now), memory);
        for kind in [Kind::TooWarm, Kind::TooCold] {
            prop_assert_eq!(resumed.peak(kind), monitor.peak(kind));
        }
    }
}

#[test]
fn a_probe_is_silent_after_three_periods_and_five_minutes_and_never_during_its_first_sweep() {
    for (period, after) in [(10, 300), (60, 300), (120, 360)] {
        let mut monitor = Monitor::new(&Rules::default(), Duration::from_secs(period), at(0));
        for seconds in 0..1_000 {
            assert!(monitor.step(at(seconds), Observation::Pending).is_empty(), "{seconds}");
        }
        let raised =
            (1_000..3_000).find(|seconds| !monitor.step(at(*seconds), Observation::Nothing).is_empty());
        assert_eq!(raised, Some(999 + after), "period {period}");
        assert!(monitor.step(at(3_000), Observation::Nothing).is_empty(), "once is enough");
        let back = monitor.step(at(3_001), Observation::Reading(celsius(4.0)));
        assert!(matches!(back[..], [Event::Cleared { kind: Kind::ProbeSilent, .. }]), "{back:?}");
    }
}

#[test]
fn an_estimate_is_used_while_it_is_younger_than_its_time_constant() {
    let rules = Preset::Freezer.rules();
    let mut monitor = Monitor::new(&rules, MINUTE, at(0));
    // Nearly an hour of a stopped compressor: the estimate is near the limit.
    for minute in 0..50 {
        assert!(monitor.step(at(minute * 60), Observation::Reading(celsius(-10.0))).is_empty());
    }
    let memory = monitor.memory(at(50 * 60));
    let minutes_to_alarm = |later: u64| {
        let mut resumed = Monitor::resume(&rules, MINUTE, at(50 * 60 + later), &memory);
        (0..300).find(|minute| {
            let now = at(50 * 60 + later + minute * 60);
            !resumed.step(now, Observation::Reading(celsius(-10.0))).is_empty()
        })
    };
    let (soon, late) = (minutes_to_alarm(30 * 60).unwrap(), minutes_to_alarm(121 * 60).unwrap());
    assert!(soon < 10, "{soon} minutes");
    // Anew: from 2 K within the limit, ln(5/3) time constants of two hours.
    assert_eq!(late, 62);
}

#[test]
fn another_limit_judges_the_same_product() {
    let rules = Rules::of_limits(None, Some(celsius(5.0)));
    let mut monitor = Monitor::new(&rules, MINUTE, at(0));
    for minute in 0..600 {
        monitor.step(at(minute * 60), Observation::Reading(celsius(4.0)));
    }
    // The product is at 4 °C, whatever the limit is from now on.
    let memory = monitor.memory(at(600 * 60));
    let stricter = Rules::of_limits(Some(celsius(0.0)), Some(celsius(4.5)));
    let mut resumed = Monitor::resume(&stricter, MINUTE, at(600 * 60), &memory);
    let minutes = (0..300).find(|minute| {
        let now = at((600 + minute) * 60);
        let events = resumed.step(now, Observation::Reading(celsius(6.5)));
        events.iter().any(|event| matches!(event, Event::Raised { kind: Kind::TooWarm, .. }))
    });
    // From 0.5 K within the limit towards 2 K beyond it: ln(2.5/2) time constants of an hour.
    assert_eq!(minutes, Some(14));
}
