//! What answers are made from: the fridges by their names, what is known of their probes, and the clock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::alarm::Alarm;
use crate::fridge::Fridge;
use crate::history::{self, EachReading, History, Minute, Past, PastError, Period, Point};
use crate::reading::{Clock, Stamp};
use crate::recorder::{self, ActError, By};
use crate::report::Report;
use crate::state::{Histogram, Snapshot, State};
use crate::store::Deed;
use crate::store::bucket::{Aggregate, Sum};
use crate::text::Units;

mod elsewhere;
mod questions;
mod range;
mod readers;
mod scope;
mod site;
mod timeline;
mod window;

pub use elsewhere::{Carried, CarryError, Elsewhere, NotAllDone, Undone, Wanted};
pub use questions::Outcome;
use questions::Questions;
pub use range::Range;
use readers::Readers;
pub use readers::Unread;
pub use scope::Scope;
pub use site::Site;
pub use timeline::Timeline;
pub use window::Window;

/// So many questions about the past are answered at once …
const ASKING: usize = 2;
/// … and so many look at it.
const LOOKING: usize = 1;

/// What answers are made from.
#[derive(Clone)]
pub struct Gateway {
    site: Arc<Site>,
    state: Arc<State>,
    history: Arc<History>,
    clock: Clock,
    recorder: Option<recorder::Handle>,
    elsewhere: Option<Elsewhere>,
    past: Option<Arc<dyn Past>>,
    readers: Readers,
    onlookers: Readers,
    asked: Arc<AtomicU64>,
    questions: Arc<Questions>,
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
            elsewhere: None,
            past: None,
            readers: Readers::new(ASKING),
            onlookers: Readers::new(LOOKING),
            asked: Arc::default(),
            questions: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// The same gateway, which hands what people want done to that recorder.
    pub fn with_recorder(self, recorder: recorder::Handle) -> Self {
        Gateway { recorder: Some(recorder), ..self }
    }

    /// The same gateway, which hands what people want other gateways to do to these.
    pub fn with_elsewhere(self, elsewhere: Elsewhere) -> Self {
        Gateway { elsewhere: Some(elsewhere), ..self }
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
        let began = Instant::now();
        let is_own_flushed = self.history.flush(patience);
        let rest = patience.saturating_sub(began.elapsed());
        self.past.as_deref().is_none_or(|past| past.flush(rest)) && is_own_flushed
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

    /// Those of them that this gateway measures itself.
    pub fn own_fridges(&self) -> impl Iterator<Item = &Fridge> {
        self.site.fridges.iter().filter(|fridge| fridge.site.is_none())
    }

    /// This gateway's name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.site.name.as_deref()
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

    /// Has something done, and returns once it is recorded where it is to be. All of it is tried.
    ///
    /// # Errors
    /// What was not done.
    pub async fn perform(&self, acts: Vec<Wanted>, by: By) -> Result<(), NotAllDone> {
        let (wanted, mut there) = (acts.len(), JoinSet::new());
        let mut undone = Vec::new();
        for Wanted { site, act } in acts {
            match (site, &self.recorder, self.elsewhere.clone()) {
                (None, Some(recorder), _) => {
                    undone.extend(recorder.act(act, by.clone()).await.err().map(Undone::Here));
                }
                (None, None, _) => undone.push(Undone::Here(ActError::NotRecorded)),
                (Some(site), _, Some(elsewhere)) => {
                    let user = by.user.clone();
                    there.spawn(async move {
                        let done = elsewhere.act(site.clone(), act, user).await;
                        done.err().map(|why| Undone::There { site, why })
                    });
                }
                (Some(site), _, None) => undone.push(Undone::There { site, why: CarryError::Away }),
            }
        }
        // None of them panics.
        undone.extend(there.join_all().await.into_iter().flatten());
        match undone.len() {
            0 => Ok(()),
            failed => Err(NotAllDone { undone, has_rest: failed < wanted }),
        }
    }

    /// Has something done that may wait for the disk, in a thread for that; whoever asks waits for it, and nobody else.
    ///
    /// # Errors
    /// [`Unread`]
    pub async fn read_past<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Gateway) -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let gateway = self.clone();
        self.readers.run(move || work(&gateway)).await
    }

    /// The same for who looks at the page, at a picture or into the API: whoever asks in the channel does not wait for these.
    ///
    /// # Errors
    /// [`Unread`]
    pub async fn look_at_past<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Gateway) -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let gateway = self.clone();
        self.onlookers.run(move || work(&gateway)).await
    }

    /// Lets a reader wait for what is known next.
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<Arc<Snapshot>> {
        self.state.subscribe()
    }

    /// Counts a question.
    pub fn count_question(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what came of a question of that command.
    pub fn answered(&self, command: &'static str, outcome: Outcome, took: Duration) {
        self.questions.add(command, outcome, took);
    }

    /// The questions since the start, by their commands and outcomes.
    pub fn questions(&self) -> BTreeMap<(&'static str, Outcome), Histogram> {
        self.questions.all()
    }

    /// The readings of the last 24 hours of the fridge with that id: the middle of each minute, in °C.
    pub fn readings(&self, id: &str) -> Vec<(Timestamp, f64)> {
        let fridge = self.site.fridges.iter().find(|fridge| fridge.id == id);
        fridge
            .into_iter()
            .flat_map(|fridge| self.minutes(fridge))
            .map(|(at, minute)| (at, minute.middle()))
            .collect()
    }

    /// The steps of that time in which a fridge had readings or faults, the earliest first; where nothing is kept on a disk,
    /// as far as they are in memory. May wait for the disk.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn points(&self, fridge: &Fridge, window: &Window) -> Result<Vec<(Timestamp, Aggregate)>, PastError> {
        let Window { from, to, step_s } = *window;
        let step = Duration::from_secs(step_s.unsigned_abs());
        let read = self.past.as_deref().map(|past| history::series(past, &[&fridge.id], from, to, step));
        let is_other = fridge.site.is_some();
        let mut points: Vec<(Timestamp, Aggregate)> = match read {
            Some(Ok(series)) => {
                series.into_iter().flatten().map(|Point { at, aggregate }| (at, aggregate)).collect()
            }
            Some(Err(error @ PastError::Store(_))) if !is_other => return Err(error),
            Some(Err(_)) | None => self.points_in_memory(fridge, window),
        };
        points.retain(|(_, it)| it.readings + it.faults > 0);
        if is_other {
            // What another gateway reads while its clock is wrong is kept in memory only.
            let last = points.last().map(|(at, _)| *at);
            points
                .extend(self.points_in_memory(fridge, window).into_iter().filter(|(at, _)| Some(*at) > last));
        }
        Ok(points)
    }

    fn points_in_memory(&self, fridge: &Fridge, window: &Window) -> Vec<(Timestamp, Aggregate)> {
        let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
        for (at, minute) in self.minutes(fridge).filter(|(at, _)| (window.from..window.to).contains(at)) {
            let passed = at.as_second() - window.from.as_second();
            let sum = sums.entry(at.as_second() - passed.rem_euclid(window.step_s)).or_default();
            [minute.min, minute.max].into_iter().for_each(|celsius| sum.add(Ok(celsius)));
        }
        let point = |(begins, sum): (i64, Sum)| Some((Timestamp::from_second(begins).ok()?, sum.aggregate()));
        sums.into_iter().filter_map(point).collect()
    }

    /// Shows each reading of these fridges in that time, until `each` says false. May wait for the disk.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn past_readings(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        each: &mut EachReading<'_>,
    ) -> Result<(), PastError> {
        self.past.as_deref().map_or(Ok(()), |past| past.readings(fridges, from, to, each))
    }

    /// What happened to a fridge in that time. May wait for the disk.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn timeline(&self, fridge: &Fridge, window: Window) -> Result<Timeline, PastError> {
        let points = self.points(fridge, &window)?;
        let (mut alarms, deeds) = self.records(&Period::between(window.from, window.to))?;
        // What is open is further in memory than on the disk.
        let open = &self.snapshot().alarms;
        for alarm in &mut alarms {
            if let Some(newer) = open.iter().find(|newer| newer.number == alarm.number) {
                alarm.clone_from(newer);
            }
        }
        Ok(Timeline::new(fridge.clone(), window, points, alarms, deeds))
    }

    /// The alarms of that time, and what people did in it. May wait for the disk.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn records(&self, period: &Period) -> Result<(Vec<Alarm>, Vec<Deed>), PastError> {
        self.past.as_deref().map_or_else(|| Ok(Default::default()), |past| past.records(period))
    }

    /// The report of a fridge, from these alarms and deeds. May wait for the disk.
    ///
    /// # Errors
    /// [`PastError`]
    pub fn report(
        &self,
        fridge: &Fridge,
        period: &Period,
        alarms: &[Alarm],
        deeds: &[Deed],
    ) -> Result<Report, PastError> {
        let past = self.past.as_deref().ok_or_else(|| PastError::Nothing(PathBuf::new()))?;
        Report::of(past, fridge, period, alarms, deeds)
    }

    /// The minutes of the last 24 hours in which that fridge had a reading, the earliest first.
    fn minutes(&self, fridge: &Fridge) -> impl Iterator<Item = (Timestamp, Minute)> + use<> {
        let now = self.now();
        let minutes = self.history.minutes(fridge.probe, &now, history::MINUTES);
        let ago = |index: usize| Duration::from_secs(60 * (history::MINUTES - 1 - index) as u64);
        let known = move |(index, minute): (usize, Option<Minute>)| {
            Some((now.wall.checked_sub(ago(index)).ok()?, minute?))
        };
        minutes.into_iter().enumerate().filter_map(known)
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
            site: &self.site,
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
    /// The configuration of the site.
    pub site: &'a Arc<Site>,
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
