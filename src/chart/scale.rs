//! The scale of a chart: where a moment and a temperature are in the picture, and what is drawn there.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Chart, Mark, Span, put};
use crate::doc::html::escaped;
use crate::store::bucket::Aggregate;
use crate::text::{Decimal, Units};

/// The room for the labels on the left, below, and above.
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 10.0;
/// So much is shown at least, in degrees: noise is no mountain.
const LEAST_SPAN: f64 = 4.0;
/// One of the times below needs so much room.
const ROOM: f64 = 90.0;
/// The steps from one of them to the next, in hours, of up to three days; in days, of more.
const HOURS: [i64; 6] = [1, 2, 3, 4, 6, 12];
const DAYS: [i64; 7] = [1, 2, 5, 7, 14, 31, 61];

/// Where a moment and a temperature are in the picture.
pub struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
    width: f64,
    height: f64,
    units: Units,
}

impl Scale {
    /// The scale of what that chart shows; `None` where that is nothing.
    pub fn of(chart: &Chart<'_>) -> Option<Scale> {
        let spans = chart.points.iter().filter_map(|(_, aggregate)| aggregate.span);
        let read = spans.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))?;
        let limits = [chart.limits.min, chart.limits.max].into_iter().flatten();
        let shown = [read.0, read.1].into_iter().chain(limits);
        let degrees = shown.map(|celsius| chart.units.degrees(celsius.degrees()));
        let (low, high) = degrees.fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
        let lacking = (LEAST_SPAN - (high - low)).max(0.0) / 2.0;
        let room = (high - low).max(LEAST_SPAN) * 0.05;
        Some(Scale {
            from: chart.from.as_second() as f64,
            to: chart.to.as_second() as f64,
            low: low - lacking - room,
            high: high + lacking + room,
            width: chart.size.0,
            height: chart.size.1,
            units: chart.units,
        })
    }

    /// Where the readings are: left, top, right, bottom, and the degrees Celsius at top and bottom.
    pub fn plot(&self) -> String {
        let celsius = |degrees: f64| match self.units {
            Units::Celsius => degrees,
            Units::Fahrenheit => (degrees - 32.0) / 1.8,
        };
        let (high, low) = (celsius(self.high), celsius(self.low));
        format!("{LEFT} {TOP} {} {} {high:.4} {low:.4}", self.width, self.height - BOTTOM)
    }

    fn x(&self, at: Timestamp) -> f64 {
        let part = (at.as_second() as f64 - self.from) / (self.to - self.from).max(1.0);
        LEFT + part.clamp(0.0, 1.0) * (self.width - LEFT)
    }

    fn y(&self, degrees: f64) -> f64 {
        let part = (degrees - self.low) / (self.high - self.low);
        self.height - BOTTOM - part.clamp(0.0, 1.0) * (self.height - BOTTOM - TOP)
    }

    /// A time that is set off.
    pub fn span(&self, svg: &mut String, span: &Span) {
        let (from, to) = (self.x(span.from), self.x(span.to));
        let (class, height): (&str, f64) = (span.kind.into(), self.height - BOTTOM - TOP);
        put(
            svg,
            format_args!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{height}\"><title>{}</title></rect>",
                (to - from).max(1.0),
                escaped(&span.title)
            ),
        );
    }

    /// A moment that is set off: a line down, and a triangle or a check mark above.
    pub fn mark(&self, svg: &mut String, mark: &Mark) {
        let (class, x): (&str, f64) = (mark.kind.into(), self.x(mark.at));
        let sign = match mark.kind {
            super::MarkKind::Raised => format!("M{:.1} {TOP}l4 -8l4 8z", x - 4.0),
            super::MarkKind::Acknowledged => format!("M{:.1} 5l3 3l5 -7", x - 4.0),
        };
        put(
            svg,
            format_args!(
                "<g class=\"{class}\"><title>{}</title><path d=\"M{x:.1} {TOP}V{}\"/><path d=\"{sign}\"/></g>",
                escaped(&mark.title),
                self.height - BOTTOM
            ),
        );
    }

    /// A limit in °C.
    pub fn limit(&self, svg: &mut String, celsius: f64) {
        self.across(svg, "limit", self.y(self.units.degrees(celsius)));
    }

    fn across(&self, svg: &mut String, class: &str, y: f64) {
        let width = self.width;
        put(
            svg,
            format_args!(
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{width}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ),
        );
    }

    /// Points that follow one another.
    pub fn run(&self, svg: &mut String, run: &[(Timestamp, Aggregate)]) {
        let point = |at: &Timestamp, celsius: f64| {
            format!("{:.1},{:.1}", self.x(*at), self.y(self.units.degrees(celsius)))
        };
        let highest = run.iter().filter_map(|(at, it)| Some(point(at, it.max()?.degrees())));
        let lowest = run.iter().rev().filter_map(|(at, it)| Some(point(at, it.min()?.degrees())));
        let band: Vec<String> = highest.chain(lowest).collect();
        let mean: Vec<String> = run.iter().filter_map(|(at, it)| Some(point(at, it.mean()?))).collect();
        put(svg, format_args!("<polygon class=\"band\" points=\"{}\"/>", band.join(" ")));
        if let [only] = &mean[..] {
            let (x, y) = only.split_once(',').unwrap_or_default();
            put(svg, format_args!("<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"1\"/>"));
        }
        put(svg, format_args!("<polyline class=\"mean\" points=\"{}\"/>", mean.join(" ")));
    }

    /// Lines at round degrees.
    pub fn grid(&self, svg: &mut String) {
        let span = self.high - self.low;
        // In tenths.
        let step = [5, 10, 20, 50, 100, 200, 500]
            .into_iter()
            .find(|step| span * 10.0 / f64::from(*step) <= 7.0)
            .unwrap_or(1_000);
        let first = (self.low * 10.0 / f64::from(step)).ceil() as i32;
        let last = (self.high * 10.0 / f64::from(step)).floor() as i32;
        for line in first..=last {
            let tenths = line * step;
            let y = self.y(f64::from(tenths) / 10.0);
            self.across(svg, "grid", y);
            put(
                svg,
                format_args!(
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{:#} {}</text>",
                    LEFT - 4.0,
                    y + 3.0,
                    Decimal(tenths),
                    self.units.sign()
                ),
            );
        }
    }

    /// Times below, where a clock on the wall shows a round one: hours, or days, or months.
    pub fn times(&self, svg: &mut String, zone: &TimeZone) {
        let length = (self.to - self.from) as i64;
        let hours = length / 3_600;
        let most = (self.width / ROOM) as i64;
        let begin = Timestamp::from_second(self.from as i64).unwrap_or_default();
        let Ok(midnight) = begin.to_zoned_datetime(zone.clone()).start_of_day() else { return };
        let step = if hours <= 72 {
            HOURS.into_iter().find(|step| hours / step <= most).unwrap_or(24).hours()
        } else {
            DAYS.into_iter().find(|step| hours / 24 / step <= most).unwrap_or(122).days()
        };
        let format = if hours <= 30 {
            "%H:%M"
        } else if hours <= 72 {
            "%a %H:%M"
        } else {
            "%b %-d"
        };
        // By the clock on the wall, also on the day on which that changes.
        let mut civil = midnight.datetime();
        while let Ok(at) = civil.to_zoned_datetime(zone.clone()) {
            if at.timestamp().as_second() as f64 >= self.to {
                return;
            }
            if at.timestamp() >= begin {
                let (x, label) = (self.x(at.timestamp()), at.strftime(format));
                // The last one would be cut off.
                if x < self.width - 40.0 {
                    put(
                        svg,
                        format_args!("<text x=\"{x:.1}\" y=\"{:.0}\">{label}</text>", self.height - 6.0),
                    );
                }
            }
            let Ok(next) = civil.checked_add(step) else { return };
            civil = next;
        }
    }
}
