//! `fridge chart`: a fridge's past as a picture, in the terminal, as SVG or as PNG.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::archive::Archive;
use super::{FileOptions, terminal};
use crate::atomic_file::Unfinished;
use crate::gateway::{Timeline, Window};
use crate::history::{Past, period, series};

/// The width and height of a picture in its own units.
const SIZE: (f64, f64) = (960.0, 320.0);
/// How many lines a chart in a terminal has.
const LINES: usize = 12;

/// The options of `chart`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fridge chart milk\n  fridge chart milk 7d\n  fridge chart freezer march --png march.png\n\nIn the channel, `fridge chart milk` posts the same as a picture."
)]
pub struct Options {
    /// A part of a fridge's name, and a time: 24h, 7d, yesterday, last week, march [default: 24h]
    #[arg(value_name = "FRIDGE", required = true)]
    words: Vec<String>,
    /// Write the picture into this file, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the picture into this file, as PNG
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

/// Draws the chart.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let archive = Archive::open(files)?;
    let now = archive.now();
    let words: Vec<&str> = options.words.iter().flat_map(|word| word.split_whitespace()).collect();
    let (period, length) = match period::at_end(&words, &now) {
        // A fridge may be called "March".
        Some((period, length)) if length < words.len() => (Some(period), length),
        _ => (period::of("24h", &now), 0),
    };
    let period = period.context("there is no such time")?;
    let name = words[..words.len() - length].join(" ");
    let fridge = match archive.named(&[name])?[..] {
        [only] => only,
        [] => bail!("which fridge? fridge chart milk"),
        _ => bail!("a chart is of one fridge: write more of its name"),
    };
    let step_s = Window::usual_step(period.to.as_second() - period.from.as_second());
    let window = Window { from: period.from, to: period.to, step_s };
    let step = std::time::Duration::from_secs(step_s.unsigned_abs());
    let points = series(&archive.past, &[&fridge.id], window.from, window.to, step)?;
    let points = points.into_iter().flatten().map(|point| (point.at, point.aggregate));
    let points = points.filter(|(_, it)| it.readings + it.faults > 0).collect();
    let (alarms, deeds) = archive.past.records(&period)?;
    let timeline = Timeline::new(fridge.clone(), window, points, alarms, deeds);
    let chart = timeline.chart(&archive.zone, archive.units, now.timestamp(), SIZE);
    let svg = chart.file();
    if svg.is_empty() {
        bail!("there are no readings of {} in that time ({})", fridge.name, period.name);
    }
    for (path, bytes) in [(&options.svg, Some(svg.into_bytes())), (&options.png, None)] {
        let Some(path) = path else { continue };
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => chart.png()?,
        };
        let write = || {
            let mut file = Unfinished::beside(path, 0o644)?;
            file.write(&bytes)?;
            file.replace()
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        terminal::progress(&format!("{} is written", path.display()));
    }
    if options.svg.is_none() && options.png.is_none() {
        let simulated = if archive.is_simulated { " (simulated)" } else { "" };
        let head = terminal::printable(&format!("{}, {}{simulated}", fridge.name, period.name));
        return terminal::print(&format!("{head}\n{}", chart.braille(terminal::columns(), LINES)));
    }
    Ok(())
}
