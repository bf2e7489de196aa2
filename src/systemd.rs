//! systemd's notifications (ready, reloading, stopping, status, watchdog ping) and its FD store, which keeps the
//! listening sockets while the program restarts.
//!
//! Outside systemd nothing of this happens, and nothing is logged about it: `sd_notify(3)`,
//! `sd_listen_fds(3)`, FileDescriptorStoreMax= in `systemd.service(5)`.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tracing::warn;

/// It answers; `status` is the line that `systemctl status` shows.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// It reads its configuration again; [`ready`] ends that.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => warn!("the monotonic clock cannot be read: {error}"),
    }
}

/// It ends.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("ending")]);
}

/// Pings the watchdog.
pub fn ping_watchdog() {
    notify(&[NotifyState::Watchdog]);
}

/// Within which time systemd wants a ping; `None` where it wants none.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
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
    kept: BTreeSet<String>,
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
            0 => BTreeSet::new(),
            _ => names.split(':').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        };
        (FdStore { kept }, sockets)
    }

    /// From now on systemd keeps these sockets, and none other. A name has no `:` and no spaces.
    pub fn keep<'a>(&mut self, sockets: impl IntoIterator<Item = (String, BorrowedFd<'a>)>) {
        let mut named = BTreeSet::new();
        for (name, socket) in sockets {
            if !self.kept.contains(&name) {
                let states = [NotifyState::FdStore, NotifyState::FdName(&name)];
                if let Err(error) = sd_notify::notify_with_fds(&states, &[socket]) {
                    warn!("systemd cannot keep the socket {name}: {error}");
                    continue;
                }
            }
            named.insert(name);
        }
        for gone in self.kept.difference(&named) {
            notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(gone)]);
        }
        self.kept = named;
    }
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
