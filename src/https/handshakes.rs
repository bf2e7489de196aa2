//! TLS handshakes. Signing is the most expensive thing that a stranger can ask for, up to a tenth of a second of a
//! Raspberry Pi with a long RSA key: the handshakes of all strangers together get a share of the thread's time, and
//! wait while it is used up.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Strangers get half of the time: each second of theirs is followed by one that is not.
const SHARE: u32 = 2;
/// No step takes longer by itself: where one did, the thread was kept from working.
const LONGEST_STEP: Duration = Duration::from_millis(200);
/// What they may use in one go after they have used nothing for a while.
const BURST: Duration = Duration::from_millis(5);

/// Does the handshakes.
pub struct Handshakes {
    acceptor: TlsAcceptor,
    strangers: Mutex<Share>,
}

/// A share of the thread's time, and how much of it was used.
#[derive(Default)]
struct Share {
    /// What was used is made up for at that moment.
    settled: Option<Instant>,
}

impl Share {
    /// Until when it is used up.
    fn used_up_until(&self) -> Option<Instant> {
        self.settled.and_then(|settled| settled.checked_sub(BURST * SHARE))
    }

    /// So much of it was used until now.
    fn spend(&mut self, used: Duration, now: Instant) {
        let from = self.settled.map_or(now, |settled| settled.max(now));
        self.settled = Some(from + used * SHARE);
    }
}

impl Handshakes {
    /// By that configuration.
    pub fn new(config: ServerConfig) -> Self {
        Handshakes { acceptor: TlsAcceptor::from(Arc::new(config)), strangers: Mutex::default() }
    }

    /// The handshake on that connection. A stranger's waits while the strangers' share of the time is used up.
    ///
    /// # Errors
    /// Where none comes about; a peer that is there is told why by an alert.
    pub async fn accept(&self, stream: TcpStream, is_stranger: bool) -> io::Result<TlsStream<TcpStream>> {
        let accepting = pin!(self.acceptor.accept(stream));
        if !is_stranger {
            return accepting.await;
        }
        Sharing { share: &self.strangers, wait: pin!(sleep_until(Instant::now())), accepting }.await
    }
}

/// A stranger's handshake: each step of it waits until the share allows for it, and is counted.
struct Sharing<'a, F> {
    share: &'a Mutex<Share>,
    wait: Pin<&'a mut Sleep>,
    accepting: Pin<&'a mut F>,
}

impl<F> Sharing<'_, F> {
    fn share(&self) -> MutexGuard<'_, Share> {
        self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future> Future for Sharing<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut began = Instant::now();
        // Others who waited for the same moment may have been faster.
        loop {
            let Some(until) = self.share().used_up_until().filter(|until| *until > began) else { break };
            self.wait.as_mut().reset(until);
            ready!(self.wait.as_mut().poll(context));
            began = Instant::now();
        }
        let step = self.accepting.as_mut().poll(context);
        let ended = Instant::now();
        self.share().spend((ended - began).min(LONGEST_STEP), ended);
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many handshakes, one after another, of which each takes so long and has two steps.
    async fn handshakes(share: &Mutex<Share>, count: usize, took: Duration) {
        for _ in 0..count {
            let accepting = pin!(tokio::time::advance(took));
            Sharing { share, wait: pin!(sleep_until(Instant::now())), accepting }.await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_have_half_of_the_time() {
        let (share, began) = (Mutex::default(), Instant::now());
        handshakes(&share, 1_000, Duration::from_millis(5)).await;
        let of_the_time = 5.0 / began.elapsed().as_secs_f64();
        assert!((0.49..0.51).contains(&of_the_time), "{of_the_time}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_for_an_hour_is_a_short_burst_and_no_more() {
        let share = Mutex::default();
        handshakes(&share, 1, BURST).await;
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let began = Instant::now();
        handshakes(&share, 100, Duration::from_millis(1)).await;
        let took = began.elapsed();
        assert!((Duration::from_millis(185)..=Duration::from_millis(200)).contains(&took), "{took:?}");
    }
}
