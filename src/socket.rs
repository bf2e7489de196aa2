//! The Unix socket: the machine's own users ask the running gateway here what the channel asks over
//! HTTPS. A question is one line of JSON, so is its answer, and then the connection ends.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tracing::warn;

use crate::host;

/// The longest question in bytes: a line of words is far shorter.
const LONGEST_QUESTION: u64 = 64 * 1024;
/// The longest answer in bytes that a client reads: a thousand fridges take half a megabyte.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;
/// How many clients of one user are served at once; one more is told so.
const CLIENTS_OF_ONE: usize = 16;
/// The same for all that are not root, the gateway's own user or of its group: for those there is always room.
const CLIENTS: usize = 64;
/// How long a client may take over its question: it is sent in one piece.
const QUESTION: Duration = Duration::from_secs(1);
/// How long one client may take over all of it, and over reading the answer.
const PATIENCE: Duration = Duration::from_secs(30);
const TOO_MANY: &[u8] = b"{\"error\":\"too many at once ask from this machine: try again\"}\n";

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The channel's words, without the trigger word: "status milk".
    Ask(String),
    /// The readings of the last 24 hours of the fridge with that id, one a minute.
    Readings(String),
    /// To have all that was measured written to the disk; only for root and the group `fridge`.
    Flush,
    /// What the doctor wants to know of the running gateway.
    Report,
    /// The last rejected requests; only for root and the group `fridge`.
    RecentRejections,
}

/// Who asks, as the kernel reports it (SO_PEERCRED).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Root, the gateway's own user, or a member of the group `fridge`.
    pub privileged: bool,
}

/// Answers a question with a line of JSON.
pub type Answer = dyn Fn(Question, Peer) -> Answering + Send + Sync;

/// An answer on its way: one that wants something done waits until that is recorded.
pub type Answering = Pin<Box<dyn Future<Output = String> + Send>>;

/// Why the socket does not serve, or the gateway was not reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another gateway answers on this socket.
    #[error("another gateway already answers on {}: stop it first, or give this one a --socket of its own", .0.display())]
    Taken(PathBuf),
    /// The socket's file cannot be made.
    #[error("cannot open the socket {}: {error}", path.display())]
    Bind {
        /// The socket's file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is something else of that name, which is not ours to remove.
    #[error("{} is not a socket, and is left alone: choose another file with --socket, or remove it yourself", .0.display())]
    NotASocket(PathBuf),
    /// No gateway answers on any of these sockets.
    #[error("no gateway answers{}: start one with `fridge serve` (or `sudo systemctl start fridge`), or give the path of its socket with --socket", tried(.0))]
    NotRunning(Vec<PathBuf>),
    /// A gateway was reached, and the conversation broke off.
    #[error("the gateway on {} did not answer as expected: {reason}", path.display())]
    Broken {
        /// The socket's file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

fn tried(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if paths.is_empty() { String::new() } else { format!(" on {}", paths.join(", ")) }
}

/// The listening socket. Its file goes when it is dropped.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Opens the socket for all of the machine's users to ask (0666). A file that a gateway left
    /// behind when its plug was pulled is replaced; one on which a gateway answers is not.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::NotASocket`] and [`Error::Bind`].
    pub fn bind(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::Bind { path: path.to_owned(), error };
        match BlockingStream::connect(path) {
            Ok(_) => return Err(Error::Taken(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                // A connection to a regular file is refused, too.
                if !std::fs::symlink_metadata(path).map_err(failed)?.file_type().is_socket() {
                    return Err(Error::NotASocket(path.to_owned()));
                }
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(failed)?;
        Ok(Server { listener, path: path.to_owned() })
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves until it is dropped. `answer` answers each question with a line of JSON.
    pub async fn run(&self, answer: Arc<Answer>) {
        let clients = Arc::new(Clients::default());
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let Some(place) = Clients::admit(&clients, &stream) else {
                        // Where even this has no room, closing says it.
                        drop(stream.try_write(TOO_MANY));
                        continue;
                    };
                    let answer = Arc::clone(&answer);
                    tokio::spawn(async move {
                        // A client that breaks off or is slow loses its own answer and no other's.
                        drop(timeout(PATIENCE, serve(stream, place.peer, &*answer)).await);
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely; asking again at once would spin.
                    warn!("the socket: accept failed, retrying: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What is left behind is taken for a dead gateway's at the next start.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Who is being served, by their users.
#[derive(Default)]
struct Clients(Mutex<HashMap<u32, usize>>);

/// One client's place; given back when dropped.
struct Place {
    clients: Arc<Clients>,
    user: u32,
    peer: Peer,
}

impl Clients {
    /// A place for that client; `None` where its user, or all users together, have too many.
    fn admit(clients: &Arc<Clients>, stream: &UnixStream) -> Option<Place> {
        let credentials = stream.peer_cred().ok()?;
        Clients::admit_user(clients, credentials.uid(), is_privileged(&credentials))
    }

    fn admit_user(clients: &Arc<Clients>, user: u32, privileged: bool) -> Option<Place> {
        let mut served = clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = served.values().sum();
        let own = served.entry(user).or_default();
        if *own >= CLIENTS_OF_ONE || !privileged && all >= CLIENTS {
            return None;
        }
        *own += 1;
        drop(served);
        Some(Place { clients: Arc::clone(clients), user, peer: Peer { privileged } })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut served = self.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = served.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                served.remove(&self.user);
            }
        }
    }
}

async fn serve(stream: UnixStream, peer: Peer, answer: &Answer) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = tokio::io::BufReader::new(reading.take(LONGEST_QUESTION));
    if timeout(QUESTION, reading.read_line(&mut line)).await.is_err() {
        return Err(ErrorKind::TimedOut.into());
    }
    let mut answer = match serde_json::from_str(&line) {
        Ok(question) => answer(question, peer).await,
        Err(error) => serde_json::json!({ "error": format!("not a question: {error}") }).to_string(),
    };
    answer.push('\n');
    writing.write_all(answer.as_bytes()).await
}

fn is_privileged(peer: &UCred) -> bool {
    if peer.uid() == 0 || peer.uid() == rustix::process::geteuid().as_raw() {
        return true;
    }
    let Some(group) = host::group_id(Path::new("/"), host::SERVICE) else { return false };
    peer.gid() == group || peer.pid().is_some_and(|pid| host::supplementary_groups(pid).contains(&group))
}

/// Asks the first gateway that answers on one of the sockets; returns its answer, a line of JSON.
///
/// # Errors
/// [`Error::NotRunning`] and [`Error::Broken`].
pub fn ask(sockets: &[PathBuf], question: &Question) -> Result<serde_json::Value, Error> {
    ask_whom(sockets, question).map(|(answer, _)| answer)
}

/// The same, and the id of the user who opened the socket, as the kernel reports it (SO_PEERCRED).
///
/// # Errors
/// [`Error::NotRunning`] and [`Error::Broken`].
pub fn ask_whom(sockets: &[PathBuf], question: &Question) -> Result<(serde_json::Value, u32), Error> {
    let connected = sockets.iter().find_map(|path| Some((path, BlockingStream::connect(path).ok()?)));
    let Some((path, mut stream)) = connected else {
        return Err(Error::NotRunning(sockets.to_vec()));
    };
    let conversation = |stream: &mut BlockingStream| -> std::io::Result<(serde_json::Value, u32)> {
        let user = rustix::net::sockopt::socket_peercred(&*stream)?.uid.as_raw();
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut question = serde_json::to_string(question)?;
        question.push('\n');
        // One that finds no place is told so before it could ask.
        let asked = stream.write_all(question.as_bytes());
        let mut line = String::new();
        let read = BufReader::new(stream.take(LONGEST_ANSWER)).read_line(&mut line);
        if line.is_empty() {
            asked.and(read)?;
        } else if line.as_bytes() == TOO_MANY {
            return Err(std::io::Error::other("too many at once ask from this machine: try again"));
        }
        Ok((serde_json::from_str(&line)?, user))
    };
    conversation(&mut stream).map_err(|error| Error::Broken { path: path.clone(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_with_length() -> Arc<Answer> {
        Arc::new(|question, peer| {
            let answer = match question {
                Question::Ask(words) => {
                    serde_json::json!({ "words": words.len(), "privileged": peer.privileged }).to_string()
                }
                Question::Readings(_) | Question::Flush | Question::Report | Question::RecentRejections => {
                    String::from("{}")
                }
            };
            Box::pin(async move { answer })
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_question_is_answered_and_a_broken_one_gets_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.sock");
        let server = Arc::new(Server::bind(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        let serving = Arc::clone(&server);
        tokio::spawn(async move { serving.run(answer_with_length()).await });

        let sockets = vec![folder.path().join("nobody.sock"), path.clone()];
        let answer = tokio::task::spawn_blocking(move || ask(&sockets, &Question::Ask("status".into())))
            .await
            .unwrap();
        let answer = answer.unwrap();
        assert_eq!(
            (&answer["words"], &answer["privileged"]),
            (&6.into(), &true.into()),
            "we are its own user"
        );

        let broken = tokio::task::spawn_blocking(move || {
            let mut stream = BlockingStream::connect(path).unwrap();
            stream.write_all(b"{\"dance\":1}\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        assert!(broken.await.unwrap().contains("not a question"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn silent_clients_are_ended_after_a_second_and_whoever_finds_no_place_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.sock");
        let server = Arc::new(Server::bind(&path).unwrap());
        tokio::spawn(async move { server.run(answer_with_length()).await });
        let asked = tokio::task::spawn_blocking(move || {
            let silent: Vec<_> =
                (0..CLIENTS_OF_ONE).map(|_| BlockingStream::connect(&path).unwrap()).collect();
            let sockets = [path];
            let first = ask(&sockets, &Question::Ask("status".into())).unwrap_err().to_string();
            // The silent ones are still there, and no longer served.
            let began = std::time::Instant::now();
            loop {
                if ask(&sockets, &Question::Ask("status".into())).is_ok_and(|answer| answer["words"] == 6) {
                    break (first, began.elapsed(), silent.len());
                }
                assert!(began.elapsed() < PATIENCE);
            }
        });
        let (first, after, silent) = asked.await.unwrap();
        assert!(first.contains("too many at once"), "{first}");
        assert!(after < QUESTION * 3, "{after:?} with {silent} silent clients");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_nobodys_to_remove() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("fridge.toml"), folder.path().join("link"));
        std::fs::write(&file, "mine").unwrap();
        let socket = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link, &folder.path().to_owned()] {
            let error = Server::bind(path).err().unwrap();
            assert!(matches!(error, Error::NotASocket(_) | Error::Bind { .. }), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        assert!(link.is_symlink());
    }

    #[tokio::test]
    async fn a_dead_gateways_socket_is_replaced_and_a_living_ones_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind, as a pulled plug does");
        let server = Server::bind(&path).unwrap();
        assert!(matches!(Server::bind(&path), Err(Error::Taken(_))));
        drop(server);
        assert!(!path.exists());
        assert!(matches!(ask(&[path], &Question::Report), Err(Error::NotRunning(_))));
    }

    #[test]
    fn a_user_takes_no_other_ones_places_and_root_always_finds_one() {
        let clients = Arc::new(Clients::default());
        let admit = |user, privileged| Clients::admit_user(&clients, user, privileged);
        let mut places: Vec<Place> = (0..CLIENTS_OF_ONE).map(|_| admit(1_000, false).unwrap()).collect();
        assert!(admit(1_000, false).is_none());
        places.push(admit(1_001, false).unwrap());
        let others = (1_002..).flat_map(|user| (0..CLIENTS_OF_ONE).map(move |_| user));
        places.extend(others.map_while(|user| admit(user, false)));
        assert_eq!(places.len(), CLIENTS);
        assert!(admit(9_999, false).is_none(), "the house is full");
        assert!(admit(0, true).is_some(), "but not for root");
        places.truncate(1);
        assert!(admit(1_000, false).is_some());
    }
}
