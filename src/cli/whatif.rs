//! `fridge whatif`: what a rule would have raised on the readings of a file, or on the last 24 hours of a fridge,
//! before anybody saves it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{FileOptions, rules, terminal};
use crate::alarm::{Outcome, Preset, Rule, RuleName, Rules, Side, Urgency, replay};
use crate::doc::{self, Block, Doc, Table};
use crate::host;
use crate::reading::{Celsius, Stamp};
use crate::recording::{Recording, Unit};
use crate::socket::{self, Question};
use crate::text::{self, Units, whatif};

/// The same reading over and over is normal for this long where readings are coarse or rare.
const COARSE_STUCK_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// The step of a probe at its finest: 1/16 °C.
const FINEST_STEP: u16 = 1;

/// The options of `whatif`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fridge whatif milk max 5 for 30m\n  fridge whatif --file log.csv --preset freezer\n  fridge whatif milk --file log.csv max -15 lag 2h"
)]
pub struct Options {
    /// A fridge, and a rule: milk max 5 for 30m; min and max in °C, `for` a delay, `lag` a product's time constant
    #[arg(value_name = "WORDS", allow_negative_numbers = true)]
    words: Vec<String>,
    /// A log: timestamp,value a line
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The rules of a preset
    #[arg(long, value_name = "PRESET", value_parser = rules::preset)]
    preset: Option<Preset>,
    /// The unit of the log's values [default: °C where any has a decimal point, else thousandths of a °C]
    #[arg(long, value_name = "UNIT")]
    unit: Option<LogUnit>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The unit of a log.
#[derive(Clone, Copy, ValueEnum)]
pub enum LogUnit {
    /// °C
    C,
    /// °F
    F,
    /// Thousandths of a °C
    Milli,
}

impl LogUnit {
    /// The unit.
    pub fn unit(self) -> Unit {
        match self {
            LogUnit::C => Unit::Celsius,
            LogUnit::F => Unit::Fahrenheit,
            LogUnit::Milli => Unit::MilliCelsius,
        }
    }
}

/// Readings, and how far apart they usually are.
struct Readings {
    /// In which their times are shown.
    zone: TimeZone,
    readings: Vec<(Stamp, Celsius)>,
    period: Duration,
}

/// Replays, and prints what would have been raised.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let (name, proposed) = words(&options.words)?;
    let mut site = None;
    if !name.is_empty() {
        site = Some(files.load()?.site);
    }
    let fridge = match &site {
        Some(site) => match &rules::named(&name, &site.fridges)?[..] {
            [only] => Some(*only),
            several => {
                let names: Vec<&str> = several.iter().map(|fridge| fridge.name.as_str()).collect();
                bail!("`{name}` is a part of several names: {}", names.join(", "))
            }
        },
        None => None,
    };
    let readings = match (&options.file, fridge) {
        (Some(file), fridge) => {
            let named = Recording::fridges(file)?;
            let name =
                fridge.map(|fridge| fridge.name.as_str()).filter(|name| named.iter().any(|it| it == name));
            of_file(file, options.unit, name)?
        }
        (None, Some(fridge)) => of_gateway(&fridge.id, files)?,
        (None, None) => {
            bail!("which readings? Name a fridge (its last 24 hours are replayed), or a log with --file")
        }
    };
    let in_force = fridge.map(|fridge| fridge.rules.clone());
    let proposed = proposed.or_else(|| Some(options.preset?.rules()));
    let (first, second) = match (proposed, in_force) {
        (Some(proposed), in_force) => (proposed, in_force),
        (None, Some(in_force)) => (in_force, None),
        (None, None) => bail!("which rule? Give a --preset, or one such as `max 5 for 30m`"),
    };
    let units = site.as_ref().map_or(Units::Celsius, |site| site.units);
    let outcome = readings.replay(first);
    let beside = second.map(|rules| readings.replay(rules));
    if options.json {
        let mut json = serde_json::to_value(&outcome)?;
        if let Some(beside) = beside {
            json["in_force"] = json!(beside);
        }
        return terminal::print_json(&json);
    }
    let label = beside.as_ref().map(|_| "proposed");
    show(&readings.document(&outcome, label, units))?;
    if let Some(beside) = beside {
        terminal::print("\n")?;
        show(&readings.document(&beside, Some("in force"), units))?;
    }
    Ok(())
}

/// The fridge that the words name, and the rule behind it: "milk max 5 for 30m".
fn words(words: &[String]) -> anyhow::Result<(String, Option<Rules>)> {
    let words: Vec<&str> = words.iter().flat_map(|words| words.split_whitespace()).collect();
    let begins = words.iter().position(|word| matches!(*word, "max" | "min")).unwrap_or(words.len());
    let (name, rule) = words.split_at(begins);
    let mut rules = Rules { temperature: Vec::new(), ..Rules::default() };
    let mut sides = Vec::new();
    let mut length: Option<(bool, Duration)> = None;
    let mut pairs = rule.chunks(2);
    for pair in &mut pairs {
        let &[word, value] = pair else { bail!("`{}` needs a value behind it", pair[0]) };
        match word {
            "max" | "min" => {
                let limit = value.parse().ok().and_then(Celsius::from_degrees);
                let limit =
                    limit.with_context(|| format!("`{value}` is not a temperature from -55 to 125 °C"))?;
                sides.push((if word == "max" { Side::Above } else { Side::Below }, limit));
            }
            "for" | "lag" => {
                let parsed =
                    value.parse().ok().and_then(|length: SignedDuration| Duration::try_from(length).ok());
                let parsed = parsed.filter(|parsed| !parsed.is_zero());
                let parsed = parsed
                    .with_context(|| format!("`{value}` is not a length of time, such as 30m or 2h"))?;
                length = Some((word == "lag", parsed));
            }
            other => bail!("`{other}` was not expected: write a rule as `max 5 for 30m` or `max 5 lag 60m`"),
        }
    }
    if sides.is_empty() {
        return Ok((name.join(" "), None));
    }
    for (side, limit) in sides {
        rules.temperature.push(match length {
            None => Rule::delay(RuleName::Delay, Urgency::Warning, side, limit, Duration::ZERO),
            Some((true, time_constant)) => Rule::product_lag(side, limit, time_constant),
            Some((false, after)) => Rule::delay(RuleName::Delay, Urgency::Warning, side, limit, after),
        });
    }
    Ok((name.join(" "), Some(rules)))
}

fn of_file(file: &Path, unit: Option<LogUnit>, fridge: Option<&str>) -> anyhow::Result<Readings> {
    let recording = Recording::read_of(file, unit.map(LogUnit::unit), fridge, &TimeZone::UTC)?;
    terminal::progress(&format!("{}: {}", file.display(), text::recording::understood(&recording)));
    let began = recording.began;
    let stamp = |at: Duration| Stamp { mono: at, wall: began.checked_add(at).unwrap_or(began) };
    let readings = recording.readings().map(|(at, celsius)| (stamp(at), celsius)).collect();
    // Its times are shown as they are written.
    Ok(Readings { zone: TimeZone::UTC, readings, period: recording.period() })
}

/// The last 24 hours of a fridge, a reading a minute, as the running gateway remembers them.
fn of_gateway(id: &str, files: &FileOptions) -> anyhow::Result<Readings> {
    let answer = socket::ask(&files.sockets(), &Question::Readings(id.to_owned()))?;
    let rows: Vec<(jiff::Timestamp, f64)> = serde_json::from_value(answer)
        .context("the gateway's answer is not as expected: is it another version?")?;
    let first = rows.first().map(|(at, _)| *at).context("the gateway has no readings of that fridge yet")?;
    let readings = rows.into_iter().filter_map(|(at, degrees)| {
        let mono = at.duration_since(first).unsigned_abs();
        Some((Stamp { mono, wall: at }, Celsius::from_degrees(degrees)?))
    });
    Ok(Readings { zone: host::time_zone().0, readings: readings.collect(), period: Duration::from_secs(60) })
}

impl Readings {
    fn replay(&self, mut rules: Rules) -> Outcome {
        if self.are_coarse() {
            rules.stuck_after = rules.stuck_after.max(COARSE_STUCK_AFTER);
        }
        replay(&rules, self.period, self.readings.iter().copied())
    }

    /// Whether they are rarer or rounder than a probe's own.
    fn are_coarse(&self) -> bool {
        let steps = self.readings.windows(2).map(|pair| pair[0].1.distance(pair[1].1));
        let finest = steps.filter(|step| *step > 0).min();
        self.period > Duration::from_secs(60) || finest.is_none_or(|step| step > FINEST_STEP)
    }

    fn length(&self) -> Duration {
        match (self.readings.first(), self.readings.last()) {
            (Some((first, _)), Some((last, _))) => last.since(first),
            _ => Duration::ZERO,
        }
    }

    fn document(&self, outcome: &Outcome, label: Option<&str>, units: Units) -> Doc {
        let headline = whatif::headline(label, outcome, self.length(), self.period);
        if outcome.alarms.is_empty() {
            return Doc::new(headline);
        }
        let time = |at| self.zone.to_datetime(at).strftime("%F %T").to_string();
        let [raised, cleared, what, peak] = whatif::COLUMNS;
        let columns = [(raised, false), (cleared, false), (what, false), (peak, true)];
        let mut table = Table::new(columns, text::more);
        for alarm in &outcome.alarms {
            let cleared = alarm.cleared.map_or_else(|| whatif::STILL_OPEN.to_owned(), time);
            table.push([
                time(alarm.raised).into(),
                cleared.into(),
                whatif::what(alarm.kind, alarm.rule).into(),
                whatif::peak(alarm.peak, units).into(),
            ]);
        }
        Doc::new(headline).with(Block::Table(table))
    }
}

fn show(doc: &Doc) -> anyhow::Result<()> {
    terminal::print(&doc::terminal::render(doc, terminal::wants_colour()))
}
