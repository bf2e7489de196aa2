//! One connection: TLS, then requests, each within its limits of time and size, until it idles too
//! long, breaks a limit, or the server ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::{Service, service_fn};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use warp::reply::Response;

use super::Limits;
use super::connection_limits::ConnectionPermit;
use super::routes::{Authenticated, Peer, Routes, refusal};
use super::stream::Stream;

/// How much of a body over the limit is still read and thrown away, in bodies of the limit's size,
/// so that its sender gets to read why it was refused. Beyond that the connection ends, and the
/// [`Stream`] lingers for it.
const DISCARDED_BODIES: usize = 8;

/// Who was let in just before the end gets this long to bring the question it came with: Mattermost asks
/// once, and a question that is lost is lost without a trace.
const LATECOMER: Duration = Duration::from_secs(1);

/// Serves one connection to its end. Whatever a peer does wrong ends its own connection only. Once
/// `ending` is true, the request in progress is answered, or a latecomer's first one, and none other.
pub async fn serve(
    stream: TcpStream,
    peer: Peer,
    acceptor: TlsAcceptor,
    routes: Routes,
    limits: Limits,
    permit: ConnectionPermit,
    mut ending: Receiver<bool>,
) {
    // Small answers leave at once. Where the system refuses, they leave a little later.
    drop(stream.set_nodelay(true));
    let stream = tokio::select! {
        stream = timeout(limits.handshake, acceptor.accept(stream)) => stream,
        () = permit.evicted() => return,
        () = async { end(&mut ending).await; sleep(LATECOMER).await } => return,
    };
    let Ok(Ok(stream)) = stream else { return };
    let stream = Stream::new(stream, limits.answer, limits.linger);

    let (permit, asked) = (Arc::new(permit), Arc::new(Notify::new()));
    let service = service_fn({
        let (limits, asked, permit) = (limits.clone(), Arc::clone(&asked), Arc::clone(&permit));
        let routes = TowerToHyperService::new(warp::service(routes));
        move |request: Request<Incoming>| {
            asked.notify_one();
            permit.answering();
            let (routes, limits, permit) = (routes.clone(), limits.clone(), Arc::clone(&permit));
            async move {
                let (mut head, body) = request.into_parts();
                head.extensions.insert(peer);
                let answer = match read(body, &limits).await {
                    Ok(body) => routes.call(Request::from_parts(head, Full::new(body))).await?,
                    Err(refused) => refused,
                };
                let closing = answer.headers().get(CONNECTION).is_some_and(|value| value == "close");
                permit.answered(answer.extensions().get::<Authenticated>().is_some(), closing);
                Ok::<_, Infallible>(answer)
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
    // An error is the peer's and ends the connection; there is nobody left to tell.
    tokio::select! {
        _ = &mut connection => return,
        () = asked.notified() => {}
        () = sleep(limits.first_request) => return,
        () = permit.evicted() => return,
        () = async { end(&mut ending.clone()).await; sleep(LATECOMER).await } => return,
    }
    tokio::select! {
        _ = &mut connection => return,
        () = permit.evicted() => return,
        () = permit.idle(limits.idle, limits.idle_unauthenticated) => {}
        () = end(&mut ending) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(connection.await);
}

/// Waits until the server ends.
async fn end(ending: &mut Receiver<bool>) {
    // An error says that nobody is left to tell us: that is the end too.
    drop(ending.wait_for(|ending| *ending).await);
}

/// Reads a request's body, or says why not.
async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, Response> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limits.body_bytes * DISCARDED_BODIES {
        return Err(too_large(limits));
    }
    match timeout(limits.body, collect(body, limits)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(refused)) => Err(refused),
        Err(_) => Err(closing(refusal(StatusCode::REQUEST_TIMEOUT, &too_slow(limits.body)))),
    }
}

async fn collect(mut body: Incoming, limits: &Limits) -> Result<Bytes, Response> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(closing(refusal(
                StatusCode::BAD_REQUEST,
                "the body broke off or is not what its header says",
            )));
        };
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length > limits.body_bytes * DISCARDED_BODIES {
            return Err(too_large(limits));
        }
        if length <= limits.body_bytes {
            bytes.extend_from_slice(data);
        }
    }
    if length > limits.body_bytes { Err(too_large(limits)) } else { Ok(bytes.into()) }
}

fn too_large(limits: &Limits) -> Response {
    let reason = format!("the body is longer than {} bytes", limits.body_bytes);
    closing(refusal(StatusCode::PAYLOAD_TOO_LARGE, &reason))
}

fn too_slow(limit: Duration) -> String {
    format!("the body did not arrive within {} s", limit.as_secs_f32())
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
