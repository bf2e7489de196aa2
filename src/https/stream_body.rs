//! The body of a stream: it ends when the server does, and gives its place back when it is dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::connection_limits::StreamPermit;
use super::response;

/// A body that goes on for as long as its peer listens and the server runs.
pub struct StreamBody {
    inner: response::Body,
    ending: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: StreamPermit,
}

impl StreamBody {
    /// That body, which ends with `ending` at the latest.
    pub fn new(
        inner: response::Body,
        place: StreamPermit,
        ending: impl Future<Output = ()> + Send + 'static,
    ) -> StreamBody {
        StreamBody { inner, ending: Box::pin(ending), _place: place }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ending.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
