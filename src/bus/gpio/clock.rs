//! The machine's clock for slots: it spins, because a sleep of 6 µs takes 70 (measured on many machines; 16
//! at the very best), and gives its thread priority while a transaction lasts.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::realtime;
use crate::bus::onewire::bit_bang::Clock;

/// The machine's monotonic clock, in the thread that drives the pin.
pub struct RealClock {
    started: Instant,
    polls_pin: bool,
    /// Whether the thread may have priority; `None` until it was tried.
    may: Cell<Option<bool>>,
}

impl RealClock {
    /// Starts at zero. `polls_pin`: whether the pin must be looked at while waiting.
    pub fn new(polls_pin: bool) -> Self {
        RealClock { started: Instant::now(), polls_pin, may: Cell::new(None) }
    }
}

impl Clock for &RealClock {
    fn now(&self) -> u64 {
        (**self).now()
    }

    fn spin_until(&self, moment: u64) {
        (**self).spin_until(moment);
    }

    fn sleep_until(&self, moment: u64) {
        (**self).sleep_until(moment);
    }

    fn set_urgent(&self, urgent: bool) {
        (**self).set_urgent(urgent);
    }

    fn lacks_priority(&self) -> bool {
        (**self).lacks_priority()
    }

    fn polls_pin(&self) -> bool {
        self.polls_pin
    }
}

impl Clock for RealClock {
    fn now(&self) -> u64 {
        // 584 years.
        self.started.elapsed().as_nanos() as u64
    }

    fn spin_until(&self, moment: u64) {
        while self.now() < moment {
            std::hint::spin_loop();
        }
    }

    fn sleep_until(&self, moment: u64) {
        std::thread::sleep(Duration::from_nanos(moment.saturating_sub(self.now())));
    }

    /// A bus spins for 12 ms at a time, well below the 950 ms a second after which the kernel takes priority
    /// away from a thread that does not rest.
    fn set_urgent(&self, urgent: bool) {
        if self.may.get() != Some(false) {
            let granted = realtime::set_priority(urgent);
            if urgent || !granted {
                self.may.set(Some(granted));
            }
        }
    }

    fn lacks_priority(&self) -> bool {
        self.may.get() == Some(false)
    }

    fn polls_pin(&self) -> bool {
        self.polls_pin
    }
}
