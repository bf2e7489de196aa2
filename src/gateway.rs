//! What answers are made from: the fridges by their names, what is known of their probes, and the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::fridge::Fridge;
use crate::history::{self, History, Minute, Past};
use crate::reading::{Clock, Stamp};
use crate::recorder;
use crate::state::{Snapshot, State};
use crate::text::Units;

mod scope;

pub use scope::Scope;

/// The site's part of the configuration: replaced as a whole when it is read again.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// This gateway's name, where several answer in one channel.
    pub name: Option<String>,
    /// The fridges, in the order of the configuration.
    pub fridges: Vec<Fridge>,
    /// The unit of temperatures, unless a question asks for the other.
    pub units: Units,
    /// Whether this is the last good configuration, because its file is wrong now.
    pub is_last_good: bool,
}

/// What answers are made from.
#[derive(Clone)]
pub struct Gateway {
    site: Arc<Site>,
    state: Arc<State>,
    history: Arc<History>,
    clock: Clock,
    recorder: Option<recorder::Handle>,
    past: Option<Arc<dyn Past>>,
    asked: Arc<AtomicU64>,
    /// Whether the newest configuration was refused at a reload.
    refused: Arc<AtomicBool>,
}

impl Gateway {
    /// A gateway of that site, which reads what a recorder writes. Nothing can be done through it.
    pub fn new(site: Site, state: Arc<State>, history: Arc<History>, clock: Clock) -> Self {
        let site = Arc::new(site);
        Gateway {
            site,
            state,
            history,
            clock,
            recorder: None,
            past: None,
            asked: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// The same gateway, which hands what people want done to that recorder.
    pub fn with_recorder(self, recorder: recorder::Handle) -> Self {
        Gateway { recorder: Some(recorder), ..self }
    }

    /// The same gateway, which knows the past.
    pub fn with_past(self, past: Arc<dyn Past>) -> Self {
        Gateway { past: Some(past), ..self }
    }

    /// How long what is measured is kept, from now on.
    pub fn set_history_config(&self, config: history::Config) {
        self.history.set_config(config);
    }

    /// How the disk takes what is measured.
    pub fn disk(&self) -> history::Disk {
        self.history.disk()
    }

    /// Has all that was measured written to the disk, and returns whether it was within that time.
    pub fn flush(&self, patience: Duration) -> bool {
        self.history.flush(patience)
    }

    /// The same gateway after its configuration was read again.
    pub fn reconfigured(&self, site: Site) -> Self {
        Gateway { site: Arc::new(site), ..self.clone() }
    }

    /// Whether the configuration's file was refused at the last reload, so that the one from before is in use.
    pub fn set_refused(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// The fridges, in the order of the configuration.
    pub fn fridges(&self) -> &[Fridge] {
        &self.site.fridges
    }

    /// The unit of temperatures.
    pub fn units(&self) -> Units {
        self.site.units
    }

    /// The present moment.
    pub fn now(&self) -> Stamp {
        (self.clock)()
    }

    /// What is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state.snapshot()
    }

    /// Where acts go; `None` where nothing can be done.
    pub fn recorder(&self) -> Option<&recorder::Handle> {
        self.recorder.as_ref()
    }

    /// Counts a question.
    pub fn count_question(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// The readings of the last 24 hours of the fridge with that id: the middle of each minute, in °C.
    pub fn readings(&self, id: &str) -> Vec<(Timestamp, f64)> {
        let now = self.now();
        let Some(fridge) = self.site.fridges.iter().find(|fridge| fridge.id == id) else { return Vec::new() };
        let minutes = self.history.minutes(fridge.probe, &now, history::MINUTES);
        let ago = |index: usize| Duration::from_secs(60 * (history::MINUTES - 1 - index) as u64);
        let known = |(index, minute): (usize, Option<Minute>)| {
            Some((now.wall.checked_sub(ago(index)).ok()?, minute?.middle()))
        };
        minutes.into_iter().enumerate().filter_map(known).collect()
    }

    /// Everything an answer is made from, at this moment, as `scope` may see it.
    pub fn view(&self, scope: &Scope) -> View<'_> {
        self.view_at(self.now(), self.snapshot(), scope)
    }

    /// Everything an answer is made from, at that moment.
    pub fn view_at(&self, now: Stamp, snapshot: Arc<Snapshot>, scope: &Scope) -> View<'_> {
        View {
            now,
            snapshot,
            name: self.site.name.as_deref(),
            history: &self.history,
            past: self.past.as_deref(),
            asked: self.asked.load(Ordering::Relaxed),
            fridges: self.site.fridges.iter().filter(|fridge| scope.sees(fridge)).collect(),
            everything: scope.is_everything(),
            units: self.site.units,
            site_units: self.site.units,
            is_last_good: self.site.is_last_good || self.refused.load(Ordering::Relaxed),
        }
    }
}

/// What one answer is made from.
#[derive(Clone)]
pub struct View<'a> {
    /// The moment of asking.
    pub now: Stamp,
    /// What is known of the probes at that moment.
    pub snapshot: Arc<Snapshot>,
    /// This gateway's name, where it has one.
    pub name: Option<&'a str>,
    /// The last 24 hours of the probes.
    pub history: &'a History,
    /// What is kept of the past, on the disk: only an answer that says so first may ask it.
    pub past: Option<&'a dyn Past>,
    /// How many questions were answered since the start.
    pub asked: u64,
    /// The fridges that the asker may see, in the order of the configuration.
    pub fridges: Vec<&'a Fridge>,
    /// Whether the asker may see everything, probes without a fridge included.
    pub everything: bool,
    /// The unit that the question asks for.
    pub units: Units,
    /// The unit of the configuration.
    pub site_units: Units,
    /// Whether that is an earlier one, because its file was refused at the start or at the last reload.
    pub is_last_good: bool,
}
