//! `fridge replace`: another probe in a fridge. Changes one ROM code in the configuration's file, and says
//! how to make it live.

use clap::Args;

use super::{FileOptions, terminal};
use crate::config;
use crate::socket::{self, Question};

/// The arguments of `replace`.
#[derive(Args)]
pub struct Options {
    /// The fridge, or a part of its name that no other has
    #[arg(value_name = "FRIDGE")]
    fridge: String,
    /// The new probe, as `fridge probes` prints it
    #[arg(value_name = "PROBE")]
    probe: String,
}

/// Exchanges it.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let path = files.config_path()?;
    let done = match config::replace(&path, &options.fridge, &options.probe) {
        // Reported as `check` reports it, with its exit status.
        Err(config::ReplaceError::Edit(config::EditError::Problems(problems))) => return Err(problems.into()),
        done => done?,
    };
    let mut text = format!(
        "{}: {} instead of {} ({}, line {})\n",
        done.fridge,
        options.probe,
        done.before,
        path.display(),
        done.line
    );
    if done.is_calibrated {
        text.push_str(&format!(
            "Its calibration was measured with the old probe: measure it again, or remove `calibration` from {}.\n",
            path.display()
        ));
    }
    let known = socket::ask(&files.sockets(), &Question::Ask(String::from("probes")));
    let Ok(known) = known else {
        text.push_str("No gateway runs here; the next start uses it.\n");
        return terminal::print(&text);
    };
    let is_it = |row: &serde_json::Value| {
        row["probe"].as_str().is_some_and(|probe| probe.eq_ignore_ascii_case(&options.probe))
            && !row["bus"].is_null()
    };
    if !known["probes"].as_array().is_some_and(|rows| rows.iter().any(is_it)) {
        text.push_str("That probe has not been seen on any bus since the start: is it plugged in?\n");
    }
    text.push_str("To put it into use: sudo systemctl reload fridge\n");
    terminal::print(&text)
}
