//! The paths: warp filters that bring a request to the file that answers it. Nothing else of the product knows
//! warp.

use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::service::Service as _;
use hyper::{Method, Request, StatusCode};
use hyper_util::service::TowerToHyperService;
use warp::filters::BoxedFilter;
use warp::filters::path::FullPath;
use warp::{Filter, Reply};

use super::context::Context;
use super::rejection::Rejection;
use super::{Mattermost, action, command, health, webhook};
use crate::https::response::{WholeResponse, method_not_allowed, rejection};
use crate::https::stats::Stats;
use crate::https::{Peer, Responding, Service};

/// The most bytes of a webhook's or a command's body: Mattermost's longest message makes a form of 200 kB.
pub const BODY_BYTES: usize = 256 * 1024;
/// The most bytes of any other body: a button's context is ours, and no longer than 2 kB.
const SMALL_BODY_BYTES: usize = 16 * 1024;

/// All paths.
pub type Routes = BoxedFilter<(Answer,)>;

/// The paths of this gateway. Each request is answered by the context of its moment.
pub fn routes(context: Arc<ArcSwap<Context>>, transport: Arc<Stats>) -> Routes {
    let chat = {
        let context = Arc::clone(&context);
        warp::path!("webhook" / ..)
            .or(warp::path!("command" / ..))
            .unify()
            .or(warp::path!("action" / ..))
            .unify()
            .and(warp::path::end())
            .and(warp::path::full())
            .and(warp::method())
            .and(warp::header::optional::<String>("content-type"))
            .and(warp::header::optional::<String>("authorization"))
            .and(query())
            .and(warp::body::bytes())
            .then(move |path: FullPath, method, content_type, authorization, query, body| {
                let request = ChatRequest { method, content_type, authorization, query, body };
                let context = context.load_full();
                async move { Answer(request.answer(path.as_str(), &context).await) }
            })
    };
    let health = warp::path!("health").and(warp::method()).map(move |method: Method| {
        Answer(match method {
            Method::GET | Method::HEAD => {
                let context = context.load();
                health::answer(context.gateway(), !context.hooks.is_empty(), &transport.report())
            }
            _ => method_not_allowed("GET, HEAD"),
        })
    });
    chat.or(health).unify().recover(recover).unify().boxed()
}

fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What the chat paths look at.
struct ChatRequest {
    method: Method,
    content_type: Option<String>,
    authorization: Option<String>,
    query: String,
    body: Bytes,
}

impl ChatRequest {
    async fn answer(&self, path: &str, context: &Context) -> WholeResponse {
        let (content_type, authorization) = (self.content_type.as_deref(), self.authorization.as_deref());
        match (path.trim_matches('/'), &self.method) {
            ("webhook", &Method::POST) => webhook::handle(context, content_type, &self.body).await,
            ("command", &Method::POST) => {
                command::handle(context, content_type, authorization, &self.body).await
            }
            ("command", &Method::GET) => command::handle_query(context, authorization, &self.query).await,
            ("action", &Method::POST) => action::handle(context, content_type, &self.body).await,
            ("command", _) => method_not_allowed("GET, POST"),
            _ => method_not_allowed("POST"),
        }
    }
}

/// Whatever no filter took. Total: a warp rejection that nobody handles would print its own debug text.
async fn recover(rejected: warp::Rejection) -> Result<Answer, Infallible> {
    Ok(Answer(if rejected.is_not_found() {
        rejection(
            StatusCode::NOT_FOUND,
            "there is nothing on this path: Mattermost asks on /webhook, /command and /action",
        )
    } else {
        rejection(StatusCode::BAD_REQUEST, "the request's header is not well-formed")
    }))
}

/// A response on its way through warp.
pub struct Answer(WholeResponse);

impl Reply for Answer {
    fn into_response(self) -> warp::reply::Response {
        let (head, body) = self.0.into_parts();
        warp::reply::Response::from_parts(head, body.into())
    }
}

impl Service for Mattermost {
    fn admit(&self, head: &Parts, Peer(peer): Peer) -> Result<usize, Box<WholeResponse>> {
        let path = head.uri.path().trim_matches('/');
        if !matches!(path, "webhook" | "command" | "action") {
            return Ok(SMALL_BODY_BYTES);
        }
        let context = self.context.load();
        if !context.is_allowed(peer) {
            return Err(Box::new(context.reject(Rejection::NotAllowed(peer))));
        }
        Ok(if path == "action" { SMALL_BODY_BYTES } else { BODY_BYTES })
    }

    fn respond(&self, request: Request<Bytes>, _peer: Peer) -> Responding<'_> {
        let service = TowerToHyperService::new(warp::service(self.routes.clone()));
        let responding = service.call(request.map(Full::new));
        Box::pin(async move {
            match responding.await {
                Ok(response) => response.map(|body| {
                    // What an `Answer` is made of is whole and cannot break.
                    body.map_err(|error| unreachable!("a body in memory: {error}")).boxed_unsync()
                }),
                Err(never) => match never {},
            }
        })
    }
}
