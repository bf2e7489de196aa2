//! `fridge check`: reads the configuration and says what is wrong in it, and where.

use std::io::ErrorKind;

use clap::Args;

use super::{FileOptions, terminal};
use crate::https::{certificate, tls};
use crate::text::count;

/// The options of `check`.
#[derive(Args)]
pub struct Options {}

/// Loads the configuration as `serve` would, and says what it holds.
pub fn run(_options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let config = files.load()?;
    // What the start looks at as well. Where there is none, the gateway makes its own.
    let (pair, is_own) = match &config.https.certificate {
        Some(configured) => (Some(configured.clone()), false),
        None => (certificate::found(&files.state())?, true),
    };
    match pair.map(tls::CertifiedPair::read) {
        // The gateway's own key is for its user alone: before a reload, root without any capability checks.
        Some(Err(tls::Error::Unreadable { error, .. }))
            if is_own && error.kind() == ErrorKind::PermissionDenied => {}
        Some(Err(error)) => return Err(error.into()),
        Some(Ok(_)) | None => {}
    }
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
