//! `fridge check`: reads the configuration and says what is wrong in it, and where.

use clap::Args;

use super::{FileOptions, terminal};
use crate::text::count;

/// The options of `check`.
#[derive(Args)]
pub struct Options {}

/// Loads the configuration as `serve` would, and says what it holds.
pub fn run(_options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let config = files.load()?;
    for warning in &config.warnings {
        terminal::print(&format!("warning: {warning}\n"))?;
    }
    terminal::print(&format!(
        "{}: OK ({}, {}, {})\n",
        config.path.display(),
        count(config.mattermost.hooks.len(), "hook"),
        count(config.buses.len(), "bus"),
        count(config.site.fridges.len(), "fridge"),
    ))
}
