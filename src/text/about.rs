//! What `about` says.

use std::time::Duration;

use super::duration;

/// The heads of the table of buses.
pub const BUS: &str = "Bus";
/// How many probes it has.
pub const PROBES: &str = "Probes";
/// The head of the table of other gateways.
pub const GATEWAY: &str = "Gateway";
/// How many fridges it has.
pub const FRIDGES: &str = "Fridges";
/// The configuration's file was refused.
pub const LAST_GOOD: &str = "The configuration's file was refused, so the last good one is in use: see `fridge check` and `fridge doctor`.";
/// How it is.
pub const STATE: &str = "State";

/// The gateway itself.
pub fn about(version: &str, up: Duration, asked: Option<u64>) -> String {
    let asked = match asked {
        None => String::new(),
        Some(1) => String::from(", 1 question answered"),
        Some(asked) => format!(", {asked} questions answered"),
    };
    format!("fridge {version}, up for {}{asked}", duration(up))
}

/// How a bus is.
pub fn bus_state(age: Option<Duration>, fresh: bool, fault: Option<&str>) -> String {
    match (age, fault) {
        (_, Some(fault)) => fault.to_owned(),
        (None, None) => String::from("no sweep yet"),
        (Some(age), None) if fresh => format!("last sweep {} ago", duration(age)),
        (Some(age), None) => format!("no sweep for {}", duration(age)),
    }
}

/// How another gateway is: how many of its fridges have a fresh reading, and how old the newest one is.
pub fn gateway_state(with_value: usize, fridges: usize, age: Option<Duration>) -> String {
    match age {
        None => String::from("no reading yet"),
        Some(age) if with_value == 0 => format!("no reading for {}", duration(age)),
        Some(age) if with_value == fridges => format!("last reading {} ago", duration(age)),
        Some(age) => format!(
            "last reading {} ago; fridges without a fresh one: {}",
            duration(age),
            fridges - with_value
        ),
    }
}
