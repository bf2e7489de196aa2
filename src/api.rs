//! The API: what the page shows, as JSON under documented names, a stream of what changes, and acts for who shows a token.
//! docs/api.md lists it.

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};

use crate::auth::{Auth, Visitor};
use crate::chat::Chat;
use crate::https::response::{Response, whole};

mod acts;
mod alarms;
pub mod cors;
mod events;
mod feed;
mod fridges;
mod openapi;
mod problem;
mod query;
mod readings;

pub use feed::Feed;
pub use fridges::{FridgeItem, all, decoded, encoded, item, items, rows, site};
pub use problem::Problem;

/// What all paths begin with.
pub const ROOT: &str = "/api/v1";

/// A body of an act is no longer than this.
pub const BODY_BYTES: usize = 4 * 1024;

/// Whether that path, [`ROOT`] before it, is one of an act.
pub fn is_act(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|path| is_act_of(&segments(path)))
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

fn is_act_of(segments: &[&str]) -> bool {
    matches!(segments, ["alarms", _, "acknowledge"] | ["fridges", _, "snooze" | "defrost"])
}

/// Answers a request whose path is `path` behind [`ROOT`].
pub async fn respond(
    path: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
    feed: &Arc<Feed>,
) -> Response {
    match answer(path, request, visitor, auth, chat, feed).await {
        Ok(response) => response,
        Err(problem) => whole(problem.response()),
    }
}

async fn answer(
    path: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
    feed: &Arc<Feed>,
) -> Result<Response, Problem> {
    let segments = segments(path);
    let is_act = is_act_of(&segments);
    match *request.method() {
        Method::POST if is_act => {}
        Method::GET | Method::HEAD if !is_act => {}
        _ => return Err(Problem::method_not_allowed(if is_act { "POST" } else { "GET, HEAD" })),
    }
    let query = request.uri().query().unwrap_or_default();
    Ok(whole(match segments[..] {
        ["events"] => return events::answer(request, feed),
        ["fridges"] => fridges::list(query, chat)?,
        ["fridges", id] => fridges::one(id, query, chat)?,
        ["fridges", id, "readings"] => readings::answer(id, query, chat).await?,
        ["fridges", id, "snooze"] => acts::snooze(id, request, visitor, auth, chat).await?,
        ["fridges", id, "defrost"] => acts::defrost(id, request, visitor, auth, chat).await?,
        ["alarms"] => alarms::answer(query, chat).await?,
        ["alarms", number, "acknowledge"] => acts::acknowledge(number, request, visitor, auth, chat).await?,
        ["openapi.json"] => openapi::answer(query)?,
        _ => {
            let detail = "there is nothing on this path: /api/v1/openapi.json describes those that there are";
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        }
    }))
}
