//! A request's body, read within its limits of size and time.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use tokio::time::timeout;

use super::response::{WholeResponse, closing, rejection};

/// How much of a body that nobody wants is still read and thrown away, so that its sender gets to read why.
/// Beyond that the connection ends, and lingers for it.
const DISCARDED: usize = 2 * 1024 * 1024;

/// Reads a body of at most `limit` bytes within `time`, or says why not.
pub async fn read(body: Incoming, limit: usize, time: Duration) -> Result<Bytes, Box<WholeResponse>> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > DISCARDED {
        return Err(Box::new(too_large(limit)));
    }
    match timeout(time, collect(body, limit)).await {
        Ok(collected) => collected.map_err(Box::new),
        Err(_) => {
            let reason = format!("the body did not arrive within {} s", time.as_secs_f32());
            Err(Box::new(closing(rejection(StatusCode::REQUEST_TIMEOUT, &reason))))
        }
    }
}

/// Reads a body that nobody wants, as far as it is worth it.
pub async fn discard(body: Incoming, time: Duration) {
    // Whatever is wrong with it does not matter any more.
    drop(read(body, 0, time).await);
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, WholeResponse> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let reason = "the body broke off or is not what its header says";
            return Err(closing(rejection(StatusCode::BAD_REQUEST, reason)));
        };
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length > DISCARDED {
            return Err(too_large(limit));
        }
        if length <= limit {
            bytes.extend_from_slice(data);
        } else {
            bytes = Vec::new();
        }
    }
    if length > limit { Err(too_large(limit)) } else { Ok(bytes.into()) }
}

fn too_large(limit: usize) -> WholeResponse {
    let reason = format!("the body is longer than {limit} bytes");
    closing(rejection(StatusCode::PAYLOAD_TOO_LARGE, &reason))
}
