//! A thread per bus: it opens the bus, measures it once every period and hands each [`Outcome`] on;
//! while the bus fails it waits longer and longer, and says so once.
//!
//! A bus is driven from a thread of its own and never from a tokio worker, because a read from a
//! wire, a kernel file or a socket may hang for ever: then this thread hangs and nobody else, its
//! readings grow old, and everybody can see their age.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::bus::{Bus, BusError};
use crate::reading::{Clock, Fault, Remark, Sampled, Stamp};

pub mod trust;
pub mod voltage;

use trust::{Calibrations, Judged, Trust};

/// The longest wait between two tries of a bus that fails. Somebody who has just mended a wire
/// watches for this long.
pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// What one try to measure a bus came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The bus was measured.
    Sweep {
        /// When the sweep began: a reading counts as that old, never as younger.
        at: Stamp,
        /// How long it took.
        took: Duration,
        /// What is believed of each probe.
        judged: Judged,
    },
    /// The bus could not be measured at all.
    Failed {
        /// When the try began.
        at: Stamp,
        /// Why.
        error: BusError,
    },
}

/// One bus to poll.
pub struct Polled {
    /// What people call it: "bus 1".
    pub name: String,
    /// From the start of one sweep to the start of the next. A sweep that takes longer is followed
    /// by the next at once.
    pub period: Duration,
    /// Opens it; called in its thread, and again after the bus has panicked or could not be opened.
    pub open: Box<dyn FnMut() -> Result<Box<dyn Bus>, BusError> + Send>,
    /// How each probe's values are corrected.
    pub calibrations: Arc<Calibrations>,
    /// Takes what each try came to.
    pub report: Box<dyn FnMut(Outcome) + Send>,
}

/// A running thread. Dropping it leaves it running; [`stop`] ends it.
pub struct Poller {
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
pub fn start(bus: Polled, clock: &Clock) -> std::io::Result<Poller> {
    let stop = Arc::new(Stop::default());
    let (clock, stopped) = (Arc::clone(clock), Arc::clone(&stop));
    let thread = Builder::new().name(bus.name.clone()).spawn(move || poll(bus, &clock, &stopped))?;
    Ok(Poller { stop, thread })
}

/// Ends every one of these threads after the sweep it is in, and waits for that, but no longer than
/// `patience`: a bus that hangs must keep nobody waiting for ever. Returns whether all ended.
pub fn stop(pollers: impl IntoIterator<Item = Poller>, patience: Duration) -> bool {
    let (ended, all_ended) = std::sync::mpsc::channel::<()>();
    let pollers: Vec<Poller> = pollers.into_iter().collect();
    pollers.iter().for_each(|poller| poller.stop.stop());
    for poller in pollers {
        let ended = ended.clone();
        // Without a thread to wait in there is nothing to wait with; the patience below holds.
        let waiter = Builder::new().spawn(move || {
            // A bus thread catches its panics, so an error here carries nothing to tell.
            drop(poller.thread.join());
            drop(ended);
        });
        drop(waiter);
    }
    drop(ended);
    // The channel carries nothing: it closes when the last thread has ended.
    all_ended.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
}

fn poll(mut polled: Polled, clock: &Clock, stop: &Stop) {
    let mut bus: Option<Box<dyn Bus>> = None;
    let mut trust = Trust::new(Arc::clone(&polled.calibrations));
    let mut failures: u32 = 0;
    let mut said: Option<String> = None;
    loop {
        let (began, at) = (Instant::now(), clock());
        let measured = catch_unwind(AssertUnwindSafe(|| {
            let bus = match &mut bus {
                Some(bus) => bus,
                none => none.insert((polled.open)()?),
            };
            trust.measure(bus.as_mut())
        }));
        let result = measured.unwrap_or_else(|_| {
            bus = None;
            Err(BusError { fault: Fault::Bus, detail: String::from("the driver failed; it is started anew") })
        });
        let wait = match result {
            Ok(mut judged) => {
                if said.take().is_some() {
                    info!(bus = polled.name, "the bus works again");
                }
                failures = 0;
                let resets = |sampled: &Sampled| sampled.counts.resets > 0;
                if judged.probes.iter().any(resets)
                    && voltage::too_low(Path::new(voltage::HWMON)) == Some(true)
                {
                    judged.remarks.push(Remark::UnderVoltage);
                }
                (polled.report)(Outcome::Sweep { at, took: began.elapsed(), judged });
                polled.period
            }
            Err(error) => {
                if said.as_ref() != Some(&error.detail) {
                    warn!(bus = polled.name, "{}", error.detail);
                    said = Some(error.detail.clone());
                }
                (polled.report)(Outcome::Failed { at, error });
                failures = failures.saturating_add(1);
                back_off(polled.period, failures)
            }
        };
        if stop.wait_until(began + wait) {
            return;
        }
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
        fn measure(&mut self) -> Result<Sweep, BusError> {
            self.step += 1;
            match self.step {
                1 => Ok(Sweep::default()),
                2 => Err(BusError { fault: Fault::Shorted, detail: String::from("held low") }),
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
        let polled = Polled {
            name: String::from("bus 1"),
            period: Duration::from_millis(1),
            open: Box::new(move || {
                let Some(script) = scripts.pop() else {
                    return Err(BusError { fault: Fault::Bus, detail: String::from("gone") });
                };
                Ok(Box::new(script))
            }),
            calibrations: Arc::default(),
            report: Box::new(move |outcome| {
                // The test may have ended already.
                drop(outcomes.send(outcome));
            }),
        };
        let clock: Clock = Arc::new(|| Stamp { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH });
        let poller = start(polled, &clock).unwrap();
        assert!(matches!(seen.recv().unwrap(), Outcome::Sweep { .. }));
        let Outcome::Failed { error, .. } = seen.recv().unwrap() else { panic!("a failure was due") };
        assert_eq!(error.fault, Fault::Shorted);
        let Outcome::Failed { error, .. } = seen.recv().unwrap() else { panic!("a panic was due") };
        assert_eq!(error.fault, Fault::Bus);
        hangs.recv().unwrap();
        assert!(!stop([poller], Duration::from_millis(20)), "the bus hangs in its next sweep");
        drop(release);
    }
}
