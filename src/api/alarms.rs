//! `/alarms`: those that are open, or those of a time in the past.

use std::sync::Arc;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Document, Problem};
use super::query::Query;
use crate::alarm::Alarm;
use crate::chat::Chat;
use crate::chat::data::AlarmRow;
use crate::history::Period;
use crate::history::period::Kind;
use crate::https::response::{WholeResponse, json};

/// So many are told at most; the newest.
const MOST: usize = 1_000;

/// Alarms.
#[derive(Serialize, ToSchema)]
pub struct Alarms {
    /// The moment of the answer.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether any of it comes from no real probe.
    simulated: bool,
    /// The alarms, the earliest first.
    alarms: Vec<AlarmItem>,
}

/// One alarm, and its end.
#[derive(Serialize, ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmItem {
    /// The alarm.
    #[serde(flatten)]
    row: AlarmRow,
    /// Its end; `null` while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    cleared: Option<Timestamp>,
}

/// The open alarms; with `from`, those of a time in the past.
#[utoipa::path(
    get,
    operation_id = "alarms",
    path = "/alarms",
    params(
        ("from" = Option<String>, Query, format = DateTime, description = "The beginning of the period"),
        ("to" = Option<String>, Query, format = DateTime, description = "The end of the period; now if left out"),
    ),
    responses(
        (status = 200, body = Alarms, description = "Alarms, the earliest first"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "That is no period"),
        (status = 414, body = Document<'_>, content_type = "application/problem+json", description = "The query is too long"),
        (status = 503, body = Document<'_>, content_type = "application/problem+json", description = "The disk does not answer, or several questions about the past are under way"),
    )
)]
pub async fn answer(query: &str, chat: &Arc<Chat>) -> Result<WholeResponse, Problem> {
    let query = Query::of(query, &["from", "to"])?;
    let gateway = chat.gateway();
    let now = gateway.now().wall;
    let alarms: Vec<Alarm> = match (query.moment("from")?, query.moment("to")?) {
        (None, None) => return Ok(open(chat)),
        (None, Some(_)) => return Err(Problem::bad("`to` needs `from` beside it")),
        (Some(from), to) => {
            let to = to.unwrap_or(now);
            if from >= to {
                return Err(Problem::bad("`from` is not before `to`"));
            }
            let period = Period { from, to, name: String::new(), kind: Kind::Other };
            let read = gateway.look_at_past(move |gateway| gateway.records(&period)).await;
            let (mut alarms, _) = read?.map_err(|_| Problem::unreadable())?;
            alarms.drain(..alarms.len().saturating_sub(MOST));
            alarms
        }
    };
    Ok(of(&alarms, chat))
}

/// The open alarms.
pub fn open(chat: &Chat) -> WholeResponse {
    let snapshot = chat.gateway().snapshot();
    of(snapshot.open_alarms(), chat)
}

fn of<'a>(alarms: impl IntoIterator<Item = &'a Alarm>, chat: &Chat) -> WholeResponse {
    let (now, snapshot) = (chat.gateway().now(), chat.gateway().snapshot());
    let item = |alarm: &Alarm| {
        let cleared = alarm.cleared.map(|end| end.at);
        AlarmItem { row: AlarmRow::new(alarm, &snapshot, &now), cleared }
    };
    let alarms = alarms.into_iter().map(item).collect();
    json(StatusCode::OK, &Alarms { at: now.wall, simulated: snapshot.is_simulated(), alarms })
}
