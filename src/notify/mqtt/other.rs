//! Whether another gateway publishes under the same name, before anything is published; and why a connection can go no
//! further.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::identity::{Identity, Writer};
use super::{Ending, Topics};
use crate::mqtt::{Error, Event, Link};
use crate::reading::Stamp;

/// What a status leaves in doubt is cleared by the next: every minute, or by the will.
const DOUBT: Duration = Duration::from_secs(65);

/// A connection that can go no further.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It broke off, or there was none.
    #[error(transparent)]
    Link(#[from] Error),
    #[error(
        "another gateway already publishes as `{0}` on this broker: give one of the two another `gateway` in [mqtt]"
    )]
    Other(String),
    /// The broker does not take what comes, for now.
    #[error("{0}")]
    Refused(String),
    /// It is to end.
    #[error("ended")]
    Ended(Ending),
}

/// Waits until it is to end; where nobody can say so any more, it is.
pub async fn ending(ends: &mut watch::Receiver<Ending>) -> Ending {
    ends.wait_for(|ending| *ending != Ending::None).await.map_or(Ending::Stop, |ending| *ending)
}

/// Looks whether another gateway publishes under the same name. In doubt, it listens for a minute.
///
/// # Errors
/// [`Failure::Other`] where there is one; the others where the connection ends before that.
pub async fn look(
    link: &mut Link,
    topics: &Topics,
    identity: &Identity,
    now: impl Fn() -> Stamp,
    ends: &mut watch::Receiver<Ending>,
) -> Result<(), Failure> {
    let status = topics.status();
    link.subscribe(&status)?;
    link.ping()?;
    let mut until = None;
    loop {
        let event = tokio::select! {
            event = link.next() => event?,
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return Ok(()),
            ending = ending(ends) => return Err(Failure::Ended(ending)),
        };
        match event {
            Event::Message(message) if message.topic == status => {
                match identity.writer(&message.payload, message.is_retained, &now()) {
                    Writer::Other { .. } => return Err(Failure::Other(topics.gateway.clone())),
                    Writer::Doubtful => until = Some(Instant::now() + DOUBT),
                    Writer::Ended if until.is_some() => return Ok(()),
                    Writer::Nobody | Writer::Ended => {}
                }
            }
            Event::NotSubscribed(_, reason) => {
                info!(
                    "cannot check whether another gateway publishes as `{}`: the broker refuses the subscription: {reason}",
                    topics.gateway
                );
            }
            Event::Pong if until.is_none() => return Ok(()),
            _ => {}
        }
    }
}
