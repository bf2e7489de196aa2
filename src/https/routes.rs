//! The paths: warp filters that bring a request to the file that answers it, and the refusals that
//! are common to all. Mattermost posts whatever has a `text` or `attachments` key into the channel,
//! even with status 500, so no refusal has one.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::filters::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::health;
use super::reception::{Present, Reception};
use super::refusals::Refusal;

/// All paths.
pub type Routes = BoxedFilter<(Response,)>;

/// From where a request came; our own accept loop puts it there.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Marks an answer to a request that proved a token or showed a button of ours: such a connection may idle
/// for longer, and is not ended to make room for a stranger's.
#[derive(Clone, Copy, Debug)]
pub struct Authenticated;

/// The paths of this gateway. Each request is answered by the reception of its moment.
pub fn routes(present: Arc<Present>) -> Routes {
    let chat = {
        let present = Arc::clone(&present);
        warp::path!("webhook" / ..)
            .or(warp::path!("command" / ..))
            .unify()
            .or(warp::path!("action" / ..))
            .unify()
            .and(warp::path::end())
            .and(warp::path::full())
            .and(warp::method())
            .and(warp::ext::get::<Peer>())
            .and(warp::header::optional::<String>("content-type"))
            .and(warp::header::optional::<String>("authorization"))
            .and(query())
            .and(warp::body::bytes())
            .map(move |path: FullPath, method, peer, content_type, authorization, query, body| {
                let request = Request { method, peer, content_type, authorization, query, body };
                request.answer(path.as_str().trim_matches('/'), &present.get())
            })
    };
    let health = warp::path!("health").and(warp::method()).map(move |method: Method| match method {
        Method::GET | Method::HEAD => {
            let reception = present.get();
            health::answer(&reception.gateway, !reception.hooks.is_empty())
        }
        _ => method_not_allowed("GET, HEAD"),
    });
    chat.or(health).unify().recover(recover).unify().boxed()
}

fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What the chat paths look at.
struct Request {
    method: Method,
    peer: Peer,
    content_type: Option<String>,
    authorization: Option<String>,
    query: String,
    body: Bytes,
}

impl Request {
    fn answer(&self, path: &str, reception: &Reception) -> Response {
        if !reception.admits(self.peer.0) {
            return reception.refuse(Refusal::NotAllowed(self.peer.0));
        }
        let (content_type, authorization) = (self.content_type.as_deref(), self.authorization.as_deref());
        match (path, &self.method) {
            ("webhook", &Method::POST) => reception.webhook(content_type, &self.body),
            ("command", &Method::POST) => reception.command(content_type, authorization, &self.body),
            ("command", &Method::GET) => reception.command_in_query(authorization, &self.query),
            ("action", &Method::POST) => reception.action(content_type, &self.body),
            ("command", _) => method_not_allowed("GET, POST"),
            _ => method_not_allowed("POST"),
        }
    }
}

/// Whatever no filter took. Total: a rejection that nobody handles would print its own debug text.
async fn recover(rejection: warp::Rejection) -> Result<Response, Infallible> {
    Ok(if rejection.is_not_found() {
        refusal(
            StatusCode::NOT_FOUND,
            "there is nothing on this path: Mattermost asks on /webhook, /command and /action",
        )
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

/// Marks an answer as one to a request that proved a token.
pub fn authenticated(mut response: Response) -> Response {
    response.extensions_mut().insert(Authenticated);
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
