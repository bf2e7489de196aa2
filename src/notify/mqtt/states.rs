//! The retained messages of what is known: the state of each fridge, and the open alarms.

use std::time::Duration;

use super::Topics;
use super::payload::{self, Alarms, Head, State};
use super::retained::Retained;
use crate::api::{self, FridgeItem};
use crate::chat::Chat;
use crate::chat::data::AlarmRow;

/// How each fridge is, and which alarms are open: what changed, and all of the fridges where it `is_due`. Whether any of it
/// is simulated.
pub fn look(chat: &Chat, topics: &Topics, head: Head<'_>, is_due: bool, retained: &mut Retained) -> bool {
    let (reply, snapshot) = (api::all(chat), chat.gateway().snapshot());
    let head = Head { t: reply.at, ..head };
    retained.begin();
    let own = |item: &FridgeItem<'_>| item.row.site.is_none();
    for fridge in api::items(&reply, chat.gateway().units()).filter(own) {
        let row = fridge.row;
        let stale_after_s = snapshot.probe(row.probe).map(|(bus, _)| bus.stale_after().as_secs());
        let alarm = snapshot.alarms.iter().any(|alarm| alarm.fridge == row.id && !alarm.drill);
        let age = row.age_s.or(row.last_good_age_s).map(Duration::from_secs);
        let read = age.and_then(|age| reply.at.checked_sub(age).ok());
        let (topic, key) = (topics.fridge(&row.id), (fridge.lasting(), alarm, reply.simulated));
        let (head, simulated) = (head.clone(), reply.simulated);
        let state = State { head, simulated, fridge, read, stale_after_s, alarm };
        retained.want(topic, &key, is_due, || payload::json(&state));
    }
    let now = chat.gateway().now();
    let rows: Vec<AlarmRow> =
        snapshot.alarms.iter().map(|alarm| AlarmRow::new(alarm, &snapshot, &now)).collect();
    let key = serde_json::to_string(&rows).unwrap_or_default();
    let alarms = Alarms { head, simulated: reply.simulated, alarms: rows };
    retained.want(topics.alarms(), &key, is_due, || payload::json(&alarms));
    retained.done();
    reply.simulated
}
