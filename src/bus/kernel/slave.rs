//! One of the kernel's slaves, as it calls a probe: the files of its folder.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::bus::scratchpad::{POWER_LOSS_SENTINEL, Scratchpad};
use crate::reading::Fault;

/// A file of the kernel's is one page at the most; what stands in its place may have no end.
const LONGEST_FILE: u64 = 4_096;
/// EINTR and EAGAIN: the bus was busy.
const BUSY: [i32; 2] = [4, 11];

/// Whether a file may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Not tried yet.
    Unknown,
    /// It was written.
    Granted,
    /// It may not be written.
    Denied,
    /// This kernel has no such file, or this probe no such register.
    Missing,
}

/// A probe's folder.
#[derive(Clone, Debug)]
pub struct Slave {
    path: PathBuf,
}

impl Slave {
    /// The slave of that folder.
    pub fn new(path: PathBuf) -> Self {
        Slave { path }
    }

    /// The nine bytes of its last bulk conversion, or of one that this starts.
    pub fn read(&self) -> Result<Scratchpad, Fault> {
        let read = || text(&self.path.join("w1_slave"));
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(if self.path.exists() { Fault::NoDriver } else { Fault::Absent })
            }
            // Since 5.8 the kernel reports every failure as an empty file. Only the file for the hardware
            // monitor says which; where it reads well, so does the probe by now.
            Ok(text) if text.is_empty() => match self.error() {
                Some(number) if BUSY.contains(&number) => Err(Fault::Late),
                Some(_) => Err(Fault::NoAnswer),
                None => read()
                    .ok()
                    .filter(|text| !text.is_empty())
                    .map_or(Err(Fault::NoAnswer), |text| parse(&text)),
            },
            Ok(text) => parse(&text),
            Err(_) => Err(Fault::NoAnswer),
        }
    }

    /// The number of the error with which the probe cannot be read now.
    fn error(&self) -> Option<i32> {
        let monitors = fs::read_dir(self.path.join("hwmon")).ok()?;
        let file =
            monitors.flatten().map(|entry| entry.path().join("temp1_input")).find(|file| file.exists());
        text(&file?).err()?.raw_os_error()
    }

    /// Throws away what the kernel would hand out for a bulk conversion that failed.
    pub fn discard(&self) {
        // Whatever it says, the reading after it is a new one.
        drop(text(&self.path.join("w1_slave")));
    }

    /// Whether it is powered through the data line; `None` where the kernel does not say.
    pub fn is_parasite(&self) -> Option<bool> {
        match text(&self.path.join("ext_power")).ok()?.trim() {
            "0" => Some(true),
            "1" => Some(false),
            _ => None,
        }
    }

    /// Sets its alarm bytes to [`POWER_LOSS_SENTINEL`].
    pub fn set_sentinel(&self, permission: &mut Permission) {
        let [high, low] = POWER_LOSS_SENTINEL.map(u8::cast_signed);
        self.write("alarms", &format!("{low} {high}\n"), permission);
    }

    /// Sets its resolution, 9 to 12 bits, until it loses its power.
    pub fn set_resolution(&self, bits: u8, permission: &mut Permission) {
        self.write("resolution", &format!("{bits}\n"), permission);
    }

    fn write(&self, file: &str, text: &str, permission: &mut Permission) {
        if matches!(permission, Permission::Denied | Permission::Missing) {
            return;
        }
        // Not `fs::write`: that would make a file where the kernel has none.
        let opened = fs::OpenOptions::new().write(true).open(self.path.join(file));
        let written = opened.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        *permission = match written.map_err(|error| error.kind()) {
            Ok(()) => Permission::Granted,
            Err(ErrorKind::PermissionDenied) => Permission::Denied,
            Err(ErrorKind::NotFound) => Permission::Missing,
            // The probe did not answer: later.
            Err(_) => Permission::Unknown,
        };
    }
}

/// What a file holds, as far as one of the kernel's can go.
fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// The nine bytes of the first line: "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES". Those of the second line
/// are the last good ones, and so perhaps old.
///
/// # Errors
/// [`Fault::Implausible`], where there are no nine bytes.
pub fn parse(text: &str) -> Result<Scratchpad, Fault> {
    let hex = text.lines().next().and_then(|line| line.split_once(" :")).ok_or(Fault::Implausible)?.0;
    let mut words = hex.split(' ');
    let mut bytes = [0; 9];
    for byte in &mut bytes {
        let word = words.next().filter(|word| word.len() == 2).ok_or(Fault::Implausible)?;
        *byte = u8::from_str_radix(word, 16).map_err(|_| Fault::Implausible)?;
    }
    if words.next().is_some() { Err(Fault::Implausible) } else { Ok(bytes) }
}
