//! `fridge serve`: the gateway.

use super::{FileOptions, block_on_daemon, terminal};
use crate::daemon::HangUp;

/// Runs the gateway until it is asked to end.
pub fn run(files: &FileOptions) -> anyhow::Result<()> {
    terminal::log();
    block_on_daemon(files.load()?, &files.paths(), HangUp::Reload, |_| {})
}
