//! The supervisor of the buses: it brings the running threads in line with the configuration, at the start and
//! whenever that is read again. A bus that the configuration does not change keeps its thread.

use std::io;
use std::time::Duration;

use tracing::warn;

use crate::bus;
use crate::config::Bus;
use crate::fridge::Fridge;
use crate::poll::{self, BusThread, Job, Outcome};
use crate::reading::Clock;
use crate::recorder::{self, Input};
use crate::state::{BusInfo, BusKey};

/// How long the sweeps in progress are waited for: a hundred probes take two seconds, and a bus that hangs
/// must keep neither the gateway from ending nor another bus from beginning.
const PATIENCE: Duration = Duration::from_secs(5);

/// The running bus threads, and where they report to.
pub struct Supervisor {
    clock: Clock,
    recorder: recorder::Handle,
    running: Vec<Running>,
}

struct Running {
    bus: Bus,
    key: BusKey,
    thread: BusThread,
}

impl Supervisor {
    /// None yet.
    pub fn new(clock: Clock, recorder: recorder::Handle) -> Supervisor {
        Supervisor { clock, recorder, running: Vec::new() }
    }

    /// Polls these buses from now on, in which are the probes of these fridges. Those that it does not change go on; those that
    /// it changes or leaves out end after the sweep they are in, before new ones begin, because both may be
    /// on the same wire.
    ///
    /// # Errors
    /// Where the system gives no thread: the buses that have one go on.
    pub async fn reconcile(&mut self, buses: &[Bus], fridges: &[Fridge]) -> io::Result<()> {
        let mut before = std::mem::take(&mut self.running);
        let mut stays = |bus: &Bus| {
            let index = before.iter().position(|running| running.bus == *bus)?;
            Some(before.swap_remove(index))
        };
        let wanted: Vec<_> = buses.iter().map(|bus| (stays(bus), bus)).collect();
        let described = wanted.iter().map(|(stays, bus)| {
            let (name, simulated) = (bus.name.clone(), bus.config.is_simulated());
            (stays.as_ref().map(|running| running.key), BusInfo { name, simulated, period: bus.period })
        });
        let keys = self.recorder.set_buses(described.collect(), fridges).await;
        stop(before).await;
        // Those that stay first: whatever fails, their threads are not lost from sight.
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => {
                self.running.extend(wanted.into_iter().filter_map(|(stays, _)| stays));
                return Err(error);
            }
        };
        let mut new = Vec::new();
        for (key, (stays, bus)) in keys.into_iter().zip(wanted) {
            match stays {
                Some(running) => self.running.push(running),
                None => new.push((key, bus)),
            }
        }
        for (key, bus) in new {
            let thread = poll::start(self.job(bus, key), &self.clock)?;
            self.running.push(Running { bus: bus.clone(), key, thread });
        }
        Ok(())
    }

    /// Ends them all after the sweeps they are in.
    pub async fn stop(self) {
        stop(self.running).await;
    }

    /// A bus as its thread wants it, reporting to the recorder.
    fn job(&self, bus: &Bus, key: BusKey) -> Job {
        let (config, recorder) = (bus.config.clone(), self.recorder.clone());
        Job {
            name: bus.name.clone(),
            period: bus.period,
            open: Box::new(move || bus::open(&config)),
            report: Box::new(move |outcome| {
                recorder.report(match outcome {
                    Outcome::Sweep { at, took, validated } => Input::Sweep {
                        bus: key,
                        at,
                        took,
                        probes: validated.probes,
                        notices: validated.notices,
                    },
                    Outcome::Failed { at, fault } => Input::Failed { bus: key, at, fault },
                });
            }),
        }
    }
}

async fn stop(running: Vec<Running>) {
    let threads: Vec<BusThread> = running.into_iter().map(|running| running.thread).collect();
    if threads.is_empty() {
        return;
    }
    let all_ended = tokio::task::spawn_blocking(move || poll::stop(threads, PATIENCE)).await;
    if !matches!(all_ended, Ok(true)) {
        warn!("a bus is still in its sweep; going on without it");
    }
}
