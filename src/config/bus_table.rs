//! `[[bus]]`: what hangs where, and how often it is measured.

use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::{Bus, Check, file, problem};
use crate::bus::{self, kernel, simulated};
use crate::recording::{Recording, Unit};

const KINDS: [&str; 4] = ["kernel", "gpio", "owserver", "simulated"];
const DEFAULT_PERIOD: Duration = Duration::from_secs(10);
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
const LONGEST_PERIOD: Duration = Duration::from_secs(3_600);
const MOST_SIMULATED_PROBES: usize = 1_000;

impl Check<'_> {
    pub(super) fn bus(&mut self, number: usize, bus: Spanned<file::Bus>) -> Bus {
        let bus = bus.into_inner();
        let config = match bus.kind.get_ref().as_str() {
            "kernel" => {
                self.foreign_settings(&bus, "kernel");
                let root = bus.root.as_ref().map(|root| self.folder.join(root.get_ref()));
                bus::Config::Kernel(root.map_or_else(kernel::Config::default, |root| kernel::Config { root }))
            }
            "simulated" => {
                self.foreign_settings(&bus, "simulated");
                bus::Config::Simulated(self.simulated(&bus))
            }
            other => {
                let text = match other {
                    "gpio" | "owserver" => format!(
                        "this version cannot read a bus of kind `{other}` yet; `kernel` and `simulated` work"
                    ),
                    _ => problem::unknown_word(
                        &format!("there is no kind of bus named `{other}`"),
                        other,
                        &KINDS,
                    ),
                };
                self.problems.at(&bus.kind.span(), text);
                bus::Config::Kernel(kernel::Config::default())
            }
        };
        Bus {
            name: bus.name.map_or_else(|| format!("bus {number}"), |name| self.name(name)),
            period: bus.period.as_ref().map_or(DEFAULT_PERIOD, |period| self.period(period)),
            config,
        }
    }

    /// A setting that belongs to another kind of bus would be ignored, and nobody would know why it does
    /// nothing.
    fn foreign_settings(&mut self, bus: &file::Bus, kind: &str) {
        let of_kernel = [("root", bus.root.as_ref().map(Spanned::span))];
        let of_simulated = [
            ("probes", bus.probes.as_ref().map(Spanned::span)),
            ("warm", bus.warm.as_ref().map(Spanned::span)),
            ("silent", bus.silent.as_ref().map(Spanned::span)),
            ("replay", bus.replay.as_ref().map(Spanned::span)),
            ("unit", bus.unit.as_ref().map(Spanned::span)),
            ("speed", bus.speed.as_ref().map(Spanned::span)),
        ];
        let (other, foreign) =
            if kind == "kernel" { ("simulated", &of_simulated[..]) } else { ("kernel", &of_kernel[..]) };
        for (setting, span) in foreign {
            if let Some(span) = span {
                self.problems.at(
                    span,
                    format!(
                        "`{setting}` is a setting of `kind = \"{other}\"` and does nothing here: remove it"
                    ),
                );
            }
        }
    }

    fn period(&mut self, period: &Spanned<String>) -> Duration {
        let text = period.get_ref().trim();
        let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "ms" => Some(Duration::from_millis(1)),
            "s" => Some(Duration::from_secs(1)),
            "min" | "m" => Some(Duration::from_secs(60)),
            "h" => Some(Duration::from_secs(3_600)),
            _ => None,
        };
        let length = number.parse().ok().zip(unit).and_then(|(number, unit)| unit.checked_mul(number));
        match length {
            Some(length) if (SHORTEST_PERIOD..=LONGEST_PERIOD).contains(&length) => length,
            Some(_) => {
                self.problems.at(&period.span(), "a period lies between 100ms and 1h");
                DEFAULT_PERIOD
            }
            None => {
                self.problems.at(&period.span(), format!("`{text}` is no length of time: write a whole number and ms, s, min or h, such as \"10s\""));
                DEFAULT_PERIOD
            }
        }
    }

    fn simulated(&mut self, bus: &file::Bus) -> simulated::Config {
        let probes = bus.probes.as_ref().map_or(1, |probes| {
            let count = usize::try_from(*probes.get_ref()).unwrap_or(0);
            if !(1..=MOST_SIMULATED_PROBES).contains(&count) {
                self.problems
                    .at(&probes.span(), format!("a simulated bus has 1 to {MOST_SIMULATED_PROBES} probes"));
            }
            count
        });
        let unit = bus.unit.as_ref().and_then(|unit| match unit.get_ref().as_str() {
            "c" => Some(Unit::Celsius),
            "f" => Some(Unit::Fahrenheit),
            "milli" => Some(Unit::MilliCelsius),
            unknown => {
                let text = problem::unknown_word(
                    &format!("there is no unit named `{unknown}`"),
                    unknown,
                    &["c", "f", "milli"],
                );
                self.problems.at(&unit.span(), text);
                None
            }
        });
        let speed = bus.speed.as_ref().map_or(1.0, |speed| {
            if !(0.01..=100_000.0).contains(speed.get_ref()) {
                self.problems.at(&speed.span(), "`speed` lies between 0.01 and 100000 times real time");
            }
            *speed.get_ref()
        });
        let replay = bus.replay.as_ref().and_then(|replay| {
            match Recording::read(&self.folder.join(replay.get_ref()), unit) {
                Ok(recording) => Some(Arc::new(recording)),
                Err(error) => {
                    self.problems.at(&replay.span(), error.to_string());
                    None
                }
            }
        });
        simulated::Config {
            probes,
            warm: self.probe_numbers(bus.warm.as_ref(), probes),
            silent: self.probe_numbers(bus.silent.as_ref(), probes),
            replay,
            speed,
        }
    }

    fn probe_numbers(&mut self, numbers: Option<&Spanned<Vec<i64>>>, probes: usize) -> Vec<usize> {
        let Some(numbers) = numbers else { return Vec::new() };
        let span = numbers.span();
        let number =
            |number: i64| usize::try_from(number).ok().filter(|number| (1..=probes).contains(number));
        let checked: Vec<Option<usize>> = numbers.get_ref().iter().copied().map(number).collect();
        if checked.contains(&None) {
            self.problems.at(&span, format!("these are the numbers of probes, from 1 to {probes}"));
        }
        checked.into_iter().flatten().collect()
    }
}
