//! `fridge export`: what was measured, as CSV or a line of JSON each, for spreadsheets, pandas and `fridge whatif`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::archive::Archive;
use super::{FileOptions, terminal};
use crate::fridge::Fridge;
use crate::history::{Past, Seen};
use crate::reading::{Fault, ProbeId, Sample};
use crate::recording::heading::quoted;
use crate::store::bucket::{Aggregate, Sum};

/// The options of `export`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fridge export milk --from march > march.csv\n  fridge export --from 7d --step 1h --format jsonl\n  fridge export milk --from 7d > milk.csv && fridge whatif --file milk.csv max 5 for 30m"
)]
pub struct Options {
    /// Parts of fridges' names [default: all fridges]
    #[arg(value_name = "FRIDGE")]
    fridges: Vec<String>,
    /// From when on: a date, a month, a weekday, 7d, "tuesday 02:10" [default: the first reading]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when: the end of that time [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Each reading, or what five minutes, an hour or a day come to; readings are kept for a month, five minutes for years
    #[arg(long, value_name = "STEP", default_value = "raw")]
    step: Step,
    /// CSV with a heading, or JSON, an object a line
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Each reading
    Raw,
    /// Five minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// An hour
    #[value(name = "1h")]
    Hour,
    /// A day, from midnight to midnight
    #[value(name = "1d")]
    Day,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CSV
    Csv,
    /// JSON lines
    Jsonl,
}

/// Prints what was measured.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let archive = Archive::open(files)?;
    let fridges = archive.named(&options.fridges)?;
    let (from, to) = archive.between(options.from.as_deref(), options.to.as_deref())?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let written = match options.step {
        Step::Raw => readings(&archive, &fridges, (from, to), options.format, &mut output)?,
        step => steps(&archive, &fridges, (from, to), step, options.format, &mut output)?,
    };
    written?;
    output.flush()?;
    Ok(())
}

type Written = std::io::Result<()>;

fn readings(
    archive: &Archive,
    fridges: &[&Fridge],
    (from, to): (Timestamp, Timestamp),
    format: Format,
    output: &mut impl Write,
) -> anyhow::Result<Written> {
    let ids: Vec<&str> = fridges.iter().map(|fridge| fridge.id.as_str()).collect();
    let mut progress = terminal::Progress::new("exporting");
    let mut written = match format {
        Format::Csv => writeln!(output, "time,fridge,probe,celsius,fault"),
        Format::Jsonl => Ok(()),
    };
    archive.past.readings(&ids, from, to, &mut |seen: Seen| {
        if written.is_ok() {
            written = reading(archive, fridges[seen.fridge], &seen, format, output);
        }
        progress.show(part(seen.at, from, to));
        written.is_ok()
    })?;
    Ok(written)
}

fn reading(
    archive: &Archive,
    fridge: &Fridge,
    seen: &Seen,
    format: Format,
    output: &mut impl Write,
) -> Written {
    let time = time(archive, seen.at);
    let probe = if seen.probe == ProbeId::new(0, 0) { String::new() } else { seen.probe.to_string() };
    match format {
        Format::Csv => {
            let (celsius, fault) = match seen.sample {
                Ok(celsius) => (celsius.degrees().to_string(), String::new()),
                Err(fault) => (String::new(), word(fault)),
            };
            writeln!(output, "{time},{},{probe},{celsius},{fault}", quoted(&fridge.name))
        }
        Format::Jsonl => {
            let celsius = seen.sample.ok().map(|celsius| celsius.degrees());
            let mut row = json!({ "time": time, "fridge": fridge.name, "probe": probe, "celsius": celsius, "fault": seen.sample.err() });
            if seen.imported {
                row["imported"] = true.into();
            }
            writeln!(output, "{}", terminal::escaped(&row.to_string()))
        }
    }
}

/// What steps come to: those of all fridges at a time.
fn steps(
    archive: &Archive,
    fridges: &[&Fridge],
    (from, to): (Timestamp, Timestamp),
    step: Step,
    format: Format,
    output: &mut impl Write,
) -> anyhow::Result<Written> {
    let ids: Vec<&str> = fridges.iter().map(|fridge| fridge.id.as_str()).collect();
    let mut progress = terminal::Progress::new("exporting");
    let mut written = match format {
        Format::Csv => writeln!(output, "time,fridge,min,mean,max,readings,faults,fault"),
        Format::Jsonl => Ok(()),
    };
    let mut begin = from;
    let mut sums: BTreeMap<usize, Sum> = BTreeMap::new();
    let mut put = |begin: Timestamp, sums: &mut BTreeMap<usize, Sum>, written: &mut Written| {
        for (fridge, sum) in std::mem::take(sums) {
            if written.is_ok() {
                *written = aggregate(archive, fridges[fridge], begin, &sum.aggregate(), format, output);
            }
        }
    };
    archive.past.buckets(&ids, from, to, false, &mut |fridge, at, bucket| {
        let its_begin = begin_of(archive, at, step);
        if its_begin != begin {
            put(begin, &mut sums, &mut written);
            begin = its_begin;
        }
        sums.entry(fridge).or_default().add_all(&bucket);
        progress.show(part(at, from, to));
        written.is_ok()
    })?;
    put(begin, &mut sums, &mut written);
    Ok(written)
}

/// When the step begins in which that moment lies, by the clock on the wall.
fn begin_of(archive: &Archive, at: Timestamp, step: Step) -> Timestamp {
    let local = archive.local(at);
    match step {
        Step::Raw | Step::FiveMinutes => at,
        // By what passed since the hour began, because one of them comes twice a year.
        Step::Hour => {
            let passed = i64::from(local.minute()) * 60 + i64::from(local.second());
            Timestamp::from_second(at.as_second() - passed).unwrap_or(at)
        }
        Step::Day => {
            let midnight = local.date().to_zoned_datetime(archive.zone.clone());
            midnight.map_or(at, |midnight| midnight.timestamp())
        }
    }
}

fn aggregate(
    archive: &Archive,
    fridge: &Fridge,
    at: Timestamp,
    aggregate: &Aggregate,
    format: Format,
    output: &mut impl Write,
) -> Written {
    let time = time(archive, at);
    let (min, max) = (aggregate.min(), aggregate.max());
    let (readings, faults) = (aggregate.readings, aggregate.faults);
    match format {
        Format::Csv => {
            let number =
                |degrees: Option<f64>| degrees.map_or_else(String::new, |degrees| degrees.to_string());
            let fault = aggregate.fault.map_or_else(String::new, word);
            let degrees = |celsius: Option<crate::reading::Celsius>| number(celsius.map(|it| it.degrees()));
            let (min, mean, max) = (degrees(min), number(aggregate.mean()), degrees(max));
            writeln!(output, "{time},{},{min},{mean},{max},{readings},{faults},{fault}", quoted(&fridge.name))
        }
        Format::Jsonl => {
            let row = json!({ "time": time, "fridge": fridge.name, "min": min, "mean": aggregate.mean(), "max": max, "readings": readings, "faults": faults, "fault": aggregate.fault });
            writeln!(output, "{}", terminal::escaped(&row.to_string()))
        }
    }
}

/// A moment with its zone, to the millisecond.
fn time(archive: &Archive, at: Timestamp) -> String {
    archive.local(at).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

/// A fault by its name in JSON.
fn word(fault: Fault) -> String {
    let sample: Sample = Err(fault);
    serde_json::to_value(sample.err())
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn part(at: Timestamp, from: Timestamp, to: Timestamp) -> f64 {
    let length = to.as_second().saturating_sub(from.as_second()).max(1);
    at.as_second().saturating_sub(from.as_second()) as f64 / length as f64
}
