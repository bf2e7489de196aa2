//! What the commands about the past work on: the state folder's files, the fridges by their names, the zone.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::{FileOptions, rules, terminal};
use crate::config::{self, Config};
use crate::fridge::{Fridge, Limits, names};
use crate::history::{Kept, Past, period};
use crate::hub::{self, PastOfAll};
use crate::reading::ProbeId;
use crate::socket::{self, Question};
use crate::store;
use crate::text::Units;
use crate::{daemon, host};

/// A time without an end or a begin reaches as far as anything is known.
const TIMES: &str = "such as 2026-03-01, march, sunday, 7d, or \"tuesday 02:10\"";

/// The past, and whose it is.
pub struct Archive {
    /// The state folder.
    pub folder: PathBuf,
    /// What is kept there.
    pub past: PastOfAll,
    /// The fridges of the configuration; without one, those that the past knows.
    pub fridges: Vec<Fridge>,
    /// Where days begin.
    pub zone: TimeZone,
    /// The name of the gateway, where it has one.
    pub gateway: Option<String>,
    /// The unit of temperatures.
    pub units: Units,
    /// Whether the configuration's buses are simulated.
    pub is_simulated: bool,
}

impl Archive {
    /// Opens what is kept, and gives way to the gateway from then on. One that runs is asked to write what it has not
    /// written yet.
    pub fn open(files: &FileOptions) -> anyhow::Result<Archive> {
        host::give_way();
        // Where none runs, or another user's, what is on the disk is all there is.
        drop(socket::ask(&files.sockets(), &Question::Flush));
        let config = match files.load() {
            Ok(config) => Some(config),
            Err(problems) => {
                // Without one, fridges go by their ids.
                if files.config_path().is_ok_and(|path| path.exists()) {
                    terminal::progress(&format!(
                        "fridges go by their ids, and limits are not known: {problems}"
                    ));
                }
                None
            }
        };
        let state = files.state();
        let simulated = state.join(config::SIMULATED);
        let folder = match &config {
            Some(config) => config.databases(&state),
            // Without one, it is what is there.
            None if !state.join(store::HISTORY).exists() && simulated.exists() => simulated.clone(),
            None => state,
        };
        let others = hub::Archive::new(&folder, Arc::default(), daemon::clock());
        let past = PastOfAll::new(Kept::new(&folder, None, daemon::clock()), Arc::new(others));
        let known = past.fridges().map_err(|error| with_cure(error.into(), &folder))?;
        let gateway = config.as_ref().and_then(|config| config.site.name.clone());
        let units = config.as_ref().map(|config| config.site.units).unwrap_or_default();
        let is_simulated = folder == simulated || config.as_ref().is_some_and(Config::is_simulated);
        let mut fridges = config.map(|config| config.site.fridges).unwrap_or_default();
        // One that was taken out of the configuration has a past, too.
        let unknown: Vec<String> =
            known.into_iter().filter(|id| !fridges.iter().any(|fridge| fridge.id == *id)).collect();
        fridges.extend(
            unknown.into_iter().filter(|id| !id.is_empty()).map(|id| Fridge {
                id: id.clone(),
                ..Fridge::new(id, ProbeId::new(0, 0), Limits::default())
            }),
        );
        Ok(Archive { folder, past, fridges, zone: host::time_zone().0, gateway, units, is_simulated })
    }

    /// The fridges that a person means by these words, each a part of a name; all for none.
    pub fn named(&self, typed: &[String]) -> anyhow::Result<Vec<&Fridge>> {
        if typed.is_empty() {
            return Ok(self.fridges.iter().collect());
        }
        let mut found: Vec<&Fridge> = Vec::new();
        for name in typed {
            let folded = names::fold(name);
            let is_of_group =
                |fridge: &&Fridge| fridge.group.as_ref().is_some_and(|group| names::fold(group) == folded);
            let of_group: Vec<&Fridge> = self.fridges.iter().filter(is_of_group).collect();
            let meant = if of_group.is_empty() { rules::named(name, &self.fridges)? } else { of_group };
            for fridge in meant {
                if !found.iter().any(|known| known.id == fridge.id) {
                    found.push(fridge);
                }
            }
        }
        Ok(found)
    }

    /// The present moment on the wall's clock.
    pub fn now(&self) -> ZonedDateTime {
        Timestamp::now().to_zoned_datetime(self.zone.clone())
    }

    /// A moment on the wall's clock.
    pub fn local(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.zone.clone())
    }

    /// From the begin of one time to the end of another, as people say them.
    pub fn between(&self, from: Option<&str>, to: Option<&str>) -> anyhow::Result<(Timestamp, Timestamp)> {
        let now = self.now();
        let period = |words: &str| {
            // "tuesday 02:10" is a moment: as a time it lasts until now.
            period::of(words, &now)
                .or_else(|| period::of(&format!("since {words}"), &now))
                .with_context(|| format!("`{words}` is not a time; write one {TIMES}"))
        };
        let extent = self.past.extent()?;
        let (first, last) = extent.unwrap_or((now.timestamp(), now.timestamp()));
        let from = from.map_or(Ok(first), |words| period(words).map(|period| period.from))?;
        let to = match to {
            None => last.max(now.timestamp()),
            // The end of "sunday" is its midnight; that of a moment is itself.
            Some(words) => match period::of(words, &now) {
                Some(period) => period.to,
                None => period(words)?.from,
            },
        };
        // Of nothing, nothing is asked for.
        if from >= to && extent.is_some() {
            bail!("from {from} to {to}: the start must come before the end");
        }
        Ok((from, to))
    }
}

/// An error about the state folder, with what helps.
pub fn with_cure(error: anyhow::Error, folder: &std::path::Path) -> anyhow::Error {
    let said = error.to_string();
    let is_denied =
        std::fs::read_dir(folder).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    if !folder.exists() && !is_denied {
        return error.context(format!("there is no folder {}; another: --state", folder.display()));
    }
    if is_denied || said.contains("unable to open") || said.contains("readonly") {
        return error.context(format!("{} belongs to the gateway: try again with sudo", folder.display()));
    }
    error
}
