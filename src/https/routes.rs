//! The paths: warp filters that bring a request to the file that answers it, and the refusals that
//! are common to all. Mattermost posts whatever has a `text` or `attachments` key into the channel,
//! even with status 500, so no refusal has one.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::webhook::Webhook;
use super::{Hook, Statistics, health};
use crate::chat::Gateway;

/// All paths.
pub type Routes = BoxedFilter<(Response,)>;

/// The paths of this gateway, for these hooks.
pub fn routes(
    hooks: Vec<Hook>,
    trigger_words: Vec<String>,
    gateway: Arc<Gateway>,
    statistics: Arc<Statistics>,
) -> Routes {
    let configured = !hooks.is_empty();
    let webhook = Arc::new(Webhook { hooks, trigger_words, gateway: Arc::clone(&gateway), statistics });
    let webhook = warp::path!("webhook")
        .and(warp::method())
        .and(warp::header::optional::<String>("content-type"))
        .and(warp::body::bytes())
        .map(move |method: Method, content_type: Option<String>, body: Bytes| match method {
            Method::POST => webhook.answer(content_type.as_deref(), &body),
            _ => method_not_allowed("POST"),
        });
    let health = warp::path!("health").and(warp::method()).map(move |method: Method| match method {
        Method::GET | Method::HEAD => health::answer(&gateway, configured),
        _ => method_not_allowed("GET, HEAD"),
    });
    webhook.or(health).unify().recover(recover).unify().boxed()
}

/// Whatever no filter took. Total: a rejection that nobody handles would print its own debug text.
async fn recover(rejection: warp::Rejection) -> Result<Response, Infallible> {
    Ok(if rejection.is_not_found() {
        refusal(StatusCode::NOT_FOUND, "there is nothing on this path: Mattermost asks on /webhook")
    } else {
        refusal(StatusCode::BAD_REQUEST, "the request's header is not well-formed")
    })
}

/// A JSON answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec());
    let mut response = body.into_response();
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal: JSON with the reason, and nothing that Mattermost would post.
pub fn refusal(status: StatusCode, reason: &str) -> Response {
    #[derive(Serialize)]
    struct Refusal<'a> {
        error: &'a str,
    }
    json(status, &Refusal { error: reason })
}

fn method_not_allowed(allowed: &'static str) -> Response {
    let mut response =
        refusal(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {allowed} and nothing else"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
