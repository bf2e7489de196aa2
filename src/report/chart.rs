//! The chart of a report: a band from the lowest to the highest reading, the mean as a line, and the limits. SVG, so that it
//! prints as sharp as the text.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Report;
use crate::store::bucket::Aggregate;
use crate::text::Units;

/// The picture in its own units; the page scales it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;
/// The room for the labels on the left, below, and above.
const LEFT: f64 = 40.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 8.0;
/// So much is shown at least, in degrees: noise is no mountain.
const LEAST_SPAN: f64 = 4.0;

/// The chart as SVG; empty where nothing was read.
pub fn svg(report: &Report, zone: &TimeZone, units: Units) -> String {
    let Some(scale) = Scale::of(report, units) else { return String::new() };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Temperature over time\" xmlns=\"http://www.w3.org/2000/svg\">"
    );
    scale.grid(&mut svg, units);
    scale.times(&mut svg, zone);
    for limit in [report.fridge.limits.min, report.fridge.limits.max].into_iter().flatten() {
        let y = scale.y(units.degrees(limit.degrees()));
        put(
            &mut svg,
            format_args!("<line class=\"limit\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"),
        );
    }
    for run in runs(report) {
        let point = |at: Timestamp, degrees: f64| {
            format!("{:.1},{:.1}", scale.x(at), scale.y(units.degrees(degrees)))
        };
        let highest = run.iter().filter_map(|(at, it)| Some(point(*at, it.max()?.degrees())));
        let lowest = run.iter().rev().filter_map(|(at, it)| Some(point(*at, it.min()?.degrees())));
        let band: Vec<String> = highest.chain(lowest).collect();
        let mean: Vec<String> = run.iter().filter_map(|(at, it)| Some(point(*at, it.mean()?))).collect();
        put(&mut svg, format_args!("<polygon class=\"band\" points=\"{}\"/>", band.join(" ")));
        if let [only] = &mean[..] {
            let (x, y) = only.split_once(',').unwrap_or_default();
            put(&mut svg, format_args!("<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"1\"/>"));
        }
        put(&mut svg, format_args!("<polyline class=\"mean\" points=\"{}\"/>", mean.join(" ")));
    }
    svg.push_str("</svg>");
    svg
}

/// The points that follow one another without a gap.
fn runs(report: &Report) -> Vec<Vec<(Timestamp, Aggregate)>> {
    let mut runs: Vec<Vec<(Timestamp, Aggregate)>> = Vec::new();
    for &(at, aggregate) in &report.points {
        let goes_on = runs
            .last()
            .and_then(|run| run.last())
            .is_some_and(|(last, _)| at.as_second() - last.as_second() <= 2 * report.step_s);
        if !goes_on {
            runs.push(Vec::new());
        }
        if let Some(run) = runs.last_mut() {
            run.push((at, aggregate));
        }
    }
    runs
}

/// Where a moment and a temperature are in the picture.
struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(report: &Report, units: Units) -> Option<Scale> {
        let limits = [report.fridge.limits.min, report.fridge.limits.max];
        let shown = [report.min, report.max].into_iter().chain(limits).flatten();
        let degrees: Vec<f64> = shown.map(|celsius| units.degrees(celsius.degrees())).collect();
        report.min?;
        let (low, high) =
            degrees.iter().fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(*it), high.max(*it)));
        let lacking = (LEAST_SPAN - (high - low)).max(0.0) / 2.0;
        let room = (high - low).max(LEAST_SPAN) * 0.05;
        Some(Scale {
            from: report.from.as_second() as f64,
            to: report.to.as_second() as f64,
            low: low - lacking - room,
            high: high + lacking + room,
        })
    }

    fn x(&self, at: Timestamp) -> f64 {
        let part = (at.as_second() as f64 - self.from) / (self.to - self.from).max(1.0);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT)
    }

    fn y(&self, degrees: f64) -> f64 {
        let part = (degrees - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - part.clamp(0.0, 1.0) * (HEIGHT - BOTTOM - TOP)
    }

    /// Lines at round degrees.
    fn grid(&self, svg: &mut String, units: Units) {
        let span = self.high - self.low;
        let step = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
            .into_iter()
            .find(|step| span / step <= 7.0)
            .unwrap_or(100.0);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        for line in first..=last {
            let degrees = line as f64 * step;
            let y = self.y(degrees);
            let label = format!("{degrees} {}", units.sign()).replace('-', "\u{2212}");
            put(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
                ),
            );
            put(
                svg,
                format_args!(
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    LEFT - 4.0,
                    y + 3.0
                ),
            );
        }
    }

    /// Times below: hours of a day, days of more.
    fn times(&self, svg: &mut String, zone: &TimeZone) {
        const MARKS: i64 = 8;
        let length = (self.to - self.from) as i64;
        let is_day = length <= 26 * 3_600;
        for mark in 0..MARKS {
            let at = Timestamp::from_second(self.from as i64 + length * mark / MARKS).unwrap_or_default();
            let local = zone.to_datetime(at);
            let label = if is_day { local.strftime("%H:%M") } else { local.strftime("%m-%d") };
            put(svg, format_args!("<text x=\"{:.1}\" y=\"{:.0}\">{label}</text>", self.x(at), HEIGHT - 6.0));
        }
    }
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _written = svg.write_fmt(text);
}
