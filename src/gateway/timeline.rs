//! The timeline of a fridge: what its chart draws and what stands below it, of some time: readings in steps, times outside
//! the limits and without readings, defrosts, alarms, and what people did.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Window;
use crate::alarm::Alarm;
use crate::chart::{Chart, Mark, MarkKind, Span, SpanKind};
use crate::fridge::Fridge;
use crate::store::Deed;
use crate::store::bucket::{Aggregate, Sum};
use crate::text::{self, Units, page};

/// A chart of more days has no room for a defrost of each of them.
const DEFROSTS_OF_DAYS: i64 = 8;

/// What happened to a fridge.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The fridge.
    pub fridge: Fridge,
    /// The time.
    pub window: Window,
    /// Its steps that have readings, the earliest first.
    pub points: Vec<(Timestamp, Aggregate)>,
    /// Its alarms of that time.
    pub alarms: Vec<Alarm>,
    /// What people did about it.
    pub deeds: Vec<Deed>,
}

impl Timeline {
    /// Of these points, and of those alarms and deeds that are about that fridge.
    pub fn new(
        fridge: Fridge,
        window: Window,
        points: Vec<(Timestamp, Aggregate)>,
        alarms: Vec<Alarm>,
        deeds: Vec<Deed>,
    ) -> Timeline {
        let alarms: Vec<Alarm> = alarms.into_iter().filter(|alarm| alarm.fridge == fridge.id).collect();
        let deeds = deeds.into_iter().filter(|deed| deed.is_about(&fridge.id, &alarms)).collect();
        Timeline { fridge, window, points, alarms, deeds }
    }

    /// What all of it comes to.
    pub fn total(&self) -> Aggregate {
        let mut sum = Sum::default();
        self.points.iter().for_each(|(_, aggregate)| sum.add_all(aggregate));
        sum.aggregate()
    }

    /// The chart, until `now`.
    pub fn chart<'a>(
        &'a self,
        zone: &'a TimeZone,
        units: Units,
        now: Timestamp,
        size: (f64, f64),
    ) -> Chart<'a> {
        Chart {
            label: page::chart(&self.fridge.name, &self.total(), units),
            from: self.window.from,
            to: self.window.to,
            points: &self.points,
            step_s: self.window.step_s,
            limits: self.fridge.limits,
            spans: self.spans(zone, now),
            marks: self.marks(zone),
            zone,
            units,
            size,
        }
    }

    fn spans(&self, zone: &TimeZone, now: Timestamp) -> Vec<Span> {
        let Window { from, to, step_s } = self.window;
        let until = to.min(now);
        let read: Vec<(Timestamp, Aggregate)> =
            self.points.iter().copied().filter(|(_, aggregate)| aggregate.span.is_some()).collect();
        let span = |kind, title: &str| {
            let title = title.to_owned();
            move |(from, to): (Timestamp, Timestamp)| {
                let times = page::span(
                    from.to_zoned_datetime(zone.clone()).datetime(),
                    to.to_zoned_datetime(zone.clone()).datetime(),
                );
                Span { kind, from, to, title: format!("{title}: {times}") }
            }
        };
        let gaps = Chart::gaps(&read, step_s, from, until).into_iter().map(span(SpanKind::Gap, page::GAP));
        let outside = Chart::outside(&read, step_s, &self.fridge.limits);
        let outside = outside.into_iter().map(span(SpanKind::Outside, text::status::OUTSIDE));
        let defrosts = self.defrosts(zone, until).into_iter().map(span(SpanKind::Defrost, page::DEFROST));
        gaps.chain(outside).chain(defrosts).collect()
    }

    /// When warmth was expected: as somebody said, and by the clock.
    fn defrosts(&self, zone: &TimeZone, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let said = self.deeds.iter().filter_map(|deed| {
            let length = deed.defrost()?;
            Some((deed.at, deed.at.checked_add(length).ok()?))
        });
        let mut defrosts: Vec<(Timestamp, Timestamp)> = said.collect();
        let days = (self.window.to.as_second() - self.window.from.as_second()) / 86_400;
        if days <= DEFROSTS_OF_DAYS {
            let first = self.window.from.to_zoned_datetime(zone.clone()).date();
            for date in first.series(jiff::ToSpan::day(1)).take_while(|date| {
                date.to_zoned_datetime(zone.clone()).is_ok_and(|begin| begin.timestamp() < until)
            }) {
                defrosts.extend(self.fridge.rules.defrosts.iter().filter_map(|defrost| {
                    let from = date.to_datetime(defrost.at).to_zoned_datetime(zone.clone()).ok()?.timestamp();
                    Some((from, from.checked_add(defrost.length).ok()?))
                }));
            }
        }
        defrosts.retain(|(from, to)| *to > self.window.from && *from < until);
        defrosts
    }

    fn marks(&self, zone: &TimeZone) -> Vec<Mark> {
        let local = |at: Timestamp| at.to_zoned_datetime(zone.clone()).datetime();
        let within = |at: &Timestamp| (self.window.from..self.window.to).contains(at);
        let of = |alarm: &Alarm| {
            let kind = text::alarm::kind(alarm.kind);
            let raised = within(&alarm.raised).then(|| Mark {
                kind: MarkKind::Raised,
                at: alarm.raised,
                title: page::raised(alarm.number, kind, alarm.drill, local(alarm.raised)),
            });
            let acknowledged = alarm.acknowledged.as_ref().filter(|by| within(&by.at)).map(|by| Mark {
                kind: MarkKind::Acknowledged,
                at: by.at,
                title: page::acknowledged(alarm.number, by.by.as_deref(), by.cause.as_deref(), local(by.at)),
            });
            raised.into_iter().chain(acknowledged)
        };
        self.alarms.iter().flat_map(of).collect()
    }
}
