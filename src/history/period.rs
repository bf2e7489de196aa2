//! A period: what can be said of a time in the past. Words go in, such as "last week", "march" or "from sunday to tuesday
//! 14:00"; two moments come out. Days begin at midnight on the wall's clock, so that they have 23, 24 or 25 hours.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};

/// The longest time that can be said: "between 24 december 2025 22:00 and 26 december 2025 6:30".
const MOST_WORDS: usize = 12;
/// No period reaches back further, in hours: 30 years, because other logs may have been imported.
const LONGEST_HOURS: i64 = 30 * 366 * 24;

/// A time in the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its begin.
    pub from: Timestamp,
    /// Its end, which does not belong to it; never later than now.
    pub to: Timestamp,
    /// What it is called: "yesterday", "last 7 days", "2026-03-01 to 2026-03-31".
    pub name: String,
    /// What kind of period it is.
    pub kind: Kind,
}

impl Period {
    /// A time without a name of its own.
    pub fn between(from: Timestamp, to: Timestamp) -> Period {
        Period { from, to, name: String::new(), kind: Kind::Other }
    }
}

/// What kind of period it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The present day.
    Today,
    /// The day before.
    Yesterday,
    /// The last 24 hours.
    LastDay,
    /// Any other.
    Other,
}

/// The period that the words end with, and how many words it is; the longest that can be read. `None` where the last word
/// is about no time.
pub fn at_end(words: &[&str], now: &ZonedDateTime) -> Option<(Period, usize)> {
    // A message may have thousands of words.
    let words = &words[words.len().saturating_sub(MOST_WORDS)..];
    let folded: Vec<String> = words.iter().map(|word| folded(word)).collect();
    (folded.len().saturating_sub(MOST_WORDS)..folded.len()).find_map(|first| {
        let tail: Vec<&str> = folded[first..].iter().map(String::as_str).collect();
        Some((parse(&tail, now)?, folded.len() - first))
    })
}

/// The period of these words alone.
pub fn of(words: &str, now: &ZonedDateTime) -> Option<Period> {
    let words: Vec<&str> = words.split_whitespace().collect();
    at_end(&words, now).filter(|(_, length)| *length == words.len()).map(|(period, _)| period)
}

/// How many of the last words say a time that has not come yet: "tomorrow", "next week", "31 december 2099".
pub fn ahead(words: &[&str], now: &ZonedDateTime) -> Option<usize> {
    let words: Vec<String> = words.iter().map(|word| folded(word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_ahead = |words: &[&str]| moment(words, now).is_some_and(|(from, _)| from > *now);
    match words[..] {
        [.., "tomorrow"] => Some(1),
        [.., "next", unit]
            if matches!(unit, "hour" | "day" | "week" | "month" | "year")
                || weekday(unit).is_some()
                || month_number(unit).is_some() =>
        {
            Some(2)
        }
        _ => (1..=words.len().min(4)).rev().find(|length| is_ahead(&words[words.len() - length..])),
    }
}

fn folded(word: &str) -> String {
    word.trim_end_matches([',', '?', '.']).to_lowercase()
}

fn parse(words: &[&str], now: &ZonedDateTime) -> Option<Period> {
    let words = match words {
        ["on" | "in" | "over" | "during" | "for", rest @ ..] if !rest.is_empty() => rest,
        words => words,
    };
    let words = match words {
        ["the", rest @ ..] => rest,
        words => words,
    };
    if let Some(rest) = words.strip_prefix(&["since"]) {
        let (from, _) = moment(rest, now)?;
        let name = format!("since {}", rest.join(" "));
        return period(from, now.clone(), name, Kind::Other, now);
    }
    if let ["from" | "between", rest @ ..] = words {
        let middle =
            rest.iter().position(|word| matches!(*word, "to" | "until" | "till" | "and" | "-" | "–"))?;
        let (from, _) = moment(&rest[..middle], now)?;
        // "to Tuesday" includes Tuesday.
        let (_, to) = moment(&rest[middle + 1..], now)?;
        let name = format!("{} to {}", rest[..middle].join(" "), rest[middle + 1..].join(" "));
        return period(from, to, name, Kind::Other, now);
    }
    if let Some(ago) = length(words) {
        let from = now.checked_sub(ago).ok()?;
        let hours = ago.get_hours() + i32::from(ago.get_days() as i16) * 24;
        let is_day = ago.get_days() * 24 + ago.get_hours() == 24;
        let name = match (ago.get_days(), ago.get_hours()) {
            _ if is_day => String::from("last 24 h"),
            (0, 0) => format!("last {} min", ago.get_minutes()),
            (0, _) => format!("last {hours} h"),
            (days, _) => format!("last {days} days"),
        };
        let kind = if is_day { Kind::LastDay } else { Kind::Other };
        return period(from, now.clone(), name, kind, now);
    }
    let today = now.date();
    let (from, to) = moment(words, now)?;
    let (name, kind) = match words {
        ["today"] => (String::from("today"), Kind::Today),
        ["yesterday"] => (String::from("yesterday"), Kind::Yesterday),
        _ => {
            let (first, last) = (from.date(), to.date().yesterday().unwrap_or(today));
            let name = if first >= last || to.datetime().time() != Time::midnight() {
                first.to_string()
            } else {
                format!("{first} to {last}")
            };
            let weekday = words.len() == 1 && weekday(words[0]).is_some();
            (if weekday { format!("{} {name}", first.strftime("%A")) } else { name }, Kind::Other)
        }
    };
    period(from, to, name, kind, now)
}

fn period(
    from: ZonedDateTime,
    to: ZonedDateTime,
    name: String,
    kind: Kind,
    now: &ZonedDateTime,
) -> Option<Period> {
    let to = to.timestamp().min(now.timestamp());
    let from = from.timestamp();
    let earliest = now.timestamp().checked_sub(LONGEST_HOURS.hours()).ok()?;
    (from < to && from >= earliest).then_some(Period { from, to, name, kind })
}

/// "24h", "7d", "2 weeks", "last 30 days", "90 min"
fn length(words: &[&str]) -> Option<Span> {
    let words = match words {
        ["last" | "past", rest @ ..] if !rest.is_empty() => rest,
        words => words,
    };
    let (number, unit) = match words {
        ["day"] => ("24", "h"),
        [word] => word.split_at(word.find(|letter: char| !letter.is_ascii_digit())?),
        [number, unit] => (*number, *unit),
        _ => return None,
    };
    let number: i64 = number.parse().ok().filter(|number| (1..=40_000).contains(number))?;
    match unit {
        "min" | "mins" | "minute" | "minutes" => Some(number.minutes()),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(number.hours()),
        "d" | "day" | "days" if number == 1 => Some(24.hours()),
        "d" | "day" | "days" if number <= 3_000 => Some(number.days()),
        "w" | "week" | "weeks" if number <= 400 => Some((number * 7).days()),
        "month" | "months" if number <= 60 => Some((number * 30).days()),
        "y" | "year" | "years" if number <= 10 => Some((number * 365).days()),
        _ => None,
    }
}

/// A day, a week, a month, a year, or a minute of a day: its begin and its end.
fn moment(words: &[&str], now: &ZonedDateTime) -> Option<(ZonedDateTime, ZonedDateTime)> {
    let words = match words {
        ["the" | "on", rest @ ..] if !rest.is_empty() => rest,
        words => words,
    };
    let today = now.date();
    let zone = now.time_zone().clone();
    let days = |first: Date, next: Date| {
        Some((first.to_zoned_datetime(zone.clone()).ok()?, next.to_zoned_datetime(zone.clone()).ok()?))
    };
    let day = |date: Date| days(date, date.tomorrow().ok()?);
    let month = |date: Date| days(date.first_of_month(), date.last_of_month().tomorrow().ok()?);
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    match words {
        [] => None,
        ["now"] => Some((now.clone(), now.clone())),
        ["today"] => day(today),
        ["yesterday"] => day(today.yesterday().ok()?),
        ["this", "week"] | ["week"] => days(monday, monday.checked_add(7.days()).ok()?),
        ["last", "week"] => days(monday.checked_sub(7.days()).ok()?, monday),
        ["this", "month"] | ["month"] => month(today),
        ["last", "month"] => month(today.first_of_month().yesterday().ok()?),
        ["this", "year"] | ["year"] => days(today.first_of_year(), today.last_of_year().tomorrow().ok()?),
        ["last", "year"] => {
            let before = today.first_of_year().yesterday().ok()?;
            days(before.first_of_year(), today.first_of_year())
        }
        ["last", name] if weekday(name).is_some() => {
            let ago = today.since(Date::MIN).ok().and(weekday(name))?;
            day(latest(today.yesterday().ok()?, ago)?)
        }
        [before @ .., time] if !before.is_empty() && clock(time).is_some() => {
            let date = moment(before, now)?.0.date();
            let at = DateTime::from_parts(date, clock(time)?).to_zoned_datetime(zone).ok()?;
            Some((at.clone(), at))
        }
        [time] if time.contains(':') && clock(time).is_some() => {
            let at = DateTime::from_parts(today, clock(time)?).to_zoned_datetime(zone).ok()?;
            Some((at.clone(), at))
        }
        [name] => {
            if let Some(weekday) = weekday(name) {
                return day(latest(today, weekday)?);
            }
            if let Some(number) = month_number(name) {
                // The newest that has begun.
                // A year that the calendar does not have is no answer, and why does not matter.
                let of_year = |year| Date::new(year, number, 1).ok();
                let date = of_year(today.year()).filter(|date| *date <= today);
                return month(date.or_else(|| of_year(today.year() - 1))?);
            }
            if let Ok(date) = name.parse::<Date>() {
                return day(date);
            }
            match name.split_once('-').map(|(year, month)| (year.parse(), month.parse())) {
                // "2026-03"
                Some((Ok(year), Ok(number))) if name.len() == 7 => month(Date::new(year, number, 1).ok()?),
                _ => {
                    let year: i16 = name.parse().ok().filter(|year| (2000..2200).contains(year))?;
                    let first = Date::new(year, 1, 1).ok()?;
                    days(first, first.last_of_year().tomorrow().ok()?)
                }
            }
        }
        [one, other] => match (month_number(one), month_number(other)) {
            // "march 2026" before "march 14": no month has 2,026 days.
            (Some(number), None) => match other.parse::<i16>().ok().filter(|year| *year >= 2000) {
                Some(year) => month(Date::new(year, number, 1).ok()?),
                None => day(of_month(today, number, other)?),
            },
            (None, Some(number)) => day(of_month(today, number, one)?),
            _ => None,
        },
        [one, other, year] => {
            let year: i16 = year.parse().ok().filter(|year| *year >= 2000)?;
            let (number, date) = match (month_number(one), month_number(other)) {
                (Some(number), None) => (number, other),
                (None, Some(number)) => (number, one),
                _ => return None,
            };
            day(Date::new(year, number, day_number(date)?).ok()?)
        }
        _ => None,
    }
}

/// The latest such day of the week that is not after that date.
fn latest(date: Date, weekday: Weekday) -> Option<Date> {
    date.checked_sub(i64::from(weekday.until(date.weekday())).days()).ok()
}

/// The newest such day that has begun.
fn of_month(today: Date, month: i8, day: &str) -> Option<Date> {
    let day = day_number(day)?;
    // The 31st of February is no day, in any year.
    let of_year = |year| Date::new(year, month, day).ok();
    of_year(today.year()).filter(|date| *date <= today).or_else(|| of_year(today.year() - 1))
}

/// "14", "14th", "14."
fn day_number(word: &str) -> Option<i8> {
    word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '.').parse().ok()
}

/// "14:00", "2:10", "14h" is a length and not a time.
fn clock(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    match word {
        "monday" | "mon" => Some(Weekday::Monday),
        "tuesday" | "tue" | "tues" => Some(Weekday::Tuesday),
        "wednesday" | "wed" => Some(Weekday::Wednesday),
        "thursday" | "thu" | "thurs" => Some(Weekday::Thursday),
        "friday" | "fri" => Some(Weekday::Friday),
        "saturday" | "sat" => Some(Weekday::Saturday),
        "sunday" | "sun" => Some(Weekday::Sunday),
        _ => None,
    }
}

fn month_number(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let named = |month: &&str| *month == word || word.len() >= 3 && month.starts_with(word);
    MONTHS.iter().position(named).and_then(|index| i8::try_from(index + 1).ok())
}

#[cfg(test)]
mod tests;
