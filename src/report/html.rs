//! A report as a page of HTML that prints as one sheet of paper. Nothing is loaded from elsewhere, and there is no script.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Report;
use crate::chart::{Chart, Span, SpanKind};
use crate::doc::html::escaped;
use crate::text::report as words;
use crate::text::{self, Units};

/// What all pages share.
pub struct Page<'a> {
    /// The gateway's name, where it has one.
    pub gateway: Option<&'a str>,
    /// The zone of the times.
    pub zone: &'a TimeZone,
    /// The unit of temperatures.
    pub units: Units,
    /// When it is made.
    pub now: Timestamp,
    /// Whether the values come from no real probe.
    pub is_simulated: bool,
}

/// The width and height of a chart in its own units.
const CHART: (f64, f64) = (720.0, 190.0);

const STYLE: &str = include_str!("report.css");

/// The document: a sheet for each report.
pub fn document(reports: &[Report], page: &Page<'_>) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        words::TITLE
    );
    for report in reports {
        page.sheet(&mut html, report);
    }
    html.push_str("</body>\n</html>\n");
    html
}

impl Page<'_> {
    fn sheet(&self, html: &mut String, report: &Report) {
        html.push_str("<section>\n<header>");
        let _written = writeln!(
            html,
            "<h1>{}</h1><p>{}</p><h2>{}</h2><p>{}</p></header>",
            words::TITLE,
            escaped(self.gateway.unwrap_or_default()),
            escaped(&report.name),
            self.span(report.from, report.to)
        );
        if self.is_simulated {
            let _written = writeln!(html, "<p class=\"simulated\">{}</p>", words::SIMULATED);
        }
        self.figures(html, report);
        html.push_str(&self.chart(report));
        self.lists(html, report);
        html.push_str("<footer>");
        for line in words::SIGNATURES {
            let _written = write!(html, "<span class=\"line\">{line}</span>");
        }
        if report.mean_kinetic.is_some() {
            let _written = write!(html, "<p>{}</p>", words::KINETIC_SOURCE);
        }
        let made = words::made(self.gateway, &self.time(self.now));
        let _written = writeln!(html, "<p>{}</p></footer>\n</section>", escaped(&made));
    }

    fn figures(&self, html: &mut String, report: &Report) {
        let temperature = |celsius: Option<crate::reading::Celsius>| {
            celsius
                .map_or_else(|| text::NO_VALUES.to_owned(), |celsius| text::temperature(celsius, self.units))
        };
        let mean = |degrees: Option<f64>| {
            degrees.map_or_else(|| text::NO_VALUES.to_owned(), |degrees| words::mean(degrees, self.units))
        };
        let unknown = Duration::from_secs(report.minutes_unknown * 60);
        let unknown =
            if unknown.is_zero() { words::NONE.to_owned() } else { text::hours_and_minutes(unknown) };
        let outside =
            words::outside(report.readings, report.minutes_above, report.minutes_below, report.is_exact);
        let mut rows = vec![
            (words::LOWEST, temperature(report.min)),
            (words::HIGHEST, temperature(report.max)),
            (words::MEAN, mean(report.mean)),
        ];
        rows.extend(report.mean_kinetic.map(|degrees| (words::MEAN_KINETIC, mean(Some(degrees)))));
        rows.extend([
            (words::LIMITS, text::limits(&report.fridge.limits, self.units)),
            (words::OUTSIDE, outside),
            (words::UNKNOWN, unknown),
            (words::READINGS, report.readings.to_string()),
            (words::PROBE, report.fridge.probe.to_string()),
            (words::CALIBRATION, text::calibrate::correction(report.fridge.calibration.as_ref())),
        ]);
        html.push_str("<dl>");
        for (name, value) in rows {
            let _written = write!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
        }
        html.push_str("</dl>\n");
    }

    fn chart(&self, report: &Report) -> String {
        let chart = Chart {
            label: words::CHART.to_owned(),
            from: report.from,
            to: report.to,
            points: &report.points,
            step_s: report.step_s,
            limits: report.fridge.limits,
            spans: report
                .gaps
                .iter()
                .map(|(from, to)| Span {
                    kind: SpanKind::Gap,
                    from: *from,
                    to: *to,
                    title: self.span(*from, *to),
                })
                .collect(),
            marks: Vec::new(),
            zone: self.zone,
            units: self.units,
            size: CHART,
        };
        chart.svg()
    }

    fn lists(&self, html: &mut String, report: &Report) {
        let excursions: Vec<String> = report
            .excursions
            .iter()
            .map(|it| {
                let length = it.to.duration_since(it.from).unsigned_abs();
                let words = words::excursion(it.side, length, it.peak, self.units);
                format!("{}: {words}", self.span(it.from, it.to))
            })
            .collect();
        let gaps: Vec<String> = report.gaps.iter().map(|(from, to)| self.span(*from, *to)).collect();
        let alarm = |alarm: &crate::alarm::Alarm| {
            let acknowledged = alarm.acknowledged.as_ref().map(|by| self.time(by.at));
            let cleared = alarm.cleared.map(|it| self.time(it.at));
            words::alarm(alarm, &self.time(alarm.raised), acknowledged.as_deref(), cleared.as_deref())
        };
        let of = |is_drill: bool| report.alarms.iter().filter(move |alarm| alarm.drill == is_drill);
        let alarms: Vec<String> = of(false).map(alarm).collect();
        let drills: Vec<String> = of(true).map(alarm).collect();
        let deeds: Vec<String> = report
            .deeds
            .iter()
            .map(|deed| {
                let who = deed.who.as_deref().unwrap_or(words::SOMEBODY);
                format!("{}: {who}: {}", self.time(deed.at), deed.what)
            })
            .collect();
        let lists = [
            (words::EXCURSIONS, excursions, true),
            (words::ALARMS, alarms, true),
            (words::DEEDS, deeds, false),
            (words::DRILLS, drills, false),
            (words::GAPS, gaps, true),
        ];
        for (head, lines, is_always) in lists {
            if lines.is_empty() && !is_always {
                continue;
            }
            let _written = writeln!(html, "<h3>{head}</h3>");
            let (listed, left_out) = Report::listed(&lines);
            if listed.is_empty() {
                let _written = writeln!(html, "<p>{}</p>", words::NONE);
                continue;
            }
            html.push_str("<ul>");
            for line in listed {
                let _written = write!(html, "<li>{}</li>", escaped(line));
            }
            if left_out > 0 {
                let _written = write!(html, "<li>{}</li>", escaped(&words::more(left_out)));
            }
            html.push_str("</ul>\n");
        }
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn span(&self, from: Timestamp, to: Timestamp) -> String {
        format!("{} to {}", self.time(from), self.time(to))
    }
}
