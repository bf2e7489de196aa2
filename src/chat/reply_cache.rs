//! The last answer about fridges, kept for as long as making it again would give the same bytes: the same
//! question of the same scope, the same snapshot, and not one age a second further. A busy channel asks
//! the same thing of the same second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Data, Reply, Scope, View};
use crate::reading::Stamp;
use crate::state::{ProbeState, Snapshot};

/// The answer that was made last. Its lock is held for one comparison.
#[derive(Debug, Default)]
pub struct ReplyCache {
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    words: String,
    scope: Scope,
    snapshot: Arc<Snapshot>,
    made: Stamp,
    until: Duration,
    reply: Arc<Reply>,
}

impl ReplyCache {
    /// Locks the answering path for ever, to see the watchdog bite.
    #[cfg(debug_assertions)]
    pub fn lock_for_ever(&self) {
        std::mem::forget(self.kept.lock());
    }

    /// The answer to the same question, if it would be made the same at `now`.
    pub fn get(
        &self,
        words: &str,
        scope: &Scope,
        snapshot: &Arc<Snapshot>,
        now: &Stamp,
    ) -> Option<Arc<Reply>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        // A wall clock that stepped may have changed the day.
        let passed = now.wall.duration_since(kept.made.wall);
        let same = Arc::ptr_eq(&kept.snapshot, snapshot)
            && (kept.made.mono..kept.until).contains(&now.mono)
            && (0..=1).contains(&passed.as_secs())
            && kept.words == words
            && kept.scope == *scope;
        same.then(|| Arc::clone(&kept.reply))
    }

    /// Keeps an answer that was made of that view, if it is one about fridges.
    pub fn keep(&self, words: &str, scope: &Scope, view: &View<'_>, reply: &Arc<Reply>) {
        if !matches!(reply.data, Data::Fridges(_)) {
            return;
        }
        let kept = Kept {
            words: words.to_owned(),
            scope: scope.clone(),
            snapshot: Arc::clone(&view.snapshot),
            made: view.now,
            until: first_change(view),
            reply: Arc::clone(reply),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

/// The first moment at which anything in an answer may read differently: an age that is a whole
/// second further, a reading that turns stale, a new day.
fn first_change(view: &View<'_>) -> Duration {
    let now = view.now.mono;
    let tick = |at: Duration| at + Duration::from_secs(now.saturating_sub(at).as_secs() + 1);
    let mut first = tick(view.snapshot.started.mono);
    // When it turns stale, and when each of its ages is a second further.
    let moments = |probe: &ProbeState, stale_after: Duration| {
        let last_good = probe.last_good.map(|(_, at)| tick(at.mono));
        let last_fault = probe.last_fault.map(|(_, _, at)| tick(at.mono));
        let stale = probe.at.mono + probe.stale_after.unwrap_or(stale_after);
        [Some(stale), Some(tick(probe.at.mono)), Some(tick(probe.since.mono)), last_good, last_fault]
    };
    let mut earlier = |moment: Duration| {
        if moment > now && moment < first {
            first = moment;
        }
    };
    for bus in &view.snapshot.buses {
        earlier(tick(bus.since.mono));
        let fault = bus.fault.as_ref().map(|(_, since)| since.mono);
        bus.last_sweep.iter().map(|at| at.mono).chain(fault).for_each(|at| earlier(tick(at)));
        earlier(bus.since.mono + bus.stale_after());
        for fridge in &view.fridges {
            let Some(probe) = bus.probes.get(&fridge.probe) else { continue };
            moments(probe, bus.stale_after()).into_iter().flatten().for_each(&mut earlier);
        }
    }
    for fridge in view.fridges.iter().filter(|fridge| fridge.site.is_some()) {
        let Some((site, probe)) = view.snapshot.probe(fridge.probe) else { continue };
        moments(probe, site.stale_after()).into_iter().flatten().for_each(&mut earlier);
    }
    let today = view.snapshot.local(&view.now);
    if let Ok(midnight) =
        today.date().tomorrow().map(|next| next.to_zoned_datetime(today.time_zone().clone()))
    {
        let left = midnight.map_or(Duration::ZERO, |midnight| {
            midnight.timestamp().duration_since(view.now.wall).unsigned_abs()
        });
        earlier(now + left);
    }
    first
}
