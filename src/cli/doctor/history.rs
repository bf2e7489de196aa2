//! How the disk takes what is measured.

use std::time::Duration;

use super::{Findings, Id};
use crate::daemon::Report;
use crate::text;

const ABOUT: &str = "history";
/// A write that takes longer, in seconds, is told.
const SLOW_S: u64 = 30;

/// Looks at what the running gateway says of its disk.
pub fn examine(report: &Report, findings: &mut Findings) {
    let history = &report.history;
    let length = |seconds| text::duration(Duration::from_secs(seconds));
    if let Some((since, why)) = &history.failing {
        findings.fault(
            Id::HistoryFailing,
            ABOUT,
            format!("nothing could be written for {}: {why}", length(*since)),
            "free some space, replace the card, or do what the message says; what is measured waits in memory for some hours",
        );
    }
    if let Some(writing) = history.writing_s.filter(|writing| *writing >= SLOW_S) {
        findings.warning(
            Id::HistorySlow,
            ABOUT,
            format!("a write has taken {} so far", length(writing)),
            "another card: one that is worn out writes like this",
        );
    }
    if history.lost > 0 {
        findings.warning(
            Id::HistoryLost,
            ABOUT,
            format!(
                "{} were lost, because the disk took nothing for too long",
                text::count(history.lost as usize, "reading")
            ),
            "room on the disk, or another card",
        );
    }
    if let Some(damage) = &history.damage {
        findings.warning(
            Id::HistoryDamaged,
            ABOUT,
            format!("its file was damaged: {damage}"),
            "another card; once nothing in the damaged file is missed, remove it",
        );
    }
    if history.failing.is_none() && history.damage.is_none() {
        findings.ok(ABOUT, "what is measured is kept");
    }
}
