//! Responses: JSON of a value, and rejections, which hold a reason and nothing that Mattermost would post: it
//! posts whatever has a `text` or `attachments` key into the channel, even with status 500.

use std::convert::Infallible;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use serde::Serialize;

/// A response whose body may be a stream.
pub type Response = hyper::Response<Body>;

/// The bytes of a response, whole or as they come.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A response whose body is there as a whole.
pub type WholeResponse = hyper::Response<Bytes>;

/// Marks a response to a request that proved a token or showed a button of ours: such a connection may idle
/// for longer, and is not evicted for an unknown one.
#[derive(Clone, Copy, Debug)]
pub struct Authenticated;

/// Marks a response that turns nobody away, whatever its status: a monitor that asks how things are and hears that they
/// are bad was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered;

/// Marks a response whose body goes on for as long as its peer listens: its connection then counts as a stream, which has
/// limits of its own, and idles never.
#[derive(Clone, Copy, Debug)]
pub struct Stream;

/// Why a request was turned away, for the administrator: it stands beside a response, and is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In a few words, by which they are counted.
    pub reason: &'static str,
    /// In a sentence, with the cure. Never a token, and not longer than what a person reads.
    pub explanation: String,
}

impl Explanation {
    /// The explanation of a status.
    pub fn of_status(status: StatusCode, explanation: impl Into<String>) -> Explanation {
        let reason = status.canonical_reason().unwrap_or("rejected");
        Explanation { reason, explanation: explanation.into() }
    }

    /// What stands beside a response; its status where there is nothing else.
    pub fn of<T>(response: &hyper::Response<T>) -> Explanation {
        let beside = response.extensions().get::<Explanation>().cloned();
        beside.unwrap_or_else(|| Explanation::of_status(response.status(), response.status().to_string()))
    }
}

/// Puts an explanation beside the response.
pub fn explained(mut response: WholeResponse, why: Explanation) -> WholeResponse {
    response.extensions_mut().insert(why);
    response
}

/// A response whose body is JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> WholeResponse {
    let mut response = WholeResponse::new(serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec()).into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A rejection: JSON with the reason.
pub fn rejection(status: StatusCode, reason: &str) -> WholeResponse {
    #[derive(Serialize)]
    struct Rejection<'a> {
        error: &'a str,
    }
    explained(json(status, &Rejection { error: reason }), Explanation::of_status(status, reason))
}

/// The rejection of a method; `allowed` lists those that the path takes.
pub fn method_not_allowed(allowed: &'static str) -> WholeResponse {
    let reason = format!("this path takes {allowed} only");
    let mut response = rejection(StatusCode::METHOD_NOT_ALLOWED, &reason);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Ends the connection behind the response.
pub fn closing(mut response: WholeResponse) -> WholeResponse {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Marks the response as [`Authenticated`].
pub fn authenticated(mut response: WholeResponse) -> WholeResponse {
    response.extensions_mut().insert(Authenticated);
    response
}

/// A whole response as one that may be a stream.
pub fn whole(response: WholeResponse) -> Response {
    response.map(|bytes| Full::new(bytes).boxed_unsync())
}
