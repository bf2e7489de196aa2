//! Bit-banging with time windows: an open-drain pin and a clock go in; `one-wire-bus` and `ds18b20` drive what
//! comes out as if it were a plain pin and a plain delay, and every slot that misses its time window is an error
//! instead of a wrong bit.
//!
//! The crates ask for fixed delays, sample a read slot 15 µs after the falling edge plus two pin
//! operations, where the datasheet promises the bit for 15 µs (tRDV), and look at no clock. So
//! [`EdgeDelay`] turns each delay into a deadline counted from the edge that was really seen, and [`BitBangPin`]
//! stamps the clock before and after each operation: the edge lies between the two. An upper bound is
//! judged by the outer stamps, a lower bound by the inner ones. What a delay means follows from its
//! number of microseconds, which is why the crates' versions are pinned and their sequence is tested.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use embedded_hal::blocking::delay::DelayUs;
use embedded_hal::digital::v2::{InputPin, OutputPin};

use super::wire_error::WireError;

const US: u64 = 1_000;
/// tSLOT, the least length of a slot (datasheet, "AC Electrical Characteristics").
const SLOT: u64 = 60 * US;
/// tREC, the least high time between two slots.
const RECOVERY: u64 = US;
/// tLOW1: a low this long at most writes a one or begins a read slot.
const LOW1_MOST: u64 = 15 * US;
/// tLOW0: a low this long writes a zero.
const LOW0_LEAST: u64 = 60 * US;
const LOW0_MOST: u64 = 120 * US;
/// tRDV: a read bit holds this long from the falling edge.
const READ_VALID: u64 = 15 * US;
/// tRSTL: a low this long is a reset.
const RESET_LOW_LEAST: u64 = 480 * US;
const RESET_LOW_MOST: u64 = 960 * US;
/// tRSTH: the least high time after a reset.
const RESET_HIGH: u64 = 480 * US;
/// A presence pulse starts 15 to 60 µs (tPDHIGH) after the release and lasts 60 to 240 µs (tPDLOW):
/// any probe that is there holds the line low from 60 to 75 µs.
const PRESENCE_FROM: u64 = 60 * US;
const PRESENCE_TO: u64 = 75 * US;
/// When a read slot is sampled. Later leaves less room for a short stall, earlier less for a slow
/// rise of a long cable: at 10 µs, rise times up to 8 µs read right.
const SAMPLE_AT: u64 = 10 * US;
/// How long the line may take to go high before it counts as held low: the slowest presence pulse
/// ends 300 µs after the release.
const IDLE_PATIENCE: u64 = 300 * US;

/// Looking at a pin that must be kept awake may take so long; it stops that long before a deadline.
const AWAKE: u64 = 3 * US;

/// A clock for the times of a bus, in nanoseconds since some fixed moment.
pub trait Clock {
    /// Now.
    fn now(&self) -> u64;
    /// Waits until that moment without giving the processor away: for slots.
    fn spin_until(&self, moment: u64);
    /// Waits until that moment, asleep: for conversions.
    fn sleep_until(&self, moment: u64);
    /// A transaction of some milliseconds begins or has ended, in which nothing else should run on this
    /// processor.
    fn set_urgent(&self, _urgent: bool) {}
    /// Whether that was refused.
    fn lacks_priority(&self) -> bool {
        false
    }
    /// Whether the pin must be looked at while waiting, lest the way to it falls asleep.
    fn polls_pin(&self) -> bool {
        false
    }
}

/// The clock before and after an operation; its edge lies between the two.
type Span = (u64, u64);

/// What the slot in progress is, as the delays that the crates ask for show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Unknown,
    /// Writes a one, or reads a bit.
    Short,
    /// Writes a zero.
    Long,
    Reset,
}

/// The line: the pin, the clock, and what is known of the slot in progress.
pub struct BitBangAdapter<P, C> {
    pin: RefCell<P>,
    clock: C,
    fall: Cell<Span>,
    rise: Cell<Span>,
    low: Cell<bool>,
    slot: Cell<Slot>,
    /// From when on the next slot may begin.
    free: Cell<u64>,
    /// How many bits were read since the last reset, and the last 128 of them, the newest highest.
    bits: Cell<(u32, u128)>,
}

impl<P, C, E> BitBangAdapter<P, C>
where
    P: InputPin<Error = E> + OutputPin<Error = E>,
    C: Clock,
{
    /// Takes a pin, whose `set_high` must let the line go rather than drive it.
    pub fn new(pin: P, clock: C) -> Self {
        BitBangAdapter {
            pin: RefCell::new(pin),
            clock,
            fall: Cell::default(),
            rise: Cell::default(),
            low: Cell::new(false),
            slot: Cell::new(Slot::Unknown),
            free: Cell::default(),
            bits: Cell::default(),
        }
    }

    /// The clock of the line.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// How many bits were read since the last reset, and the last 128 of them, the newest highest.
    pub fn bits(&self) -> (u32, u128) {
        self.bits.get()
    }

    /// Lets the line go and forgets the slot in progress: nothing of an aborted try may judge the
    /// next one.
    pub fn release(&self) {
        // If the pin fails now, there is no other way to let go; the next try says so.
        let _released = self.pin.borrow_mut().set_high();
        self.low.set(false);
        self.slot.set(Slot::Unknown);
    }

    fn timed<T>(&self, operation: impl FnOnce(&mut P) -> Result<T, E>) -> Result<(T, Span), WireError> {
        let before = self.clock.now();
        let value = operation(&mut self.pin.borrow_mut()).map_err(|_| WireError::Pin)?;
        Ok((value, (before, self.clock.now())))
    }

    /// Waits until that moment, with an eye on the pin where that keeps the way to it awake.
    fn wait_until(&self, moment: u64) {
        while self.clock.polls_pin() && self.clock.now() + AWAKE < moment {
            // Its level does not matter here, and an error shows at the next operation.
            drop(self.pin.borrow().is_high());
        }
        self.clock.spin_until(moment);
    }

    /// Waits for the line to be high before it is pulled: a line that is not belongs to a slow presence
    /// pulse, or is short-circuited.
    fn wait_for_idle(&self) -> Result<(), WireError> {
        let end = self.clock.now() + IDLE_PATIENCE;
        loop {
            if self.timed(|pin| pin.is_high())?.0 {
                return Ok(());
            }
            if self.clock.now() > end {
                return Err(WireError::Shorted);
            }
        }
    }
}

/// The line as the crates see it. `set_low` fails only before it pulls; `set_high` lets go first and
/// judges afterwards: whatever is returned, no error leaves the line low.
pub struct BitBangPin<P, C>(pub Rc<BitBangAdapter<P, C>>);

impl<P, C, E> OutputPin for BitBangPin<P, C>
where
    P: InputPin<Error = E> + OutputPin<Error = E>,
    C: Clock,
{
    type Error = WireError;

    fn set_low(&mut self) -> Result<(), WireError> {
        let line = &*self.0;
        // Looked at from the end of the slot on, so that the look and the recovery take the same time.
        line.wait_until(line.free.get().saturating_sub(RECOVERY));
        line.wait_for_idle()?;
        line.wait_until(line.free.get());
        line.low.set(true);
        line.slot.set(Slot::Unknown);
        line.fall.set(line.timed(|pin| pin.set_low())?.1);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), WireError> {
        let line = &*self.0;
        let rise = line.timed(|pin| pin.set_high())?.1;
        if !line.low.replace(false) {
            return Ok(());
        }
        let fall = line.fall.get();
        let (least, most) = (rise.0 - fall.1, rise.1 - fall.0);
        line.rise.set(rise);
        line.free.set(if most >= LOW0_MOST {
            // A reset, or a stall so long that a probe may have taken it for one.
            rise.1 + RESET_HIGH
        } else {
            rise.1.max(fall.1 + SLOT) + RECOVERY
        });
        let in_time = match line.slot.get() {
            Slot::Short => most <= LOW1_MOST,
            Slot::Long => least >= LOW0_LEAST && most <= LOW0_MOST,
            Slot::Reset => least >= RESET_LOW_LEAST && most <= RESET_LOW_MOST,
            Slot::Unknown => false,
        };
        if in_time { Ok(()) } else { Err(WireError::Late) }
    }
}

impl<P, C, E> InputPin for BitBangPin<P, C>
where
    P: InputPin<Error = E> + OutputPin<Error = E>,
    C: Clock,
{
    type Error = WireError;

    /// A zero is true however late it is seen: only a probe can hold the line. A one counts only if it
    /// was seen in time.
    fn is_high(&self) -> Result<bool, WireError> {
        let line = &*self.0;
        let (high, at) = line.timed(|pin| pin.is_high())?;
        match line.slot.replace(Slot::Unknown) {
            Slot::Short if high && at.1 - line.fall.get().0 > READ_VALID => return Err(WireError::Late),
            Slot::Short => {
                let (count, bits) = line.bits.get();
                line.bits.set((count + 1, bits >> 1 | u128::from(high) << 127));
            }
            Slot::Reset if high && at.1 - line.rise.get().0 > PRESENCE_TO => return Err(WireError::Late),
            Slot::Reset if high => return Err(WireError::NoPresence),
            Slot::Reset => line.bits.set((0, 0)),
            Slot::Long | Slot::Unknown => {}
        }
        Ok(high)
    }

    fn is_low(&self) -> Result<bool, WireError> {
        self.is_high().map(|high| !high)
    }
}

/// The crates' delays as deadlines from the recorded edges.
pub struct EdgeDelay<P, C>(pub Rc<BitBangAdapter<P, C>>);

impl<P, C, E> DelayUs<u16> for EdgeDelay<P, C>
where
    P: InputPin<Error = E> + OutputPin<Error = E>,
    C: Clock,
{
    fn delay_us(&mut self, us: u16) {
        let line = &*self.0;
        let (fall, rise) = (line.fall.get(), line.rise.get());
        let (slot, deadline) = match (line.low.get(), us) {
            (true, 6) => (Slot::Short, fall.1 + US),
            (true, 60) => (Slot::Long, fall.1 + LOW0_LEAST),
            (true, 480) => (Slot::Reset, fall.1 + RESET_LOW_LEAST),
            (false, 9) => (Slot::Short, (fall.0 + SAMPLE_AT).max(rise.1 + US)),
            (false, 70) => (Slot::Reset, rise.1 + PRESENCE_FROM + US),
            // The rest of a slot or of a reset: the next fall waits for it, whatever came between.
            (false, 10 | 55 | 64 | 410) => (Slot::Unknown, 0),
            (_, other) => (line.slot.get(), line.clock.now() + u64::from(other) * US),
        };
        line.slot.set(slot);
        line.wait_until(deadline);
    }
}
