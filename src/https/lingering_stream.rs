//! A TLS stream that its peer cannot hold open by not reading, and whose end lets a peer read the last answer
//! (nginx calls that lingering_close).

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that its peer cannot hold open by not reading.
pub struct LingeringStream<S> {
    inner: S,
    patience: Patience,
    linger: Duration,
    /// Runs from the first write that found no room until everything written has left.
    leaving: Option<Pin<Box<Sleep>>>,
    /// Runs once our side is closed.
    lingering: Option<Pin<Box<Sleep>>>,
    reads: Reads,
}

/// Whether a stream was read from. A request that comes without a read was sent before the last one was answered:
/// pipelined.
#[derive(Clone, Default)]
pub struct Reads(Arc<AtomicBool>);

impl Reads {
    /// Whether it was read from since this was last asked.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// How long what is written may take to leave.
#[derive(Clone)]
pub struct Patience(Arc<AtomicU64>);

impl Patience {
    fn new(limit: Duration) -> Patience {
        let patience = Patience(Arc::default());
        patience.set(limit);
        patience
    }

    /// It may take so long from now on.
    pub fn set(&self, limit: Duration) {
        self.0.store(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> LingeringStream<S> {
    /// What is written must have left after `answer`: a slow reader gets the same time for its whole
    /// answer as one that reads nothing. Once our side is closed, what still comes is thrown away
    /// until the peer closes too, for at most `linger`: closing on bytes that nobody read makes the
    /// system send a reset (RFC 9112, 9.6), which destroys the answer if it arrives first.
    pub fn new(inner: S, answer: Duration, linger: Duration) -> Self {
        let reads = Reads::default();
        let patience = Patience::new(answer);
        LingeringStream { inner, patience, linger, leaving: None, lingering: None, reads }
    }

    /// Whether it is read from, for somebody else to ask.
    pub fn reads(&self) -> Reads {
        self.reads.clone()
    }

    /// How long what is written may take to leave, for somebody else to change.
    pub fn patience(&self) -> Patience {
        self.patience.clone()
    }

    /// The outcome of a write, or an error where it has waited too long.
    fn limited<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            let limit = self.patience.limit();
            ready!(self.leaving.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads.0.store(true, Ordering::Relaxed);
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.limited(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.limited(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(context);
        if outcome.is_ready() {
            self.leaving = None;
        }
        self.limited(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            let outcome = Pin::new(&mut this.inner).poll_shutdown(context);
            ready!(this.limited(context, outcome))?;
        }
        let limit = this.linger;
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(limit)));
        let mut discarded = [0; 1024];
        while lingering.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            match ready!(Pin::new(&mut this.inner).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const ANSWER: Duration = Duration::from_secs(10);
    const LINGER: Duration = Duration::from_secs(2);

    /// Runs in virtual time.
    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(test);
    }

    #[test]
    fn who_reads_nothing_or_a_byte_a_second_is_given_up_after_the_same_time() {
        run(async {
            for every in [None, Some(Duration::from_secs(1))] {
                let (ours, mut theirs) = duplex(16);
                let mut stream = LingeringStream::new(ours, ANSWER, LINGER);
                let reader = tokio::spawn(async move {
                    while let Some(every) = every {
                        sleep(every).await;
                        if theirs.read_u8().await.is_err() {
                            break;
                        }
                    }
                    theirs
                });
                let began = Instant::now();
                let error = stream.write_all(&[0; 1000]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert_eq!(began.elapsed().as_secs(), ANSWER.as_secs(), "{every:?}");
                reader.abort();
            }
        });
    }

    #[test]
    fn the_time_starts_anew_once_everything_has_left() {
        run(async {
            let (ours, mut theirs) = duplex(16);
            let mut stream = LingeringStream::new(ours, ANSWER, LINGER);
            tokio::spawn(async move {
                let mut answer = [0; 20];
                loop {
                    sleep(ANSWER * 2 / 3).await;
                    theirs.read_exact(&mut answer).await.unwrap();
                }
            });
            for _ in 0..5 {
                stream.write_all(&[0; 20]).await.unwrap();
                stream.flush().await.unwrap();
            }
        });
    }

    #[test]
    fn the_end_waits_for_the_peers_and_not_for_ever() {
        run(async {
            let (ours, mut theirs) = duplex(16);
            let mut stream = LingeringStream::new(ours, ANSWER, LINGER);
            let peer = tokio::spawn(async move {
                theirs.write_all(&[0; 5000]).await.unwrap();
                let mut answer = Vec::new();
                theirs.read_to_end(&mut answer).await.unwrap();
                answer
            });
            stream.write_all(b"413").await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(peer.await.unwrap(), b"413");

            let (ours, theirs) = duplex(16);
            let began = Instant::now();
            LingeringStream::new(ours, ANSWER, LINGER).shutdown().await.unwrap();
            assert_eq!(began.elapsed().as_secs(), LINGER.as_secs());
            drop(theirs);
        });
    }
}
