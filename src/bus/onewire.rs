//! The DS18B20 driver over a pin.
