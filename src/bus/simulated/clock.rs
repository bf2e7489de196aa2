//! The simulated wire's clock: virtual time, which may be held to the real one.

use std::rc::Rc;

use embedded_hal::blocking::delay::DelayUs;

use super::wire::Shared;
use crate::bus::onewire::bit_bang::Clock;

const US: u64 = 1_000;

/// The wire's clock. Held to the real one, a sleep takes its real time.
#[derive(Clone, Debug)]
pub struct WireClock {
    wire: Shared,
    /// The real moment at which the virtual time was zero; `None` for virtual time alone.
    real: Option<std::time::Instant>,
}

impl WireClock {
    /// Virtual time alone: a sleep costs nothing.
    pub fn virtual_time(wire: &Shared) -> Self {
        WireClock { wire: Rc::clone(wire), real: None }
    }

    /// Virtual time that follows the real one: [`WireClock::catch_up`] brings it forward, a sleep waits
    /// for the real one.
    pub fn real_time(wire: &Shared) -> Self {
        let now = std::time::Duration::from_nanos(wire.borrow().now);
        let started = std::time::Instant::now();
        WireClock { wire: Rc::clone(wire), real: Some(started.checked_sub(now).unwrap_or(started)) }
    }

    /// Lets the virtual time pass that has really passed.
    pub fn catch_up(&self) {
        if let Some(real) = self.real {
            self.wire.borrow_mut().skip_to(real.elapsed().as_nanos() as u64);
        }
    }
}

impl Clock for WireClock {
    fn now(&self) -> u64 {
        let mut wire = self.wire.borrow_mut();
        let cost = wire.costs.clock;
        wire.work(cost);
        wire.now
    }

    fn spin_until(&self, moment: u64) {
        let wire = &mut *self.wire.borrow_mut();
        wire.now = wire.faults.stalls.wait(wire.now, moment, &mut wire.random);
    }

    fn sleep_until(&self, moment: u64) {
        self.wire.borrow_mut().skip_to(moment);
        if let Some(real) = self.real {
            let left = std::time::Duration::from_nanos(moment).saturating_sub(real.elapsed());
            std::thread::sleep(left);
        }
    }
}

/// Plain delays, for driving the bare crates.
impl DelayUs<u16> for WireClock {
    fn delay_us(&mut self, us: u16) {
        let moment = self.now() + u64::from(us) * US;
        self.spin_until(moment);
    }
}
