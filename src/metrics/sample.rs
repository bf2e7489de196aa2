//! How a metric is written: its name, its help and its samples, each with its labels.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::state::Histogram;

/// The labels of a sample.
pub type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Writes metrics. One without samples is left out.
pub struct Writer<'a>(pub DescriptorEncoder<'a>);

impl Writer<'_> {
    /// Values that go up and down.
    pub fn gauges<'a>(
        &mut self,
        named: (&str, &str),
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) -> fmt::Result {
        self.write(named, MetricType::Gauge, samples, |metric, value| metric.encode_gauge(value))
    }

    /// Values that only go up; `_total` is appended to the name.
    pub fn counters<'a>(
        &mut self,
        named: (&str, &str),
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) -> fmt::Result {
        self.write(named, MetricType::Counter, samples, |metric, value| {
            metric.encode_counter::<NoLabelSet, f64, f64>(value, None)
        })
    }

    /// How long something took.
    pub fn histograms<'a>(
        &mut self,
        named: (&str, &str),
        samples: impl IntoIterator<Item = (Labels<'a>, Histogram)>,
    ) -> fmt::Result {
        self.write(named, MetricType::Histogram, samples, |metric, histogram| {
            let (sum, buckets) = (histogram.sum.as_secs_f64(), histogram.buckets());
            metric.encode_histogram::<NoLabelSet>(sum, histogram.count, &buckets, None)
        })
    }

    /// A metric of that name and help; nothing where it has no samples.
    fn write<'a, V>(
        &mut self,
        (name, help): (&str, &str),
        kind: MetricType,
        samples: impl IntoIterator<Item = (Labels<'a>, V)>,
        encode: impl Fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        samples.try_for_each(|(labels, value)| {
            if labels.is_empty() {
                encode(&mut metric, &value)
            } else {
                encode(&mut metric.encode_family(&labels)?, &value)
            }
        })
    }
}

/// 1 for yes, and 0 for no.
pub fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

/// A count.
pub fn number(count: u64) -> f64 {
    count as f64
}
