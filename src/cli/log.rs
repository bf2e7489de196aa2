//! The log: lines to the standard error, with a time unless systemd's journal adds its own. A thread of its own writes
//! them, because whoever reads may stop reading: then lines are dropped and counted, and nobody waits.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use tracing_subscriber::filter::LevelFilter;

/// Lines that wait to be written.
const WAITING: usize = 1_024;
/// At the end of the program, for the lines that wait.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Keeps the log going; at its end the lines that wait are written.
pub struct Log {
    lines: Option<Lines>,
    ended: Receiver<()>,
}

/// Takes lines in, and never waits.
#[derive(Clone)]
struct Lines {
    queue: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(line.to_vec()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log.
///
/// # Errors
/// Where the system gives no thread.
pub fn start() -> io::Result<Log> {
    let (queue, waiting) = sync_channel(WAITING);
    let (ends, ended) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let lines = Lines { queue, dropped: Arc::clone(&dropped) };
    Builder::new().name(String::from("log")).spawn(move || {
        write(&waiting, &dropped, &mut io::stderr());
        drop(ends);
    })?;
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_target(false)
        .log_internal_errors(false)
        .with_max_level(LevelFilter::INFO)
        .with_ansi(AutoStream::choice(&io::stderr()) != ColorChoice::Never);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
    // A panic is our own fault: it is logged like everything else, and the thread that caught it goes on.
    std::panic::set_hook(Box::new(|panic| tracing::error!("a bug: {panic}")));
    Ok(Log { lines: Some(lines), ended })
}

/// Writes line after line until nobody can send another one; an empty one is the end. A reader that has gone loses what
/// it would have read.
fn write(lines: &Receiver<Vec<u8>>, dropped: &AtomicU64, output: &mut impl Write) {
    for line in lines {
        if line.is_empty() {
            return;
        }
        drop(output.write_all(&line));
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            drop(writeln!(output, "{dropped} lines of the log were dropped, because nobody read them"));
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // The subscriber keeps a sender for ever, so the end is a message.
        let Some(lines) = self.lines.take() else { return };
        if lines.queue.try_send(Vec::new()).is_ok() {
            let waited = self.ended.recv_timeout(LAST_LINES);
            debug_assert_ne!(waited, Ok(()), "nothing is ever sent");
            let _is_written = waited == Err(RecvTimeoutError::Disconnected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_makes_nobody_wait_and_is_told_how_much_was_dropped() {
        let (queue, waiting) = sync_channel(2);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut lines = Lines { queue, dropped: Arc::clone(&dropped) };
        for number in 0..10 {
            lines.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        drop(lines);
        let mut written = Vec::new();
        write(&waiting, &dropped, &mut written);
        let written = String::from_utf8(written).unwrap();
        assert!(written.starts_with("line 0\n"), "{written}");
        assert!(
            written.contains("lines of the log were dropped") && written.lines().count() <= 4,
            "{written}"
        );
    }
}
