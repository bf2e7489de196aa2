//! How far the broker has come: up to when it has taken every reading. It is noted on the disk, so that what it missed
//! while the gateway was off, or away from it, can be sent afterwards.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::atomic_file::Unfinished;
use crate::reading::Stamp;
use crate::regular_file;

/// What is older than this is not sent by itself.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// A sweep counts from its begin, and is told at its end, which another sweep or an alarm may have overtaken: so much
/// before the last one that was taken may be missing. It is also more than the moments of the clock and those in the
/// history differ.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// What is kept on the disk.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    instance: String,
    until: Option<Timestamp>,
}

/// A moment up to which everything was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// As it was noted in an earlier run.
    Noted(Timestamp),
    /// As it was sent afterwards in this run.
    Sent(Timestamp),
    /// In this run. Its moment of the wall clock is asked for when that may have been set.
    Read(Stamp),
}

/// What is to be sent afterwards.
#[derive(Clone, Copy, Debug)]
struct Late {
    from: Until,
    /// What happened before this is late.
    end: Stamp,
    /// Whether only the last of it is left.
    waits: bool,
}

impl Late {
    /// Up to where it is sent, in the time of the wall clock.
    fn end(&self, now: &Stamp) -> Option<Timestamp> {
        now.at_mono(self.end.mono).wall.checked_add(OVERLAP).ok()
    }
}

/// How far the broker has come.
#[derive(Debug)]
pub struct Missed {
    path: PathBuf,
    /// When this run began.
    started: Stamp,
    /// Everything up to here was taken, but for what is `late`.
    until: Until,
    late: Option<Late>,
    /// What was sent and is not taken yet, by its sequence, with its moment.
    sent: BTreeMap<u64, Stamp>,
}

impl Missed {
    /// What is noted in that folder, and of which gateway. Where nothing is, this is the first time, and nothing was missed
    /// before `now`.
    pub fn read(folder: &Path, now: Stamp) -> (String, Missed) {
        let path = folder.join("mqtt.json");
        // One that cannot be read says no more than none.
        let note = regular_file::text(&path).ok().and_then(|text| serde_json::from_str::<Note>(&text).ok());
        let note = note.unwrap_or_default();
        let instance =
            if note.instance.is_empty() { format!("{:016x}", fastrand::u64(..)) } else { note.instance };
        let until = note.until.map_or(Until::Read(now), Until::Noted);
        (instance, Missed { path, started: now, until, late: None, sent: BTreeMap::new() })
    }

    /// A connection begins: what was not taken before `now` is late.
    pub fn connected(&mut self, now: Stamp) {
        self.late = Some(Late { from: self.from(&now), end: now, waits: false });
        self.sent.clear();
    }

    /// What was sent then waits to be taken.
    pub fn sent(&mut self, sequence: u64, at: Stamp) {
        self.sent.insert(sequence, at);
    }

    /// The broker has taken that one.
    pub fn taken(&mut self, sequence: u64) {
        if let Some(at) = self.sent.remove(&sequence) {
            let is_newer = match self.until {
                Until::Read(until) => until.mono < at.mono,
                Until::Noted(_) | Until::Sent(_) => true,
            };
            if is_newer {
                self.until = Until::Read(at);
            }
        }
    }

    /// Sweeps from the last one that was sent to `now` were not seen here.
    pub fn lost_sight(&mut self, now: Stamp) {
        self.late = Some(Late { from: self.from(&now), end: now, waits: false });
    }

    /// What is to be sent afterwards, in the time of the wall clock.
    pub fn late(&self, now: &Stamp) -> Option<(Timestamp, Timestamp)> {
        let late = self.late.as_ref()?;
        let end = late.end(now)?;
        if late.waits && now.wall < end {
            return None;
        }
        let to = end.min(now.wall);
        let earliest = to.checked_sub(LONGEST).ok()?;
        let from = self.wall(&late.from, now).checked_sub(OVERLAP).ok()?.max(earliest);
        (from < to).then_some((from, to))
    }

    /// What is late was sent up to there; nothing is where that is its end. The last of it, which what was told meanwhile may
    /// have overtaken, is sent once its end has passed, and not moment by moment.
    pub fn caught_up(&mut self, to: Timestamp, now: &Stamp) {
        let Some(late) = &mut self.late else { return };
        let is_present = now.wall.duration_since(to) < OVERLAP;
        if late.end(now).is_none_or(|end| to >= end) {
            self.late = None;
        } else if is_present {
            (late.from, late.waits) = (Until::Sent(to), true);
        } else {
            // The overlap was sent with it.
            late.from = Until::Sent(to.checked_add(OVERLAP).unwrap_or(to));
        }
    }

    /// Everything before this was taken.
    fn from(&self, now: &Stamp) -> Until {
        let first = self.sent.values().next().copied().map(Until::Read);
        let late = self.late.as_ref().map(|late| late.from);
        late.into_iter().chain(first).min_by_key(|until| self.wall(until, now)).unwrap_or(self.until)
    }

    /// That moment, as the wall clock shows it now.
    fn wall(&self, until: &Until, now: &Stamp) -> Timestamp {
        match until {
            // A clock that was ahead then has noted what is the future: then it is this run, all of it.
            Until::Noted(wall) => (*wall).min(now.at_mono(self.started.mono).wall),
            Until::Sent(wall) => (*wall).min(now.wall),
            Until::Read(stamp) => now.at_mono(stamp.mono).wall,
        }
    }

    /// Everything up to [`OVERLAP`] before this was taken, in the time of the wall clock.
    pub fn complete_to(&self, now: &Stamp) -> Timestamp {
        self.wall(&self.from(now), now).min(now.wall)
    }

    /// The note of that gateway, and where it goes.
    pub fn note(&self, instance: &str, now: &Stamp) -> (PathBuf, Vec<u8>) {
        let note = Note { instance: instance.to_owned(), until: Some(self.complete_to(now)) };
        // It always has a JSON.
        (self.path.clone(), serde_json::to_vec(&note).unwrap_or_default())
    }
}

/// Puts a note on the disk.
///
/// # Errors
/// What the system says.
pub fn keep((path, note): (PathBuf, Vec<u8>)) -> io::Result<()> {
    let mut file = Unfinished::beside(&path, 0o600)?;
    file.write(&note)?;
    file.replace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: u64) -> Stamp {
        let wall = Timestamp::from_second(1_800_000_000 + seconds as i64).unwrap();
        Stamp { mono: Duration::from_secs(10_000_000 + seconds), wall }
    }

    fn seconds(missed: &Missed, now: u64) -> Option<(i64, i64)> {
        let since = |at: Timestamp| (at.as_millisecond() - 1_800_000_000_000) / 1_000;
        missed.late(&stamp(now)).map(|(from, to)| (since(from), since(to)))
    }

    #[test]
    fn what_was_sent_and_not_taken_is_late_and_so_is_what_came_while_nobody_listened() {
        let folder = tempfile::tempdir().unwrap();
        let (instance, mut missed) = Missed::read(folder.path(), stamp(100));
        missed.connected(stamp(130));
        assert_eq!(seconds(&missed, 130), Some((40, 130)), "since the start");
        missed.caught_up(stamp(130).wall, &stamp(130));
        assert!((130..190).all(|now| seconds(&missed, now).is_none()), "once, and not again and again");
        assert_eq!(seconds(&missed, 190), Some((70, 190)), "what the connection has overtaken");
        missed.caught_up(stamp(190).wall, &stamp(190));
        assert_eq!(seconds(&missed, 250), None);
        for (sequence, at) in [(1, 240), (2, 250), (3, 260)] {
            missed.sent(sequence, stamp(at));
        }
        missed.taken(1);
        missed.connected(stamp(500));
        assert_eq!(seconds(&missed, 500), Some((190, 500)), "from the first that was not taken");
        missed.caught_up(stamp(300).wall, &stamp(500));
        assert_eq!(seconds(&missed, 500), Some((300, 500)), "the rest");
        keep(missed.note(&instance, &stamp(500))).unwrap();
        let (noted, mut again) = Missed::read(folder.path(), stamp(900));
        assert_eq!(noted, instance);
        again.connected(stamp(910));
        assert_eq!(seconds(&again, 910), Some((300, 910)), "over a restart");
    }

    #[test]
    fn a_week_is_sent_at_most_and_a_clock_that_is_set_moves_what_was_read_since_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut missed) = Missed::read(folder.path(), stamp(0));
        missed.connected(stamp(50));
        let later =
            Stamp { wall: stamp(50).wall.checked_add(Duration::from_secs(1_000)).unwrap(), ..stamp(50) };
        let (from, to) = missed.late(&later).unwrap();
        assert_eq!(from, later.at_mono(stamp(0).mono).wall.checked_sub(OVERLAP).unwrap());
        assert_eq!(to, later.wall);
        let month = stamp(30 * 24 * 3_600);
        missed.connected(month);
        let (from, to) = missed.late(&month).unwrap();
        assert_eq!(to.duration_since(from).unsigned_abs(), LONGEST);
    }

    #[test]
    fn what_was_noted_by_a_clock_that_is_ahead_does_not_hide_what_was_read_since() {
        let folder = tempfile::tempdir().unwrap();
        let (instance, missed) = Missed::read(folder.path(), stamp(100_000));
        keep(missed.note(&instance, &stamp(100_000))).unwrap();
        let (_, mut missed) = Missed::read(folder.path(), stamp(1_000));
        missed.connected(stamp(1_200));
        assert_eq!(seconds(&missed, 1_200), Some((940, 1_200)));
        // Since the start nothing was taken yet.
        let nothing = tempfile::tempdir().unwrap();
        let (_, begun) = Missed::read(nothing.path(), stamp(1_000));
        assert_eq!(missed.note("", &stamp(1_200)).1, begun.note("", &stamp(1_200)).1);
    }

    #[test]
    fn what_is_not_seen_here_does_not_hide_what_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut missed) = Missed::read(folder.path(), stamp(0));
        missed.sent(1, stamp(100));
        missed.sent(2, stamp(200));
        missed.lost_sight(stamp(300));
        missed.connected(stamp(400));
        assert_eq!(seconds(&missed, 400), Some((40, 400)));
    }

    #[test]
    fn a_sweep_that_the_connection_overtook_is_late_where_that_breaks_off_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut missed) = Missed::read(folder.path(), stamp(0));
        missed.connected(stamp(1_001));
        missed.caught_up(stamp(1_001).wall, &stamp(1_001));
        // It began before, and is told behind that.
        missed.sent(1, stamp(1_000));
        missed.connected(stamp(1_010));
        assert_eq!(seconds(&missed, 1_010), Some((940, 1_010)));
        missed.taken(1);
        // Days are sent piece by piece, and nothing twice but the overlap at the end.
        let (_, mut missed) = Missed::read(folder.path(), stamp(0));
        missed.connected(stamp(100_000));
        missed.caught_up(stamp(300).wall, &stamp(100_000));
        assert_eq!(seconds(&missed, 100_000), Some((300, 100_000)));
        missed.caught_up(stamp(99_999).wall, &stamp(100_030));
        assert_eq!((seconds(&missed, 100_030), seconds(&missed, 100_059)), (None, None));
        assert_eq!(seconds(&missed, 100_060), Some((99_939, 100_060)));
        missed.caught_up(stamp(100_060).wall, &stamp(100_060));
        assert_eq!(seconds(&missed, 200_000), None);
    }

    #[test]
    fn a_note_that_is_none_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mqtt.json"), "{\"instance\":").unwrap();
        let (instance, _) = Missed::read(folder.path(), stamp(0));
        assert_eq!(instance.len(), 16);
    }
}
