//! Metrics of fridges, buses and probes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use strum::VariantArray;

use super::Scrape;
use super::sample::{Labels, Writer, flag, number};
use crate::api::{all, rows};
use crate::chat::data::FridgeRow;
use crate::fridge::Verdict;

/// What JSON calls a word.
fn word(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// Writes them.
pub fn write(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let reply = all(&scrape.chat);
    of_fridges(writer, rows(&reply), scrape)?;
    of_buses(writer, scrape)
}

/// These labels and one more.
fn and<'a>(mut labels: Labels<'a>, label: (&'static str, &'a str)) -> Labels<'a> {
    labels.push(label);
    labels
}

/// The labels of a fridge.
fn labels(row: &FridgeRow) -> Labels<'_> {
    vec![("fridge", row.id.as_str()), ("name", row.name.as_str())]
}

fn of_fridges(writer: &mut Writer<'_>, rows: &[FridgeRow], scrape: &Scrape) -> fmt::Result {
    writer.gauges(
        ("fridge_temperature_celsius", "Temperature of the fridge; left out unless it is fresh"),
        rows.iter().filter_map(|row| Some((labels(row), row.celsius?.degrees()))),
    )?;
    writer.gauges(
        ("fridge_reading_age_seconds", "Age of that temperature"),
        rows.iter().filter_map(|row| Some((labels(row), number(row.age_s?)))),
    )?;
    let limits = rows.iter().flat_map(|row| {
        let ends = [("min", row.limits.min), ("max", row.limits.max)];
        ends.into_iter()
            .filter_map(|(end, celsius)| Some((and(labels(row), ("limit", end)), celsius?.degrees())))
    });
    writer.gauges(
        ("fridge_limit_celsius", "What the fridge may have: the lowest and the highest temperature"),
        limits,
    )?;
    let words: Vec<(Verdict, String)> =
        Verdict::VARIANTS.iter().map(|verdict| (*verdict, word(verdict))).collect();
    let states = rows.iter().flat_map(|row| {
        words.iter().map(|(verdict, word)| {
            (and(labels(row), ("state", word.as_str())), flag(*verdict == row.verdict))
        })
    });
    writer.gauges(
        ("fridge_state", "How the fridge is: 1 for the state that it is in, and 0 for the others"),
        states,
    )?;
    let snapshot = scrape.chat.gateway().snapshot();
    let mut open: BTreeMap<&str, u64> = rows.iter().map(|row| (row.id.as_str(), 0)).collect();
    for alarm in snapshot.alarms.iter().filter(|alarm| !alarm.drill) {
        *open.entry(alarm.fridge.as_str()).or_default() += 1;
    }
    let alarms =
        rows.iter().map(|row| (labels(row), number(open.get(row.id.as_str()).copied().unwrap_or_default())));
    writer.gauges(("fridge_open_alarms", "Open alarms of the fridge, without drills"), alarms)
}

fn of_buses(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let gateway = scrape.chat.gateway();
    let (snapshot, now) = (gateway.snapshot(), gateway.now());
    let buses = || snapshot.buses.iter().map(|bus| (vec![("bus", bus.name.as_str())], bus));
    writer.gauges(
        ("fridge_bus_fresh", "Whether the bus's newest sweep is young enough to stand for the present"),
        buses().map(|(labels, bus)| (labels, flag(bus.is_fresh(&now)))),
    )?;
    writer.gauges(
        ("fridge_bus_simulated", "Whether the bus's values come from no real probe"),
        buses().map(|(labels, bus)| (labels, flag(bus.simulated))),
    )?;
    writer.gauges(
        (
            "fridge_bus_last_sweep_age_seconds",
            "Time since the beginning of the last sweep that measured anything",
        ),
        buses().filter_map(|(labels, bus)| Some((labels, now.since(&bus.last_sweep?).as_secs_f64()))),
    )?;
    writer.gauges(
        ("fridge_bus_probes", "Probes that the bus has shown since the start"),
        buses().map(|(labels, bus)| (labels, bus.probes.len() as f64)),
    )?;
    writer.histograms(
        ("fridge_bus_sweep_duration_seconds", "How long a sweep of the bus took"),
        buses().map(|(labels, bus)| (labels, bus.sweep_durations.clone())),
    )?;
    let failures: Vec<(&str, String, u64)> = snapshot
        .buses
        .iter()
        .flat_map(|bus| bus.failures.iter().map(|(fault, count)| (bus.name.as_str(), word(fault), *count)))
        .collect();
    writer.counters(
        ("fridge_bus_sweep_failures", "How often the bus could not be measured at all, by the reason"),
        failures
            .iter()
            .map(|(bus, fault, count)| (vec![("bus", *bus), ("reason", fault.as_str())], number(*count))),
    )?;
    let faults: Vec<(&str, String, String, u64)> = snapshot
        .buses
        .iter()
        .flat_map(|bus| bus.probes.iter().map(move |(id, probe)| (bus, id, probe)))
        .flat_map(|(bus, id, probe)| {
            let of =
                move |(fault, count): (&_, &u64)| (bus.name.as_str(), id.to_string(), word(fault), *count);
            probe.faults.iter().map(of)
        })
        .collect();
    writer.counters(
        ("fridge_probe_faults", "How often the probe gave a fault in place of a temperature, by the reason"),
        faults.iter().map(|(bus, probe, fault, count)| {
            (vec![("bus", *bus), ("probe", probe.as_str()), ("reason", fault.as_str())], number(*count))
        }),
    )
}
