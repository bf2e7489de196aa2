//! The chip of a DS9490R: requests of the USB host go in, slots on a simulated wire come of them, and what was
//! read there waits in its buffer. Datasheet of the DS2490; what a host asks for: drivers/w1/masters/ds2490.c.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use embedded_hal::blocking::delay::DelayUs;
use embedded_hal::digital::v2::{InputPin, OutputPin};
use fridge::bus::simulated::clock::WireClock;
use fridge::bus::simulated::pin::WirePin;
use fridge::bus::simulated::probe::Probe;
use fridge::bus::simulated::wire::{Costs, Shared, Wire};
use fridge::reading::ProbeId;

/// Kinds of requests ("Control commands", "Communication commands", "Mode commands").
const CONTROL: u8 = 0;
const COMMUNICATION: u8 = 1;
const MODE: u8 = 2;
/// Communication commands, without the bits that choose how.
const SET_DURATION: u16 = 0x12;
const BIT_IO: u16 = 0x20;
const RESET: u16 = 0x42;
const BYTE_IO: u16 = 0x52;
const BLOCK_IO: u16 = 0x74;
const SEARCH: u16 = 0xF4;
const COMMAND: u16 = 0xF6;
/// The bit of Bit I/O that is to be written.
const DATA: u16 = 0x08;

const SKIP_ROM: u8 = 0xCC;
const MATCH_ROM: u8 = 0x55;
const CONVERT_T: u8 = 0x44;

/// A Convert T command on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Convert {
    /// When it was sent.
    pub at: Instant,
    /// The probe that it went to; `None` for all at once.
    pub to: Option<ProbeId>,
}

/// The chip and the wire on it.
pub struct Ds2490 {
    wire: Shared,
    pin: WirePin,
    clock: WireClock,
    /// The real time at which the wire's time was last moved on.
    seen: Instant,
    to_wire: VecDeque<u8>,
    from_wire: VecDeque<u8>,
    since_reset: Vec<u8>,
    /// Every Convert T so far.
    pub converts: Vec<Convert>,
    /// So many resets to come are refused, as by a chip that is in trouble.
    pub refused_resets: u32,
}

/// The host asked for something that the chip does not know or refuses: the endpoint stalls.
#[derive(Debug)]
pub struct Stall;

impl Ds2490 {
    /// With those probes on its wire.
    pub fn new(probes: Vec<Probe>) -> Ds2490 {
        // Its input buffer holds the codes of 16 in one go.
        assert!(probes.len() <= 16);
        let wire: Shared = Rc::new(RefCell::new(Wire::new(probes, Costs::default(), 1)));
        Ds2490 {
            pin: WirePin(Rc::clone(&wire)),
            clock: WireClock::virtual_time(&wire),
            wire,
            seen: Instant::now(),
            to_wire: VecDeque::new(),
            from_wire: VecDeque::new(),
            since_reset: Vec::new(),
            converts: Vec::new(),
            refused_resets: 0,
        }
    }

    /// Lets as much time pass on the wire as really passed since the last call. Slots come on top, so that a
    /// conversion for which the host waits long enough is over, however long the slots before it took.
    pub fn catch_up(&mut self) {
        let passed = self.seen.elapsed();
        self.seen += passed;
        let mut wire = self.wire.borrow_mut();
        let now = wire.now + passed.as_nanos() as u64;
        wire.skip_to(now);
    }

    /// The probe of that index, to be changed.
    pub fn probe<T>(&mut self, index: usize, change: impl FnOnce(&mut Probe) -> T) -> T {
        self.catch_up();
        change(&mut self.wire.borrow_mut().probes[index])
    }

    /// A vendor's request on the control endpoint.
    pub fn control(&mut self, request: u8, value: u16, index: u16) -> Result<(), Stall> {
        match (request, value) {
            (CONTROL, _) => {
                // Everything is reset, or one of its buffers is emptied.
                if value != 9 {
                    self.from_wire.clear();
                }
                if value != 8 {
                    self.to_wire.clear();
                }
                Ok(())
            }
            (COMMUNICATION, _) => self.communicate(value, index),
            (MODE, _) => Ok(()),
            _ => Err(Stall),
        }
    }

    fn communicate(&mut self, value: u16, index: u16) -> Result<(), Stall> {
        match value & COMMAND {
            RESET if self.refused_resets > 0 => {
                self.refused_resets -= 1;
                return Err(Stall);
            }
            RESET => self.reset(),
            BYTE_IO => {
                let byte = self.byte(index as u8);
                self.from_wire.push_back(byte);
            }
            BLOCK_IO => {
                for _ in 0..index {
                    let byte = self.to_wire.pop_front().ok_or(Stall)?;
                    let byte = self.byte(byte);
                    self.from_wire.push_back(byte);
                }
            }
            BIT_IO => {
                let bit = self.slot(value & DATA != 0);
                self.from_wire.push_back(u8::from(bit));
            }
            SEARCH => {
                // The first code of the search lies in the buffer; it always begins with the first.
                self.to_wire.clear();
                let found = self.search(index as u8);
                self.from_wire.extend(found.into_iter().flat_map(u64::to_le_bytes));
            }
            // For a strong pull-up, which probes with a supply of their own do not need.
            SET_DURATION => {}
            _ => return Err(Stall),
        }
        Ok(())
    }

    /// What the status endpoint says: the chip is idle, and how much its buffers hold.
    pub fn status(&self) -> Vec<u8> {
        const IDLE: u8 = 0x20;
        const POWERED: u8 = 0x08;
        let mut status = vec![0; 16];
        status[8] = IDLE | POWERED;
        status[12] = self.to_wire.len() as u8;
        status[13] = self.from_wire.len() as u8;
        status
    }

    /// Bytes from the host, for the wire.
    pub fn write(&mut self, bytes: &[u8]) {
        self.to_wire.extend(bytes);
    }

    /// Bytes from the wire, for the host.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        let count = most.min(self.from_wire.len());
        self.from_wire.drain(..count).collect()
    }

    fn pull(&mut self, low: bool) {
        let done = if low { self.pin.set_low() } else { self.pin.set_high() };
        done.expect("a simulated pin without faults");
    }

    fn reset(&mut self) {
        self.since_reset.clear();
        self.pull(true);
        self.clock.delay_us(500);
        self.pull(false);
        // Long enough for the slowest presence pulse. Whether there was one, the kernel does not ask.
        self.clock.delay_us(500);
    }

    /// Writes a bit and reads what the line then is: reading is writing a one.
    fn slot(&mut self, bit: bool) -> bool {
        self.pull(true);
        self.clock.delay_us(5);
        if bit {
            self.pull(false);
        }
        self.clock.delay_us(5);
        let read = self.pin.is_high().expect("a simulated pin without faults");
        self.clock.delay_us(55);
        self.pull(false);
        self.clock.delay_us(5);
        read
    }

    fn byte(&mut self, byte: u8) -> u8 {
        self.since_reset.push(byte);
        let to = match self.since_reset.as_slice() {
            [SKIP_ROM, CONVERT_T] => Some(None),
            [MATCH_ROM, code @ .., CONVERT_T] => {
                code.try_into().ok().map(|code| Some(ProbeId::from_rom(code)))
            }
            _ => None,
        };
        self.converts.extend(to.map(|to| Convert { at: Instant::now(), to }));
        (0..8).fold(0, |read, bit| read | u8::from(self.slot(byte >> bit & 1 == 1)) << bit)
    }

    /// The ROM codes of those who answer to that command: one pass for each, which follows the known bits and
    /// then takes zeros first; where both exist, the way of the one is left for later.
    fn search(&mut self, command: u8) -> Vec<u64> {
        let mut found = Vec::new();
        let mut open = vec![(0_u64, 0)];
        'pass: while let Some((known, length)) = open.pop() {
            self.reset();
            self.byte(command);
            let mut code = 0;
            for place in 0..64 {
                let bit = match (self.slot(true), self.slot(true)) {
                    (true, true) => continue 'pass,
                    (false, false) if place < length => known >> place & 1 == 1,
                    (false, false) => {
                        open.push((code | 1 << place, place + 1));
                        false
                    }
                    (bit, _) => bit,
                };
                self.slot(bit);
                code |= u64::from(bit) << place;
            }
            found.push(code);
        }
        found
    }
}
