//! The past of all fridges: of this gateway's own, and of those of others as far as their readings are kept here.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use super::Archive;
use crate::alarm::Alarm;
use crate::history::{EachBucket, EachReading, Past, PastError, Period, Seen};
use crate::store::Deed;

/// The past of this gateway, and of those that it shows. Their fridges are called `north.milk`; of each gateway after the other
/// readings are shown in order.
pub struct PastOfAll {
    own: Box<dyn Past>,
    archive: Arc<Archive>,
}

impl PastOfAll {
    /// Both of these.
    pub fn new(own: impl Past + 'static, archive: Arc<Archive>) -> PastOfAll {
        PastOfAll { own: Box::new(own), archive }
    }

    /// Whether a fridge of that id is another gateway's. This one's own may have a dot in their ids, too.
    pub fn is_of_other(&self, id: &str) -> bool {
        self.other(id, &OnceCell::new()).is_some()
    }

    /// The gateway of a fridge of another one, and its id there. The ids of this one's own are read where they matter, once.
    fn other<'a>(&self, id: &'a str, own: &OnceCell<Vec<String>>) -> Option<(&'a str, &'a str)> {
        let (gateway, there) = id.split_once('.').filter(|(gateway, _)| self.archive.knows(gateway))?;
        // Without a file, nothing is known of any of its own.
        let own = own.get_or_init(|| self.own.fridges().unwrap_or_default());
        own.iter().all(|own| own != id).then_some((gateway, there))
    }

    /// Asks for the fridges of each gateway: with their ids there, and their places in the list.
    fn of_each(
        &self,
        fridges: &[&str],
        mut ask: impl FnMut(&dyn Past, &[&str], &[usize]) -> Result<(), PastError>,
    ) -> Result<(), PastError> {
        let mut own: (Vec<&str>, Vec<usize>) = Default::default();
        let own_ids = OnceCell::new();
        let mut others: BTreeMap<&str, (Vec<&str>, Vec<usize>)> = BTreeMap::new();
        for (place, fridge) in fridges.iter().enumerate() {
            let (ids, places, id) = match self.other(fridge, &own_ids) {
                Some((gateway, id)) => {
                    let (ids, places) = others.entry(gateway).or_default();
                    (ids, places, id)
                }
                None => (&mut own.0, &mut own.1, *fridge),
            };
            ids.push(id);
            places.push(place);
        }
        if others.is_empty() || !own.0.is_empty() {
            ask(&*self.own, &own.0, &own.1)?;
        }
        for (gateway, (ids, places)) in &others {
            ask(&self.archive.past(gateway), ids, places)?;
        }
        Ok(())
    }
}

impl Past for PastOfAll {
    fn buckets(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        backwards: bool,
        each: &mut EachBucket<'_>,
    ) -> Result<(), PastError> {
        let mut goes_on = true;
        self.of_each(fridges, |past, ids, places| {
            if !goes_on {
                return Ok(());
            }
            past.buckets(ids, from, to, backwards, &mut |fridge, at, bucket| {
                goes_on = each(places[fridge], at, bucket);
                goes_on
            })
        })
    }

    fn readings(
        &self,
        fridges: &[&str],
        from: Timestamp,
        to: Timestamp,
        each: &mut EachReading<'_>,
    ) -> Result<(), PastError> {
        let mut goes_on = true;
        self.of_each(fridges, |past, ids, places| {
            if !goes_on {
                return Ok(());
            }
            past.readings(ids, from, to, &mut |seen| {
                goes_on = each(Seen { fridge: places[seen.fridge], ..seen });
                goes_on
            })
        })
    }

    fn extent(&self) -> Result<Option<(Timestamp, Timestamp)>, PastError> {
        let mut extent = match self.own.extent() {
            Err(PastError::Nothing(_)) => None,
            extent => extent?,
        };
        for gateway in self.archive.gateways() {
            match self.archive.past(&gateway).extent() {
                Ok(None) => {}
                Ok(Some((first, last))) => {
                    extent = Some(extent.map_or((first, last), |(from, to)| (first.min(from), last.max(to))));
                }
                Err(error) => warn!("cannot read the stored readings of `{gateway}`: {error}"),
            }
        }
        Ok(extent)
    }

    fn fridges(&self) -> Result<Vec<String>, PastError> {
        let own = self.own.fridges();
        let mut others = Vec::new();
        for gateway in self.archive.gateways() {
            match self.archive.past(&gateway).fridges() {
                Ok(ids) => others.extend(ids.into_iter().map(|id| format!("{gateway}.{id}"))),
                // Nothing of it is on the disk yet.
                Err(PastError::Nothing(_)) => {}
                Err(error) => warn!("cannot read the stored readings of `{gateway}`: {error}"),
            }
        }
        match own {
            Err(PastError::Nothing(_)) if !others.is_empty() => Ok(others),
            own => own.map(|own| own.into_iter().chain(others).collect()),
        }
    }

    fn flush(&self, patience: Duration) -> bool {
        self.archive.flush(patience)
    }

    fn records(&self, period: &Period) -> Result<(Vec<Alarm>, Vec<Deed>), PastError> {
        self.own.records(period)
    }
}
