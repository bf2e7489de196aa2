//! What people want done through another gateway, which shows this one's fridges: its messages, and the answers. It is done
//! only where the configuration names that gateway, once, and soon.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::payload::{Head, SCHEMA};
use crate::chat::Chat;
use crate::doc::terminal;
use crate::gateway::Wanted;
use crate::reading::Stamp;
use crate::recorder::{Act, By};

/// An act that was asked for longer ago is not done: it has waited somewhere, and nobody expects it any more.
const LATEST: SignedDuration = SignedDuration::from_secs(60);
/// So many acts are remembered, because a message may come twice.
const REMEMBERED: usize = 64;
/// So many are under way at once, and so many are done in a minute.
const MOST: usize = 8;
const MOST_IN_A_MINUTE: usize = 30;
const EACH: Duration = Duration::from_secs(60);
const BUSY: &str = "it has too much to do; try again in a minute";
/// The longest name of a user, in characters, and the longest id of a request.
const LONGEST_USER: usize = 64;
const LONGEST_ID: usize = 40;

/// Something that is to be done.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`SCHEMA`]
    pub schema: u32,
    /// When it was asked for.
    pub t: Timestamp,
    /// Which request it is.
    pub id: String,
    /// Who wants it, where that is known.
    pub by: Option<String>,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Deed {
    /// Alarms are acknowledged.
    Acknowledge {
        /// Their numbers.
        numbers: Vec<u64>,
        /// The cause, where it was named.
        cause: Option<String>,
    },
    /// Nobody wants to hear of some fridges for a while.
    Snooze {
        /// Their ids.
        fridges: Vec<String>,
        /// For so many seconds.
        length_s: u64,
    },
    /// Warmth is expected in some fridges for a while.
    Defrost {
        /// Their ids.
        fridges: Vec<String>,
        /// For so many seconds.
        length_s: u64,
    },
}

impl Deed {
    /// An act as it is carried; `None` for one that is not.
    pub fn of(act: Act) -> Option<Deed> {
        match act {
            Act::Acknowledge { numbers, cause } => Some(Deed::Acknowledge { numbers, cause }),
            Act::Snooze { fridges, length } => Some(Deed::Snooze { fridges, length_s: length.as_secs() }),
            Act::Defrost { fridges, length } => Some(Deed::Defrost { fridges, length_s: length.as_secs() }),
            _ => None,
        }
    }

    /// The act, where this gateway can do it.
    fn act(self, chat: &Chat) -> Result<Act, &'static str> {
        let length = |length_s| {
            let length = Duration::from_secs(length_s);
            if Act::LENGTHS.contains(&length) {
                Ok(length)
            } else {
                Err("the length must be from a minute to a day")
            }
        };
        let own = |mut fridges: Vec<String>| {
            fridges.sort();
            fridges.dedup();
            let is_own = |id: &String| chat.gateway().own_fridges().any(|fridge| fridge.id == *id);
            if fridges.iter().all(is_own) { Ok(fridges) } else { Err("it has no such fridge any more") }
        };
        match self {
            Deed::Acknowledge { mut numbers, cause } => {
                numbers.sort_unstable();
                numbers.dedup();
                let open = &chat.gateway().snapshot().alarms;
                let is_open = |number: &u64| open.iter().any(|alarm| alarm.number == *number);
                if !numbers.iter().any(is_open) {
                    return Err("that alarm is over");
                }
                let numbers = numbers.into_iter().filter(is_open).collect();
                Ok(Act::acknowledge(numbers, &cause.unwrap_or_default()))
            }
            Deed::Snooze { fridges, length_s } => {
                Ok(Act::Snooze { fridges: own(fridges)?, length: length(length_s)? })
            }
            Deed::Defrost { fridges, length_s } => {
                Ok(Act::Defrost { fridges: own(fridges)?, length: length(length_s)? })
            }
        }
    }
}

/// What became of it.
#[derive(Serialize)]
pub struct Response<'a> {
    /// What stands in front of each message.
    #[serde(flatten)]
    pub head: Head<'a>,
    /// The rest.
    #[serde(flatten)]
    pub outcome: &'a Outcome,
}

/// What became of which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The name in topics of the gateway that asked.
    pub to: String,
    /// Which request.
    pub id: String,
    /// Why it was not done; `null` where it was.
    pub error: Option<String>,
}

/// What other gateways have asked for.
#[derive(Debug, Default)]
pub struct Acts {
    /// The newest requests, with what became of them.
    known: VecDeque<Known>,
}

#[derive(Debug)]
struct Known {
    from: String,
    id: String,
    at: Stamp,
    outcome: Option<Outcome>,
}

/// What a message leads to.
#[derive(Debug)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// An answer.
    Answer(Outcome),
    /// It is to be done, and answered then.
    Do(Act, By, Outcome),
}

impl Acts {
    /// A message of the gateway of that name in topics has come.
    pub fn heard(&mut self, from: &str, payload: &[u8], chat: &Arc<Chat>, now: &Stamp) -> Next {
        let Ok(request) = serde_json::from_slice::<Request>(payload) else { return Next::Nothing };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if request.schema != SCHEMA || request.id.len() > LONGEST_ID || !request.id.bytes().all(is_plain) {
            return Next::Nothing;
        }
        let known = self.known.iter().find(|known| known.from == from && known.id == request.id);
        if let Some(known) = known {
            return known.outcome.clone().map_or(Next::Nothing, Next::Answer);
        }
        let outcome = |error: Option<&str>| Outcome {
            to: from.to_owned(),
            id: request.id.clone(),
            error: error.map(str::to_owned),
        };
        if now.wall.duration_since(request.t).abs() > LATEST {
            return Next::Answer(outcome(Some(
                "the request is more than a minute old, or the clocks of the two gateways differ by that",
            )));
        }
        let under_way = self.known.iter().filter(|known| known.outcome.is_none()).count();
        let in_a_minute = self.known.iter().filter(|known| now.since(&known.at) < EACH).count();
        if under_way >= MOST || in_a_minute >= MOST_IN_A_MINUTE {
            return Next::Answer(outcome(Some(BUSY)));
        }
        let done = outcome(None);
        let act = match request.deed.act(chat) {
            Ok(act) => act,
            Err(why) => return Next::Answer(Outcome { error: Some(why.to_owned()), ..done }),
        };
        let user = request.by.filter(|by| !by.chars().any(char::is_control)).unwrap_or_default();
        let user: String = user.trim().chars().take(LONGEST_USER).collect();
        let user = if user.is_empty() { from.to_owned() } else { format!("{user} ({from})") };
        if self.known.len() >= REMEMBERED {
            self.known.pop_front();
        }
        let (from, id) = (from.to_owned(), done.id.clone());
        self.known.push_back(Known { from, id, at: *now, outcome: None });
        Next::Do(act, By { user: Some(user), is_told: true }, done)
    }

    /// Notes what became of a request.
    pub fn done(&mut self, outcome: &Outcome) {
        let asked = self.known.iter_mut().find(|known| known.from == outcome.to && known.id == outcome.id);
        if let Some(known) = asked {
            known.outcome = Some(outcome.clone());
        }
    }
}

/// Has it done by this gateway.
pub async fn perform(chat: Arc<Chat>, act: Act, by: By, outcome: Outcome) -> Outcome {
    let done = chat.gateway().perform(vec![Wanted::here(act)], by).await;
    Outcome { error: done.err().map(|undone| terminal::line(&undone.text())), ..outcome }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::alarm::{Alarm, Kind, RuleName, Urgency};
    use crate::fridge::{Fridge, Limits};
    use crate::gateway::{Gateway, Site};
    use crate::history::History;
    use crate::reading::ProbeId;
    use crate::state::{Snapshot, State};

    fn now() -> Stamp {
        Stamp { mono: Duration::from_secs(1_000), wall: "2026-11-28T12:00:00Z".parse().unwrap() }
    }

    /// A gateway with one fridge, and an alarm of it.
    fn chat() -> Arc<Chat> {
        let fridges = vec![Fridge::new("Milk", ProbeId::new(0x28, 1), Limits::default())];
        let mut snapshot = Snapshot::new(now(), jiff::tz::TimeZone::UTC);
        let kind = (Kind::TooWarm, RuleName::Delay, Urgency::Warning);
        let alarm = Alarm::new(41, ("milk", "Milk"), kind, now().wall, now().wall);
        snapshot.alarms = Arc::new(vec![alarm]);
        let site = Site { fridges, ..Site::default() };
        let state = Arc::new(State::new(snapshot));
        Arc::new(Chat::new(Gateway::new(site, state, Arc::new(History::default()), Arc::new(now))))
    }

    fn request(id: &str, what: Value) -> Value {
        let mut request = json!({ "schema": 1, "t": "2026-11-28T11:59:30Z", "id": id, "by": "anna", "act": "acknowledge", "numbers": [41] });
        for (name, value) in what.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    }

    fn heard(acts: &mut Acts, request: &Value) -> Next {
        acts.heard("head-office", request.to_string().as_bytes(), &chat(), &now())
    }

    #[test]
    fn what_is_asked_for_is_done_once_in_the_name_of_who_asked() {
        let mut acts = Acts::default();
        let asked = request("1", json!({ "numbers": [40, 41], "cause": "delivery" }));
        let Next::Do(act, by, outcome) = heard(&mut acts, &asked) else { panic!() };
        assert_eq!(act, Act::acknowledge(vec![41], "delivery"), "the other is over");
        assert_eq!(by, By { user: Some(String::from("anna (head-office)")), is_told: true });
        assert!(matches!(heard(&mut acts, &asked), Next::Nothing), "it is under way");
        let refused = Outcome { error: Some(String::from("the disk is full")), ..outcome };
        acts.done(&refused);
        assert!(matches!(heard(&mut acts, &asked), Next::Answer(again) if again == refused));
        for (what, expected) in [
            (json!({ "act": "snooze", "fridges": ["milk"], "length_s": 7_200 }), "Snooze"),
            (json!({ "act": "defrost", "fridges": ["milk"], "length_s": 60, "by": null }), "Defrost"),
        ] {
            let Next::Do(act, by, _) = heard(&mut acts, &request(expected, what)) else {
                panic!("{expected}")
            };
            assert!(format!("{act:?} {by:?}").starts_with(expected), "{act:?}");
        }
    }

    #[test]
    fn what_is_too_late_or_cannot_be_done_is_answered_with_the_reason_and_rubbish_is_not() {
        let mut acts = Acts::default();
        for (what, reason) in [
            (json!({ "t": "2026-11-28T11:58:59Z" }), "more than a minute old"),
            (json!({ "t": "2027-11-28T11:58:59Z" }), "clocks of the two gateways differ"),
            (json!({ "numbers": [42] }), "that alarm is over"),
            (json!({ "numbers": [] }), "that alarm is over"),
            (json!({ "act": "snooze", "fridges": ["meat"], "length_s": 60 }), "no such fridge"),
            (json!({ "act": "snooze", "fridges": ["milk"], "length_s": 59 }), "from a minute to a day"),
            (
                json!({ "act": "defrost", "fridges": ["milk"], "length_s": u64::MAX }),
                "from a minute to a day",
            ),
        ] {
            let next = heard(&mut acts, &request("2", what));
            let Next::Answer(Outcome { to, id, error: Some(error) }) = next else {
                panic!("{reason}: {next:?}")
            };
            assert!(error.contains(reason), "{error}");
            assert_eq!((to.as_str(), id.as_str()), ("head-office", "2"));
        }
        for what in [
            json!({ "schema": 2 }),
            json!({ "act": "calibrate", "fridges": ["milk"] }),
            json!({ "act": "drill", "fridge": "milk" }),
            json!({ "id": "a\nb" }),
            json!({ "id": "x".repeat(41) }),
            json!({ "numbers": [-1] }),
        ] {
            assert!(matches!(heard(&mut acts, &request("3", what.clone())), Next::Nothing), "{what}");
        }
        assert!(matches!(acts.heard("bar", b"ack 41", &chat(), &now()), Next::Nothing));
    }

    #[test]
    fn whoever_floods_it_fills_no_memory() {
        let mut acts = Acts::default();
        for id in 0..MOST {
            let Next::Do(..) = heard(&mut acts, &request(&id.to_string(), json!({}))) else { panic!("{id}") };
        }
        let next = heard(&mut acts, &request("more", json!({})));
        assert!(
            matches!(next, Next::Answer(Outcome { error: Some(error), .. }) if error.contains("too much"))
        );
        let mut acts = Acts::default();
        for id in 0..10 * REMEMBERED {
            // A request in three seconds.
            let wall = now().wall + Duration::from_secs(3 * id as u64);
            let at = Stamp { mono: now().mono + Duration::from_secs(3 * id as u64), wall };
            let by = format!("anna{}", "x".repeat(200));
            let name = request(&id.to_string(), json!({ "by": by, "t": wall.to_string() }));
            let next = acts.heard("head-office", name.to_string().as_bytes(), &chat(), &at);
            let Next::Do(_, by, outcome) = next else { panic!("{id}: {next:?}") };
            assert!(by.user.unwrap().chars().count() <= LONGEST_USER + " (head-office)".len());
            acts.done(&outcome);
        }
        assert_eq!(acts.known.len(), REMEMBERED);
        // A message of a hundred thousand numbers is one act on one alarm.
        let mut acts = Acts::default();
        let Next::Do(act, ..) = heard(&mut acts, &request("many", json!({ "numbers": [41, 41, 41] }))) else {
            panic!()
        };
        assert_eq!(act, Act::acknowledge(vec![41], ""));
        // And many one after another are too many.
        let taken = (0..100).filter(|id| match heard(&mut acts, &request(&id.to_string(), json!({}))) {
            Next::Do(_, _, outcome) => {
                acts.done(&outcome);
                true
            }
            _ => false,
        });
        assert_eq!(taken.count(), MOST_IN_A_MINUTE - 1);
    }
}
