//! The chart of a fridge over some time, as SVG: a band from the lowest to the highest reading, the mean as a line, the
//! limits, and what is set off: times outside the limits, times without readings, defrosts, alarms. It prints as sharp as
//! the text, needs no script, and says in its title what it shows.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::doc::html::escaped;
use crate::fridge::Limits;
use crate::store::bucket::Aggregate;
use crate::text::Units;

mod braille;
mod letters;
mod picture;
mod scale;

pub use picture::Error as PictureError;

use scale::Scale;

/// What a chart shows.
pub struct Chart<'a> {
    /// What it shows, in a sentence for who cannot see it.
    pub label: String,
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// What each step comes to that has readings, the earliest first.
    pub points: &'a [(Timestamp, Aggregate)],
    /// How long a step is, in seconds.
    pub step_s: i64,
    /// What the fridge may have.
    pub limits: Limits,
    /// Times that are set off.
    pub spans: Vec<Span>,
    /// Moments that are set off.
    pub marks: Vec<Mark>,
    /// The zone of its times.
    pub zone: &'a TimeZone,
    /// The unit of its temperatures.
    pub units: Units,
    /// Its width and height in its own units; the page scales it.
    pub size: (f64, f64),
}

/// A time that is set off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: SpanKind,
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// What is said of it.
    pub title: String,
}

/// What a time is that is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum SpanKind {
    /// The fridge was outside its limits.
    Outside,
    /// There were no readings.
    Gap,
    /// Warmth was expected.
    Defrost,
}

/// A moment that is set off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What happened.
    pub kind: MarkKind,
    /// When.
    pub at: Timestamp,
    /// What is said of it.
    pub title: String,
}

/// What happened at a moment that is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum MarkKind {
    /// An alarm was raised.
    Raised,
    /// Somebody took it on.
    Acknowledged,
}

impl Chart<'_> {
    /// The chart as SVG; empty where nothing was read.
    pub fn svg(&self) -> String {
        let Some(scale) = Scale::of(self) else { return String::new() };
        let (width, height) = self.size;
        // What a script needs to tell the moment under the pointer, and where its value is.
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\" data-from=\"{}\" data-to=\"{}\" data-step=\"{}\" data-plot=\"{}\" data-zone=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
            escaped(&self.label),
            self.from.as_second(),
            self.to.as_second(),
            self.step_s,
            scale.plot(),
            // Where the zone has no name, its distance from UTC in seconds has to do.
            self.zone.iana_name().map_or_else(|| self.zone.to_offset(self.to).seconds().to_string(), escaped),
        );
        for kind in [SpanKind::Gap, SpanKind::Defrost, SpanKind::Outside] {
            self.spans.iter().filter(|span| span.kind == kind).for_each(|span| scale.span(&mut svg, span));
        }
        scale.grid(&mut svg);
        scale.times(&mut svg, self.zone);
        for limit in [self.limits.min, self.limits.max].into_iter().flatten() {
            scale.limit(&mut svg, limit.degrees());
        }
        // Where there was no reading, nothing is known: no line goes through that.
        let read: Vec<(Timestamp, Aggregate)> =
            self.points.iter().copied().filter(|(_, aggregate)| aggregate.span.is_some()).collect();
        let goes_on = |(last, _): &(Timestamp, Aggregate), (at, _): &(Timestamp, Aggregate)| {
            at.as_second() - last.as_second() <= 2 * self.step_s
        };
        read.chunk_by(goes_on).for_each(|run| scale.run(&mut svg, run));
        self.marks.iter().for_each(|mark| scale.mark(&mut svg, mark));
        svg.push_str("</svg>");
        svg
    }

    /// The times of its steps in which a reading was outside the limits, joined where they follow one another.
    pub fn outside(
        points: &[(Timestamp, Aggregate)],
        step_s: i64,
        limits: &Limits,
    ) -> Vec<(Timestamp, Timestamp)> {
        let is_outside = |(_, aggregate): &&(Timestamp, Aggregate)| {
            let ends = aggregate.span.map_or([None, None], |(min, max)| [Some(min), Some(max)]);
            ends.into_iter().flatten().any(|celsius| limits.beyond(celsius).is_some())
        };
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (at, _) in points.iter().filter(is_outside) {
            let end = after(*at, step_s);
            match spans.last_mut() {
                Some((_, to)) if *to >= *at => *to = end,
                _ => spans.push((*at, end)),
            }
        }
        spans
    }

    /// The times from `from` to `to` of which there are no points, if they are longer than two steps.
    pub fn gaps(
        points: &[(Timestamp, Aggregate)],
        step_s: i64,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        let ends = points.iter().map(|(at, _)| after(*at, step_s));
        let begins = points.iter().map(|(at, _)| *at);
        let between = std::iter::once(from).chain(ends).zip(begins.chain([to]));
        between.filter(|(from, to)| to.as_second() - from.as_second() > 2 * step_s).collect()
    }
}

/// The end of a step that begins then.
fn after(at: Timestamp, step_s: i64) -> Timestamp {
    at.as_second().checked_add(step_s).and_then(|second| Timestamp::from_second(second).ok()).unwrap_or(at)
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _written = svg.write_fmt(text);
}

#[cfg(test)]
mod tests;
