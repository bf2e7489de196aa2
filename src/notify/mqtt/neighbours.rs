//! The other gateways of the broker: which of them are silent, and who of those that live says so. Pure: what they publish
//! and the time go in, what is to be told comes out.
//!
//! Each gateway watches all others and comes to the same result; the one with the lowest name that lives, and has
//! anybody to tell, does so. When that one dies, the next knows what was told already.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::identity::ONLINE;
use crate::alarm::GatewayNotice;
use crate::mqtt::topic::LONGEST_GATEWAY;

/// So many are watched; nobody has more gateways at one broker that watch each other.
const MOST: usize = 256;
/// So many notices come of one look; the others come of the next.
const MOST_NOTICES: usize = 8;
/// A gateway that has ended is told after this long: a restart, or one of the computer, takes less …
const GRACE: Duration = Duration::from_secs(180);
/// … and so is one that says nothing more, although it says so every minute.
const SILENT: Duration = Duration::from_secs(240);

/// It is looked every ten seconds: where that was so long ago, the computer has slept.
const ASLEEP: Duration = Duration::from_secs(60);

/// The other gateways.
#[derive(Debug, Default)]
pub struct Neighbours {
    known: BTreeMap<String, Neighbour>,
    /// When it was looked last.
    looked: Option<Duration>,
}

#[derive(Debug)]
struct Neighbour {
    /// What people call it.
    name: Option<String>,
    /// Whether it has anybody to tell.
    tells: bool,
    /// Since when it has been `offline`; `None` of one that is not.
    ended: Option<Duration>,
    /// When it said something last, on the clock that never steps.
    heard: Duration,
    /// Since when it had been silent when that was told, by whichever gateway; `None` where it was not.
    told: Option<Duration>,
}

/// What a status says.
#[derive(Deserialize)]
struct Status {
    status: String,
    name: Option<String>,
    #[serde(default)]
    tells: bool,
}

impl Neighbours {
    /// A gateway has published its status, or the broker had kept it. Without one it is watched no more.
    pub fn heard(&mut self, gateway: &str, payload: &[u8], is_retained: bool, now: Duration) {
        if payload.is_empty() {
            self.known.remove(gateway);
            return;
        }
        let Ok(Status { status, name, tells }) = serde_json::from_slice::<Status>(payload) else { return };
        if gateway.len() > LONGEST_GATEWAY || self.known.len() >= MOST && !self.known.contains_key(gateway) {
            return;
        }
        let is_online = status == ONLINE;
        let neighbour = self.known.entry(gateway.to_owned()).or_insert_with(|| Neighbour {
            name: None,
            tells,
            ended: None,
            heard: now,
            // One that had ended before anybody here could hear it was told then.
            told: (is_retained && !is_online).then_some(now),
        });
        (neighbour.name, neighbour.tells) = (name.filter(|name| !name.is_empty()), tells);
        neighbour.ended = if is_online { None } else { neighbour.ended.or(Some(now)) };
        if is_online && !is_retained || neighbour.ended == Some(now) {
            neighbour.heard = now;
        }
    }

    /// A new connection: what was said meanwhile was not heard, and the broker says anew what it has kept.
    pub fn connected(&mut self) {
        self.known.clear();
    }

    /// What is to be told by the gateway of that name, which `tells` where it can.
    pub fn look(&mut self, own: &str, tells: bool, now: Duration) -> Vec<GatewayNotice> {
        if self.looked.replace(now).is_some_and(|looked| now - looked > ASLEEP) {
            self.connected();
        }
        let lives = |neighbour: &Neighbour| neighbour.ended.is_none() && now - neighbour.heard < SILENT;
        let speakers: Vec<String> =
            self.known.iter().filter(|(_, it)| it.tells && lives(it)).map(|(name, _)| name.clone()).collect();
        // It says nothing of itself: of its return the next one speaks.
        let speaks_of =
            |gateway: &str| tells && speakers.iter().all(|name| own < name.as_str() || name == gateway);
        let mut notices = Vec::new();
        for (gateway, neighbour) in &mut self.known {
            let called = || neighbour.name.clone().unwrap_or_else(|| gateway.clone());
            let silent = match neighbour.ended {
                Some(ended) if now - ended >= GRACE => Some(ended),
                None if now - neighbour.heard >= SILENT => Some(neighbour.heard),
                _ => None,
            };
            let (notice, told) = match (silent, neighbour.told) {
                (Some(since), None) => {
                    let silent_s = (now - since).as_secs();
                    (GatewayNotice::NeighbourSilent { gateway: called(), silent_s }, silent)
                }
                (None, Some(since)) if lives(neighbour) => {
                    let silent_s = (neighbour.heard.max(since) - since).as_secs();
                    (GatewayNotice::NeighbourBack { gateway: called(), silent_s }, None)
                }
                _ => continue,
            };
            if speaks_of(gateway) {
                if notices.len() >= MOST_NOTICES {
                    continue;
                }
                notices.push(notice);
            }
            neighbour.told = told;
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds between two looks, and a status each minute.
    struct Street {
        now: Duration,
        gateways: BTreeMap<&'static str, (bool, Neighbours)>,
        told: Vec<(&'static str, GatewayNotice)>,
    }

    fn status(name: &str, status: &str) -> Vec<u8> {
        serde_json::json!({ "status": status, "name": name.to_uppercase(), "tells": true }).to_string().into()
    }

    impl Street {
        fn new(names: &[&'static str]) -> Street {
            let gateways = names.iter().map(|name| (*name, (true, Neighbours::default()))).collect();
            Street { now: Duration::from_secs(1_000), gateways, told: Vec::new() }
        }

        fn publish(&mut self, from: &'static str, payload: &[u8]) {
            let now = self.now;
            for (_, (_, neighbours)) in
                self.gateways.iter_mut().filter(|(name, (lives, _))| *lives && **name != from)
            {
                neighbours.heard(from, payload, false, now);
            }
        }

        fn end(&mut self, name: &'static str) {
            self.gateways.get_mut(name).unwrap().0 = false;
            self.publish(name, &status(name, "offline"));
        }

        fn pass(&mut self, seconds: u64) {
            for _ in 0..seconds / 10 {
                self.now += Duration::from_secs(10);
                let names: Vec<&'static str> = self.gateways.keys().copied().collect();
                for name in names {
                    if !self.gateways[name].0 {
                        continue;
                    }
                    if self.now.as_secs().is_multiple_of(60) {
                        self.publish(name, &status(name, ONLINE));
                    }
                    let neighbours = &mut self.gateways.get_mut(name).unwrap().1;
                    let told = neighbours.look(name, true, self.now);
                    self.told.extend(told.into_iter().map(|notice| (name, notice)));
                }
            }
        }

        fn told(&mut self) -> Vec<String> {
            let told = std::mem::take(&mut self.told);
            told.iter().map(|(by, notice)| format!("{by}: {notice:?}")).collect()
        }
    }

    #[test]
    fn one_of_those_that_live_tells_once_that_another_is_silent_and_once_that_it_is_back() {
        let mut street = Street::new(&["bar", "cellar", "kitchen"]);
        street.pass(600);
        assert!(street.told().is_empty());
        street.end("cellar");
        street.pass(3_600);
        let told = street.told();
        assert_eq!(told, ["bar: NeighbourSilent { gateway: \"CELLAR\", silent_s: 180 }"]);
        // The speaker dies, and the next one speaks of that alone.
        street.end("bar");
        street.pass(3_600);
        assert_eq!(street.told(), ["kitchen: NeighbourSilent { gateway: \"BAR\", silent_s: 180 }"]);
        // It starts anew.
        street.gateways.insert("cellar", (true, Neighbours::default()));
        street.pass(120);
        let back = street.told();
        assert_eq!(back.len(), 1, "{back:?}");
        assert!(
            back[0].starts_with("kitchen: NeighbourBack { gateway: \"CELLAR\", silent_s: 72"),
            "{back:?}"
        );
    }

    #[test]
    fn a_restart_is_not_told_and_one_that_hangs_is() {
        let mut street = Street::new(&["bar", "kitchen"]);
        street.pass(120);
        street.end("kitchen");
        street.pass(120);
        street.gateways.insert("kitchen", (true, Neighbours::default()));
        street.pass(600);
        assert!(street.told().is_empty());
        // Without a farewell.
        street.gateways.get_mut("kitchen").unwrap().0 = false;
        street.pass(3_600);
        assert_eq!(street.told(), ["bar: NeighbourSilent { gateway: \"KITCHEN\", silent_s: 240 }"]);
    }

    #[test]
    fn what_ended_long_ago_is_not_told_at_a_start_and_so_many_names_are_all() {
        let mut neighbours = Neighbours::default();
        let at = Duration::from_secs;
        neighbours.heard("old", &status("old", "offline"), true, at(0));
        assert!(neighbours.look("bar", true, at(1_000)).is_empty());
        neighbours.heard("old", &status("old", ONLINE), false, at(1_010));
        assert_eq!(neighbours.look("bar", true, at(1_020)).len(), 1, "it is back");
        neighbours.heard("old", b"", true, at(1_030));
        assert!(neighbours.known.is_empty());
        for rubbish in ["x", "{}", "[]", "{\"status\":1}"] {
            neighbours.heard("x", rubbish.as_bytes(), false, at(0));
        }
        (0..10_000)
            .for_each(|number| neighbours.heard(&number.to_string(), &status("x", ONLINE), false, at(0)));
        assert_eq!(neighbours.known.len(), MOST);
        // Kept by a broker of a gateway that died together with it.
        let mut neighbours = Neighbours::default();
        neighbours.heard("kitchen", &status("kitchen", ONLINE), true, at(0));
        assert!(neighbours.look("bar", false, at(500)).is_empty(), "it has nobody to tell");
        let mut neighbours = Neighbours::default();
        neighbours.heard("kitchen", &status("kitchen", ONLINE), true, at(0));
        assert_eq!(neighbours.look("bar", true, at(500)).len(), 1);
        // The computer slept: nobody was silent.
        neighbours.heard("cellar", &status("cellar", ONLINE), false, at(510));
        assert!(neighbours.look("bar", true, at(9_000)).is_empty());
    }
}
