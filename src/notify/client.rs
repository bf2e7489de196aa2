//! An HTTP client for one address, over TLS that is verified against the machine's certificate authorities and a file
//! of its owner's; without TLS only to this machine itself.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::https::connector::{self, connector};

/// How long a target may take: Mattermost answers within milliseconds, a busy one within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks one address.
pub struct Client {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

/// What a target answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer. No address is named: it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("the URL must begin with https:// (http:// only to this machine itself)")]
    Scheme,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] connector::Error),
    /// The connection cannot be made.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// It broke off.
    #[error("the conversation broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// It takes too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

impl Client {
    /// A client for that address, which trusts the authorities in the file `ca`, too.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(uri: Uri, ca: Option<&Path>) -> Result<Client, Error> {
        let host = uri.host().ok_or(Error::Scheme)?.trim_matches(['[', ']']).to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => Some(connector(ca, None)?),
            Some("http") if is_this_machine(&host) => None,
            _ => return Err(Error::Scheme),
        };
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Client { uri, host, port, tls })
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn post(&self, json: Vec<u8>) -> Result<Answer, Error> {
        self.ask(Method::POST, json).await
    }

    /// Asks, with nothing to say.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(&self) -> Result<Answer, Error> {
        self.ask(Method::GET, Vec::new()).await
    }

    async fn ask(&self, method: Method, body: Vec<u8>) -> Result<Answer, Error> {
        timeout(PATIENCE, self.converse(method, body)).await.unwrap_or(Err(Error::TimedOut))
    }

    async fn converse(&self, method: Method, body: Vec<u8>) -> Result<Answer, Error> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(Error::Connect)?;
        let Some(tls) = &self.tls else { return self.send(socket, method, body).await };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Error::Scheme)?;
        let stream = tls.connect(name, socket).await.map_err(Error::Connect)?;
        self.send(stream, method, body).await
    }

    async fn send<S>(&self, stream: S, method: Method, body: Vec<u8>) -> Result<Answer, Error>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str());
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| Error::Scheme)?;
        let headers = request.headers_mut();
        headers.insert(HOST, host.parse().map_err(|_| Error::Scheme)?);
        headers.insert(
            USER_AGENT,
            hyper::header::HeaderValue::from_static(concat!("fridge/", env!("CARGO_PKG_VERSION"))),
        );
        headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
        // The body of the answer is not read: it can hold the address, and is as long as the target likes.
        let mut response = pin!(sender.send_request(request));
        let response = tokio::select! {
            biased;
            response = &mut response => response?,
            // It may have ended with the answer.
            ended = connection => {
                ended?;
                response.await?
            }
        };
        // A date, or what is no number, counts as no wish: the usual back-off holds then.
        let seconds = |value: &hyper::header::HeaderValue| value.to_str().ok()?.trim().parse().ok();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds).map(Duration::from_secs);
        Ok(Answer { status: response.status(), retry_after })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
