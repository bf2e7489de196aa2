//! `/alarms`: those that are open, or those of a time in the past.

use std::sync::Arc;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::problem::Problem;
use super::query::Query;
use crate::alarm::Alarm;
use crate::chat::Chat;
use crate::chat::data::AlarmRow;
use crate::history::Period;
use crate::history::period::Kind;
use crate::https::response::{WholeResponse, json};

/// So many are told at most; the newest.
const MOST: usize = 1_000;

#[derive(Serialize)]
struct Alarms {
    at: Timestamp,
    simulated: bool,
    alarms: Vec<Item>,
}

/// One alarm, and its end.
#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    row: AlarmRow,
    cleared: Option<Timestamp>,
}

/// `GET /alarms`, `GET /alarms?from=…&to=…`
pub async fn answer(query: &str, chat: &Arc<Chat>) -> Result<WholeResponse, Problem> {
    let query = Query::of(query, &["from", "to"])?;
    let gateway = chat.gateway();
    let (now, snapshot) = (gateway.now().wall, gateway.snapshot());
    let alarms: Vec<Alarm> = match (query.moment("from")?, query.moment("to")?) {
        (None, None) => snapshot.alarms.to_vec(),
        (None, Some(_)) => return Err(Problem::bad("`to` needs `from` beside it")),
        (Some(from), to) => {
            let to = to.unwrap_or(now);
            if from >= to {
                return Err(Problem::bad("`from` is not before `to`"));
            }
            let period = Period { from, to, name: String::new(), kind: Kind::Other };
            let read = gateway.read_past(move |gateway| gateway.records(&period)).await;
            let (mut alarms, _) = read?.map_err(|_| Problem::unreadable())?;
            alarms.drain(..alarms.len().saturating_sub(MOST));
            alarms
        }
    };
    let item = |alarm: &Alarm| Item { row: AlarmRow::from(alarm), cleared: alarm.cleared.map(|end| end.at) };
    let alarms = alarms.iter().map(item).collect();
    Ok(json(StatusCode::OK, &Alarms { at: now, simulated: snapshot.is_simulated(), alarms }))
}
