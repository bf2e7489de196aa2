//! DS18B20 clone families, named A1 to F after github.com/cpetrich/counterfeit_DS18B20, where what each does
//! differently was found out on real parts. Models only differences visible on the bus.

use strum::VariantArray;

/// A family of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum CloneFamily {
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

impl CloneFamily {
    /// The first eight bytes at power-on, but for what the EEPROM holds.
    pub fn at_power_on(self) -> [u8; 8] {
        match self {
            CloneFamily::A1 | CloneFamily::A2 | CloneFamily::B1 => {
                [0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10]
            }
            CloneFamily::A3 => [0x50, 0x05, 0x7F, 0x80, 0x7F, 0xFF, 0x0C, 0x10],
            CloneFamily::B2 | CloneFamily::C | CloneFamily::F => {
                [0x50, 0x05, 0x55, 0x00, 0x7F, 0xFF, 0x0C, 0x10]
            }
            CloneFamily::D1 => [0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66],
            CloneFamily::D2 => [0x90, 0x01, 0x00, 0x00, 0x7F, 0x7E, 0x81, 0x66],
            CloneFamily::E => [0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10],
        }
    }

    /// What a conversion leaves in byte 6.
    pub fn byte_6(self) -> Byte6 {
        match self {
            CloneFamily::A1 | CloneFamily::A2 | CloneFamily::A3 | CloneFamily::E => Byte6::Follows,
            CloneFamily::B1 | CloneFamily::B2 => Byte6::FollowsUntilWritten,
            CloneFamily::C | CloneFamily::F => Byte6::Fixed,
            CloneFamily::D1 | CloneFamily::D2 => Byte6::Complement,
        }
    }

    /// Whether it ignores the resolution that is set and keeps 12 bits.
    pub fn is_always_12_bits(self) -> bool {
        matches!(self, CloneFamily::C | CloneFamily::F)
    }

    /// How long a conversion takes in milliseconds, where that is not the datasheet's time.
    pub fn conversion(self) -> Option<u64> {
        match self {
            CloneFamily::C | CloneFamily::F => Some(30),
            _ => None,
        }
    }

    /// Whether a short loss of power does not reach its memory.
    pub fn rides_through(self) -> bool {
        self == CloneFamily::A2
    }

    /// Whether it holds its last temperature at power-on.
    pub fn keeps_temperature(self) -> bool {
        self == CloneFamily::D1
    }
}
