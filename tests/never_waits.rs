//! An answer never waits for a sensor: with a bus whose `measure` never returns, every answer comes, and
//! shows how its readings grow old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fridge::bus::{Bus, BusError, Found, Said, Sweep};
use fridge::cache::Cache;
use fridge::chat::{Gateway, Scope, Units};
use fridge::fridge::{Fridge, Limits};
use fridge::poll::{self, Outcome, Polled};
use fridge::reading::{Clock, ProbeId, Stamp};

const PROBE: ProbeId = ProbeId::new(0x28, 1);

/// Measures once, then never returns.
struct Hanging {
    swept: bool,
    never: mpsc::Receiver<()>,
    hangs: mpsc::Sender<()>,
}

impl Bus for Hanging {
    fn measure(&mut self) -> Result<Sweep, BusError> {
        if self.swept {
            self.hangs.send(()).expect("the test waits for this");
            let _never = self.never.recv();
        }
        self.swept = true;
        // 4 °C, with byte 6 as a DS18B20 has it.
        let mut bytes = [0x40, 0x00, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10, 0];
        bytes[8] = one_wire_bus::crc::crc8(&bytes[..8]);
        let said = Ok(Said::Scratchpad { bytes, marked: false });
        Ok(Sweep { probes: vec![Found::new(PROBE, said)], remarks: Vec::new() })
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
    // What the cache takes for the period; the thread's own is real time, and short.
    let shown = Duration::from_secs(10);
    let cache =
        Arc::new(Cache::new([(String::from("bus 1"), false, shown)], clock(), jiff::tz::TimeZone::UTC));
    let (release, never) = mpsc::channel();
    let (hangs, hanging) = mpsc::channel();
    let mut bus = Some(Hanging { swept: false, never, hangs });
    let report = {
        let cache = Arc::clone(&cache);
        move |outcome| {
            if let Outcome::Sweep { at, judged, .. } = outcome {
                cache.record(0, at, Duration::ZERO, judged.probes);
            }
        }
    };
    let polled = Polled {
        name: String::from("bus 1"),
        period,
        open: Box::new(move || Ok(Box::new(bus.take().expect("it is opened once")))),
        calibrations: Default::default(),
        report: Box::new(report),
    };
    let poller = poll::start(polled, &clock).unwrap();
    hanging.recv().expect("the second sweep hangs");

    let gateway = Gateway {
        name: None,
        fridges: vec![Fridge {
            name: String::from("Milk"),
            group: None,
            probe: PROBE,
            limits: Limits::default(),
            calibration: None,
            out_of_service: false,
        }],
        units: Units::Celsius,
        cache,
        history: Arc::default(),
        clock,
        asked: Default::default(),
        reuse: Default::default(),
    };
    for age in 0..=120 {
        seconds.store(age, Ordering::SeqCst);
        let asked = Instant::now();
        let text = gateway.answer("status", &Scope::everything()).text.clone();
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
    assert!(poll::stop([poller], Duration::from_secs(20)));
}
