//! Plays a temperature log through the recorder and asks for the status at its end:
//! `cargo run --example replay -- tests/recordings/etinkers_ds18b20_10min_2017.log`

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fridge::chat::{Asker, Chat, Rights};
use fridge::doc::terminal;
use fridge::fridge::{Fridge, Limits};
use fridge::gateway::{Gateway, Site};
use fridge::reading::{Celsius, Clock, Fault, ProbeId, Sampled, Stamp};
use fridge::recorder::{Input, Recorder, Writer};
use fridge::recording::Recording;
use fridge::state::BusInfo;

const PERIOD: Duration = Duration::from_secs(600);
const A_DAY: u32 = 144;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which recording? give its file")?;
    let recording = Recording::read(Path::new(&path), None)?;

    let stamp = |elapsed: Duration| Stamp { mono: elapsed, wall: jiff::Timestamp::UNIX_EPOCH + elapsed };
    let now = Arc::new(Mutex::new(stamp(Duration::ZERO)));
    let clock: Clock = {
        let now = Arc::clone(&now);
        Arc::new(move || *now.lock().expect("nobody panics"))
    };
    let recorder = Recorder::new(clock(), jiff::tz::TimeZone::UTC);
    let mut writer = Writer::new(recorder, Arc::clone(&clock));
    let bus = BusInfo { name: String::from("recording"), simulated: true, period: PERIOD };
    writer.write(Input::Buses { buses: vec![(None, bus)], corrections: Default::default() });
    let probe = ProbeId::new(0x28, 1);
    for sweep in 0..A_DAY {
        let at = stamp(PERIOD * sweep);
        *now.lock().expect("nobody panics") = at;
        let sample = recording.at(at.mono).sample().unwrap_or(Err(Fault::NoAnswer));
        let probes = vec![Sampled::from((probe, sample))];
        let (bus, took) = (writer.keys()[0], Duration::ZERO);
        writer.write(Input::Sweep { bus, at, took, probes, notices: Vec::new() });
    }

    let fridge = Fridge::new(path, probe, Limits { min: None, max: Celsius::from_degrees(8.0) });
    let site = Site { fridges: vec![fridge], ..Site::default() };
    let chat = Chat::new(Gateway::new(site, writer.state(), writer.history(), clock));
    for words in ["status", "history"] {
        let reply = chat.answer(words, &Asker::local(Rights::Read));
        println!("{}", terminal::render(&reply.doc, false));
    }
    Ok(())
}
