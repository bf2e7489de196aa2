//! One probe of the bus, as the driver knows it.

use one_wire_bus::Address;

use crate::bus::probe_memory::ProbeMemory;
use crate::reading::Notice;

/// What the driver knows of a probe.
pub struct Probe {
    /// Its ROM code.
    pub address: Address,
    /// The family code of that.
    pub family: u8,
    /// What is remembered from one sweep to the next.
    pub memory: ProbeMemory,
    /// Its resolution in bits, as last read.
    pub resolution: u8,
    /// Searches in a row that did not find it.
    pub misses: u8,
    /// It does not keep the power-loss sentinel. Tried again after every search.
    pub sentinel_refused: bool,
}

impl Probe {
    /// A probe that was just found.
    pub fn new(address: Address, family: u8) -> Self {
        Probe {
            address,
            family,
            memory: ProbeMemory::default(),
            resolution: 12,
            misses: 0,
            sentinel_refused: false,
        }
    }

    /// What is noteworthy about it, apart from what its answers were like.
    pub fn notices(&self) -> Vec<Notice> {
        self.memory.notices(self.memory.last_good.map(|_| self.resolution))
    }
}
