//! What is served, path by path: Mattermost's, the page's, the API's and the metrics'; and who may look at the last three.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use crate::api::{self, Feed, Problem};
use crate::auth::{self, Visitor, WrongToken};
use crate::chat::Chat;
use crate::https::response::{Authenticated, Response, WholeResponse, whole};
use crate::https::stats::Stats;
use crate::https::{Peer, Responding, Service, compression};
use crate::mattermost::Mattermost;
use crate::metrics::{Metrics, Sources, Target};
use crate::notify::DeliveryStatuses;
use crate::text::{login, page};
use crate::web::{self, Web};

/// A request to look has no body.
const NO_BODY: usize = 0;
/// Sessions that are over end this late at the most, for who looks on.
const BETWEEN_EXPIRIES: Duration = Duration::from_secs(60);

/// What is served.
pub struct Routes {
    mattermost: Arc<Mattermost>,
    feed: Arc<Feed>,
    metrics: Metrics,
    web: Web,
    page: ArcSwap<web::Config>,
}

/// Who answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Mattermost,
    Web,
    Api,
    Metrics,
}

impl Place {
    fn of(method: &Method, path: &str) -> Place {
        match path {
            // Mattermost, with a path that was left out: it is told which it is.
            "/" if method == Method::POST => Place::Mattermost,
            "/metrics" => Place::Metrics,
            _ if path.strip_prefix(api::ROOT).is_some_and(|rest| rest.starts_with('/')) => Place::Api,
            _ if web::owns(path) => Place::Web,
            _ => Place::Mattermost,
        }
    }
}

impl Routes {
    /// Serves what that service answers, and what the page shows of it.
    pub fn new(
        mattermost: Arc<Mattermost>,
        feed: Arc<Feed>,
        metrics: Metrics,
        web: Web,
        page: web::Config,
    ) -> Routes {
        Routes { mattermost, feed, metrics, web, page: ArcSwap::from_pointee(page) }
    }

    /// From now on these may look, and log in.
    pub fn reload(&self, page: web::Config, auth: auth::Config) {
        let before = self.page.swap(Arc::new(page.clone()));
        let has_ended = self.web.auth.reload(auth);
        if has_ended || *before != page {
            self.feed.end_streams();
        }
    }

    /// Ends sessions when their time is over, and with them what they look at.
    pub async fn expire_sessions(self: Arc<Self>) {
        loop {
            tokio::time::sleep(BETWEEN_EXPIRIES).await;
            let now = self.mattermost.chat().gateway().now().mono;
            self.web.auth.expire(now);
            if self.web.auth.take_ended() {
                self.feed.end_streams();
            }
        }
    }

    /// Why that address may not look at that place.
    fn refusal(&self, place: Place, peer: IpAddr) -> Option<WholeResponse> {
        let page = self.page.load();
        if place == Place::Mattermost || page.is_allowed(peer) {
            return None;
        }
        let problem = if page.enabled {
            Problem::new(StatusCode::FORBIDDEN, page::NOT_FROM_THERE)
        } else {
            Problem::new(StatusCode::NOT_FOUND, page::IS_OFF)
        };
        Some(problem.response())
    }

    async fn look(&self, place: Place, request: Request<Bytes>, peer: IpAddr) -> Response {
        let (chat, page) = (self.mattermost.chat(), self.page.load_full());
        let preflight = api::cors::preflight(request.method(), request.headers(), &page.origins);
        let visitor = self.web.auth.visitor(request.headers(), chat.gateway().now().mono);
        let mut response = match (preflight.filter(|_| place == Place::Api), visitor) {
            (Some(preflight), _) => whole(preflight),
            (None, Err(WrongToken)) => unauthorized(login::WRONG_TOKEN),
            (None, Ok(visitor)) => self.respond_to(place, &request, peer, visitor, &page, &chat).await,
        };
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if place == Place::Api {
            api::cors::allow(request.headers(), headers, &page.origins);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
        compression::compressed(request.headers(), response).await
    }

    async fn respond_to(
        &self,
        place: Place,
        request: &Request<Bytes>,
        peer: IpAddr,
        visitor: Visitor,
        page: &web::Config,
        chat: &Arc<Chat>,
    ) -> Response {
        let (is_known, path) = (visitor.is_known(), request.uri().path());
        let mut response = match place {
            Place::Api | Place::Metrics if page.login && !is_known => unauthorized(login::UNKNOWN),
            Place::Api => {
                let path = path.strip_prefix(api::ROOT).unwrap_or_default();
                api::respond(path, request, &visitor, &self.web.auth, chat, &self.feed).await
            }
            Place::Metrics => whole(self.metrics.answer(request, chat)),
            Place::Web | Place::Mattermost => {
                whole(self.web.respond(request, peer, visitor, page.login, chat).await)
            }
        };
        if ["/login", "/logout"].contains(&path) && self.web.auth.take_ended() {
            // What was looked at with a session ends with it.
            self.feed.end_streams();
        }
        if is_known {
            response.extensions_mut().insert(Authenticated);
        }
        response
    }
}

/// Who has to be known is not.
fn unauthorized(detail: &'static str) -> Response {
    whole(Problem::new(StatusCode::UNAUTHORIZED, detail).response())
}

impl Service for Routes {
    fn admit(&self, head: &Parts, peer: Peer) -> Result<usize, Box<WholeResponse>> {
        match Place::of(&head.method, head.uri.path()) {
            Place::Mattermost => self.mattermost.admit(head, peer),
            place => match self.refusal(place, peer.0) {
                Some(refusal) => Err(Box::new(refusal)),
                // Of a wrong method that is said, and not that it has a body.
                None if api::is_act(head.uri.path()) => Ok(api::BODY_BYTES),
                None if [Method::GET, Method::HEAD].contains(&head.method) => Ok(NO_BODY),
                None => Ok(api::BODY_BYTES),
            },
        }
    }

    fn respond(&self, request: Request<Bytes>, peer: Peer) -> Responding<'_> {
        match Place::of(request.method(), request.uri().path()) {
            Place::Mattermost => self.mattermost.respond(request, peer),
            place => Box::pin(self.look(place, request, peer.0)),
        }
    }
}

/// What metrics are made of that is no part of an answer.
pub fn metrics(transport: &Arc<Stats>, mattermost: &Arc<Mattermost>, statuses: &DeliveryStatuses) -> Metrics {
    let (transport, mattermost, statuses) = (Arc::clone(transport), Arc::clone(mattermost), statuses.clone());
    Metrics::new(move || Sources {
        transport: transport.report(),
        questions: mattermost.stats().report(&mattermost.chat().gateway().now()),
        targets: statuses
            .all()
            .into_iter()
            .map(|(name, status)| {
                (
                    name,
                    Target {
                        waiting: status.waiting,
                        oldest: status.oldest,
                        is_failing: status.failing.is_some(),
                        delivered: status.delivered,
                        failed: status.failed,
                        arrived: status.arrived,
                    },
                )
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_place_and_what_is_none_of_ours_is_mattermosts_to_refuse() {
        for (path, place) in [
            ("/", Place::Web),
            ("/fridges/milk", Place::Web),
            ("/assets/page.css", Place::Web),
            ("/alarms", Place::Web),
            ("/alarms/41/acknowledge", Place::Web),
            ("/login", Place::Web),
            ("/loginx", Place::Mattermost),
            ("/api/v1/fridges", Place::Api),
            ("/api/v1/", Place::Api),
            ("/api/v1x", Place::Mattermost),
            ("/metrics", Place::Metrics),
            ("/metrics/x", Place::Mattermost),
            ("/webhook", Place::Mattermost),
            ("/health", Place::Mattermost),
            ("//", Place::Mattermost),
            ("", Place::Mattermost),
        ] {
            assert_eq!(Place::of(&Method::GET, path), place, "{path}");
        }
    }
}
