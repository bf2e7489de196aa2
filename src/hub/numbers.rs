//! The numbers of other gateways and of their fridges. One is never given twice: what is known of a sensor in memory is
//! known by its number, and must not be taken for another's.

use std::collections::HashMap;

use crate::reading::ProbeId;

/// So many gateways are followed …
pub const MOST_SITES: usize = 4_000;
/// … so many fridges of one …
pub const MOST_FRIDGES: usize = 1_000;
/// … and so many of all: the last 24 hours of one take 6 kB.
pub const MOST_IN_ALL: usize = 25_000;

/// The numbers that were given.
#[derive(Debug, Default)]
pub struct Numbers {
    sites: HashMap<String, Site>,
    fridges: usize,
}

#[derive(Debug, Default)]
struct Site {
    number: usize,
    fridges: HashMap<String, usize>,
}

impl Numbers {
    /// That of a gateway; `None` where there are too many.
    pub fn site(&mut self, gateway: &str) -> Option<usize> {
        let next = self.sites.len();
        if let Some(site) = self.sites.get(gateway) {
            return Some(site.number);
        }
        (next < MOST_SITES).then(|| {
            self.sites.insert(gateway.to_owned(), Site { number: next, ..Site::default() });
            next
        })
    }

    /// That of a fridge; `None` where there are too many.
    pub fn fridge(&mut self, gateway: &str, id: &str) -> Option<ProbeId> {
        let (number, is_full) = (self.site(gateway)?, self.fridges >= MOST_IN_ALL);
        let fridges = &mut self.sites.get_mut(gateway)?.fridges;
        let next = fridges.len();
        let fridge = match fridges.get(id) {
            Some(known) => *known,
            None if next < MOST_FRIDGES && !is_full => {
                self.fridges += 1;
                *fridges.entry(id.to_owned()).or_insert(next)
            }
            None => return None,
        };
        Some(ProbeId::remote(number, fridge))
    }

    /// The gateways in the order of their numbers.
    pub fn gateways(&self) -> Vec<&str> {
        let mut all: Vec<(&str, usize)> =
            self.sites.iter().map(|(gateway, site)| (gateway.as_str(), site.number)).collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(gateway, _)| gateway).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once_and_not_without_end() {
        let mut numbers = Numbers::default();
        let milk = numbers.fridge("north", "milk");
        assert_eq!(milk, Some(ProbeId::remote(0, 0)));
        assert_eq!(numbers.fridge("south", "milk"), Some(ProbeId::remote(1, 0)));
        assert_eq!(numbers.fridge("north", "meat"), Some(ProbeId::remote(0, 1)));
        assert_eq!((numbers.fridge("north", "milk"), milk.unwrap().site()), (milk, Some(0)));
        assert_eq!(numbers.gateways(), ["north", "south"]);
        let known = (0..2 * MOST_FRIDGES).filter_map(|id| numbers.fridge("north", &id.to_string()));
        assert_eq!(known.count(), MOST_FRIDGES - 2);
        let all = (0..MOST_IN_ALL).filter_map(|id| numbers.fridge(&(id / 900).to_string(), &id.to_string()));
        assert_eq!(all.count(), MOST_IN_ALL - MOST_FRIDGES - 1);
        let known = (0..2 * MOST_SITES).filter_map(|gateway| numbers.site(&gateway.to_string()));
        assert_eq!(known.count(), MOST_SITES - 2, "with those above");
        assert_eq!(numbers.site("south"), Some(1), "those that are known stay so");
    }
}
