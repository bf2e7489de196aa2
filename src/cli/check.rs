//! `fridge check`: reads the configuration and says what is wrong in it, and where.

use clap::Args;

use super::{FileOptions, terminal};

/// What `check` may be told.
#[derive(Args)]
pub struct Options {}

/// Loads the configuration as `serve` would, and says what it holds.
pub fn run(_options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let config = files.load()?;
    for warning in &config.warnings {
        terminal::print(&format!("warning: {warning}\n"))?;
    }
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    terminal::print(&format!(
        "{}: in order ({}, {}, {})\n",
        config.path.display(),
        count(config.https.hooks.len(), "hook"),
        if config.buses.len() == 1 { String::from("1 bus") } else { format!("{} buses", config.buses.len()) },
        count(config.fridges.len(), "fridge"),
    ))
}
