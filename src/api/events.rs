//! `/events`: the feed as server-sent events (WHATWG HTML, 9.2), which go on after a `Last-Event-ID`. Where nothing changes for
//! two seconds a beat comes, so that a page knows within five that it has lost its connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::watch;
use tokio::time::timeout;

use super::feed::{Feed, Moment};
use super::problem::{Document, Problem};
use super::query::Query;
use crate::https::response::{Response, Stream, WholeResponse, whole};

/// From one event to the next at the latest.
const BEAT: Duration = Duration::from_secs(2);
/// A frame of the body: what is not read yet is kept in memory, for each of many streams.
const FRAME_BYTES: usize = 16 * 1024;
/// A browser that lost its connection comes back after so many milliseconds.
const RETRY_MS: u32 = 2_000;

/// What changes, as server-sent events: `fridge` holds a `Fridge`, `read` the ages in seconds of readings that say the same
/// again, by the ids of their fridges, `gateway` a `GatewayEvent`, and `beat` nothing. At first everything is sent; after
/// the `Last-Event-ID` of a stream that was cut, what has changed since.
#[utoipa::path(
    get,
    operation_id = "events",
    path = "/events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "It goes on for as long as its peer listens"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "There is a parameter that it does not take"),
        (status = 503, description = "Too many streams are open"),
    )
)]
pub fn answer(request: &Request<Bytes>, feed: &Arc<Feed>) -> Result<Response, Problem> {
    Query::of(request.uri().query().unwrap_or_default(), &[])?;
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let seen = last.map_or(0, |id| feed.number_of(id));
    let mut response = if request.method() == Method::HEAD {
        whole(WholeResponse::new(Bytes::new()))
    } else {
        let mut response = Response::new(Events::new(Arc::clone(feed), seen).boxed_unsync());
        response.extensions_mut().insert(Stream);
        response
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The body: events as they come.
struct Events {
    feed: Arc<Feed>,
    seen: u64,
    /// What of the last batch is still to be sent.
    rest: Bytes,
    generation: u64,
    next: Pin<Box<dyn Future<Output = Next> + Send>>,
}

/// What has come, and what is listened to for more; `None` where nothing more will come.
type Next = (Option<Arc<Moment>>, watch::Receiver<Arc<Moment>>);

impl Events {
    fn new(feed: Arc<Feed>, seen: u64) -> Events {
        let mut moments = feed.subscribe();
        let first = moments.borrow_and_update().clone();
        let generation = feed.generation();
        Events {
            feed,
            seen,
            rest: Bytes::new(),
            generation,
            next: Box::pin(std::future::ready((Some(first), moments))),
        }
    }
}

/// Waits for a change, or for the time of a beat.
async fn next(mut moments: watch::Receiver<Arc<Moment>>) -> Next {
    let ended = matches!(timeout(BEAT, moments.changed()).await, Ok(Err(_)));
    let moment = (!ended).then(|| moments.borrow_and_update().clone());
    (moment, moments)
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            let (moment, moments) = ready!(self.next.as_mut().poll(context));
            self.next = Box::pin(next(moments));
            // Whoever may look is asked again; and a feed that has died must not look alive.
            let goes_on = self.generation == self.feed.generation() && self.feed.is_alive();
            let Some(moment) = moment.filter(|_| goes_on) else { return Poll::Ready(None) };
            self.rest = self.batch(&moment);
        }
        let length = self.rest.len().min(FRAME_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
}

impl Events {
    /// What has changed since the last batch; a beat where nothing has.
    fn batch(&mut self, moment: &Moment) -> Bytes {
        let mut events = moment.since(self.seen);
        if events.is_empty() {
            events.push_str("event: beat\ndata: {}\n\n");
        } else {
            // The number comes with the last of them: a part of them is none.
            let behind = format!(
                "id: {}\nretry: {RETRY_MS}\nevent: beat\ndata: {{}}\n\n",
                self.feed.id(moment.number)
            );
            events.push_str(&behind);
        }
        self.seen = moment.number;
        events.into()
    }
}
