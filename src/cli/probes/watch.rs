//! `fridge probes --watch`: which probe is being warmed by a hand. Somebody holds one after the other, and
//! sees which one that is.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Source;
use crate::cli::terminal;
use crate::reading::Celsius;
use crate::text::{self, Units};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(1);
/// How far back the lowest value is looked for: three sweeps of the usual period.
const WINDOW: Duration = Duration::from_secs(30);
/// A hand warms a probe by this much within seconds, and no fridge all by itself.
const WARMED: f64 = 1.0;

/// Looks once a second until the command is ended.
pub fn run(mut source: Source, first: Value, json: bool) -> anyhow::Result<()> {
    let redraws = !json && std::io::stdout().is_terminal();
    if !json {
        terminal::print("Hold one probe in your hand: it is marked here within seconds. Ctrl-C ends.\n")?;
    }
    let (mut watch, mut answer, mut marked, mut drawn) = (Watch::default(), first, None, 0);
    loop {
        let rows = answer["probes"].as_array().cloned().unwrap_or_default();
        let values = rows.iter().filter_map(|row| Some((row["probe"].as_str()?, row["celsius"].as_f64())));
        let warmed = watch.take(Instant::now(), values);
        if redraws {
            let lines: Vec<String> = rows.iter().map(|row| line(row, warmed.as_ref())).collect();
            terminal::print(&format!("{}{}", above(drawn), lines.concat()))?;
            drawn = lines.len();
        } else if let Some((probe, risen)) =
            warmed.as_ref().filter(|(probe, _)| marked.as_ref() != Some(probe))
        {
            let fridge = rows.iter().find(|row| row["probe"] == **probe).map(|row| row["fridge"].clone());
            terminal::print(&announced(probe, fridge.unwrap_or_default(), *risen, json))?;
        }
        marked = warmed.map(|(probe, _)| probe);
        std::thread::sleep(EVERY);
        answer = source.ask()?;
    }
}

/// Back to the first of so many lines, which are then written again.
fn above(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") }
}

fn line(row: &Value, warmed: Option<&(String, f64)>) -> String {
    let probe = row["probe"].as_str().unwrap_or_default();
    let fridge = row["fridge"].as_str().unwrap_or(text::probes::UNNAMED);
    let now = row["celsius"].as_f64().and_then(Celsius::from_degrees);
    let now = now.map_or_else(|| String::from("no value"), |now| text::temperature(now, Units::Celsius));
    let warming = warmed
        .filter(|(warm, _)| warm == probe)
        .map(|(_, risen)| format!("  ◀ being warmed, +{risen:.1} °C"));
    terminal::printable(&format!("  {probe}  {now:>9}  {fridge}{}\n", warming.unwrap_or_default()))
}

fn announced(probe: &str, fridge: Value, risen: f64, json: bool) -> String {
    if json {
        let json = serde_json::json!({ "probe": probe, "fridge": fridge, "risen": risen });
        return terminal::escaped(&format!("{json}\n"));
    }
    let fridge = fridge.as_str().unwrap_or(text::probes::UNNAMED);
    terminal::printable(&format!("{probe} is being warmed, +{risen:.1} °C: {fridge}\n"))
}

/// The values of the last half minute.
#[derive(Default)]
struct Watch {
    seen: BTreeMap<String, VecDeque<(Instant, f64)>>,
}

impl Watch {
    /// Takes in the values of this moment; returns the probe that is being warmed, and by how much. It is
    /// the one that has risen most and still rises: one that was let go falls.
    fn take<'a>(
        &mut self,
        now: Instant,
        values: impl Iterator<Item = (&'a str, Option<f64>)>,
    ) -> Option<(String, f64)> {
        let mut most = None;
        for (probe, value) in values {
            let Some(value) = value else { continue };
            let seen = self.seen.entry(probe.to_owned()).or_default();
            seen.retain(|(at, _)| now.duration_since(*at) <= WINDOW);
            seen.push_back((now, value));
            let lowest = seen.iter().map(|(_, value)| *value).fold(value, f64::min);
            let is_highest = seen.iter().all(|(_, before)| *before <= value);
            let risen = value - lowest;
            if is_highest && risen >= WARMED && most.as_ref().is_none_or(|(_, other)| risen > *other) {
                most = Some((probe.to_owned(), risen));
            }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_in_the_hand_is_marked_then_the_next_one() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let mut at = |second, one: Option<f64>, two| {
            let values = [("one", one), ("two", Some(two)), ("still", Some(-18.0))];
            watch.take(start + Duration::from_secs(second), values.into_iter())
        };
        assert_eq!(at(0, Some(4.0), 5.0), None);
        assert_eq!(at(1, Some(4.5), 5.0), None, "a door does that, too");
        assert_eq!(at(2, Some(6.0), 5.25), Some((String::from("one"), 2.0)));
        assert_eq!(at(3, Some(5.75), 5.5), None, "it was let go");
        assert_eq!(at(8, Some(5.0), 7.0), Some((String::from("two"), 2.0)));
        assert_eq!(at(9, None, 8.0), Some((String::from("two"), 3.0)), "one without a value is passed over");
        assert_eq!(at(60, Some(9.0), 8.0), None, "what was half a minute ago does not count");
    }

    #[test]
    fn a_line_names_the_fridge_and_is_written_for_programs_too() {
        let row = serde_json::json!({ "probe": "28-1", "fridge": "Milk", "celsius": 4.25 });
        let warmed = (String::from("28-1"), 1.5);
        assert_eq!(line(&row, Some(&warmed)), "  28-1     4.3 °C  Milk  ◀ being warmed, +1.5 °C\n");
        assert_eq!(announced("28-1", "Milk".into(), 1.5, false), "28-1 is being warmed, +1.5 °C: Milk\n");
        assert_eq!(
            announced("28-1", Value::Null, 1.5, true),
            "{\"fridge\":null,\"probe\":\"28-1\",\"risen\":1.5}\n"
        );
    }
}
