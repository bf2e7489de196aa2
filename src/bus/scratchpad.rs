//! The nine bytes of a probe's scratchpad: a temperature comes out, or the reason why there is none.
//!
//! The crate `ds18b20` decodes them too, and wrongly: it takes the register for unsigned, so that
//! −10.125 °C becomes 4085.875, and divides by 8, 4 and 2 at 11, 10 and 9 bits, where the register
//! counts sixteenths at every resolution.

use one_wire_bus::crc::crc8;

use crate::reading::{Celsius, Fault};

/// A scratchpad as it comes over the wire: temperature (2, low byte first), alarm limits (2),
/// configuration, three reserved bytes, and the CRC of these eight.
pub type Scratchpad = [u8; 9];

/// The families of probes that are read: each one's code is the first byte of its ROM code.
pub const FAMILIES: [u8; 5] = [DS18S20, DS1822, DS18B20, DS1825, DS28EA00];
/// Half degrees in the register, and a counter that refines them.
pub const DS18S20: u8 = 0x10;
/// A DS18B20 with less accuracy.
pub const DS1822: u8 = 0x22;
/// The probe that all this is about.
pub const DS18B20: u8 = ds18b20::FAMILY_CODE;
/// A DS18B20 with four address pins, and the MAX31850 for thermocouples.
pub const DS1825: u8 = 0x3B;
/// A DS18B20 with two pins for sequence detection.
pub const DS28EA00: u8 = 0x42;

/// The temperature register after a conversion with too little power: +127.94 °C.
const POWER_FAIL_RAW: u16 = 0x07FF;
/// Byte 6 of a DS18B20 at power-on. A conversion writes 16 minus the low four bits of the register
/// there, so a true +85 °C has 0x10.
pub const POWER_ON_BYTE_6: u8 = 0x0C;
/// What the alarm bytes of a probe are set to, once it is known. They are in memory that a loss of power
/// sets back: as long as they stand there, the power was never gone. Nobody sets alarm limits of 45 °C
/// and −53 °C. Colder would not do: the Linux kernel, which writes them for us, makes −55 °C of whatever is
/// below that (`int_to_short` in drivers/w1/slaves/w1_therm.c).
pub const POWER_LOSS_SENTINEL: [u8; 2] = [0x2D, 0xCB];

/// What the scratchpad says, as far as nine bytes by themselves can be wrong.
///
/// # Errors
/// [`Fault::Shorted`] for nine zeros, whose CRC is right; [`Fault::NoAnswer`] for nine times 0xFF,
/// what a silent line reads as; [`Fault::Crc`]; [`Fault::Implausible`] where the fixed bits of the
/// configuration are others, or the probe reports a broken thermocouple; [`Fault::PowerFail`];
/// [`Fault::OutOfRange`].
pub fn decode(family: u8, bytes: &Scratchpad) -> Result<Celsius, Fault> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Fault::Shorted);
    }
    if bytes.iter().all(|byte| *byte == 0xFF) {
        return Err(Fault::NoAnswer);
    }
    if crc8(bytes) != 0 {
        return Err(Fault::Crc);
    }
    let [low, high, _, _, configuration, ..] = *bytes;
    let register = i16::from_le_bytes([low, high]);
    let sixteenths = match family {
        DS18S20 => half_degrees(register, bytes[6], bytes[7])?,
        DS1825 if configuration & 0x80 != 0 => thermocouple(register)?,
        _ => {
            // 0RR11111, but the DS1825 has its address pins in the low four bits.
            let (mask, fixed) = if family == DS1825 { (0x90, 0x10) } else { (0x9F, 0x1F) };
            if configuration & mask != fixed {
                return Err(Fault::Implausible);
            }
            if u16::from_le_bytes([low, high]) == POWER_FAIL_RAW {
                return Err(Fault::PowerFail);
            }
            // Below 12 bits the lowest bits are undefined (datasheet, "Temperature Register Format").
            let undefined = 12 - resolution(family, bytes);
            register >> undefined << undefined
        }
    };
    let celsius = Celsius::from_sixteenths(sixteenths);
    if (Celsius::MIN..=Celsius::MAX).contains(&celsius) { Ok(celsius) } else { Err(Fault::OutOfRange) }
}

/// A DS18S20's register of half degrees, refined by its counters (datasheet, "Operation"). It always counts 16 to a
/// degree; the DS1820 before it counts differently from part to part.
fn half_degrees(register: i16, remain: u8, per_degree: u8) -> Result<i16, Fault> {
    if per_degree == 0 || remain > per_degree {
        return Err(Fault::Implausible);
    }
    let (whole, per_degree) = (i32::from(register >> 1) * 16, i32::from(per_degree));
    let counted = per_degree - i32::from(remain);
    // Rounded to the nearest sixteenth.
    let sixteenths = whole - 4 + (counted * 32 + per_degree) / (per_degree * 2);
    i16::try_from(sixteenths).map_err(|_| Fault::OutOfRange)
}

/// A MAX31850's register: the lowest bit is set where the thermocouple is broken, the next is nothing.
fn thermocouple(register: i16) -> Result<i16, Fault> {
    if register & 1 == 1 { Err(Fault::Implausible) } else { Ok(register & !0b11) }
}

/// The resolution in bits, 9 to 12: how long a conversion takes. A family without a choice takes the time
/// of 12.
pub fn resolution(family: u8, bytes: &Scratchpad) -> u8 {
    match family {
        DS18S20 => 12,
        DS1825 if bytes[4] & 0x80 != 0 => 12,
        _ => 9 + (bytes[4] >> 5 & 0b11),
    }
}

/// The configuration byte for a resolution of 9 to 12 bits, where the family has one that can be chosen.
pub fn configuration(family: u8, bytes: &Scratchpad, bits: u8) -> Option<u8> {
    let chosen = (bits.clamp(9, 12) - 9) << 5;
    match family {
        DS18B20 | DS1822 | DS28EA00 => Some(0x1F | chosen),
        DS1825 if bytes[4] & 0x80 == 0 => Some(bytes[4] & 0x9F | chosen),
        _ => None,
    }
}

/// Whether the alarm bytes hold [`POWER_LOSS_SENTINEL`].
pub fn has_sentinel(bytes: &Scratchpad) -> bool {
    bytes[2..4] == POWER_LOSS_SENTINEL
}

/// Whether two scratchpads of one probe differ only as two readings a moment apart may: everything but
/// the temperature and what belongs to it stayed, and the temperature moved by no more than `most`
/// sixteenths. A garbled answer whose checksum fits by chance rarely passes this.
pub fn resembles(family: u8, bytes: &Scratchpad, before: &Scratchpad, most: u16) -> bool {
    let (Ok(now), Ok(then)) = (decode(family, bytes), decode(family, before)) else { return false };
    bytes[2..6] == before[2..6]
        && bytes[7] == before[7]
        && has_makers_byte_6(family, bytes) == has_makers_byte_6(family, before)
        && now.distance(then) <= most
}

/// Whether byte 6 is what a conversion to that temperature leaves there on a part of the maker's: 16 minus
/// the low four bits of the register. Always so for a family that uses the byte otherwise.
pub fn has_makers_byte_6(family: u8, bytes: &Scratchpad) -> bool {
    family != DS18B20 || bytes[6] == 0x10 - (bytes[0] & 0x0F)
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
            let celsius = decode(DS18B20, &scratchpad(raw, 0x7F, 0x10)).map(Celsius::degrees);
            assert_eq!(celsius, Ok(degrees), "{raw:#06x}");
        }
    }

    #[test]
    fn undefined_bits_are_cleared_below_twelve_bits() {
        for (configuration, raw) in
            [(0x1F, 0x0198), (0x3F, 0x0198 | 4), (0x5F, 0x0198 | 6), (0x7F, 0x0198 | 7)]
        {
            let said = decode(DS18B20, &scratchpad(0x0198 | 7, configuration, 0x0C)).map(Celsius::sixteenths);
            assert_eq!(said, Ok(raw), "{configuration:#x}");
        }
        assert_eq!(decode(DS18B20, &scratchpad(0xFFF9, 0x1F, 0x0C)).map(Celsius::degrees), Ok(-0.5));
    }

    #[test]
    fn what_cannot_be_a_temperature_has_a_reason() {
        assert_eq!(decode(DS18B20, &[0; 9]), Err(Fault::Shorted));
        assert_eq!(decode(DS18B20, &[0xFF; 9]), Err(Fault::NoAnswer));
        assert_eq!(decode(DS18B20, &scratchpad(0x07FF, 0x7F, 0x0C)), Err(Fault::PowerFail));
        assert_eq!(decode(DS18B20, &scratchpad(0x07D1, 0x7F, 0x10)), Err(Fault::OutOfRange));
        assert_eq!(decode(DS18B20, &scratchpad(0xFC8F, 0x7F, 0x10)), Err(Fault::OutOfRange));
        for configuration in [0xFF, 0xF0, 0x00, 0x7E] {
            assert_eq!(decode(DS18B20, &scratchpad(0x0191, configuration, 0x10)), Err(Fault::Implausible));
        }
        let mut damaged = scratchpad(0x0191, 0x7F, 0x10);
        damaged[0] ^= 1;
        assert_eq!(decode(DS18B20, &damaged), Err(Fault::Crc));
    }

    #[test]
    fn a_ds18s20_counts_half_degrees_and_what_remains() {
        // Datasheet, table "Temperature/Data Relationship", with the counter that refines it.
        for (register, remain, degrees) in
            [(0x00AA_u16, 0x0C, 85.0), (0x0032, 0x0C, 25.0), (0x0032, 0x10, 24.75), (0xFFFF, 0x0C, -1.0)]
        {
            let [low, high] = register.to_le_bytes();
            let mut bytes = [low, high, 0x4B, 0x46, 0xFF, 0xFF, remain, 0x10, 0];
            bytes[8] = crc8(&bytes[..8]);
            assert_eq!(decode(DS18S20, &bytes).map(Celsius::degrees), Ok(degrees), "{register:#06x}");
        }
    }

    #[test]
    fn a_ds18s20_at_the_ends_of_its_register_is_out_of_range() {
        for register in [i16::MIN, i16::MIN + 1, -4_096, 4_095, i16::MAX] {
            for (remain, per_degree) in [(0, 1), (0x0C, 0x10), (0, 0xFF), (0xFF, 0xFF)] {
                let [low, high] = register.to_le_bytes();
                let mut bytes = [low, high, 0x4B, 0x46, 0xFF, 0xFF, remain, per_degree, 0];
                bytes[8] = crc8(&bytes[..8]);
                assert_eq!(
                    decode(DS18S20, &bytes),
                    Err(Fault::OutOfRange),
                    "{register} {remain} {per_degree}"
                );
            }
        }
    }

    #[test]
    fn a_ds1820_counts_a_degree_in_as_many_steps_as_it_says() {
        let read = |remain, per_degree| {
            let mut bytes = [0x2C, 0, 0x4B, 0x46, 0xFF, 0xFF, remain, per_degree, 0];
            bytes[8] = crc8(&bytes[..8]);
            decode(DS18S20, &bytes).map(Celsius::degrees)
        };
        // 22 - 0.25 + (84 - 46) / 84 = 22.202
        assert_eq!(read(0x2E, 0x54), Ok(22.1875));
        assert_eq!(read(0x0C, 0x10), Ok(22.0));
        assert_eq!(read(0, 0), Err(Fault::Implausible));
        assert_eq!(read(0x55, 0x54), Err(Fault::Implausible));
    }

    #[test]
    fn a_thermocouple_has_quarters_and_says_when_it_is_broken() {
        assert_eq!(decode(DS1825, &scratchpad(0x0192, 0xF5, 0)).map(Celsius::degrees), Ok(25.0));
        assert_eq!(decode(DS1825, &scratchpad(0x0191, 0xF5, 0)), Err(Fault::Implausible));
        assert_eq!(decode(DS1825, &scratchpad(0x3000, 0xF5, 0)), Err(Fault::OutOfRange));
        assert_eq!(decode(DS1825, &scratchpad(0x0191, 0x75, 0)).map(Celsius::degrees), Ok(25.0625));
    }

    #[test]
    fn readings_resemble_each_other_when_only_the_temperature_moved() {
        let before = scratchpad(0x0191, 0x7F, 0x0F);
        assert!(resembles(DS18B20, &scratchpad(0x0192, 0x7F, 0x0E), &before, 16));
        assert!(!resembles(DS18B20, &scratchpad(0x0192, 0x7F, 0x0D), &before, 16), "byte 6 followed before");
        assert!(!resembles(DS18B20, &scratchpad(0x01B1, 0x7F, 0x0F), &before, 16), "2 °C");
        assert!(!resembles(DS18B20, &scratchpad(0x0190, 0x5F, 0x10), &before, 16), "another resolution");
    }
}
