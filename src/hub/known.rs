//! What there is to be shown of other gateways.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::numbers::Numbers;
use super::site::{Described, Site};
use crate::fridge::{Fridge, Limits, names};
use crate::state::BusInfo;
use crate::text;

/// The other gateways by their numbers, and their fridges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The gateways.
    pub sites: Vec<BusInfo>,
    /// Their fridges.
    pub fridges: Vec<Fridge>,
    /// Those of the gateways that are followed at present.
    pub followed: BTreeSet<String>,
}

impl Known {
    /// These. Each fridge is called by its gateway and its name there, such as "North Milk"; where several would have the same
    /// name, each of them by its id.
    pub fn of(all: &BTreeMap<String, Site>, numbers: &Numbers) -> Known {
        let simulated = |gateway: &str| all.get(gateway).is_some_and(|site| site.simulated);
        let sites = numbers.gateways().into_iter().map(|gateway| info(gateway, simulated(gateway))).collect();
        let name = |gateway: &str, site: &Site, fridge: &Described| {
            text::of_site(site.name.as_deref().unwrap_or(gateway), &fridge.name)
        };
        let mut same: HashMap<String, usize> = HashMap::new();
        for (gateway, site) in all {
            for fridge in site.fridges.values() {
                *same.entry(names::fold(&name(gateway, site, fridge))).or_default() += 1;
            }
        }
        let mut fridges = Vec::new();
        for (gateway, site) in all {
            let site_name: Arc<str> = Arc::from(gateway.as_str());
            for (id, described) in &site.fridges {
                let full = format!("{gateway}.{id}");
                let name = name(gateway, site, described);
                let is_one = same.get(&names::fold(&name)) == Some(&1);
                let Described { probe, limits, out_of_service, .. } = *described;
                // Without limits it has no rules: those are its own gateway's.
                let name = if is_one { name } else { full.clone() };
                let fridge = Fridge::new(name, probe, Limits::default());
                fridges.push(Fridge {
                    id: full,
                    group: described.group.clone(),
                    limits,
                    out_of_service,
                    site: Some(Arc::clone(&site_name)),
                    ..fridge
                });
            }
        }
        Known { sites, fridges, followed: all.keys().cloned().collect() }
    }

    /// None of them is shown any more, and none's number given to another.
    pub fn nobody(numbers: &Numbers) -> Known {
        let sites = numbers.gateways().into_iter().map(|gateway| info(gateway, false));
        Known { sites: sites.collect(), ..Known::default() }
    }
}

/// Another gateway as a bus. Its readings have each their own age beyond which they are stale.
fn info(gateway: &str, simulated: bool) -> BusInfo {
    /// The usual one.
    const PERIOD: Duration = Duration::from_secs(10);
    BusInfo { name: gateway.to_owned(), simulated, period: PERIOD }
}
