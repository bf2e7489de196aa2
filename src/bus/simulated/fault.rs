//! What can be done to a wire: stalls of the computer, a line held low or cut, noise, power that fails for a
//! moment, a presence pulse that is missing, a pin that fails, a bug that panics.

use fastrand::Rng;

/// Pauses of the computer: Poisson, each of a length drawn between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    /// How many a second.
    pub per_second: f64,
    /// The shortest, in nanoseconds.
    pub shortest: u64,
    /// The longest, in nanoseconds.
    pub longest: u64,
}

/// When the stalls come.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    stalls: Option<Stalls>,
    next: Option<u64>,
}

impl Schedule {
    /// From `now` on, those stalls.
    pub fn new(stalls: Stalls, now: u64, random: &mut Rng) -> Self {
        let mut schedule = Schedule { stalls: Some(stalls), next: None };
        schedule.draw(now, random);
        schedule
    }

    fn draw(&mut self, now: u64, random: &mut Rng) {
        self.next = self.stalls.map(|stalls| now + interval(stalls.per_second, random));
    }

    /// The end of a piece of work of `work` nanoseconds that begins now: every stall that falls into it
    /// makes it longer.
    pub fn work(&mut self, now: u64, work: u64, random: &mut Rng) -> u64 {
        let (mut now, mut left) = (now, work);
        while let Some(begins) = self.next.filter(|next| *next < now + left) {
            let begins = begins.max(now);
            left -= begins - now;
            now = self.stall(begins, random);
        }
        now + left
    }

    /// The end of a wait until `moment`: a stall within it is lost in it, unless it lasts longer.
    pub fn wait(&mut self, now: u64, moment: u64, random: &mut Rng) -> u64 {
        let mut now = now;
        while now < moment {
            match self.next.filter(|next| *next < moment) {
                Some(begins) => now = self.stall(begins.max(now), random),
                None => now = moment,
            }
        }
        now
    }

    /// Forgets a stall that would have fallen into a time that was skipped.
    pub fn skip_to(&mut self, now: u64, random: &mut Rng) {
        if self.next.is_some_and(|next| next < now) {
            self.draw(now, random);
        }
    }

    fn stall(&mut self, begins: u64, random: &mut Rng) -> u64 {
        let length = self.stalls.map_or(0, |stalls| random.u64(stalls.shortest..=stalls.longest));
        let ends = begins + length;
        self.draw(ends, random);
        ends
    }
}

/// What an operation of the pin comes to, where it is not what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedFault {
    /// It fails before anything happened.
    FailBefore,
    /// It fails after it took effect.
    FailAfter,
    /// It panics before anything happened.
    Panic,
}

/// Moments in which one probe's power fails: Poisson.
#[derive(Clone, Debug, Default)]
pub struct BrownOuts {
    per_second: f64,
    next: Option<u64>,
}

impl BrownOuts {
    /// From `now` on, so many a second.
    pub fn new(per_second: f64, now: u64, random: &mut Rng) -> Self {
        BrownOuts { per_second, next: Some(now + interval(per_second, random)) }
    }

    /// The next one that lies before `now`.
    pub fn take(&mut self, now: u64, random: &mut Rng) -> Option<u64> {
        let at = self.next.filter(|at| *at < now)?;
        self.next = Some(at + interval(self.per_second, random));
        Some(at)
    }
}

fn interval(per_second: f64, random: &mut Rng) -> u64 {
    (-libm::log(1.0 - random.f64()) / per_second * 1e9) as u64
}

/// The faults of one wire.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The computer's pauses.
    pub stalls: Schedule,
    /// The line is held low from then on.
    pub stuck_low_from: Option<u64>,
    /// The wire is cut from then on: the resistor holds the line high, and no probe receives anything.
    pub cut_from: Option<u64>,
    /// The chance that a sample of the master's is wrong.
    pub noise: f64,
    /// The chance that a probe receives another bit than the master sends.
    pub noise_at_probes: f64,
    /// The probes' power fails for a moment.
    pub brown_outs: BrownOuts,
    /// The resets, counted from 1, whose presence pulse is missing.
    pub missing_presence: Vec<u64>,
    /// The operation of the pin, counted from 1, that goes wrong, and how.
    pub injected: Option<(u64, InjectedFault)>,
}
