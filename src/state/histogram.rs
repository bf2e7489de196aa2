//! A histogram of durations: how many there were up to each of some bounds, and how long they took together.

use std::time::Duration;

/// The bounds in milliseconds: from an answer out of memory to a sweep of a hundred probes.
const BOUNDS_MS: [u32; 14] =
    [1, 2, 5, 10, 50, 200, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000];

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many were up to the bound of that place and above the one before.
    counts: [u64; BOUNDS_MS.len()],
    /// How many there were in all.
    pub count: u64,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Histogram {
    /// Takes a duration in.
    pub fn add(&mut self, duration: Duration) {
        let place = BOUNDS_MS.iter().position(|bound| duration <= Duration::from_millis((*bound).into()));
        if let Some(place) = place {
            self.counts[place] += 1;
        }
        self.count += 1;
        self.sum += duration;
    }

    /// The bounds in seconds, each with how many were up to it and above the one before; those above all of them last.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_MS.iter().map(|bound| f64::from(*bound) / 1_000.0);
        let rest = self.count - self.counts.iter().sum::<u64>();
        bounds.zip(self.counts).chain([(f64::INFINITY, rest)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let mut histogram = Histogram::default();
        for ms in [0, 1, 3, 750, 1_000, 1_001, 500_000] {
            histogram.add(Duration::from_millis(ms));
        }
        let buckets = histogram.buckets();
        let of = |bound: f64| buckets.iter().find(|(it, _)| (it - bound).abs() < 1e-9).unwrap().1;
        assert_eq!((of(0.001), of(0.005), of(1.0), of(2.0)), (2, 1, 2, 1));
        assert_eq!(buckets.last().unwrap().1, 1);
        assert_eq!((histogram.count, histogram.sum), (7, Duration::from_millis(502_755)));
    }
}
