//! `[[bus]]`: the kind of bus, where it is, and how often it is measured.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use toml::Spanned;

use super::{Bus, Check, diagnostics, schema};
use crate::bus::{self, gpio, kernel, owserver, simulated};
use crate::mqtt::topic;
use crate::recording::{Recording, Unit};
use crate::{hub, notify};

/// The kind of bus that is no wire: the broker to which other gateways publish.
pub const MQTT: &str = "mqtt";
const KINDS: [&str; 5] = ["kernel", "gpio", "owserver", "simulated", MQTT];
const DEFAULT_PERIOD: Duration = Duration::from_secs(10);
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
const LONGEST_PERIOD: Duration = Duration::from_secs(3_600);
const MOST_SIMULATED_PROBES: usize = 1_000;

impl Check<'_> {
    pub(super) fn buses(&mut self, buses: Vec<Spanned<schema::Bus>>) -> Vec<Bus> {
        let mut checked: Vec<Bus> = Vec::new();
        for (index, bus) in buses.into_iter().enumerate() {
            let span = bus.span();
            if bus.get_ref().kind.get_ref() == MQTT {
                self.follow(span, bus.into_inner());
                continue;
            }
            let bus = self.bus(index + 1, bus);
            let taken = checked.iter().find_map(|other| {
                Some(match (&other.config, &bus.config) {
                    (bus::Config::Kernel(one), bus::Config::Kernel(two)) if one.root == two.root => {
                        format!("{} reads the kernel's tree already, with all of its buses", other.name)
                    }
                    (bus::Config::Gpio(one), bus::Config::Gpio(two))
                        if (one.pin, &one.through) == (two.pin, &two.through) =>
                    {
                        format!("{} has GPIO {} already", other.name, one.pin)
                    }
                    (bus::Config::Owserver(one), bus::Config::Owserver(two)) if one == two => {
                        format!("{} asks that owserver already", other.name)
                    }
                    _ => return None,
                })
            });
            if let Some(taken) = taken {
                self.problems.at(&span, taken);
            } else if checked.iter().any(|other| other.name == bus.name) {
                let text = format!("another bus has the name `{}`: give each a `name` of its own", bus.name);
                self.problems.at(&span, text);
            }
            checked.push(bus);
        }
        checked
    }

    /// A bus that is the broker of other gateways.
    fn follow(&mut self, span: Range<usize>, bus: schema::Bus) {
        self.foreign_settings(&bus);
        if self.follows.is_some() {
            self.problems.at(&span, "there is one broker, so one bus of `kind = \"mqtt\"` is enough");
        }
        let sites = bus.sites.map(|sites| {
            for site in &sites {
                let text = site.get_ref();
                if text.is_empty() || topic::level(text) != *text {
                    let problem =
                        format!("`{text}` cannot name a gateway in topics: give its `gateway` under [mqtt]");
                    self.problems.at(&site.span(), problem);
                }
            }
            sites.into_iter().map(Spanned::into_inner).collect()
        });
        self.follows = Some((span, sites));
    }

    /// Which other gateways are shown; `mqtt` is the broker.
    pub(super) fn hub(&mut self, mqtt: Option<&notify::mqtt::Config>) -> Option<hub::Config> {
        let (span, sites) = self.follows.take()?;
        let Some(mqtt) = mqtt else {
            self.problems.at(&span, "`kind = \"mqtt\"` needs an [mqtt] section with a `broker`");
            return None;
        };
        Some(hub::Config { broker: mqtt.broker.clone(), own: mqtt.topics.gateway.clone(), sites })
    }

    fn bus(&mut self, number: usize, bus: Spanned<schema::Bus>) -> Bus {
        let bus = bus.into_inner();
        self.foreign_settings(&bus);
        for (setting, value) in [("root", &bus.root), ("address", &bus.address)] {
            if let Some(value) = value {
                self.no_token(setting, value);
            }
        }
        let config = match bus.kind.get_ref().as_str() {
            "kernel" => bus::Config::Kernel(kernel::Config {
                root: bus
                    .root
                    .as_ref()
                    .map_or(kernel::Config::default().root, |root| self.folder.join(root.get_ref())),
                resolution: self.resolution(&bus),
            }),
            "gpio" => bus::Config::Gpio(self.gpio(&bus)),
            "owserver" => bus::Config::Owserver(self.owserver(&bus)),
            "simulated" => bus::Config::Simulated(self.simulated(&bus)),
            other => {
                let text = diagnostics::unknown_word(
                    &format!("there is no kind of bus named `{other}`"),
                    other,
                    &KINDS,
                );
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
    fn foreign_settings(&mut self, bus: &schema::Bus) {
        let kind = bus.kind.get_ref().as_str();
        if !KINDS.contains(&kind) {
            return;
        }
        type Setting<'a> = (&'a str, Option<Range<usize>>, &'a [&'a str]);
        let wires = &KINDS[..4];
        let settings: [Setting<'_>; 15] = [
            ("name", bus.name.as_ref().map(Spanned::span), wires),
            ("period", bus.period.as_ref().map(Spanned::span), wires),
            ("sites", bus.sites.as_ref().and_then(|sites| Some(sites.first()?.span())), &[MQTT]),
            ("root", bus.root.as_ref().map(Spanned::span), &["kernel"]),
            ("resolution", bus.resolution.as_ref().map(Spanned::span), &["kernel", "gpio"]),
            ("pin", bus.pin.as_ref().map(Spanned::span), &["gpio"]),
            ("through", bus.through.as_ref().map(Spanned::span), &["gpio"]),
            ("chip", bus.chip.as_ref().map(Spanned::span), &["gpio"]),
            ("address", bus.address.as_ref().map(Spanned::span), &["owserver"]),
            ("probes", bus.probes.as_ref().map(Spanned::span), &["simulated"]),
            ("warm", bus.warm.as_ref().map(Spanned::span), &["simulated"]),
            ("silent", bus.silent.as_ref().map(Spanned::span), &["simulated"]),
            ("replay", bus.replay.as_ref().map(Spanned::span), &["simulated"]),
            ("speed", bus.speed.as_ref().map(Spanned::span), &["simulated"]),
            ("unit", bus.unit.as_ref().map(Spanned::span), &["simulated"]),
        ];
        for (setting, span, kinds) in settings {
            if let Some(span) = span.filter(|_| !kinds.contains(&kind)) {
                let kinds: Vec<String> = kinds.iter().map(|kind| format!("`kind = \"{kind}\"`")).collect();
                let text = format!(
                    "`{setting}` is a setting of {} and does nothing here: remove it",
                    kinds.join(" and ")
                );
                self.problems.at(&span, text);
            }
        }
    }

    fn resolution(&mut self, bus: &schema::Bus) -> Option<u8> {
        let resolution = bus.resolution.as_ref()?;
        let bits = u8::try_from(*resolution.get_ref()).ok().filter(|bits| (9..=12).contains(bits));
        if bits.is_none() {
            self.problems.at(&resolution.span(), "a resolution lies between 9 and 12 bits");
        }
        bits
    }

    fn gpio(&mut self, bus: &schema::Bus) -> gpio::Config {
        let pin = bus.pin.as_ref().map_or(gpio::DEFAULT_PIN, |pin| {
            let number = u8::try_from(*pin.get_ref()).ok().filter(|pin| *pin <= gpio::HIGHEST_PIN);
            if number.is_none() {
                let text = format!(
                    "a pin is a GPIO number from 0 to {}, not its number on the header: pin 7 of the header is `pin = 4`",
                    gpio::HIGHEST_PIN
                );
                self.problems.at(&pin.span(), text);
            }
            number.unwrap_or(gpio::DEFAULT_PIN)
        });
        let through = match bus.through.as_ref().map(|through| (through.get_ref().as_str(), through.span())) {
            None | Some(("cdev", _)) => {
                let chip = bus.chip.as_ref().map(|chip| self.folder.join(chip.get_ref()));
                gpio::Through::CharacterDevice { chip }
            }
            Some(("rppal", _)) => {
                if let Some(chip) = &bus.chip {
                    let text = "`chip` belongs to `through = \"cdev\"` and does nothing here: remove it";
                    self.problems.at(&chip.span(), text);
                }
                gpio::Through::Registers
            }
            Some((unknown, span)) => {
                let text = diagnostics::unknown_word(
                    &format!("a pin cannot be driven through `{unknown}`"),
                    unknown,
                    &["cdev", "rppal"],
                );
                self.problems.at(&span, text);
                gpio::Through::Registers
            }
        };
        gpio::Config { pin, through, resolution: self.resolution(bus) }
    }

    fn owserver(&mut self, bus: &schema::Bus) -> owserver::Config {
        let Some(address) = &bus.address else {
            return owserver::Config { address: owserver::DEFAULT_ADDRESS.to_owned() };
        };
        let (host, port) = address.get_ref().rsplit_once(':').unwrap_or_default();
        if host.is_empty() || port.parse::<u16>().map_or(true, |port| port == 0) {
            self.problems.at(&address.span(), "an address is a host and a port, such as \"127.0.0.1:4304\"");
        }
        owserver::Config { address: address.get_ref().clone() }
    }

    fn period(&mut self, period: &Spanned<String>) -> Duration {
        let text = period.get_ref().trim();
        let length = text.parse().ok().and_then(|length: SignedDuration| length.try_into().ok());
        match length {
            Some(length) if (SHORTEST_PERIOD..=LONGEST_PERIOD).contains(&length) => length,
            Some(_) => {
                self.problems.at(&period.span(), "a period lies between 100ms and 1h");
                DEFAULT_PERIOD
            }
            None => {
                self.problems.at(&period.span(), format!("`{text}` is not a length of time: write a whole number and ms, s, min or h, such as \"10s\""));
                DEFAULT_PERIOD
            }
        }
    }

    fn simulated(&mut self, bus: &schema::Bus) -> simulated::Config {
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
                let text = diagnostics::unknown_word(
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
