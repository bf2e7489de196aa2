//! The watchdog's food: as long as the gateway answers itself, systemd gets the sign of life for which it
//! waits; else it restarts the gateway, and the log says why. A bus that fails or hangs is no reason.
//!
//! Two threads: one asks, and may be caught in whatever is wrong; the other waits for it no longer than the
//! limit, and feeds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tracing::{error, info};

use crate::chat::Scope;
use crate::https::Handle;
use crate::systemd;

/// Feeds until it is dropped.
pub struct Watchdog {
    _stop: Sender<()>,
}

/// Begins to feed, where systemd wants that.
///
/// # Errors
/// Where the system gives no threads.
pub fn start(handle: Handle) -> std::io::Result<Option<Watchdog>> {
    let Some(period) = systemd::watchdog_period() else { return Ok(None) };
    let question = move |limit| ask(&handle, limit);
    feed(period, question, systemd::feed_watchdog).map(Some)
}

/// Asks over the network as others do, and the chat itself.
fn ask(handle: &Handle, limit: Duration) -> Result<(), String> {
    handle.self_check(limit)?;
    let answered = catch_unwind(AssertUnwindSafe(|| handle.gateway().reply("status", &Scope::everything())));
    answered.map(drop).map_err(|_| String::from("the answer to `status` fails"))
}

/// Feeds twice in each period while `question` is answered within a quarter of it: so there is time for
/// another try or two before the period is over.
fn feed(
    period: Duration,
    mut question: impl FnMut(Duration) -> Result<(), String> + Send + 'static,
    mut food: impl FnMut() + Send + 'static,
) -> std::io::Result<Watchdog> {
    let limit = period / 4;
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel();
    Builder::new().name(String::from("self-question")).spawn(move || {
        // A little less than the limit, so that the reason arrives before it.
        for () in asked {
            if answer.send(question(limit * 3 / 4)).is_err() {
                return;
            }
        }
    })?;
    let (stop, stopped) = mpsc::channel();
    Builder::new().name(String::from("watchdog")).spawn(move || {
        let mut waits = false;
        let mut silent = false;
        loop {
            let began = Instant::now();
            let next = match answer_of(&ask, &answers, &mut waits, limit) {
                Ok(()) => {
                    food();
                    if std::mem::take(&mut silent) {
                        info!("the gateway answers itself again");
                    }
                    (period / 2).saturating_sub(began.elapsed())
                }
                Err(reason) => {
                    if !std::mem::replace(&mut silent, true) {
                        error!("the gateway does not answer itself: {reason}; unless it does soon, systemd restarts it");
                    }
                    limit / 4
                }
            };
            if stopped.recv_timeout(next) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    })?;
    Ok(Watchdog { _stop: stop })
}

/// Asks, unless the last question still waits for its answer, and waits for one.
fn answer_of(
    ask: &Sender<()>,
    answers: &Receiver<Result<(), String>>,
    waits: &mut bool,
    limit: Duration,
) -> Result<(), String> {
    // Where nobody takes the question, nobody answers either.
    let asked = *waits || ask.send(()).is_ok();
    *waits = asked;
    match answers.recv_timeout(limit) {
        Ok(answer) => {
            *waits = false;
            answer
        }
        Err(RecvTimeoutError::Timeout) => Err(format!("nothing within {} s", limit.as_secs_f32())),
        Err(RecvTimeoutError::Disconnected) => Err(String::from("the thread that asks has ended")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(400);
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn it_is_fed_while_the_answers_come_and_no_longer() {
        let (fed, feeds) = mpsc::channel();
        let (say, says) = mpsc::channel::<Result<(), String>>();
        let says = Mutex::new(says);
        let question = move |_| says.lock().unwrap().recv().expect("the test says something");
        let watchdog = feed(PERIOD, question, move || fed.send(Instant::now()).unwrap_or_default()).unwrap();
        for _ in 0..3 {
            say.send(Ok(())).unwrap();
            feeds.recv_timeout(PATIENCE).unwrap();
        }
        // An answer that does not come, and one that says no.
        assert!(feeds.recv_timeout(PERIOD * 2).is_err());
        say.send(Err(String::from("no"))).unwrap();
        assert!(feeds.recv_timeout(PERIOD).is_err());
        say.send(Ok(())).unwrap();
        feeds.recv_timeout(PATIENCE).expect("it is fed again once an answer comes");
        drop(watchdog);
    }

    #[test]
    fn it_is_fed_more_often_than_the_period_and_not_at_all_after_its_end() {
        let (fed, feeds) = mpsc::channel();
        let watchdog =
            feed(PERIOD, |_| Ok(()), move || fed.send(Instant::now()).unwrap_or_default()).unwrap();
        let first = feeds.recv_timeout(PATIENCE).unwrap();
        let second = feeds.recv_timeout(PATIENCE).unwrap();
        assert!(second.duration_since(first) < PERIOD, "{:?}", second.duration_since(first));
        drop(watchdog);
        while feeds.recv_timeout(PATIENCE).is_ok() {}
    }
}
