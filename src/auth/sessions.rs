//! Sessions: who is logged in, from when, and until when.

use std::collections::HashMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::PasswordHash;
use crate::chat::Rights;
use crate::secret::Secret;

/// A session that nobody uses ends after a shift …
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// … and any after a week.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// With more than this, the one that was not used for longest ends.
const MOST: usize = 256;
/// The same of one user's.
const MOST_OF_USER: usize = 8;
/// Nobody guesses so many bytes.
const ID_BYTES: usize = 32;

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user's name.
    pub user: String,
    /// What they may do.
    pub rights: Rights,
    /// What each of the page's forms holds, and another site's cannot: against forged requests (CSRF).
    pub csrf_token: Secret,
}

/// A session as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// The user's name.
    pub user: String,
    /// What was kept of their password then.
    pub password: PasswordHash,
    csrf_token: Secret,
    begun: Duration,
    used: Duration,
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    /// By the hashes of their ids: what is compared byte by byte is of no use to anybody.
    all: HashMap<Vec<u8>, Kept>,
    /// Whether any has ended since this was asked last.
    has_ended: bool,
}

impl Sessions {
    /// Begins one; returns its id, `None` where the system gives no random numbers.
    pub fn begin(&mut self, user: &str, password: &PasswordHash, now: Duration) -> Option<String> {
        self.expire(now);
        let (id, csrf_token) = (random()?, Secret::new(random()?));
        self.make_room(MOST_OF_USER, |kept| kept.user == user);
        self.make_room(MOST, |_| true);
        let kept =
            Kept { user: user.to_owned(), password: password.clone(), csrf_token, begun: now, used: now };
        self.all.insert(key(&id), kept);
        Some(id)
    }

    /// The user of a session, what was kept of their password, and what their forms hold. It is used by that.
    pub fn used(&mut self, id: &str, now: Duration) -> Option<(String, PasswordHash, Secret)> {
        let kept = self.all.get_mut(&key(id)).filter(|kept| !kept.is_over(now))?;
        kept.used = now;
        Some((kept.user.clone(), kept.password.clone(), kept.csrf_token.clone()))
    }

    /// Ends one.
    pub fn end(&mut self, id: &str) {
        self.has_ended |= self.all.remove(&key(id)).is_some();
    }

    /// Ends those whose time is over.
    pub fn expire(&mut self, now: Duration) {
        self.retain(|kept| !kept.is_over(now));
    }

    /// Ends all others.
    pub fn retain(&mut self, goes_on: impl Fn(&Kept) -> bool) {
        let before = self.all.len();
        self.all.retain(|_, kept| goes_on(kept));
        self.has_ended |= self.all.len() < before;
    }

    /// Whether any has ended since this was asked last.
    pub fn take_ended(&mut self) -> bool {
        std::mem::take(&mut self.has_ended)
    }

    /// Of as many as that, the one that was not used for longest ends.
    fn make_room(&mut self, most: usize, is_counted: impl Fn(&Kept) -> bool) {
        let counted = || self.all.iter().filter(|(_, kept)| is_counted(kept));
        if counted().count() >= most {
            let oldest = counted().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            self.has_ended |= self.all.remove(&oldest.unwrap_or_default()).is_some();
        }
    }
}

impl Kept {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.used) >= IDLE || now.saturating_sub(self.begun) >= LONGEST
    }
}

fn key(id: &str) -> Vec<u8> {
    digest(&SHA256, id.as_bytes()).as_ref().to_vec()
}

fn random() -> Option<String> {
    let mut bytes = [0; ID_BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_a_week_in_any_case() {
        let (mut sessions, nobodys) = (Sessions::default(), PasswordHash::nobodys());
        let idle = sessions.begin("anna", &nobodys, HOUR).unwrap();
        let used = sessions.begin("bert", &nobodys, HOUR).unwrap();
        assert_eq!(sessions.used(&idle, HOUR * 12).unwrap().0, "anna");
        assert!(sessions.used(&idle, HOUR * 24).is_none());
        assert!(!sessions.take_ended());
        sessions.expire(HOUR * 24);
        assert!(sessions.take_ended() && !sessions.take_ended());
        let mut sessions = Sessions::default();
        let busy = sessions.begin("bert", &nobodys, HOUR).unwrap();
        assert!(sessions.used(&used, HOUR).is_none(), "of another run");
        let last = (1..1_000).take_while(|hour| sessions.used(&busy, HOUR * *hour).is_some()).last();
        assert_eq!(last, Some(7 * 24));
    }

    #[test]
    fn there_is_a_most_of_them_and_the_one_that_is_used_least_makes_room() {
        let (mut sessions, nobodys) = (Sessions::default(), PasswordHash::nobodys());
        let first = sessions.begin("anna", &nobodys, HOUR).unwrap();
        let second = sessions.begin("bert", &nobodys, HOUR).unwrap();
        for minute in 0..MOST as u32 - 1 {
            let now = HOUR + Duration::from_secs(60) * (minute + 1);
            assert!(sessions.used(&first, now).is_some());
            sessions.begin(&format!("user {minute}"), &nobodys, now).unwrap();
        }
        assert_eq!(sessions.all.len(), MOST);
        assert!(sessions.take_ended() && sessions.used(&second, HOUR * 6).is_none());
        assert!(sessions.used(&first, HOUR * 6).is_some());
        // One user's sessions end those of nobody else.
        for _ in 0..100 {
            sessions.begin("cleo", &nobodys, HOUR * 6).unwrap();
        }
        assert_eq!(sessions.all.values().filter(|kept| kept.user == "cleo").count(), MOST_OF_USER);
        assert!(sessions.used(&first, HOUR * 6).is_some());
        assert!(sessions.used("", HOUR).is_none() && sessions.used("guessed", HOUR).is_none());
    }
}
