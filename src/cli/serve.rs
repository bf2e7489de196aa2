//! `fridge serve`: the gateway.

use super::{FileOptions, block_on_daemon, log};
use crate::config::{Config, last_good};
use crate::daemon::HangUp;

/// Runs the gateway until it is asked to end.
pub fn run(files: &FileOptions) -> anyhow::Result<()> {
    let _log = log::start()?;
    let path = files.config_path()?;
    let config = Config::load(&path)
        .or_else(|problems| last_good::load(&files.state(), &path, &problems).ok_or(problems))?;
    block_on_daemon(config, &files.paths(), HangUp::Reload, |_| {})
}
