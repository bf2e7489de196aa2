//! TLS handshakes. Signing is the dearest thing that a stranger can ask for, up to a tenth of a second of a Raspberry Pi
//! with a long RSA key: those of strangers together get a share of the thread's time, and wait where they want more.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Strangers' handshakes get one part in so many of the time.
const SHARE: u32 = 2;
/// So much of it they may have at once: some dozens with a short key.
const AT_ONCE: Duration = Duration::from_millis(5);

/// Speaks TLS.
pub struct Handshakes {
    config: Arc<ServerConfig>,
    strangers: Mutex<Share>,
}

/// What strangers have had of the thread's time.
#[derive(Default)]
struct Share {
    /// Until then their share is spent.
    spent_until: Option<Instant>,
}

impl Share {
    /// When the next one may begin. What was not used is there later, but for more than [`AT_ONCE`].
    fn next(&self) -> Option<Instant> {
        self.spent_until.and_then(|spent| spent.checked_sub(AT_ONCE * SHARE))
    }

    /// One took so long.
    fn spend(&mut self, took: Duration, now: Instant) {
        let from = self.spent_until.map_or(now, |spent| spent.max(now));
        self.spent_until = Some(from + took * SHARE);
    }
}

impl Handshakes {
    /// By that configuration.
    pub fn new(config: ServerConfig) -> Self {
        Handshakes { config: Arc::new(config), strangers: Mutex::default() }
    }

    /// The handshake on that connection. A stranger's waits, once it has said all that is needed to sign, until
    /// strangers may have the time.
    ///
    /// # Errors
    /// Where there is none: the peer has been told by an alert.
    pub async fn accept(&self, stream: TcpStream, is_stranger: bool) -> io::Result<TlsStream<TcpStream>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if !is_stranger {
            return begun.into_stream(Arc::clone(&self.config)).await;
        }
        // Whoever else waits may have been faster.
        while let Some(next) = self.wait_until() {
            sleep_until(next).await;
        }
        let began = Instant::now();
        // This signs; what is awaited is the rest of the conversation.
        let accepting = begun.into_stream(Arc::clone(&self.config));
        let ended = Instant::now();
        self.share().spend(ended - began, ended);
        accepting.await
    }

    /// When a stranger may go on, where that is not now.
    fn wait_until(&self) -> Option<Instant> {
        self.share().next().filter(|next| *next > Instant::now())
    }

    fn share(&self) -> MutexGuard<'_, Share> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn strangers_have_half_of_the_time_and_a_little_at_once() {
        let (mut share, began) = (Share::default(), Instant::now());
        let took = Duration::from_millis(5);
        let mut signed = 0;
        while began.elapsed() < Duration::from_secs(10) {
            match share.next().filter(|next| *next > Instant::now()) {
                Some(next) => sleep_until(next).await,
                None => {
                    tokio::time::advance(took).await;
                    share.spend(took, Instant::now());
                    signed += 1;
                }
            }
        }
        let of_the_time = f64::from(signed) * took.as_secs_f64() / 10.0;
        assert!((0.49..0.51).contains(&of_the_time), "{of_the_time}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_for_an_hour_is_no_more_than_a_little_at_once() {
        let mut share = Share::default();
        share.spend(AT_ONCE, Instant::now());
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let mut at_once = 0;
        while share.next().is_none_or(|next| next <= Instant::now()) {
            share.spend(Duration::from_millis(1), Instant::now());
            at_once += 1;
        }
        assert!((5..=7).contains(&at_once), "{at_once}");
    }
}
