//! The buses: a [`Config`] says where the probes are, [`open`] makes a [`Bus`] of it, and one call to
//! [`Bus::measure`] is one sweep: every probe converts at once, then each is read.
//!
//! Retrying one probe within a sweep belongs to the driver, which knows what that costs. Repeating
//! sweeps, periods and back-off live around the trait, in `poll`.

use crate::reading::{BusFault, Celsius, Counts, Fault, Notice, ProbeId};

pub mod gpio;
pub mod kernel;
pub mod onewire;
pub mod owserver;
pub mod probe_memory;
pub mod scratchpad;
// What injects faults into the simulated wire is for tests and benches, and no part of the product.
#[cfg(feature = "fault-injection")]
pub mod simulated;
#[cfg(not(feature = "fault-injection"))]
pub(crate) mod simulated;

use scratchpad::Scratchpad;

/// What a driver follows of one bus: the longest that work have some hundred probes, and one that names more is not
/// to be believed.
pub const MOST_PROBES: usize = 1_024;

/// A 1-Wire bus with its probes. Blocking; lives in a thread of its own.
pub trait Bus {
    /// Measures every probe on the bus once.
    ///
    /// # Errors
    /// [`BusFault`] where nothing could be measured at all. A single probe's fault stands in its
    /// [`ProbeReading`].
    fn measure(&mut self) -> Result<Sweep, BusFault>;
}

/// Raw result of one sweep; validated later by `poll::validate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The probes that the bus knows.
    pub probes: Vec<ProbeReading>,
    /// What is noteworthy about the bus.
    pub notices: Vec<Notice>,
}

/// One probe's raw reading, and what it took to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReading {
    /// The probe.
    pub probe: ProbeId,
    /// What it sent, or why there is nothing to validate.
    pub raw: Result<RawReading, Fault>,
    /// What went wrong on the way.
    pub counts: Counts,
    /// What is noteworthy about it.
    pub notices: Vec<Notice>,
}

impl ProbeReading {
    /// A probe of which there is nothing else to say.
    pub fn new(probe: ProbeId, raw: Result<RawReading, Fault>) -> Self {
        ProbeReading { probe, raw, counts: Counts::default(), notices: Vec::new() }
    }
}

/// What a probe sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawReading {
    /// Its nine bytes.
    Scratchpad {
        /// The bytes, whose checksum fits.
        bytes: Scratchpad,
        /// Whether TH and TL held [`scratchpad::POWER_LOSS_SENTINEL`] before the conversion began. If they no
        /// longer do, the power was gone since.
        sentinel_set: bool,
    },
    /// A value that another program made of them, by its own rules.
    Value(Celsius),
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
/// [`BusFault`] with what is missing, where the bus cannot be opened now; trying later may work.
pub fn open(config: &Config) -> Result<Box<dyn Bus>, BusFault> {
    match config {
        Config::Kernel(config) => Ok(Box::new(kernel::open(config))),
        Config::Gpio(config) => gpio::open(config),
        Config::Owserver(config) => Ok(Box::new(owserver::open(config))),
        Config::Simulated(config) => Ok(Box::new(simulated::open(config)?)),
    }
}
