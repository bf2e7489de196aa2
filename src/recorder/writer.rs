//! The recorder's thread: it takes inputs from a bounded queue, one after another, and performs the effects of
//! each. A bus that finds the queue full loses its sweep, and never waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{broadcast, oneshot};
use tokio::time::timeout;
use tracing::{error, warn};

use super::disk_watch::DiskWatch;
use super::ledger::{Ledger, LedgerThread, Parcel};
use super::log_text::{self, Names};
use super::{Act, ActError, By, Effect, Input, Observation, Recorder};
use crate::fridge::{Correction, Fridge};
use crate::history::History;
use crate::reading::{Clock, ProbeId};
use crate::state::{BusInfo, BusKey, State};
use crate::store::{Entry, Kept, Records};

/// How many inputs wait at most: a sweep of each of a hundred buses, and what people do meanwhile.
const QUEUE: usize = 256;
/// From one tick to the next: silence is noticed this late at the most, and messages that wait for company wait on.
const TICK: Duration = Duration::from_secs(10);
/// Who wants something done waits so long for the disk.
const PATIENCE: Duration = Duration::from_secs(4);
/// Whoever observes and is so many sweeps behind misses the oldest.
const OBSERVATIONS: usize = 256;
/// A tick that is due is not waited for in a loop that never rests.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Performs a recorder's effects.
pub struct Writer {
    recorder: Recorder,
    state: Arc<State>,
    history: Arc<History>,
    clock: Clock,
    names: Names,
    ledger: Keeping,
    disk: DiskWatch,
    observations: broadcast::Sender<Observation>,
    /// The ids of the fridges, by their probes.
    fridges: HashMap<ProbeId, Arc<str>>,
}

/// Where entries are kept: in the caller's thread, or, once the writer has its own, in one beside it.
enum Keeping {
    Here(Box<Ledger>),
    Beside(LedgerThread),
}

/// One input, and a sender for the caller that waits for its effects.
enum Message {
    Input(Input),
    Buses(Input, oneshot::Sender<Vec<BusKey>>),
    Act(Input, oneshot::Sender<Result<(), ActError>>),
    /// For who waits until what came before is known.
    Passed(oneshot::Sender<()>),
}

/// Hands inputs to the recorder's thread. The thread ends with the last handle.
#[derive(Clone)]
pub struct Handle {
    inputs: SyncSender<Message>,
    names: Names,
    observations: broadcast::Sender<Observation>,
}

impl Writer {
    /// Writes what that recorder takes in.
    pub fn new(recorder: Recorder, clock: Clock) -> Self {
        let state = Arc::new(State::new(recorder.snapshot().clone()));
        Writer {
            recorder,
            state,
            history: Arc::default(),
            clock,
            names: Names::default(),
            ledger: Keeping::Here(Box::new(Ledger::new(None, None))),
            disk: DiskWatch::default(),
            observations: broadcast::Sender::new(OBSERVATIONS),
            fridges: HashMap::new(),
        }
    }

    /// Keeps alarms in these records, where there are any, goes on with what they hold on a computer that has been running for
    /// `uptime`, and hands messages over to `parcels`.
    #[must_use]
    pub fn with_records(
        mut self,
        records: Option<Records>,
        uptime: Duration,
        parcels: UnboundedSender<Parcel>,
    ) -> Writer {
        let kept = records.as_ref().map_or_else(|| Ok(Kept::default()), Records::kept);
        let mut kept = kept.unwrap_or_else(|error| {
            error!("the records cannot be read, and alarms begin anew: {error}");
            Kept::default()
        });
        if kept.unreadable > 0 {
            warn!("{} rows of the records cannot be read, and are left out", kept.unreadable);
        }
        for (id, target, message) in std::mem::take(&mut kept.outbox) {
            // Nobody can have gone yet.
            drop(parcels.send(Parcel { id: Some(id), target, message }));
        }
        self.recorder.resume(kept, uptime, (self.clock)());
        self.state.publish(Arc::new(self.recorder.snapshot().clone()));
        self.ledger = Keeping::Here(Box::new(Ledger::new(records, Some(parcels))));
        self
    }

    /// Where snapshots are published.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Where values are remembered.
    pub fn history(&self) -> Arc<History> {
        Arc::clone(&self.history)
    }

    /// Takes one input in and performs its effects, in the caller's thread.
    pub fn write(&mut self, input: Input) {
        if let Input::Fridges(fridges) | Input::Sites { fridges, .. } = &input {
            // What another gateway reads is neither kept here nor told as if it were read here.
            let own: Vec<Fridge> = fridges.iter().filter(|fridge| fridge.site.is_none()).cloned().collect();
            self.history.set_fridges(&own);
            self.fridges = own.iter().map(|fridge| (fridge.probe, fridge.id.as_str().into())).collect();
        }
        for effect in self.recorder.step(input, (self.clock)()) {
            if self.observations.receiver_count() > 0 {
                for observation in Observation::of(&effect, &self.fridges) {
                    // The last one may have gone just now.
                    drop(self.observations.send(observation));
                }
            }
            match effect {
                Effect::Publish(snapshot) => self.state.publish(snapshot),
                Effect::Remember { at, samples, is_urgent, is_kept: true } => {
                    self.history.add(at, &samples, is_urgent)
                }
                Effect::Remember { at, samples, .. } => self.history.show(at, &samples),
                Effect::Forget => {
                    let snapshot = self.state.snapshot();
                    // Of what other gateways read, the last day is known before they are heard.
                    self.history.retain(|probe| probe.site().is_some() || snapshot.probe(probe).is_some());
                }
                Effect::Log(line) => log_text::write(&line, &self.names),
                Effect::Tell(message) => log_text::write_message(&message, (self.clock)()),
                Effect::Keep(entries) => self.keep(entries),
                // Who waits for it is told by the caller.
                Effect::Acted { .. } => {}
            }
        }
    }

    fn keep(&mut self, entries: Vec<Entry>) {
        match &mut self.ledger {
            Keeping::Here(ledger) => ledger.keep(&entries),
            Keeping::Beside(thread) => thread.keep(entries),
        }
    }

    fn is_kept(&self) -> bool {
        match &self.ledger {
            Keeping::Here(ledger) => ledger.is_kept(),
            Keeping::Beside(thread) => thread.is_kept(),
        }
    }

    /// Answers who wanted something done, once it is kept.
    fn answer(&mut self, done: oneshot::Sender<Result<(), ActError>>) {
        match &mut self.ledger {
            Keeping::Here(ledger) => {
                // The caller may be gone by now: that is no error.
                let _waits = done.send(if ledger.is_kept() { Ok(()) } else { Err(ActError::NotOnDisk) });
            }
            Keeping::Beside(thread) => thread.answer(done),
        }
    }

    /// The keys of the buses, in the order of the configuration.
    pub fn keys(&self) -> Vec<BusKey> {
        self.recorder.snapshot().buses.iter().map(|bus| bus.key).collect()
    }

    /// Starts its thread.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(mut self) -> std::io::Result<Handle> {
        let (inputs, queue) = sync_channel(QUEUE);
        let observations = self.observations.clone();
        let handle = Handle { inputs, names: Arc::clone(&self.names), observations };
        if let Keeping::Here(ledger) = &mut self.ledger {
            self.ledger = Keeping::Beside(std::mem::take(&mut **ledger).start()?);
        }
        Builder::new().name(String::from("recorder")).spawn(move || self.run(&queue))?;
        Ok(handle)
    }

    fn run(&mut self, queue: &Receiver<Message>) {
        let mut ticks = (self.clock)().mono + TICK;
        loop {
            let now = (self.clock)().mono;
            if now >= ticks {
                self.write(Input::Tick);
                if let Keeping::Beside(thread) = &mut self.ledger {
                    thread.tick();
                }
                if let Some(notice) = self.disk.look(&self.history.disk(), self.is_kept(), now) {
                    self.write(Input::Notice(notice));
                }
                ticks = now + TICK;
            }
            // The caller may be gone by now: that is no error.
            match queue.recv_timeout(ticks.saturating_sub(now).max(SHORTEST_WAIT)) {
                Ok(Message::Input(input)) => self.write(input),
                Ok(Message::Buses(input, keys)) => {
                    self.write(input);
                    drop(keys.send(self.keys()));
                }
                // Who waits may be gone.
                Ok(Message::Passed(passed)) => drop(passed.send(())),
                Ok(Message::Act(input, done)) => {
                    self.write(input);
                    self.answer(done);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

impl Handle {
    /// Each sweep and each change of an alarm from now on.
    pub fn observe(&self) -> broadcast::Receiver<Observation> {
        self.observations.subscribe()
    }

    /// Hands over what a bus reports. Never waits.
    pub fn report(&self, input: Input) {
        if let Err(TrySendError::Full(_)) = self.inputs.try_send(Message::Input(input)) {
            warn!("the recorder does not keep up: a sweep is lost");
        }
    }

    /// From now on there are these buses and fridges; returns the buses' keys.
    ///
    /// # Errors
    /// Where the recorder's thread has ended.
    pub async fn set_buses(
        &self,
        buses: Vec<(Option<BusKey>, BusInfo)>,
        fridges: &[Fridge],
    ) -> std::io::Result<Vec<BusKey>> {
        self.set_names(fridges);
        let input = Input::Buses { buses, corrections: corrections(fridges) };
        let (sender, keys) = oneshot::channel();
        let watched = Message::Input(Input::Fridges(fridges.to_vec()));
        if self.inputs.try_send(Message::Buses(input, sender)).is_err()
            || self.inputs.try_send(watched).is_err()
        {
            return Err(std::io::Error::other("the recorder does not take the buses"));
        }
        keys.await.map_err(|_| std::io::Error::other("the recorder has ended"))
    }

    /// From now on there are these other gateways, and these fridges.
    ///
    /// # Errors
    /// Where the recorder's thread does not take them just now.
    pub fn set_sites(
        &self,
        sites: Vec<BusInfo>,
        fridges: &[Fridge],
        followed: BTreeSet<String>,
    ) -> std::io::Result<()> {
        let input = Input::Sites { sites, fridges: fridges.to_vec(), followed };
        let sent = self.inputs.try_send(Message::Input(input));
        sent.map_err(|_| std::io::Error::other("the recorder does not take the fridges"))?;
        self.set_names(fridges);
        Ok(())
    }

    /// Waits until all that was handed over is known to who looks.
    pub async fn passed(&self) {
        let (sender, passed) = oneshot::channel();
        if self.inputs.try_send(Message::Passed(sender)).is_ok() {
            // Where the thread has ended, there is nothing to wait for.
            drop(timeout(PATIENCE, passed).await);
        }
    }

    fn set_names(&self, fridges: &[Fridge]) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) =
            fridges.iter().map(|fridge| (fridge.probe, fridge.name.clone())).collect();
    }

    /// Keeps what the rules know before the program ends, and returns once that is on the disk.
    pub async fn end(&self) {
        let (sender, done) = oneshot::channel();
        if self.inputs.try_send(Message::Act(Input::End, sender)).is_ok() {
            // Where the thread has ended, there is nothing to wait for.
            // A disk that hangs is not waited for.
            drop(timeout(PATIENCE, done).await);
        }
    }

    /// Has something done, and returns once it is recorded.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn act(&self, act: Act, by: By) -> Result<(), ActError> {
        let (sender, done) = oneshot::channel();
        let message = Message::Act(Input::Act { act, by }, sender);
        self.inputs.try_send(message).map_err(|_| {
            error!("the recorder has stopped, or its queue is full");
            ActError::NotRecorded
        })?;
        match timeout(PATIENCE, done).await {
            Ok(answer) => answer.unwrap_or(Err(ActError::NotRecorded)),
            Err(_) => Err(ActError::NotOnDisk),
        }
    }
}

/// How the probe in each fridge is corrected.
pub fn corrections(fridges: &[Fridge]) -> HashMap<ProbeId, Correction> {
    fridges
        .iter()
        .filter_map(|fridge| Some((fridge.probe, fridge.calibration.as_ref()?.correction)))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::reading::{Celsius, Sampled, Stamp};

    #[tokio::test]
    async fn what_is_handed_over_is_published_and_an_act_is_answered_behind_it() {
        let stamp = Stamp { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        let writer = Writer::new(Recorder::new(stamp, TimeZone::UTC), Arc::new(move || stamp));
        let (state, history) = (writer.state(), writer.history());
        let handle = writer.start().unwrap();
        let info = BusInfo { name: "bus 1".into(), simulated: true, period: Duration::from_secs(1) };
        let keys = handle.set_buses(vec![(None, info)], &[]).await.unwrap();
        let probe = ProbeId::new(0x28, 1);
        let probes = vec![Sampled::from((probe, Ok(Celsius::MAX)))];
        let sweep =
            Input::Sweep { bus: keys[0], at: stamp, took: Duration::ZERO, probes, notices: Vec::new() };
        handle.report(sweep);
        handle.act(Act::Nothing, By::default()).await.unwrap();
        assert_eq!(state.snapshot().probe(probe).unwrap().1.newest, Ok(Celsius::MAX));
        assert!(history.minutes(probe, &stamp, 1)[0].is_some());
    }
}
