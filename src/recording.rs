//! A temperature log from a file: `timestamp value` or `timestamp,value` a line goes in, points in
//! time come out, to be played on a simulated wire.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::reading::Celsius;

mod line;

use line::Line;

/// One broken line is passed over where there are so many good ones.
const GOOD_LINES_FOR_A_BROKEN_ONE: usize = 10;
/// A time between two points that is longer than so many usual ones is a gap.
const GAP_PERIODS: u32 = 5;
/// Whole numbers that are all no larger are degrees, and no thousandths of one.
const LARGEST_DEGREES: f64 = 200.0;

/// A temperature log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// When it began: the time of the first line, taken as UTC where that names no zone.
    pub began: Timestamp,
    /// The points, in the order of their times; never empty.
    pub points: Vec<Point>,
    /// What was understood of the file.
    pub understood: Understood,
    /// The [period](Recording::period).
    usual: Duration,
}

/// What was understood of a file: worth a look before anybody believes what is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// The unit of its values.
    pub unit: Unit,
    /// The longest time between two points.
    pub longest_gap: Duration,
    /// How many lines were passed over.
    pub passed_over: usize,
    /// The first of those, and why.
    pub first_passed_over: Option<(usize, String)>,
}

/// One line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The time since the first line.
    pub at: Duration,
    /// What was recorded then.
    pub value: Played,
}

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// A temperature, rounded to a sixteenth of a degree.
    Value(Celsius),
    /// 85 °C: what a probe says that has lost its power, and played as that.
    PowerOnReset,
    /// No answer: the log has a gap.
    Nothing,
}

/// The unit of a recording's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Degrees Celsius.
    Celsius,
    /// Degrees Fahrenheit.
    Fahrenheit,
    /// Thousandths of a degree Celsius, as the Linux kernel writes them.
    MilliCelsius,
}

/// Why a file is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the recording {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A line is broken.
    #[error("the recording {}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is not a single value in it.
    #[error("the recording {} holds no line with a time and a value", .0.display())]
    Empty(PathBuf),
}

impl Recording {
    /// Reads a file: UTF-8, or Latin-1 where it is not that.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn read(path: &Path, unit: Option<Unit>) -> Result<Recording, Error> {
        let failed = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            let cure = format!(
                "it is UTF-16: convert it, with iconv -f UTF-16 -t UTF-8 {} > log.csv",
                path.display()
            );
            return Err(failed(cure));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // Each byte of Latin-1 is the character of its number.
            Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        };
        Recording::parse(path, text.trim_start_matches('\u{feff}'), unit)
    }

    /// Reads the text of the file at that path. Where no unit is given nor written, values are degrees Celsius if one
    /// has a decimal point or all lie within ±200, else thousandths of a degree. Empty lines, lines that begin with
    /// `#`, and headings are passed over; so are broken lines, as long as they are few: a power cut leaves one.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn parse(path: &Path, text: &str, unit: Option<Unit>) -> Result<Recording, Error> {
        let at_line = |line: usize, reason: String| Error::Line { path: path.to_owned(), line, reason };
        let mut lines: Vec<(usize, Line)> = Vec::new();
        let mut passed_over: Vec<(usize, String)> = Vec::new();
        let mut heading = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A first line without a digit names the columns; logs are pasted one behind another, each with its own.
            let is_first = lines.is_empty() && passed_over.is_empty() && heading.is_none();
            if is_first && !line.contains(|character: char| character.is_ascii_digit()) {
                heading = Some(line);
                continue;
            }
            if heading == Some(line) {
                continue;
            }
            match line::read(line) {
                Ok(read) if lines.last().is_some_and(|(_, before)| read.time < before.time) => {
                    passed_over.push((index + 1, String::from("its time is before that of the line above")));
                }
                Ok(read) => lines.push((index + 1, read)),
                Err(reason) => passed_over.push((index + 1, reason)),
            }
        }
        let unit =
            unit.or_else(|| lines.iter().find_map(|(_, line)| line.unit)).unwrap_or_else(|| unit_of(&lines));
        let first = lines.first().map(|(_, line)| line.time);
        let mut points = Vec::with_capacity(lines.len());
        for (number, line) in &lines {
            let at = line.time.duration_since(first.unwrap_or(line.time)).unsigned_abs();
            match played(line.number, unit) {
                Ok(value) => points.push(Point { at, value }),
                Err(reason) => passed_over.push((*number, reason)),
            }
        }
        passed_over.sort_by_key(|(line, _)| *line);
        let is_few = passed_over.len() * GOOD_LINES_FOR_A_BROKEN_ONE <= points.len();
        if let Some((line, reason)) = passed_over.first().filter(|_| !is_few) {
            return Err(at_line(*line, reason.clone()));
        }
        let Some(began) = first else { return Err(Error::Empty(path.to_owned())) };
        let gaps = points.windows(2).map(|pair| pair[1].at - pair[0].at);
        let understood = Understood {
            unit,
            longest_gap: gaps.max().unwrap_or_default(),
            passed_over: passed_over.len(),
            first_passed_over: passed_over.into_iter().next(),
        };
        let mut recording = Recording { began, points, understood, usual: Duration::ZERO };
        recording.usual = recording.period();
        Ok(recording)
    }

    /// From one reading to the next, usually: the median.
    pub fn period(&self) -> Duration {
        let mut steps: Vec<Duration> = self
            .points
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .filter(|step| !step.is_zero())
            .collect();
        let middle = steps.len() / 2;
        if steps.is_empty() { Duration::ZERO } else { *steps.select_nth_unstable(middle).1 }
    }

    /// The readings; what a probe says that has lost its power is none.
    pub fn readings(&self) -> impl Iterator<Item = (Duration, Celsius)> {
        self.points.iter().filter_map(|point| match point.value {
            Played::Value(celsius) => Some((point.at, celsius)),
            Played::PowerOnReset | Played::Nothing => None,
        })
    }

    /// What was recorded at that time since the first line: the newest point by then. After the last
    /// point, once the interval before it has passed again, it starts over. In a gap of the log nothing is played.
    pub fn at(&self, elapsed: Duration) -> Played {
        let ends = self.points.last().map_or(Duration::ZERO, |last| last.at);
        let before_last = self.points.iter().rev().find(|point| point.at < ends);
        let length = ends + before_last.map_or(Duration::ZERO, |point| ends - point.at);
        let elapsed = match length.as_nanos() {
            0 => Duration::ZERO,
            length => {
                let left = elapsed.as_nanos() % length;
                Duration::new((left / 1_000_000_000) as u64, (left % 1_000_000_000) as u32)
            }
        };
        let next = self.points.partition_point(|point| point.at <= elapsed);
        let point = self.points[next.saturating_sub(1)];
        let lasts = self.points.get(next).map_or(Duration::ZERO, |next| next.at - point.at);
        let is_gap = lasts > self.usual * GAP_PERIODS && elapsed >= point.at + self.usual;
        if is_gap { Played::Nothing } else { point.value }
    }
}

/// The unit of numbers that none stands behind.
fn unit_of(lines: &[(usize, Line)]) -> Unit {
    let are_degrees = lines.iter().all(|(_, line)| line.number.abs() <= LARGEST_DEGREES);
    if are_degrees || lines.iter().any(|(_, line)| line.has_fraction) {
        Unit::Celsius
    } else {
        Unit::MilliCelsius
    }
}

fn played(number: f64, unit: Unit) -> Result<Played, String> {
    let degrees = match unit {
        Unit::Celsius => number,
        Unit::Fahrenheit => (number - 32.0) / 1.8,
        Unit::MilliCelsius => number / 1000.0,
    };
    match Celsius::from_degrees(degrees) {
        Some(celsius) if degrees == 85.0 && celsius.degrees() == 85.0 => Ok(Played::PowerOnReset),
        Some(celsius) => Ok(Played::Value(celsius)),
        None => {
            Err(format!("{degrees} °C is outside what a probe can read (−55 to +125 °C): is the unit right?"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, unit: Option<Unit>) -> Result<Recording, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        fs::write(&path, text).unwrap();
        Recording::read(&path, unit)
    }

    fn value(degrees: f64) -> Played {
        Played::Value(Celsius::from_degrees(degrees).unwrap())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn times_and_values_of_every_shape() {
        let text = "timestamp,value\n2026-01-01 00:00:00,4.5\n\n# a notice\n2026-01-01T00:01:00,-3.06\n2026-01-01T01:02:00+01:00,85.0\n";
        let recording = read(text, None).unwrap();
        let points: Vec<_> = recording.points.iter().map(|point| (point.at.as_secs(), point.value)).collect();
        assert_eq!(points, [(0, value(4.5)), (60, value(-3.0625)), (120, Played::PowerOnReset)]);

        let kernel = read("2017-06-30_15:20:02 27812\n2017-06-30_15:30:02 85000\n", None).unwrap();
        assert_eq!(kernel.points[0].value, value(27.8125));
        assert_eq!(kernel.points[1], Point { at: seconds(600), value: Played::PowerOnReset });

        let seconds_and_fahrenheit =
            read("1767225600 41\n1767225660.5 50\n", Some(Unit::Fahrenheit)).unwrap();
        assert_eq!(
            seconds_and_fahrenheit.points[1],
            Point { at: Duration::from_millis(60_500), value: value(10.0) }
        );
    }

    #[test]
    fn a_broken_line_is_named() {
        for (text, line, reason) in [
            ("2026-01-01 00:00:00,4.5\nyesterday,5.0\n", 2, "`yesterday` is not a time"),
            ("2026-01-01 00:00:00,warm\n", 1, "`warm` is not a number"),
            ("2026-01-01 00:00:00,4.5\n2026-01-01 00:00:00,-\n", 2, "`-` is not a number"),
            ("4.5\n", 1, "a time and a value were expected"),
            ("2025-02-22 15:07:03,22,21\n", 1, "3 columns, and two were expected"),
            ("2026-01-01 00:00:00,\n", 1, "there is no value"),
            ("2026-01-02 00:00:00,4.5\n2026-01-01 00:00:00,4.5\n", 2, "before that of the line above"),
            ("2026-01-01 00:00:00,70.5\n2026-01-01 00:00:00,200.0\n", 2, "is the unit right?"),
            ("2026-01-01 00:00:00,NaN\n", 1, "outside what a probe can read"),
        ] {
            match read(text, None) {
                Err(Error::Line { line: at, reason: said, .. }) => {
                    assert_eq!(at, line, "{said}");
                    assert!(said.contains(reason), "{said}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(read("timestamp,value\n", None), Err(Error::Empty(_))));
        assert!(matches!(Recording::read(Path::new("/nowhere"), None), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn columns_quotes_units_and_encodings_of_many_programs() {
        let first = |text: &str| read(text, None).unwrap().points[0].value;
        for text in [
            "2026-01-01 00:00:00;4.5\n",
            "2026-01-01 00:00:00;4,5\n",
            "\"2026-01-01 00:00:00\",\"4.5\"\n",
            "2026-01-01 00:00:00\t4.5\n",
            "2026-01-01 00:00:00,4.5 °C\n",
            "2026-01-01 00:00:00 4.5°C\n",
            "2026-01-01 00:00:00,40.1 °F\n",
            "2026-01-01 00:00:00,4.5,\n",
            "\u{feff}2026-01-01 00:00:00,4.5\n",
            "202601010000 4.5\n",
        ] {
            assert_eq!(first(text), value(4.5), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin1.csv");
        fs::write(&path, b"2026-01-01 00:00:00;4,5 \xB0C\n").unwrap();
        assert_eq!(Recording::read(&path, None).unwrap().points[0].value, value(4.5));
        fs::write(&path, b"\xFF\xFE2\x000\x00").unwrap();
        assert!(Recording::read(&path, None).unwrap_err().to_string().contains("iconv -f UTF-16"));
        assert_eq!(read("202511042110 4.5\n", None).unwrap().began.to_string(), "2025-11-04T21:10:00Z");
    }

    #[test]
    fn whole_numbers_are_degrees_unless_they_are_too_large_for_that() {
        let first = |text: &str| {
            let recording = read(text, None).unwrap();
            (recording.points[0].value, recording.understood.unit)
        };
        assert_eq!(first("2018-04-02 17:32:04,69\n"), (value(69.0), Unit::Celsius));
        assert_eq!(first("2018-04-02 17:32:04,4187\n"), (value(4.1875), Unit::MilliCelsius));
    }

    #[test]
    fn a_few_broken_lines_are_passed_over_and_counted_and_a_gap_plays_as_no_answer() {
        let mut text = String::from("time,value\n");
        for minute in 0..60 {
            // The machine was off for half an hour.
            let at = minute * 60 + if minute >= 30 { 1_800 } else { 0 };
            text += &format!("{},{}.5\n", 1_767_225_600 + at, minute % 10);
        }
        text += "time,value\n17672\u{0}\u{0}garbled\n1767232800,\n1767232860,4.";
        text += "\n17672";
        let recording = read(&text, None).unwrap();
        assert_eq!((recording.points.len(), recording.understood.passed_over), (61, 3));
        assert_eq!(recording.understood.first_passed_over.as_ref().unwrap().0, 63);
        assert_eq!(recording.understood.longest_gap, seconds(1_920));
        assert_eq!(recording.at(seconds(29 * 60 + 30)), value(9.5));
        assert_eq!(recording.at(seconds(31 * 60)), Played::Nothing);
        assert_eq!(recording.at(seconds(60 * 60)), value(0.5));
    }

    #[test]
    fn it_plays_the_newest_point_and_begins_anew_after_the_last_ones_interval() {
        let recording = read("0 1.0\n60 2.0\n120 3.0\n", None).unwrap();
        for (elapsed, degrees) in
            [(0, 1.0), (59, 1.0), (60, 2.0), (120, 3.0), (179, 3.0), (180, 1.0), (240, 2.0)]
        {
            assert_eq!(recording.at(seconds(elapsed)), value(degrees), "{elapsed} s");
        }
        let single = read("0 1.5\n", None).unwrap();
        assert_eq!(single.at(seconds(1_000_000)), value(1.5));
    }

    #[test]
    fn real_recordings_load_with_every_line() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
        let kernel = Recording::read(&folder.join("etinkers_ds18b20_10min_2017.log"), None).unwrap();
        assert_eq!(kernel.points.len(), 3_435);
        let resets = kernel.points.iter().filter(|point| point.value == Played::PowerOnReset).count();
        assert_eq!(resets, 334);
        let office = folder.join("nab_ambient_temperature_system_failure.csv");
        assert_eq!(Recording::read(&office, Some(Unit::Fahrenheit)).unwrap().points.len(), 7_267);
    }
}
