//! Whose part a probe is: the maker's own, or one of the clones that are sold under its name. What each
//! does differently was found out by others, on real parts: github.com/cpetrich/counterfeit_DS18B20, whose
//! letters these are. Only what a bus can notice is modelled.

/// A family of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The maker's own.
    A1,
    /// A copy that keeps its memory through a short loss of power.
    A2,
    /// A copy that looks like the maker's in everything that is looked at here.
    A3,
    /// Writing its memory overwrites byte 6, which from then on no longer follows the temperature.
    B1,
    /// As B1, with other alarm limits.
    B2,
    /// Byte 6 never changes; always 12 bits, in 30 ms.
    C,
    /// Other reserved bytes; holds its last temperature at power-on.
    D1,
    /// Other reserved bytes; holds +25 °C at power-on.
    D2,
    /// Byte 6 at power-on is what a conversion to +85 °C leaves.
    E,
    /// Byte 6 never changes; always 12 bits; forgets what is stored.
    F,
}

/// What byte 6 of the scratchpad is after a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Byte6 {
    /// 16 minus the low four bits of the register.
    Follows,
    /// The same, until the memory was written.
    FollowsUntilWritten,
    /// Always 0x0C.
    Fixed,
    /// The complement of byte 5, which is left to chance.
    Complement,
}

impl Part {
    /// Every one.
    pub const ALL: [Part; 10] =
        [Part::A1, Part::A2, Part::A3, Part::B1, Part::B2, Part::C, Part::D1, Part::D2, Part::E, Part::F];

    /// The first eight bytes at power-on, but for what the EEPROM holds.
    pub fn at_power_on(self) -> [u8; 8] {
        match self {
            Part::A1 | Part::A2 | Part::B1 => [0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10],
            Part::A3 => [0x50, 0x05, 0x7F, 0x80, 0x7F, 0xFF, 0x0C, 0x10],
            Part::B2 | Part::C | Part::F => [0x50, 0x05, 0x55, 0x00, 0x7F, 0xFF, 0x0C, 0x10],
            Part::D1 => [0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66],
            Part::D2 => [0x90, 0x01, 0x00, 0x00, 0x7F, 0x7E, 0x81, 0x66],
            Part::E => [0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10],
        }
    }

    /// What a conversion leaves in byte 6.
    pub fn byte_6(self) -> Byte6 {
        match self {
            Part::A1 | Part::A2 | Part::A3 | Part::E => Byte6::Follows,
            Part::B1 | Part::B2 => Byte6::FollowsUntilWritten,
            Part::C | Part::F => Byte6::Fixed,
            Part::D1 | Part::D2 => Byte6::Complement,
        }
    }

    /// Whether it keeps 12 bits whatever it is told.
    pub fn is_always_12_bits(self) -> bool {
        matches!(self, Part::C | Part::F)
    }

    /// How long a conversion takes in milliseconds, where that is not the datasheet's time.
    pub fn conversion(self) -> Option<u64> {
        match self {
            Part::C | Part::F => Some(30),
            _ => None,
        }
    }

    /// Whether a short loss of power does not reach its memory.
    pub fn rides_through(self) -> bool {
        self == Part::A2
    }

    /// Whether it holds its last temperature at power-on.
    pub fn keeps_temperature(self) -> bool {
        self == Part::D1
    }
}
