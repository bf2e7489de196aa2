//! `fridge report`: the page that an inspector knows, to be printed or kept as PDF by a browser.

use anyhow::{Context, bail};
use clap::Args;

use super::archive::Archive;
use super::{FileOptions, terminal};
use crate::history::{Past, period};
use crate::report::{Report, html};
use crate::text::past;

/// The options of `report`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fridge report milk > milk.html\n  fridge report --all --month march > march.html\n  fridge report kitchen --week \"last week\" > week.html\n\nOpen the file in a browser; its print dialogue makes a PDF of it, a sheet for each fridge."
)]
pub struct Options {
    /// Parts of fridges' or groups' names
    #[arg(value_name = "FRIDGE", required_unless_present = "all")]
    fridges: Vec<String>,
    /// All fridges, a sheet each
    #[arg(long, conflicts_with = "fridges")]
    all: bool,
    /// A day: yesterday, sunday, 2026-03-14 [default: yesterday]
    #[arg(long, value_name = "DAY", num_args = 0..=1, default_missing_value = "yesterday", group = "time")]
    day: Option<String>,
    /// A week [default: the last, from Monday]
    #[arg(long, value_name = "WEEK", num_args = 0..=1, default_missing_value = "last week", group = "time")]
    week: Option<String>,
    /// A month: march, 2026-03 [default: the last]
    #[arg(long, value_name = "MONTH", num_args = 0..=1, default_missing_value = "last month", group = "time")]
    month: Option<String>,
    /// Figures in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Prints the report.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let archive = Archive::open(files)?;
    let words = [&options.day, &options.week, &options.month].into_iter().flatten().next();
    let words = words.map_or("yesterday", String::as_str);
    let period = period::of(words, &archive.now()).with_context(|| {
        format!("`{words}` is not a time; write one such as yesterday, last week, march or 2026-03-14")
    })?;
    let mut fridges = archive.named(&options.fridges)?;
    // The alarms of another gateway's fridge, and what people did there, are not known here.
    let named = fridges.len();
    fridges.retain(|fridge| !archive.past.is_of_other(&fridge.id));
    if fridges.is_empty() && named > 0 {
        bail!("{}", past::ELSEWHERE);
    }
    if fridges.is_empty() {
        bail!("there is no fridge to report on");
    }
    let (alarms, deeds) = archive.past.records(&period)?;
    let mut progress = terminal::Progress::new("reporting");
    let mut reports = Vec::new();
    for (index, fridge) in fridges.iter().enumerate() {
        progress.show(index as f64 / fridges.len() as f64);
        reports.push(Report::of(&archive.past, fridge, &period, &alarms, &deeds)?);
    }
    drop(progress);
    if options.json {
        return terminal::print_json(&serde_json::json!({ "reports": reports }));
    }
    let page = html::Page {
        gateway: archive.gateway.as_deref(),
        zone: &archive.zone,
        units: archive.units,
        now: archive.now().timestamp(),
        is_simulated: archive.is_simulated,
    };
    terminal::print(&html::document(&reports, &page))
}
