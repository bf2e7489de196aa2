//! `[history]`: how long what was measured is kept.

use std::ops::RangeInclusive;

use toml::Spanned;

use super::{Check, schema};
use crate::history::Config;
use crate::store::Retention;

/// Each reading of twenty fridges takes a card 12 MB a month.
const RAW_DAYS: RangeInclusive<u32> = 2..=400;
/// What five minutes come to of twenty fridges takes 25 MB a year.
const BUCKET_DAYS: RangeInclusive<u32> = 31..=3_660;

impl Check<'_> {
    pub(super) fn history(&mut self, history: Option<schema::History>) -> Config {
        let usual = Retention::default();
        let Some(history) = history else { return Config::default() };
        let retention = Retention {
            raw_days: self.days("raw_days", history.raw_days, RAW_DAYS, usual.raw_days),
            bucket_days: self.days("bucket_days", history.bucket_days, BUCKET_DAYS, usual.bucket_days),
        };
        Config { retention, daily_hash: history.daily_hash }
    }

    fn days(
        &mut self,
        name: &str,
        days: Option<Spanned<i64>>,
        allowed: RangeInclusive<u32>,
        usual: u32,
    ) -> u32 {
        let Some(days) = days else { return usual };
        let valid = u32::try_from(*days.get_ref()).ok().filter(|days| allowed.contains(days));
        valid.unwrap_or_else(|| {
            let text = format!("`{name}` is a number of days from {} to {}", allowed.start(), allowed.end());
            self.problems.at(&days.span(), text);
            usual
        })
    }
}
