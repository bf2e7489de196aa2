//! Pings systemd's watchdog while the self-check passes; else systemd restarts the gateway, and the log says why.
//! A bus that fails or is stuck is no reason.
//!
//! Two threads: one runs the check and may block; the other enforces the deadline and pings.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tracing::{error, info};

use crate::chat::{Asker, Rights};
use crate::https;
use crate::mattermost::Mattermost;
use crate::systemd;

/// Pings until it is dropped.
pub struct Watchdog {
    _stop: Sender<()>,
}

/// Starts pinging, where systemd wants that.
///
/// # Errors
/// Where the system gives no threads.
pub fn start(server: https::Handle, mattermost: Arc<Mattermost>) -> std::io::Result<Option<Watchdog>> {
    let Some(period) = systemd::watchdog_period() else { return Ok(None) };
    let check = move |limit| check(&server, &mattermost, limit);
    run(period, check, systemd::ping_watchdog).map(Some)
}

/// Checks the way over the network, and the chat itself.
fn check(server: &https::Handle, mattermost: &Mattermost, limit: Duration) -> Result<(), String> {
    server.self_check(limit)?;
    let asker = Asker::local(Rights::Read);
    let answered = catch_unwind(AssertUnwindSafe(|| mattermost.chat().reply("status", &asker)));
    answered.map(drop).map_err(|_| String::from("the answer to `status` fails"))
}

/// Pings twice in each period while `check` passes within a quarter of it: so there is time for another try or
/// two before the period is over.
fn run(
    period: Duration,
    mut check: impl FnMut(Duration) -> Result<(), String> + Send + 'static,
    mut ping: impl FnMut() + Send + 'static,
) -> std::io::Result<Watchdog> {
    let limit = period / 4;
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel();
    Builder::new().name(String::from("self-check")).spawn(move || {
        // A little less than the limit, so that the reason arrives before it.
        for () in asked {
            if answer.send(check(limit * 3 / 4)).is_err() {
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
                    ping();
                    if std::mem::take(&mut silent) {
                        info!("the self-check passes again");
                    }
                    (period / 2).saturating_sub(began.elapsed())
                }
                Err(reason) => {
                    if !std::mem::replace(&mut silent, true) {
                        error!("the self-check fails: {reason}; unless it passes soon, systemd restarts the gateway");
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

/// Starts a check, unless the last one still runs, and waits for its result.
fn answer_of(
    ask: &Sender<()>,
    answers: &Receiver<Result<(), String>>,
    waits: &mut bool,
    limit: Duration,
) -> Result<(), String> {
    // Where the thread has ended, no result will come.
    let asked = *waits || ask.send(()).is_ok();
    *waits = asked;
    match answers.recv_timeout(limit) {
        Ok(answer) => {
            *waits = false;
            answer
        }
        Err(RecvTimeoutError::Timeout) => Err(format!("nothing within {} s", limit.as_secs_f32())),
        Err(RecvTimeoutError::Disconnected) => Err(String::from("the thread of the self-check has ended")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(400);
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn it_is_pinged_while_the_checks_pass_and_no_longer() {
        let (pinged, pings) = mpsc::channel();
        let (say, says) = mpsc::channel::<Result<(), String>>();
        let says = Mutex::new(says);
        let check = move |_| says.lock().unwrap().recv().expect("the test says something");
        let watchdog = run(PERIOD, check, move || pinged.send(Instant::now()).unwrap_or_default()).unwrap();
        for _ in 0..3 {
            say.send(Ok(())).unwrap();
            pings.recv_timeout(PATIENCE).unwrap();
        }
        // An answer that does not come, and one that says no.
        assert!(pings.recv_timeout(PERIOD * 2).is_err());
        say.send(Err(String::from("no"))).unwrap();
        assert!(pings.recv_timeout(PERIOD).is_err());
        say.send(Ok(())).unwrap();
        pings.recv_timeout(PATIENCE).expect("it is pinged again once a check passes");
        drop(watchdog);
    }

    #[test]
    fn it_is_pinged_more_often_than_the_period_and_not_at_all_after_its_end() {
        let (pinged, pings) = mpsc::channel();
        let watchdog =
            run(PERIOD, |_| Ok(()), move || pinged.send(Instant::now()).unwrap_or_default()).unwrap();
        let times: Vec<Instant> = (0..6).map(|_| pings.recv_timeout(PATIENCE).unwrap()).collect();
        // A machine that is busy delays one of them or another.
        let shortest = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).min().unwrap();
        assert!(shortest < PERIOD, "{times:?}");
        drop(watchdog);
        while pings.recv_timeout(PATIENCE).is_ok() {}
    }
}
