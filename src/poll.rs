//! A thread per bus: it opens the bus, measures it once every period and hands each [`Outcome`] on;
//! while the bus fails it backs off, and logs that once.
//!
//! A bus is driven from a thread of its own and never from a tokio worker, because a read from a
//! wire, a kernel file or a socket may block for ever: then only this thread is stuck, its
//! readings grow old, and their age is shown.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::bus::Bus;
use crate::host::undervoltage;
use crate::reading::{BusFault, Clock, Fault, Notice, Sampled, Stamp};

pub mod validate;

use validate::{Validated, Validator};

/// The longest wait between two tries of a bus that fails. Whoever has just fixed a wire
/// will watch for this long.
pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// After so many failures in a row a bus is opened anew.
const OPEN_AGAIN: u32 = 3;

/// What one try to measure a bus came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The bus was measured.
    Sweep {
        /// When the sweep began: a reading counts as that old, never as younger.
        at: Stamp,
        /// How long it took.
        took: Duration,
        /// Its validated readings.
        validated: Validated,
    },
    /// The bus could not be measured at all.
    Failed {
        /// When the try began.
        at: Stamp,
        /// Why.
        fault: BusFault,
    },
}

/// One bus to poll.
pub struct Job {
    /// What people call it: "bus 1".
    pub name: String,
    /// From the start of one sweep to the start of the next. A sweep that takes longer is followed
    /// by the next at once.
    pub period: Duration,
    /// Opens it; called in its thread, and again after the bus has panicked or could not be opened.
    pub open: Box<dyn FnMut() -> Result<Box<dyn Bus>, BusFault> + Send>,
    /// Takes what each try came to.
    pub report: Box<dyn FnMut(Outcome) + Send>,
}

/// A running thread. Dropping it leaves it running; [`stop`] ends it.
pub struct BusThread {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until `deadline`, or until it is time to stop; says which.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if *stopped || left.is_zero() {
                return *stopped;
            }
            stopped = self.changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Starts a bus's thread.
///
/// # Errors
/// Where the system gives no thread.
pub fn start(job: Job, clock: &Clock) -> std::io::Result<BusThread> {
    let stop = Arc::new(Stop::default());
    let (clock, stopped) = (Arc::clone(clock), Arc::clone(&stop));
    let thread = Builder::new().name(job.name.clone()).spawn(move || poll(job, &clock, &stopped))?;
    Ok(BusThread { stop, thread })
}

/// Ends every one of these threads after the sweep it is in, and waits for that, but no longer than
/// `patience`, because a stuck bus must not block the end for ever. Returns whether all ended.
pub fn stop(threads: impl IntoIterator<Item = BusThread>, patience: Duration) -> bool {
    let (ended, all_ended) = std::sync::mpsc::channel::<()>();
    let threads: Vec<BusThread> = threads.into_iter().collect();
    threads.iter().for_each(|thread| thread.stop.stop());
    for thread in threads {
        let ended = ended.clone();
        // Without a thread to wait in there is nothing to wait with; the patience below holds.
        let waiter = Builder::new().spawn(move || {
            // A bus thread catches its panics, so an error here carries no information.
            drop(thread.thread.join());
            drop(ended);
        });
        drop(waiter);
    }
    drop(ended);
    // The channel carries nothing: it closes when the last thread has ended.
    all_ended.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
}

fn poll(job: Job, clock: &Clock, stop: &Stop) {
    let mut poller = Poller { job, bus: None, validator: Validator::default(), failures: 0, logged: None };
    loop {
        let began = Instant::now();
        // Whatever panics, in the driver or around it, the thread goes on.
        let wait = catch_unwind(AssertUnwindSafe(|| poller.step(clock))).unwrap_or_else(|_| {
            poller.bus = None;
            LONGEST_BACK_OFF.max(poller.job.period)
        });
        if stop.wait_until(began + wait) {
            return;
        }
    }
}

/// What a bus's thread knows from one sweep to the next.
struct Poller {
    job: Job,
    bus: Option<Box<dyn Bus>>,
    validator: Validator,
    failures: u32,
    logged: Option<String>,
}

impl Poller {
    /// Measures the bus once, hands on what that came to, and returns the time from its start to the next.
    fn step(&mut self, clock: &Clock) -> Duration {
        let (began, at) = (Instant::now(), clock());
        match self.measure() {
            Ok(mut validated) => {
                if self.logged.take().is_some() {
                    info!(bus = self.job.name, "the bus works again");
                }
                self.failures = 0;
                let resets = |sampled: &Sampled| sampled.counts.resets > 0;
                if validated.probes.iter().any(resets)
                    && undervoltage::too_low(Path::new(undervoltage::HWMON)) == Some(true)
                {
                    validated.notices.push(Notice::UnderVoltage);
                }
                (self.job.report)(Outcome::Sweep { at, took: began.elapsed(), validated });
                self.job.period
            }
            Err(fault) => {
                if self.logged.as_ref() != Some(&fault.detail) {
                    warn!(bus = self.job.name, "{}", fault.detail);
                    self.logged = Some(fault.detail.clone());
                }
                (self.job.report)(Outcome::Failed { at, fault });
                self.failures = self.failures.saturating_add(1);
                if self.failures.is_multiple_of(OPEN_AGAIN) {
                    // A USB adapter or chip that was pulled comes back as another device.
                    self.bus = None;
                }
                back_off(self.job.period, self.failures)
            }
        }
    }

    fn measure(&mut self) -> Result<Validated, BusFault> {
        let measured = catch_unwind(AssertUnwindSafe(|| {
            let bus = match &mut self.bus {
                Some(bus) => bus,
                none => none.insert((self.job.open)()?),
            };
            self.validator.measure(bus.as_mut())
        }));
        measured.unwrap_or_else(|_| {
            self.bus = None;
            Err(BusFault {
                fault: Fault::Bus,
                detail: String::from("the driver panicked; it is being reopened"),
            })
        })
    }
}

/// The period, doubled for each failure in a row, up to [`LONGEST_BACK_OFF`] or the period itself,
/// whichever is longer.
fn back_off(period: Duration, failures: u32) -> Duration {
    let doubled = period.saturating_mul(1 << failures.min(16).saturating_sub(1));
    doubled.min(LONGEST_BACK_OFF.max(period))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Sweep;

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_never_falls_below_the_period() {
        let seconds = Duration::from_secs;
        let waits: Vec<_> = (1..=5).map(|failures| back_off(seconds(10), failures)).collect();
        assert_eq!(waits, [10, 20, 40, 60, 60].map(seconds));
        assert_eq!(back_off(seconds(300), 9), seconds(300));
        assert_eq!(back_off(seconds(10), u32::MAX), seconds(60));
    }

    /// A bus that works, fails, panics and then hangs, in that order.
    struct Script {
        step: u32,
        hanging: std::sync::mpsc::Sender<()>,
        never: std::sync::mpsc::Receiver<()>,
    }

    impl Bus for Script {
        fn measure(&mut self) -> Result<Sweep, BusFault> {
            self.step += 1;
            match self.step {
                1 => Ok(Sweep::default()),
                2 => Err(BusFault { fault: Fault::Shorted, detail: String::from("held low") }),
                3 => panic!("a bug in a driver"),
                _ => {
                    let _told = self.hanging.send(());
                    let _never = self.never.recv();
                    Ok(Sweep::default())
                }
            }
        }
    }

    #[test]
    fn a_failure_a_panic_and_a_hang_stay_with_their_bus_and_the_end_waits_for_no_hung_one() {
        let (outcomes, seen) = std::sync::mpsc::channel();
        let (hanging, hangs) = std::sync::mpsc::channel();
        let (release, never) = std::sync::mpsc::channel();
        let first = Script { step: 0, hanging: hanging.clone(), never: std::sync::mpsc::channel().1 };
        let mut scripts = vec![Script { step: 3, hanging, never }, first];
        let job = Job {
            name: String::from("bus 1"),
            period: Duration::from_millis(1),
            open: Box::new(move || {
                let Some(script) = scripts.pop() else {
                    return Err(BusFault { fault: Fault::Bus, detail: String::from("gone") });
                };
                Ok(Box::new(script))
            }),
            report: Box::new(move |outcome| {
                // The test may have ended already.
                drop(outcomes.send(outcome));
            }),
        };
        let clock: Clock = Arc::new(|| Stamp { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH });
        let thread = start(job, &clock).unwrap();
        assert!(matches!(seen.recv().unwrap(), Outcome::Sweep { .. }));
        let Outcome::Failed { fault, .. } = seen.recv().unwrap() else { panic!("a failure was due") };
        assert_eq!(fault.fault, Fault::Shorted);
        let Outcome::Failed { fault, .. } = seen.recv().unwrap() else { panic!("a panic was due") };
        assert_eq!(fault.fault, Fault::Bus);
        hangs.recv().unwrap();
        assert!(!stop([thread], Duration::from_millis(20)), "the bus hangs in its next sweep");
        drop(release);
    }

    #[test]
    fn a_bus_that_fails_again_and_again_is_opened_anew_and_a_panic_outside_the_driver_ends_nothing() {
        /// Measures as often as it says, and fails from then on: an adapter that was pulled.
        struct Adapter(u32);
        impl Bus for Adapter {
            fn measure(&mut self) -> Result<Sweep, BusFault> {
                if self.0 == 0 {
                    return Err(BusFault { fault: Fault::Bus, detail: String::from("no such device") });
                }
                self.0 -= 1;
                Ok(Sweep::default())
            }
        }
        let (outcomes, seen) = std::sync::mpsc::channel();
        let mut panics = 1;
        let mut poller = Poller {
            job: Job {
                name: String::from("bus 1"),
                period: Duration::from_millis(1),
                open: Box::new(|| Ok(Box::new(Adapter(2)))),
                report: Box::new(move |outcome| {
                    outcomes.send(matches!(outcome, Outcome::Sweep { .. })).unwrap();
                    if panics > 0 {
                        panics -= 1;
                        panic!("a bug around the driver");
                    }
                }),
            },
            bus: None,
            validator: Validator::default(),
            failures: 0,
            logged: None,
        };
        let clock: Clock = Arc::new(|| Stamp { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH });
        for _ in 0..7 {
            // What the thread's loop does.
            let _panicked = catch_unwind(AssertUnwindSafe(|| poller.step(&clock)));
        }
        let worked: Vec<bool> = seen.try_iter().collect();
        assert_eq!(worked, [true, true, false, false, false, true, true]);
    }
}
