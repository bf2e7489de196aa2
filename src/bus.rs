//! The buses: a [`Config`] says what hangs where, [`open`] makes a [`Bus`] of it, and one call to
//! [`Bus::measure`] is one sweep: every probe converts at once, then each is read.
//!
//! Retrying one probe within a sweep belongs to the driver, which knows what that costs. Repeating
//! sweeps, periods and back-off live around the trait, in `poll`.

use crate::reading::{Celsius, Counts, Fault, ProbeId, Remark};

pub mod gpio;
pub mod kernel;
pub mod onewire;
pub mod owserver;
pub mod scratchpad;
pub mod simulated;

use scratchpad::Scratchpad;

/// A 1-Wire bus with its probes. Blocking; lives in a thread of its own.
pub trait Bus {
    /// Measures every probe on the bus once.
    ///
    /// # Errors
    /// [`BusError`] where nothing could be measured at all. A single probe's trouble stands in its
    /// [`Found`].
    fn measure(&mut self) -> Result<Sweep, BusError>;
}

/// What one sweep of a bus brought: not yet believed, that is `poll::trust`'s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The probes that the bus knows.
    pub probes: Vec<Found>,
    /// What is noteworthy about the bus.
    pub remarks: Vec<Remark>,
}

/// One probe, as its bus found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The probe.
    pub probe: ProbeId,
    /// What it said, or why it said nothing that can be looked at.
    pub said: Result<Said, Fault>,
    /// What went wrong on the way.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub remarks: Vec<Remark>,
}

impl Found {
    /// A probe of which there is nothing else to say.
    pub fn new(probe: ProbeId, said: Result<Said, Fault>) -> Self {
        Found { probe, said, counts: Counts::default(), remarks: Vec::new() }
    }
}

/// What a probe said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Its nine bytes.
    Scratchpad {
        /// The bytes, whose checksum fits.
        bytes: Scratchpad,
        /// Whether they held [`scratchpad::MARK`] before the conversion began. If they no longer do, the
        /// power was gone since.
        marked: bool,
    },
    /// A value that somebody else made of them, by rules of their own.
    Value(Celsius),
}

/// Why a bus as a whole cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BusError {
    /// What that makes of each of its probes.
    pub fault: Fault,
    /// One sentence for the log and the doctor: what is wrong, and the cure where one is known.
    pub detail: String,
}

/// One bus, as the configuration describes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Config {
    /// The Linux kernel's own driver.
    Kernel(kernel::Config),
    /// A pin of the Pi.
    Gpio(gpio::Config),
    /// A server of the 1-Wire file system.
    Owserver(owserver::Config),
    /// A wire in memory, with probes in modelled fridges.
    Simulated(simulated::Config),
}

impl Config {
    /// Whether what the bus says comes from no real probe.
    pub fn is_simulated(&self) -> bool {
        match self {
            Config::Simulated(_) => true,
            Config::Kernel(_) | Config::Gpio(_) | Config::Owserver(_) => false,
        }
    }
}

/// Opens the bus. Call it in the thread that will measure: a driver may be bound to its thread.
///
/// # Errors
/// [`BusError`] with what is missing, where the bus cannot be opened now; trying later may work.
pub fn open(config: &Config) -> Result<Box<dyn Bus>, BusError> {
    match config {
        Config::Kernel(config) => Ok(Box::new(kernel::open(config))),
        Config::Gpio(config) => gpio::open(config),
        Config::Owserver(config) => Ok(Box::new(owserver::open(config))),
        Config::Simulated(config) => Ok(Box::new(simulated::open(config)?)),
    }
}
