//! A pin through `rppal`, which writes the Pi's registers.
//!
//! Its own pin for embedded-hal 0.2 is not used: in 0.22.1 `is_low` answers what `is_high` would, and
//! `set_high` drives the line instead of letting it go. So the level is fixed at low once, and the direction
//! is what changes: output pulls, input lets go.

use std::convert::Infallible;

use embedded_hal::digital::v2::{InputPin, OutputPin};
use rppal::gpio::{Error, Gpio, IoPin, Mode};

use super::{BehindPcie, broken};
use crate::reading::BusFault;

/// An open-drain pin. Dropping it releases the line.
pub struct RegisterPin {
    pin: IoPin,
    is_pi_5: bool,
}

impl RegisterPin {
    /// Takes the pin, let go.
    pub fn open(pin: u8) -> Result<Self, BusFault> {
        let taken = Gpio::new().and_then(|gpio| gpio.get(pin));
        let mut io = taken.map_err(|error| broken(explain(pin, &error)))?.into_io(Mode::Input);
        io.set_low();
        let model = rppal::system::DeviceInfo::new().map(|info| info.soc());
        let is_pi_5 = matches!(model, Ok(rppal::system::SoC::Bcm2712));
        Ok(RegisterPin { pin: io, is_pi_5 })
    }
}

fn explain(pin: u8, error: &Error) -> String {
    match error {
        Error::UnknownModel => {
            String::from("rppal does not know this computer; `through = \"cdev\"` works on any model")
        }
        Error::PinUsed(_) => format!("GPIO {pin} is used by another bus of this gateway"),
        Error::PinNotAvailable(_) => format!("this Pi has no GPIO {pin}"),
        Error::PermissionDenied(path) => format!(
            "cannot open {path}: permission denied; the gateway's user must be in the group `gpio`: sudo adduser fridge gpio"
        ),
        other => format!("GPIO {pin} cannot be used: {other}"),
    }
}

impl BehindPcie for RegisterPin {
    fn is_behind_pcie(&self) -> bool {
        self.is_pi_5
    }
}

impl OutputPin for RegisterPin {
    type Error = Infallible;

    fn set_low(&mut self) -> Result<(), Infallible> {
        self.pin.set_mode(Mode::Output);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.pin.set_mode(Mode::Input);
        Ok(())
    }
}

impl InputPin for RegisterPin {
    type Error = Infallible;

    fn is_high(&self) -> Result<bool, Infallible> {
        Ok(self.pin.read() == rppal::gpio::Level::High)
    }

    fn is_low(&self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}
