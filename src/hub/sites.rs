//! The other gateways, as far as they were heard: their messages go in; readings, and what there is to be shown, come out.
//! Whatever one of them sends, it takes a bounded place, and concerns no other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::alarms::{self, Alarms};
use super::archive::Archive;
use super::catch_up::{Asks, CatchUp, Wanted};
use super::clock_offset::{ClockOffset, RIGHT};
use super::known::Known;
use super::message::{self, About, Answer, Numbered, Readings, State, Status, Unfit};
use super::numbers::Numbers;
use super::site::{Described, Site};

use crate::gateway::CarryError;
use crate::mqtt::topic::level;
use crate::reading::Stamp;
use crate::state::{RemoteReading, SiteAlarms};

/// So much is complained of at a time; the rest is not told.
const MOST_COMPLAINTS: usize = 20;
/// The age beyond which a reading is stale, until the other gateway says so.
const USUAL_STALE_AFTER: Duration = Duration::from_secs(30);
/// No reading stands for the present for longer, whatever is said.
const LONGEST_STALE_AFTER: Duration = Duration::from_secs(3 * 3_600);

const WRONG_CLOCK: &str = "has a clock that is more than a minute off this gateway's: its readings are not kept here until the two \
     clocks agree, and are asked for then";
const SILENT: &str = "does not answer when it is asked for missing readings: upgrade that gateway, or let this one publish below \
     `fridge/+/asks/` (in the broker's ACL, and in the bridge where there is one)";

/// The other gateways.
pub struct Sites {
    numbers: Arc<Mutex<Numbers>>,
    /// This gateway's own name in topics.
    own: String,
    sites: BTreeMap<String, Site>,
    alarms: Alarms,
    catch_up: CatchUp,
    is_changed: bool,
    complaints: Vec<String>,
    /// Whether it was told that there are too many.
    is_full: bool,
}

impl Sites {
    /// Nothing was heard yet.
    pub fn new(numbers: Arc<Mutex<Numbers>>, archive: Arc<Archive>, own: &str) -> Sites {
        Sites {
            numbers,
            own: own.to_owned(),
            sites: BTreeMap::new(),
            alarms: Alarms::default(),
            catch_up: CatchUp::new(archive),
            is_changed: true,
            complaints: Vec::new(),
            is_full: false,
        }
    }

    /// A new connection: what the broker retains comes anew, and nothing of what was asked over the last one.
    pub fn connected(&mut self) {
        self.catch_up.disconnected();
        for site in self.sites.values_mut() {
            site.complained.clear();
        }
    }

    /// What is to be shown from now on, where that has changed.
    pub fn take_change(&mut self) -> Option<Known> {
        std::mem::take(&mut self.is_changed).then(|| Known::of(&self.sites, &self.numbers()))
    }

    /// The open alarms of all gateways are handed over again.
    pub fn repeat_alarms(&mut self) {
        self.alarms.repeat();
    }

    /// The open alarms of each gateway whose alarms have changed.
    pub fn take_alarms(&mut self) -> Vec<(String, SiteAlarms)> {
        self.alarms.take_changes()
    }

    /// Whether that gateway does what people here want it to do.
    ///
    /// # Errors
    /// Why it does not.
    pub fn takes_acts(&self, gateway: &str) -> Result<(), CarryError> {
        match self.sites.get(gateway) {
            Some(site) if site.is_offline => Err(CarryError::Away),
            Some(site) if !site.takes_acts => Err(CarryError::NotAllowed(self.own.clone())),
            Some(_) => Ok(()),
            None => Err(CarryError::Away),
        }
    }

    /// What gateways are to be asked now, at most so many of them, because some of their readings are missing.
    pub fn take_asks(&mut self, now: Stamp, most: usize) -> Vec<(String, Wanted)> {
        let sites = &self.sites;
        let asks =
            self.catch_up.due(now, most, |gateway| sites.get(gateway).is_some_and(|site| !site.is_offline));
        let mut due = Vec::new();
        for Asks { gateway, wanted, is_silent } in asks {
            if is_silent {
                self.complain(&gateway, SILENT);
            }
            due.push((gateway, wanted));
        }
        due
    }

    /// What is to be told of messages that were not taken.
    pub fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// A message of that gateway has arrived, which the broker may have retained; returns the gateway's number, and what it has
    /// read.
    pub fn heard(
        &mut self,
        gateway: &str,
        about: About<'_>,
        payload: &[u8],
        is_retained: bool,
        now: Stamp,
    ) -> Option<(usize, Vec<RemoteReading>)> {
        if payload.is_empty() {
            self.is_changed |= match about {
                About::Status => {
                    self.alarms.forget(gateway);
                    self.sites.remove(gateway).is_some()
                }
                About::Fridge(id) => {
                    self.sites.get_mut(gateway).is_some_and(|site| site.fridges.remove(id).is_some())
                }
                About::Alarms => {
                    if self.sites.contains_key(gateway) {
                        self.alarms.set(gateway, SiteAlarms::default());
                    }
                    false
                }
                About::Readings | About::Alarm | About::Answer(_) | About::Acted => false,
            };
            return None;
        }
        let taken = match about {
            About::Status => message::read(payload).map(|status| self.take_status(gateway, status)),
            About::Fridge(topic) => message::read(payload)
                .and_then(|state| self.take_state(gateway, topic, &state, is_retained, now)),
            About::Readings => message::read(payload)
                .map(|readings| self.take_readings(gateway, &readings, is_retained, now)),
            About::Alarms => message::read(payload).map(|alarms| {
                self.take_alarms_of(gateway, alarms, is_retained, now);
                None
            }),
            About::Alarm => message::read(payload).map(|alarm| {
                self.take_alarm(gateway, &alarm, is_retained, now);
                None
            }),
            About::Answer(to) if to == self.own && !is_retained => message::read(payload).map(|answer| {
                self.take_answer(gateway, &answer, now);
                None
            }),
            // Who waits for it takes it.
            About::Answer(_) | About::Acted => Ok(None),
        };
        match taken {
            Ok(readings) => readings.filter(|(_, readings)| !readings.is_empty()),
            Err(unfit) => {
                self.complain_of(gateway, unfit);
                None
            }
        }
    }

    fn take_status(&mut self, gateway: &str, status: Status) -> Option<(usize, Vec<RemoteReading>)> {
        let takes_acts = status.acts_from.contains(&self.own);
        let site = self.site(gateway)?;
        let name = status.name.as_deref().and_then(message::name).map(str::to_owned);
        let is_changed = site.name != name;
        (site.name, site.is_offline) = (name, status.is_offline());
        site.takes_acts = takes_acts;
        let is_other = site.set_simulated(status.simulated);
        if site.is_offline {
            self.alarms.doubt(gateway);
        }
        self.catch_up.set_simulated(gateway, status.simulated);
        self.is_changed |= is_changed || is_other;
        None
    }

    fn take_state(
        &mut self,
        gateway: &str,
        topic: &str,
        state: &State,
        is_retained: bool,
        now: Stamp,
    ) -> Result<Option<(usize, Vec<RemoteReading>)>, Unfit> {
        let id = message::id(&state.id).filter(|id| level(id) == topic).ok_or(Unfit::Foreign)?;
        let name = message::name(&state.name).ok_or(Unfit::Foreign)?;
        let group = state.group.as_deref().map(|group| message::name(group).ok_or(Unfit::Foreign));
        let group = group.transpose()?.map(str::to_owned);
        let probe = self.numbers().fridge(gateway, id);
        let (Some(probe), Some(site)) = (probe, self.site(gateway)) else {
            if !std::mem::replace(&mut self.is_full, true) {
                self.complaints.push(format!(
                    "the gateway `{gateway}` has more fridges than can be shown, and so may others"
                ));
            }
            return Ok(None);
        };
        self.is_changed |= site.set_simulated(state.simulated);
        self.catch_up.set_simulated(gateway, state.simulated);
        let stale_after = state.stale_after_s.map_or(USUAL_STALE_AFTER, Duration::from_secs);
        let described = Described {
            probe,
            name: name.to_owned(),
            group,
            limits: state.limits(),
            out_of_service: state.is_out_of_service(),
            stale_after: stale_after.min(LONGEST_STALE_AFTER),
        };
        let Some(site) = self.sites.get_mut(gateway) else { return Ok(None) };
        let before = site.fridges.insert(id.to_owned(), described.clone());
        if before.is_none() {
            self.catch_up.archive().restore([(gateway.to_owned(), id.to_owned(), probe)]);
        }
        self.is_changed |= before.as_ref() != Some(&described);
        // How old it is what the broker has retained nobody can say: clocks may be wrong.
        if is_retained {
            return Ok(None);
        }
        site.arrived(state.boot.as_deref(), state.t, now);
        let reading = state.present().filter(|_| !site.is_offline).and_then(|(sample, read)| {
            let at = site.offset.here(read, now)?;
            Some(RemoteReading { probe, sample, at, stale_after: described.stale_after })
        });
        Ok(Some((site.number, reading.into_iter().collect())))
    }

    fn take_readings(
        &mut self,
        gateway: &str,
        message: &Readings,
        is_retained: bool,
        now: Stamp,
    ) -> Option<(usize, Vec<RemoteReading>)> {
        // Nobody has it retained but who forges it.
        let site = self.sites.get_mut(gateway).filter(|_| !is_retained)?;
        if !message.late {
            site.arrived(message.boot.as_deref(), message.t, now);
        }
        let is_right = site.offset.is_right(now);
        if is_right == Some(true) {
            self.catch_up.heard(gateway, message, now);
        } else {
            self.catch_up.distrusted(gateway);
        }
        if message.late {
            if is_right == Some(true) {
                self.show_past(gateway, &message.readings, now);
            }
            return None;
        }
        let offset = site.offset;
        let reading = |reading: &message::Reading| {
            let fridge = site.fridges.get(&reading.id).filter(|_| !site.is_offline)?;
            let (sample, at) = (reading.sample()?, offset.here(reading.t, now)?);
            Some(RemoteReading { probe: fridge.probe, sample, at, stale_after: fridge.stale_after })
        };
        let readings = message.readings.iter().filter_map(reading).collect();
        let number = site.number;
        if is_right == Some(false) || ClockOffset::is_apart(message.t, now) {
            self.complain(gateway, WRONG_CLOCK);
        }
        Some((number, readings))
    }

    /// What was read in the past belongs to the last 24 hours, and says nothing of the present.
    fn show_past(&self, gateway: &str, readings: &[message::Reading], now: Stamp) {
        let Some(site) = self.sites.get(gateway) else { return };
        for reading in readings {
            if let Some(fridge) = site.fridges.get(&reading.id) {
                self.catch_up.archive().show(fridge.probe, reading, &now);
            }
        }
    }

    /// Of a change of an alarm only its number counts: which are open is said elsewhere.
    fn take_alarm(&mut self, gateway: &str, alarm: &Numbered, is_retained: bool, now: Stamp) {
        let Some(site) = self.sites.get(gateway).filter(|_| !is_retained) else { return };
        match site.offset.is_right(now) {
            Some(true) => self.catch_up.numbered(gateway, alarm, true),
            _ => self.catch_up.distrusted(gateway),
        }
    }

    fn take_answer(&mut self, gateway: &str, answer: &Answer, now: Stamp) {
        let is_right = self.sites.get(gateway).and_then(|site| site.offset.is_right(now));
        if is_right == Some(true) && self.catch_up.answered(gateway, answer, now) {
            self.show_past(gateway, &answer.readings, now);
        }
    }

    fn take_alarms_of(&mut self, gateway: &str, message: message::Alarms, is_retained: bool, now: Stamp) {
        // One is known by its status; what a broker retains of one that is gone for good is nobody's.
        let Some(site) = self.sites.get_mut(gateway) else { return };
        if !is_retained {
            site.arrived(message.boot.as_deref(), message.t, now);
        }
        let name = site.name.clone().unwrap_or_else(|| gateway.to_owned());
        let (mut told, is_understood) =
            alarms::read(message, (gateway, &name), &site.offset, is_retained, now);
        told.at = told.at.filter(|_| !site.is_offline);
        if !is_understood {
            self.complain(gateway, "has alarms that this version does not understand");
        }
        if !self.alarms.set(gateway, told) {
            self.complain(gateway, "has more open alarms than can be shown");
        }
    }

    fn site(&mut self, gateway: &str) -> Option<&mut Site> {
        if !self.sites.contains_key(gateway) {
            let number = self.numbers().site(gateway)?;
            self.sites.insert(gateway.to_owned(), Site { number, ..Site::default() });
            self.is_changed = true;
        }
        self.sites.get_mut(gateway)
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain_of(&mut self, gateway: &str, unfit: Unfit) {
        self.complain(
            gateway,
            match unfit {
                Unfit::Schema(_) => {
                    "publishes another version of the format than this one: upgrade the older of the two"
                }
                Unfit::Foreign => "publishes messages that this version does not understand",
            },
        );
    }

    /// Complains once of each thing that a gateway does; of one that is not followed nothing is kept.
    fn complain(&mut self, gateway: &str, what: &'static str) {
        debug_assert!(RIGHT.as_secs() == 60, "as the sentence says");
        let Some(site) = self.sites.get_mut(gateway) else { return };
        if site.complained.insert(what) && self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(format!("the gateway `{gateway}` {what}"));
        }
    }
}

#[cfg(test)]
mod tests;
