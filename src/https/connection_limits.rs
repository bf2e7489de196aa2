//! Connection limits: at most `connections` in total and `connections_per_address` from one address. At a
//! limit a new connection is accepted and the open one with the lowest priority is evicted: one that never
//! proved a token, of those one of the host that has the most, and of those the one that has been idle longest.
//! So neither a port scanner nor Mattermost's own idle connections can keep Mattermost from being answered.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;

use super::Limits;
use super::observer::{Event, Observer};

/// How many addresses that proved a token are remembered: a Mattermost cluster has a handful.
const REMEMBERED: usize = 64;
/// For how long they are.
const REMEMBERED_FOR: Duration = Duration::from_secs(3_600);
/// Descriptors for all but connections: buses, files, the socket and its clients, what is told of alarms.
const DESCRIPTORS_KEPT: usize = 40;
/// However few there are.
const LEAST_CONNECTIONS: usize = 8;
/// From one line in the log about a limit to the next.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// Keeps the limits. The liveness self-check is not counted.
pub struct ConnectionLimiter {
    preferred: ArcSwap<Vec<IpNet>>,
    observer: Arc<dyn Observer>,
    connections: usize,
    per_address: usize,
    streams: usize,
    streams_per_address: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Connection>,
    /// The addresses that proved a token lately, the newest first.
    proved: VecDeque<(Network, Instant)>,
    self_check: Option<SocketAddr>,
    turned_away: TurnedAway,
    /// When a failed accept was last logged.
    accept_failed: Option<Instant>,
}

/// One open connection.
struct Connection {
    network: Network,
    standing: Standing,
    /// When it was accepted, or its last answer left.
    since: Instant,
    is_answering: bool,
    /// Since when its response has been a stream.
    stream: Option<Instant>,
    evict: Arc<Notify>,
}

/// The priority of a connection; the lowest is evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Its last response had `Connection: close`.
    Closing,
    /// Nothing is known of its address.
    Unknown,
    /// Its address is in one of the preferred networks.
    Preferred,
    /// Its address proved a token on another connection within the last hour.
    Known,
    /// It proved a token itself.
    Authenticated,
}

/// What one host has: an IPv4 address, or a /64 of IPv6, of which every host may use any address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Network {
        Network(match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(prefix).into()
            }
            address => address,
        })
    }
}

/// Connections for which there are descriptors: a process may have so many, and some are for other things, the liveness
/// self-check's among them.
fn descriptors() -> usize {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    most.saturating_sub(DESCRIPTORS_KEPT).max(LEAST_CONNECTIONS)
}

/// What the limits did since the last line in the log.
#[derive(Default)]
struct TurnedAway {
    evicted: u64,
    refused: u64,
    logged: Option<Instant>,
}

impl ConnectionLimiter {
    /// Limits with no connection open yet.
    pub fn new(limits: &Limits, preferred: Vec<IpNet>, observer: Arc<dyn Observer>) -> Self {
        ConnectionLimiter {
            preferred: ArcSwap::from_pointee(preferred),
            observer,
            connections: limits.connections.min(descriptors()),
            per_address: limits.connections_per_address,
            streams: limits.streams.min(descriptors().saturating_sub(limits.connections)),
            streams_per_address: limits.streams_per_address,
            table: Mutex::default(),
        }
    }

    /// From now on connections from these networks have priority over unknown ones.
    pub fn prefer(&self, networks: Vec<IpNet>) {
        self.preferred.store(Arc::new(networks));
    }

    /// The self-check's next connection comes from there.
    pub fn expect_self_check(&self, from: SocketAddr) {
        self.table().self_check = Some(from);
    }

    /// A permit for one more connection from that address. Where a limit is reached, another connection is
    /// evicted for it; `None` where every other one has a higher priority.
    pub fn try_acquire(self: &Arc<Self>, peer: SocketAddr) -> Option<ConnectionPermit> {
        let is_preferred = self.preferred.load().iter().any(|network| network.contains(&peer.ip()));
        let mut table = self.table();
        let evict = Arc::new(Notify::new());
        if table.self_check == Some(peer) {
            return Some(ConnectionPermit { limiter: Arc::clone(self), id: None, evict });
        }
        let network = Network::of(peer.ip());
        let now = Instant::now();
        let standing = match is_preferred {
            _ if table.has_proved(network, now) => Standing::Known,
            true => Standing::Preferred,
            false => Standing::Unknown,
        };
        let open = || table.open.values().filter(|other| other.stream.is_none());
        let from_here = open().filter(|other| other.network == network).count();
        let is_full = from_here >= self.per_address || open().count() >= self.connections;
        let has_room = if from_here >= self.per_address {
            // Within one address a new connection has priority over any idle one, even one that proved a
            // token: the client opens a new one because it no longer uses the old ones.
            table.evict(now, |other| other.stream.is_none() && other.network == network)
        } else if is_full {
            table.evict(now, |other| other.stream.is_none() && other.standing <= standing)
        } else {
            true
        };
        if is_full {
            self.observer.observe(peer.ip(), Event::LimitReached { made_room: has_room });
        }
        if !has_room {
            table.turned_away.refused += 1;
            table.log_turned_away(now);
            return None;
        }
        let id = table.next;
        table.next += 1;
        let connection = Connection {
            network,
            standing,
            since: now,
            is_answering: false,
            stream: None,
            evict: Arc::clone(&evict),
        };
        table.open.insert(id, connection);
        self.observer.observe(peer.ip(), Event::Accepted);
        Some(ConnectionPermit { limiter: Arc::clone(self), id: Some(id), evict })
    }

    /// The system has no means for another connection: one that proved no token makes room.
    pub fn accept_failed(&self, error: &io::Error) {
        let (mut table, now) = (self.table(), Instant::now());
        if table.accept_failed.is_none_or(|at| now.duration_since(at) >= LOG_AGAIN) {
            table.accept_failed = Some(now);
            warn!("accept failed, retrying: {error}");
        }
        table.evict(now, |other| other.standing < Standing::Authenticated);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn has_proved(&self, network: Network, now: Instant) -> bool {
        self.proved.iter().any(|(known, at)| *known == network && now.duration_since(*at) < REMEMBERED_FOR)
    }

    /// Whether that connection may stream from now on. Where there are too many streams, the host that has the most gives
    /// up its oldest, unless that host would then have fewer than the new one's.
    fn begin_stream(&mut self, id: u64, most: usize, per_address: usize, now: Instant) -> bool {
        let Some(network) = self.open.get(&id).map(|connection| connection.network) else { return false };
        let mut of_network: HashMap<Network, usize> = HashMap::new();
        for other in self.open.values().filter(|other| other.stream.is_some()) {
            *of_network.entry(other.network).or_default() += 1;
        }
        let from_here = of_network.get(&network).copied().unwrap_or_default();
        if from_here >= per_address {
            return false;
        }
        if of_network.values().sum::<usize>() >= most {
            let has_more = of_network.iter().filter(|(_, count)| **count > from_here + 1);
            let Some((&busiest, _)) = has_more.max_by_key(|(_, count)| **count) else { return false };
            let of_busiest = self.open.iter().filter(|(_, other)| other.network == busiest);
            let oldest = of_busiest.filter_map(|(id, other)| Some((other.stream?, *id))).min();
            let Some(evicted) = oldest.and_then(|(_, id)| self.open.remove(&id)) else { return false };
            evicted.evict.notify_one();
            self.turned_away.evicted += 1;
            self.log_turned_away(now);
        }
        if let Some(connection) = self.open.get_mut(&id) {
            connection.stream = Some(now);
        }
        true
    }

    /// Evicts the one with the lowest priority of those that `may_go`: among equals one of the host that has the
    /// most, and of those the one that has been idle longest. One that proved a token is evicted only while it is
    /// idle. Returns whether there was one.
    fn evict(&mut self, now: Instant, may_go: impl Fn(&Connection) -> bool) -> bool {
        let may_go = |other: &Connection| {
            may_go(other) && !(other.standing == Standing::Authenticated && other.is_answering)
        };
        let mut of_network: HashMap<Network, usize> = HashMap::new();
        for other in self.open.values() {
            *of_network.entry(other.network).or_default() += 1;
        }
        let priority = |other: &Connection| {
            (other.standing, Reverse(of_network.get(&other.network).copied()), other.since)
        };
        let candidates = self.open.iter().filter(|(_, other)| may_go(other));
        let Some(id) = candidates.min_by_key(|(_, other)| priority(other)).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(evicted) = self.open.remove(&id) {
            evicted.evict.notify_one();
        }
        self.turned_away.evicted += 1;
        self.log_turned_away(now);
        true
    }

    fn log_turned_away(&mut self, now: Instant) {
        let turned_away = &mut self.turned_away;
        if turned_away.logged.is_none_or(|at| now.duration_since(at) >= LOG_AGAIN) {
            let TurnedAway { evicted, refused, .. } = std::mem::take(turned_away);
            warn!(
                "connection limit reached: {evicted} idle connections ended to make room, {refused} refused"
            );
            turned_away.logged = Some(now);
        }
    }
}

/// One connection's permit; given back when dropped. The self-check's is not counted.
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    id: Option<u64>,
    evict: Arc<Notify>,
}

impl ConnectionPermit {
    /// A request has come: until [`answered`](Self::answered) the connection is not idle.
    pub fn answering(&self) {
        self.update(|connection| connection.is_answering = true);
    }

    /// Its answer is made. `authenticated` says whether the request proved a token, `closing` whether the
    /// connection ends behind it.
    pub fn answered(&self, authenticated: bool, closing: bool) {
        let now = Instant::now();
        let network = self.update(|connection| {
            connection.is_answering = false;
            connection.since = now;
            if closing {
                connection.standing = Standing::Closing;
            } else if authenticated {
                connection.standing = Standing::Authenticated;
            }
            connection.network
        });
        let Some(network) = network.filter(|_| authenticated) else { return };
        let proved = &mut self.limiter.table().proved;
        match proved.iter_mut().find(|(known, _)| *known == network) {
            Some((_, at)) => *at = now,
            None => {
                proved.truncate(REMEMBERED - 1);
                proved.push_front((network, now));
            }
        }
    }

    /// A place for a stream on this connection; `None` where there are too many.
    pub fn stream(self: &Arc<Self>) -> Option<StreamPermit> {
        let ConnectionLimiter { streams, streams_per_address, .. } = *self.limiter;
        let begins = |id| self.limiter.table().begin_stream(id, streams, streams_per_address, Instant::now());
        // The self-check asks for no stream.
        self.id.is_some_and(begins).then(|| StreamPermit(Arc::clone(self)))
    }

    /// Whether nothing speaks for it yet; not the self-check's.
    pub fn is_strangers(&self) -> bool {
        // One that was evicted already is nobody's.
        self.id.is_some()
            && self.update(|connection| connection.standing == Standing::Unknown).unwrap_or(true)
    }

    /// Waits until the connection is to make room for another one.
    pub async fn evicted(&self) {
        self.evict.notified().await;
    }

    /// Waits until the connection has been idle for too long: `authenticated` for one that proved a token,
    /// `other` for any other.
    pub async fn idle(&self, authenticated: Duration, other: Duration) {
        loop {
            let state = self.update(|connection| {
                let limit =
                    if connection.standing == Standing::Authenticated { authenticated } else { other };
                (connection.is_answering || connection.stream.is_some(), connection.since + limit)
            });
            // The self-check's connection ends by itself.
            let Some((is_answering, until)) = state else { return std::future::pending().await };
            if !is_answering && until <= Instant::now() {
                return;
            }
            // Answering has limits of its own; the idle time starts after it.
            let next = if is_answering { Instant::now() + other } else { until };
            tokio::time::sleep_until(next).await;
        }
    }

    /// `None` for the self-check's, and for one that was evicted.
    fn update<T>(&self, change: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.limiter.table().open.get_mut(&self.id?).map(change)
    }
}

/// A place for a stream; given back when dropped.
pub struct StreamPermit(Arc<ConnectionPermit>);

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.0.update(|connection| (connection.stream, connection.since) = (None, Instant::now()));
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.limiter.table().open.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ipv6_a_host_is_its_network_of_64_bits_and_of_ipv4_its_address() {
        let network = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"), "as a socket for both shows it");
    }
}
