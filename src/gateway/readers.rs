//! Who reads the past: a few at once, each in a thread of its own, because they share one file and wait for the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A question about the past waits so long for those before it …
const TURN: Duration = Duration::from_secs(5);
/// … and so long for the disk: Mattermost and the shell wait for 30 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the past was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Others are reading it.
    Busy,
    /// The disk takes too long.
    Slow,
}

/// Those who read the past.
#[derive(Clone)]
pub struct Readers(Arc<Semaphore>);

impl Readers {
    /// So many at once.
    pub fn new(at_once: usize) -> Readers {
        Readers(Arc::new(Semaphore::new(at_once)))
    }

    /// Has that done once it is its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let waited = timeout(TURN, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = waited else { return Err(Unread::Busy) };
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        // Its thread may go on; nobody else gets its turn until it has ended.
        timeout(PATIENCE, working).await.ok().and_then(Result::ok).ok_or(Unread::Slow)
    }
}
