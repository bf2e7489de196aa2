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
    /// What it is about: what a probe reads and what that means for its fridge are counted apart, so that neither hides
    /// the other.
    fn topic(&self) -> Option<Topic> {
        match self {
            Line::Changed(change) => Some(Topic::Probe(change.probe)),
            Line::Left { probe, .. } | Line::Returned { probe, .. } => Some(Topic::Limits(*probe)),
            Line::Many { bus, .. } => Some(Topic::Bus(bus.clone())),
            Line::Held { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Probe(ProbeId),
    Limits(ProbeId),
    Bus(String),
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
    recent: BTreeMap<Topic, Recent>,
}

impl Damping {
    /// Of the lines of one sweep those that are written. Many probes that change at once are one line; a fridge that
    /// leaves its limits always has its own.
    pub fn admit(&mut self, lines: Vec<Line>, now: Stamp) -> Vec<Line> {
        let lines = match &lines[..] {
            [Line::Changed(first), ..] if lines.len() > MANY => {
                vec![Line::Many { bus: first.bus.clone(), count: lines.len() }]
            }
            _ => lines,
        };
        lines.into_iter().filter_map(|line| self.admit_one(line, now.mono)).collect()
    }

    fn admit_one(&mut self, line: Line, now: Duration) -> Option<Line> {
        let Some(topic) = line.topic() else { return Some(line) };
        let new = Recent { began: now, lines: 0, held: 0, newest: None };
        let recent = self.recent.entry(topic).or_insert(new);
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
        self.recent.retain(|_, recent| {
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
            lines.extend(damping.admit(vec![changed(1, second)], at(second)));
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
        assert_eq!(damping.admit(vec![changed(2, 0)], at(3_700)).len(), 1, "another probe is heard");
        assert_eq!(damping.tick(at(3_700 + 1_900)).len(), 1, "what was held back last");
        damping.tick(at(3_700 + 3_800));
        assert!(damping.recent.is_empty(), "who has been steady is forgotten");
    }

    #[test]
    fn a_bus_on_which_everything_changes_again_and_again_makes_a_handful_of_lines() {
        let mut damping = Damping::default();
        let mut lines = 0;
        for second in 0..1_000 {
            lines += damping.admit((0..8_000).map(|probe| changed(probe, 0)).collect(), at(second)).len();
        }
        assert_eq!((lines, damping.recent.len()), (LINES as usize, 1));
    }

    #[test]
    fn a_probe_that_flaps_does_not_hide_that_its_fridge_left_its_limits() {
        let mut damping = Damping::default();
        for second in 0..100 {
            damping.admit(vec![changed(1, second)], at(second));
        }
        let excursion = Excursion {
            side: crate::alarm::Side::Above,
            since: at(100),
            peak: Celsius::MAX,
            newest: at(100),
        };
        let left = Line::Left { probe: ProbeId::new(0x28, 1), excursion };
        assert_eq!(damping.admit(vec![left.clone()], at(100)), [left]);
    }
}
