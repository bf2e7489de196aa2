//! What is served: the transport knows it by this trait alone.

use std::net::IpAddr;
use std::pin::Pin;

use hyper::Request;
use hyper::body::Bytes;
use hyper::http::request::Parts;

use super::response::{Response, WholeResponse};

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A response that is being made.
pub type Responding<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// Makes responses of requests. It runs on the runtime's one thread: it must not block.
pub trait Service: Send + Sync + 'static {
    /// Looks at a request before its body is read, and returns how many bytes that may have.
    ///
    /// # Errors
    /// The rejection, where no body could change it.
    fn admit(&self, head: &Parts, peer: Peer) -> Result<usize, Box<WholeResponse>>;

    /// Responds to a request whose body is there.
    fn respond(&self, request: Request<Bytes>, peer: Peer) -> Responding<'_>;
}
