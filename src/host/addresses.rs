//! This machine's names and addresses, as others reach it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};

/// The names under which this machine may be asked: its host name, that with `.local`, `localhost`,
/// and every address that stays: no link-local ones, and none that IPv6 makes for privacy.
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    // The first is not to be seen where the service runs with few rights.
    let host =
        ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|file| fs::read_to_string(file).ok());
    if let Some(host) = host {
        let host = host.trim().to_lowercase();
        if !host.is_empty() && host.is_ascii() {
            let local = format!("{}.local", host.split('.').next().unwrap_or(&host));
            names.extend([host, local]);
        }
    }
    names.push(String::from("localhost"));
    names.extend(stable_addresses().iter().map(IpAddr::to_string));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The addresses of this machine that stay, its loopback ones included.
pub fn stable_addresses() -> Vec<IpAddr> {
    let passing = passing_ipv6(&fs::read_to_string("/proc/net/if_inet6").unwrap_or_default());
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|address| match address {
            IpAddr::V4(address) => !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local() && !passing.contains(address),
        })
        .chain([IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()])
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// This machine as others reach it, ready for a URL; IPv4 where it has that.
pub fn own_address() -> Option<String> {
    let addresses = stable_addresses();
    let outside = addresses.iter().filter(|address| !address.is_loopback());
    outside.clone().find(|address| address.is_ipv4()).or_else(|| outside.clone().next()).map(|address| {
        match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }
    })
}

/// The addresses that the kernel marks as temporary, deprecated or not usable yet: the fifth column
/// of /proc/net/if_inet6 holds the flags (linux/if_addr.h).
fn passing_ipv6(table: &str) -> BTreeSet<Ipv6Addr> {
    const TEMPORARY: u32 = 0x01;
    const DAD_FAILED: u32 = 0x08;
    const DEPRECATED: u32 = 0x20;
    const TENTATIVE: u32 = 0x40;
    table
        .lines()
        .filter_map(|line| {
            let mut columns = line.split_whitespace();
            let address = u128::from_str_radix(columns.next()?, 16).ok()?;
            let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
            let passing = flags & (TEMPORARY | DAD_FAILED | DEPRECATED | TENTATIVE) != 0;
            passing.then_some(Ipv6Addr::from(address))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_and_deprecated_addresses_are_told_by_their_flags() {
        let table = "fd000000000000000000000000000001 02 40 00 80     eth0\n\
                     fd0000000000000000000000000000ff 02 40 00 01     eth0\n\
                     fd0000000000000000000000000000fe 02 40 00 20     eth0\nnonsense\n";
        let passing: Vec<String> = passing_ipv6(table).iter().map(Ipv6Addr::to_string).collect();
        assert_eq!(passing, ["fd00::fe", "fd00::ff"]);
    }
}
