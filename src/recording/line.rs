//! One line of a log: which columns it has, and what its time and value say.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Unit;
use super::heading::Fields;
use crate::reading::Fault;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A line's time, its number, and the unit that stands behind that.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// When it was read; as read, it is taken as UTC where it names no zone.
    pub time: Timestamp,
    /// The value.
    pub number: f64,
    /// Whether the value is written with a decimal point or comma.
    pub has_fraction: bool,
    /// Its unit, where it is written.
    pub unit: Option<Unit>,
    /// Whether the time names its zone.
    pub is_zoned: bool,
    /// The fault that stands in place of the value.
    pub fault: Option<Fault>,
    /// Whether 85 °C is a reading, and no power-on reset.
    pub is_plain: bool,
}

impl Line {
    /// The line with the time that it was when clocks of that zone showed its time, where it names none. Of an hour that comes
    /// twice, in autumn, that is the second one where the clock was set back since the line before: where it shows an earlier
    /// time, and not by some minutes only; or the same time in a log of an hour a line.
    ///
    /// # Errors
    /// In words, where the calendar ends there.
    pub fn on_the_wall(self, zone: &TimeZone, before: &[(usize, Line)]) -> Result<Line, String> {
        if self.is_zoned {
            return Ok(self);
        }
        let shown = || zone.to_ambiguous_zoned_datetime(TimeZone::UTC.to_datetime(self.time));
        let first = shown().compatible().map_err(|error| error.to_string())?.timestamp();
        let second = || shown().later().map(|second| second.timestamp());
        let is_set_back = match before {
            [.., (_, line), (_, last)] if last.time == first => last.time.duration_since(line.time) >= HOUR,
            [.., (_, last)] => last.time.duration_since(first) >= HOUR / 2,
            [] => false,
        };
        let time = if is_set_back { second().unwrap_or(first) } else { first };
        Ok(Line { time, ..self })
    }
}

/// Reads a line: two columns with a semicolon, a tab, a comma or a space between them.
///
/// # Errors
/// Why it is none, in words.
pub fn read(line: &str) -> Result<Line, String> {
    let (time, value) = columns(line)?;
    of(&time, &value)
}

/// Reads a line whose columns a heading names, and perhaps the unit of its values.
///
/// # Errors
/// Why it is none, in words.
pub fn of_fields(fields: &Fields, unit: Option<Unit>) -> Result<Line, String> {
    let fault = fields.fault.as_deref().and_then(fault_of);
    let line = match fault {
        Some(_) if fields.value.is_empty() => Line { fault, ..of(&fields.time, "0")? },
        _ => of(&fields.time, &fields.value)?,
    };
    // Where faults have a column of their own, 85 °C is a reading like others.
    Ok(Line { unit: line.unit.or(unit), is_plain: fields.has_faults, ..line })
}

fn of(time: &str, value: &str) -> Result<Line, String> {
    let (time, is_zoned) = timestamp(time).ok_or_else(|| {
        format!("`{time}` is not a time: 2026-01-31 18:05:00 was expected, or seconds since 1970")
    })?;
    let (number, has_fraction, unit) = value_of(value)?;
    Ok(Line { time, number, has_fraction, unit, is_zoned, fault: None, is_plain: false })
}

/// The fault of its name in JSON and in what is exported.
fn fault_of(word: &str) -> Option<Fault> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

fn columns(line: &str) -> Result<(String, String), String> {
    let separator = [';', '\t', ','].into_iter().find(|separator| line.contains(*separator));
    let Some(separator) = separator else {
        // A time may have a space in it: the value is what follows the last one, with its unit.
        let (start, unit) = split_unit(line);
        let Some((time, number)) = start.trim_end().rsplit_once(char::is_whitespace) else {
            return Err(String::from(
                "a time and a value were expected, with a space or a comma between them",
            ));
        };
        return Ok((time.trim().to_owned(), format!("{number}{unit}")));
    };
    let mut fields: Vec<&str> =
        line.split(separator).map(|field| field.trim().trim_matches('"').trim()).collect();
    while fields.len() > 2 && fields.last().is_some_and(|field| field.is_empty()) {
        fields.pop();
    }
    match fields[..] {
        [time, value] => Ok((time.to_owned(), value.to_owned())),
        _ => Err(format!(
            "{} columns, and two were expected, a time and a value: leave the others out; where values have a decimal comma, let semicolons stand between the columns",
            fields.len()
        )),
    }
}

/// "4.5 °C": the number, whether it has a fraction, and the unit.
fn value_of(text: &str) -> Result<(f64, bool, Option<Unit>), String> {
    let (number, unit) = split_unit(text);
    let number = number.trim().replace('\u{2212}', "-").replace(',', ".");
    let parsed = number.parse().map_err(|_| match text {
        "" => String::from("there is no value"),
        _ => format!("`{text}` is not a number"),
    })?;
    Ok((parsed, number.contains('.'), unit_of(unit)))
}

/// A text without the unit at its end, and that unit.
fn split_unit(text: &str) -> (&str, &str) {
    let is_of_unit = |c: char| matches!(c, '°' | 'º' | 'C' | 'c' | 'F' | 'f' | '\u{2103}' | '\u{2109}');
    let number = text.trim_end().trim_end_matches(is_of_unit);
    (number, &text[number.len()..])
}

fn unit_of(text: &str) -> Option<Unit> {
    let last = text.trim().chars().next_back()?;
    match last {
        'C' | 'c' | '\u{2103}' => Some(Unit::Celsius),
        'F' | 'f' | '\u{2109}' => Some(Unit::Fahrenheit),
        _ => None,
    }
}

/// The time, and whether it names its zone.
fn timestamp(text: &str) -> Option<(Timestamp, bool)> {
    if let Some(time) = undivided(text) {
        return Some((time, false));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok().map(|time| (time, true));
    }
    let text = text.replacen('_', "T", 1);
    let zoned = text.parse::<Timestamp>().ok().map(|time| (time, true));
    zoned.or_else(|| utc(text.parse::<DateTime>().ok()?).map(|time| (time, false)))
}

/// A date and a time without anything between: 20251104, 202511042110 or 20251104211030. Seconds since 1970 have ten
/// digits.
fn undivided(text: &str) -> Option<Timestamp> {
    if !matches!(text.len(), 8 | 12 | 14) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part =
        |range: std::ops::Range<usize>| text.get(range).map_or(Some(0), |digits| digits.parse::<i8>().ok());
    let date = Date::new(text[..4].parse().ok()?, part(4..6)?, part(6..8)?).ok()?;
    utc(DateTime::from_parts(
        date,
        jiff::civil::Time::new(part(8..10)?, part(10..12)?, part(12..14)?, 0).ok()?,
    ))
}

fn utc(time: DateTime) -> Option<Timestamp> {
    Some(time.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}
