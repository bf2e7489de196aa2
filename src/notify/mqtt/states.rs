//! The retained messages of what is known: the state of each fridge, and the open alarms.

use std::time::Duration;

use super::Topics;
use super::payload::{self, Alarms, Head, State};
use super::retained::Retained;
use crate::api;
use crate::chat::Chat;
use crate::chat::data::{AlarmRow, FridgeRow};

/// How each fridge is, and which alarms are open: what changed, and all of the fridges where it `is_due`. Whether any of it
/// is simulated.
pub fn look(chat: &Chat, topics: &Topics, head: Head<'_>, is_due: bool, retained: &mut Retained) -> bool {
    let gateway = chat.gateway();
    let (now, snapshot) = (gateway.now(), gateway.snapshot());
    let (head, simulated) = (Head { t: now.wall, ..head }, snapshot.is_own_simulated());
    retained.begin();
    for fridge in gateway.own_fridges() {
        let row = &FridgeRow::new(fridge, &snapshot, &now);
        let fridge = api::item(row, gateway.units());
        let stale_after_s = snapshot.probe(row.probe).map(|(bus, _)| bus.stale_after().as_secs());
        let alarm = snapshot.alarms.iter().any(|alarm| alarm.fridge == row.id && !alarm.drill);
        let age = row.age_s.or(row.last_good_age_s).map(Duration::from_secs);
        let read = age.and_then(|age| now.wall.checked_sub(age).ok());
        let (topic, key) = (topics.fridge(&row.id), (fridge.lasting(), alarm, simulated));
        let head = head.clone();
        let state = State { head, simulated, fridge, read, stale_after_s, alarm };
        retained.want(topic, &key, is_due, || payload::json(&state));
    }
    let rows: Vec<AlarmRow> =
        snapshot.alarms.iter().map(|alarm| AlarmRow::new(alarm, &snapshot, &now)).collect();
    let key = serde_json::to_string(&rows).unwrap_or_default();
    let alarms = Alarms { head, simulated, alarms: rows };
    retained.want(topics.alarms(), &key, is_due, || payload::json(&alarms));
    retained.done();
    simulated
}
