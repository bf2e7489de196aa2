//! A probe in the slots of a transaction: edges come in, bits go out.

use ds18b20::commands as command;
use fastrand::Rng;
use one_wire_bus::commands as rom;
use one_wire_bus::crc::crc8;

use super::probe::Probe;
use super::protocol::{Byte, Sent, State, Step, rom_command};
use super::timing::draw;

const US: u64 = 1_000;

impl Probe {
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
                            4 if self.family.is_always_12_bits() => 0x7F,
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
                    now + self
                        .family
                        .conversion()
                        .map_or(conversion, |milliseconds| milliseconds * 1_000 * US),
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

fn bit_of(bytes: &[u8], bit: u8) -> bool {
    bytes[usize::from(bit / 8)] >> (bit % 8) & 1 == 1
}
