//! Sequences of raw readings, and what the validator makes of them.

use one_wire_bus::crc::crc8;

use super::*;
use crate::reading::{CloneSign, Sample};

const PROBE: ProbeId = ProbeId::new(DS18B20, 1);
/// 4 °C.
const COLD: i16 = 64;

/// A bus of one probe that says these things, one a sweep.
struct Script(Vec<Result<RawReading, Fault>>, usize);

impl Bus for Script {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        let raw = self.0[self.1.min(self.0.len() - 1)];
        self.1 += 1;
        Ok(Sweep { probes: vec![ProbeReading::new(PROBE, raw)], notices: Vec::new() })
    }
}

/// A scratchpad with a right checksum.
fn bytes(sixteenths: i16, byte_6: u8) -> Scratchpad {
    let [low, high] = sixteenths.to_le_bytes();
    let mut bytes = [low, high, 0x4B, 0x46, 0x7F, 0xFF, byte_6, 0x10, 0];
    bytes[8] = crc8(&bytes[..8]);
    bytes
}

fn genuine(sixteenths: i16) -> Result<RawReading, Fault> {
    let byte_6 = 0x10 - (sixteenths.to_le_bytes()[0] & 0x0F);
    Ok(RawReading::Scratchpad { bytes: bytes(sixteenths, byte_6), sentinel_set: false })
}

fn with_byte_6(sixteenths: i16, byte_6: u8) -> Result<RawReading, Fault> {
    Ok(RawReading::Scratchpad { bytes: bytes(sixteenths, byte_6), sentinel_set: false })
}

/// What is accepted of each sweep, and how often the bus was measured.
fn accepted(raw: &[Result<RawReading, Fault>], sweeps: usize) -> (Vec<Sample>, usize) {
    let (mut bus, mut validator) = (Script(raw.to_vec(), 0), Validator::default());
    let samples = (0..sweeps).map(|_| validator.measure(&mut bus).unwrap().probes[0].sample).collect();
    (samples, bus.1)
}

fn warm(sixteenths: i16) -> Sample {
    Ok(Celsius::from_sixteenths(sixteenths))
}

#[test]
fn a_reset_is_measured_again_at_once_and_heals() {
    let raw = [genuine(COLD), with_byte_6(1360, 0x0C), genuine(COLD + 1)];
    assert_eq!(accepted(&raw, 2), (vec![warm(COLD), warm(COLD + 1)], 3));
}

#[test]
fn a_probe_that_is_reset_every_time_is_a_fault_and_does_not_double_every_sweep() {
    for byte_6 in [0x0C, 0x10] {
        let raw = [genuine(COLD), with_byte_6(1360, byte_6)];
        let reset = Err(Fault::PowerOnReset);
        assert_eq!(accepted(&raw, 4), (vec![warm(COLD), reset, reset, reset], 5), "{byte_6:#x}");
    }
}

#[test]
fn a_true_85_degrees_is_accepted_where_it_can_be_told() {
    let (hot, true_85) = (genuine(1359), with_byte_6(1360, 0x10));
    assert_eq!(accepted(&[hot, true_85], 2).0, [warm(1359), warm(1360)]);
    // A clone whose byte 6 never changes.
    let raw = [1357, 1358, 1359, 1360].map(|sixteenths| with_byte_6(sixteenths, 0x0C));
    assert_eq!(accepted(&raw, 3), (vec![warm(1358), warm(1359), warm(1360)], 4));
    // On a part of the maker's the same bytes are a reset.
    let raw = [genuine(1358), genuine(1359), with_byte_6(1360, 0x0C)];
    assert_eq!(accepted(&raw, 3).0[2], Err(Fault::PowerOnReset));
}

#[test]
fn the_sentinel_tells_a_loss_of_power_whatever_the_value_is() {
    let mut kept = bytes(COLD, 0x10);
    kept[2..4].copy_from_slice(&scratchpad::POWER_LOSS_SENTINEL);
    kept[8] = crc8(&kept[..8]);
    let mut true_85 = kept;
    true_85[..2].copy_from_slice(&1360_i16.to_le_bytes());
    true_85[8] = crc8(&true_85[..8]);
    let sentinel_set = |bytes| Ok(RawReading::Scratchpad { bytes, sentinel_set: true });
    let lost = sentinel_set(bytes(COLD, 0x10));
    assert_eq!(
        accepted(&[sentinel_set(kept), lost, sentinel_set(kept)], 2),
        (vec![warm(COLD), warm(COLD)], 3)
    );
    assert_eq!(accepted(&[lost], 1).0, [Err(Fault::PowerOnReset)]);
    assert_eq!(accepted(&[sentinel_set(true_85)], 1).0, [warm(1360)], "its power was never gone");
}

#[test]
fn a_jump_is_accepted_when_the_next_conversion_confirms_it() {
    let raw = [genuine(COLD), genuine(400), genuine(395)];
    assert_eq!(accepted(&raw, 2), (vec![warm(COLD), warm(395)], 3));
    let raw = [genuine(COLD), genuine(400), genuine(COLD)];
    assert_eq!(accepted(&raw, 2), (vec![warm(COLD), warm(COLD)], 3));
    // Two that disagree: nothing, until a third one decides.
    let raw = [genuine(COLD), genuine(400), genuine(-400), genuine(-401)];
    assert_eq!(accepted(&raw, 3), (vec![warm(COLD), Err(Fault::Implausible), warm(-401)], 4));
}

#[test]
fn a_value_without_bytes_is_asked_for_twice_at_first_and_never_85_by_itself() {
    let value = |sixteenths| Ok(RawReading::Value(Celsius::from_sixteenths(sixteenths)));
    assert_eq!(accepted(&[value(COLD), value(COLD + 2)], 1), (vec![warm(COLD + 2)], 2));
    assert_eq!(accepted(&[value(1360)], 2), (vec![Err(Fault::PowerOnReset); 2], 3));
}

#[test]
fn readings_of_a_rom_code_that_two_probes_have_are_rejected() {
    let mut validator = Validator::default();
    let reading =
        ProbeReading { notices: vec![Notice::DuplicateRom], ..ProbeReading::new(PROBE, genuine(COLD)) };
    let sweep = Sweep { probes: vec![reading], notices: Vec::new() };
    assert_eq!(validator.validate(sweep, None).probes[0].sample, Err(Fault::Implausible));
    let clean = || Sweep { probes: vec![ProbeReading::new(PROBE, genuine(COLD))], notices: Vec::new() };
    let refused = (0..100).filter(|_| {
        let validated = validator.validate(clean(), None);
        let is_duplicate = validated.probes[0].notices.contains(&Notice::DuplicateRom);
        assert_eq!(is_duplicate, validated.probes[0].sample.is_err());
        is_duplicate
    });
    assert_eq!(refused.count(), DUPLICATE_SWEEPS as usize);
}

#[test]
fn clones_are_told_by_their_bytes_and_their_serial_number() {
    let sign = |probe: ProbeId, raw| {
        let mut validator = Validator::default();
        let sweep = Sweep { probes: vec![ProbeReading::new(probe, raw)], notices: Vec::new() };
        validator.validate(sweep, None).probes[0].notices.clone()
    };
    assert_eq!(sign(PROBE, genuine(COLD)), []);
    let fixed = Notice::LikelyClone(CloneSign::FixedByte6);
    assert_eq!(sign(PROBE, with_byte_6(66, 0x0C)), [fixed]);
    let serial = Notice::LikelyClone(CloneSign::Serial);
    assert_eq!(sign(ProbeId::new(DS18B20, 0x0316_a279_0a1b), genuine(COLD)), [serial]);
}
