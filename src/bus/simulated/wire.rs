//! The wire: a line that is low while anybody holds it, virtual time in nanoseconds, and the probes. A master
//! pulls, lets go and samples through a pin and waits on a clock; every edge of its is checked against the
//! datasheet's windows, and what broke one is counted.

use std::cell::RefCell;
use std::rc::Rc;

use fastrand::Rng;

use super::fault::{BrownOuts, Faults, InjectedFault, Schedule, Stalls};
use super::probe::Probe;
use super::violations::Violations;

const US: u64 = 1_000;
/// A low from which on some part may take it for a reset.
const PERHAPS_RESET: u64 = 120 * US;
/// tRSTL.
const RESET: (u64, u64) = (480 * US, 960 * US);

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

/// The wire and everything on it.
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
    pub(super) costs: Costs,
    pub(super) random: Rng,
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

    pub(super) fn work(&mut self, nanoseconds: u64) {
        self.now = self.faults.stalls.work(self.now, nanoseconds, &mut self.random);
    }

    /// An operation of the pin: it takes its time, and what it does happens somewhere within.
    pub(super) fn operate<T>(&mut self, operation: impl FnOnce(&mut Wire) -> T) -> Result<T, PinError> {
        self.operations += 1;
        let injected = self.faults.injected.filter(|(at, _)| *at == self.operations).map(|(_, what)| what);
        match injected {
            Some(InjectedFault::FailBefore) => return Err(PinError),
            Some(InjectedFault::Panic) => panic!("an injected fault"),
            Some(InjectedFault::FailAfter) | None => {}
        }
        let before = if self.costs.pin == 0 { 0 } else { self.random.u64(0..=self.costs.pin) };
        self.work(before);
        self.fail_power();
        if self.is_cut() {
            self.listening.clear();
        }
        let value = operation(self);
        self.work(self.costs.pin - before);
        if injected.is_some() { Err(PinError) } else { Ok(value) }
    }

    pub(super) fn fall(&mut self) {
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

    pub(super) fn rise(&mut self) {
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
            // A bit that is received wrongly: a zero for a one, or the other way round.
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

    pub(super) fn sample(&mut self) -> bool {
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

/// The wire, shared between its pin, its clock and the tests.
pub type Shared = Rc<RefCell<Wire>>;
