//! The watch over the disk: what cannot be kept for a while is told once, and so is its end.

use std::time::Duration;

use crate::alarm::GatewayNotice;
use crate::history::Disk;

/// What lasts no longer is nobody's business: a card that tidies up, another program that reads.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Watches the disk.
#[derive(Debug, Default)]
pub struct DiskWatch {
    failing_since: Option<Duration>,
    is_told: bool,
}

impl DiskWatch {
    /// Looks at how the disk takes history and records, at a moment of the clock that never steps; returns what is to be told.
    pub fn look(&mut self, history: &Disk, are_records_kept: bool, now: Duration) -> Option<GatewayNotice> {
        let hangs = history.writing_since.is_some_and(|since| now.saturating_sub(since) >= PATIENCE);
        let why = match &history.failing {
            Some((_, why)) => Some(why.clone()),
            None if hangs => Some(String::from("a write does not end")),
            None if !are_records_kept => Some(String::from("alarms are not recorded")),
            None => None,
        };
        let Some(why) = why else {
            self.failing_since = None;
            return std::mem::take(&mut self.is_told).then_some(GatewayNotice::DiskAgain);
        };
        let since = *self.failing_since.get_or_insert(now);
        if self.is_told || now.saturating_sub(since) < PATIENCE && !hangs {
            return None;
        }
        self.is_told = true;
        Some(GatewayNotice::DiskFailing { why })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::reading::Stamp;

    #[test]
    fn what_lasts_is_told_once_and_its_end_as_well() {
        let at = |minutes: u64| Duration::from_secs(minutes * 60);
        let stamp = Stamp { mono: at(1), wall: Timestamp::UNIX_EPOCH };
        let failing = Disk { failing: Some((stamp, String::from("disk full"))), ..Disk::default() };
        let mut watch = DiskWatch::default();
        assert_eq!(watch.look(&failing, true, at(1)), None);
        assert_eq!(watch.look(&Disk::default(), true, at(2)), None, "it was short");
        assert_eq!(watch.look(&failing, true, at(3)), None);
        let told = Some(GatewayNotice::DiskFailing { why: String::from("disk full") });
        assert_eq!(watch.look(&failing, true, at(8)), told);
        assert_eq!(watch.look(&failing, false, at(99)), None, "it is known");
        assert_eq!(watch.look(&Disk::default(), true, at(100)), Some(GatewayNotice::DiskAgain));
        assert_eq!(watch.look(&Disk::default(), true, at(101)), None);
        let hanging = Disk { writing_since: Some(at(101)), ..Disk::default() };
        assert_eq!(watch.look(&hanging, true, at(102)), None);
        assert!(watch.look(&hanging, true, at(106)).is_some());
    }
}
