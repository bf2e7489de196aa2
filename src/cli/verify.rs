//! `fridge verify`: holds what is kept against the seals of its days.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::archive::Archive;
use super::{FileOptions, terminal};
use crate::store::seal::{Finding, Verified, verify};

/// The exit status where something does not fit.
const CHANGED: u8 = 1;
/// So many findings are printed.
const SHOWN: usize = 20;

/// The options of `verify`.
#[derive(Args)]
#[command(
    after_help = "Exit status: 0 everything fits, 1 something was changed. What this proves and what not: docs/records.md."
)]
pub struct Options {
    /// Of the days from this on [default: the first]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until the end of this time [default: the last]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Verifies, and prints what does not fit.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<ExitCode> {
    let archive = Archive::open(files)?;
    let days = if options.from.is_none() && options.to.is_none() {
        (Date::MIN, Date::MAX)
    } else {
        let (from, to) = archive.between(options.from.as_deref(), options.to.as_deref())?;
        let day = |at: jiff::Timestamp| at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        (day(from), day(to.checked_sub(std::time::Duration::from_secs(1)).unwrap_or(to)))
    };
    let mut progress = terminal::Progress::new("verifying");
    let verified = verify(&archive.folder, days, |part| progress.show(part))?.with_context(|| {
        format!(
            "there are no records in {} to hold the history against: records.db is missing",
            archive.folder.display()
        )
    })?;
    drop(progress);
    let is_changed = !verified.findings.is_empty() || !verified.touched.is_empty();
    if options.json {
        terminal::print_json(&as_json(&verified))?;
    } else {
        terminal::print(&words(&verified))?;
    }
    Ok(if is_changed { ExitCode::from(CHANGED) } else { ExitCode::SUCCESS })
}

fn words(verified: &Verified) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    match (verified.days, &verified.findings[..]) {
        (None, []) if verified.seals == 0 => line(String::from(
            "No day is sealed yet. The first is an hour after midnight (UTC), once the gateway has run for an hour.",
        )),
        (None, []) => line(String::from("No day of that time is sealed.")),
        (Some(_), []) if !verified.touched.is_empty() => {}
        (Some((first, last)), []) => {
            line(format!("Everything fits: {} days, {first} to {last}.", verified.sealed_days));
        }
        (_, findings) => {
            let first = findings.iter().find_map(Finding::day);
            line(match first {
                Some(day) => format!("Something was changed. The first day that does not fit: {day}."),
                None => String::from("Something was changed."),
            });
            for finding in findings.iter().take(SHOWN) {
                line(format!("  {}", sentence(finding)));
            }
            if findings.len() > SHOWN {
                line(format!("  … and {} more.", findings.len() - SHOWN));
            }
        }
    }
    if let Some(from) = verified.readings_from {
        line(format!(
            "Before {from}, each reading was removed as `raw_days` says; what five minutes come to is kept for longer."
        ));
    }
    for (day, at) in &verified.again {
        line(format!("{day} was sealed again at {at}: readings of it came late, or the clock went back."));
    }
    for day in &verified.touched {
        line(format!(
            "{day} has changed since it was sealed: a reading came late, the clock went back, or somebody changed it. The gateway seals it again within the hour, and names it as such from then on."
        ));
    }
    if let Some(hash) = &verified.hash {
        line(format!("The last hash: {hash}"));
    }
    text
}

fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Readings(day) => format!("{day}: its readings are not what was sealed"),
        Finding::Buckets(day) => format!("{day}: what its readings come to is not what was sealed"),
        Finding::Records(day) => format!("{day}: alarms, or what people did, are not what was sealed"),
        Finding::Fridges(day) => format!("{day}: the names of fridges are not what was sealed"),
        Finding::Seal(day) => format!("{day}: its seal was changed"),
        Finding::Chain(day) => format!("{day}: seals before it are missing, or stand in another order"),
        Finding::Unreadable(number) => format!("seal {number} cannot be read"),
        Finding::Alarm(number) => format!("alarm #{number} is not as it was recorded last"),
        Finding::Unsealed(day) => format!("{day}: there are readings, and no seal"),
    }
}

fn as_json(verified: &Verified) -> serde_json::Value {
    let finding = |finding: &Finding| json!({ "day": finding.day(), "what": sentence(finding) });
    json!({
        "fits": verified.findings.is_empty() && verified.touched.is_empty(),
        "seals": verified.seals,
        "from": verified.days.map(|(first, _)| first),
        "to": verified.days.map(|(_, last)| last),
        "hash": verified.hash,
        "readings_from": verified.readings_from,
        "sealed_again": verified.again.keys().collect::<Vec<_>>(),
        "to_be_sealed_again": verified.touched,
        "findings": verified.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
