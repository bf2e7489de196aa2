//! The open alarms of other gateways, as each of them told them last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Snapshot;
use crate::alarm::Alarm;
use crate::reading::Stamp;

/// A gateway tells its open alarms every minute; after three of these nobody knows whether they are still open.
const CONFIRMED: Duration = Duration::from_secs(180);

/// Those of one gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteAlarms {
    /// The alarms; [`Alarm::site`] names the gateway.
    pub alarms: Vec<Alarm>,
    /// When they were open, on this gateway's clocks; `None` where that is not known, because a broker has retained it.
    pub at: Option<Stamp>,
}

impl Snapshot {
    /// Takes in the open alarms of another gateway.
    pub fn record_alarms(&mut self, site: String, alarms: SiteAlarms) {
        // What was told before is over.
        drop(Arc::make_mut(&mut self.site_alarms).insert(site, alarms));
    }

    /// No other gateway is followed any more.
    pub fn forget_site_alarms(&mut self) {
        self.site_alarms = Arc::new(BTreeMap::new());
    }

    /// All open alarms, this gateway's own first.
    pub fn open_alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.iter().chain(self.site_alarms.values().flat_map(|site| &site.alarms))
    }

    /// Whether the open alarms of another gateway are known at the moment `now`.
    pub fn are_alarms_known(&self, site: &str, now: &Stamp) -> bool {
        let told = self.site_alarms.get(site).and_then(|told| told.at);
        told.is_some_and(|at| now.since(&at) <= CONFIRMED)
    }

    /// Whether an alarm is known to be open at the moment `now`: one of another gateway, of which nothing has been heard since,
    /// may be over.
    pub fn is_confirmed(&self, alarm: &Alarm, now: &Stamp) -> bool {
        alarm.site.as_ref().is_none_or(|site| self.are_alarms_known(site, now))
    }
}
