//! A DS18B20 as its data line sees it: edges go in, the times at which it holds the line come out.
//! Datasheet: "1-Wire Bus System", "Transaction Sequence", "DS18B20 Function Commands".

use ds18b20::commands as command;
use fastrand::Rng;
use one_wire_bus::commands as rom;
use one_wire_bus::crc::crc8;

use super::part::{Byte6, Part};
use crate::reading::ProbeId;

const US: u64 = 1_000;
const READ_ROM: u8 = 0x33;

/// A span of time in nanoseconds, from which each slot draws anew.
pub type Range = (u64, u64);

/// When a part samples and how long it holds the line. The datasheet gives windows; each part, and
/// each slot of one, lies somewhere in them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The low time from which on it takes a pulse for a reset.
    pub reset: Range,
    /// tPDHIGH: from the release to its presence pulse.
    pub presence_after: Range,
    /// tPDLOW: how long its presence pulse lasts.
    pub presence: Range,
    /// When it samples a written bit, from the falling edge.
    pub sample: Range,
    /// tRDV: how long it holds the line for a zero, from the falling edge.
    pub hold: Range,
}

impl Timing {
    /// The fastest part that the datasheet allows: 15 µs, and not a moment longer.
    pub const STRICT: Timing = Timing::fixed(15, 15, 60);
    /// A part as most are: 30 µs.
    pub const TYPICAL: Timing = Timing::fixed(30, 30, 120);
    /// The slowest part that the datasheet allows.
    pub const SLOW: Timing = Timing::fixed(60, 60, 240);
    /// Anything that the datasheet allows, drawn anew in every slot; and a pulse too short for a
    /// reset may be taken for one.
    pub const VARYING: Timing = Timing {
        reset: (130 * US, 480 * US),
        presence_after: (15 * US, 60 * US),
        presence: (60 * US, 240 * US),
        sample: (15 * US, 60 * US),
        hold: (15 * US, 60 * US),
    };

    const fn fixed(slot: u64, presence_after: u64, presence: u64) -> Timing {
        Timing {
            reset: (480 * US, 480 * US),
            presence_after: (presence_after * US, presence_after * US),
            presence: (presence * US, presence * US),
            sample: (slot * US, slot * US),
            hold: (slot * US, slot * US),
        }
    }
}

fn draw(range: Range, random: &mut Rng) -> u64 {
    if range.0 == range.1 { range.0 } else { random.u64(range.0..=range.1) }
}

/// What the next conversion comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This many sixteenths of a degree.
    Sixteenths(i16),
    /// The power fails during the conversion, and comes back: +85 °C, and the EEPROM's configuration.
    PowerOnReset,
}

/// What it does with the slots to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for a reset.
    Deaf,
    /// Receives a ROM command.
    RomCommand(Byte),
    /// Compares its ROM code, bit by bit.
    Match { bit: u8 },
    /// Takes part in a search: sends a bit, sends its complement, listens which way it goes.
    Search { bit: u8, step: Step },
    /// Receives a function command.
    Function(Byte),
    /// Sends its ROM code or its scratchpad; ones behind the end.
    Send { what: Sent, bit: u8 },
    /// Receives the three bytes that Write Scratchpad writes.
    Receive { to: usize, byte: Byte },
    /// Converts, and sends zeros until it is done.
    Convert,
    /// Sends ones: it is done, or has its own supply.
    SendOnes,
    /// Sends zeros: it is fed through the data line.
    SendZeros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Bit,
    Complement,
    Choice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Rom,
    Scratchpad,
}

/// Bits received so far, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Byte {
    value: u8,
    bits: u8,
}

impl Byte {
    fn push(self, bit: bool) -> Byte {
        Byte { value: self.value | u8::from(bit) << self.bits, bits: self.bits + 1 }
    }

    fn complete(self) -> Option<u8> {
        (self.bits == 8).then_some(self.value)
    }
}

/// One probe.
#[derive(Clone, Debug)]
pub struct Probe {
    rom: [u8; 8],
    timing: Timing,
    part: Part,
    /// Whether its memory was written since power-on.
    written: bool,
    /// What the next conversion comes to.
    pub next: Next,
    /// Whether it hangs on the wire.
    pub plugged: bool,
    /// Whether it is dead beyond its ROM code: takes part in resets and searches, and answers no
    /// function command.
    pub mute: bool,
    /// Whether it is fed through the data line.
    pub parasite: bool,
    /// How many conversions it began.
    pub conversions: u64,
    scratchpad: [u8; 8],
    eeprom: [u8; 3],
    sent: [u8; 9],
    state: State,
    /// When the conversion in progress ends.
    done_at: Option<u64>,
    /// It holds the line low in this span.
    holds: Range,
}

impl Probe {
    /// A probe of the maker's at power-on.
    pub fn new(id: ProbeId, timing: Timing) -> Probe {
        Probe::of(Part::A1, id, timing)
    }

    /// A probe of that family of parts at power-on.
    pub fn of(part: Part, id: ProbeId, timing: Timing) -> Probe {
        let code = id.rom_without_crc();
        let mut rom = [0; 8];
        rom[..7].copy_from_slice(&code);
        rom[7] = crc8(&code);
        let mut probe = Probe {
            rom,
            timing,
            part,
            written: false,
            next: Next::Sixteenths(0),
            plugged: true,
            mute: false,
            parasite: false,
            conversions: 0,
            scratchpad: part.at_power_on(),
            eeprom: [part.at_power_on()[2], part.at_power_on()[3], part.at_power_on()[4]],
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
        self.scratchpad = self.part.at_power_on();
        if self.part.keeps_temperature() {
            (self.scratchpad[0], self.scratchpad[1]) = (low, high);
        }
        if self.part != Part::F {
            self.scratchpad[2..5].copy_from_slice(&self.eeprom);
        }
        self.written = false;
        self.done_at = None;
        self.state = State::Deaf;
    }

    /// Its power is gone for a moment, at that time.
    pub fn brown_out(&mut self, now: u64, random: &mut Rng) {
        if !self.part.rides_through() {
            self.settle(now, random);
            self.power_on();
        }
    }

    /// Its identity.
    pub fn id(&self) -> ProbeId {
        ProbeId::from_rom(self.rom)
    }

    fn bits(&self) -> u8 {
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
    fn settle(&mut self, now: u64, random: &mut Rng) {
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
                match self.part.byte_6() {
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

    /// The bit that it sends in the slot that begins now; `None` where it listens.
    fn sends(&mut self, now: u64, random: &mut Rng) -> Option<bool> {
        match self.state {
            State::Search { bit, step: Step::Bit } => Some(bit_of(&self.rom, bit)),
            State::Search { bit, step: Step::Complement } => Some(!bit_of(&self.rom, bit)),
            State::Send { what: Sent::Rom, bit } => Some(bit >= 64 || bit_of(&self.rom, bit)),
            State::Send { what: Sent::Scratchpad, bit } => Some(bit >= 72 || bit_of(&self.sent, bit)),
            State::Convert => {
                self.settle(now, random);
                Some(self.done_at.is_none())
            }
            State::SendOnes => Some(true),
            State::SendZeros => Some(false),
            _ => None,
        }
    }

    /// The line falls. Returns whether this probe takes the slot for one in which it sends.
    pub fn falling(&mut self, now: u64, random: &mut Rng) -> bool {
        match self.sends(now, random) {
            None => false,
            Some(bit) => {
                if !bit {
                    self.holds = (now, now + draw(self.timing.hold, random));
                }
                true
            }
        }
    }

    /// The master lets the line rise after it was low for `low` nanoseconds.
    pub fn rising(&mut self, now: u64, low: u64, random: &mut Rng) {
        if low >= draw(self.timing.reset, random) {
            self.settle(now, random);
            let from = now + draw(self.timing.presence_after, random);
            self.holds = (from, from + draw(self.timing.presence, random));
            self.state = State::RomCommand(Byte::default());
            return;
        }
        self.state = match self.state {
            State::Search { bit, step: Step::Bit } => State::Search { bit, step: Step::Complement },
            State::Search { bit, step: Step::Complement } => State::Search { bit, step: Step::Choice },
            State::Send { what, bit } => State::Send { what, bit: bit.saturating_add(1) },
            State::Deaf | State::Convert | State::SendOnes | State::SendZeros => self.state,
            listening => {
                let bit = low < draw(self.timing.sample, random);
                self.listen(listening, bit, now, random)
            }
        };
    }

    fn listen(&mut self, state: State, bit: bool, now: u64, random: &mut Rng) -> State {
        match state {
            State::RomCommand(byte) => {
                let byte = byte.push(bit);
                byte.complete().map_or(State::RomCommand(byte), rom_command)
            }
            State::Match { bit: at } | State::Search { bit: at, .. } if bit != bit_of(&self.rom, at) => {
                State::Deaf
            }
            State::Match { bit: 63 } => State::Function(Byte::default()),
            State::Match { bit: at } => State::Match { bit: at + 1 },
            State::Search { bit: 63, .. } => State::Deaf,
            State::Search { bit: at, .. } => State::Search { bit: at + 1, step: Step::Bit },
            State::Function(byte) => {
                let byte = byte.push(bit);
                match byte.complete() {
                    None => State::Function(byte),
                    Some(_) if self.mute => State::Deaf,
                    Some(command) => self.function(command, now, random),
                }
            }
            State::Receive { to, byte } => {
                let byte = byte.push(bit);
                match byte.complete() {
                    None => State::Receive { to, byte },
                    Some(value) => {
                        self.written = true;
                        self.scratchpad[to] = match to {
                            4 if self.part.is_always_12_bits() => 0x7F,
                            4 => value & 0x60 | 0x1F,
                            _ => value,
                        };
                        if to == 4 {
                            State::Deaf
                        } else {
                            State::Receive { to: to + 1, byte: Byte::default() }
                        }
                    }
                }
            }
            other => other,
        }
    }

    fn function(&mut self, command: u8, now: u64, random: &mut Rng) -> State {
        self.settle(now, random);
        match command {
            command::CONVERT_TEMP => {
                // tCONV: 750 ms at 12 bits, half of it for each bit less.
                let conversion = (750_000 * US) >> (12 - self.bits());
                self.done_at = Some(
                    now + self.part.conversion().map_or(conversion, |milliseconds| milliseconds * 1_000 * US),
                );
                self.conversions += 1;
                State::Convert
            }
            command::READ_SCRATCHPAD => {
                self.sent[..8].copy_from_slice(&self.scratchpad);
                self.sent[8] = crc8(&self.scratchpad);
                State::Send { what: Sent::Scratchpad, bit: 0 }
            }
            command::WRITE_SCRATCHPAD => State::Receive { to: 2, byte: Byte::default() },
            command::COPY_SCRATCHPAD => {
                self.eeprom.copy_from_slice(&self.scratchpad[2..5]);
                State::SendOnes
            }
            command::RECALL_EEPROM => {
                self.scratchpad[2..5].copy_from_slice(&self.eeprom);
                State::SendOnes
            }
            rom::READ_POWER_SUPPLY if self.parasite => State::SendZeros,
            rom::READ_POWER_SUPPLY => State::SendOnes,
            _ => State::Deaf,
        }
    }
}

fn rom_command(command: u8) -> State {
    match command {
        rom::SKIP_ROM => State::Function(Byte::default()),
        rom::MATCH_ROM => State::Match { bit: 0 },
        rom::SEARCH_NORMAL => State::Search { bit: 0, step: Step::Bit },
        READ_ROM => State::Send { what: Sent::Rom, bit: 0 },
        // Nothing here ever sets the alarm limits, so nobody answers an alarm search.
        _ => State::Deaf,
    }
}

fn bit_of(bytes: &[u8], bit: u8) -> bool {
    bytes[usize::from(bit / 8)] >> (bit % 8) & 1 == 1
}
