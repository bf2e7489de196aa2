//! Whether what a bus says is believed: a sweep goes in; out comes a value or a fault for each probe.
//! It is the same for every bus. What is doubtful is not guessed at: the bus is measured once more, and
//! the two are compared.
//!
//! A probe that lost its power shows +85 °C, and a checksum that fits. Whether it did is told, in this
//! order, by its alarm bytes, which the loss sets back (see [`scratchpad::MARK`]); by byte 6, which a part
//! of the maker leaves at 0x0C until it has converted; and where neither can tell, by the last good value:
//! +85 °C is believed only beside one that is near. Serial numbers, clones and their ways:
//! github.com/cpetrich/counterfeit_DS18B20.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::bus::scratchpad::{self, DS18B20, DS18S20, Scratchpad};
use crate::bus::{Bus, BusError, Found, Said, Sweep};
use crate::fridge::Calibration;
use crate::reading::{Celsius, CloneSign, Fault, ProbeId, Remark, Sampled};

/// No probe in a fridge gets so much warmer or colder from one sweep to the next, unless somebody moves
/// it: 10 °C. A value that jumps so far must be confirmed by another conversion.
const JUMP: u16 = 160;
/// Values that lie no further apart confirm each other: 2 °C, which a probe that is dipped into ice water
/// may move within a second.
const NEAR: u16 = 32;
/// What a probe holds at power-on: +85 °C.
const POWER_ON: Celsius = Celsius::from_sixteenths(85 * 16);
/// The same in a DS18S20's register of half degrees, the low byte first.
const POWER_ON_HALVES: [u8; 2] = [0xAA, 0x00];
/// What clones with other reserved bytes hold at power-on: +25 °C.
const POWER_ON_OF_CLONES: Celsius = Celsius::from_sixteenths(25 * 16);
/// For so many sweeps nothing is believed that comes under an identity that two probes have.
const TWIN_SWEEPS: u32 = 60;

/// How each probe's values are corrected; exchanged as a whole when the configuration is read again.
#[derive(Debug, Default)]
pub struct Calibrations(RwLock<Arc<HashMap<ProbeId, Calibration>>>);

impl Calibrations {
    /// Corrects these probes.
    pub fn new(probes: HashMap<ProbeId, Calibration>) -> Self {
        Calibrations(RwLock::new(Arc::new(probes)))
    }

    /// From the next sweep on corrects these.
    pub fn exchange(&self, probes: HashMap<ProbeId, Calibration>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(probes);
    }

    fn of(&self, probe: ProbeId) -> Option<Calibration> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&probe).copied()
    }
}

/// What a bus's probes said before, and so what can be believed of them now.
#[derive(Default)]
pub struct Trust {
    calibrations: Arc<Calibrations>,
    probes: HashMap<ProbeId, Memory>,
}

/// A sweep, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The probes.
    pub probes: Vec<Sampled>,
    /// What is noteworthy about the bus.
    pub remarks: Vec<Remark>,
}

/// What is remembered of a probe.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    last_good: Option<Celsius>,
    /// A value that jumped and was not confirmed yet.
    candidate: Option<Celsius>,
    /// Whether its last sweep ended in doubt: then another conversion at once tells nothing new.
    doubted: bool,
    /// Its byte 6 was seen at 0x0C where a conversion on a part of the maker leaves something else.
    fixed_byte_6: bool,
    /// Sweeps for which it is not believed, because another probe has its identity.
    twin: u32,
}

/// One probe's word, looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Believed(Celsius),
    /// Another conversion may tell.
    Doubtful {
        fault: Fault,
        value: Option<Celsius>,
    },
    Refused(Fault),
}

impl Trust {
    /// Knows no probe yet; corrects each as told.
    pub fn new(calibrations: Arc<Calibrations>) -> Self {
        Trust { calibrations, probes: HashMap::new() }
    }

    /// Measures the bus, and once more where that is what settles a doubt.
    ///
    /// # Errors
    /// [`BusError`] where the bus could not be measured.
    pub fn measure(&mut self, bus: &mut dyn Bus) -> Result<Judged, BusError> {
        let sweep = bus.measure()?;
        let again = if self.is_worth_another(&sweep) { bus.measure().ok() } else { None };
        Ok(self.judge(sweep, again))
    }

    fn memory(&self, probe: ProbeId) -> Memory {
        self.probes.get(&probe).copied().unwrap_or_default()
    }

    fn is_worth_another(&self, sweep: &Sweep) -> bool {
        sweep.probes.iter().any(|found| {
            let memory = self.memory(found.probe);
            matches!(memory.hear(found), Word::Doubtful { .. }) && !memory.doubted
        })
    }

    /// Judges a sweep, and the one after it where there is one: it decides about those that are doubtful.
    fn judge(&mut self, sweep: Sweep, again: Option<Sweep>) -> Judged {
        let again: HashMap<ProbeId, Found> = again
            .map(|sweep| sweep.probes.into_iter().map(|found| (found.probe, found)).collect())
            .unwrap_or_default();
        let probes = sweep.probes.into_iter().map(|found| {
            let again = again.get(&found.probe);
            self.judge_one(found, again)
        });
        Judged { probes: probes.collect(), remarks: sweep.remarks }
    }

    fn judge_one(&mut self, found: Found, again: Option<&Found>) -> Sampled {
        let probe = found.probe;
        let memory = self.probes.entry(probe).or_default();
        let (mut counts, mut remarks) = (found.counts, found.remarks.clone());
        let twin = remarks.contains(&Remark::Twin);
        if twin {
            memory.twin = TWIN_SWEEPS;
        }
        let mut word = memory.hear(&found);
        memory.learn(&found);
        counts.resets += u64::from(word.is_reset());
        if let (Word::Doubtful { value, .. }, Some(again)) = (word, again) {
            counts += again.counts;
            counts.retries += 1;
            memory.candidate = value;
            word = memory.hear(again);
            memory.learn(again);
        }
        let sample = match word {
            Word::Believed(celsius) => Ok(celsius),
            Word::Doubtful { fault, .. } | Word::Refused(fault) => Err(fault),
        };
        if memory.twin > 0 && !twin {
            memory.twin -= 1;
            remarks.push(Remark::Twin);
        }
        memory.doubted = matches!(word, Word::Doubtful { .. });
        memory.candidate = match word {
            Word::Doubtful { value, .. } => value,
            _ => None,
        };
        memory.last_good = sample.ok().or(memory.last_good);
        remarks.extend(memory.clone_sign(&found).map(Remark::LikelyClone));
        remarks.sort();
        let calibration = self.calibrations.of(probe);
        Sampled {
            probe,
            sample: sample.map(|raw| calibration.map_or(raw, |calibration| calibration.apply(raw))),
            raw: sample.ok().filter(|_| calibration.is_some()),
            counts,
            remarks,
        }
    }
}

impl Memory {
    /// What to make of what a probe said.
    fn hear(&self, found: &Found) -> Word {
        if self.twin > 0 {
            return Word::Refused(Fault::Implausible);
        }
        let said = match found.said {
            Ok(said) => said,
            Err(fault) => return Word::Refused(fault),
        };
        let family = found.probe.family();
        let (celsius, lost_power) = match said {
            Said::Value(celsius) => (celsius, celsius == POWER_ON && self.is_far_from(POWER_ON)),
            Said::Scratchpad { bytes, marked } => match scratchpad::decode(family, &bytes) {
                Err(fault) => return Word::Refused(fault),
                Ok(celsius) => (celsius, self.lost_power(family, &bytes, celsius, marked)),
            },
        };
        if lost_power {
            return Word::Doubtful { fault: Fault::PowerOnReset, value: None };
        }
        let confirms = |other: Option<Celsius>| other.is_some_and(|other| other.distance(celsius) <= NEAR);
        let jumped = match (self.last_good, said) {
            (Some(last), _) => last.distance(celsius) > JUMP,
            // The bus has read these bytes twice; a value that comes without them was read by nobody twice.
            (None, Said::Value(_)) => true,
            // What two probes say at once comes twice as well, and its byte 6 seldom fits.
            (None, Said::Scratchpad { bytes, .. }) => !scratchpad::has_makers_byte_6(family, &bytes),
        };
        if jumped && !confirms(self.candidate) {
            return Word::Doubtful { fault: Fault::Implausible, value: Some(celsius) };
        }
        Word::Believed(celsius)
    }

    /// Whether the value is what the probe held at power-on, as far as its bytes and its past tell.
    fn lost_power(&self, family: u8, bytes: &Scratchpad, celsius: Celsius, marked: bool) -> bool {
        if marked && !scratchpad::is_marked(bytes) {
            return true;
        }
        // All bits: below 12 bits a conversion leaves anything in the lowest.
        let power_on = match family {
            DS18S20 => POWER_ON_HALVES,
            _ => POWER_ON.sixteenths().to_le_bytes(),
        };
        if bytes[..2] == power_on {
            let unconverted = family == DS18B20 && bytes[6] == scratchpad::POWER_ON_BYTE_6;
            return if unconverted && !self.fixed_byte_6 {
                true
            } else if unconverted || family == DS18S20 || !marked {
                self.is_far_from(POWER_ON)
            } else {
                // It converted, and its power was never gone.
                false
            };
        }
        let of_clone = celsius == POWER_ON_OF_CLONES && has_other_reserved_bytes(bytes);
        family == DS18B20 && !marked && of_clone && self.is_far_from(POWER_ON_OF_CLONES)
    }

    /// Whether the last good value is not near this one.
    fn is_far_from(&self, celsius: Celsius) -> bool {
        self.last_good.is_none_or(|last| last.distance(celsius) > NEAR)
    }

    /// Remembers how the probe's bytes behave.
    fn learn(&mut self, found: &Found) {
        if let Ok(Said::Scratchpad { bytes, .. }) = found.said
            && found.probe.family() == DS18B20
            && scratchpad::decode(DS18B20, &bytes).is_ok_and(|celsius| celsius != POWER_ON)
            && bytes[6] == scratchpad::POWER_ON_BYTE_6
            && bytes[0] & 0x0F != 0x04
        {
            self.fixed_byte_6 = true;
        }
    }

    /// Why the probe is probably no part of the maker's.
    fn clone_sign(&self, found: &Found) -> Option<CloneSign> {
        if found.probe.family() != DS18B20 {
            return None;
        }
        let other_bytes = match found.said {
            Ok(Said::Scratchpad { bytes, .. }) => has_other_reserved_bytes(&bytes),
            _ => false,
        };
        if self.fixed_byte_6 {
            return Some(CloneSign::FixedByte6);
        }
        if other_bytes {
            return Some(CloneSign::ReservedBytes);
        }
        // 28-tt-tt-ss-ss-00-00: the highest two bytes of the maker's serial numbers are zero.
        let [.., s4, s5] = found.probe.rom_without_crc();
        (s4 != 0 || s5 != 0).then_some(CloneSign::Serial)
    }
}

impl Word {
    fn is_reset(self) -> bool {
        matches!(self, Word::Doubtful { fault: Fault::PowerOnReset, .. } | Word::Refused(Fault::PowerOnReset))
    }
}

fn has_other_reserved_bytes(bytes: &Scratchpad) -> bool {
    bytes[5] != 0xFF || bytes[7] != 0x10
}

#[cfg(test)]
mod tests {
    use one_wire_bus::crc::crc8;

    use super::*;
    use crate::reading::Sample;

    const PROBE: ProbeId = ProbeId::new(DS18B20, 1);
    /// 4 °C.
    const COLD: i16 = 64;

    /// A bus of one probe that says these things, one a sweep.
    struct Script(Vec<Result<Said, Fault>>, usize);

    impl Bus for Script {
        fn measure(&mut self) -> Result<Sweep, BusError> {
            let said = self.0[self.1.min(self.0.len() - 1)];
            self.1 += 1;
            Ok(Sweep { probes: vec![Found::new(PROBE, said)], remarks: Vec::new() })
        }
    }

    /// A scratchpad with a right checksum.
    fn bytes(sixteenths: i16, byte_6: u8) -> Scratchpad {
        let [low, high] = sixteenths.to_le_bytes();
        let mut bytes = [low, high, 0x4B, 0x46, 0x7F, 0xFF, byte_6, 0x10, 0];
        bytes[8] = crc8(&bytes[..8]);
        bytes
    }

    fn genuine(sixteenths: i16) -> Result<Said, Fault> {
        let byte_6 = 0x10 - (sixteenths.to_le_bytes()[0] & 0x0F);
        Ok(Said::Scratchpad { bytes: bytes(sixteenths, byte_6), marked: false })
    }

    fn with_byte_6(sixteenths: i16, byte_6: u8) -> Result<Said, Fault> {
        Ok(Said::Scratchpad { bytes: bytes(sixteenths, byte_6), marked: false })
    }

    /// What is believed of each sweep, and how often the bus was measured.
    fn believed(said: &[Result<Said, Fault>], sweeps: usize) -> (Vec<Sample>, usize) {
        let (mut bus, mut trust) = (Script(said.to_vec(), 0), Trust::default());
        let samples = (0..sweeps).map(|_| trust.measure(&mut bus).unwrap().probes[0].sample).collect();
        (samples, bus.1)
    }

    fn warm(sixteenths: i16) -> Sample {
        Ok(Celsius::from_sixteenths(sixteenths))
    }

    #[test]
    fn a_reset_is_measured_again_at_once_and_heals() {
        let said = [genuine(COLD), with_byte_6(1360, 0x0C), genuine(COLD + 1)];
        assert_eq!(believed(&said, 2), (vec![warm(COLD), warm(COLD + 1)], 3));
    }

    #[test]
    fn a_probe_that_is_reset_every_time_is_a_fault_and_does_not_double_every_sweep() {
        for byte_6 in [0x0C, 0x10] {
            let said = [genuine(COLD), with_byte_6(1360, byte_6)];
            let reset = Err(Fault::PowerOnReset);
            assert_eq!(believed(&said, 4), (vec![warm(COLD), reset, reset, reset], 5), "{byte_6:#x}");
        }
    }

    #[test]
    fn a_true_85_degrees_is_believed_where_it_can_be_told() {
        let (hot, true_85) = (genuine(1359), with_byte_6(1360, 0x10));
        assert_eq!(believed(&[hot, true_85], 2).0, [warm(1359), warm(1360)]);
        // A clone whose byte 6 never changes.
        let said = [1357, 1358, 1359, 1360].map(|sixteenths| with_byte_6(sixteenths, 0x0C));
        assert_eq!(believed(&said, 3), (vec![warm(1358), warm(1359), warm(1360)], 4));
        // On a part of the maker's the same bytes are a reset.
        let said = [genuine(1358), genuine(1359), with_byte_6(1360, 0x0C)];
        assert_eq!(believed(&said, 3).0[2], Err(Fault::PowerOnReset));
    }

    #[test]
    fn the_mark_tells_a_loss_of_power_whatever_the_value_is() {
        let mut kept = bytes(COLD, 0x10);
        kept[2..4].copy_from_slice(&scratchpad::MARK);
        kept[8] = crc8(&kept[..8]);
        let mut true_85 = kept;
        true_85[..2].copy_from_slice(&1360_i16.to_le_bytes());
        true_85[8] = crc8(&true_85[..8]);
        let marked = |bytes| Ok(Said::Scratchpad { bytes, marked: true });
        let lost = marked(bytes(COLD, 0x10));
        assert_eq!(believed(&[marked(kept), lost, marked(kept)], 2), (vec![warm(COLD), warm(COLD)], 3));
        assert_eq!(believed(&[lost], 1).0, [Err(Fault::PowerOnReset)]);
        assert_eq!(believed(&[marked(true_85)], 1).0, [warm(1360)], "its power was never gone");
    }

    #[test]
    fn a_jump_is_believed_when_the_next_conversion_confirms_it() {
        let said = [genuine(COLD), genuine(400), genuine(395)];
        assert_eq!(believed(&said, 2), (vec![warm(COLD), warm(395)], 3));
        let said = [genuine(COLD), genuine(400), genuine(COLD)];
        assert_eq!(believed(&said, 2), (vec![warm(COLD), warm(COLD)], 3));
        // Two that disagree: nothing, until a third one decides.
        let said = [genuine(COLD), genuine(400), genuine(-400), genuine(-401)];
        assert_eq!(believed(&said, 3), (vec![warm(COLD), Err(Fault::Implausible), warm(-401)], 4));
    }

    #[test]
    fn a_value_without_bytes_is_asked_for_twice_at_first_and_never_85_by_itself() {
        let value = |sixteenths| Ok(Said::Value(Celsius::from_sixteenths(sixteenths)));
        assert_eq!(believed(&[value(COLD), value(COLD + 2)], 1), (vec![warm(COLD + 2)], 2));
        assert_eq!(believed(&[value(1360)], 2), (vec![Err(Fault::PowerOnReset); 2], 3));
    }

    #[test]
    fn nothing_is_believed_of_an_identity_that_two_probes_have() {
        let mut trust = Trust::default();
        let found = Found { remarks: vec![Remark::Twin], ..Found::new(PROBE, genuine(COLD)) };
        let sweep = Sweep { probes: vec![found], remarks: Vec::new() };
        assert_eq!(trust.judge(sweep, None).probes[0].sample, Err(Fault::Implausible));
        let clean = || Sweep { probes: vec![Found::new(PROBE, genuine(COLD))], remarks: Vec::new() };
        let refused = (0..100).filter(|_| {
            let judged = trust.judge(clean(), None);
            let twin = judged.probes[0].remarks.contains(&Remark::Twin);
            assert_eq!(twin, judged.probes[0].sample.is_err());
            twin
        });
        assert_eq!(refused.count(), TWIN_SWEEPS as usize);
    }

    #[test]
    fn a_calibration_changes_what_is_shown_and_not_what_is_judged() {
        let calibrations = HashMap::from([(PROBE, Calibration::Offset(-1.0))]);
        let mut trust = Trust::new(Arc::new(Calibrations::new(calibrations)));
        let judged = trust.measure(&mut Script(vec![genuine(COLD)], 0)).unwrap();
        let sampled = &judged.probes[0];
        assert_eq!((sampled.sample, sampled.raw), (warm(COLD - 16), Some(Celsius::from_sixteenths(COLD))));
    }

    #[test]
    fn clones_are_told_by_their_bytes_and_their_serial_number() {
        let sign = |probe: ProbeId, said| {
            let mut trust = Trust::default();
            let sweep = Sweep { probes: vec![Found::new(probe, said)], remarks: Vec::new() };
            trust.judge(sweep, None).probes[0].remarks.clone()
        };
        assert_eq!(sign(PROBE, genuine(COLD)), []);
        let fixed = Remark::LikelyClone(CloneSign::FixedByte6);
        assert_eq!(sign(PROBE, with_byte_6(66, 0x0C)), [fixed]);
        let serial = Remark::LikelyClone(CloneSign::Serial);
        assert_eq!(sign(ProbeId::new(DS18B20, 0x0316_a279_0a1b), genuine(COLD)), [serial]);
    }
}
