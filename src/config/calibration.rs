//! What was measured in ice, in the configuration's file: each fridge's `calibration` is set, or added below its probe.

use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeTable;

use super::edit::{self, EditError};
use super::section::Section;
use super::{Config, schema};
use crate::fridge::{Calibration, Correction, Fridge};
use crate::reading::ProbeId;

const NAME: &str = "calibration = ";

/// What was measured in one fridge.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The fridge's id.
    pub id: String,
    /// The probe that was measured.
    pub probe: ProbeId,
    /// What has to be added, in °C.
    pub offset: f64,
    /// The day.
    pub date: Date,
    /// Who measured it.
    pub by: Option<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or what it would become.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The gateway knows another configuration than this.
    #[error(
        "no fridge in the configuration has both the id `{0}` and the measured probe: run sudo systemctl reload fridge, and measure again"
    )]
    Unknown(String),
    /// One point would replace two.
    #[error(
        "{0} has a calibration of two points, which is worth more than the ice point alone: remove `calibration` there first"
    )]
    TwoPoints(String),
    /// It has a newer one.
    #[error("{fridge} has a calibration of {date}, which is newer than the measurement: nothing was changed")]
    Newer {
        /// The fridge's name.
        fridge: String,
        /// The date of the one that is there.
        date: Date,
    },
    /// The file is written in a way that is not understood here.
    #[error(
        "the way the file is written, this cannot be changed automatically; under {fridge}, set {setting}"
    )]
    ByHand {
        /// The fridge's name.
        fridge: String,
        /// What is to be written.
        setting: String,
    },
}

/// Writes what was measured into the file; returns the lines, from 1, in the order of `measured`.
///
/// # Errors
/// [`Error`]; the file is then as it was.
pub fn calibrate(path: &Path, measured: &[Measured]) -> Result<Vec<usize>, Error> {
    let (config, text, lines) = calibrated(path, measured)?;
    edit::exchange(path, config.source.expose(), &text)?;
    Ok(lines)
}

/// Whether [`calibrate`] could write that, before anybody waits for the measurement.
///
/// # Errors
/// [`Error`]
pub fn can_calibrate(path: &Path, measured: &[Measured]) -> Result<(), Error> {
    calibrated(path, measured)?;
    Ok(edit::can_exchange(path)?)
}

/// The file, what it becomes, and the lines that change.
fn calibrated(path: &Path, measured: &[Measured]) -> Result<(Config, String, Vec<usize>), Error> {
    let config = Config::load(path).map_err(EditError::from)?;
    // What was checked, and not what somebody has written since.
    let source = config.source.expose();
    let table = DeTable::parse(source).map_err(|_| edit::unparsed(path))?;
    let file = schema::File::of(Section(table.get_ref()));
    let mut wanted = config.site.fridges.clone();
    let mut changes = Vec::new();
    for (order, measured) in measured.iter().enumerate() {
        let is_it = |fridge: &&mut Fridge| fridge.id == measured.id && fridge.probe == measured.probe;
        let fridge = wanted.iter_mut().find(is_it).ok_or_else(|| Error::Unknown(measured.id.clone()))?;
        if let Some(Correction::TwoPoints(_)) = fridge.calibration.as_ref().map(|it| it.correction) {
            return Err(Error::TwoPoints(fridge.name.clone()));
        }
        let newer = |calibration: &Calibration| calibration.date.filter(|date| *date > measured.date);
        if let Some(date) = fridge.calibration.as_ref().and_then(newer) {
            return Err(Error::Newer { fridge: fridge.name.clone(), date });
        }
        let by_hand =
            || Error::ByHand { fridge: fridge.name.clone(), setting: format!("{NAME}{}", value(measured)) };
        let is_its = |table: &&schema::Fridge| table.probe.get_ref().parse() == Ok(fridge.probe);
        let table = file.fridge.iter().map(Spanned::get_ref).find(is_its);
        let table = table.ok_or_else(|| edit::unparsed(path))?;
        let (place, before) = place(source, table).ok_or_else(by_hand)?;
        changes.push((place, before + &value(measured), order));
        let correction = Correction::Offset(measured.offset);
        fridge.calibration =
            Some(Calibration { correction, date: Some(measured.date), by: measured.by.clone() });
    }
    // From the end, so that what comes before stays where it is.
    changes.sort_by_key(|(place, ..)| std::cmp::Reverse(place.start));
    let mut text = source.to_owned();
    for (place, change, _) in &changes {
        text.replace_range(place.clone(), change);
    }
    let becomes = Config::parse(path, &text).map(|config| config.site.fridges);
    if !becomes.is_ok_and(|fridges| fridges == wanted) {
        // Nothing is known of where it went wrong; each by itself would say.
        return Err(edit::unparsed(path).into());
    }
    changes.reverse();
    let mut lines = vec![0; changes.len()];
    let mut added = 0;
    for (place, change, order) in &changes {
        let line = source[..place.start].matches('\n').count() + 1;
        let own = change.matches('\n').count();
        // A line of its own begins behind the end of the one before.
        lines[*order] = line + added + own;
        added += own;
    }
    Ok((config, text, lines))
}

/// Where the setting goes, and what stands before it there: in place of the one that is there, or in a line below the
/// probe's, indented as that is. `None` where it is written in another way, or has a comment in it.
fn place(source: &str, table: &schema::Fridge) -> Option<(Range<usize>, String)> {
    if let Some(span) = table.calibration.as_ref().map(Spanned::span) {
        let present = &source[span.clone()];
        return (present.starts_with('{') && !present.contains('\n')).then_some((span, String::new()));
    }
    let probe = table.probe.span();
    let begin = source[..probe.start].rfind('\n').map_or(0, |end| end + 1);
    let before = &source[begin..probe.start];
    let indent = &before[..before.len() - before.trim_start().len()];
    if !before.trim_start().starts_with("probe") {
        return None;
    }
    let rest = &source[probe.end..];
    let end = probe.end + rest.find('\n').unwrap_or(rest.len());
    let (end, newline) = match source[..end].strip_suffix('\r') {
        Some(before) => (before.len(), "\r\n"),
        None => (end, "\n"),
    };
    Some((end..end, format!("{newline}{indent}{NAME}")))
}

fn value(measured: &Measured) -> String {
    let by = measured.by.as_ref().map(|by| {
        let escaped = by.replace('\\', "\\\\").replace('"', "\\\"");
        format!(", by = \"{escaped}\"")
    });
    let (offset, date) = (measured.offset, measured.date);
    format!("{{ offset = {offset:?}, date = \"{date}\"{} }}", by.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use jiff::civil::date;

    use super::*;

    const TEXT: &str = "[[bus]]\nkind = \"kernel\"\n\n[[fridge]]\nname = \"Milk\"\n  probe = '28-000000000001'  # new in May\nlimits = { max = 5 }\n\n[[fridge]]\nname = \"Meat\"\ncalibration = { offset = 0.5 } # by ear\nprobe = \"28-000000000002\"";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn measured(id: &str, number: u64, offset: f64, by: Option<&str>) -> Measured {
        let (probe, date) = (ProbeId::new(0x28, number), date(2026, 11, 28));
        Measured { id: id.to_owned(), probe, offset, date, by: by.map(str::to_owned) }
    }

    #[test]
    fn it_is_set_or_added_and_every_other_byte_stays() {
        let (_folder, path) = file(TEXT);
        let both = [measured("meat", 2, 0.31, None), measured("milk", 1, -0.44, Some("anna \"a\""))];
        can_calibrate(&path, &both).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
        assert_eq!(calibrate(&path, &both).unwrap(), [12, 7]);
        let milk = "  # new in May\n  calibration = { offset = -0.44, date = \"2026-11-28\", by = \"anna \\\"a\\\"\" }\nlimits";
        let wanted = TEXT
            .replace("  # new in May\nlimits", milk)
            .replace("{ offset = 0.5 }", "{ offset = 0.31, date = \"2026-11-28\" }");
        assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
        // Again: now it is there.
        assert_eq!(calibrate(&path, &[measured("milk", 1, 0.0, None)]).unwrap(), [7]);
        assert!(fs::read_to_string(&path).unwrap().contains("\n  calibration = { offset = 0.0, date"));
    }

    #[test]
    fn the_last_line_without_an_end_and_lines_of_windows_are_written_as_they_are() {
        for (text, said) in [
            (
                TEXT.replace("calibration = { offset = 0.5 } # by ear\n", ""),
                "02\"\ncalibration = { offset = 0.1,",
            ),
            (
                TEXT.replace("\n", "\r\n").replace("calibration = { offset = 0.5 } # by ear\r\n", "")
                    + "\r\n",
                "02\"\r\ncalibration = { offset = 0.1, date = \"2026-11-28\" }\r\n",
            ),
        ] {
            let (_folder, path) = file(&text);
            calibrate(&path, &[measured("meat", 2, 0.1, None)]).unwrap();
            let after = fs::read_to_string(&path).unwrap();
            assert!(after.contains(said), "{after}");
        }
    }

    #[test]
    fn what_cannot_be_written_changes_nothing_and_says_what_to_do() {
        let tables = "[[bus]]\nkind = \"kernel\"\n[[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\n[fridge.calibration]\noffset = 0.1\n";
        let milk_as = |calibration: &str| {
            format!(
                "[[bus]]\nkind = \"kernel\"\n[[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\ncalibration = {calibration}\n"
            )
        };
        let lines = &milk_as("{\n offset = 0.1, # by the lab\n}");
        let newer = &milk_as("{ offset = 0.1, date = \"2026-11-29\" }");
        let inline =
            "fridge = [{ name = \"Milk\", probe = \"28-000000000001\" }]\n[[bus]]\nkind = \"kernel\"\n";
        let points = format!(
            "{}\n[[fridge]]\nname = \"Bar\"\nprobe = \"28-000000000003\"\ncalibration = {{ points = [{{ shows = 0.4, is = 0 }}, {{ shows = 22.1, is = 21.5 }}] }}\n",
            TEXT
        );
        let milk = || measured("milk", 1, -0.44, None);
        for (text, wanted, said) in [
            (tables, milk(), "under Milk, set calibration = { offset = -0.44, date"),
            (inline, milk(), "under Milk, set calibration"),
            (lines, milk(), "under Milk, set calibration"),
            (newer, milk(), "Milk has a calibration of 2026-11-29, which is newer"),
            (TEXT, measured("milk", 9, 0.1, None), "both the id `milk`"),
            (TEXT, measured("mlik", 1, 0.1, None), "both the id `mlik`"),
            (&points, measured("bar", 3, 0.1, None), "Bar has a calibration of two points"),
        ] {
            let (_folder, path) = file(text);
            let error = calibrate(&path, &[wanted]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
