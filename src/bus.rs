//! The buses: a [`Config`] says what hangs where, [`open`] makes a [`Bus`] of it, and one call to
//! [`Bus::measure`] is one sweep: every probe converts at once, then each is read.
//!
//! Retrying one probe within a sweep belongs to the driver, which knows what that costs. Repeating
//! sweeps, periods and back-off live around the trait, in `poll`.

use crate::reading::{Fault, ProbeId, Sample};

pub mod kernel;
pub mod onewire;
pub mod simulated;

/// A 1-Wire bus with its probes. Blocking; lives in a thread of its own.
pub trait Bus {
    /// Measures every probe on the bus once.
    ///
    /// # Errors
    /// [`BusError`] where nothing could be measured at all. A single probe's trouble is its
    /// [`Sample`].
    fn measure(&mut self) -> Result<Vec<(ProbeId, Sample)>, BusError>;
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
    /// A wire in memory, with probes in modelled fridges.
    Simulated(simulated::Config),
}

impl Config {
    /// Whether what the bus says comes from no real probe.
    pub fn is_simulated(&self) -> bool {
        match self {
            Config::Simulated(_) => true,
            Config::Kernel(_) => false,
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
        Config::Simulated(config) => Ok(Box::new(simulated::open(config)?)),
    }
}
