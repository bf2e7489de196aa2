//! The configuration: a TOML file goes in; what each module is to do comes out, or everything that
//! is wrong, with its line and the cure.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use crate::bus::{self, simulated};
use crate::fridge::{Fridge, Limits};
use crate::https;
use crate::reading::{Celsius, ProbeId};
use crate::recording::{Recording, Unit};
use crate::secret::Secret;

mod file;
pub mod places;
mod problem;

use problem::Collector;
pub use problem::{Problem, Problems};

/// Tokens shorter than this can be guessed. Mattermost's have 26 letters.
const SHORTEST_TOKEN: usize = 16;
const LONGEST_NAME: usize = 200;
const DEFAULT_LISTEN: &str = "0.0.0.0:4443";
const DEFAULT_TRIGGER_WORD: &str = "fridge";
const DEFAULT_PERIOD: Duration = Duration::from_secs(10);
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
const LONGEST_PERIOD: Duration = Duration::from_secs(3_600);
const MOST_SIMULATED_PROBES: usize = 1_000;

/// A configuration in which nothing is wrong.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The gateway's name, where several answer in one channel.
    pub name: Option<String>,
    /// The gateway as Mattermost reaches it, for buttons and for the doctor.
    pub url: Option<String>,
    /// What the server serves.
    pub https: https::Config,
    /// The buses.
    pub buses: Vec<Bus>,
    /// The fridges.
    pub fridges: Vec<Fridge>,
    /// What works, and is probably not what was meant.
    pub warnings: Vec<String>,
}

/// One bus to poll.
#[derive(Clone, Debug)]
pub struct Bus {
    /// What people call it: "bus 1" unless it has a name.
    pub name: String,
    /// From the start of one sweep to the start of the next.
    pub period: Duration,
    /// What it is.
    pub config: bus::Config,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Config, Problems> {
        let source = fs::read_to_string(path).map_err(|error| {
            let cure = match error.kind() {
                ErrorKind::NotFound => "; docs/config.md tells how to write one, `fridge demo` needs none",
                ErrorKind::PermissionDenied => "; the gateway's user must be able to read it",
                _ => "",
            };
            Problems::of_file(path, format!("cannot be read: {error}{cure}"))
        })?;
        let file: file::File =
            toml::from_str(&source).map_err(|error| problem::of_toml(path, &source, &error))?;
        let mut check =
            Check { path, folder: path.parent().unwrap_or(path), problems: Collector::new(path, &source) };
        let config = check.config(file);
        check.problems.finish()?;
        Ok(config)
    }
}

/// The check of one file. Each part takes what the file says and returns what is meant; where
/// something is wrong it notes that and returns whatever lets the check go on.
struct Check<'a> {
    path: &'a Path,
    folder: &'a Path,
    problems: Collector<'a>,
}

impl Check<'_> {
    fn config(&mut self, file: file::File) -> Config {
        let mut warnings = Vec::new();
        if file.hook.is_empty() {
            warnings.push(String::from(
                "there is no [[hook]]: every question will be refused until one holds the token that Mattermost shows",
            ));
        }
        if file.fridge.is_empty() {
            warnings
                .push(String::from("there is no [[fridge]]: `fridge probes` lists what hangs on the buses"));
        }
        if file.bus.is_empty() {
            self.problems
                .of_file("there is no [[bus]]: at least one is needed, such as kind = \"simulated\"");
        }
        let https = https::Config {
            listen: self.listen(file.listen),
            certificate: self.certificate(file.certificate, file.key),
            hooks: self.hooks(file.hook),
            trigger_words: self.trigger_words(file.trigger_words),
            limits: https::Limits::default(),
        };
        Config {
            path: self.path.to_owned(),
            name: file.name.map(|name| self.name(name)),
            url: file.url.map(|url| self.url(url)),
            https,
            buses: file.bus.into_iter().enumerate().map(|(index, bus)| self.bus(index + 1, bus)).collect(),
            fridges: self.fridges(file.fridge),
            warnings,
        }
    }

    fn name(&mut self, name: Spanned<String>) -> String {
        let (span, name) = (name.span(), name.into_inner().trim().to_owned());
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            self.problems.at(&span, format!("a name has 1 to {LONGEST_NAME} characters"));
        }
        if name.chars().any(char::is_control) {
            self.problems.at(&span, "a name holds no line breaks, tabs or other control characters");
        }
        name
    }

    fn listen(&mut self, listen: Option<Spanned<file::OneOrMany>>) -> Vec<SocketAddr> {
        let Some(listen) = listen else { return DEFAULT_LISTEN.parse().into_iter().collect() };
        let (span, addresses) = (listen.span(), listen.into_inner().0);
        if addresses.is_empty() {
            self.problems.at(
                &span,
                format!("`listen` is an empty list: say where to listen, such as \"{DEFAULT_LISTEN}\""),
            );
        }
        let mut parsed = Vec::new();
        for address in addresses {
            match address.parse() {
                Ok(address) => parsed.push(address),
                Err(_) => self.problems.at(
                    &span,
                    format!("`{address}` is no address with a port: \"{DEFAULT_LISTEN}\" for all of the machine's, or \"[::]:4443\" for IPv6 too"),
                ),
            }
        }
        parsed
    }

    fn url(&mut self, url: Spanned<String>) -> String {
        let host = url.get_ref().strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.contains(char::is_whitespace) {
            self.problems.at(
                &url.span(),
                "`url` is the gateway as Mattermost reaches it: \"https://192.168.1.50:4443\"",
            );
        }
        url.into_inner().trim_end_matches('/').to_owned()
    }

    fn trigger_words(&mut self, words: Option<Vec<Spanned<String>>>) -> Vec<String> {
        let Some(words) = words else { return vec![DEFAULT_TRIGGER_WORD.to_owned()] };
        for word in &words {
            if word.get_ref().is_empty() {
                self.problems
                    .at(&word.span(), "a trigger word cannot be empty: every message would be a question");
            } else if let Some(first) =
                word.get_ref().split_whitespace().next().filter(|first| first != word.get_ref())
            {
                self.problems.at(
                    &word.span(),
                    format!("a trigger word with a blank can never match, because only the first word of a message is looked at: write \"{first}\""),
                );
            }
        }
        words.into_iter().map(Spanned::into_inner).collect()
    }

    fn certificate(
        &mut self,
        certificate: Option<Spanned<String>>,
        key: Option<Spanned<String>>,
    ) -> Option<https::tls::Files> {
        match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(https::tls::Files {
                certificate: self.folder.join(certificate.into_inner()),
                key: self.folder.join(key.into_inner()),
            }),
            (Some(one), None) => {
                self.problems.at(
                    &one.span(),
                    "`certificate` needs `key` beside it (the same file, if that holds both)",
                );
                None
            }
            (None, Some(one)) => {
                self.problems.at(
                    &one.span(),
                    "`key` needs `certificate` beside it (the same file, if that holds both)",
                );
                None
            }
        }
    }

    fn hooks(&mut self, hooks: Vec<Spanned<file::Hook>>) -> Vec<https::Hook> {
        let mut checked: Vec<https::Hook> = Vec::new();
        for (index, hook) in hooks.into_iter().enumerate() {
            let (span, hook) = (hook.span(), hook.into_inner());
            let name = hook.name.map_or_else(|| format!("hook {}", index + 1), |name| self.name(name));
            let (span, token) = match (hook.token, hook.token_file) {
                (Some(token), None) => (token.span(), Some(token.into_inner())),
                (None, Some(file)) => (file.span(), self.token_file(&file)),
                (Some(_), Some(file)) => {
                    self.problems.at(&file.span(), "a hook has `token` or `token_file`, not both");
                    continue;
                }
                (None, None) => {
                    self.problems.at(
                        &span,
                        "a hook needs the `token` that Mattermost shows, or a `token_file` that holds it",
                    );
                    continue;
                }
            };
            let Some(token) = token.map(|token| token.trim().to_owned()) else { continue };
            if token.contains(char::is_whitespace) {
                self.problems.at(&span, "the token holds blanks: copy the 26 letters that Mattermost shows, once the hook is saved");
            } else if token.chars().count() < SHORTEST_TOKEN {
                self.problems.at(&span, format!("the token is too short to be safe: Mattermost's have 26 letters, and {SHORTEST_TOKEN} are the least"));
            } else if checked.iter().any(|other| other.token.matches(&token)) {
                self.problems
                    .at(&span, "another hook has the same token: each of Mattermost's hooks has its own");
            }
            checked.push(https::Hook { name, token: Secret::new(token) });
        }
        checked
    }

    /// The token in a file: beside the configuration, or among systemd's credentials.
    fn token_file(&mut self, file: &Spanned<String>) -> Option<String> {
        let credentials = places::environment("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let places = credentials.iter().map(PathBuf::as_path).chain([self.folder]);
        let paths: Vec<PathBuf> = places.map(|place| place.join(file.get_ref())).collect();
        let path = paths.iter().find(|path| path.exists()).or(paths.last())?;
        match fs::read_to_string(path) {
            Ok(token) => Some(token),
            Err(error) => {
                let cure = match error.kind() {
                    ErrorKind::PermissionDenied => ": let the gateway's user read it",
                    _ => "",
                };
                self.problems
                    .at(&file.span(), format!("cannot read the token in {}: {error}{cure}", path.display()));
                None
            }
        }
    }

    fn bus(&mut self, number: usize, bus: Spanned<file::Bus>) -> Bus {
        let bus = bus.into_inner();
        let kinds = ["kernel", "gpio", "owserver", "simulated"];
        match bus.kind.get_ref().as_str() {
            "simulated" => {}
            "kernel" | "gpio" | "owserver" => self.problems.at(
                &bus.kind.span(),
                format!(
                    "this version cannot read a bus of kind `{}` yet; `simulated` works",
                    bus.kind.get_ref()
                ),
            ),
            unknown => {
                let text = problem::unknown_word(
                    &format!("there is no kind of bus named `{unknown}`"),
                    unknown,
                    &kinds,
                );
                self.problems.at(&bus.kind.span(), text);
            }
        }
        Bus {
            name: bus.name.clone().map_or_else(|| format!("bus {number}"), |name| self.name(name)),
            period: bus.period.as_ref().map_or(DEFAULT_PERIOD, |period| self.period(period)),
            config: bus::Config::Simulated(self.simulated(bus)),
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

    fn simulated(&mut self, bus: file::Bus) -> simulated::Config {
        let probes = bus.probes.map_or(1, |probes| {
            let count = usize::try_from(*probes.get_ref()).unwrap_or(0);
            if !(1..=MOST_SIMULATED_PROBES).contains(&count) {
                self.problems
                    .at(&probes.span(), format!("a simulated bus has 1 to {MOST_SIMULATED_PROBES} probes"));
            }
            count
        });
        let unit = bus.unit.and_then(|unit| match unit.get_ref().as_str() {
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
        let speed = bus.speed.map_or(1.0, |speed| {
            if !(0.01..=100_000.0).contains(speed.get_ref()) {
                self.problems.at(&speed.span(), "`speed` lies between 0.01 and 100000 times real time");
            }
            speed.into_inner()
        });
        let replay =
            bus.replay.and_then(|replay| match Recording::read(&self.folder.join(replay.get_ref()), unit) {
                Ok(recording) => Some(Arc::new(recording)),
                Err(error) => {
                    self.problems.at(&replay.span(), error.to_string());
                    None
                }
            });
        simulated::Config {
            probes,
            warm: self.probe_numbers(bus.warm, probes),
            silent: self.probe_numbers(bus.silent, probes),
            replay,
            speed,
        }
    }

    fn probe_numbers(&mut self, numbers: Option<Spanned<Vec<i64>>>, probes: usize) -> Vec<usize> {
        let Some(numbers) = numbers else { return Vec::new() };
        let span = numbers.span();
        let number =
            |number: i64| usize::try_from(number).ok().filter(|number| (1..=probes).contains(number));
        let checked: Vec<Option<usize>> = numbers.into_inner().into_iter().map(number).collect();
        if checked.contains(&None) {
            self.problems.at(&span, format!("these are the numbers of probes, from 1 to {probes}"));
        }
        checked.into_iter().flatten().collect()
    }

    fn fridges(&mut self, fridges: Vec<Spanned<file::Fridge>>) -> Vec<Fridge> {
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut probes: HashMap<ProbeId, usize> = HashMap::new();
        let mut checked = Vec::new();
        for fridge in fridges {
            let fridge = fridge.into_inner();
            let (name_span, probe_span) = (fridge.name.span(), fridge.probe.span());
            let name = self.name(fridge.name);
            let line = self.problems.line(&name_span);
            if let Some(other) = names.insert(name.to_lowercase(), line) {
                self.problems.at(
                    &name_span,
                    format!("the fridge in line {other} has the same name: nobody could ask for this one"),
                );
            }
            let group = fridge.group.map(|group| self.name(group));
            let limits = fridge.limits.map_or_else(Limits::default, |limits| self.limits(limits));
            let probe: ProbeId = match fridge.probe.get_ref().parse() {
                Ok(probe) => probe,
                Err(error) => {
                    self.problems
                        .at(&probe_span, format!("`{}` is no probe: {error}", fridge.probe.get_ref()));
                    continue;
                }
            };
            let line = self.problems.line(&probe_span);
            if let Some(other) = probes.insert(probe, line) {
                self.problems.at(
                    &probe_span,
                    format!(
                        "line {other} puts the probe {probe} into another fridge: it can hang in one only"
                    ),
                );
            }
            checked.push(Fridge { name, group, probe, limits, out_of_service: fridge.out_of_service });
        }
        checked
    }

    fn limits(&mut self, limits: Spanned<file::Limits>) -> Limits {
        let (span, file::Limits { min, max }) = (limits.span(), limits.into_inner());
        let mut celsius = |degrees: Option<f64>| {
            let celsius = Celsius::from_degrees(degrees?);
            if celsius.is_none() {
                self.problems.at(&span, "a limit lies between -55 and 125 °C: no probe reads beyond");
            }
            celsius
        };
        let limits = Limits { min: celsius(min), max: celsius(max) };
        if let (Some(min), Some(max)) = (limits.min, limits.max)
            && min >= max
        {
            self.problems.at(&span, "`min` must be below `max`: these limits are upside down");
        }
        limits
    }
}
