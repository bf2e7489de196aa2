//! The states of a probe between the slots of a transaction. Datasheet: "1-Wire Bus System", "Transaction Sequence",
//! "DS18B20 Function Commands".

use one_wire_bus::commands as rom;

const READ_ROM: u8 = 0x33;

/// What it does with the slots to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
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
    /// Sends zeros: it is powered through the data line.
    SendZeros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Bit,
    Complement,
    Choice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Rom,
    Scratchpad,
}

/// Bits received so far, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Byte {
    value: u8,
    bits: u8,
}

impl Byte {
    /// The same with one more bit.
    pub fn push(self, bit: bool) -> Byte {
        Byte { value: self.value | u8::from(bit) << self.bits, bits: self.bits + 1 }
    }

    /// The byte, once all of its bits are there.
    pub fn complete(self) -> Option<u8> {
        (self.bits == 8).then_some(self.value)
    }
}

/// The state behind a ROM command.
pub fn rom_command(command: u8) -> State {
    match command {
        rom::SKIP_ROM => State::Function(Byte::default()),
        rom::MATCH_ROM => State::Match { bit: 0 },
        rom::SEARCH_NORMAL => State::Search { bit: 0, step: Step::Bit },
        READ_ROM => State::Send { what: Sent::Rom, bit: 0 },
        // Nothing here ever sets the alarm limits, so nobody answers an alarm search.
        _ => State::Deaf,
    }
}
