//! The API: what the page shows, as JSON under documented names, and a stream of what changes. docs/api.md lists it.

use std::sync::Arc;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::chat::Chat;
use crate::https::response::{Response, whole};

mod alarms;
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

/// Answers a request whose path is `path` behind [`ROOT`].
pub async fn respond(path: &str, head: &Parts, chat: &Arc<Chat>, feed: &Arc<Feed>) -> Response {
    match answer(path, head, chat, feed).await {
        Ok(response) => response,
        Err(problem) => whole(problem.response()),
    }
}

async fn answer(path: &str, head: &Parts, chat: &Arc<Chat>, feed: &Arc<Feed>) -> Result<Response, Problem> {
    if head.method != Method::GET && head.method != Method::HEAD {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET and HEAD only"));
    }
    let query = head.uri.query().unwrap_or_default();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    Ok(whole(match segments[..] {
        ["events"] => return events::answer(head, feed),
        ["fridges"] => fridges::list(query, chat)?,
        ["fridges", id] => fridges::one(id, query, chat)?,
        ["fridges", id, "readings"] => readings::answer(id, query, chat).await?,
        ["alarms"] => alarms::answer(query, chat).await?,
        ["openapi.json"] => openapi::answer(query)?,
        _ => {
            let detail = "there is nothing on this path: /api/v1/openapi.json describes those that there are";
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        }
    }))
}
