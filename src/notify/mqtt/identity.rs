//! Which gateway this is, and whether another one publishes under the same name: their readings would be taken for one
//! another's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::reading::Stamp;

/// What a status says …
pub const ONLINE: &str = "online";
/// … and what the last one does.
pub const OFFLINE: &str = "offline";
/// A gateway that lives says so every minute.
const SILENT: SignedDuration = SignedDuration::from_secs(180);
/// The clocks of two gateways differ by less than this.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// Which gateway this is, and which of its starts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Drawn at its first start, and kept.
    pub instance: String,
    /// Drawn at each start.
    pub boot: String,
    /// When that was.
    pub started: Stamp,
}

/// Another gateway, by its status.
#[derive(Debug, Deserialize)]
pub struct Other {
    status: String,
    instance: String,
    boot: String,
    t: Timestamp,
}

impl Identity {
    /// The other gateway whose status that is. One of the same number is an earlier run of this one, unless it was written
    /// after this one's start: then it is a copy, from a card that was copied.
    pub fn other(&self, status: &[u8], now: &Stamp) -> Option<Other> {
        let other: Other = serde_json::from_slice(status).ok()?;
        let started = now.at_mono(self.started.mono).wall;
        let is_copy = other.boot != self.boot && other.t > started.checked_add(CLOCKS_DIFFER).ok()?;
        (other.instance != self.instance || is_copy).then_some(other)
    }

    /// Whether the other one goes before this one, where both are there at once: the one with the smaller number does.
    pub fn is_behind(&self, other: &Other) -> bool {
        other.status == ONLINE && (&other.instance, &other.boot) < (&self.instance, &self.boot)
    }
}

impl Other {
    /// Whether it lives. One that has said nothing for long has died together with its broker, which then could not say so.
    pub fn is_alive(&self, now: &Stamp) -> bool {
        self.status == ONLINE && now.wall.duration_since(self.t) <= SILENT
    }
}

#[cfg(test)]
mod tests {
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
        let us = Identity { instance: "b".into(), boot: "2".into(), started: stamp(1_000) };
        let now = stamp(1_100);
        let other = |instance, boot, at| us.other(&status(instance, boot, ONLINE, at), &now);
        assert!(other("b", "2", 1_090).is_none(), "itself");
        assert!(other("b", "1", 990).is_none(), "an earlier run");
        assert!(other("b", "1", 1_050).is_some_and(|it| it.is_alive(&now) && us.is_behind(&it)), "a copy");
        assert!(other("a", "9", 1_090).is_some_and(|it| it.is_alive(&now) && us.is_behind(&it)));
        assert!(other("c", "1", 1_090).is_some_and(|it| it.is_alive(&now) && !us.is_behind(&it)));
        assert!(other("a", "9", 900).is_some_and(|it| !it.is_alive(&now)), "it died with its broker");
        let ended = us.other(&status("a", "9", OFFLINE, 1_090), &now).unwrap();
        assert!(!ended.is_alive(&now) && !us.is_behind(&ended));
        for rubbish in ["", "{}", "[]", "{\"status\":1}"] {
            assert!(us.other(rubbish.as_bytes(), &now).is_none(), "{rubbish}");
        }
    }
}
