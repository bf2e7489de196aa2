//! A running `fridge demo` and a TLS client that asks it as Mattermost does: HTTP/1.1, no ALPN, the
//! certificate verified, the connection kept alive.

#![allow(dead_code)] // Each test program uses its own part.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A token as Mattermost makes them.
pub const TOKEN: &str = "kt6ysz1apb8zfnigx5c7hm3erw";
/// No test waits longer than this for a condition.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Copies the program to where another user can run it. `cp` does it: a descriptor of ours that is open for writing could be
/// inherited by a child of another test, and a file that is open for writing cannot be run (ETXTBSY).
pub fn copy_program(target: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_fridge")).arg(target).status();
    assert!(copied.expect("cp runs").success());
}

/// A running demo. It is killed when dropped; [`Demo::end`] ends it as a person would.
pub struct Demo {
    pub child: Child,
    pub address: SocketAddr,
    pub certificate: PathBuf,
    pub socket: PathBuf,
    /// What it printed until it answered.
    pub banner: String,
}

impl Demo {
    /// Starts the demo on a free port and waits until it says where it answers.
    pub fn start(options: &[&str]) -> Demo {
        Demo::start_command(Demo::command(), options)
    }

    /// The program; where `DEMO_WITHIN` says so, run by another one, such as `scripts/within-memory 64`.
    fn command() -> Command {
        let program = env!("CARGO_BIN_EXE_fridge");
        let within = std::env::var("DEMO_WITHIN").unwrap_or_default();
        let mut words = within.split_whitespace();
        let Some(first) = words.next() else { return Command::new(program) };
        let mut command = Command::new(first);
        command.args(words).arg(program);
        command
    }

    /// The same with no more than so many file descriptors.
    pub fn start_with_descriptors(most: &str, options: &[&str]) -> Demo {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\" && shift && exec \"$@\"", "sh", most]);
        command.arg(env!("CARGO_BIN_EXE_fridge"));
        Demo::start_command(command, options)
    }

    /// The same by a command of the test's own.
    pub fn start_command(mut command: Command, options: &[&str]) -> Demo {
        let mut child = command
            .args(["demo", "--listen", "127.0.0.1:0", "--token", TOKEN])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut banner = String::new();
        while !banner.contains("fridge status --socket") {
            assert!(output.read_line(&mut banner).expect("readable") > 0, "the demo ended: {banner}");
        }
        let after = |word: &str| {
            let line = banner.lines().find_map(|line| line.trim_start().strip_prefix(word));
            line.unwrap_or_else(|| panic!("no {word} in {banner}")).trim().to_owned()
        };
        let url = after("URL ");
        let address = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).expect("a URL");
        Demo {
            address: address.parse().expect("an address"),
            certificate: after("certificate ").into(),
            socket: after("fridge status --socket").into(),
            banner: banner.clone(),
            child,
        }
    }

    /// The most memory it ever held, in KiB (VmHWM of /proc).
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Lets the peak begin anew, and returns what it holds now, in KiB.
    pub fn forget_peak_memory(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("our own process");
        self.peak_memory_kib()
    }

    /// Sends the signal ("TERM", "INT") and returns the exit status.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -s {signal} {pid}")])
                .status()
                .expect("kill runs")
                .success()
        );
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
        if let Some(folder) = self.certificate.parent() {
            let _gone = std::fs::remove_dir_all(folder);
        }
    }
}

/// A connection from another address of this machine: all of 127.0.0.0/8 is.
pub fn connect_from(local: std::net::IpAddr, address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(local, 0).into()).expect("an address of this machine");
    socket.connect(&address.into()).expect("it listens");
    socket.into()
}

/// One kept-alive connection.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Whether the server ends the connection behind it.
    pub closes: bool,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// Connects to the demo, trusting its certificate and no other.
    pub fn connect(demo: &Demo) -> Client {
        Client::to(demo.address, &demo.certificate)
    }

    /// Connects to an address, trusting the certificate in that file and no other.
    pub fn to(address: SocketAddr, certificate: &Path) -> Client {
        Client::with_versions(address, certificate, &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    /// Connects with these versions of TLS only.
    pub fn with_versions(
        address: SocketAddr,
        certificate: &Path,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
        Client::trusting(address, roots, versions)
    }

    /// Connects from another address of this machine, trusting the certificate in that file and no other.
    pub fn from(local: std::net::IpAddr, address: SocketAddr, certificate: &Path) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
        Client::over(connect_from(local, address), address, roots, &[&rustls::version::TLS13])
    }

    /// Connects trusting those roots, which may be none.
    pub fn trusting(
        address: SocketAddr,
        roots: RootCertStore,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Client {
        Client::over(TcpStream::connect(address).expect("it listens"), address, roots, versions)
    }

    fn over(
        stream: TcpStream,
        address: SocketAddr,
        roots: RootCertStore,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Client {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(address.ip());
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        Client { stream: BufReader::new(StreamOwned::new(connection, stream)) }
    }

    /// Whether a new connection gets an answer; not, where the server closes it at once.
    pub fn is_served(address: SocketAddr, certificate: &Path) -> bool {
        let mut client = Client::to(address, certificate);
        let stream = client.stream.get_mut();
        let mut byte = [0];
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: fridge\r\n\r\n").is_ok()
            && stream.read_exact(&mut byte).is_ok()
    }

    /// Does the handshake and sends nothing more.
    pub fn handshake(&mut self) {
        self.try_handshake().expect("a handshake");
    }

    /// Does the handshake, which fails where the certificate is not trusted.
    pub fn try_handshake(&mut self) -> std::io::Result<()> {
        let stream = self.stream.get_mut();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(())
    }

    /// The certificate that the server showed.
    pub fn shown_certificate(&mut self) -> Vec<u8> {
        self.handshake();
        let chain = self.stream.get_ref().conn.peer_certificates().expect("a certificate");
        chain[0].to_vec()
    }

    /// Sends these bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).expect("sent");
    }

    /// Sends these bytes, unless the server has ended the connection.
    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Waits until the server ends the connection; returns how long that took.
    pub fn until_closed(&mut self) -> Duration {
        let began = Instant::now();
        self.rest();
        began.elapsed()
    }

    /// Reads what comes until the server ends the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // The end may come with a TLS alert or without one.
        let _ended = self.stream.read_to_end(&mut rest);
        rest
    }

    /// Reads until that text has come; returns all that was read, as it came over the wire.
    pub fn read_until(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            assert!(self.stream.read_line(&mut read).expect("more") > 0, "the server ended: {read}");
        }
        read
    }

    /// Gets what is on a path, whatever bytes it is made of; returns the status, too.
    pub fn get_bytes(&mut self, path: &str) -> (u16, Vec<u8>) {
        let (answer, body) = self.exchange(format!("GET {path} HTTP/1.1\r\nHost: fridge\r\n\r\n").as_bytes());
        (answer.status, body)
    }

    /// Sends these bytes and reads one answer.
    pub fn send(&mut self, request: &[u8]) -> Answer {
        let (answer, body) = self.exchange(request);
        Answer { body: String::from_utf8(body).expect("UTF-8"), ..answer }
    }

    fn exchange(&mut self, request: &[u8]) -> (Answer, Vec<u8>) {
        self.write(request);
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a header");
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        let says = |word: &str| {
            headers.iter().any(|(name, value): &(String, String)| {
                name == "connection" && value.eq_ignore_ascii_case(word)
            })
        };
        let closes = says("close") || line.starts_with("HTTP/1.0") && !says("keep-alive");
        let answer = Answer { closes, status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (answer, body)
    }

    /// Posts a form to a path.
    pub fn post_form(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(
            format!(
                "POST {path} HTTP/1.1\r\nHost: fridge\r\nUser-Agent: Mattermost-Bot/1.1\r\nContent-Length: {}\r\n\
                 Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Accept-Encoding: gzip\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )
    }

    /// Asks as an outgoing webhook does; returns the answer's text.
    pub fn ask(&mut self, text: &str) -> String {
        let answer =
            self.post_form("/webhook", &[("text", text), ("token", TOKEN), ("trigger_word", "fridge")]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        body["text"].as_str().expect("a text").replace('\u{a0}', " ")
    }

    /// Asks until the answer is as wanted.
    pub fn ask_until(&mut self, text: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(text);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "still: {answer}");
        }
    }
}
