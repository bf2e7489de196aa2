//! The way to a broker: TCP, with TLS or without.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::{Broker, Error};
use crate::https::connector::connector;

/// What can be read and written.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects.
///
/// # Errors
/// [`Error`]
pub async fn stream(broker: &Broker) -> Result<Box<dyn Stream>, Error> {
    let socket = TcpStream::connect((broker.host.as_str(), broker.port)).await.map_err(Error::Connect)?;
    // Small messages do not wait for one another.
    socket.set_nodelay(true).map_err(Error::Connect)?;
    let Some(tls) = &broker.tls else { return Ok(Box::new(socket)) };
    let name = ServerName::try_from(broker.host.clone()).map_err(|_| Error::Name(broker.host.clone()))?;
    let tls = tls.clone();
    // In a thread of its own: it reads files.
    let made = spawn_blocking(move || connector(tls.ca.as_deref(), tls.identity.as_ref())).await;
    let connector = made.map_err(|failed| Error::Connect(io::Error::other(failed)))??;
    Ok(Box::new(connector.connect(name, socket).await.map_err(Error::Connect)?))
}
