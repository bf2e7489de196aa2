//! `fridge calibrate`: waits until probes are steady in ice, and writes what corrects them into the configuration. The
//! gateway measures; what was measured from the channel is written, too.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;

use super::{FileOptions, ask, terminal};
use crate::chat::data::{CalibrationRow, IcePointState};
use crate::config::{self, CalibrationError, Config, EditError, Measured};
use crate::fridge::names;
use crate::host;
use crate::socket::{self, Question};
use crate::text;

/// How often the gateway is asked how far it is.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(1);

/// The options of `calibrate`.
#[derive(Args)]
#[command(
    after_help = "A glass of crushed ice and water is at 0 °C: whatever a probe shows there, once steady, is its error. Start the command first, then put the probe into the ice, so that the gateway sees the temperature change.\n\nExamples:\n  sudo fridge calibrate milk ice     measures, waits, and writes\n  sudo fridge calibrate              writes what the channel had measured\n\nIn the channel, `fridge calibrate milk ice` measures, and `fridge calibrate` shows the progress."
)]
pub struct Options {
    /// A part of a fridge's name, and `ice` to have its probe measured [default: all that were measured]
    #[arg(value_name = "FRIDGE")]
    words: Vec<String>,
}

/// Measures, and writes.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let path = files.config_path()?;
    uses(files, &path)?;
    let config = Config::load(&path)?;
    let words = options.words.join(" ");
    // A fridge may be called "Dry ice".
    let is_name =
        names::exact(&words, config.site.fridges.iter().map(|fridge| fridge.name.as_str())).is_some();
    let words: Vec<&str> = words.split_whitespace().collect();
    let (fridges, begins) = match &words[..] {
        [fridges @ .., last] if last.eq_ignore_ascii_case("ice") && !is_name => (fridges.join(" "), true),
        all => (all.join(" "), false),
    };
    if begins {
        if !fridges.is_empty() {
            // Before anybody waits in vain.
            let known = rows(files, &fridges)?;
            let would_be: Vec<Measured> =
                known.iter().map(|row| measured(row, 0.0, Timestamp::now())).collect();
            done(config::can_calibrate(&path, &would_be))?;
        }
        let answer = question(files, &format!("{fridges} ice"))?;
        ask::show(answer, false)?;
    }
    let ended = wait(files, &fridges)?;
    let results: Vec<(&CalibrationRow, f64, Measured)> = ended.iter().filter_map(result).collect();
    if !results.is_empty() {
        write(&results, &path)?;
        terminal::print(files.takes_effect(&path))?;
    }
    // Of what was asked for by name; one that failed last week is no news.
    let failed = ended.iter().filter(|row| has_failed(row) && (results.is_empty() || !fridges.is_empty()));
    let failed: Vec<&str> = failed.map(|row| row.name.as_str()).collect();
    if !failed.is_empty() {
        bail!("not measured: {}; `fridge ask calibrate` says why", failed.join(", "));
    }
    if results.is_empty() {
        bail!(
            "nothing has been measured since the gateway started; begin with: sudo fridge calibrate milk ice"
        );
    }
    Ok(())
}

/// The gateway that answers must be the one whose configuration is changed.
fn uses(files: &FileOptions, path: &Path) -> anyhow::Result<()> {
    let report = socket::ask(&files.sockets(), &Question::Report)?;
    let used =
        report["configuration"].as_str().map(PathBuf::from).context("the gateway is another version")?;
    if !super::is_same(&used, path) {
        bail!("the gateway that answers uses another file: pass --config {}", used.display());
    }
    Ok(())
}

/// Asks the gateway; what it does not do is an error, in its words.
fn question(files: &FileOptions, words: &str) -> anyhow::Result<serde_json::Value> {
    let answer = socket::ask(&files.sockets(), &Question::Ask(format!("calibrate {words}")))?;
    if answer.get("unknown").is_some() || answer.get("error").is_some() {
        let text = answer["text"].as_str().unwrap_or_default();
        bail!("{text}");
    }
    Ok(answer)
}

fn rows(files: &FileOptions, fridges: &str) -> anyhow::Result<Vec<CalibrationRow>> {
    let mut answer = question(files, fridges)?;
    serde_json::from_value(answer["calibrations"].take()).context("the gateway is another version")
}

/// Waits until nothing is being measured there any more.
fn wait(files: &FileOptions, fridges: &str) -> anyhow::Result<Vec<CalibrationRow>> {
    let mut progress = terminal::Progress::new("steady");
    loop {
        let rows = rows(files, fridges)?;
        let measuring = rows.iter().filter_map(|row| Some((row, row.ice_point.as_ref()?)));
        let measuring = measuring.filter(|(_, point)| point.state == IcePointState::Measuring);
        let least = measuring.min_by(|(_, one), (_, other)| one.done().total_cmp(&other.done()));
        let Some((row, point)) = least else { return Ok(rows) };
        let shows = point
            .raw_celsius
            .map_or_else(|| String::from("no reading"), |it| format!("{} °C", text::hundredths(it)));
        progress.show_beside(point.done(), &format!("{}: {shows}", row.name));
        thread::sleep(BETWEEN_QUESTIONS);
    }
}

/// What was measured in a fridge, what its probe showed, and what is to be written; `None` where it was not measured.
fn result(row: &CalibrationRow) -> Option<(&CalibrationRow, f64, Measured)> {
    let point = row.ice_point.as_ref()?;
    Some((row, point.shows?, measured(row, point.offset?, point.measured?)))
}

fn measured(row: &CalibrationRow, offset: f64, at: Timestamp) -> Measured {
    let date = at.to_zoned_datetime(host::time_zone().0).date();
    // Whoever had it measured here, behind sudo or not; a name that is no text is none.
    let own = || ["SUDO_USER", "USER"].iter().find_map(|name| std::env::var(name).ok());
    let by = row.ice_point.as_ref().and_then(|point| point.by.clone()).or_else(own);
    Measured { id: row.id.clone(), probe: row.probe, offset, date, by }
}

fn has_failed(row: &CalibrationRow) -> bool {
    row.ice_point.as_ref().is_some_and(|point| point.state == IcePointState::Failed)
}

/// Writes what was measured, and says what changes.
fn write(results: &[(&CalibrationRow, f64, Measured)], path: &Path) -> anyhow::Result<()> {
    if results.is_empty() {
        return Ok(());
    }
    let all: Vec<Measured> = results.iter().map(|(.., measured)| measured.clone()).collect();
    let lines = done(config::calibrate(path, &all))?;
    let mut said = String::new();
    for ((row, shows, measured), line) in results.iter().zip(lines) {
        said.push_str(&format!(
            "{}: shows {} °C in ice, corrected to {} °C (offset {} °C, {}, line {line})\n",
            row.name,
            text::hundredths(*shows),
            text::hundredths(shows + measured.offset),
            text::calibrate::signed(measured.offset),
            path.display(),
        ));
    }
    terminal::print(&terminal::printable(&said))
}

/// What is wrong with the file is reported as `check` reports it, with its exit status.
fn done<T>(done: Result<T, CalibrationError>) -> anyhow::Result<T> {
    match done {
        Err(CalibrationError::Edit(EditError::Problems(problems))) => Err(problems.into()),
        done => Ok(done?),
    }
}
