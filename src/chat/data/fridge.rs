//! How fridges are, as `status` and `worst` list them and the API returns them.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::alarm::UsedBudget;
use crate::fridge::{Fridge, Limits, Verdict};
use crate::gateway::{Site, View};
use crate::reading::{Celsius, Fault, ProbeId, Reading, Stamp};
use crate::state::{Day, Snapshot};

/// How fridges are, in the order of an answer. A row is made when somebody reads it: in a chat, where twenty thousand fridges
/// are a line and the worst of them, nobody does.
#[derive(Clone, Debug, Default)]
pub struct FridgeRows {
    known: Option<Known>,
    rows: OnceLock<Vec<FridgeRow>>,
}

#[derive(Clone, Debug)]
struct Known {
    site: Arc<Site>,
    snapshot: Arc<Snapshot>,
    now: Stamp,
    /// Where each of them stands among those of the site.
    order: Vec<usize>,
}

impl FridgeRows {
    /// Those of these fridges of the view, in this order.
    pub fn new<'a>(fridges: impl IntoIterator<Item = &'a Fridge>, view: &View<'_>) -> FridgeRows {
        let order = fridges.into_iter().filter_map(|fridge| view.site.index_of(fridge)).collect();
        let known =
            Known { site: Arc::clone(view.site), snapshot: Arc::clone(&view.snapshot), now: view.now, order };
        FridgeRows { known: Some(known), rows: OnceLock::new() }
    }

    /// The first of them.
    pub fn first(&self, most: usize) -> Vec<FridgeRow> {
        self.known.iter().flat_map(|known| known.rows().take(most)).collect()
    }
}

impl Known {
    fn rows(&self) -> impl Iterator<Item = FridgeRow> {
        let fridges = self.order.iter().filter_map(|index| self.site.fridges.get(*index));
        fridges.map(|fridge| FridgeRow::new(fridge, &self.snapshot, &self.now))
    }
}

impl Deref for FridgeRows {
    type Target = [FridgeRow];

    fn deref(&self) -> &[FridgeRow] {
        self.rows.get_or_init(|| self.first(usize::MAX))
    }
}

impl Serialize for FridgeRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

/// How one fridge is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FridgeRow {
    /// What it is known by in records: it stays when the name changes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Which others it belongs with.
    pub group: Option<String>,
    /// The other gateway that measures and watches it; `None` where this one does.
    pub site: Option<String>,
    /// The probe in it.
    #[schema(value_type = String)]
    pub probe: ProbeId,
    /// How it is.
    pub verdict: Verdict,
    /// Its temperature in °C; `None` unless it is fresh.
    pub celsius: Option<Celsius>,
    /// The age of that temperature in seconds.
    pub age_s: Option<u64>,
    /// Why there is none.
    pub fault: Option<Fault>,
    /// For how many seconds there has been none.
    pub lasts_s: Option<u64>,
    /// What it may have.
    pub limits: Limits,
    /// The last good value in °C, where it is not the present one.
    pub last_good: Option<Celsius>,
    /// The age of the last good value in seconds.
    pub last_good_age_s: Option<u64>,
    /// Since when it has been outside its limits, and its furthest reading; `None` where it is not.
    pub outside: Option<OutsideRow>,
    /// The lowest and highest value of today.
    pub today: Option<Day>,
    /// How much of its budget of time outside is used; `None` where it has none, or was not outside.
    pub exposure: Option<UsedBudget>,
}

impl FridgeRow {
    /// How a fridge is at the moment `now`.
    pub fn new(fridge: &Fridge, snapshot: &Snapshot, now: &Stamp) -> FridgeRow {
        let known = snapshot.probe(fridge.probe);
        let reading = snapshot.reading(fridge.probe, now);
        let state = known.map(|(_, state)| state);
        let (celsius, age, fault, lasts) = match reading {
            Reading::Fresh { celsius, age } => (Some(celsius), Some(age), None, None),
            Reading::Stale { age, .. } => (None, None, None, Some(age)),
            Reading::Fault { fault, lasts } => (None, None, Some(fault), Some(lasts)),
        };
        let last_good = state.and_then(|state| state.last_good).filter(|_| celsius.is_none());
        let excursion = snapshot.excursions.get(&fridge.probe);
        let today = snapshot.local(now).date();
        FridgeRow {
            id: fridge.id.clone(),
            name: fridge.name.clone(),
            group: fridge.group.clone(),
            site: fridge.site.as_deref().map(str::to_owned),
            probe: fridge.probe,
            verdict: fridge.judge(&reading),
            celsius,
            age_s: age.map(|age| age.as_secs()),
            fault,
            lasts_s: lasts.map(|lasts| lasts.as_secs()),
            limits: fridge.limits,
            last_good: last_good.map(|(celsius, _)| celsius),
            last_good_age_s: last_good.map(|(_, at)| now.since(&at).as_secs()),
            outside: excursion
                .filter(|_| celsius.is_some() && !fridge.out_of_service)
                .map(|excursion| OutsideRow { since: excursion.since.wall, peak: excursion.peak }),
            today: state.and_then(|state| state.day).filter(|day| day.date == today),
            exposure: snapshot.exposures.get(&fridge.id).copied(),
        }
    }

    /// What is known of its probe, as it was judged.
    pub fn reading(&self) -> Reading {
        let lasts = Duration::from_secs(self.lasts_s.unwrap_or_default());
        match (self.celsius, self.fault) {
            (Some(celsius), _) => {
                Reading::Fresh { celsius, age: Duration::from_secs(self.age_s.unwrap_or_default()) }
            }
            (None, Some(fault)) => Reading::Fault { fault, lasts },
            (None, None) => Reading::Stale { celsius: self.last_good.unwrap_or(Celsius::MAX), age: lasts },
        }
    }
}

/// One time outside a fridge's limits.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct OutsideRow {
    /// When its first reading was taken.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Its furthest reading in °C.
    pub peak: Celsius,
}
