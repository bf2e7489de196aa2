//! What people do and what comes of a time off: drills, defrosts, budgets, power cuts, clocks that jump.

use super::*;
use crate::store::Alive;

fn act(recorder: &mut Recorder, act: Act, seconds: u64) {
    recorder.step(Input::Act { act, by: By { user: Some("anna".into()), ..By::default() } }, at(seconds));
}

/// A fridge by the preset of that name, which is cold.
fn by_preset(change: impl FnOnce(&mut crate::alarm::Rules)) -> (Recorder, BusKey) {
    let (mut recorder, bus) = recorder();
    let mut rules = crate::alarm::Preset::Fridge.rules();
    change(&mut rules);
    recorder.step(Input::Fridges(vec![Fridge { rules, ..fridge(false, MAX) }]), at(0));
    recorder.step(Input::Targets(vec![to("chat")]), at(0));
    (recorder, bus)
}

#[test]
fn a_drill_is_told_like_an_alarm_and_over_when_somebody_comes_or_nobody() {
    let (mut recorder, bus) = by_preset(|_| {});
    told(&mut recorder, bus, 0..20, 64);
    let drill = || Act::Drill { fridge: "milk".into() };
    act(&mut recorder, drill(), 21);
    let alarm = recorder.snapshot().alarms[0].clone();
    assert!(alarm.drill && alarm.announced, "{alarm:?}");
    recorder.step(Input::Delivered { id: Some(1), alarms: vec![1] }, at(23));
    assert_eq!(recorder.snapshot().alarms[0].delivered, Some(at(23).wall));
    // What is really there goes on beside it.
    assert!(told(&mut recorder, bus, 30..60, 64).is_empty());
    act(&mut recorder, Act::Acknowledge { numbers: vec![1], cause: None }, 61);
    assert!(recorder.snapshot().alarms.is_empty());
    act(&mut recorder, drill(), 62);
    let all = told(&mut recorder, bus, 70..5_000, 64);
    assert_eq!(all, [(Topic::Raised, 1), (Topic::Unanswered, 1), (Topic::Cleared, 1)]);
    assert!(recorder.snapshot().alarms.is_empty());
}

#[test]
fn a_defrost_by_the_clock_holds_back_warmth_and_nothing_urgent() {
    let time = jiff::civil::Time::constant(1, 0, 0, 0);
    let defrost = crate::alarm::Defrost { at: time, length: Duration::from_secs(7_200) };
    let (mut recorder, bus) = by_preset(|rules| rules.defrosts.push(defrost));
    told(&mut recorder, bus, 0..3_500, 64);
    // 10 °C and no more is the first rule's alarm, after half an hour; and told when the defrost is over.
    assert!(told(&mut recorder, bus, 3_600..10_800, 160).is_empty());
    assert_eq!(recorder.snapshot().alarms.len(), 1);
    assert!(recorder.snapshot().quiet["milk"].warmth_only);
    assert_eq!(told(&mut recorder, bus, 10_800..10_900, 160), [(Topic::Raised, 1)]);
    let (mut recorder, bus) = by_preset(|rules| rules.defrosts.push(defrost));
    told(&mut recorder, bus, 0..3_500, 64);
    assert_eq!(told(&mut recorder, bus, 3_600..5_000, 20 * 16).first(), Some(&(Topic::Raised, 1)));
}

#[test]
fn an_open_alarm_knows_its_peak_and_what_is_used_of_its_budget() {
    let (mut recorder, bus) = by_preset(|_| {});
    told(&mut recorder, bus, 0..20, 64);
    told(&mut recorder, bus, 20..3_620, 12 * 16);
    told(&mut recorder, bus, 3_620..3_640, 11 * 16);
    let alarm = &recorder.snapshot().alarms[0];
    // The probe is corrected by a degree.
    assert_eq!((alarm.peak, alarm.limit), (Some(11.0), Some(7.0)));
    assert_eq!(alarm.exposure.unwrap().outside_s, 3_610);
    recorder.step(Input::Tick, at(3_645));
    assert_eq!(recorder.snapshot().exposures["milk"].outside_s, 3_610);
}

#[test]
fn after_a_power_cut_one_message_says_how_long_and_how_warm() {
    let alive = Alive {
        at: jiff::Timestamp::UNIX_EPOCH,
        was_ended: false,
        readings: (0..20).map(|number| (format!("fridge-{number}"), 64)).collect(),
    };
    let four_hours = 4 * 3_600;
    let (mut recorder, bus) = twenty();
    recorder.resume(Kept { alive: Some(alive), ..Kept::default() }, Duration::ZERO, at(four_hours));
    let limits = Limits { min: None, max: Celsius::from_degrees(8.0) };
    let fridge = |number| Fridge {
        rules: crate::alarm::Preset::Fridge.rules(),
        ..Fridge::new(format!("Fridge {number}"), ProbeId::new(0x28, number), limits)
    };
    recorder.step(Input::Fridges((0..20).map(fridge).collect()), at(four_hours));
    recorder.step(Input::Targets(vec![to("chat")]), at(four_hours));
    recorder.step(readings(bus, four_hours + 5, 14 * 16), at(four_hours + 6));
    let effects = recorder.step(Input::Tick, at(four_hours + 10));
    let tell = effects.iter().filter_map(|effect| match effect {
        Effect::Tell(message) => Some(message),
        _ => None,
    });
    let [message] = tell.collect::<Vec<_>>()[..] else { panic!("{effects:?}") };
    let outage = message.outage.as_ref().unwrap();
    assert_eq!((message.topic, outage.off_s, outage.fridges.len()), (Topic::Outage, four_hours, 20));
    let of_one = &outage.fridges[1];
    assert!((5_000..12_000).contains(&of_one.outside_s), "{of_one:?}");
    assert_eq!(of_one.exposure.unwrap().outside_s, of_one.counted_s);
    // It counts, it is kept, and it is told once.
    assert_eq!(recorder.snapshot().exposures.len(), 20);
    let memories = kept(effects).into_iter().flatten().filter(|entry| matches!(entry, Entry::Memory(..)));
    assert!(memories.count() >= 20);
    let again = recorder.step(Input::Tick, at(four_hours + 20));
    assert!(!again.iter().any(|effect| matches!(effect, Effect::Tell(_))), "{again:?}");
}

#[test]
fn who_is_called_only_when_it_is_urgent_hears_of_that_and_of_its_end() {
    let (mut recorder, bus) = by_preset(|_| {});
    recorder.step(Input::Targets(vec![to("chat"), Recipient { urgent_only: true, ..to("on call") }]), at(0));
    let mut heard = Vec::new();
    let mut go = |seconds: std::ops::Range<u64>, sixteenths: i16| {
        for seconds in seconds.step_by(10) {
            let effects = recorder.step(readings(bus, seconds, sixteenths), at(seconds));
            for entry in kept(effects).into_iter().flatten() {
                if let Entry::Message { target, message } = entry
                    && target == "on call"
                {
                    heard.push(message.topic);
                }
            }
        }
    };
    // 9 °C is a warning, which is unanswered after half an hour; then it is cold again.
    go(0..3_000, 10 * 16);
    go(3_000..6_000, 10 * 16);
    go(6_000..12_000, 4 * 16);
    assert_eq!(heard, [Topic::Unanswered, Topic::Reminder, Topic::Cleared]);
}

#[test]
fn a_clock_that_jumps_while_an_alarm_is_open_invents_and_loses_nothing() {
    for jump in [3_600_i64, -3_600, 365 * 86_400, -365 * 86_400] {
        let (mut recorder, bus) = recorder();
        recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(0));
        assert_eq!(told(&mut recorder, bus, 0..3_000, 20 * 16).first(), Some(&(Topic::Raised, 1)));
        let jumped = |seconds: u64| {
            let at = at(seconds);
            Stamp { wall: at.wall.checked_add(jiff::SignedDuration::from_secs(jump)).unwrap(), ..at }
        };
        let mut told = Vec::new();
        for seconds in (3_000..14_000).step_by(10) {
            let celsius = Celsius::from_sixteenths(if seconds < 6_000 { 20 * 16 } else { 4 * 16 });
            let probes = vec![Sampled::from((PROBE, Ok(celsius)))];
            let (at, took) = (jumped(seconds), Duration::from_secs(1));
            let sweep = Input::Sweep { bus, at, took, probes, notices: Vec::new() };
            for effect in recorder.step(sweep, at).into_iter().chain(recorder.step(Input::Tick, at)) {
                if let Effect::Tell(message) = effect {
                    told.push(message.topic);
                }
            }
        }
        assert_eq!(told, [Topic::Unanswered, Topic::Reminder, Topic::Cleared], "{jump}");
    }
}

#[test]
fn an_absence_that_is_not_told_yet_is_not_signed_over() {
    let alive = Alive { readings: [("milk".into(), 64)].into(), ..Alive::default() };
    let (mut recorder, bus) = recorder();
    let hours = 6 * 3_600;
    recorder.resume(Kept { alive: Some(alive), ..Kept::default() }, Duration::ZERO, at(hours));
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(hours));
    let signs = |effects: Vec<Effect>| {
        kept(effects).into_iter().flatten().filter(|entry| matches!(entry, Entry::Alive(_))).count()
    };
    // The probe is not read yet: another cut now must still find the sign before the first.
    assert_eq!(signs(recorder.step(Input::Tick, at(hours + 10))), 0);
    // The first reading counts, and not a later one.
    told(&mut recorder, bus, hours + 15..hours + 16, 13 * 16);
    let effects = recorder.step(Input::Tick, at(hours + 20));
    let outage = effects.iter().find_map(|effect| match effect {
        Effect::Tell(message) => message.outage.clone(),
        _ => None,
    });
    assert_eq!(outage.unwrap().fridges[0].after, Some(12.0));
    assert_eq!(signs(effects), 1);
    // A clock that is set is signed at once.
    let set = Stamp { wall: at(hours + 5_000).wall, ..at(hours + 30) };
    assert_eq!(signs(recorder.step(Input::Tick, set)), 1);
}

#[test]
fn a_defrost_does_not_end_a_snooze_and_one_by_the_clock_goes_with_its_rule() {
    let time = jiff::civil::Time::constant(0, 0, 0, 0);
    let defrost = crate::alarm::Defrost { at: time, length: Duration::from_secs(7_200) };
    let (mut recorder, _) = by_preset(|rules| rules.defrosts.push(defrost));
    recorder.step(Input::Tick, at(10));
    assert!(recorder.snapshot().quiet["milk"].warmth_only);
    let length = Duration::from_secs(3_600);
    act(&mut recorder, Act::Snooze { fridges: vec!["milk".into()], length: length * 2 }, 11);
    act(&mut recorder, Act::Defrost { fridges: vec!["milk".into()], length }, 12);
    let quiet = &recorder.snapshot().quiet["milk"];
    assert!(!quiet.warmth_only && quiet.until == at(7_211).wall, "{quiet:?}");
    let (mut recorder, _) = by_preset(|rules| rules.defrosts.push(defrost));
    recorder.step(Input::Tick, at(10));
    recorder.step(Input::Fridges(vec![fridge(false, MAX)]), at(20));
    recorder.step(Input::Tick, at(30));
    assert!(recorder.snapshot().quiet.is_empty());
}

#[test]
fn a_restart_on_a_computer_that_runs_on_is_signed_at_once() {
    let alive = Alive { was_ended: true, ..Alive::default() };
    let (mut recorder, _) = recorder();
    let started = 300;
    let kept_before = Kept { alive: Some(alive), ..Kept::default() };
    recorder.resume(kept_before, Duration::from_secs(86_400), at(started));
    let signed = |effects: Vec<Effect>| {
        let mut entries = kept(effects).into_iter().flatten();
        entries.any(|entry| matches!(entry, Entry::Alive(Alive { was_ended: false, .. })))
    };
    assert!(
        signed(recorder.step(Input::Tick, at(started + 10))),
        "else a crash now would look like a long absence"
    );
}

#[test]
fn an_end_before_an_absence_is_told_leaves_it_to_the_next_start() {
    let (mut recorder, _) = recorder();
    let hours = 6 * 3_600;
    recorder.resume(Kept { alive: Some(Alive::default()), ..Kept::default() }, Duration::ZERO, at(hours));
    recorder.step(Input::Tick, at(hours + 10));
    let entries = kept(recorder.step(Input::End, at(hours + 20)));
    assert!(!entries.into_iter().flatten().any(|entry| matches!(entry, Entry::Alive(_))));
}

/// What is told by an effect of that act.
fn told_by(recorder: &mut Recorder, act: Act, is_told: bool, seconds: u64) -> Vec<Message> {
    let by = By { user: Some("anna".into()), is_told };
    let effects = recorder.step(Input::Act { act, by }, at(seconds));
    effects
        .into_iter()
        .filter_map(|effect| if let Effect::Tell(message) = effect { Some(message) } else { None })
        .collect()
}

#[test]
fn what_is_done_where_the_channel_does_not_see_it_is_told_there_once() {
    let (mut recorder, bus) = by_preset(|_| {});
    told(&mut recorder, bus, 0..3_600, 20 * 16);
    let acknowledge = || Act::acknowledge(vec![1], " the door ");
    assert!(told_by(&mut recorder, acknowledge(), false, 3_601).is_empty());
    let [message] = &told_by(&mut recorder, acknowledge(), true, 3_602)[..] else { panic!("one message") };
    assert_eq!((message.topic, message.alarms.len()), (Topic::Acknowledged, 1));
    assert_eq!(message.alarms[0].acknowledged.as_ref().unwrap().cause.as_deref(), Some("the door"));
    let [message] = &told_by(
        &mut recorder,
        Act::Snooze { fridges: vec!["milk".into()], length: Duration::from_secs(7_200) },
        true,
        3_603,
    )[..] else {
        panic!("one message")
    };
    let quiet = GatewayNotice::Quiet {
        fridges: vec!["Milk".into()],
        length_s: 7_200,
        warmth_only: false,
        by: Some("anna".into()),
    };
    assert_eq!((message.topic, message.notice.as_ref()), (Topic::Gateway, Some(&quiet)));
    // That a drill is over is told anyway.
    recorder.step(Input::Act { act: Act::Drill { fridge: "milk".into() }, by: By::default() }, at(3_604));
    let messages = told_by(&mut recorder, Act::acknowledge(vec![2], ""), true, 3_605);
    assert!(messages.iter().all(|message| message.topic != Topic::Acknowledged), "{messages:?}");
    assert!(told(&mut recorder, bus, 3_610..3_700, 20 * 16).is_empty());
}

/// What is told, and when; and what is kept of what happened, and who wanted it.
type ToldAndKept = (Vec<(u64, GatewayNotice)>, Vec<(Option<String>, String)>);

/// What is told and kept of a probe that shows that, in sixteenths, every ten seconds; its fridge's correction is −1 °C.
fn in_ice(
    recorder: &mut Recorder,
    bus: BusKey,
    seconds: std::ops::Range<u64>,
    shown: impl Fn(u64) -> i16,
) -> ToldAndKept {
    let (mut told, mut deeds) = (Vec::new(), Vec::new());
    for seconds in seconds.step_by(10) {
        let sweep = sweep(bus, seconds, Ok(Celsius::from_sixteenths(shown(seconds))));
        for effect in
            recorder.step(sweep, at(seconds)).into_iter().chain(recorder.step(Input::Tick, at(seconds)))
        {
            match effect {
                Effect::Tell(Message { notice: Some(notice), .. }) => told.push((seconds, notice)),
                Effect::Tell(message) => panic!("{message:?}"),
                Effect::Keep(entries) => deeds.extend(entries.into_iter().filter_map(|entry| match entry {
                    Entry::Deed { who, what, .. } => Some((who, what)),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    (told, deeds)
}

#[test]
fn a_probe_in_ice_is_measured_uncorrected_and_its_fridge_calls_nobody_meanwhile() {
    // Colder than 2 °C would be an alarm.
    let (mut recorder, bus) = by_preset(|rules| *rules = crate::alarm::Preset::Vaccine.rules());
    let (told, _) = in_ice(&mut recorder, bus, 0..100, |_| 6 * 16);
    assert!(told.is_empty(), "{told:?}");
    let effects = recorder.step(
        Input::Act {
            act: Act::Calibrate { fridges: vec!["milk".into(), "gone".into()] },
            by: By { user: Some("anna".into()), is_told: false },
        },
        at(100),
    );
    let deeds = kept(effects).into_iter().flatten().filter(
        |entry| matches!(entry, Entry::Deed { what, .. } if what == "calibrate [\"milk\", \"gone\"] ice"),
    );
    assert_eq!(deeds.count(), 1);
    assert_eq!(recorder.snapshot().quiet["milk"].until, at(5_500).wall);
    let (told, deeds) = in_ice(&mut recorder, bus, 110..3_600, |second| if second < 400 { 70 } else { 7 });
    // It was in the ice at 400, and showed 7 sixteenths for three minutes.
    let measured = GatewayNotice::IcePoint { fridge: "Milk".into(), shows: 0.4375, offset: -0.44 };
    assert_eq!(told, [(580, measured)]);
    assert_eq!(deeds, [(Some("anna".into()), String::from("ice point [\"milk\"] 0.44 °C"))]);
    assert_eq!(recorder.snapshot().ice_points.len(), 1, "only of a fridge that is there");
    // Asked again while it is being measured, that goes on; with another calibration, what was measured says nothing more.
    act(&mut recorder, Act::Calibrate { fridges: vec!["milk".into()] }, 3_590);
    act(&mut recorder, Act::Calibrate { fridges: vec!["milk".into()] }, 3_595);
    assert_eq!(recorder.snapshot().ice_points["milk"].began, at(3_590));
    // With another probe in it, that says nothing of it any more.
    let other = Fridge { probe: ProbeId::new(0x28, 9), ..fridge(false, MAX) };
    recorder.step(Input::Fridges(vec![other]), at(3_600));
    recorder.step(sweep(bus, 3_600, Ok(Celsius::from_sixteenths(64))), at(3_600));
    assert!(recorder.snapshot().ice_points.is_empty());
}

#[test]
fn a_probe_that_stays_in_its_fridge_is_not_measured_and_a_longer_snooze_stays() {
    let (mut recorder, bus) = by_preset(|_| {});
    let milk = || vec![String::from("milk")];
    act(&mut recorder, Act::Snooze { fridges: milk(), length: Duration::from_secs(7_200) }, 5);
    act(&mut recorder, Act::Calibrate { fridges: milk() }, 10);
    assert_eq!(recorder.snapshot().quiet["milk"].until, at(7_205).wall);
    let (told, deeds) = in_ice(&mut recorder, bus, 10..4_000, |_| 5 * 16);
    let none = GatewayNotice::NoIcePoint { fridge: "Milk".into(), newest: Some(5.0), has_come: true };
    assert_eq!(told, [(3_610, none)]);
    assert_eq!(deeds, [(Some("anna".into()), String::from("ice point [\"milk\"] not measured"))]);
}

#[test]
fn calibrations_that_become_a_year_old_are_told_once_also_after_a_time_off() {
    let (mut recorder, bus) = by_preset(|_| {});
    let of = |year, month, day| {
        let date = Some(jiff::civil::date(year, month, day));
        let undated = crate::fridge::Calibration::undated(Correction::Offset(0.1));
        let calibration = Some(crate::fridge::Calibration { date, ..undated });
        Input::Fridges(vec![Fridge { calibration, ..fridge(false, MAX) }])
    };
    recorder.step(of(1969, 1, 1), at(0));
    let (told, _) = in_ice(&mut recorder, bus, 0..40_000, |second| 64 + (second % 100 / 10) as i16);
    let due = GatewayNotice::CalibrationDue { fridges: vec!["Milk".into()] };
    assert_eq!(told, [(9 * 3_600, due.clone())]);
    // It was due while the gateway was off.
    let alive = Alive { at: at(50_000).wall, ..Alive::default() };
    recorder.resume(Kept { alive: Some(alive), ..Kept::default() }, Duration::ZERO, at(200_000));
    recorder.step(of(1969, 1, 2), at(200_000));
    let mut told = |seconds| {
        let notices = recorder.step(Input::Tick, at(seconds)).into_iter().filter_map(|effect| match effect {
            Effect::Tell(message) => message.notice,
            _ => None,
        });
        notices.collect::<Vec<_>>()
    };
    assert_eq!(told(200_001), [due]);
    assert!(told(200_002).is_empty());
}
