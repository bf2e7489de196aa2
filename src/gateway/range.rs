//! How much of the past a chart shows.

use std::time::Duration;

use strum::{IntoStaticStr, VariantArray};

/// How much of the past a chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
pub enum Range {
    /// The last 24 hours.
    #[default]
    #[strum(serialize = "24h")]
    Day,
    /// The last seven days.
    #[strum(serialize = "7d")]
    Week,
    /// The last thirty days.
    #[strum(serialize = "30d")]
    Month,
    /// The last year.
    #[strum(serialize = "1y")]
    Year,
}

impl Range {
    /// The range that a query asks for; a day where it says nothing that there is.
    pub fn of(query: &str) -> Range {
        let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "range");
        let asked = asked.and_then(|(_, value)| Range::named(&value));
        asked.unwrap_or_default()
    }

    /// The range of that name.
    pub fn named(name: &str) -> Option<Range> {
        Range::VARIANTS.iter().copied().find(|range| range.name() == name)
    }

    /// What it is called in an address.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        const DAY: u64 = 86_400;
        Duration::from_secs(match self {
            Range::Day => DAY,
            Range::Week => 7 * DAY,
            Range::Month => 30 * DAY,
            Range::Year => 365 * DAY,
        })
    }
}
