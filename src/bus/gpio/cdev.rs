//! A pin through the GPIO character device: requested as an open-drain output, so that "high" lets the line
//! go, and the kernel takes it back however the program ends.

use std::path::Path;

use embedded_hal::digital::v2::{InputPin, OutputPin};
use linux_embedded_hal::CdevPin;
use linux_embedded_hal::gpio_cdev::errors::Error;
use linux_embedded_hal::gpio_cdev::{self, Chip, LineRequestFlags};

use super::{BehindPcie, broken};
use crate::reading::BusFault;

/// What the kernel calls the chips of a Pi's header: Pi 0 to 3, Pi 4, Pi 5.
const PIS: [&str; 3] = ["pinctrl-bcm2835", "pinctrl-bcm2711", PI_5];
const PI_5: &str = "pinctrl-rp1";
const CONSUMER: &str = "fridge";

/// An open-drain line.
pub struct CharacterPin {
    pin: CdevPin,
    is_pi_5: bool,
}

impl CharacterPin {
    /// Requests the line, let go.
    pub fn open(chip: Option<&Path>, pin: u8) -> Result<Self, BusFault> {
        let mut chip = match chip {
            Some(path) => Chip::new(path)
                .map_err(|error| broken(format!("cannot open {}: {}", path.display(), cure(&error))))?,
            None => of_a_pi()?,
        };
        let name = format!("GPIO {pin} of {} ({})", chip.path().display(), chip.label());
        let is_pi_5 = chip.label() == PI_5;
        let line = chip
            .get_line(u32::from(pin))
            .map_err(|_| broken(format!("{name} does not exist: the chip has {} lines", chip.num_lines())))?;
        let flags = LineRequestFlags::OUTPUT | LineRequestFlags::OPEN_DRAIN;
        let handle = line.request(flags, 1, CONSUMER).map_err(|error| {
            let holder = line.info().ok().and_then(|info| info.consumer().map(str::to_owned));
            broken(match (is_busy(&error), holder) {
                (true, Some(holder)) => format!("{name} is in use by `{holder}`{}", way_out(&holder)),
                (true, None) => format!("{name} is in use by another program"),
                (false, _) => format!("cannot use {name}: {}", cure(&error)),
            })
        })?;
        let pin = CdevPin::new(handle).map_err(|error| broken(format!("{name}: {error}")))?;
        Ok(CharacterPin { pin, is_pi_5 })
    }
}

/// The chip with the pins of a Pi's header. Its number changed between kernels; its label does not.
fn of_a_pi() -> Result<Chip, BusFault> {
    let chips = gpio_cdev::chips().map_err(|error| broken(format!("cannot list GPIO chips: {error}")))?;
    let mut refused = None;
    for chip in chips {
        match chip {
            Ok(chip) if PIS.contains(&chip.label()) => return Ok(chip),
            Ok(_) => {}
            Err(error) => refused = Some(error),
        }
    }
    Err(broken(match refused {
        Some(error) => format!("cannot open the GPIO chip: {}", cure(&error)),
        None => String::from(
            "no GPIO chip here is a Raspberry Pi's; on another computer name it: `chip = \"/dev/gpiochip0\"`",
        ),
    }))
}

fn cure(error: &Error) -> String {
    if is(error, libc::EACCES, "EACCES") || is(error, libc::EPERM, "EPERM") {
        return String::from(
            "permission denied; the gateway's user must be in the group `gpio`: sudo adduser fridge gpio",
        );
    }
    error.to_string()
}

fn way_out(holder: &str) -> &'static str {
    match holder {
        // What the kernel's w1-gpio calls itself in the device tree.
        holder if holder.contains("onewire") || holder.contains("w1") => {
            ", the kernel's own 1-Wire driver: use `kind = \"kernel\"`, or remove `dtoverlay=w1-gpio` from /boot/firmware/config.txt and restart"
        }
        CONSUMER => ": another gateway holds it",
        _ => "",
    }
}

fn is_busy(error: &Error) -> bool {
    is(error, libc::EBUSY, "EBUSY")
}

/// Whether it is that error of the system. The crate hides the number where an ioctl failed; its text begins
/// with the number's name.
fn is(error: &Error, number: i32, name: &str) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| match cause.downcast_ref::<std::io::Error>() {
        Some(error) => error.raw_os_error() == Some(number),
        None => cause.to_string().starts_with(name),
    })
}

impl BehindPcie for CharacterPin {
    fn is_behind_pcie(&self) -> bool {
        self.is_pi_5
    }
}

impl OutputPin for CharacterPin {
    type Error = Error;

    fn set_low(&mut self) -> Result<(), Error> {
        self.pin.set_low()
    }

    fn set_high(&mut self) -> Result<(), Error> {
        self.pin.set_high()
    }
}

impl InputPin for CharacterPin {
    type Error = Error;

    fn is_high(&self) -> Result<bool, Error> {
        self.pin.is_high()
    }

    fn is_low(&self) -> Result<bool, Error> {
        self.pin.is_low()
    }
}
