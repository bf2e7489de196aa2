//! A temperature log from a file: `timestamp value` or `timestamp,value` a line goes in, points in
//! time come out, to be played on a simulated wire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::reading::{Celsius, Fault, Sample};

pub mod heading;
mod line;
mod text;

use heading::Heading;
use line::Line;
use text::text_of;

/// One broken line is passed over where there are so many good ones.
const GOOD_LINES_FOR_A_BROKEN_ONE: usize = 10;
/// A time between two points that is longer than so many usual ones is a gap.
const GAP_PERIODS: u32 = 5;
/// Whole numbers that are all no larger are degrees, and no thousandths of one.
const LARGEST_DEGREES: f64 = 200.0;

/// What a probe reads that has lost its power; and what a fridge in an oven does.
const POWER_ON: Celsius = Celsius::from_sixteenths(85 * 16);

/// A temperature log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// When it began: the time of the first line.
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
    /// Another fault.
    Fault(Fault),
    /// No answer: the log has a gap.
    Nothing,
}

impl Played {
    /// What a probe would have said; `None` in a gap.
    pub fn sample(self) -> Option<Sample> {
        match self {
            Played::Value(celsius) => Some(Ok(celsius)),
            Played::PowerOnReset => Some(Err(Fault::PowerOnReset)),
            Played::Fault(fault) => Some(Err(fault)),
            Played::Nothing => None,
        }
    }
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
    /// It is about several fridges.
    #[error("the recording {} is about several fridges: {}; name one of them", path.display(), fridges.join(", "))]
    Several {
        /// The file.
        path: PathBuf,
        /// Their names.
        fridges: Vec<String>,
    },
    /// There is not a single value in it.
    #[error("the recording {} holds no line with a time and a value", .0.display())]
    Empty(PathBuf),
}

impl Recording {
    /// Reads a file: UTF-8, or Latin-1 where it is not that. Times that name no zone are taken as UTC.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn read(path: &Path, unit: Option<Unit>) -> Result<Recording, Error> {
        Recording::read_of(path, unit, None, &TimeZone::UTC)
    }

    /// The same of a file about several fridges, of one of them; its times are of that zone, where they name none.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn read_of(
        path: &Path,
        unit: Option<Unit>,
        fridge: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Recording, Error> {
        Recording::parse_of(path, &text_of(path)?, unit, fridge, zone)
    }

    /// The fridges that the heading of a file says its lines are about, in their order; none where it says nothing of them.
    ///
    /// # Errors
    /// [`Error::Unreadable`]
    pub fn fridges(path: &Path) -> Result<Vec<String>, Error> {
        Ok(fridges_of(&text_of(path)?))
    }

    /// Reads the text of the file at that path. Where no unit is given nor written, values are degrees Celsius if one
    /// has a decimal point or all lie within ±200, else thousandths of a degree. Empty lines, lines that begin with
    /// `#`, and headings are passed over; so are broken lines, as long as they are few: a power cut leaves one.
    ///
    /// # Errors
    /// [`Error`], with the line.
    pub fn parse(path: &Path, text: &str, unit: Option<Unit>) -> Result<Recording, Error> {
        Recording::parse_of(path, text, unit, None, &TimeZone::UTC)
    }

    fn parse_of(
        path: &Path,
        text: &str,
        unit: Option<Unit>,
        fridge: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Recording, Error> {
        let fridges = fridges_of(text);
        if fridge.is_none() && fridges.len() > 1 {
            return Err(Error::Several { path: path.to_owned(), fridges });
        }
        let at_line = |line: usize, reason: String| Error::Line { path: path.to_owned(), line, reason };
        let mut lines: Vec<(usize, Line)> = Vec::new();
        let mut passed_over: Vec<(usize, String)> = Vec::new();
        let (mut heading, mut columns) = (None, None);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A first line without a digit names the columns; logs are pasted one behind another, each with its own.
            let is_first = lines.is_empty() && passed_over.is_empty() && heading.is_none();
            if is_first && !line.contains(|character: char| character.is_ascii_digit()) {
                (heading, columns) = (Some(line), Heading::read(line));
                continue;
            }
            if heading == Some(line) {
                continue;
            }
            let read = match &columns {
                Some(columns) => match columns.fields(line) {
                    Ok(fields) if fridge.is_some() && fields.fridge.as_deref() != fridge => continue,
                    fields => fields.and_then(|fields| line::of_fields(&fields, columns.unit)),
                },
                None => line::read(line),
            };
            let before = lines.last().map(|(_, line)| line.time);
            let read = read.and_then(|line| line.on_the_wall(zone, &lines));
            match read {
                Ok(read) if before.is_some_and(|before| read.time < before) => {
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
            match point_of(line, unit) {
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
            Played::PowerOnReset | Played::Fault(_) | Played::Nothing => None,
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

/// The fridges that the heading of a text says its lines are about.
fn fridges_of(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut fridges: Vec<String> = Vec::new();
    let Some(first) = lines.next() else { return fridges };
    let Some(heading) = Heading::read(first) else { return fridges };
    for fridge in lines.filter(|line| *line != first).filter_map(|line| heading.fields(line).ok()?.fridge) {
        if !fridges.contains(&fridge) {
            fridges.push(fridge);
        }
    }
    fridges
}

/// What a line says; where it names no fault, what its value is.
fn point_of(line: &Line, unit: Unit) -> Result<Played, String> {
    match (line.fault, played(line.number, unit)) {
        (Some(fault), _) => Ok(played_fault(fault)),
        (None, Ok(Played::PowerOnReset)) if line.is_plain => Ok(Played::Value(POWER_ON)),
        (None, played) => played,
    }
}

fn played_fault(fault: Fault) -> Played {
    match fault {
        Fault::PowerOnReset => Played::PowerOnReset,
        fault => Played::Fault(fault),
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
mod tests;
