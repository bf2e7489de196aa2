//! The presets, judged on simulated cabinets: years without a failure for false alarms, and failures of every kind
//! for whether they are found before the product is harmed. Beside them, what other rules would have raised.

use std::time::Duration;

use cabinets::{Cabinet, Failure, Model, models};
use fridge::alarm::{Event, Kind, Monitor, Observation, Preset, Rule, RuleName, Rules, Side, Urgency};
use fridge::reading::Stamp;
use jiff::Timestamp;

mod cabinets;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: usize = 24 * 60;
/// A failure begins after this many days of normal life, and is watched for so many.
const DAYS_BEFORE: usize = 6;
const DAYS_AFTER: usize = 8;

fn stamp(mono: Duration) -> Stamp {
    Stamp { mono, wall: Timestamp::UNIX_EPOCH + mono }
}

fn monitor(rules: &Rules) -> Monitor {
    Monitor::new(rules, MINUTE, stamp(Duration::ZERO))
}

/// A minute passes in the cabinet; what it raises.
fn minute(cabinet: &mut Cabinet, monitors: &mut [Monitor]) -> Vec<Vec<Kind>> {
    let observation = cabinet.minute().map_or(Observation::Nothing, Observation::Reading);
    let at = stamp(cabinet.elapsed());
    let raised = |event| match event {
        Event::Raised { kind, .. } => Some(kind),
        _ => None,
    };
    monitors
        .iter_mut()
        .map(|monitor| monitor.step(at, observation).into_iter().filter_map(raised).collect())
        .collect()
}

/// The rule that most systems have: the same limit, beyond it for that long.
fn delay(rules: &Rules, minutes: u32) -> Rules {
    let limit = rules.limit(Side::Above).unwrap();
    let rule = Rule::delay(RuleName::Delay, Urgency::Warning, Side::Above, limit, minutes * MINUTE);
    Rules { temperature: vec![rule], ..Rules::default() }
}

fn years() -> usize {
    // The slow tier simulates twenty years of each kind.
    std::env::var("CABINET_YEARS").map_or(4, |years| years.parse().unwrap())
}

#[test]
fn healthy_years_raise_next_to_no_alarm() {
    for model in models() {
        let rules = model.preset.rules();
        let others = [delay(&rules, 0), delay(&rules, 30), delay(&rules, 60)];
        // By the preset and by the others.
        let (mut raised, mut worst) = ([0_usize; 4], 0);
        for seed in 0..years() {
            let mut cabinet = Cabinet::new(&model, 1_000 + seed as u64);
            let mut monitors: Vec<Monitor> = [&rules].into_iter().chain(&others).map(monitor).collect();
            let before = raised[0];
            for _ in 0..365 * DAY {
                let kinds = minute(&mut cabinet, &mut monitors);
                if cabinet.product_temperature() <= cabinet.harm {
                    for (sum, kinds) in raised.iter_mut().zip(kinds) {
                        *sum += kinds.len();
                    }
                }
            }
            worst = worst.max(raised[0] - before);
        }
        let a_year = raised.map(|raised| raised as f64 / years() as f64);
        println!(
            "{}: {:.2} false alarms a year (worst cabinet {worst}); beyond its limit at once {:.0}, for 30 min {:.1}, for 60 min {:.1}",
            model.preset, a_year[0], a_year[1], a_year[2], a_year[3]
        );
        let most = if model.preset == Preset::ColdRoom { 3.0 } else { 0.3 };
        assert!(a_year[0] <= most, "{}: {a_year:?}", model.preset);
        assert!(a_year[1] > 5.0, "a cabinet that never passes its limit tests nothing: {a_year:?}");
    }
}

/// When a failure was noticed, and how long the product had left, in hours.
struct Found {
    after: f64,
    left: f64,
}

/// What a failure led to: `None` where the product was not harmed and nothing raised.
fn inject(model: &Model, seed: u64, failure: Failure) -> Option<Result<Found, String>> {
    let rules = model.preset.rules();
    let (mut cabinet, mut monitors) = (Cabinet::new(model, 50_000 + seed), [monitor(&rules)]);
    // At any time of the day.
    let begins = DAYS_BEFORE * DAY + seed as usize * 97 % DAY;
    cabinet.fail(begins as f64, failure);
    let (mut found, mut harmed) = (None, None);
    for at in 0..begins + DAYS_AFTER * DAY {
        let kinds = minute(&mut cabinet, &mut monitors).remove(0);
        if at >= begins {
            found = found.or_else(|| kinds.first().map(|_| at));
            harmed = harmed.or_else(|| (cabinet.product_temperature() > cabinet.harm).then_some(at));
        }
    }
    let hours = |minutes: usize| minutes as f64 / 60.0;
    match (found, harmed) {
        (Some(found), harmed) if harmed.is_none_or(|harmed| found < harmed) => {
            let left = harmed.map_or(f64::INFINITY, |harmed| hours(harmed - found));
            Some(Ok(Found { after: hours(found - begins), left }))
        }
        (None, None) => None,
        (found, harmed) => {
            Some(Err(format!("{failure:?} {seed}: found {found:?}, harmed {harmed:?}, begun {begins}")))
        }
    }
}

#[test]
fn failures_are_found_before_the_product_is_harmed() {
    let each = if years() < 20 { 6 } else { 40 };
    for model in models() {
        let is_freezer = model.harm < 0.0;
        let failures = [
            (Failure::CompressorStop, true),
            (Failure::PowerCut(36.0), true),
            (Failure::DoorAjar(0.3), false),
            (Failure::DoorAjar(1.0), false),
            (Failure::Drift(if is_freezer { 3.0 } else { 2.0 }), true),
            (Failure::ProbeOut, true),
            (Failure::ProbeSilent, true),
            (Failure::ProbeStuck, true),
        ];
        for (failure, always_matters) in failures {
            let results: Vec<_> = (0..each).map(|seed| inject(&model, seed, failure)).collect();
            let missed: Vec<_> = results.iter().flatten().filter_map(|found| found.as_ref().err()).collect();
            assert!(missed.is_empty(), "{}: {missed:#?}", model.preset);
            let found: Vec<_> = results.iter().flatten().flatten().collect();
            assert!(
                !always_matters || found.len() == each as usize,
                "{} {failure:?}: {} found",
                model.preset,
                found.len()
            );
            let ordered = |value: fn(&&&Found) -> f64| {
                let mut values: Vec<f64> = found.iter().map(|found| value(&found)).collect();
                values.sort_by(f64::total_cmp);
                values
            };
            let (after, left) = (ordered(|found| found.after), ordered(|found| found.left));
            if let (Some(worst), Some(least)) = (after.last(), left.first()) {
                println!(
                    "{} {failure:?}: {} of {each} found, median {:.1} h, worst {worst:.1} h; left median {:.1} h, least {least:.1} h",
                    model.preset,
                    found.len(),
                    after[after.len() / 2],
                    left[left.len() / 2]
                );
            } else {
                println!("{} {failure:?}: it copes, nothing raised", model.preset);
            }
        }
    }
}
