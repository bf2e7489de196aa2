//! The transport by itself: it serves a service that it knows nothing of, streams what that streams, and tells its
//! observer whatever happens.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use fridge::https::response::{Response, WholeResponse, rejection, whole};
use fridge::https::{Config, Handle, Limits, Peer, Responding, Server, Service};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use tokio::sync::{mpsc, oneshot};

mod gateway;
use gateway::{Client, PATIENCE};

/// Streams what a test sends, and rejects a path.
struct Streaming {
    chunks: Mutex<Option<mpsc::Receiver<&'static str>>>,
}

/// A body that ends when its sender is gone.
struct Chunks(mpsc::Receiver<&'static str>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk.as_bytes())))))
    }
}

impl Service for Streaming {
    fn admit(&self, head: &Parts, _peer: Peer) -> Result<usize, Box<WholeResponse>> {
        match head.uri.path() {
            "/not-here" => Err(Box::new(rejection(StatusCode::FORBIDDEN, "not from there"))),
            _ => Ok(10),
        }
    }

    fn respond(&self, request: Request<Bytes>, _peer: Peer) -> Responding<'_> {
        let chunks = self.chunks.lock().unwrap().take().filter(|_| request.uri().path() == "/stream");
        Box::pin(async move {
            match chunks {
                Some(chunks) => Response::new(Chunks(chunks).boxed_unsync()),
                None => whole(WholeResponse::new(request.into_body())),
            }
        })
    }
}

struct Running {
    handle: Handle,
    address: SocketAddr,
    certificate: PathBuf,
    chunks: mpsc::Sender<&'static str>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn start(limits: Limits) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sender, chunks) = mpsc::channel(8);
        let service = Arc::new(Streaming { chunks: Mutex::new(Some(chunks)) });
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            certificate: None,
            preferred: Vec::new(),
            limits,
        };
        let stats = Arc::default();
        let mut server =
            runtime.block_on(Server::bind(config, service, stats, folder.path(), Vec::new())).unwrap();
        let handle = server.handle();
        let (address, certificate) = (handle.addresses()[0], handle.certificate());
        let (end, told) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                server.open();
                let _told = told.await;
                server.end().await;
            });
        });
        Running {
            handle,
            address,
            certificate,
            chunks: sender,
            end: Some(end),
            thread: Some(thread),
            _folder: folder,
        }
    }

    fn report(&self) -> fridge::https::stats::Report {
        self.handle.stats().report()
    }

    /// Waits until what was counted is as wanted.
    fn until(&self, wanted: impl Fn(&fridge::https::stats::Report) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.report()) {
            assert!(Instant::now() < deadline, "still: {:?}", self.report());
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_stream_arrives_as_it_is_made_and_ends_when_it_ends() {
    let running = Running::start(Limits::default());
    let mut client = Client::to(running.address, &running.certificate);
    running.chunks.blocking_send("data: 1\n\n").unwrap();
    client.write(b"GET /stream HTTP/1.1\r\nHost: fridge\r\n\r\n");
    assert!(client.read_until("data: 1\n").contains("transfer-encoding: chunked"));
    // The first part has arrived before the second one is made.
    running.chunks.blocking_send("data: 2\n\n").unwrap();
    client.read_until("data: 2\n");
    let mut other = Client::to(running.address, &running.certificate);
    let echo = other.send(b"POST / HTTP/1.1\r\nHost: fridge\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(echo.body, "hi", "others are served meanwhile");
}

#[test]
fn whatever_happens_is_told() {
    let limits = Limits { connections: 2, connections_per_address: 2, ..Limits::default() };
    let running = Running::start(limits);
    let mut client = Client::to(running.address, &running.certificate);
    for (request, status) in [
        (&b"POST / HTTP/1.1\r\nHost: fridge\r\nContent-Length: 2\r\n\r\nhi"[..], 200),
        (b"GET /not-here HTTP/1.1\r\nHost: fridge\r\n\r\n", 403),
        (b"POST / HTTP/1.1\r\nHost: fridge\r\nContent-Length: 11\r\n\r\nhello world", 413),
    ] {
        assert_eq!(client.send(request).status, status);
    }
    running.until(|report| report.answered == 1 && report.rejected.len() == 2);
    let report = running.report();
    assert_eq!((report.rejected[&403], report.rejected[&413]), (1, 1));
    drop(client);

    // A client that does not trust the certificate says so in an alert.
    let mut stranger =
        Client::trusting(running.address, rustls::RootCertStore::empty(), &[&rustls::version::TLS13]);
    stranger.try_handshake().unwrap_err();
    running.until(|report| report.tls_failed.get("certificate refused") == Some(&1));
    // One that speaks no TLS.
    let mut plain = TcpStream::connect(running.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _closed = plain.read(&mut [0; 100]);
    running.until(|report| report.tls_failed.get("no TLS") == Some(&1));
    // A header that is too long, and what is no HTTP: the HTTP library answers these.
    for (request, status) in [
        ([b"GET / HTTP/1.1\r\nHost: fridge\r\nX: ", &[b'x'; 20_000][..], b"\r\n\r\n"].concat(), 431),
        (b"HELO fridge\r\n\r\n".to_vec(), 400),
    ] {
        let mut client = Client::to(running.address, &running.certificate);
        assert_eq!(client.send(&request).status, status);
        running.until(|report| report.rejected.get(&status) == Some(&1));
    }
    let told = running.handle.stats().turned_away();
    let reasons: Vec<&str> = told.iter().rev().map(|entry| entry.reason.as_str()).collect();
    let expected = ["Forbidden", "Payload Too Large", "certificate refused", "no TLS"];
    assert_eq!(reasons[..4], expected, "{told:#?}");
    assert_eq!(reasons.len(), 6, "{told:#?}");
    assert!(told.iter().all(|entry| entry.peer == Some(running.address.ip())));

    let before = running.report();
    assert_eq!(before.evicted, 0);
    let _idle: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    running.until(|report| report.evicted >= 1 && report.accepted >= before.accepted + 3);
}
