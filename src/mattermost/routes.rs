//! The paths: warp filters that bring a request to the file that answers it. Nothing else of the product knows
//! warp.

use std::convert::Infallible;
use std::net::IpAddr;
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
use super::{Mattermost, action, command, health, picture, picture_address, webhook};
use crate::https::response::{WholeResponse, method_not_allowed, rejection};
use crate::https::stats::Stats;
use crate::https::{Peer, Responding, Service};

/// The most bytes of a webhook's or a command's body: Mattermost's longest message makes a form of 200 kB.
pub const BODY_BYTES: usize = 256 * 1024;
/// The most bytes of any other body: a button's context is ours, and no longer than 2 kB.
const SMALL_BODY_BYTES: usize = 16 * 1024;

/// All paths.
pub type Routes = BoxedFilter<(Answer,)>;

/// The paths of this gateway. Each request is answered by the context of its moment. One filter takes all of a request
/// that the paths look at: that is less to go through than a filter for each path.
pub fn routes(context: Arc<ArcSwap<Context>>, transport: Arc<Stats>) -> Routes {
    warp::path::full()
        .and(warp::method())
        .and(warp::header::optional::<String>("content-type"))
        .and(warp::header::optional::<String>("authorization"))
        .and(query())
        .and(warp::body::bytes())
        .and(warp::ext::optional::<Peer>())
        .then(move |path: FullPath, method, content_type, authorization, query, body, peer: Option<Peer>| {
            let peer = peer.map(|Peer(address)| address);
            let request = ChatRequest { method, content_type, authorization, query, body, peer };
            let (context, transport) = (context.load_full(), Arc::clone(&transport));
            async move { Answer(request.answer(path.as_str(), &context, &transport).await) }
        })
        .recover(recover)
        .unify()
        .boxed()
}

fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What the paths look at.
struct ChatRequest {
    method: Method,
    content_type: Option<String>,
    authorization: Option<String>,
    query: String,
    body: Bytes,
    peer: Option<IpAddr>,
}

impl ChatRequest {
    async fn answer(&self, path: &str, context: &Context, transport: &Stats) -> WholeResponse {
        let (content_type, authorization) = (self.content_type.as_deref(), self.authorization.as_deref());
        match (name_of(path), &self.method) {
            ("webhook", &Method::POST) => webhook::handle(context, content_type, &self.body).await,
            ("command", &Method::POST) => {
                command::handle(context, content_type, authorization, &self.body).await
            }
            ("command", &Method::GET) => command::handle_query(context, authorization, &self.query).await,
            ("action", &Method::POST) => action::handle(context, self.peer, content_type, &self.body).await,
            ("health", &Method::GET | &Method::HEAD) => {
                health::answer(context.gateway(), !context.hooks.is_empty(), &transport.report())
            }
            (path, &Method::GET | &Method::HEAD) if picture_address::owns(path) => {
                picture::answer(context, path).await
            }
            ("webhook" | "action", _) => method_not_allowed("POST"),
            ("command", _) => method_not_allowed("GET, POST"),
            ("health", _) => method_not_allowed("GET, HEAD"),
            _ => rejection(
                StatusCode::NOT_FOUND,
                "there is nothing on this path: Mattermost asks on /webhook, /command and /action",
            ),
        }
    }
}

/// A path without its first slash, and without one at its end.
fn name_of(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path)
}

/// Whatever the filter did not take: a header that is no text. Total: a warp rejection that nobody handles would print
/// its own debug text.
async fn recover(_rejected: warp::Rejection) -> Result<Answer, Infallible> {
    Ok(Answer(rejection(StatusCode::BAD_REQUEST, "the request's header is not well-formed")))
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
        let path = name_of(head.uri.path());
        if !matches!(path, "webhook" | "command" | "action") {
            return Ok(SMALL_BODY_BYTES);
        }
        let context = self.context.load();
        if !context.is_allowed(peer) {
            return Err(Box::new(context.reject(Rejection::NotAllowed(peer))));
        }
        Ok(if path == "action" { SMALL_BODY_BYTES } else { BODY_BYTES })
    }

    fn respond(&self, mut request: Request<Bytes>, peer: Peer) -> Responding<'_> {
        request.extensions_mut().insert(peer);
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
