//! The network protocol of OWFS, version 0: a header of six numbers of 32 bits, the highest byte first, and a
//! payload. Tried with owserver 3.2p4.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

const READ: i32 = 2;
const WRITE: i32 = 3;
const LIST: i32 = 7;
/// An OWFS client that would like to keep its connection; temperatures in °C, paths as `28.67C6697351FF`.
const FLAGS: i32 = OWNET | PERSISTENT;
const OWNET: i32 = 0x100;
const PERSISTENT: i32 = 0x04;
/// The payload's length in a keep-alive message.
const STILL_WORKING: i32 = -1;
/// What a file may hold: a temperature is 12 bytes. owserver 3.2p4 refuses to promise more than 100 kB, with
/// error −90.
const LONGEST_VALUE: usize = 8 * 1024;
/// A thousand probes' paths are 27 kB.
const LONGEST_PAYLOAD: usize = 256 * 1024;
/// However many keep-alive messages it sends: a server that works on one value for so long is stuck.
const LONGEST_WORK: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with an error: no such probe, or it could not be read.
    #[error("it reports error {0}")]
    Reported(i32),
    /// The connection failed or what came over it makes no sense.
    #[error("{0}")]
    Lost(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Lost(match error.kind() {
            io::ErrorKind::UnexpectedEof => String::from("it closed the connection"),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => String::from("it sent nothing in time"),
            _ => error.to_string(),
        })
    }
}

/// A connection to the server.
pub struct Connection {
    stream: TcpStream,
    persistent: bool,
}

impl Connection {
    /// Connects. Each read and write gets that long.
    ///
    /// # Errors
    /// Nothing listens there.
    pub fn open(address: &str, patience: Duration) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(patience))?;
                    stream.set_write_timeout(Some(patience))?;
                    stream.set_nodelay(true)?;
                    return Ok(Connection { stream, persistent: false });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether the server keeps the connection for the next question.
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// The paths in a folder, separated by commas.
    pub fn list(&mut self, path: &str) -> Result<String, Error> {
        self.ask(LIST, path, "", 0)
    }

    /// What a file holds.
    pub fn read(&mut self, path: &str) -> Result<String, Error> {
        self.ask(READ, path, "", LONGEST_VALUE)
    }

    /// Writes a file.
    pub fn write(&mut self, path: &str, value: &str) -> Result<(), Error> {
        self.ask(WRITE, path, value, value.len()).map(drop)
    }

    fn ask(&mut self, kind: i32, path: &str, value: &str, size: usize) -> Result<String, Error> {
        let payload = [path.as_bytes(), b"\0", value.as_bytes()].concat();
        let number = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
        let header = [0, number(payload.len()), kind, FLAGS, number(size), 0];
        let mut message: Vec<u8> = header.iter().flat_map(|number: &i32| number.to_be_bytes()).collect();
        message.extend(payload);
        self.stream.write_all(&message)?;
        let (text, persistent) = read_answer(&mut self.stream)?;
        self.persistent = persistent;
        Ok(text)
    }
}

/// Reads one answer: its text, and whether the server keeps the connection.
///
/// # Errors
/// [`Error`], for whatever is no answer of an owserver.
pub fn read_answer(stream: &mut impl Read) -> Result<(String, bool), Error> {
    let began = Instant::now();
    loop {
        let mut header = [0; 24];
        stream.read_exact(&mut header)?;
        let mut numbers = [0; 6];
        for (number, bytes) in numbers.iter_mut().zip(header.chunks_exact(4)) {
            *number = i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let [version, length, result, flags, ..] = numbers;
        if version != 0 {
            return Err(Error::Lost(String::from("what answers there is not an owserver")));
        }
        if length == STILL_WORKING {
            if began.elapsed() > LONGEST_WORK {
                return Err(Error::Lost(String::from(
                    "it was still working on one value when the time was up",
                )));
            }
            continue;
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_PAYLOAD);
        let length = length.ok_or_else(|| Error::Lost(String::from("its answer is too long")))?;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        if result < 0 {
            return Err(Error::Reported(result));
        }
        let text = String::from_utf8_lossy(&payload);
        return Ok((text.trim_end_matches('\0').to_owned(), flags & PERSISTENT != 0));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What is made of these bytes, sent in answer to a question.
    fn answered(bytes: Vec<u8>) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Header, path and its zero byte.
            let mut question = [0; 24 + 3];
            stream.read_exact(&mut question).unwrap();
            stream.write_all(&bytes).unwrap();
            question
        });
        let mut connection = Connection::open(&address, Duration::from_secs(5)).unwrap();
        let answer = connection.read("/x").map_err(|error| error.to_string());
        let question = server.join().unwrap();
        assert_eq!(question[..12], [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2], "version 0, 3 bytes, a read");
        answer
    }

    fn message(version: i32, length: i32, result: i32, payload: &[u8]) -> Vec<u8> {
        let header = [version, length, result, FLAGS, 0, 0].map(i32::to_be_bytes).concat();
        [header, payload.to_vec()].concat()
    }

    #[test]
    fn keep_alive_messages_are_waited_through() {
        let alive = message(0, STILL_WORKING, 0, b"");
        let answer = [alive.clone(), alive, message(0, 5, 5, b"4.125")].concat();
        assert_eq!(answered(answer), Ok(String::from("4.125")));
    }

    #[test]
    fn whatever_else_comes_is_an_error_with_its_reason() {
        for (bytes, said) in [
            (message(0, 0, -1, b""), "it reports error -1"),
            (message(0, 5, 5, b"4.1"), "it closed the connection"),
            (b"HTTP/1.1 400 Bad Request\r\n".to_vec(), "what answers there is not an owserver"),
            (message(0, i32::MAX, 0, b""), "its answer is too long"),
            (message(0, -2, 0, b""), "its answer is too long"),
            (Vec::new(), "it closed the connection"),
        ] {
            assert_eq!(answered(bytes), Err(said.to_owned()));
        }
    }
}
