//! A request's body, read within its limits of size and time. Large bodies share a budget of memory, so that many
//! at once, each within its own limit, cost no more than a few.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::response::{WholeResponse, closing, rejection};

/// How much of a body that nobody wants is still read and thrown away, so that its sender gets to read why.
/// Beyond that the connection ends, and lingers for it.
const DISCARDED: usize = 2 * 1024 * 1024;
/// A body of at most so many bytes needs no share of the budget: a question has a few hundred.
const SMALL: usize = 16 * 1024;

/// The memory for bodies that are not small, of all connections together.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Budget {
        Budget(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for room for a body of so many bytes.
    async fn share(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        // The semaphore is never closed.
        Arc::clone(&self.0).acquire_many_owned(bytes).await.ok()
    }
}

/// A whole body. Its share of the budget is given back with it.
pub struct Whole {
    /// Its bytes.
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Reads a body of at most `limit` bytes within `time`, or says why not.
pub async fn read(
    body: Incoming,
    limit: usize,
    time: Duration,
    budget: &Budget,
) -> Result<Whole, Box<WholeResponse>> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > DISCARDED {
        return Err(Box::new(too_large(limit)));
    }
    let most = body.size_hint().upper().and_then(|upper| usize::try_from(upper).ok());
    // One that is too large is thrown away as it comes.
    let kept = if declared > limit { 0 } else { most.unwrap_or(limit).min(limit) };
    let share = if kept <= SMALL {
        None
    } else if let Ok(share) = timeout(time, budget.share(kept)).await {
        share
    } else {
        let reason = "too many large requests at once; try again";
        return Err(Box::new(closing(rejection(StatusCode::SERVICE_UNAVAILABLE, reason))));
    };
    match timeout(time, collect(body, limit, kept)).await {
        Ok(Ok(bytes)) => Ok(Whole { bytes, _share: share }),
        Ok(Err(rejection)) => Err(Box::new(rejection)),
        Err(_) => {
            let reason = format!("the body did not arrive within {} s", time.as_secs_f32());
            Err(Box::new(closing(rejection(StatusCode::REQUEST_TIMEOUT, &reason))))
        }
    }
}

/// Reads a body that nobody wants, as far as it is worth it.
pub async fn discard(body: Incoming, time: Duration) {
    // Whatever is wrong with it does not matter any more.
    drop(read(body, 0, time, &Budget::new(0)).await);
}

async fn collect(mut body: Incoming, limit: usize, kept: usize) -> Result<Bytes, WholeResponse> {
    // In one piece from the start: many bodies that grow beside each other would leave gaps behind.
    let mut bytes = Vec::with_capacity(kept);
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
