//! What `minmax` says.

use jiff::civil::{Date, DateTime};

use super::clock;

/// The lowest value.
pub const LOWEST: &str = "Lowest";
/// The highest value.
pub const HIGHEST: &str = "Highest";
/// The line above the values since midnight.
pub const TODAY: &str = "Lowest and highest today";
/// The line above those of the day before.
pub const YESTERDAY: &str = "Lowest and highest yesterday";
/// The line above those of the last 24 hours.
pub const LAST_24_HOURS: &str = "Lowest and highest of the last 24 h";

/// Stands below values that do not reach back to the begin of their period.
pub fn counted_since(started: DateTime, today: Date) -> String {
    format!("Counted since {}, when the gateway was started.", clock(started, today))
}
