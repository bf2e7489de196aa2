//! How often one may try a password: a few times at once, then now and then; by the address, and by the user whom many
//! addresses try.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Wrong tries of one address, and how long until it has another one.
const OF_ADDRESS: Allowance = Allowance { most: 5, every: Duration::from_secs(30) };
/// The same of all addresses together, for one user; more than one address has, so that a single one keeps nobody out.
const OF_USER: Allowance = Allowance { most: 30, every: Duration::from_secs(20) };
/// What one user or program may do at once, and then.
const OF_ACTS: Allowance = Allowance { most: 30, every: Duration::from_secs(10) };
/// So many addresses, and so many users, are remembered.
const MOST_REMEMBERED: usize = 1_024;

/// How many tries there are.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// At once.
    most: u32,
    /// Until there is one more.
    every: Duration,
}

/// Tries that count still.
#[derive(Debug, Default)]
pub struct Attempts {
    addresses: Tries<IpAddr>,
    /// By the hashes of the names: those that nobody has must look like all others, and are a stranger's choice.
    users: Tries<u64>,
    hasher: RandomState,
    /// From where users have logged in, and when.
    known: HashMap<(IpAddr, u64), Duration>,
    acts: Tries<String>,
}

impl Attempts {
    /// Takes a try before it is known how it ends.
    ///
    /// # Errors
    /// For how long there is none.
    pub fn take(&mut self, from: IpAddr, user: &str, now: Duration) -> Result<(), Duration> {
        let (from, user) = (network(from), self.hash(user));
        // Strangers keep nobody out of where they have been.
        let is_known = self.known.contains_key(&(from, user));
        let of_user = if is_known { Duration::ZERO } else { self.users.wait(&user, OF_USER, now) };
        let wait = self.addresses.wait(&from, OF_ADDRESS, now).max(of_user);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.addresses.count(from, OF_ADDRESS, now);
        if !is_known {
            self.users.count(user, OF_USER, now);
        }
        Ok(())
    }

    /// Takes an act of a user or a program.
    ///
    /// # Errors
    /// For how long there is none.
    pub fn take_act(&mut self, name: &str, now: Duration) -> Result<(), Duration> {
        let wait = self.acts.wait(&name.to_owned(), OF_ACTS, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.acts.count(name.to_owned(), OF_ACTS, now);
        Ok(())
    }

    /// It was the right password: the tries of that address count no more, and this one not for its user.
    pub fn forgive(&mut self, from: IpAddr, user: &str, now: Duration) {
        let (from, user) = (network(from), self.hash(user));
        self.addresses.0.remove(&from);
        self.users.give_back(&user, OF_USER, now);
        if self.known.len() >= MOST_REMEMBERED {
            let oldest = self.known.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        self.known.insert((from, user), now);
    }

    fn hash(&self, user: &str) -> u64 {
        self.hasher.hash_one(user.to_lowercase())
    }
}

/// Whoever has one address of IPv6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

/// When the tries that somebody has used are all forgotten.
#[derive(Debug)]
struct Tries<K>(HashMap<K, Duration>);

impl<K> Default for Tries<K> {
    fn default() -> Self {
        Tries(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Tries<K> {
    /// For how long there is no try.
    fn wait(&self, key: &K, allowance: Allowance, now: Duration) -> Duration {
        let all = allowance.every * allowance.most;
        let forgotten = self.0.get(key).copied().unwrap_or_default();
        (forgotten + allowance.every).saturating_sub(now + all)
    }

    fn count(&mut self, key: K, allowance: Allowance, now: Duration) {
        if self.0.len() >= MOST_REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, forgotten| *forgotten > now);
            let next = self.0.iter().min_by_key(|(_, forgotten)| **forgotten).map(|(key, _)| key.clone());
            // Who has tried least, and longest ago, makes room.
            if let Some(next) = next.filter(|_| self.0.len() >= MOST_REMEMBERED) {
                self.0.remove(&next);
            }
        }
        let forgotten = self.0.entry(key).or_default();
        *forgotten = (*forgotten).max(now) + allowance.every;
    }

    fn give_back<Q: Eq + Hash + ?Sized>(&mut self, key: &Q, allowance: Allowance, now: Duration)
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(forgotten) = self.0.get_mut(key) {
            *forgotten = forgotten.saturating_sub(allowance.every).max(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 168, 1, last].into()
    }

    #[test]
    fn ten_thousand_tries_from_one_address_become_few() {
        let mut attempts = Attempts::default();
        let second = |number| Duration::from_secs(number);
        let taken = (1_000..11_000).filter(|s| attempts.take(address(1), "anna", second(*s)).is_ok()).count();
        assert_eq!(taken, 5 + 10_000 / 30);
        let wait = attempts.take(address(1), "bert", second(11_000)).unwrap_err();
        assert!(wait <= Duration::from_secs(30), "{wait:?}");
        // Everybody else tries on.
        assert!(attempts.take(address(2), "bert", second(11_000)).is_ok());
    }

    #[test]
    fn many_addresses_try_one_user_no_more_often_and_memory_has_a_bound() {
        let mut attempts = Attempts::default();
        let now = Duration::from_secs(1_000);
        let taken = (0..=255).filter(|last| attempts.take(address(*last), "anna", now).is_ok()).count();
        assert_eq!(taken, 30);
        // A name that nobody has is like all others.
        let elsewhere = |last| IpAddr::from([192, 168, 2, last]);
        let taken = (0..=255).filter(|last| attempts.take(elsewhere(*last), "nobody", now).is_ok()).count();
        assert_eq!(taken, 30);
        for number in 0..3_000_u16 {
            let one = Ipv6Addr::new(0xfd00, 0, 0, number, 0, 0, 0, 1);
            // Who has no try left is not remembered for it.
            let _is_taken = attempts.take(one.into(), &number.to_string(), now);
        }
        assert!(attempts.addresses.0.len() <= MOST_REMEMBERED);
        assert!(attempts.users.0.len() <= MOST_REMEMBERED);
        // A network of IPv6 is one address.
        let one = |last| IpAddr::from(Ipv6Addr::new(0xfd00, 1, 1, 1, 0, 0, 0, last));
        let taken = (0..100).filter(|last| attempts.take(one(*last), "bert", now).is_ok()).count();
        assert_eq!(taken, 5);
    }

    #[test]
    fn strangers_keep_nobody_out_of_where_they_have_logged_in() {
        let mut attempts = Attempts::default();
        let now = Duration::from_secs(1_000);
        attempts.take(address(250), "anna", now).unwrap();
        attempts.forgive(address(250), "anna", now);
        for last in 0..200 {
            // Until there is none left.
            let _is_taken = attempts.take(address(last), "anna", now);
        }
        assert!(attempts.take(address(201), "anna", now).is_err());
        assert!(attempts.take(address(250), "Anna", now).is_ok());
    }

    #[test]
    fn acts_have_a_limit_as_well() {
        let mut attempts = Attempts::default();
        let now = Duration::from_secs(1_000);
        assert_eq!((0..100).filter(|_| attempts.take_act("node-red", now).is_ok()).count(), 30);
        assert!(attempts.take_act("node-red", now + Duration::from_secs(10)).is_ok());
        assert!(attempts.take_act("anna", now).is_ok());
    }

    #[test]
    fn the_right_password_costs_nothing() {
        let mut attempts = Attempts::default();
        let now = Duration::from_secs(1_000);
        for _ in 0..100 {
            attempts.take(address(1), "anna", now).unwrap();
            attempts.forgive(address(1), "anna", now);
        }
    }
}
