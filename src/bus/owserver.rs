//! An `owserver` of the 1-Wire file system (OWFS), here or on another machine: it drives the adapter, this
//! asks it over the network. One write converts all probes; each value is then read past its cache.
//!
//! It hands out values, made of the scratchpads by its own rules, and no loss of power can be seen behind
//! them but by the value itself; `docs/readings.md` explains what that means.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::HEXUPPER_PERMISSIVE;

use super::scratchpad::FAMILIES;
use super::{Bus, ProbeReading, RawReading, Sweep};
use crate::reading::{BusFault, Celsius, Counts, Fault, Notice, ProbeId};

pub mod message;

use message::{Connection, Error};

/// Where an owserver listens by default.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:4304";
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
    /// Whether each probe is powered through the data line, as far as is known.
    parasites: BTreeMap<ProbeId, bool>,
}

/// Knows the server; connects with the first sweep, and again whenever the connection was lost.
pub(super) fn open(config: &Config) -> Owserver {
    Owserver { address: config.address.clone(), connection: None, parasites: BTreeMap::new() }
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

    fn list(&mut self) -> Result<Vec<(ProbeId, String)>, BusFault> {
        let listed = self.ask(|connection| connection.list("/uncached"))?;
        let paths = listed.map_err(|error| self.broken(&error.to_string()))?;
        let probes = paths.split(',').filter_map(|path| Some((probe(path)?, path.trim().to_owned())));
        Ok(probes.filter(|(probe, _)| FAMILIES.contains(&probe.family())).collect())
    }

    fn is_parasite(&mut self, probe: ProbeId, path: &str) -> Result<bool, BusFault> {
        if let Some(known) = self.parasites.get(&probe) {
            return Ok(*known);
        }
        let power = self.ask(|connection| connection.read(&format!("{path}/power")))?;
        let parasite = power.is_ok_and(|power| power.trim() == "0");
        self.parasites.insert(probe, parasite);
        Ok(parasite)
    }
}

impl Bus for Owserver {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        let mut probes = Vec::new();
        let listed = self.list()?;
        if !listed.is_empty() {
            let written = self.ask(|connection| connection.write("/simultaneous/temperature", "1"))?;
            // Where the adapter cannot, each probe converts when it is read.
            drop(written);
        }
        for (probe, path) in listed {
            let parasite = self.is_parasite(probe, &path)?;
            // This one waits for the bulk conversion, and starts one where there was none.
            let read = self.ask(|connection| connection.read(&format!("{path}/temperature")))?;
            let raw = read.map_err(|_| Fault::NoAnswer).and_then(|text| value(&text));
            let counts = Counts { no_answer: u64::from(raw.is_err()), ..Counts::default() };
            let notices = parasite.then_some(Notice::Parasite).into_iter().collect();
            probes.push(ProbeReading { probe, raw, counts, notices });
        }
        Ok(Sweep { probes, notices: Vec::new() })
    }
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
}
