//! A DS18B20 as its data line sees it: its memory, its power, its conversions. What it does with the slots is in
//! `protocol`.

use fastrand::Rng;
use one_wire_bus::crc::crc8;

use super::clone_family::{Byte6, CloneFamily};
use super::protocol::State;
use super::timing::Range;
pub use super::timing::Timing;
use crate::reading::ProbeId;

/// What the next conversion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This many sixteenths of a degree.
    Sixteenths(i16),
    /// The power fails during the conversion, and comes back: +85 °C, and the EEPROM's configuration.
    PowerOnReset,
}

/// One probe.
#[derive(Clone, Debug)]
pub struct Probe {
    pub(super) rom: [u8; 8],
    pub(super) timing: Timing,
    pub(super) family: CloneFamily,
    /// Whether its memory was written since power-on.
    pub(super) written: bool,
    /// What the next conversion comes to.
    pub next: Next,
    /// Whether it is on the wire.
    pub plugged: bool,
    /// Whether it is dead beyond its ROM code: takes part in resets and searches, and answers no
    /// function command.
    pub mute: bool,
    /// Whether it is powered through the data line.
    pub parasite: bool,
    /// How many conversions it began.
    pub conversions: u64,
    pub(super) scratchpad: [u8; 8],
    pub(super) eeprom: [u8; 3],
    pub(super) sent: [u8; 9],
    pub(super) state: State,
    /// When the conversion in progress ends.
    pub(super) done_at: Option<u64>,
    /// It holds the line low in this span.
    pub(super) holds: Range,
}

impl Probe {
    /// A probe of the maker's at power-on.
    pub fn new(id: ProbeId, timing: Timing) -> Probe {
        Probe::of(CloneFamily::A1, id, timing)
    }

    /// A probe of that clone family at power-on.
    pub fn of(family: CloneFamily, id: ProbeId, timing: Timing) -> Probe {
        let code = id.rom_without_crc();
        let mut rom = [0; 8];
        rom[..7].copy_from_slice(&code);
        rom[7] = crc8(&code);
        let mut probe = Probe {
            rom,
            timing,
            family,
            written: false,
            next: Next::Sixteenths(0),
            plugged: true,
            mute: false,
            parasite: false,
            conversions: 0,
            scratchpad: family.at_power_on(),
            eeprom: [family.at_power_on()[2], family.at_power_on()[3], family.at_power_on()[4]],
            sent: [0; 9],
            state: State::Deaf,
            done_at: None,
            holds: (0, 0),
        };
        probe.power_on();
        probe
    }

    /// Sets the resolution, 9 to 12 bits, as a Write Scratchpad and a Copy Scratchpad would.
    pub fn set_resolution(&mut self, bits: u8) {
        let configuration = 0x1F | (bits.clamp(9, 12) - 9) << 5;
        self.scratchpad[4] = configuration;
        self.eeprom[2] = configuration;
    }

    /// Its power was gone: +85 °C, or what its family shows instead, and the EEPROM's alarm limits and
    /// configuration.
    pub fn power_on(&mut self) {
        let [low, high, ..] = self.scratchpad;
        self.scratchpad = self.family.at_power_on();
        if self.family.keeps_temperature() {
            (self.scratchpad[0], self.scratchpad[1]) = (low, high);
        }
        if self.family != CloneFamily::F {
            self.scratchpad[2..5].copy_from_slice(&self.eeprom);
        }
        self.written = false;
        self.done_at = None;
        self.state = State::Deaf;
    }

    /// Its power is gone for a moment, at that time.
    pub fn brown_out(&mut self, now: u64, random: &mut Rng) {
        if !self.family.rides_through() {
            self.settle(now, random);
            self.power_on();
        }
    }

    /// Its ROM code.
    pub fn id(&self) -> ProbeId {
        ProbeId::from_rom(self.rom)
    }

    pub(super) fn bits(&self) -> u8 {
        9 + (self.scratchpad[4] >> 5 & 0b11)
    }

    /// Whether it holds the line low at that time.
    pub fn holds(&self, now: u64) -> bool {
        self.plugged && (self.holds.0..self.holds.1).contains(&now)
    }

    /// Until when it holds the line.
    pub fn holds_until(&self) -> u64 {
        self.holds.1
    }

    /// Whether it has nothing to do with the slots to come.
    pub fn is_deaf(&self) -> bool {
        self.state == State::Deaf
    }

    /// Ends a conversion whose time has come.
    pub(super) fn settle(&mut self, now: u64, random: &mut Rng) {
        if self.done_at.is_none_or(|at| now < at) {
            return;
        }
        self.done_at = None;
        match self.next {
            Next::PowerOnReset => {
                let state = self.state;
                self.power_on();
                self.state = state;
            }
            Next::Sixteenths(sixteenths) => {
                // The bits below the resolution are undefined (datasheet, "Temperature Register
                // Format"): anything may stand there.
                let undefined = (1_i16 << (12 - self.bits())) - 1;
                let raw = (sixteenths & !undefined) | (random.i16(..) & undefined);
                let [low, high] = raw.to_le_bytes();
                (self.scratchpad[0], self.scratchpad[1]) = (low, high);
                match self.family.byte_6() {
                    Byte6::FollowsUntilWritten if self.written => self.scratchpad[6] = 0x0C,
                    Byte6::Follows | Byte6::FollowsUntilWritten => self.scratchpad[6] = 0x10 - (low & 0x0F),
                    Byte6::Fixed => {}
                    Byte6::Complement => {
                        self.scratchpad[5] = random.u8(..);
                        self.scratchpad[6] = !self.scratchpad[5];
                    }
                }
            }
        }
    }
}
