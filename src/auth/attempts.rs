//! How often one may try a password: a few times at once, then now and then; by the address, and by the user whom many
//! addresses try.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Wrong tries of one address, and how long until it has another one.
const OF_ADDRESS: Allowance = Allowance { most: 5, every: Duration::from_secs(30) };
/// The same of all addresses together, for one user; more than one address has, so that a single one keeps nobody out.
const OF_USER: Allowance = Allowance { most: 30, every: Duration::from_secs(20) };
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

/// Wrong tries that count still.
#[derive(Debug, Default)]
pub struct Attempts {
    addresses: Tries<IpAddr>,
    users: Tries<String>,
}

impl Attempts {
    /// Takes a try before it is known how it ends.
    ///
    /// # Errors
    /// For how long there is none.
    pub fn take(&mut self, from: IpAddr, user: &str, now: Duration) -> Result<(), Duration> {
        let (from, user) = (network(from), user.to_owned());
        let wait = self.addresses.wait(&from, OF_ADDRESS, now).max(self.users.wait(&user, OF_USER, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.addresses.count(from, OF_ADDRESS, now);
        self.users.count(user, OF_USER, now);
        Ok(())
    }

    /// It was the right password: the tries of that address count no more, and this one not for its user.
    pub fn forgive(&mut self, from: IpAddr, user: &str, now: Duration) {
        self.addresses.0.remove(&network(from));
        self.users.give_back(user, OF_USER, now);
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
    fn the_right_password_costs_nothing() {
        let mut attempts = Attempts::default();
        let now = Duration::from_secs(1_000);
        for _ in 0..100 {
            attempts.take(address(1), "anna", now).unwrap();
            attempts.forgive(address(1), "anna", now);
        }
    }
}
