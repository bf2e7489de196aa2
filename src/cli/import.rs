//! `fridge import`: takes the logs that people have into the history of a fridge, marked as imported.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;

use super::{FileOptions, archive, rules, terminal, whatif};
use crate::fridge::{Fridge, names};
use crate::host;
use crate::reading::ProbeId;
use crate::recording::Recording;
use crate::store::block::{Block, Sweep};
use crate::store::{HistoryFile, Table, block_of};
use crate::text;

/// So many blocks go in one transaction.
const BLOCKS_AT_ONCE: usize = 1_000;

/// The options of `import`.
#[derive(Args)]
#[command(
    after_help = "What is imported stands beside what was measured, and is never mistaken for it: it is not sealed, and what is exported as JSON says so. The same file twice is there once.\n\nExamples:\n  sudo fridge import ds18b20.log --fridge milk\n  sudo fridge import export.csv"
)]
pub struct Options {
    /// A log: a time and a value a line, or CSV whose heading names them
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The fridge, by a part of its name; a file whose heading has a column `fridge` needs none
    #[arg(long, value_name = "NAME")]
    fridge: Option<String>,
    /// The unit of the log's values [default: °C where any has a decimal point, else thousandths of a °C]
    #[arg(long, value_name = "UNIT")]
    unit: Option<whatif::LogUnit>,
    /// The zone of times that name none, such as Europe/Berlin [default: this computer's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

/// Takes a log in.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let config = files.load()?;
    let folder = config.databases(&files.state());
    let fridges = config.site.fridges;
    let zone = match &options.zone {
        Some(name) => TimeZone::get(name).with_context(|| format!("there is no time zone `{name}`"))?,
        None => host::time_zone().0,
    };
    let named = Recording::fridges(&options.file)?;
    let unit = options.unit.map(whatif::LogUnit::unit);
    let pairs: Vec<(Option<String>, &Fridge)> = match &options.fridge {
        Some(name) if named.len() > 1 => {
            bail!(
                "the log is about several fridges, and `{name}` is one: without --fridge, each goes where it belongs"
            )
        }
        Some(name) => vec![(named.first().cloned(), only(name, &fridges)?)],
        None if named.is_empty() => bail!("which fridge is it about? --fridge milk"),
        None => named
            .into_iter()
            .map(|name| exactly(&name, &fridges).map(|fridge| (Some(name), fridge)))
            .collect::<anyhow::Result<_>>()?,
    };
    let mut file =
        HistoryFile::open_sound(&folder).map_err(|error| archive::with_cure(error.into(), &folder))?;
    for (name, fridge) in pairs {
        let recording = Recording::read_of(&options.file, unit, name.as_deref(), &zone)?;
        let count = take(&mut file, &recording, fridge)?;
        let understood = text::recording::understood(&recording);
        terminal::progress(&format!("{}: {}", options.file.display(), understood));
        terminal::print(&format!(
            "{count} readings are in the history of {}, marked as imported.\n",
            fridge.name
        ))?;
    }
    Ok(())
}

/// The fridge of that very name: one that is only a part of it would be another fridge's past.
fn exactly<'a>(name: &str, fridges: &'a [Fridge]) -> anyhow::Result<&'a Fridge> {
    let is_meant = |fridge: &&Fridge| names::fold(&fridge.name) == names::fold(name) || fridge.id == name;
    fridges.iter().find(is_meant).with_context(|| {
        format!(
            "the log is about `{name}`, and no fridge has that name: give the one that is meant with --fridge"
        )
    })
}

fn only<'a>(name: &str, fridges: &'a [Fridge]) -> anyhow::Result<&'a Fridge> {
    match rules::named(name, fridges)?[..] {
        [only] => Ok(only),
        _ => bail!("`{name}` is a part of several names: write more of it"),
    }
}

/// Keeps the readings of a log; returns how many there are.
fn take(file: &mut HistoryFile, recording: &Recording, fridge: &Fridge) -> anyhow::Result<usize> {
    let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
    let mut count = 0;
    let ids = [fridge.id.clone()];
    let mut progress = terminal::Progress::new("importing");
    for (index, point) in recording.points.iter().enumerate() {
        let Some(sample) = point.value.sample() else { continue };
        let at = recording.began.checked_add(point.at)?;
        let begins = block_of(at.as_second());
        if blocks.len() >= BLOCKS_AT_ONCE && !blocks.contains_key(&begins) {
            file.keep(Table::Imported, &ids, &std::mem::take(&mut blocks))?;
        }
        let offset_ms = u32::try_from(at.as_millisecond() - begins * 1_000)?;
        let sweep = Sweep { offset_ms, samples: vec![Some(sample)] };
        // What probe it was is not known.
        blocks.entry(begins).or_default().add(&[(0, ProbeId::new(0, 0))], sweep);
        count += 1;
        progress.show(index as f64 / recording.points.len() as f64);
    }
    file.keep(Table::Imported, &ids, &blocks)?;
    Ok(count)
}
