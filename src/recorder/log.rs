//! What is worth a line in the log, and how often: a probe that flaps makes a handful of lines with counts, and a bus
//! on which everything changes at once makes one (flap damping).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fridge::Excursion;
use crate::reading::{Celsius, ProbeId, Stamp};
use crate::state::Change;

/// How long a probe is watched for changing too often, and how often it is then told how it goes on.
const WINDOW: Duration = Duration::from_secs(30 * 60);
/// How many lines of one probe are written within that.
const LINES: u32 = 4;
/// A sweep that changes more than this is one line.
const MANY: usize = 64;

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A probe is new, has another fault than before, or none any more.
    Changed(Change),
    /// A fridge left its limits.
    Left {
        /// Its probe.
        probe: ProbeId,
        /// The excursion that began.
        excursion: Excursion,
    },
    /// A fridge is within its limits again.
    Returned {
        /// Its probe.
        probe: ProbeId,
        /// The excursion that ended.
        excursion: Excursion,
        /// Its reading now.
        celsius: Celsius,
        /// When that was taken.
        at: Stamp,
    },
    /// A probe changed more often than was written.
    Held {
        /// Its newest line.
        newest: Box<Line>,
        /// How many were held back before it.
        count: u32,
        /// Since when.
        over: Duration,
    },
    /// So many probes changed in one sweep.
    Many {
        /// The bus.
        bus: String,
        /// How many.
        count: usize,
    },
}

impl Line {
    fn probe(&self) -> Option<ProbeId> {
        match self {
            Line::Changed(change) => Some(change.probe),
            Line::Left { probe, .. } | Line::Returned { probe, .. } => Some(*probe),
            Line::Held { newest, .. } => newest.probe(),
            Line::Many { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Recent {
    began: Duration,
    lines: u32,
    held: u32,
    newest: Option<Line>,
}

/// Holds lines back that come too often.
#[derive(Debug, Default)]
pub struct Damping {
    probes: BTreeMap<ProbeId, Recent>,
}

impl Damping {
    /// Of the lines of one sweep those that are written.
    pub fn admit(&mut self, bus: Option<&str>, lines: Vec<Line>, now: Stamp) -> Vec<Line> {
        if let Some(bus) = bus.filter(|_| lines.len() > MANY) {
            return vec![Line::Many { bus: bus.to_owned(), count: lines.len() }];
        }
        lines.into_iter().filter_map(|line| self.admit_one(line, now.mono)).collect()
    }

    fn admit_one(&mut self, line: Line, now: Duration) -> Option<Line> {
        let Some(probe) = line.probe() else { return Some(line) };
        let new = Recent { began: now, lines: 0, held: 0, newest: None };
        let recent = self.probes.entry(probe).or_insert(new);
        if recent.lines < LINES {
            recent.lines += 1;
            return Some(line);
        }
        recent.held += 1;
        recent.newest = Some(line);
        None
    }

    /// Time has passed: what was held back is told, and who has been steady is forgotten.
    pub fn tick(&mut self, now: Stamp) -> Vec<Line> {
        let mut told = Vec::new();
        self.probes.retain(|_, recent| {
            let over = now.mono.saturating_sub(recent.began);
            if over < WINDOW {
                return true;
            }
            let newest = recent.newest.take();
            told.extend(newest.map(|newest| Line::Held {
                newest: Box::new(newest),
                count: recent.held,
                over,
            }));
            let goes_on = recent.held > 0;
            (recent.began, recent.held) = (now.mono, 0);
            goes_on
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::reading::Fault;

    fn at(seconds: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
    }

    fn changed(probe: u64, second: u64) -> Line {
        let sample = if second.is_multiple_of(2) { Ok(Celsius::MAX) } else { Err(Fault::Crc) };
        Line::Changed(Change { bus: String::from("bus 1"), probe: ProbeId::new(0x28, probe), sample })
    }

    #[test]
    fn a_probe_that_flaps_each_second_for_an_hour_makes_a_handful_of_lines_with_counts() {
        let mut damping = Damping::default();
        let (mut lines, mut counted) = (Vec::new(), 0);
        for second in 0..3_700 {
            lines.extend(damping.admit(Some("bus 1"), vec![changed(1, second)], at(second)));
            if second.is_multiple_of(10) {
                lines.extend(damping.tick(at(second)));
            }
        }
        for line in &lines {
            counted += match line {
                Line::Held { count, .. } => *count,
                _ => 1,
            };
        }
        assert_eq!(lines.len(), LINES as usize + 2, "{lines:?}");
        assert!((3_600..=3_700).contains(&counted), "{counted}");
        assert_eq!(damping.admit(None, vec![changed(2, 0)], at(3_700)).len(), 1, "another probe is heard");
        assert_eq!(damping.tick(at(3_700 + 1_900)).len(), 1, "what was held back last");
        damping.tick(at(3_700 + 3_800));
        assert!(damping.probes.is_empty(), "who has been steady is forgotten");
    }

    #[test]
    fn a_bus_on_which_everything_changes_makes_one_line() {
        let mut damping = Damping::default();
        let lines = (0..8_000).map(|probe| changed(probe, 0)).collect();
        assert_eq!(damping.admit(Some("bus 1"), lines, at(0)).len(), 1);
        assert!(damping.probes.is_empty());
    }
}
