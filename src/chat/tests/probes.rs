//! What hangs on the buses: the list, the notices, and what the counters point at.

use super::*;
use crate::reading::{CloneSign, Counts};

#[test]
fn probes_lists_what_is_there_and_what_is_missing() {
    let mut fridges = cafe();
    fridges[5].probe = probe(77);
    let kitchen = Kitchen::new(fridges);
    let nothing = kitchen.ask(1, "probes");
    assert!(nothing.starts_with("No probe was found on any bus yet.\n"), "{nothing}");
    assert!(nothing.contains("| not measured yet"), "what is named is listed: {nothing}");
    kitchen.well(10);
    let text = kitchen.ask(11, "probes");
    assert!(text.starts_with("6 probes on 1 bus, 1 without a fridge\n"), "{text}");
    assert!(text.contains("| `28-000000000005` | (no fridge) "), "{text}");
    assert!(text.contains("| `28-00000000004d` | Vegetables "), "{text}");
    assert!(text.lines().last().unwrap().contains("probe not found on any bus for 11 s"), "{text}");
}

#[test]
fn a_probe_that_the_kernel_has_no_driver_for_says_so_wherever_it_is_shown() {
    let kitchen = Kitchen::new(cafe());
    let mut samples = WELL.map(|value| Ok(degrees(value)));
    samples[0] = Err(Fault::NoDriver);
    kitchen.sweep(10, &samples);
    for words in ["probes", "status milk", "status"] {
        assert!(kitchen.ask(11, words).contains("modprobe w1_therm"), "{words}: {}", kitchen.ask(11, words));
    }
}

/// Sweeps of probes that read well, each with these counts and notices.
fn counted(kitchen: &Kitchen, sweeps: u64, probes: &[(Counts, &[Notice])]) {
    for sweep in 0..sweeps {
        kitchen.sampled(stamp(sweep), sampled(probes, sweep), Vec::new());
    }
}

/// What the probes read in that sweep; the counts come with the first.
fn sampled(probes: &[(Counts, &[Notice])], sweep: u64) -> Vec<Sampled> {
    let sampled = probes.iter().enumerate().map(|(number, (counts, notices))| Sampled {
        probe: probe(number),
        sample: Ok(degrees(4.0)),
        raw: None,
        counts: if sweep == 0 { *counts } else { Counts::default() },
        notices: notices.to_vec(),
    });
    sampled.collect()
}

const NONE: Counts = Counts { crc: 0, late: 0, no_answer: 0, resets: 0, retries: 0 };

#[test]
fn what_is_noteworthy_stands_below_the_list_with_what_to_do() {
    let kitchen = Kitchen::new(cafe());
    let clone = Notice::LikelyClone(CloneSign::Serial);
    let phantom = Notice::of_device(ProbeId::new(0, 0x8000_0000_0000));
    let probes = [(NONE, &[Notice::Parasite, Notice::Resolution(9)][..]), (NONE, &[clone])];
    let bus = vec![phantom, Notice::BulkNotPermitted];
    kitchen.sampled(stamp(0), sampled(&probes, 0), bus);
    let text = kitchen.ask(1, "probes");
    for said in [
        "- bus 1: saw the impossible address `00-800000000000`: usually a floating",
        "- bus 1: its probes convert one after another, 0.8 s each",
        "60-fridge.rules",
        "- `28-000000000000`: powered through its data line",
        "- `28-000000000000`: converts with 9 bits, in steps of 0.5 °C",
        "- `28-000000000001`: likely a clone, its serial number does not follow the maker's pattern: compare",
    ] {
        assert!(text.contains(said), "{said} not in {text}");
    }
    let json = serde_json::to_value(&*kitchen.reply(stamp(2), "probes")).unwrap();
    assert_eq!(json["probes"][0]["notices"], serde_json::json!(["parasite", { "resolution": 9 }]));
    assert_eq!(json["buses"][0]["notices"][1], "bulk_not_permitted");
    let kitchen_only = Scope::only(["Milk"]);
    let seen = kitchen.reply_to(stamp(3), "probes", &kitchen_only).text.clone();
    assert!(
        seen.contains("powered through") && !seen.contains("bus 1: "),
        "a bus is for whoever sees all: {seen}"
    );
}

#[test]
fn counters_point_at_a_cause_where_they_are_no_accident() {
    let said = |sweeps, probes: &[Counts]| {
        let kitchen = Kitchen::new(Vec::new());
        counted(&kitchen, sweeps, &probes.iter().map(|counts| (*counts, &[][..])).collect::<Vec<_>>());
        let text = kitchen.ask(sweeps, "probes");
        text.lines().find_map(|line| line.strip_prefix("- ")).unwrap_or_default().to_owned()
    };
    let crc = |crc| Counts { crc, ..NONE };
    assert_eq!(
        said(100, &[crc(4), crc(4), crc(4), crc(4), crc(4), crc(4), crc(4), crc(3)]),
        "31 CRC errors in 100 sweeps on bus 1: a 2.2 kΩ pull-up is usual for this many probes"
    );
    assert!(said(100, &[crc(16), crc(15)]).contains("a cable that is too long"));
    assert!(said(100, &[NONE, crc(31), NONE]).contains("nearly all of `28-000000000001`"));
    assert!(said(100, &[Counts { late: 9, ..NONE }]).starts_with("9 late slots in 100 sweeps on bus 1"));
    assert!(
        said(100, &[NONE, Counts { no_answer: 7, ..NONE }]).starts_with("`28-000000000001` gave no answer 7")
    );
    let reset = Counts { resets: 6, ..NONE };
    assert!(said(100, &[reset, NONE]).contains("its supply wire"));
    assert!(said(100, &[reset, reset]).contains("of several probes"));
    assert_eq!(said(1_000, &[crc(31), crc(18)]), "", "five in a hundred sweeps are few");
    assert_eq!(said(10, &[crc(4)]), "", "and four are few in any");
}

#[test]
fn a_thousand_notices_fit_into_a_post_and_are_counted() {
    let kitchen = Kitchen::new(Vec::new());
    let many: Vec<_> = (0..1_000).map(|_| (NONE, &[Notice::Parasite][..])).collect();
    counted(&kitchen, 1, &many);
    let text = kitchen.ask(1, "probes");
    assert!(text.ends_with("… and 980 more notices."), "{text}");
    assert!(text.contains("more.\n\n- `28-000000000000`"), "{text}");
}

#[test]
fn a_bus_that_does_not_work_is_told_instead_of_no_probes() {
    let kitchen = Kitchen::new(Vec::new());
    assert!(kitchen.ask(1, "probes").starts_with("No probe was found on any bus yet."));
    let fault = BusFault { fault: Fault::Bus, detail: String::from("the kernel knows no 1-Wire bus") };
    kitchen.fail(10, &fault);
    let text = kitchen.ask(40, "probes");
    assert!(text.starts_with("No probe was found: a bus is not working, see below."), "{text}");
    assert!(text.contains("- bus 1: the kernel knows no 1-Wire bus (for 30 s)"), "{text}");
}
