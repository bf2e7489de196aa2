//! The nine bytes of a DS18B20's scratchpad: a temperature comes out, or the reason why there is none.
//!
//! The crate `ds18b20` decodes them too, and wrongly: it takes the register for unsigned, so that
//! −10.125 °C becomes 4085.875, and divides by 8, 4 and 2 at 11, 10 and 9 bits, where the register
//! counts sixteenths at every resolution.

use one_wire_bus::crc::crc8;

use crate::reading::{Celsius, Fault};

/// A scratchpad as it comes over the wire: temperature (2, low byte first), alarm limits (2),
/// configuration, three reserved bytes, and the CRC of these eight.
pub type Scratchpad = [u8; 9];

/// The temperature register after power-on: +85 °C.
const POWER_ON_RAW: u16 = 0x0550;
/// The temperature register after a conversion with too little power: +127.94 °C.
const POWER_FAIL_RAW: u16 = 0x07FF;
/// Byte 6 after power-on. A conversion writes 16 minus the low four bits of the register there, so a
/// true +85 °C has 0x10.
const POWER_ON_RESERVED: u8 = 0x0C;
/// The configuration byte is 0RR11111, RR being the resolution.
const CONFIGURATION_MASK: u8 = 0b1001_1111;
const CONFIGURATION_FIXED: u8 = 0b0001_1111;

/// What the scratchpad says.
///
/// # Errors
/// [`Fault::Shorted`] for nine zeros, whose CRC is right; [`Fault::NoAnswer`] for nine times 0xFF,
/// what a silent line reads as; [`Fault::Crc`]; [`Fault::Implausible`] where the fixed bits of the
/// configuration are others; [`Fault::PowerOnReset`], [`Fault::PowerFail`]; [`Fault::OutOfRange`].
pub fn decode(bytes: &Scratchpad) -> Result<Celsius, Fault> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Fault::Shorted);
    }
    if bytes.iter().all(|byte| *byte == 0xFF) {
        return Err(Fault::NoAnswer);
    }
    if crc8(bytes) != 0 {
        return Err(Fault::Crc);
    }
    let [low, high, _, _, configuration, _, reserved, ..] = *bytes;
    if configuration & CONFIGURATION_MASK != CONFIGURATION_FIXED {
        return Err(Fault::Implausible);
    }
    match u16::from_le_bytes([low, high]) {
        POWER_ON_RAW if reserved == POWER_ON_RESERVED => return Err(Fault::PowerOnReset),
        POWER_FAIL_RAW => return Err(Fault::PowerFail),
        _ => {}
    }
    // Below 12 bits the lowest bits are undefined (datasheet, "Temperature Register Format").
    let undefined = 12 - resolution(bytes);
    let celsius = Celsius::from_sixteenths(i16::from_le_bytes([low, high]) >> undefined << undefined);
    if (Celsius::MIN..=Celsius::MAX).contains(&celsius) { Ok(celsius) } else { Err(Fault::OutOfRange) }
}

/// The resolution in bits, 9 to 12.
pub fn resolution(bytes: &Scratchpad) -> u8 {
    9 + (bytes[4] >> 5 & 0b11)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratchpad(raw: u16, configuration: u8, reserved: u8) -> Scratchpad {
        let [low, high] = raw.to_le_bytes();
        let mut bytes = [low, high, 0x4B, 0x46, configuration, 0xFF, reserved, 0x10, 0];
        bytes[8] = crc8(&bytes[..8]);
        bytes
    }

    #[test]
    fn the_datasheets_table_of_temperatures() {
        for (raw, degrees) in [
            (0x07D0, 125.0),
            (0x0550, 85.0),
            (0x0191, 25.0625),
            (0x00A2, 10.125),
            (0x0008, 0.5),
            (0x0000, 0.0),
            (0xFFF8, -0.5),
            (0xFF5E, -10.125),
            (0xFE6F, -25.0625),
            (0xFC90, -55.0),
        ] {
            let celsius = decode(&scratchpad(raw, 0x7F, 0x10)).map(Celsius::degrees);
            assert_eq!(celsius, Ok(degrees), "{raw:#06x}");
        }
    }

    #[test]
    fn undefined_bits_are_cleared_below_twelve_bits() {
        for (configuration, raw) in
            [(0x1F, 0x0198), (0x3F, 0x0198 | 4), (0x5F, 0x0198 | 6), (0x7F, 0x0198 | 7)]
        {
            let said = decode(&scratchpad(0x0198 | 7, configuration, 0x0C)).map(Celsius::sixteenths);
            assert_eq!(said, Ok(raw), "{configuration:#x}");
        }
        assert_eq!(decode(&scratchpad(0xFFF9, 0x1F, 0x0C)).map(Celsius::degrees), Ok(-0.5));
    }

    #[test]
    fn what_cannot_be_a_temperature_has_a_reason() {
        assert_eq!(decode(&[0; 9]), Err(Fault::Shorted));
        assert_eq!(decode(&[0xFF; 9]), Err(Fault::NoAnswer));
        assert_eq!(decode(&scratchpad(0x0550, 0x7F, 0x0C)), Err(Fault::PowerOnReset));
        assert_eq!(decode(&scratchpad(0x07FF, 0x7F, 0x0C)), Err(Fault::PowerFail));
        assert_eq!(decode(&scratchpad(0x07D1, 0x7F, 0x10)), Err(Fault::OutOfRange));
        assert_eq!(decode(&scratchpad(0xFC8F, 0x7F, 0x10)), Err(Fault::OutOfRange));
        for configuration in [0xFF, 0xF0, 0x00, 0x7E] {
            assert_eq!(decode(&scratchpad(0x0191, configuration, 0x10)), Err(Fault::Implausible));
        }
        let mut damaged = scratchpad(0x0191, 0x7F, 0x10);
        damaged[0] ^= 1;
        assert_eq!(decode(&damaged), Err(Fault::Crc));
    }
}
