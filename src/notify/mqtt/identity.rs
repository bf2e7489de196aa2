//! Which gateway this is, and whether another one publishes under the same name: their readings would be taken for one
//! another's.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::reading::Stamp;

/// What a status says …
pub const ONLINE: &str = "online";
/// … and what the last one does.
pub const OFFLINE: &str = "offline";
/// A gateway that lives says so every minute.
const SILENT: SignedDuration = SignedDuration::from_secs(180);

/// Which gateway this is, and which of its starts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Drawn at its first start, and kept.
    pub instance: String,
    /// Drawn at each start.
    pub boot: String,
}

/// Who wrote a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// This gateway, or none that lives.
    Nobody,
    /// Another one, or an earlier run of this one, which has ended.
    Ended,
    /// An earlier run of this one, or one whose card is a copy of this one's.
    Doubtful,
    /// Another one, which lives.
    Other {
        /// Whether it stays where both are there at once: the one with the smaller number does.
        is_first: bool,
    },
}

#[derive(Deserialize)]
struct Status {
    status: String,
    instance: String,
    boot: String,
    t: Timestamp,
}

impl Identity {
    /// What a status says of who wrote it, which the broker had kept or which was published just now.
    pub fn writer(&self, status: &[u8], is_kept: bool, now: &Stamp) -> Writer {
        let Ok(status) = serde_json::from_slice::<Status>(status) else { return Writer::Nobody };
        let is_online = status.status == ONLINE;
        // One that has said nothing for long has died together with its broker, which then could not say so.
        let is_recent = now.wall.duration_since(status.t).abs() <= SILENT;
        match (status.instance == self.instance, status.boot == self.boot) {
            (true, true) => Writer::Nobody,
            _ if !is_online => Writer::Ended,
            _ if is_kept && !is_recent => Writer::Nobody,
            // A computer that lost its power is back before its broker says that it is gone; one whose card is a copy of ours
            // looks the same until it speaks.
            (true, false) if is_kept => Writer::Doubtful,
            _ => Writer::Other { is_first: (&status.instance, &status.boot) < (&self.instance, &self.boot) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stamp(seconds: i64) -> Stamp {
        let wall = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        Stamp { mono: Duration::from_secs(1_000_000 + seconds.unsigned_abs()), wall }
    }

    fn status(instance: &str, boot: &str, status: &str, at: i64) -> Vec<u8> {
        let t = stamp(at).wall;
        serde_json::json!({ "instance": instance, "boot": boot, "status": status, "t": t }).to_string().into()
    }

    #[test]
    fn an_earlier_run_is_none_and_a_copy_or_a_namesake_is_another() {
        let us = Identity { instance: "b".into(), boot: "2".into() };
        let now = stamp(1_100);
        let writer =
            |instance, boot, state, at, is_kept| us.writer(&status(instance, boot, state, at), is_kept, &now);
        assert_eq!(writer("b", "2", ONLINE, 1_090, false), Writer::Nobody, "itself");
        assert_eq!(writer("b", "1", ONLINE, 1_090, true), Writer::Doubtful);
        assert_eq!(writer("b", "1", ONLINE, 1_090, false), Writer::Other { is_first: true }, "a copy");
        assert_eq!(writer("b", "1", OFFLINE, 900, false), Writer::Ended, "its will");
        for is_kept in [true, false] {
            assert_eq!(writer("a", "9", ONLINE, 1_090, is_kept), Writer::Other { is_first: true });
            assert_eq!(writer("c", "1", ONLINE, 1_090, is_kept), Writer::Other { is_first: false });
        }
        for at in [900, 2_000] {
            assert_eq!(writer("a", "9", ONLINE, at, true), Writer::Nobody, "it died with its broker");
        }
        for rubbish in ["", "{}", "[]", "{\"status\":1}"] {
            assert_eq!(us.writer(rubbish.as_bytes(), false, &now), Writer::Nobody, "{rubbish}");
        }
    }
}
