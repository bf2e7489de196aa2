//! A time in equal steps, as charts and programs ask for it.

use std::time::Duration;

use jiff::Timestamp;

use crate::store::block::BLOCK_SECONDS;

/// So many steps a time has where nobody asks for their length.
const USUAL_POINTS: i64 = 288;

/// A time and its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub from: Timestamp,
    /// Its end, which does not belong to it.
    pub to: Timestamp,
    /// The length of a step in seconds: a multiple of five minutes.
    pub step_s: i64,
}

impl Window {
    /// The last `length` of time in the usual number of steps, which begin at round times.
    pub fn last(length: Duration, now: Timestamp) -> Window {
        let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX / 4);
        let step_s = Window::usual_step(length);
        let second = now.as_second();
        let to = second - second.rem_euclid(step_s) + step_s;
        let moment = |second| Timestamp::from_second(second).unwrap_or(now);
        Window { from: moment(to - length.div_euclid(step_s) * step_s), to: moment(to), step_s }
    }

    /// The shortest step in seconds with which a time of so many seconds has no more than the usual number.
    pub fn usual_step(length: i64) -> i64 {
        let blocks =
            length.max(1).unsigned_abs().div_ceil(USUAL_POINTS.unsigned_abs() * BLOCK_SECONDS.unsigned_abs());
        i64::try_from(blocks).unwrap_or(1) * BLOCK_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_behind_now_and_has_whole_steps() {
        let now: Timestamp = "2026-03-14T09:31:17Z".parse().unwrap();
        for days in [1, 7, 30, 365, 3_650] {
            let Window { from, to, step_s } = Window::last(Duration::from_secs(days * 86_400), now);
            assert!(to > now && to.as_second() - now.as_second() <= step_s, "{days}");
            assert_eq!((to.as_second() - from.as_second()) % step_s, 0, "{days}");
            let count = (to.as_second() - from.as_second()) / step_s;
            assert!((200..=USUAL_POINTS).contains(&count), "{days}: {count}");
            assert_eq!(step_s % BLOCK_SECONDS, 0);
        }
    }
}
