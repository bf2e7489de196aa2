//! systemd's notifications (ready, reloading, stopping, status, watchdog ping) and its FD store, which keeps the
//! listening sockets while the program restarts.
//!
//! Outside systemd nothing of this happens, and nothing is logged about it: `sd_notify(3)`,
//! `sd_listen_fds(3)`, FileDescriptorStoreMax= in `systemd.service(5)`.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tracing::warn;

/// Messages that wait for systemd to read them; more are dropped.
const WAITING: usize = 16;

/// What systemd is told.
enum Message {
    Ready(String),
    Reloading,
    Stopping,
    Ping,
    Keep(String, OwnedFd),
    NoLongerKept(String),
}

/// It answers; `status` is the line that `systemctl status` shows.
pub fn ready(status: &str) {
    tell(Message::Ready(one_line(status)));
}

/// It reads its configuration again; [`ready`] ends that.
pub fn reloading() {
    tell(Message::Reloading);
}

/// It ends.
pub fn stopping() {
    tell(Message::Stopping);
}

/// Pings the watchdog.
pub fn ping_watchdog() {
    tell(Message::Ping);
}

/// Within which time systemd wants a ping; `None` where it wants none.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

/// Hands a message over to a thread of its own, which may have to wait until systemd reads: who has something to say
/// never does.
fn tell(message: Message) {
    static QUEUE: LazyLock<Option<SyncSender<Message>>> = LazyLock::new(|| {
        std::env::var_os("NOTIFY_SOCKET")?;
        let (sender, queue) = sync_channel(WAITING);
        let started = Builder::new().name(String::from("systemd")).spawn(move || queue.iter().for_each(send));
        match started {
            Ok(_) => Some(sender),
            Err(error) => {
                warn!("systemd is not notified: {error}");
                None
            }
        }
    });
    if let Some(queue) = &*QUEUE {
        // Where so many wait already, nobody reads them.
        drop(queue.try_send(message));
    }
}

fn send(message: Message) {
    let sent = match &message {
        Message::Ready(status) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]),
        Message::Reloading => NotifyState::monotonic_usec_now()
            .and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now])),
        Message::Stopping => sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("ending")]),
        Message::Ping => sd_notify::notify(&[NotifyState::Watchdog]),
        Message::Keep(name, socket) => {
            let states = [NotifyState::FdStore, NotifyState::FdName(name)];
            sd_notify::notify_with_fds(&states, &[socket.as_fd()])
        }
        Message::NoLongerKept(name) => {
            sd_notify::notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)])
        }
    };
    if let Err(error) = sent {
        warn!("cannot notify systemd: {error}");
    }
}

/// A line break would end the message's line and begin another one's.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The sockets that systemd keeps while the program restarts, by their names.
#[derive(Debug, Default)]
pub struct FdStore {
    /// Which socket each is, where that is known: of what was handed over at the start it is not.
    kept: BTreeMap<String, Option<u64>>,
}

impl FdStore {
    /// What systemd hands over at the start, once. Names are ignored; sockets are matched by their local
    /// address.
    pub fn inherited() -> (FdStore, Vec<TcpListener>) {
        // Asked first, because listenfd takes the variables away that say whether they are for us.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut descriptors = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..descriptors.len() {
            match descriptors.take_tcp_listener(index) {
                Ok(socket) => sockets.extend(socket),
                Err(error) => warn!("systemd handed over something that is not one of our sockets: {error}"),
            }
        }
        let kept = match descriptors.len() {
            0 => BTreeMap::new(),
            _ => {
                names.split(':').filter(|name| !name.is_empty()).map(|name| (name.to_owned(), None)).collect()
            }
        };
        (FdStore { kept }, sockets)
    }

    /// From now on systemd keeps these sockets, and none other. A name has no `:` and no spaces.
    pub fn keep<'a>(&mut self, sockets: impl IntoIterator<Item = (String, BorrowedFd<'a>)>) {
        let mut named = BTreeMap::new();
        for (name, socket) in sockets {
            let (socket, inode) =
                match socket.try_clone_to_owned().and_then(|socket| Ok((inode(&socket)?, socket))) {
                    Ok((inode, socket)) => (socket, inode),
                    Err(error) => {
                        warn!("systemd cannot keep the socket {name}: {error}");
                        continue;
                    }
                };
            match self.kept.remove(&name) {
                Some(None) => {}
                Some(Some(before)) if before == inode => {}
                before => {
                    // Of the same address, and another one: the one that is kept was closed.
                    if before.is_some() {
                        tell(Message::NoLongerKept(name.clone()));
                    }
                    tell(Message::Keep(name.clone(), socket));
                }
            }
            named.insert(name, Some(inode));
        }
        for gone in self.kept.keys() {
            tell(Message::NoLongerKept(gone.clone()));
        }
        self.kept = named;
    }
}

/// What tells one socket from another.
fn inode(socket: &OwnedFd) -> std::io::Result<u64> {
    Ok(File::from(socket.try_clone()?).metadata()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        assert_eq!(one_line("the file is wrong\nREADY=1"), "the file is wrong");
        assert_eq!(one_line(""), "");
    }
}
