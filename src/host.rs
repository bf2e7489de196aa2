//! This machine: who runs us, its users and groups, its names and addresses, its supply.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

mod addresses;
pub mod undervoltage;

pub use addresses::{names, own_address, stable_addresses};

/// The user and group that the package makes for the service.
pub const SERVICE: &str = "fridge";

/// Whether root runs this process.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// From now on this process gets what the others of its session leave of the processors.
pub fn give_way() {
    // Where that is not allowed, it is only as important as before.
    let _niceness = rustix::process::nice(19);
}

/// How long this computer has been running, sleep included.
pub fn uptime() -> Duration {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(uptime.tv_sec.try_into().unwrap_or(0), uptime.tv_nsec.try_into().unwrap_or(0))
}

/// The machine's time zone; UTC and a warning where `TZ` or /etc/localtime names one that it does not know.
pub fn time_zone() -> (TimeZone, Option<String>) {
    match TimeZone::try_system() {
        Ok(zone) => (zone, None),
        Err(_) => {
            let warning = match std::env::var("TZ") {
                Ok(zone) => format!(
                    "the environment variable TZ names an unknown time zone, `{zone}`, so times are in UTC: unset it, or correct it"
                ),
                Err(_) => String::from(
                    "the machine's time zone is not known, so times are in UTC: set one, for example `sudo timedatectl set-timezone Europe/London`",
                ),
            };
            (TimeZone::UTC, Some(warning))
        }
    }
}

/// The id of a user, by the machine's table below `root`.
pub fn user_id(root: &Path, name: &str) -> Option<u32> {
    id_in(&fs::read_to_string(root.join("etc/passwd")).ok()?, name)
}

/// The id of a group, by the machine's table below `root`.
pub fn group_id(root: &Path, name: &str) -> Option<u32> {
    id_in(&fs::read_to_string(root.join("etc/group")).ok()?, name)
}

/// The number of a group in the table of /etc/group, or of a user in that of /etc/passwd.
fn id_in(table: &str, name: &str) -> Option<u32> {
    table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
}

/// The supplementary groups of a process, by /proc/PID/status.
pub fn supplementary_groups(pid: i32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{pid}/status")).map(|status| groups_in(&status)).unwrap_or_default()
}

fn groups_in(status: &str) -> Vec<u32> {
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_as_the_system_writes_them() {
        let table = "root:x:0:\nfridgeadmins:x:7:\nfridge:x:998:anna,bob\n";
        assert_eq!((id_in(table, "fridge"), id_in(table, "nobody")), (Some(998), None));
        let status = "Name:\tfridge\nGid:\t1\t1\t1\t1\nGroups:\t27 998 \nNStgid:\t1\n";
        assert_eq!(groups_in(status), [27, 998]);
    }
}
