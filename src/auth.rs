//! Who is who on the page and for the API: users log in with a password and have a session, programs show a token.
//!
//! Nothing of it is on the disk but the configuration: a restart ends all sessions.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderValue};
use tokio::sync::Semaphore;

use crate::chat::Rights;
use crate::secret::Secret;

mod attempts;
mod password;
mod sessions;

use attempts::Attempts;
pub use password::{PasswordError, PasswordHash};
pub use sessions::Session;
use sessions::Sessions;

/// The session's cookie. Browsers take one of this prefix only over TLS, for this host alone and for all of its paths.
const COOKIE_NAME: &str = "__Host-fridge";
/// One password is tried at a time: it takes memory and time, which a small computer has for one …
const TRYING: usize = 1;
/// … and so many more wait for their turn.
const WAITING: usize = 7;

/// Who may log in, and which programs use the API.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// People.
    pub users: Vec<User>,
    /// Programs.
    pub clients: Vec<Client>,
}

impl Config {
    /// Whether all of these programs have the same tokens there.
    fn has_clients_of(&self, other: &Config) -> bool {
        self.clients.iter().all(|client| {
            let is_it = |it: &Client| it.name == client.name && it.token.matches(client.token.expose());
            other.clients.iter().any(is_it)
        })
    }
}

/// Somebody who may log in.
#[derive(Clone, Debug)]
pub struct User {
    /// The name, whatever its case.
    pub name: String,
    /// What is kept of the password.
    pub password: PasswordHash,
    /// What they may do.
    pub rights: Rights,
}

/// A program that uses the API.
#[derive(Clone, Debug)]
pub struct Client {
    /// What people call it; acts are recorded under it.
    pub name: String,
    /// What it proves itself with.
    pub token: Secret,
    /// What it may do.
    pub rights: Rights,
}

/// Who makes a request.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Somebody who is logged in.
    pub session: Option<Session>,
    /// A program that showed its token.
    pub client: Option<Client>,
}

impl Visitor {
    /// Whether it is known who it is.
    pub fn is_known(&self) -> bool {
        self.session.is_some() || self.client.is_some()
    }
}

/// Why somebody is not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// There is no such user, or the password is another one: which of the two is nobody's business.
    Wrong,
    /// There were too many wrong tries: the next counts after this long.
    TooMany(Duration),
    /// Others are being looked at.
    Busy,
}

/// Knows who is logged in.
pub struct Auth {
    config: ArcSwap<Config>,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    trying: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Auth {
    /// Lets these in.
    pub fn new(config: Config) -> Auth {
        Auth {
            config: ArcSwap::from_pointee(config),
            sessions: Mutex::default(),
            attempts: Mutex::default(),
            trying: Arc::new(Semaphore::new(TRYING)),
            waiting: Arc::new(Semaphore::new(TRYING + WAITING)),
        }
    }

    /// Lets these in from now on. Sessions of users that are gone, or have another password, end; returns whether anybody who
    /// might look before may not any more.
    pub fn reload(&self, config: Config) -> bool {
        let config = Arc::new(config);
        let before = self.config.swap(Arc::clone(&config));
        // What is asked for meanwhile is asked of the new one.
        self.sessions().retain(|session| {
            config.users.iter().any(|user| user.name == session.user && user.password == session.password)
        });
        self.take_ended() || !before.has_clients_of(&config)
    }

    /// Whether anybody may log in at all.
    pub fn has_users(&self) -> bool {
        !self.config.load().users.is_empty()
    }

    /// Who makes a request with these headers.
    ///
    /// # Errors
    /// It shows a token that is nobody's.
    pub fn visitor(&self, headers: &HeaderMap, now: Duration) -> Result<Visitor, WrongToken> {
        Ok(Visitor { session: self.session(headers, now), client: self.client(headers).transpose()? })
    }

    /// The session of a request, which is used by that.
    fn session(&self, headers: &HeaderMap, now: Duration) -> Option<Session> {
        let (name, password, csrf_token) = self.sessions().used(cookie(headers)?, now)?;
        let config = self.config.load();
        // Another password may have come while the old one was tried.
        let is_theirs = |user: &&User| user.name == name && user.password == password;
        let rights = config.users.iter().find(is_theirs)?.rights;
        Some(Session { user: name, rights, csrf_token })
    }

    /// The program whose token a request shows, or that this is nobody's; `None` where it shows none. All are compared, each
    /// in constant time.
    fn client(&self, headers: &HeaderMap) -> Option<Result<Client, WrongToken>> {
        let value = headers.get(AUTHORIZATION)?;
        let token = bearer(value).unwrap_or_default();
        let config = self.config.load();
        let found = config
            .clients
            .iter()
            .fold(None, |found, client| if client.token.matches(token) { Some(client) } else { found });
        Some(found.cloned().ok_or(WrongToken))
    }

    /// Tries a password, in a thread of its own; returns the value of the cookie by which its session is known.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        now: Duration,
    ) -> Result<String, LoginError> {
        let Ok(_place) = Arc::clone(&self.waiting).try_acquire_owned() else { return Err(LoginError::Busy) };
        let user = self.config.load().users.iter().find(|user| user.name.eq_ignore_ascii_case(name)).cloned();
        let account = user.as_ref().map_or(name, |user| user.name.as_str());
        self.attempts().take(from, account, now).map_err(LoginError::TooMany)?;
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.trying).acquire_owned().await else { return Err(LoginError::Busy) };
        let (hash, typed) = (
            user.as_ref().map_or_else(PasswordHash::nobodys, |user| user.password.clone()),
            Secret::new(password),
        );
        let tried = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash.is_of(typed.expose())
        });
        let is_right = tried.await.unwrap_or_default();
        let Some(user) = user.filter(|_| is_right) else { return Err(LoginError::Wrong) };
        self.attempts().forgive(from, &user.name, now);
        self.sessions().begin(&user.name, &user.password, now).ok_or(LoginError::Busy)
    }

    /// Ends the session of a request.
    pub fn log_out(&self, headers: &HeaderMap) {
        if let Some(id) = cookie(headers) {
            self.sessions().end(id);
        }
    }

    /// Takes one of the acts that somebody may do in a while.
    ///
    /// # Errors
    /// For how long there is none.
    pub fn take_act(&self, name: &str, now: Duration) -> Result<(), Duration> {
        self.attempts().take_act(name, now)
    }

    /// Ends the sessions whose time is over.
    pub fn expire(&self, now: Duration) {
        self.sessions().expire(now);
    }

    /// Whether any session has ended since this was asked last.
    pub fn take_ended(&self) -> bool {
        self.sessions().take_ended()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongToken;

/// The cookie that begins a session in the browser, for as long as that lasts at most.
pub fn cookie_of(id: &str) -> String {
    let longest = sessions::LONGEST.as_secs();
    format!("{COOKIE_NAME}={id}; Path=/; Max-Age={longest}; Secure; HttpOnly; SameSite=Lax")
}

/// The cookie that ends it.
pub fn no_cookie() -> String {
    format!("{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// The token of RFC 6750; the scheme's case does not matter.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const START: Duration = Duration::from_secs(1_000);

    fn config(password: &str) -> Config {
        let password = PasswordHash::of(password).unwrap();
        let token = Secret::new("abcdefghijklmnopqrstuvwxyz");
        Config {
            users: vec![User { name: "anna".into(), password, rights: Rights::Act }],
            clients: vec![Client { name: "node-red".into(), token, rights: Rights::Act }],
        }
    }

    fn headers(name: hyper::header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[tokio::test]
    async fn a_session_begins_with_the_password_and_ends_with_its_user_or_a_new_one() {
        let auth = Auth::new(config("correct horse"));
        assert_eq!(auth.log_in("anna", "wrong horse", HERE, START).await, Err(LoginError::Wrong));
        assert_eq!(auth.log_in("bert", "correct horse", HERE, START).await, Err(LoginError::Wrong));
        let id = auth.log_in("Anna", "correct horse", HERE, START).await.unwrap();
        let cookies = headers(COOKIE, &format!("a=b; {COOKIE_NAME}={id}; c=d"));
        let session = auth.session(&cookies, START).unwrap();
        assert_eq!((session.user.as_str(), session.rights), ("anna", Rights::Act));
        assert!(!auth.reload(auth.config.load().as_ref().clone()), "nothing has changed");
        let without_clients = Config { clients: Vec::new(), ..auth.config.load().as_ref().clone() };
        assert!(auth.reload(without_clients), "a program may look no more");
        assert!(auth.session(&cookies, START).is_some());
        assert!(auth.reload(config("another horse")));
        assert!(auth.session(&cookies, START).is_none());
        let id = auth.log_in("anna", "another horse", HERE, START).await.unwrap();
        let cookies = headers(COOKIE, &format!("{COOKIE_NAME}={id}"));
        assert!(auth.session(&cookies, START).is_some());
        auth.log_out(&cookies);
        assert!(auth.session(&cookies, START).is_none());
    }

    #[test]
    fn a_token_is_known_whatever_the_case_of_its_scheme() {
        let auth = Auth::new(config("correct horse"));
        let client = |value: &str| auth.client(&headers(AUTHORIZATION, value)).unwrap();
        assert_eq!(client("Bearer abcdefghijklmnopqrstuvwxyz").unwrap().name, "node-red");
        assert!(client("bearer  abcdefghijklmnopqrstuvwxyz").is_ok());
        for wrong in ["Bearer ", "Bearer", "abcdefghijklmnopqrstuvwxyz", "Basic abcdefghijklmnopqrstuvwxyz"] {
            assert_eq!(client(wrong).unwrap_err(), WrongToken, "{wrong}");
        }
        assert!(auth.client(&HeaderMap::new()).is_none());
    }
}
