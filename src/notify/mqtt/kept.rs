//! What the broker is to keep, as it follows from what is known.

use std::time::Duration;

use super::Topics;
use super::discovery::Gateway;
use super::payload::{self, Alarms, Head, State};
use super::retained::Retained;
use crate::api;
use crate::chat::Chat;
use crate::chat::data::AlarmRow;

/// How each fridge is, and which alarms are open: what changed, and all of the fridges where it `is_due`. Whether any of it
/// is simulated.
pub fn look(chat: &Chat, topics: &Topics, head: Head<'_>, is_due: bool, retained: &mut Retained) -> bool {
    let (reply, snapshot) = (api::all(chat), chat.gateway().snapshot());
    let head = Head { t: reply.at, ..head };
    retained.begin();
    for fridge in api::items(&reply, chat.gateway().units()) {
        let row = fridge.row;
        let alarm = snapshot.alarms.iter().any(|alarm| alarm.fridge == row.id && !alarm.drill);
        let age = row.age_s.or(row.last_good_age_s).map(Duration::from_secs);
        let read = age.and_then(|age| reply.at.checked_sub(age).ok());
        let (topic, key) = (topics.fridge(&row.id), (fridge.lasting(), alarm, reply.simulated));
        let state = State { head: head.clone(), simulated: reply.simulated, fridge, read, alarm };
        retained.want(topic, &key, is_due, || payload::json(&state));
    }
    let rows: Vec<AlarmRow> = snapshot.alarms.iter().map(AlarmRow::from).collect();
    let key = serde_json::to_string(&rows).unwrap_or_default();
    let alarms = Alarms { head, simulated: reply.simulated, alarms: rows };
    retained.want(topics.alarms(), &key, false, || payload::json(&alarms));
    retained.done();
    reply.simulated
}

/// What Home Assistant is told of all that there is. Whether that says that any of it is simulated.
pub fn announce(chat: &Chat, topics: &Topics, announced: &mut Retained) -> bool {
    let gateway = chat.gateway();
    let is_simulated = gateway.snapshot().is_simulated();
    let of = Gateway { topics, name: gateway.name(), is_simulated };
    announced.begin();
    let of_fridges = gateway.fridges().iter().flat_map(|fridge| of.entities_of(fridge));
    for (topic, entity) in of.entities().into_iter().chain(of_fridges) {
        let text = entity.to_string();
        announced.want(topic, &text, true, || text.clone().into_bytes());
    }
    announced.done();
    is_simulated
}
