//! A USB adapter with simulated probes on it, which the kernel of a guest takes for a real DS9490R: it is spoken
//! over USB/IP (Documentation/usb/usbip_protocol.rst). Who imports a device sends a request for it first; here
//! the guest's kernel is handed the connection as it is, so it begins with the transfers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use fridge::bus::simulated::probe::Probe;

pub mod ds2490;

use ds2490::{Ds2490, Stall};

/// USBIP_CMD_SUBMIT and its answer, USBIP_CMD_UNLINK and its answer.
const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;
/// Every message begins with so many bytes.
const HEADER: usize = 48;
/// EPIPE: the endpoint stalls.
const EPIPE: i32 = 32;

/// The running adapter. It is pulled out when dropped.
pub struct Adapter {
    /// Where it waits for the guest's connection.
    pub port: u16,
    host: Host,
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
}

/// The connection, once the guest has made it.
type Host = Arc<OnceLock<TcpStream>>;

/// What the adapter's thread does next.
enum Event {
    /// The host wants a transfer.
    Submit(Submit),
    /// The host no longer wants one. Whatever was submitted before is done by now.
    Unlink(u32),
    /// The test wants something.
    Do(Box<dyn FnOnce(&mut Ds2490) + Send>),
    /// The end.
    End,
}

struct Submit {
    sequence: u32,
    endpoint: u32,
    to_host: bool,
    length: usize,
    setup: [u8; 8],
    data: Vec<u8>,
}

/// Nothing is answered while this lives.
pub struct Frozen {
    _until_dropped: Sender<()>,
}

impl Adapter {
    /// With those probes on its wire.
    pub fn new(probes: Vec<Probe>) -> Adapter {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (events, coming) = channel();
        let host = Host::default();
        let (heard, connection) = (events.clone(), Arc::clone(&host));
        thread::spawn(move || listen(&listener, &connection, &heard));
        let connection = Arc::clone(&host);
        let thread = Some(thread::spawn(move || serve(Ds2490::new(probes), &connection, &coming)));
        Adapter { port, host, events, thread }
    }

    /// Does something with the chip, between two transfers.
    pub fn with<T: Send + 'static>(&self, action: impl FnOnce(&mut Ds2490) -> T + Send + 'static) -> T {
        let (done, result) = channel();
        let action = Box::new(move |chip: &mut Ds2490| {
            // The test waits for it.
            drop(done.send(action(chip)));
        });
        self.events.send(Event::Do(action)).expect("the adapter runs");
        result.recv().expect("the adapter runs")
    }

    /// Answers no transfer any more until the result is dropped: to the host, a chip that hangs.
    pub fn freeze(&self) -> Frozen {
        let (frozen, thaw) = channel::<()>();
        let action = Box::new(move |_: &mut Ds2490| {
            // Nothing is ever sent: this ends when the sender is dropped.
            let _dropped = thaw.recv();
        });
        self.events.send(Event::Do(action)).expect("the adapter runs");
        Frozen { _until_dropped: frozen }
    }

    /// Pulls it out of its port, frozen or not.
    pub fn pull_out(&self) {
        if let Some(host) = self.host.get() {
            // The host may have gone first.
            drop(host.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.pull_out();
        // It may have ended by itself.
        drop(self.events.send(Event::End));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Waits for the host and then for its messages.
fn listen(listener: &TcpListener, host: &Host, events: &Sender<Event>) {
    let Ok((mut stream, _)) = listener.accept() else { return };
    stream.set_nodelay(true).expect("a socket");
    host.set(stream.try_clone().expect("a socket")).expect("one host");
    while let Ok(event) = receive(&mut stream) {
        if events.send(event).is_err() {
            return;
        }
    }
}

fn receive(stream: &mut TcpStream) -> std::io::Result<Event> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().expect("four bytes"));
    let (command, sequence, to_host, endpoint) = (word(0), word(4), word(12) == 1, word(16));
    match command {
        SUBMIT => {
            let length = word(24) as usize;
            let mut data = vec![0; if to_host { 0 } else { length }];
            stream.read_exact(&mut data)?;
            let setup = header[40..].try_into().expect("eight bytes");
            Ok(Event::Submit(Submit { sequence, endpoint, to_host, length, setup, data }))
        }
        UNLINK => Ok(Event::Unlink(sequence)),
        other => panic!("the host sends a message of kind {other}"),
    }
}

fn serve(mut chip: Ds2490, host: &Host, events: &Receiver<Event>) {
    for event in events {
        match event {
            Event::Submit(submit) => {
                chip.catch_up();
                let (status, data) = match transfer(&mut chip, &submit) {
                    Ok(data) => (0, data),
                    Err(Stall) => (-EPIPE, Vec::new()),
                };
                let length = if submit.to_host { data.len() } else { submit.length };
                let message = message(SUBMITTED, submit.sequence, status, length as u32);
                reply(host, &[message.as_slice(), &data].concat());
            }
            // Zero: too late, it was done.
            Event::Unlink(sequence) => reply(host, &message(UNLINKED, sequence, 0, 0)),
            Event::Do(action) => action(&mut chip),
            Event::End => return,
        }
    }
}

fn reply(host: &Host, bytes: &[u8]) {
    // A host that has gone wants no answer.
    drop(host.get().map(|mut stream| stream.write_all(bytes)));
}

/// The head of an answer; its later fields are about transfers that this adapter does not have.
fn message(command: u32, sequence: u32, status: i32, length: u32) -> [u8; HEADER] {
    let mut message = [0; HEADER];
    message[0..4].copy_from_slice(&command.to_be_bytes());
    message[4..8].copy_from_slice(&sequence.to_be_bytes());
    message[20..24].copy_from_slice(&status.to_be_bytes());
    message[24..28].copy_from_slice(&length.to_be_bytes());
    message
}

/// What one transfer brings for the host.
fn transfer(chip: &mut Ds2490, submit: &Submit) -> Result<Vec<u8>, Stall> {
    match submit.endpoint {
        0 => control(chip, submit),
        1 => Ok(chip.status()),
        2 => {
            chip.write(&submit.data);
            Ok(Vec::new())
        }
        3 => Ok(chip.read(submit.length)),
        _ => Err(Stall),
    }
}

fn control(chip: &mut Ds2490, submit: &Submit) -> Result<Vec<u8>, Stall> {
    /// The bits of a request's type that say whose it is, and those of a vendor's.
    const WHOSE: u8 = 0x60;
    const VENDOR: u8 = 0x40;
    let [kind, request, value_low, value_high, index_low, index_high, ..] = submit.setup;
    let (value, index) =
        (u16::from_le_bytes([value_low, value_high]), u16::from_le_bytes([index_low, index_high]));
    if kind & WHOSE == VENDOR {
        return chip.control(request, value, index).map(|()| Vec::new());
    }
    // USB 2.0, table 9-4.
    let mut data = match request {
        // Get Status
        0 => vec![0, 0],
        // Get Descriptor, of the device and of its configuration; it has no others.
        6 if value_high == 1 => device(),
        6 if value_high == 2 => configuration(),
        // Get Configuration
        8 => vec![1],
        // Clear Feature, Set Feature, Set Configuration, Set Interface
        1 | 3 | 9 | 11 => Vec::new(),
        _ => return Err(Stall),
    };
    data.truncate(submit.length);
    Ok(data)
}

/// The device descriptor of a DS2490: vendor 04FA, product 2490.
fn device() -> Vec<u8> {
    vec![18, 1, 0x10, 0x01, 0xFF, 0xFF, 0xFF, 8, 0xFA, 0x04, 0x90, 0x24, 0x02, 0, 0, 0, 0, 1]
}

/// One interface in four settings, of which the kernel takes the last; each with the three endpoints.
fn configuration() -> Vec<u8> {
    let interfaces = (0..4).flat_map(|setting| {
        let interface = [9, 4, 0, setting, 3, 0xFF, 0xFF, 0xFF, 0];
        // Status by interrupt, to the wire and from it in bulk.
        let endpoints = [[7, 5, 0x81, 3, 32, 0, 1], [7, 5, 0x02, 2, 64, 0, 0], [7, 5, 0x83, 2, 64, 0, 0]];
        interface.into_iter().chain(endpoints.concat())
    });
    let interfaces: Vec<u8> = interfaces.collect();
    let [low, high] = (9 + interfaces.len() as u16).to_le_bytes();
    [&[9, 2, low, high, 1, 1, 0, 0x80, 50], interfaces.as_slice()].concat()
}
