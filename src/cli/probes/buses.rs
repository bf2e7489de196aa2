//! The buses of a configuration, opened by a command itself because no gateway runs.

use std::path::PathBuf;
use std::time::Instant;

use crate::bus::{self, Bus};
use crate::chat::Chat;
use crate::cli::terminal;
use crate::config::Config;
use crate::daemon;
use crate::gateway::Gateway;
use crate::host;
use crate::poll::validate::Validator;
use crate::reading::Clock;
use crate::recorder::writer::corrections;
use crate::recorder::{Input, Recorder, Writer};
use crate::state::BusInfo;

/// The buses, and the chat that answers from their sweeps.
pub struct OpenBuses {
    /// The configuration's file.
    pub path: PathBuf,
    clock: Clock,
    writer: Writer,
    chat: Chat,
    buses: Vec<OpenBus>,
}

struct OpenBus {
    name: String,
    config: bus::Config,
    open: Option<Box<dyn Bus>>,
    validator: Validator,
    /// What was printed last of why it cannot be measured.
    printed: Option<String>,
}

impl OpenBuses {
    /// The buses of that configuration, each opened with its first sweep.
    pub fn new(config: Config) -> Self {
        let clock = daemon::clock();
        let mut writer = Writer::new(Recorder::new(clock(), host::time_zone().0), clock.clone());
        let infos = config.buses.iter().map(|bus| {
            let (name, simulated) = (bus.name.clone(), bus.config.is_simulated());
            (None, BusInfo { name, simulated, period: bus.period })
        });
        let corrections = corrections(&config.site.fridges);
        writer.write(Input::Buses { buses: infos.collect(), corrections });
        let gateway = Gateway::new(config.site, writer.state(), writer.history(), clock.clone());
        let buses = config.buses.into_iter().map(|bus| OpenBus {
            name: bus.name,
            config: bus.config,
            open: None,
            validator: Validator::default(),
            printed: None,
        });
        OpenBuses { path: config.path, clock, writer, chat: Chat::new(gateway), buses: buses.collect() }
    }

    /// Measures every bus once. One that cannot be measured is in the answer as its fault, with its reason,
    /// once, on the standard error.
    pub fn sweep(&mut self) -> &Chat {
        for (key, bus) in self.writer.keys().into_iter().zip(&mut self.buses) {
            let (at, began) = ((self.clock)(), Instant::now());
            let opened = match &mut bus.open {
                Some(open) => Ok(open),
                none => bus::open(&bus.config).map(|opened| none.insert(opened)),
            };
            self.writer.write(match opened.and_then(|open| bus.validator.measure(open.as_mut())) {
                Ok(validated) => {
                    bus.printed = None;
                    let (probes, notices) = (validated.probes, validated.notices);
                    Input::Sweep { bus: key, at, took: began.elapsed(), probes, notices }
                }
                Err(fault) => {
                    if bus.printed.as_ref() != Some(&fault.detail) {
                        terminal::error(&anyhow::anyhow!("{}: {fault}", bus.name));
                        bus.printed = Some(fault.detail.clone());
                    }
                    Input::Failed { bus: key, at, fault }
                }
            });
        }
        &self.chat
    }
}
