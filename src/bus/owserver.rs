//! An `owserver` of the 1-Wire file system (OWFS), here or on another machine: it drives the adapter, this
//! asks it over the network. One write converts all probes; each value is then read past its cache.
//!
//! It hands out values, made of the scratchpads by its own rules, and no loss of power can be seen behind
//! them but by the value itself; `docs/readings.md` explains what that means.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use data_encoding::HEXUPPER_PERMISSIVE;
use one_wire_bus::crc::crc8;

use super::scratchpad::{DS1825, FAMILIES};
use super::{Bus, MOST_PROBES, ProbeReading, RawReading, Sweep};
use crate::reading::{BusFault, Celsius, Counts, Fault, Notice, ProbeId};

pub mod message;

use message::{Connection, Error};

/// Where an owserver listens by default.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:4304";
/// So many entries of its list are looked at: one without an address in its name is a question of its own.
const MOST_ENTRIES: usize = 2 * MOST_PROBES;
/// How long to wait for a connection, and for each piece of an answer. While it works, the server sends a
/// sign of life every second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Host and port.
    pub address: String,
}

/// The probes of one server.
pub(super) struct Owserver {
    address: String,
    connection: Option<Connection>,
    known: BTreeMap<ProbeId, Known>,
}

/// One probe of a listing.
struct Listed {
    probe: ProbeId,
    path: String,
}

/// What is asked once of a probe.
#[derive(Clone, Copy)]
struct Known {
    /// Whether it is powered through the data line.
    is_parasite: bool,
    /// What it is.
    part: Part,
}

/// What a probe is: a DS1825 and a MAX31850 have one family, and tell different temperatures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It tells its own temperature.
    Thermometer,
    /// A MAX31850: it tells that of its thermocouple, and its own on another file.
    Thermocouple,
    /// So often in a row it had no thermocouple. Once may be an error on the wire.
    Unsure(u8),
}

/// After so many times a part of that family is believed to have no thermocouple.
const SURE: u8 = 3;

/// Knows the server; connects with the first sweep, and again whenever the connection was lost.
pub(super) fn open(config: &Config) -> Owserver {
    Owserver { address: config.address.clone(), connection: None, known: BTreeMap::new() }
}

impl Owserver {
    /// One request. A connection that is gone is opened again once: the server drops those it has no more use
    /// for.
    fn ask<T>(
        &mut self,
        question: impl Fn(&mut Connection) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, BusFault> {
        let kept = self.connection.take();
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let mut answer = question(&mut connection);
        if was_kept && matches!(answer, Err(Error::Lost(_))) {
            connection = self.connect()?;
            answer = question(&mut connection);
        }
        if let Err(Error::Lost(reason)) = answer {
            return Err(self.broken(&reason));
        }
        self.connection = Some(connection).filter(Connection::is_persistent);
        Ok(answer)
    }

    fn connect(&self) -> Result<Connection, BusFault> {
        Connection::open(&self.address, PATIENCE).map_err(|error| self.broken(&error.to_string()))
    }

    fn broken(&self, reason: &str) -> BusFault {
        let address = &self.address;
        let detail = format!(
            "the owserver at {address} does not answer ({reason}): is it running (systemctl status owserver), and does it listen on that address?"
        );
        BusFault { fault: Fault::Bus, detail }
    }

    /// The probes that it lists, and what else it does.
    fn list(&mut self) -> Result<(Vec<Listed>, Vec<Notice>), BusFault> {
        let listed = self.ask(|connection| connection.list("/uncached"))?;
        let paths = listed.map_err(|error| self.broken(&error.to_string()))?;
        let (mut probes, mut notices) = (Vec::new(), BTreeSet::new());
        // A folder of the server's own is asked for its address, too.
        for (looked, path) in paths.split(',').map(str::trim).filter(|path| !path.is_empty()).enumerate() {
            if probes.len() + notices.len() >= MOST_PROBES || looked >= MOST_ENTRIES {
                notices.insert(Notice::TooManyProbes);
                break;
            }
            let id = match probe(path) {
                Some(id) => Some(id),
                None => self.aliased(path)?,
            };
            match id {
                Some(probe) if FAMILIES.contains(&probe.family()) => {
                    probes.push(Listed { probe, path: path.to_owned() });
                }
                Some(other) => {
                    notices.insert(Notice::of_device(other));
                }
                None => {}
            }
        }
        self.known.retain(|id, _| probes.iter().any(|listed| listed.probe == *id));
        Ok((probes, notices.into_iter().collect()))
    }

    /// The device behind a path that is not its address: an alias, which the server shows instead. A folder of the
    /// server's own has no address. Asked in each sweep: an alias may be given to another probe at any time.
    fn aliased(&mut self, path: &str) -> Result<Option<ProbeId>, BusFault> {
        let address = self.ask(|connection| connection.read(&format!("{path}/address")))?;
        Ok(address.ok().as_deref().and_then(of_address))
    }

    /// What there is to know of a probe before it is read, asked once.
    fn known(&mut self, listed: &Listed) -> Result<Known, BusFault> {
        let Listed { probe, path } = listed;
        if let Some(known) = self.known.get(probe) {
            return Ok(*known);
        }
        let power = self.ask(|connection| connection.read(&format!("{path}/power")))?;
        let part = if probe.family() == DS1825 { Part::Unsure(0) } else { Part::Thermometer };
        let known = Known { is_parasite: power.is_ok_and(|power| power.trim() == "0"), part };
        self.known.insert(*probe, known);
        Ok(known)
    }

    /// The value of a probe. That of a thermocouple is not the temperature of its amplifier, and one that is broken has
    /// none.
    fn read(&mut self, listed: &Listed, part: Part) -> Result<Result<RawReading, Fault>, BusFault> {
        let Listed { probe, path } = listed;
        if part != Part::Thermometer {
            let read = self.ask(|connection| connection.read(&format!("{path}/thermocouple")))?;
            match (read, part) {
                (Ok(text), _) => {
                    self.set_part(*probe, Part::Thermocouple);
                    let fault = self.ask(|connection| connection.read(&format!("{path}/fault")))?;
                    // What does not say that it is well is taken for broken.
                    let is_well = fault.is_ok_and(|fault| fault.trim() == "0");
                    return Ok(if is_well { value(&text) } else { Err(Fault::Implausible) });
                }
                (Err(_), Part::Unsure(before)) if before + 1 < SURE => {
                    self.set_part(*probe, Part::Unsure(before + 1));
                    return Ok(Err(Fault::NoAnswer));
                }
                (Err(_), Part::Unsure(_)) => self.set_part(*probe, Part::Thermometer),
                (Err(_), _) => return Ok(Err(Fault::NoAnswer)),
            }
        }
        // This one waits for the bulk conversion, and starts one where there was none.
        let read = self.ask(|connection| connection.read(&format!("{path}/temperature")))?;
        Ok(read.map_err(|_| Fault::NoAnswer).and_then(|text| value(&text)))
    }

    fn set_part(&mut self, probe: ProbeId, part: Part) {
        if let Some(known) = self.known.get_mut(&probe) {
            known.part = part;
        }
    }
}

impl Bus for Owserver {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        let mut probes = Vec::new();
        let (listed, notices) = self.list()?;
        if !listed.is_empty() {
            let written = self.ask(|connection| connection.write("/simultaneous/temperature", "1"))?;
            // Where the adapter cannot, each probe converts when it is read.
            drop(written);
        }
        for listed in listed {
            let known = self.known(&listed)?;
            let raw = self.read(&listed, known.part)?;
            let counts = Counts { no_answer: u64::from(raw.is_err()), ..Counts::default() };
            let notices = known.is_parasite.then_some(Notice::Parasite).into_iter().collect();
            probes.push(ProbeReading { probe: listed.probe, raw, counts, notices });
        }
        Ok(Sweep { probes, notices })
    }
}

/// `2867C6697351FF68`: the eight bytes as they come over the wire.
fn of_address(text: &str) -> Option<ProbeId> {
    let rom: [u8; 8] = HEXUPPER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?.try_into().ok()?;
    // The checksum of an address is right, or it is none.
    (crc8(&rom[..7]) == rom[7]).then(|| ProbeId::from_rom(rom))
}

/// `/uncached/28.67C6697351FF`: the family, and the serial number as it comes over the wire.
fn probe(path: &str) -> Option<ProbeId> {
    let (family, serial) = path.trim_matches(['/', ' ']).rsplit('/').next()?.split_once('.')?;
    if family.len() != 2 || serial.len() != 12 {
        return None;
    }
    let mut rom = [0; 8];
    // What is not hexadecimal names no probe: a directory of owserver has other entries, too.
    rom[..1].copy_from_slice(&HEXUPPER_PERMISSIVE.decode(family.as_bytes()).ok()?);
    rom[1..7].copy_from_slice(&HEXUPPER_PERMISSIVE.decode(serial.as_bytes()).ok()?);
    Some(ProbeId::from_rom(rom))
}

/// `      49.502`, in °C.
fn value(text: &str) -> Result<RawReading, Fault> {
    let degrees: f64 = text.trim().parse().map_err(|_| Fault::Implausible)?;
    // Too little power: +127.94 °C.
    if (127.9..128.0).contains(&degrees) {
        return Err(Fault::PowerFail);
    }
    Celsius::from_degrees(degrees).map(RawReading::Value).ok_or(Fault::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_named_as_the_kernel_names_them() {
        assert_eq!((probe("/uncached/+8.1B0A79A21603"), probe("/uncached/28.1B0A79A2160+")), (None, None));
        let id = probe("/uncached/28.1B0A79A21603");
        assert_eq!(id.map(|id| id.to_string()).as_deref(), Some("28-0316a2790a1b"));
        for other in
            ["", "/", "/uncached/alarm", "/uncached/28.1B0A79", "/28.1B0A79A2160Z", "/28.é1B0A79A216"]
        {
            assert_eq!(probe(other), None, "{other}");
        }
    }

    #[test]
    fn values_are_rounded_to_sixteenths_and_nonsense_is_a_fault() {
        let said = |degrees| Ok(RawReading::Value(Celsius::from_degrees(degrees).unwrap()));
        assert_eq!(value("      49.502"), said(49.5));
        assert_eq!(value("    -10.1250"), said(-10.125));
        assert_eq!(value("127.938"), Err(Fault::PowerFail));
        assert_eq!(value("300"), Err(Fault::OutOfRange));
        assert_eq!(value("nan"), Err(Fault::OutOfRange));
        assert_eq!(value(""), Err(Fault::Implausible));
    }

    /// A server that holds these files; `None` of a folder lists nothing else.
    fn server(files: impl Fn(i32, &str) -> Option<String> + Send + 'static) -> Owserver {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut header = [0; 24];
            // The client goes with its test.
            while stream.read_exact(&mut header).is_ok() {
                let number = |at: usize| i32::from_be_bytes(header[at..at + 4].try_into().unwrap());
                let mut payload = vec![0; number(4) as usize];
                stream.read_exact(&mut payload).unwrap();
                let path =
                    String::from_utf8_lossy(payload.split(|byte| *byte == 0).next().unwrap()).into_owned();
                let said = files(number(8), &path);
                let (result, text) = said.map_or((-1, String::new()), |text| (0, text));
                let header = [0, text.len() as i32, result, 0x104, 0, 0].map(i32::to_be_bytes).concat();
                stream.write_all(&[&header, text.as_bytes()].concat()).unwrap();
            }
        });
        open(&Config { address })
    }

    const LIST: i32 = 7;

    #[test]
    fn a_probe_with_an_alias_is_found_by_its_address_and_what_is_no_probe_is_told() {
        let mut bus = server(|kind, path| {
            Some(String::from(match (kind, path) {
                (LIST, "/uncached") => {
                    "/uncached/Kitchen,/uncached/1F.F2FBE3467CC2,/uncached/alarm,/uncached/Liar"
                }
                (_, "/uncached/Kitchen/address") => "2867C6697351FF68",
                (_, "/uncached/Liar/address") => "2867C6697351FF69",
                (_, "/uncached/Kitchen/temperature") => "       4.5",
                _ => return None,
            }))
        });
        let sweep = bus.measure().unwrap();
        let [only] = &sweep.probes[..] else { panic!("{sweep:?}") };
        assert_eq!(only.probe.to_string(), "28-ff517369c667");
        assert_eq!(only.raw, Ok(RawReading::Value(Celsius::from_degrees(4.5).unwrap())));
        let hub = ProbeId::from_rom([0x1F, 0xF2, 0xFB, 0xE3, 0x46, 0x7C, 0xC2, 0]);
        assert_eq!(sweep.notices, [Notice::ForeignFamily(hub)]);
    }

    #[test]
    fn a_thermocouples_value_is_its_own_and_a_broken_one_has_none() {
        let sweeps = |thermocouple: Option<&'static str>, fault: Option<&'static str>| {
            let mut bus = server(move |kind, path| match (kind, path) {
                (LIST, "/uncached") => Some(String::from("/uncached/3B.4AEC29CDBAAB")),
                (_, "/uncached/3B.4AEC29CDBAAB/temperature") => Some(String::from("          22")),
                (_, "/uncached/3B.4AEC29CDBAAB/thermocouple") => thermocouple.map(str::to_owned),
                (_, "/uncached/3B.4AEC29CDBAAB/fault") => fault.map(str::to_owned),
                _ => None,
            });
            (0..4).map(|_| bus.measure().unwrap().probes[0].raw).collect::<Vec<_>>()
        };
        let value = |degrees| Ok(RawReading::Value(Celsius::from_degrees(degrees).unwrap()));
        assert_eq!(sweeps(Some("      -18.25"), Some("0")), [value(-18.25); 4]);
        for broken in [Some("1"), None] {
            assert_eq!(sweeps(Some("      -18.25"), broken), [Err(Fault::Implausible); 4]);
        }
        // One error could be the wire's: the amplifier's temperature is no thermocouple's.
        let silent = Err(Fault::NoAnswer);
        assert_eq!(sweeps(None, None), [silent, silent, value(22.0), value(22.0)], "a DS1825");
    }

    #[test]
    fn an_alias_that_is_given_to_another_probe_follows_it_at_once() {
        let sweep = std::sync::atomic::AtomicUsize::new(0);
        let mut bus = server(move |kind, path| {
            Some(String::from(match (kind, path) {
                (LIST, "/uncached") => "/uncached/Kitchen",
                (_, "/uncached/Kitchen/address") => {
                    match sweep.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                        0 => "2867C6697351FF68",
                        1 => return None,
                        _ => "280000000000001E",
                    }
                }
                (_, "/uncached/Kitchen/temperature") => "4.5",
                _ => return None,
            }))
        });
        let mut found = || -> Vec<String> {
            bus.measure().unwrap().probes.iter().map(|reading| reading.probe.to_string()).collect()
        };
        assert_eq!(found(), ["28-ff517369c667"]);
        assert!(found().is_empty(), "an error is not remembered");
        assert_eq!(found(), ["28-000000000000"]);
    }

    #[test]
    fn a_server_that_invents_probes_is_followed_so_far_and_no_further() {
        let mut bus = server(|kind, path| match (kind, path) {
            (LIST, "/uncached") => {
                let paths: Vec<String> = (0..8_000).map(|id| format!("/uncached/28.{id:012X}")).collect();
                Some(paths.join(","))
            }
            _ => Some(String::from("4.5")),
        });
        let sweep = bus.measure().unwrap();
        assert_eq!(sweep.probes.len(), MOST_PROBES);
        assert_eq!(sweep.notices, [Notice::TooManyProbes]);
    }
}
