//! The Pi's own pins: the driver that runs on the simulated wire, on a real one. The pin is driven through
//! the GPIO character device, which the kernel guards, or through `rppal`, which writes the registers.

use std::path::PathBuf;

use super::Bus;
use super::onewire::Driver;
use super::onewire::bit_bang::Clock;
use crate::reading::{BusFault, Fault};

mod cdev;
mod clock;
mod realtime;
mod registers;

pub use clock::RealClock;

/// The pin that the kernel's own driver uses by default: GPIO 4, physical pin 7.
pub const DEFAULT_PIN: u8 = 4;
/// The highest number on a Pi's header.
pub const HIGHEST_PIN: u8 = 27;

/// Which pin, and how it is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its GPIO number, 0 to 27; not the physical one.
    pub pin: u8,
    /// How it is driven.
    pub through: Through,
    /// The resolution that every probe is to have, 9 to 12 bits; `None` leaves each its own.
    pub resolution: Option<u8>,
}

/// How a pin is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// The GPIO character device: the kernel knows who holds the line, refuses it to others, and takes
    /// it back from a program that dies.
    CharacterDevice {
        /// Its file; `None` for the one whose label is a Pi's.
        chip: Option<PathBuf>,
    },
    /// The registers, through `rppal`: faster, and nobody guards them.
    Registers,
}

/// An open-drain pin: `set_high` releases the line.
enum Opened {
    CharacterDevice(cdev::CharacterPin),
    Registers(registers::RegisterPin),
}

fn open_pin(config: &Config) -> Result<Opened, BusFault> {
    Ok(match &config.through {
        Through::CharacterDevice { chip } => {
            Opened::CharacterDevice(cdev::CharacterPin::open(chip.as_deref(), config.pin)?)
        }
        Through::Registers => Opened::Registers(registers::RegisterPin::open(config.pin)?),
    })
}

/// Opens the pin. The bus belongs to the thread that this is called in: it is the one that gets priority.
pub(super) fn open(config: &Config) -> Result<Box<dyn Bus>, BusFault> {
    realtime::lock_memory();
    let clock = |polls| RealClock::new(polls);
    Ok(match open_pin(config)? {
        Opened::CharacterDevice(pin) => {
            let clock = clock(pin.is_behind_pcie());
            Box::new(Driver::new(pin, clock)?.with_resolution(config.resolution))
        }
        Opened::Registers(pin) => {
            let clock = clock(pin.is_behind_pcie());
            Box::new(Driver::new(pin, clock)?.with_resolution(config.resolution))
        }
    })
}

/// How well this computer keeps the time windows of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// How many slots were tried.
    pub slots: u32,
    /// How many of them missed a window.
    pub late: u32,
    /// Whether the thread had priority.
    pub priority: bool,
}

impl Timing {
    /// The share of sweeps in which every one of `probes` is read within its five tries. A read takes 152
    /// slots.
    pub fn complete_sweeps(&self, probes: i32) -> f64 {
        let slot = 1.0 - f64::from(self.late) / f64::from(self.slots.max(1));
        let one_try = slot.powi(152);
        (1.0 - (1.0 - one_try).powi(5)).powi(probes)
    }
}

/// Drives so many slots of a bus on the pin that nobody listens to, because no reset comes before them, and
/// counts those that missed a window.
///
/// # Errors
/// Where the pin cannot be opened, the gateway holding it included.
pub fn measure_timing(config: &Config, slots: u32) -> Result<Timing, BusFault> {
    realtime::lock_memory();
    let (late, priority) = match open_pin(config)? {
        Opened::CharacterDevice(pin) => count_late(pin, slots),
        Opened::Registers(pin) => count_late(pin, slots),
    }?;
    Ok(Timing { slots, late, priority })
}

fn count_late<P, E>(pin: P, slots: u32) -> Result<(u32, bool), BusFault>
where
    P: embedded_hal::digital::v2::InputPin<Error = E>
        + embedded_hal::digital::v2::OutputPin<Error = E>
        + BehindPcie,
{
    let clock = RealClock::new(pin.is_behind_pcie());
    let late = super::onewire::count_late_slots(pin, &clock, slots)?;
    Ok((late, !clock.lacks_priority()))
}

/// A pin of a Pi 5 is behind PCIe, which falls asleep between two operations and takes microseconds to
/// wake up.
trait BehindPcie {
    /// Whether it has to be kept awake.
    fn is_behind_pcie(&self) -> bool;
}

fn broken(detail: String) -> BusFault {
    BusFault { fault: Fault::Bus, detail }
}
