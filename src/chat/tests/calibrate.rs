//! `calibrate`: who is asked back, what is begun, and how far it is.

use super::*;
use crate::fridge::{Calibration, Correction};
use crate::recorder::By;

fn calibrated() -> Kitchen {
    let mut fridges = cafe();
    let date = Some(jiff::civil::date(2025, 11, 28));
    let correction = Correction::Offset(-0.44);
    fridges[0].calibration = Some(Calibration { correction, date, by: Some(String::from("anna")) });
    fridges[1].calibration = Some(Calibration::undated(Correction::TwoPoints([(0.4, 0.0), (22.125, 21.5)])));
    Kitchen::new(fridges)
}

#[test]
fn without_ice_it_says_how_probes_are_corrected() {
    let kitchen = calibrated();
    kitchen.well(10);
    assert_eq!(kitchen.ask(11, "calibrate milk"), "Milk: −0.44 °C added, measured on 2025-11-28 by anna");
    let all = kitchen.ask(11, "calibrate");
    assert!(all.starts_with("Calibration of 6 fridges\n"), "{all}");
    assert!(all.contains("Crème fraîche: 0.40 °C shown is 0.00 °C, 22.13 °C shown is 21.50 °C"), "{all}");
    assert!(all.contains("Drinks: not calibrated"), "{all}");
    assert!(kitchen.ask(11, "calibration freezer").contains("Calibration of 2 fridges"));
}

#[test]
fn what_is_to_be_put_into_ice_has_to_be_named() {
    let kitchen = calibrated();
    kitchen.well(10);
    for (words, said) in [
        ("calibrate ice", "Which fridge? fridge calibrate milk ice"),
        ("calibrate freezer ice", "Which one do you mean? Freezer 1, Freezer 2."),
        ("calibrate mlkk ice", "No fridge has that name."),
        ("calibrate milk 37", "Only the ice point can be measured here"),
        ("calibrate milk -0.5", "Only the ice point can be measured here"),
        ("calibrate mlkk", "No fridge has that name."),
        ("calibrate crème ice", "Crème fraîche is calibrated at two points"),
    ] {
        let reply = kitchen.reply(stamp(11), words);
        let text = reply.text.replace(['`', '\u{a0}'], "");
        assert!(
            text.replace("fridgecalibrate", "fridge calibrate").contains(said) || text.contains(said),
            "{words}: {text}"
        );
        assert!(reply.acts.is_empty(), "{words}");
    }
    let kitchen = Kitchen::new(vec![fridge(0, "Dry ice", None, None), fridge(1, "Milk", None, None)]);
    kitchen.well(10);
    let reply = kitchen.reply(stamp(11), "calibrate all ice");
    let Some(Act::Calibrate { fridges }) = reply.acts.first().map(|wanted| &wanted.act) else {
        panic!("{:?}", reply.acts)
    };
    assert_eq!(fridges.len(), 2);
    assert!(kitchen.reply(stamp(11), "calibrate dry ice").acts.is_empty(), "it is a name");
    assert!(kitchen.reply(stamp(11), "calibrate dry ice ice").acts.len() == 1);
}

#[test]
fn a_measurement_is_shown_from_its_begin_to_its_end() {
    let kitchen = calibrated();
    kitchen.well(10);
    let reply = kitchen.reply(stamp(11), "calibrate drinks ICE?");
    assert!(reply.text.starts_with("Drinks: measuring the ice point\n"), "{}", reply.text);
    assert!(
        reply.text.contains("for 3 min at least") && reply.text.contains("for 90 min."),
        "{}",
        reply.text
    );
    let act = reply.acts[0].act.clone();
    assert_eq!(act, Act::Calibrate { fridges: vec![String::from("drinks")] });
    *kitchen.now.lock().unwrap() = stamp(11);
    let by = By { user: Some(String::from("ben")), is_told: false };
    kitchen.writer.lock().unwrap().write(Input::Act { act, by });
    assert!(kitchen.ask(12, "calibrate drinks").contains("being measured in ice for 1 s: no reading yet"));
    for second in (20..=320).step_by(10) {
        let shown = if second < 130 { 6.0 } else { 0.3125 };
        *kitchen.now.lock().unwrap() = stamp(second);
        kitchen.sweep(second, &[4.0, 3.0, -19.0, -18.5, shown, 4.0].map(|value| Ok(degrees(value))));
        if second == 250 {
            let asked = kitchen.ask(251, "calibrate drinks");
            assert!(asked.contains("for 4 min: shows 0.31 °C, steady for 2 min of 3 min"), "{asked}");
            let row = serde_json::to_value(&*kitchen.reply(stamp(251), "calibrate drinks")).unwrap();
            let point = &row["calibrations"][0]["ice_point"];
            assert_eq!((&point["state"], &point["steady_s"]), (&"measuring".into(), &120.into()));
        }
    }
    let asked = kitchen.ask(380, "calibrate drinks");
    assert!(asked.contains("The probe shows 0.31 °C in ice, so its correction is −0.31 °C."), "{asked}");
    assert!(
        asked.contains("Measured 70 s ago by ben.") && asked.contains("sudo fridge calibrate"),
        "{asked}"
    );
    let row = serde_json::to_value(&*kitchen.reply(stamp(380), "calibrate")).unwrap();
    let point = &row["calibrations"][4]["ice_point"];
    assert_eq!((&point["state"], &point["shows"]), (&"measured".into(), &0.3125.into()));
    assert_eq!((&point["offset"], &point["needed_s"]), (&(-0.31).into(), &180.into()));
}
