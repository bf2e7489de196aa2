//! An answer never waits for a sensor: with a bus whose `measure` never returns, every answer comes, and
//! shows how its readings grow old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fridge::bus::{Bus, ProbeReading, RawReading, Sweep};
use fridge::chat::{Asker, Chat, Rights};
use fridge::fridge::{Fridge, Limits};
use fridge::gateway::{Gateway, Site};
use fridge::poll::{self, Job, Outcome};
use fridge::reading::{BusFault, Clock, ProbeId, Stamp};
use fridge::recorder::{Input, Recorder, Writer};
use fridge::state::BusInfo;

const PROBE: ProbeId = ProbeId::new(0x28, 1);

/// Measures once, then never returns.
struct Hanging {
    swept: bool,
    never: mpsc::Receiver<()>,
    hangs: mpsc::Sender<()>,
}

impl Bus for Hanging {
    fn measure(&mut self) -> Result<Sweep, BusFault> {
        if self.swept {
            self.hangs.send(()).expect("the test waits for this");
            let _never = self.never.recv();
        }
        self.swept = true;
        // 4 °C, with byte 6 as a DS18B20 has it.
        let mut bytes = [0x40, 0x00, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10, 0];
        bytes[8] = one_wire_bus::crc::crc8(&bytes[..8]);
        let said = Ok(RawReading::Scratchpad { bytes, sentinel_set: false });
        Ok(Sweep { probes: vec![ProbeReading::new(PROBE, said)], notices: Vec::new() })
    }
}

#[test]
fn every_answer_comes_at_once_and_shows_the_age_growing_to_stale() {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock: Clock = {
        let seconds = Arc::clone(&seconds);
        Arc::new(move || Stamp {
            mono: Duration::from_secs(seconds.load(Ordering::SeqCst)),
            wall: jiff::Timestamp::UNIX_EPOCH,
        })
    };
    let period = Duration::from_millis(100);
    // What the recorder takes for the period; the thread's own is real time, and short.
    let shown = Duration::from_secs(10);
    let recorder = Recorder::new(clock(), jiff::tz::TimeZone::UTC);
    let mut writer = Writer::new(recorder, Arc::clone(&clock));
    let info = BusInfo { name: String::from("bus 1"), simulated: false, period: shown };
    writer.write(Input::Buses { buses: vec![(None, info)], corrections: Default::default() });
    let (state, history, key) = (writer.state(), writer.history(), writer.keys()[0]);
    let (release, never) = mpsc::channel();
    let (hangs, hanging) = mpsc::channel();
    let mut bus = Some(Hanging { swept: false, never, hangs });
    let job = Job {
        name: String::from("bus 1"),
        period,
        open: Box::new(move || Ok(Box::new(bus.take().expect("it is opened once")))),
        report: Box::new(move |outcome| {
            if let Outcome::Sweep { at, validated, .. } = outcome {
                let (took, probes) = (Duration::ZERO, validated.probes);
                writer.write(Input::Sweep { bus: key, at, took, probes, notices: Vec::new() });
            }
        }),
    };
    let thread = poll::start(job, &clock).unwrap();
    hanging.recv().expect("the second sweep hangs");

    let milk =
        Fridge::new("Milk", PROBE, Limits { min: None, max: fridge::reading::Celsius::from_degrees(5.0) });
    let site = Site { fridges: vec![milk], ..Site::default() };
    let chat = Chat::new(Gateway::new(site, state, history, clock));
    for age in 0..=120 {
        seconds.store(age, Ordering::SeqCst);
        let asked = Instant::now();
        let text = chat.answer("status", &Asker::local(Rights::Read)).text.clone();
        assert!(asked.elapsed() < Duration::from_secs(1), "an answer waited for the bus");
        if age <= 30 {
            assert!(
                text.starts_with(&format!("The only fridge is in range, oldest reading {age} s ago")),
                "{text}"
            );
        } else {
            assert!(text.starts_with("1 of 1 needs a look: Milk: no reading for"), "{text}");
            assert!(!text.contains("4.0 °C"), "{text}");
        }
    }
    drop(release);
    assert!(poll::stop([thread], Duration::from_secs(20)));
}
