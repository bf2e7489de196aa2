//! The master's pin on the simulated wire.

use embedded_hal::digital::v2::{InputPin, OutputPin};

use super::wire::{PinError, Shared, Wire};

/// The master's pin: open drain.
#[derive(Clone, Debug)]
pub struct WirePin(pub Shared);

impl OutputPin for WirePin {
    type Error = PinError;

    fn set_low(&mut self) -> Result<(), PinError> {
        self.0.borrow_mut().operate(Wire::fall)
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        self.0.borrow_mut().operate(Wire::rise)
    }
}

impl InputPin for WirePin {
    type Error = PinError;

    fn is_high(&self) -> Result<bool, PinError> {
        self.0.borrow_mut().operate(Wire::sample)
    }

    fn is_low(&self) -> Result<bool, PinError> {
        self.is_high().map(|high| !high)
    }
}
