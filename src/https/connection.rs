//! One connection: TLS, then requests, each within its limits of time and size, until it idles too long,
//! breaks a limit, makes room for another one, or the server ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::Limits;
use super::body::{self, Budget};
use super::connection_limits::ConnectionPermit;
use super::handshakes::Handshakes;
use super::lingering_stream::{LingeringStream, Patience};
use super::observer::{Event, Observer, TlsFailure};
use super::response::{Answered, Authenticated, Explanation, Response, Stream, closing, rejection, whole};
use super::service::{Peer, Service};
use super::stream_body::StreamBody;

/// Grace period at shutdown for a connection that was accepted but has not sent its request yet: Mattermost
/// asks once, and a question that is lost is lost without a trace.
const GRACE: Duration = Duration::from_secs(1);

/// What TLS keeps of what its peer has not read yet: one record.
const UNSENT_BYTES: usize = 16 * 1024;

/// What all connections share.
pub struct Shared {
    /// Speaks TLS.
    pub handshakes: Arc<Handshakes>,
    /// What is served.
    pub service: Arc<dyn Service>,
    /// Receives the events.
    pub observer: Arc<dyn Observer>,
    /// How much and how long.
    pub limits: Arc<Limits>,
    /// The memory for large bodies.
    pub bodies: Budget,
    /// Becomes true when the server ends.
    pub ending: Receiver<bool>,
}

/// Serves one connection to its end. Whatever a peer does wrong ends its own connection only. Once the server
/// ends, the request in progress is answered, or the first one of a connection that has just come, and no
/// other.
pub async fn serve(stream: TcpStream, peer: Peer, permit: ConnectionPermit, shared: Arc<Shared>) {
    let ending = shared.ending.clone();
    let (limits, observer) = (Arc::clone(&shared.limits), Arc::clone(&shared.observer));
    let Some(stream) = handshake(stream, peer, &permit, &shared).await else { return };
    let stream = LingeringStream::new(stream, limits.answer, limits.linger);
    let patience = stream.patience();

    let (permit, asked, reads) = (Arc::new(permit), Arc::new(Notify::new()), stream.reads());
    let service = service_fn({
        let (permit, asked) = (Arc::clone(&permit), Arc::clone(&asked));
        move |request: Request<Incoming>| {
            asked.notify_one();
            let (permit, shared, is_pipelined) = (Arc::clone(&permit), Arc::clone(&shared), !reads.take());
            let patience = patience.clone();
            async move {
                permit.answering();
                if is_pipelined {
                    // Everybody else's turn comes first.
                    tokio::task::yield_now().await;
                }
                Ok::<_, Infallible>(respond(request, peer, &permit, &patience, &shared).await)
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(limits.header_bytes)
        .max_headers(limits.header_lines)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // hyper has one limit for a header and for idling; the first request has a shorter one of its own.
    // An error is the peer's and ends the connection.
    tokio::select! {
        served = &mut connection => return observe_end(served, peer, &*observer, &limits),
        () = asked.notified() => {}
        () = sleep(limits.first_request) => return,
        () = permit.evicted() => return,
        () = async { ended(ending.clone()).await; sleep(GRACE).await } => return,
    }
    tokio::select! {
        served = &mut connection => return observe_end(served, peer, &*observer, &limits),
        () = permit.evicted() => return,
        () = permit.idle(limits.idle, limits.idle_unauthenticated) => {}
        () = ended(ending) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(connection.await);
}

/// What the HTTP library refused by itself, before it was a request.
fn observe_end(served: hyper::Result<()>, peer: Peer, observer: &dyn Observer, limits: &Limits) {
    let Err(error) = served else { return };
    let (status, explanation) = if error.is_parse_too_large() {
        let (bytes, lines) = (limits.header_bytes, limits.header_lines);
        (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            format!("a request's header was longer than {bytes} bytes or {lines} lines"),
        )
    } else if error.is_parse() {
        (StatusCode::BAD_REQUEST, format!("what came is no HTTP request: {error}"))
    } else {
        return;
    };
    let why = Explanation::of_status(status, explanation);
    observer.observe(peer.0, Event::Rejected { status, why });
}

/// `None` where no TLS connection comes about.
async fn handshake(
    stream: TcpStream,
    peer: Peer,
    permit: &ConnectionPermit,
    shared: &Shared,
) -> Option<TlsStream<TcpStream>> {
    // Small answers leave at once. Where this cannot be set, they leave a little later.
    drop(stream.set_nodelay(true));
    // A peer whose network is gone says nothing; without this, a stream to it would stay for a quarter of an hour.
    drop(SockRef::from(&stream).set_tcp_user_timeout(Some(shared.limits.unacknowledged)));
    let limit = shared.limits.handshake;
    let shaken = tokio::select! {
        shaken = timeout(limit, shared.handshakes.accept(stream, permit.is_strangers())) => shaken,
        () = permit.evicted() => return None,
        () = async { ended(shared.ending.clone()).await; sleep(GRACE).await } => return None,
    };
    let failure = match shaken {
        Ok(Ok(mut stream)) => {
            stream.get_mut().1.set_buffer_limit(Some(UNSENT_BYTES));
            return Some(stream);
        }
        Ok(Err(error)) => TlsFailure::of(&error),
        Err(_) => TlsFailure::TimedOut(limit),
    };
    shared.observer.observe(peer.0, Event::TlsFailed(failure));
    None
}

async fn respond(
    request: Request<Incoming>,
    peer: Peer,
    permit: &Arc<ConnectionPermit>,
    patience: &Patience,
    shared: &Shared,
) -> Response {
    let (head, body) = request.into_parts();
    let began = Instant::now();
    let admitted = match ambiguous(&head) {
        Some((status, reason)) => Err(Box::new(closing(rejection(status, reason)))),
        None => shared.service.admit(&head, peer),
    };
    let response = match admitted {
        Ok(limit) => match body::read(body, limit, shared.limits.body, &shared.bodies).await {
            Ok(body) => shared.service.respond(Request::from_parts(head, body.bytes.clone()), peer).await,
            Err(rejection) => whole(*rejection),
        },
        Err(rejection) => {
            body::discard(body, shared.limits.body).await;
            whole(*rejection)
        }
    };
    let response = match response.extensions().get::<Stream>() {
        Some(Stream) => streaming(response, permit, patience, shared),
        None => response,
    };
    let status = response.status();
    shared.observer.observe(
        peer.0,
        match status.as_u16() {
            400.. if response.extensions().get::<Answered>().is_none() => {
                Event::Rejected { status, why: Explanation::of(&response) }
            }
            _ => Event::Answered { took: began.elapsed() },
        },
    );
    let is_authenticated = response.extensions().get::<Authenticated>().is_some();
    let is_closing = response.headers().get(CONNECTION).is_some_and(|value| value == "close");
    permit.answered(is_authenticated, is_closing);
    response
}

/// A response that goes on until the server ends, where there is a place for it.
fn streaming(
    response: Response,
    permit: &Arc<ConnectionPermit>,
    patience: &Patience,
    shared: &Shared,
) -> Response {
    match permit.stream() {
        Some(place) => {
            patience.set(shared.limits.unread_stream);
            let ending = ended(shared.ending.clone());
            response.map(|body| StreamBody::new(body, place, ending).boxed_unsync())
        }
        None => {
            let reason =
                "too many streams are open at once: close a page that shows the fridges, and try again";
            whole(closing(rejection(StatusCode::SERVICE_UNAVAILABLE, reason)))
        }
    }
}

/// What the HTTP library takes, and two servers could understand differently, or this one not at all.
fn ambiguous(head: &Parts) -> Option<(StatusCode, &'static str)> {
    let hosts = head.headers.get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && head.version == Version::HTTP_11 {
        // RFC 9112, 3.2
        return Some((StatusCode::BAD_REQUEST, "the request must have exactly one Host header"));
    }
    let is =
        |value: &HeaderValue, word: &str| value.as_bytes().trim_ascii().eq_ignore_ascii_case(word.as_bytes());
    if head.headers.get_all(TRANSFER_ENCODING).iter().any(|value| !is(value, "chunked")) {
        // RFC 9112, 6.1
        return Some((
            StatusCode::NOT_IMPLEMENTED,
            "this Transfer-Encoding is not supported, only chunked is",
        ));
    }
    if head.headers.get_all(EXPECT).iter().any(|value| !is(value, "100-continue")) {
        return Some((
            StatusCode::EXPECTATION_FAILED,
            "this Expect header is not supported, only 100-continue is",
        ));
    }
    None
}

/// Waits until the server ends.
async fn ended(mut ending: Receiver<bool>) {
    // An error means that the sender is gone: that is the end too.
    drop(ending.wait_for(|ending| *ending).await);
}
