//! The wire: a line that is low while anybody holds it, virtual time in nanoseconds, and the probes.
//! A master pulls, lets go and samples through [`WirePin`] and waits on [`WireClock`]; every edge of
//! its is judged against the datasheet's windows, and what broke one is counted as the truth that a
//! driver's own judgement is compared with.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_hal::blocking::delay::DelayUs;
use embedded_hal::digital::v2::{InputPin, OutputPin};
use fastrand::Rng;

use super::fault::{BrownOuts, Faults, Sabotage, Schedule, Stalls};
use super::probe::Probe;
use crate::bus::onewire::pin::Clock;

const US: u64 = 1_000;
/// A low from which on some part may take it for a reset.
const PERHAPS_RESET: u64 = 120 * US;
/// tRSTL.
const RESET: (u64, u64) = (480 * US, 960 * US);

/// How many of the master's edges and samples broke which window of the datasheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// tLOW0, tLOW1, tRSTL: the line was low too long or not long enough.
    pub low: u64,
    /// tRDV: a one was sampled when the probe may have let go already.
    pub read: u64,
    /// tPDH, tPDL: no presence was sampled when it may have been over.
    pub presence: u64,
    /// tREC: the next slot began too soon after the last one.
    pub recovery: u64,
    /// tSLOT, tRSTH: the last slot, or the time after a reset, was too short.
    pub slot: u64,
}

impl Violations {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.low + self.read + self.presence + self.recovery + self.slot
    }
}

/// What the wire's computer costs, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// An operation of the pin; its edge lies somewhere within.
    pub pin: u64,
    /// Looking at the clock.
    pub clock: u64,
}

impl Default for Costs {
    /// A pin of 0.1 µs and a clock of 40 ns.
    fn default() -> Self {
        Costs { pin: 100, clock: 40 }
    }
}

/// The wire and all that hangs on it.
#[derive(Debug)]
pub struct Wire {
    /// The virtual time.
    pub now: u64,
    /// The probes. Those that are not plugged in do not count.
    pub probes: Vec<Probe>,
    /// What is wrong with it.
    pub faults: Faults,
    /// Which windows were broken so far.
    pub violations: Violations,
    /// How many operations of the pin there were.
    pub operations: u64,
    /// How many resets there were.
    pub resets: u64,
    costs: Costs,
    random: Rng,
    /// The probes that still listen, by their index: after a ROM command that is one of many.
    listening: Vec<usize>,
    pulled: bool,
    fell: u64,
    rose: u64,
    /// The slot in progress, as it truly is.
    after_reset: bool,
    read_slot: bool,
    sampled: bool,
}

impl Wire {
    /// A wire with those probes. The seed decides everything that is left to chance.
    pub fn new(probes: Vec<Probe>, costs: Costs, seed: u64) -> Self {
        Wire {
            now: 10_000 * US,
            probes,
            faults: Faults::default(),
            violations: Violations::default(),
            operations: 0,
            resets: 0,
            costs,
            random: Rng::with_seed(seed),
            listening: Vec::new(),
            pulled: false,
            fell: 0,
            rose: 0,
            after_reset: false,
            read_slot: false,
            sampled: true,
        }
    }

    /// From now on the computer stalls.
    pub fn stall(&mut self, stalls: Stalls) {
        self.faults.stalls = Schedule::new(stalls, self.now, &mut self.random);
    }

    /// From now on so many times a second one of the probes loses its power for a moment.
    pub fn brown_out(&mut self, per_second: f64) {
        self.faults.brown_outs = BrownOuts::new(per_second, self.now, &mut self.random);
    }

    /// Lets the failures of power happen whose time has come.
    fn fail_power(&mut self) {
        while let Some(at) = self.faults.brown_outs.take(self.now, &mut self.random) {
            let index = self.random.usize(..self.probes.len());
            self.probes[index].brown_out(at, &mut self.random);
        }
    }

    fn is_cut(&self) -> bool {
        self.faults.cut_from.is_some_and(|from| self.now >= from)
    }

    /// Whether the master holds the line low.
    pub fn is_pulled(&self) -> bool {
        self.pulled
    }

    fn is_high(&self) -> bool {
        let stuck = self.faults.stuck_low_from.is_some_and(|from| self.now >= from);
        !self.pulled && !stuck && !self.listening.iter().any(|&index| self.probes[index].holds(self.now))
    }

    fn work(&mut self, nanoseconds: u64) {
        self.now = self.faults.stalls.work(self.now, nanoseconds, &mut self.random);
    }

    /// An operation of the pin: it takes its time, and what it does happens somewhere within.
    fn operate<T>(&mut self, operation: impl FnOnce(&mut Wire) -> T) -> Result<T, PinError> {
        self.operations += 1;
        let sabotage = self.faults.sabotage.filter(|(at, _)| *at == self.operations).map(|(_, what)| what);
        match sabotage {
            Some(Sabotage::FailBefore) => return Err(PinError),
            Some(Sabotage::Panic) => panic!("sabotage"),
            Some(Sabotage::FailAfter) | None => {}
        }
        let before = if self.costs.pin == 0 { 0 } else { self.random.u64(0..=self.costs.pin) };
        self.work(before);
        self.fail_power();
        if self.is_cut() {
            self.listening.clear();
        }
        let value = operation(self);
        self.work(self.costs.pin - before);
        if sabotage.is_some() { Err(PinError) } else { Ok(value) }
    }

    fn fall(&mut self) {
        if self.pulled {
            return;
        }
        self.judge_gap();
        self.pulled = true;
        self.fell = self.now;
        self.after_reset = false;
        self.read_slot = false;
        self.sampled = false;
        for &index in &self.listening {
            self.read_slot |= self.probes[index].falling(self.now, &mut self.random);
        }
    }

    /// Judges the time between the last slot and the one that begins now.
    fn judge_gap(&mut self) {
        if self.rose == 0 {
            return;
        }
        let held = self.listening.iter().map(|&index| self.probes[index].holds_until());
        let high_since = held.filter(|until| *until <= self.now).max().unwrap_or(0).max(self.rose);
        if self.now < high_since + US {
            self.violations.recovery += 1;
        }
        let earliest = if self.after_reset { self.rose + RESET.0 } else { self.fell + 60 * US };
        if self.now < earliest {
            self.violations.slot += 1;
        }
    }

    fn rise(&mut self) {
        if !self.pulled {
            return;
        }
        self.pulled = false;
        let low = self.now - self.fell;
        self.rose = self.now;
        self.after_reset = low >= RESET.0;
        self.judge_low(low);
        if low >= PERHAPS_RESET && !self.is_cut() {
            self.listening.clear();
            self.listening.extend((0..self.probes.len()).filter(|&index| self.probes[index].plugged));
        }
        for &index in &self.listening {
            let noisy = self.faults.noise_at_probes > 0.0 && self.random.f64() < self.faults.noise_at_probes;
            // A bit that is heard wrongly: a zero for a one, or the other way round.
            let low = match (noisy, low < PERHAPS_RESET) {
                (true, true) if low > 30 * US => US,
                (true, true) => 60 * US,
                _ => low,
            };
            self.probes[index].rising(self.now, low, &mut self.random);
        }
        if self.after_reset {
            self.resets += 1;
            if self.faults.missing_presence.contains(&self.resets) {
                self.listening.clear();
            }
        }
        let (probes, now) = (&self.probes, self.now);
        self.listening.retain(|&index| !probes[index].is_deaf() || probes[index].holds_until() > now);
    }

    /// Judges how long the line was low: a zero, a one or a read, a reset, or nothing of it.
    fn judge_low(&mut self, low: u64) {
        let in_window = match low {
            0..=15_000 => true,
            60_000..=120_000 => !self.read_slot,
            _ => (RESET.0..=RESET.1).contains(&low),
        };
        if !in_window {
            self.violations.low += 1;
            // Whatever is sampled in this slot belongs to a slot that was judged already.
            self.sampled = true;
        }
    }

    fn sample(&mut self) -> bool {
        let high = self.is_high();
        if high && !self.sampled && self.rose > 0 && !self.pulled {
            if self.after_reset && self.now > self.rose + 75 * US {
                self.violations.presence += 1;
            } else if self.read_slot && self.now > self.fell + 15 * US {
                self.violations.read += 1;
            }
        }
        self.sampled = true;
        high != (self.faults.noise > 0.0 && self.random.f64() < self.faults.noise)
    }

    /// Lets time pass without anybody doing anything, and without stalls.
    pub fn skip_to(&mut self, moment: u64) {
        self.now = self.now.max(moment);
        self.faults.stalls.skip_to(self.now, &mut self.random);
    }
}

/// The pin failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinError;

/// The wire, shared between its pin, its clock and whoever looks at it.
pub type Shared = Rc<RefCell<Wire>>;

/// The master's pin: open drain.
#[derive(Clone, Debug)]
pub struct WirePin(pub Shared);

impl OutputPin for WirePin {
    type Error = PinError;

    fn set_low(&mut self) -> Result<(), PinError> {
        self.0.borrow_mut().operate(Wire::fall)
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        self.0.borrow_mut().operate(Wire::rise)
    }
}

impl InputPin for WirePin {
    type Error = PinError;

    fn is_high(&self) -> Result<bool, PinError> {
        self.0.borrow_mut().operate(Wire::sample)
    }

    fn is_low(&self) -> Result<bool, PinError> {
        self.is_high().map(|high| !high)
    }
}

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
