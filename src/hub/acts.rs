//! What people here want other gateways to do: on its way, until these say what became of it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::info;

use super::message;
use crate::gateway::{Carried, CarryError};
use crate::mqtt::{Error, Link, Publication};
use crate::notify::mqtt::acts::{Deed, Outcome, Request};
use crate::notify::mqtt::{SCHEMA, Topics};
use crate::reading::Stamp;

/// So many wait for an answer at once.
const MOST: usize = 64;
/// A broker need not keep what nobody waits for any more.
const EXPIRY: Duration = Duration::from_secs(10);

/// Those that wait for an answer, by the ids of their requests.
#[derive(Default)]
pub struct Waiting(HashMap<String, Waits>);

struct Waits {
    site: String,
    done: oneshot::Sender<Result<(), CarryError>>,
}

impl Waiting {
    /// Sends what is to be done to its gateway, in the name of `own`.
    ///
    /// # Errors
    /// Of the connection.
    pub fn send(&mut self, carried: Carried, own: &str, link: &mut Link, now: Stamp) -> Result<(), Error> {
        let Carried { site, act, user, done } = carried;
        self.0.retain(|_, waits| !waits.done.is_closed());
        let deed = match Deed::of(act) {
            None => Err(CarryError::OnlyThere),
            Some(_) if self.0.len() >= MOST || !link.has_room() => Err(CarryError::Busy),
            Some(deed) => Ok(deed),
        };
        let deed = match deed {
            Ok(deed) => deed,
            Err(why) => {
                // Who asked may be gone.
                drop(done.send(Err(why)));
                return Ok(());
            }
        };
        let id = format!("{:016x}", fastrand::u64(..));
        let request = Request { schema: SCHEMA, t: now.wall, id: id.clone(), by: user, deed };
        // It has no maps with other keys than text, so it always has a JSON.
        let payload = serde_json::to_vec(&request).unwrap_or_default();
        info!(site, request = id, "something is to be done by another gateway");
        let topic = Topics::acts(&site, own);
        self.0.insert(id, Waits { site, done });
        match link.publish(Publication { topic, payload, is_retained: false, expiry: Some(EXPIRY) }) {
            // Nobody confirms it: that is what is told.
            Ok(_) | Err(Error::Protocol(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A gateway says what became of something.
    pub fn heard(&mut self, gateway: &str, own: &str, payload: &[u8]) {
        let Ok(Outcome { to, id, error }) = message::read(payload) else { return };
        if to != own || self.0.get(&id).is_none_or(|waits| waits.site != gateway) {
            return;
        }
        let Some(Waits { done, .. }) = self.0.remove(&id) else { return };
        let outcome = match error {
            None => Ok(()),
            Some(why) => Err(CarryError::Refused(
                message::name(&why).unwrap_or("for no reason that it gives").to_owned(),
            )),
        };
        // Who asked may be gone.
        drop(done.send(outcome));
    }

    /// The connection is gone: what was sent may be done, and nobody will say so.
    pub fn give_up(&mut self) {
        for (_, waits) in self.0.drain() {
            // Who asked may be gone.
            drop(waits.done.send(Err(CarryError::Unconfirmed)));
        }
    }
}
