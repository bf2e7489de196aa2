//! The measured value: which probe, how warm, when, or why not.
//!
//! Everything between the wire and the words uses these types. A temperature is a whole number of
//! sixteenths of a degree from the probe's register to the rule that judges it; absence is a
//! [`Fault`] with a reason, never a number that looks like one.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::VariantArray;
use utoipa::ToSchema;

mod notice;

pub use notice::{CloneSign, Notice};

/// The identity of a sensor: a probe's ROM code, which is its family code and its 48-bit serial number; or, in a family that
/// no probe has, the number of a fridge of another gateway, for as long as this one runs.
///
/// Written as the Linux kernel writes it: `28-0316a2790a1b`, two hexadecimal digits of the family,
/// then twelve of the serial number, most significant byte first, without the CRC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId {
    family: u8,
    serial: u64,
}

/// The family of what another gateway reads: no probe has it.
const REMOTE: u8 = 0;
/// So many bits of the serial number count the fridges of another gateway; those above count the gateways.
const REMOTE_BITS: u32 = 24;

/// Why a text is not a ROM code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a probe is written as two hexadecimal digits, a dash and twelve more, such as 28-0316a2790a1b")]
pub struct ProbeIdError;

impl ProbeId {
    /// A probe of `family` with the low 48 bits of `serial`.
    pub const fn new(family: u8, serial: u64) -> Self {
        ProbeId { family, serial: serial & 0xFFFF_FFFF_FFFF }
    }

    /// What another gateway reads: that of its fridges, both counted from 0.
    pub const fn remote(site: usize, fridge: usize) -> Self {
        ProbeId::new(REMOTE, ((site as u64) << REMOTE_BITS) | fridge as u64)
    }

    /// Which gateway reads it, where that is another one.
    pub fn site(self) -> Option<usize> {
        (self.family == REMOTE).then_some((self.serial >> REMOTE_BITS) as usize)
    }

    /// From the eight bytes that come over the wire (family first, CRC last).
    /// The CRC is the caller's to check.
    pub fn from_rom(rom: [u8; 8]) -> Self {
        let [family, s0, s1, s2, s3, s4, s5, _crc] = rom;
        ProbeId { family, serial: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, 0, 0]) }
    }

    /// The first seven bytes of the ROM code, in wire order; the eighth is their CRC.
    pub fn rom_without_crc(self) -> [u8; 7] {
        let [s0, s1, s2, s3, s4, s5, ..] = self.serial.to_le_bytes();
        [self.family, s0, s1, s2, s3, s4, s5]
    }

    /// The family code: 0x28 for a DS18B20.
    pub fn family(self) -> u8 {
        self.family
    }
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}-{:012x}", self.family, self.serial)
    }
}

impl fmt::Debug for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ProbeId {
    type Err = ProbeIdError;

    fn from_str(text: &str) -> Result<Self, ProbeIdError> {
        let hex = |digits: &str, length: usize| {
            (digits.len() == length && digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .then(|| u64::from_str_radix(digits, 16).ok())
                .flatten()
        };
        let (family, serial) = text.trim().split_once('-').ok_or(ProbeIdError)?;
        let family = hex(family, 2).and_then(|family| u8::try_from(family).ok()).ok_or(ProbeIdError)?;
        Ok(ProbeId { family, serial: hex(serial, 12).ok_or(ProbeIdError)? })
    }
}

impl Serialize for ProbeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProbeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A temperature in whole sixteenths of a degree Celsius, the unit of the probe's own register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = f64)]
pub struct Celsius(i16);

impl Celsius {
    /// The lowest temperature a DS18B20 can report: −55 °C (datasheet, "Operation").
    pub const MIN: Celsius = Celsius(-55 * 16);
    /// The highest temperature a DS18B20 can report: +125 °C.
    pub const MAX: Celsius = Celsius(125 * 16);

    /// A temperature of `sixteenths` / 16 °C.
    pub const fn from_sixteenths(sixteenths: i16) -> Self {
        Celsius(sixteenths)
    }

    /// The nearest sixteenth to `degrees`; `None` outside −55 to +125 °C and for NaN.
    pub fn from_degrees(degrees: f64) -> Option<Self> {
        let sixteenths = (degrees * 16.0).round();
        (f64::from(Self::MIN.0)..=f64::from(Self::MAX.0))
            .contains(&sixteenths)
            .then_some(Celsius(sixteenths as i16))
    }

    /// The temperature in sixteenths of a degree.
    pub const fn sixteenths(self) -> i16 {
        self.0
    }

    /// The temperature in degrees. Exact: every sixteenth is a binary fraction.
    pub fn degrees(self) -> f64 {
        f64::from(self.0) / 16.0
    }

    /// How far two temperatures lie apart, in sixteenths of a degree.
    pub fn distance(self, other: Celsius) -> u16 {
        self.0.abs_diff(other.0)
    }
}

impl fmt::Debug for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} °C", self.degrees())
    }
}

impl Serialize for Celsius {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.degrees())
    }
}

/// Why there is no temperature.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, VariantArray, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No sweep has ended yet since the start.
    Pending,
    /// The probe was found before, and did not answer when it was read.
    NoAnswer,
    /// The probe is on none of the buses.
    Absent,
    /// The kernel lists the probe, and has no driver loaded that reads it.
    NoDriver,
    /// The data line is held low: a short circuit, or a probe wired the wrong way round.
    Shorted,
    /// What the probe sent does not fit its checksum, every time it was asked.
    Crc,
    /// The computer missed the time windows of the bus, every time it tried.
    Late,
    /// The probe lost its power since the conversion began: 85 °C, its value at power-on.
    PowerOnReset,
    /// The probe reports too little power to convert (127.94 °C).
    PowerFail,
    /// The value lies outside −55 to +125 °C.
    OutOfRange,
    /// The checksum fits, and the content cannot be: reserved bits differ, or two readings disagree.
    Implausible,
    /// The bus as a whole could not be measured.
    Bus,
}

/// Why a bus as a whole cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BusFault {
    /// What that makes of each of its probes.
    pub fault: Fault,
    /// One sentence for the log and the doctor: what is wrong, and the cure where one is known.
    pub detail: String,
}

/// What one sweep says of one probe.
pub type Sample = Result<Celsius, Fault>;

/// What one sweep says of one probe, and what it took to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// The probe.
    pub probe: ProbeId,
    /// Its value, or why there is none.
    pub sample: Sample,
    /// The value before its fridge's calibration, where there is one.
    pub raw: Option<Celsius>,
    /// What went wrong on the way.
    pub counts: Counts,
    /// What is noteworthy about the probe.
    pub notices: Vec<Notice>,
}

impl From<(ProbeId, Sample)> for Sampled {
    fn from((probe, sample): (ProbeId, Sample)) -> Self {
        Sampled { probe, sample, raw: None, counts: Counts::default(), notices: Vec::new() }
    }
}

/// How often something went wrong between asking a probe and accepting its value, also where asking again
/// mended it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answers whose checksum did not fit.
    pub crc: u64,
    /// Tries in which the computer missed a time window of the bus.
    pub late: u64,
    /// Tries that no probe answered.
    pub no_answer: u64,
    /// Values that the probe holds at power-on.
    pub resets: u64,
    /// Readings that were made again.
    pub retries: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.crc += other.crc;
        self.late += other.late;
        self.no_answer += other.no_answer;
        self.resets += other.resets;
        self.retries += other.retries;
    }
}

/// A moment, on both clocks. Ages come from `mono` alone: a Raspberry Pi has no battery clock, and
/// its wall clock may jump by years when the network comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Time since some fixed moment before the start of the process; never steps.
    pub mono: Duration,
    /// The wall clock, for display and for telling which day it is.
    pub wall: Timestamp,
}

impl Stamp {
    /// How long before this moment `earlier` was; zero if it was not.
    pub fn since(&self, earlier: &Stamp) -> Duration {
        self.mono.saturating_sub(earlier.mono)
    }

    /// The earlier moment `mono` of the clock that never steps, on both clocks.
    pub fn at_mono(&self, mono: Duration) -> Stamp {
        let wall = self.wall.checked_sub(self.mono.saturating_sub(mono)).unwrap_or(self.wall);
        Stamp { mono, wall }
    }

    /// The earlier moment `wall` of the wall clock, on both clocks. Before the start of the clock that never steps
    /// there is nothing: such a moment is at its zero.
    pub fn at_wall(&self, wall: Timestamp) -> Stamp {
        let ago = self.wall.duration_since(wall).try_into().unwrap_or(Duration::ZERO);
        Stamp { mono: self.mono.saturating_sub(ago), wall }
    }
}

/// Where the present moment comes from. The daemon and the bus threads hold one; everything
/// between is given a [`Stamp`].
pub type Clock = Arc<dyn Fn() -> Stamp + Send + Sync>;

/// What is known of one probe at the moment of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A value younger than three periods of its bus.
    Fresh {
        /// The value.
        celsius: Celsius,
        /// How old it is.
        age: Duration,
    },
    /// The newest value is too old to stand for the present, and the bus gave no reason.
    Stale {
        /// The old value; never to be shown as the present one.
        celsius: Celsius,
        /// How old it is.
        age: Duration,
    },
    /// There is a reason why there is no value.
    Fault {
        /// The reason.
        fault: Fault,
        /// For how long it has held.
        lasts: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_written_as_the_kernel_writes_it() {
        let id = ProbeId::from_rom([0x28, 0x1b, 0x0a, 0x79, 0xa2, 0x16, 0x03, 0x00]);
        assert_eq!(id.to_string(), "28-0316a2790a1b");
        assert_eq!("28-0316A2790a1b".parse(), Ok(id));
        assert_eq!(id.rom_without_crc(), [0x28, 0x1b, 0x0a, 0x79, 0xa2, 0x16, 0x03]);
        for wrong in [
            "",
            "28",
            "28-",
            "28-0316a2790a1",
            "28-0316a2790a1b0",
            "2-80316a2790a1b",
            "28-+316a2790a1b",
            "zz-0316a2790a1b",
        ] {
            assert_eq!(wrong.parse::<ProbeId>(), Err(ProbeIdError), "{wrong}");
        }
    }

    #[test]
    fn degrees_round_to_the_nearest_sixteenth_and_stay_in_the_probes_range() {
        assert_eq!(Celsius::from_degrees(5.3).map(Celsius::sixteenths), Some(85));
        assert_eq!(Celsius::from_degrees(-55.0), Some(Celsius::MIN));
        assert_eq!(Celsius::from_degrees(125.0), Some(Celsius::MAX));
        for outside in [-55.1, 125.1, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Celsius::from_degrees(outside), None, "{outside}");
        }
    }
}
