//! A temperature log from a file: `timestamp value` or `timestamp,value` a line goes in, points in
//! time come out, to be played on a simulated wire.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::reading::Celsius;

/// A temperature log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// When it began: the time of the first line, taken as UTC where that names no zone.
    pub began: Timestamp,
    /// The points, in the order of their times; never empty.
    pub points: Vec<Point>,
}

/// One line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The time since the first line.
    pub at: Duration,
    /// What was recorded then.
    pub value: Played,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// A temperature, rounded to a sixteenth of a degree.
    Value(Celsius),
    /// 85 °C: what a probe says that has lost its power, and played as that.
    PowerOnReset,
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
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn read(path: &Path, unit: Option<Unit>) -> Result<Recording, Error> {
        let text = fs::read_to_string(path)
            .map_err(|error| Error::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
        Recording::parse(path, &text, unit)
    }

    /// Reads the text of the file at that path. Without a unit its values are degrees Celsius where any has a
    /// decimal point, else thousandths of a degree. Empty lines, lines that begin with `#`, and a heading are
    /// passed over.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn parse(path: &Path, text: &str, unit: Option<Unit>) -> Result<Recording, Error> {
        let at_line = |line: usize, reason: String| Error::Line { path: path.to_owned(), line, reason };

        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || is_heading(line, lines.is_empty()) {
                continue;
            }
            let (time, value) = split(line).map_err(|reason| at_line(index + 1, reason))?;
            lines.push((index + 1, time, value));
        }
        let fraction = lines.iter().any(|(_, _, value)| value.contains('.'));
        let unit = unit.unwrap_or(if fraction { Unit::Celsius } else { Unit::MilliCelsius });

        let Some((_, first, _)) = lines.first() else { return Err(Error::Empty(path.to_owned())) };
        let (first, mut before) = (*first, *first);
        let mut points = Vec::with_capacity(lines.len());
        for (line, time, value) in lines {
            if time < before {
                return Err(at_line(line, String::from("its time is before that of the line above")));
            }
            before = time;
            let at = time.duration_since(first).unsigned_abs();
            let value = played(value, unit).map_err(|reason| at_line(line, reason))?;
            points.push(Point { at, value });
        }
        Ok(Recording { began: first, points })
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
            Played::PowerOnReset => None,
        })
    }

    /// What was recorded at that time since the first line: the newest point by then. After the last
    /// point, once the interval before it has passed again, it starts over.
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
        self.points[next.saturating_sub(1)].value
    }
}

/// A first line without a digit names the columns.
fn is_heading(line: &str, first: bool) -> bool {
    first && !line.contains(|character: char| character.is_ascii_digit())
}

/// The time and the value of a line. A time may contain spaces, so the value is what follows the last
/// comma, or the last space where there is no comma.
fn split(line: &str) -> Result<(Timestamp, &str), String> {
    let parts = line.rsplit_once(',').or_else(|| line.rsplit_once(char::is_whitespace));
    let Some((time, value)) = parts else {
        return Err(String::from("a time and a value were expected, with a space or a comma between them"));
    };
    let (time, value) = (time.trim(), value.trim());
    match timestamp(time) {
        Some(time) => Ok((time, value)),
        None => {
            Err(format!("`{time}` is not a time: 2026-01-31 18:05:00 was expected, or seconds since 1970"))
        }
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Timestamp::from_millisecond((seconds * 1000.0) as i64).ok();
    }
    let text = text.replacen('_', "T", 1);
    let zoned = text.parse::<Timestamp>().ok();
    // A time without a zone is taken as UTC: only the distances matter, and UTC has no gaps.
    zoned.or_else(|| {
        text.parse::<DateTime>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|time| time.timestamp())
    })
}

fn played(text: &str, unit: Unit) -> Result<Played, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
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
