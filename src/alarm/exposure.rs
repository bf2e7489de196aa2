//! Exposure: how long a fridge was outside some limits within a window of time. A record, and no alarm: a budget that
//! is used up stays so for days, and would hide what happens next.

use std::collections::VecDeque;
use std::time::Duration;

use super::UsedBudget;
use crate::reading::Celsius;

/// A budget of time outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Colder than this is outside.
    pub min: Option<Celsius>,
    /// Warmer than this is outside.
    pub max: Option<Celsius>,
    /// How long it may be outside …
    pub budget: Duration,
    /// … within this long.
    pub window: Duration,
}

impl Exposure {
    /// So much of its budget is used.
    pub fn used(&self, outside: Duration) -> UsedBudget {
        UsedBudget {
            min: self.min.map(Celsius::degrees),
            max: self.max.map(Celsius::degrees),
            outside_s: outside.as_secs(),
            budget_s: self.budget.as_secs(),
            window_s: self.window.as_secs(),
        }
    }

    /// Whether that temperature is outside.
    pub fn is_outside(&self, celsius: Celsius) -> bool {
        self.max.is_some_and(|max| celsius > max) || self.min.is_some_and(|min| celsius < min)
    }
}

/// The spans of time outside, on the clock that never steps.
#[derive(Clone, Debug, Default)]
pub struct TimeOutside {
    spans: VecDeque<(Duration, Duration)>,
}

/// More spans than this are joined, the oldest first: what is between them then counts as outside.
const MOST_SPANS: usize = 256;

impl TimeOutside {
    /// It was outside from then until then.
    pub fn add(&mut self, from: Duration, until: Duration) {
        match self.spans.back_mut() {
            Some((_, end)) if *end == from => *end = until,
            _ => self.spans.push_back((from, until)),
        }
        if self.spans.len() > MOST_SPANS
            && let Some((start, _)) = self.spans.pop_front()
            && let Some(oldest) = self.spans.front_mut()
        {
            oldest.0 = start;
        }
    }

    /// It was outside from then until then, before everything that is known since; what was known before counts once.
    pub fn add_before(&mut self, from: Duration, until: Duration) {
        let index = self.spans.partition_point(|(begin, _)| *begin < until);
        let known_until = index.checked_sub(1).and_then(|before| self.spans.get(before)).map(|span| span.1);
        let from = known_until.map_or(from, |known| known.max(from));
        if from < until {
            self.spans.insert(index, (from, until));
        }
    }

    /// The spans, the oldest first.
    pub fn spans(&self) -> impl Iterator<Item = (Duration, Duration)> {
        self.spans.iter().copied()
    }

    /// How long it was outside within the window that ends now.
    pub fn within(&mut self, window: Duration, now: Duration) -> Duration {
        let begin = now.saturating_sub(window);
        while self.spans.front().is_some_and(|(_, until)| *until <= begin) {
            self.spans.pop_front();
        }
        self.spans.iter().map(|(from, until)| until.saturating_sub((*from).max(begin))).sum()
    }
}
