//! How far this gateway knows the readings of another one. Messages are numbered there, and each says up to when the broker
//! has everything: as long as none is missing here, this gateway has it as well. Where one is, the other gateway is asked for
//! the time since then, a part at a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::hub::message::Numbered;
use crate::reading::Stamp;

/// What is older than this is not asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The time that is asked for of a gateway that was never heard from before: what the page shows.
const FIRST: SignedDuration = SignedDuration::from_hours(24);
/// A sweep is dated by its start and published at its end, and clocks may be a minute apart: readings up to this long before
/// the last one may be missing.
const OVERLAP: SignedDuration = SignedDuration::from_secs(120);
/// A larger gap in the numbers is taken for a forgery.
const LARGEST_GAP: u64 = 100_000_000;
/// The largest number of messages in an answer: those of a thousand fridges that are read every second.
const MOST_PARTS: usize = 2_000;
/// The longest wait for each message of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait before a question without an answer is repeated. It is doubled each time, …
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// The number of questions without an answer that is worth a word.
const UNANSWERED: u32 = 3;

/// How far the readings of one gateway are known.
#[derive(Debug, Default)]
pub struct Progress {
    /// The last message: the start of the gateway to which it belongs, and its number.
    last: Option<(String, u64)>,
    /// Everything is known up to here, but for what [`OVERLAP`] says.
    complete_to: Option<Timestamp>,
    /// What is missing was written before this.
    missing_to: Option<Timestamp>,
    asked: Option<Asked>,
    /// So many questions in a row had no answer.
    unanswered: u32,
    not_before: Duration,
}

/// What was asked, and what has come of the answer.
#[derive(Debug)]
struct Asked {
    id: String,
    to: Timestamp,
    at: Stamp,
    parts: usize,
}

/// What is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which question it is.
    pub id: String,
    /// What was read from then on …
    pub from: Timestamp,
    /// … and before that.
    pub to: Timestamp,
}

impl Progress {
    /// Everything was known up to there when this gateway ended.
    pub fn since(complete_to: Option<Timestamp>) -> Progress {
        Progress { complete_to, ..Progress::default() }
    }

    /// What was kept is lost.
    pub fn lost(now: Stamp) -> Progress {
        Progress::since(now.wall.checked_sub(LONGEST).ok())
    }

    /// Up to where everything is known.
    pub fn complete_to(&self) -> Option<Timestamp> {
        self.complete_to
    }

    /// A message with that number has come, and whether what is in it was kept. One that comes again is no news.
    pub fn heard(&mut self, message: &Numbered, is_kept: bool) {
        let (Some(boot), Some(sequence)) = (&message.boot, message.sequence) else { return };
        let follows = match &self.last {
            Some((last_boot, last)) if last_boot == boot => {
                // One that is far ahead is forged.
                if sequence <= *last || sequence - last > LARGEST_GAP {
                    return;
                }
                sequence == last + 1
            }
            _ => false,
        };
        self.last = Some((boot.clone(), sequence));
        if !follows || !is_kept {
            // More may be missing than what was asked for.
            self.missing_to = self.missing_to.max(Some(message.t));
        }
        // One that does not say how far the broker has come cannot be asked either.
        let Some(complete_to) = message.complete_to else {
            self.missing_to = None;
            return;
        };
        let earliest = message.t.checked_sub(LONGEST).unwrap_or(message.t);
        let complete_to = complete_to.clamp(earliest, message.t);
        if self.missing_to.is_none() {
            self.complete_to = Some(complete_to);
        } else if self.complete_to.is_none() {
            self.complete_to = complete_to.checked_sub(FIRST).ok();
        }
    }

    /// A message has come whose times cannot be trusted: what is in it is missing until the clock there is set.
    pub fn distrusted(&mut self) {
        self.last = None;
    }

    /// Whether an answer is waited for.
    pub fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// What is to be asked now. Whether it is worth a word, because several questions had no answer.
    pub fn due(&mut self, now: Stamp) -> Option<(Wanted, bool)> {
        let missing_to = self.missing_to?;
        if self.asked.is_some() || now.mono < self.not_before {
            return None;
        }
        let earliest = missing_to.checked_sub(LONGEST).ok()?;
        let from = self.complete_to?.checked_sub(OVERLAP).ok()?.max(earliest);
        if from >= missing_to {
            // A clock that was set back.
            (self.missing_to, self.complete_to) = (None, Some(missing_to));
            return None;
        }
        let id = format!("{:016x}", fastrand::u64(..));
        self.asked = Some(Asked { id: id.clone(), to: missing_to, at: now, parts: 0 });
        Some((Wanted { id, from, to: missing_to }, self.unanswered == UNANSWERED))
    }

    /// A question that has waited for too long has no answer.
    pub fn give_up(&mut self, now: Stamp) {
        if self.asked.take_if(|asked| now.since(&asked.at) >= PATIENCE).is_some() {
            let wait = FIRST_WAIT * 2_u32.saturating_pow(self.unanswered);
            self.unanswered = (self.unanswered + 1).min(16);
            self.not_before = now.mono + wait.min(LONGEST_WAIT);
        }
    }

    /// Nothing is under way any more.
    pub fn disconnected(&mut self) {
        self.asked = None;
    }

    /// Whether that part of that answer is the one that is waited for.
    pub fn expects(&self, id: &str, part: usize) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.id == id && asked.parts == part && part < MOST_PARTS)
    }

    /// The part that was waited for is kept; with the last of them everything is known up to `to`.
    pub fn answered(&mut self, is_last: bool, to: Timestamp, now: Stamp) {
        let Some(asked) = &mut self.asked else { return };
        if !is_last {
            (asked.parts, asked.at) = (asked.parts + 1, now);
            return;
        }
        let (is_all, end) = (to >= asked.to, asked.to);
        // The next question begins where this part ends, and not a minute before.
        let next = if is_all { end } else { to.min(end).checked_add(OVERLAP).unwrap_or(to) };
        // One that ends a moment later is of a gateway whose clock is behind what it has said before.
        let further =
            self.complete_to.map_or(SignedDuration::MAX, |complete_to| next.duration_since(complete_to));
        let is_further = is_all || further >= OVERLAP;
        self.asked = None;
        self.unanswered = 0;
        self.not_before = if is_further { Duration::ZERO } else { now.mono + PATIENCE };
        self.complete_to = self.complete_to.max(Some(next));
        // More may be missing since it was asked.
        self.missing_to = self.missing_to.filter(|missing_to| !is_all || *missing_to > end);
    }

    /// What has come cannot be kept at present: it is asked for again later.
    pub fn put_off(&mut self, now: Stamp) {
        self.asked = None;
        self.not_before = now.mono + PATIENCE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn now(seconds: u64) -> Stamp {
        Stamp { mono: Duration::from_secs(seconds), wall: at(seconds as i64) }
    }

    fn numbered(boot: &str, sequence: u64, second: i64) -> Numbered {
        Numbered {
            t: at(second),
            boot: Some(boot.to_owned()),
            sequence: Some(sequence),
            complete_to: Some(at(second - 10)),
        }
    }

    fn asked(progress: &mut Progress, second: u64) -> Option<(i64, i64)> {
        let since = |at: Timestamp| at.as_second() - 1_800_000_000;
        progress.due(now(second)).map(|(wanted, _)| (since(wanted.from), since(wanted.to)))
    }

    fn answer(progress: &mut Progress, to: i64, second: u64) {
        progress.answered(true, at(to), now(second));
    }

    #[test]
    fn while_no_number_is_missing_everything_is_known_and_nothing_asked() {
        let mut progress = Progress::since(Some(at(90_000)));
        progress.heard(&numbered("a", 7, 90_100), true);
        assert_eq!(asked(&mut progress, 90_101), Some((89_880, 90_100)), "what happened before the start");
        assert_eq!(asked(&mut progress, 90_102), None, "once");
        answer(&mut progress, 90_100, 90_103);
        for (sequence, second) in [(8, 90_110), (9, 90_120), (9, 90_120), (8, 90_110)] {
            progress.heard(&numbered("a", sequence, second), true);
        }
        assert_eq!((asked(&mut progress, 90_125), progress.complete_to()), (None, Some(at(90_110))));
        // A number is missing; and then the gateway has started again.
        progress.heard(&numbered("a", 11, 90_140), true);
        assert_eq!(asked(&mut progress, 90_141), Some((89_990, 90_140)));
        assert_eq!(progress.complete_to(), Some(at(90_110)), "it stands still");
        progress.heard(&numbered("b", 1, 90_150), true);
        answer(&mut progress, 90_140, 90_151);
        assert_eq!(asked(&mut progress, 90_152), Some((90_020, 90_150)), "what is missing since");
        answer(&mut progress, 90_150, 90_153);
        progress.heard(&numbered("b", 2, 90_160), true);
        assert_eq!((asked(&mut progress, 90_161), progress.complete_to()), (None, Some(at(90_150))));
    }

    #[test]
    fn a_long_time_is_asked_for_in_parts_and_an_unknown_one_for_a_day() {
        let mut progress = Progress::since(None);
        progress.heard(&numbered("a", 1, 100_010), true);
        assert_eq!(asked(&mut progress, 100_011), Some((100_000 - 86_400 - 120, 100_010)));
        answer(&mut progress, 20_000, 100_012);
        assert_eq!(asked(&mut progress, 100_013), Some((20_000, 100_010)), "where the last part has ended");
        answer(&mut progress, 99_990, 100_014);
        assert_eq!(asked(&mut progress, 100_015), Some((99_990, 100_010)));
        answer(&mut progress, 100_010, 100_016);
        assert!(asked(&mut progress, 100_017).is_none());
        let mut long_ago = Progress::since(Some(at(0)));
        long_ago.heard(&numbered("a", 1, 10_000_000), true);
        assert_eq!(asked(&mut long_ago, 10_000_000), Some((10_000_000 - 7 * 86_400, 10_000_000)));
    }

    #[test]
    fn a_question_without_an_answer_is_repeated_later_and_later_and_told_once() {
        let mut progress = Progress::since(Some(at(0)));
        progress.heard(&numbered("a", 1, 100), true);
        let (mut questions, mut words) = (0, 0);
        for second in 100..100 + 86_400 {
            progress.give_up(now(second));
            if let Some((_, is_worth_a_word)) = progress.due(now(second)) {
                questions += 1;
                words += u32::from(is_worth_a_word);
            }
        }
        assert!((90..110).contains(&questions), "{questions} in a day");
        assert_eq!(words, 1);
        assert!(!progress.expects("else", 0));
        // One whose messages do not say how far it is has never learned to answer.
        let mut old = Progress::since(None);
        old.heard(&Numbered { complete_to: None, ..numbered("a", 1, 100) }, true);
        assert_eq!(asked(&mut old, 101), None);
    }

    #[test]
    fn what_could_not_be_kept_is_missing_and_the_parts_come_in_their_order() {
        let mut progress = Progress::since(Some(at(0)));
        progress.heard(&numbered("a", 1, 100), true);
        let (wanted, _) = progress.due(now(100)).unwrap();
        assert!(progress.expects(&wanted.id, 0) && !progress.expects(&wanted.id, 1));
        progress.answered(false, at(100), now(101));
        assert!(progress.expects(&wanted.id, 1) && !progress.expects(&wanted.id, 0));
        progress.put_off(now(102));
        assert_eq!((asked(&mut progress, 103), asked(&mut progress, 132)), (None, Some((-120, 100))));
        answer(&mut progress, 100, 133);
        progress.heard(&numbered("a", 2, 110), false);
        assert_eq!(asked(&mut progress, 134), Some((-20, 110)), "the disk was full");
        // A clock that was set back leaves nothing to be asked for.
        let mut back = Progress::since(Some(at(10_000)));
        back.heard(&numbered("a", 1, 100), true);
        assert_eq!((asked(&mut back, 101), back.complete_to()), (None, Some(at(100))));
    }
}
