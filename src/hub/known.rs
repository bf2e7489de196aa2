//! What there is to be shown of other gateways.

use std::collections::BTreeSet;
use std::time::Duration;

use super::numbers::Numbers;
use crate::fridge::Fridge;
use crate::state::BusInfo;

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
    /// None of them is shown any more, and none's number given to another.
    pub fn nobody(numbers: &Numbers) -> Known {
        let sites = numbers.gateways().into_iter().map(|gateway| info(gateway, false));
        Known { sites: sites.collect(), ..Known::default() }
    }
}

/// Another gateway as a bus. Its readings have each their own age beyond which they are stale.
pub fn info(gateway: &str, simulated: bool) -> BusInfo {
    /// The usual one.
    const PERIOD: Duration = Duration::from_secs(10);
    BusInfo { name: gateway.to_owned(), simulated, period: PERIOD }
}
