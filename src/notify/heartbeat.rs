//! A heartbeat: a URL that is asked while the gateway lives, so that whoever watches it notices a dead one.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::Reporter;
use super::client::Client;

/// Asks every so often, for ever. A failure is said once.
pub async fn run(reporter: Reporter, client: Client, every: Duration) {
    let target = &reporter.target;
    let mut beats = interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        beats.tick().await;
        let failure = match client.get().await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(answer.status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        match &failure {
            Some(reason) => reporter.failed(reason),
            None => reporter.arrived(),
        }
        match (&failure, is_failing) {
            (Some(reason), false) => warn!(target, "the heartbeat fails: {reason}"),
            (None, true) => info!(target, "the heartbeat is heard again"),
            _ => {}
        }
        is_failing = failure.is_some();
    }
}
